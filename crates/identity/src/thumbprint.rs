//! The SHA-256 of a key (RFC 7638) or of a certificate (RFC 8705 §3.1): what a token is bound to is named by it.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use crate::jose::object::Object;
use crate::jose::{decode_base64url, encode_base64url};

/// A SHA-256 digest. It names something public, so comparing two needs no care.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// That of a certificate, over its DER.
    pub fn of_certificate(der: &[u8]) -> Self {
        Self::of(der)
    }

    /// That of a public JWK, over the members that its kind of key cannot be without (RFC 7638 §3.2, RFC 8037 §2). `None`
    /// where one is missing or the kind is unknown.
    pub fn of_jwk(jwk: &Object) -> Option<Self> {
        // In the order of their names, as §3.3 asks.
        let members: &[&str] = match jwk.get("kty")?.as_str()? {
            "EC" => &["crv", "kty", "x", "y"],
            "OKP" => &["crv", "kty", "x"],
            "RSA" => &["e", "kty", "n"],
            _ => return None,
        };
        let member = |name: &&str| {
            let value = jwk.get(*name).filter(|value| value.is_string())?;
            Some(format!("\"{name}\":{value}"))
        };
        let members: Option<Vec<String>> = members.iter().map(member).collect();
        Some(Self::of(format!("{{{}}}", members?.join(",")).as_bytes()))
    }

    /// From its only spelling in base64url.
    pub fn from_base64url(text: &str) -> Option<Self> {
        decode_base64url(text)?.try_into().ok().map(Self)
    }

    /// In a JSON value, spelt so.
    pub fn of_value(value: &Value) -> Option<Self> {
        Self::from_base64url(value.as_str()?)
    }

    /// The octets.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn of(octets: &[u8]) -> Self {
        let mut sum = [0; 32];
        // The digest has exactly this length.
        for (to, from) in sum.iter_mut().zip(digest(&SHA256, octets).as_ref()) {
            *to = *from;
        }
        Self(sum)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_base64url(&self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of_jwk(jwk: Value) -> Option<String> {
        match jwk {
            Value::Object(jwk) => Thumbprint::of_jwk(&jwk).map(|thumbprint| thumbprint.to_string()),
            _ => panic!("not an object"),
        }
    }

    /// RFC 7638 §3.1 and RFC 8037 appendix A.3.
    #[test]
    fn the_examples_of_the_rfcs() {
        let rsa = json!({
            "kty": "RSA",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n\
                  3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgd\
                  AZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCu\
                  r-kEgU8awapJzKnqDKgw",
            "e": "AQAB",
            "alg": "RS256",
            "kid": "2011-04-29",
        });
        assert_eq!(
            of_jwk(rsa).as_deref(),
            Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
        );
        let okp = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        assert_eq!(
            of_jwk(okp).as_deref(),
            Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
        );
    }

    #[test]
    fn what_is_no_public_key_has_none() {
        for jwk in [
            json!({}),
            json!({"kty": "oct", "k": "AAAA"}),
            json!({"kty": "EC", "crv": "P-256", "x": "AAAA"}),
            json!({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": 1}),
            json!({"kty": 1}),
        ] {
            assert_eq!(of_jwk(jwk.clone()), None, "{jwk}");
        }
    }

    #[test]
    fn has_one_spelling() {
        let text = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
        assert_eq!(
            Thumbprint::from_base64url(text).map(|it| it.to_string()).as_deref(),
            Some(text)
        );
        for other in [
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4l",
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k=",
            "kPrK/qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            "kPrK",
            "",
        ] {
            assert_eq!(Thumbprint::from_base64url(other), None, "{other}");
        }
    }
}
