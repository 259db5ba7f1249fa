//! Private keys that sign.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding,
};
use portcullis_identity::jose::algorithm::SignatureAlgorithm;
use portcullis_identity::jose::encode_base64url;
use portcullis_identity::jose::key::Kid;
use portcullis_identity::jose::object::Object;
use portcullis_identity::thumbprint::Thumbprint;

use crate::jwk::Jwk;
use crate::load::LoadError;
use crate::{pem, public};

/// What a [`Signer`] signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    Ed25519,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
}

impl From<SigningAlgorithm> for SignatureAlgorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Es256 => Self::Es256,
            SigningAlgorithm::Ed25519 => Self::Ed25519,
            SigningAlgorithm::Rs256 => Self::Rs256,
            SigningAlgorithm::Ps256 => Self::Ps256,
        }
    }
}

/// A private key that signs with one algorithm.
pub struct Signer {
    kid: Option<Kid>,
    algorithm: SigningAlgorithm,
    key: Key,
}

enum Key {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(rsa::KeyPair, &'static dyn RsaEncoding),
}

/// The library could not sign; nothing is known of why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningFailed;

impl Signer {
    /// A new key.
    ///
    /// # Errors
    ///
    /// [`SigningFailed`] when the library gives none.
    pub fn generate(algorithm: SigningAlgorithm, kid: Option<Kid>) -> Result<Self, SigningFailed> {
        let key = match algorithm {
            SigningAlgorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Key::Ecdsa),
            SigningAlgorithm::Ed25519 => Ed25519KeyPair::generate().map(Key::Ed25519),
            SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => {
                rsa::KeyPair::generate(KeySize::Rsa2048).map(|pair| Key::rsa(pair, algorithm))
            }
        };
        let key = key.map_err(|_| SigningFailed)?;
        Ok(Self { kid, algorithm, key })
    }

    /// Reads PKCS#8 in PEM. The file does not say the algorithm, so its owner does.
    ///
    /// # Errors
    ///
    /// Files without exactly one private key, and keys of another type or size than the algorithm's.
    pub fn from_pem(pem: &str, algorithm: SigningAlgorithm, kid: Option<Kid>) -> Result<Self, LoadError> {
        let der = pem::read(pem)?;
        let key = match algorithm {
            SigningAlgorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.expose()).map(Key::Ecdsa)
            }
            SigningAlgorithm::Ed25519 => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.expose()).map(Key::Ed25519),
            SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => {
                rsa::KeyPair::from_pkcs8(der.expose()).map(|pair| Key::rsa(pair, algorithm))
            }
        };
        let key = key.map_err(|_| LoadError::KeyType)?;
        Ok(Self { kid, algorithm, key })
    }

    /// Reads a private JWK, which has an `alg`.
    ///
    /// # Errors
    ///
    /// Keys without `alg`, for something else, or whose halves do not belong together.
    pub fn from_jwk(octets: &[u8]) -> Result<Self, LoadError> {
        let jwk = Jwk::read(octets)?;
        jwk.check_purpose("sig", &["sign", "verify"])?;
        let algorithm = match jwk.optional_text("alg")?.ok_or(LoadError::AlgorithmMissing)? {
            "ES256" => SigningAlgorithm::Es256,
            "Ed25519" | "EdDSA" => SigningAlgorithm::Ed25519,
            "RS256" => SigningAlgorithm::Rs256,
            "PS256" => SigningAlgorithm::Ps256,
            _ => return Err(LoadError::Algorithm),
        };
        Ok(Self {
            kid: jwk.kid()?,
            algorithm,
            key: Key::from_jwk(&jwk, algorithm)?,
        })
    }

    /// The same key, named by the thumbprint of its public half (RFC 7638): who has the same file gives it the same name.
    #[must_use]
    pub fn named_by_thumbprint(self) -> Self {
        let thumbprint = Thumbprint::of_jwk(&self.key.public_half());
        Self {
            kid: thumbprint.and_then(|thumbprint| Kid::new(&thumbprint.to_string())),
            ..self
        }
    }

    /// The name of the key, if it has one.
    pub fn kid(&self) -> Option<&Kid> {
        self.kid.as_ref()
    }

    /// The algorithm of every signature.
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// The public key of Ed25519 (RFC 8032), 32 octets; none for a key of another kind.
    pub fn public_key(&self) -> Option<&[u8]> {
        match &self.key {
            Key::Ed25519(pair) => Some(pair.public_key().as_ref()),
            Key::Ecdsa(_) | Key::Rsa(..) => None,
        }
    }

    /// The public half, with `alg`, `use` and `kid`, for a JWK Set.
    pub fn public_jwk(&self) -> Object {
        let mut jwk = self.key.public_half();
        jwk.insert("alg".to_owned(), self.name().into());
        jwk.insert("use".to_owned(), "sig".into());
        if let Some(kid) = &self.kid {
            jwk.insert("kid".to_owned(), kid.as_str().into());
        }
        jwk
    }

    /// Signs octets; of ECDSA the result is R and S side by side.
    ///
    /// # Errors
    ///
    /// [`SigningFailed`] when the library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        match &self.key {
            Key::Ecdsa(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| SigningFailed)?;
                Ok(signature.as_ref().to_vec())
            }
            Key::Ed25519(pair) => {
                let signature = pair.try_sign(message).map_err(|_| SigningFailed)?;
                Ok(signature.as_ref().to_vec())
            }
            Key::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| SigningFailed)?;
                Ok(signature)
            }
        }
    }

    /// Signs claims as a JWT of the type `typ` (RFC 7515 §7.1).
    ///
    /// # Errors
    ///
    /// [`SigningFailed`] when the library fails.
    pub fn sign_compact(&self, typ: &str, claims: &Object) -> Result<String, SigningFailed> {
        let mut header = Object::new();
        header.insert("alg".to_owned(), self.name().into());
        header.insert("typ".to_owned(), typ.into());
        if let Some(kid) = &self.kid {
            header.insert("kid".to_owned(), kid.as_str().into());
        }
        let encoded = |object: &Object| {
            let octets = serde_json::to_vec(object).map_err(|_| SigningFailed)?;
            Ok(encode_base64url(&octets))
        };
        let signing_input = format!("{}.{}", encoded(&header)?, encoded(claims)?);
        let signature = self.sign(signing_input.as_bytes())?;
        Ok(format!("{signing_input}.{}", encode_base64url(&signature)))
    }

    fn name(&self) -> &'static str {
        SignatureAlgorithm::from(self.algorithm).name()
    }
}

impl Key {
    fn public_half(&self) -> Object {
        match self {
            Self::Ecdsa(pair) => public::p256(pair.public_key().as_ref()),
            Self::Ed25519(pair) => public::ed25519(pair.public_key().as_ref()),
            Self::Rsa(pair, _) => public::rsa(pair.public_key().as_ref()),
        }
    }

    fn from_jwk(jwk: &Jwk, algorithm: SigningAlgorithm) -> Result<Self, LoadError> {
        let key = match (algorithm, jwk.text("kty")?, jwk.optional_text("crv")?) {
            (SigningAlgorithm::Es256, "EC", Some("P-256")) => EcdsaKeyPair::from_private_key_and_public_key(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &jwk.octets("d")?,
                &jwk.point()?,
            )
            .map(Key::Ecdsa),
            (SigningAlgorithm::Ed25519, "OKP", Some("Ed25519")) => {
                Ed25519KeyPair::from_seed_and_public_key(&jwk.octets("d")?, &jwk.octets("x")?).map(Key::Ed25519)
            }
            (SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256, "RSA", None) => {
                return jwk.rsa().map(|pair| Self::rsa(pair, algorithm));
            }
            _ => return Err(LoadError::KeyType),
        };
        key.map_err(|_| LoadError::Inconsistent)
    }

    fn rsa(pair: rsa::KeyPair, algorithm: SigningAlgorithm) -> Self {
        let encoding: &'static dyn RsaEncoding = match algorithm {
            SigningAlgorithm::Ps256 => &RSA_PSS_SHA256,
            SigningAlgorithm::Rs256 | SigningAlgorithm::Es256 | SigningAlgorithm::Ed25519 => &RSA_PKCS1_SHA256,
        };
        Self::Rsa(pair, encoding)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for SigningFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("signing failed")
    }
}

impl std::error::Error for SigningFailed {}

#[cfg(test)]
mod tests {
    use portcullis_identity::jose::jws::Unverified;
    use portcullis_identity::jose::key::JwkRules;
    use portcullis_identity::jose::key_set::KeySet;
    use serde_json::json;

    use super::*;

    /// What a signer signs verifies with its public half, and with nobody else's.
    fn check(signer: &Signer) {
        let keys = |signer: &Signer| {
            let set = json!({ "keys": [signer.public_jwk()] }).to_string();
            KeySet::from_jwks(set.as_bytes(), &JwkRules::default()).unwrap().0
        };
        let mut claims = Object::new();
        claims.insert("sub".to_owned(), "alice".into());
        let token = signer.sign_compact("at+jwt", &claims).unwrap();
        let verified = Unverified::parse(&token).unwrap().verify(&keys(signer)).unwrap();
        assert_eq!(verified.payload(), br#"{"sub":"alice"}"#);
        let other = Signer::generate(signer.algorithm(), Kid::new("k")).unwrap();
        assert!(Unverified::parse(&token).unwrap().verify(&keys(&other)).is_err());
    }

    #[test]
    fn every_algorithm_verifies() {
        for algorithm in [
            SigningAlgorithm::Es256,
            SigningAlgorithm::Ed25519,
            SigningAlgorithm::Rs256,
            SigningAlgorithm::Ps256,
        ] {
            check(&Signer::generate(algorithm, Kid::new("k")).unwrap());
        }
    }

    /// Keys that OpenSSL made.
    #[test]
    fn pem_is_read() {
        for (pem, algorithm) in [
            (P256_PEM, SigningAlgorithm::Es256),
            (ED25519_PEM, SigningAlgorithm::Ed25519),
        ] {
            check(&Signer::from_pem(pem, algorithm, Kid::new("k")).unwrap());
        }
        let error = |pem, algorithm| Signer::from_pem(pem, algorithm, None).err();
        assert_eq!(error(P256_PEM, SigningAlgorithm::Rs256), Some(LoadError::KeyType));
        assert_eq!(error(ED25519_PEM, SigningAlgorithm::Es256), Some(LoadError::KeyType));
        assert_eq!(error("", SigningAlgorithm::Es256), Some(LoadError::Pem));
    }

    /// RFC 7515 §A.3.
    #[test]
    fn a_jwk_is_read_when_its_halves_belong_together() {
        let jwk = |changes: &str| {
            format!(
                r#"{{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"{changes}}}"#
            )
        };
        let error = |changes: &str| Signer::from_jwk(jwk(changes).as_bytes()).err();
        let d = r#","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI""#;
        check(&Signer::from_jwk(jwk(&format!(r#"{d},"alg":"ES256","kid":"k""#)).as_bytes()).unwrap());
        assert_eq!(error(d), Some(LoadError::AlgorithmMissing));
        assert_eq!(error(&format!(r#"{d},"alg":"ES384""#)), Some(LoadError::Algorithm));
        assert_eq!(error(&format!(r#"{d},"alg":"RS256""#)), Some(LoadError::KeyType));
        assert_eq!(
            error(&format!(r#"{d},"alg":"ES256","use":"enc""#)),
            Some(LoadError::Purpose)
        );
        assert_eq!(error(r#","alg":"ES256""#), Some(LoadError::Member("d")));
        let other = r#","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE","alg":"ES256""#;
        assert_eq!(error(other), Some(LoadError::Inconsistent));
    }

    /// RFC 8037 §A.2 and §A.3: a private key, and the thumbprint of its public half.
    #[test]
    fn a_key_is_named_by_its_thumbprint() {
        let jwk = r#"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA",
            "d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let signer = Signer::from_jwk(jwk.as_bytes()).unwrap().named_by_thumbprint();
        let expected = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
        assert_eq!(signer.kid().map(Kid::as_str), Some(expected));
        assert_eq!(signer.public_jwk().get("kid"), Some(&expected.into()));
    }

    #[test]
    fn a_key_is_not_printed() {
        let signer = Signer::generate(SigningAlgorithm::Ed25519, None).unwrap();
        assert_eq!(format!("{signer:?}"), "Signer { kid: None, algorithm: Ed25519, .. }");
    }

    const P256_PEM: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgeUF3p8b6Nh+/WTvZ
tpuaZFzm9vwpjOX10djynTQJ9rahRANCAATG5e+AzhYwPxUpa3zW/CyzdMntcndO
ko8QkXOwrLreFftHuiHHyWsTKkIfaYRZRfHoy1uHGC4wZM1LcmYMXLxy
-----END PRIVATE KEY-----
";
    const ED25519_PEM: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIGS//twOH9z7+39Hb8mSNcP2a7Tp2tzZkUO+tibp2hX2
-----END PRIVATE KEY-----
";
}
