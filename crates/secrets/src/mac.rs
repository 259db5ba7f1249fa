//! HMAC with SHA-256 (RFC 7518 §3.2).

use std::fmt;

use aws_lc_rs::hmac;
use portcullis_identity::jose::handle::{Failed, Mac};
use portcullis_identity::jose::key::Kid;

use crate::bytes::SecretBytes;
use crate::jwk::Jwk;
use crate::load::LoadError;

/// A MAC key has at least as many octets as its hash (RFC 7518 §3.2, RFC 8725 §3.5).
pub const MAC_KEY_BYTES_MIN: usize = 32;

/// A symmetric key that authenticates.
pub struct MacKey {
    kid: Option<Kid>,
    key: hmac::Key,
}

impl MacKey {
    /// Takes over a key.
    ///
    /// # Errors
    ///
    /// [`LoadError::TooShort`] below [`MAC_KEY_BYTES_MIN`].
    pub fn new(key: &SecretBytes, kid: Option<Kid>) -> Result<Self, LoadError> {
        if key.len() < MAC_KEY_BYTES_MIN {
            return Err(LoadError::TooShort);
        }
        Ok(Self {
            kid,
            key: hmac::Key::new(hmac::HMAC_SHA256, key.expose()),
        })
    }

    /// Reads a JWK of the type `oct`, whose `alg`, where it stands, is `HS256`.
    ///
    /// # Errors
    ///
    /// Keys for something else, and keys that are too short.
    pub fn from_jwk(octets: &[u8]) -> Result<Self, LoadError> {
        Self::of(&Jwk::read(octets)?)
    }

    pub(crate) fn of(jwk: &Jwk) -> Result<Self, LoadError> {
        if jwk.text("kty")? != "oct" {
            return Err(LoadError::KeyType);
        }
        if jwk.optional_text("alg")?.is_some_and(|name| name != "HS256") {
            return Err(LoadError::Algorithm);
        }
        jwk.check_purpose("sig", &["sign", "verify"])?;
        let key = SecretBytes::new(jwk.octets("k")?.to_vec());
        Self::new(&key, jwk.kid()?)
    }

    /// The MAC of a message.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        hmac::sign(&self.key, message).as_ref().to_vec()
    }
}

impl Mac for MacKey {
    fn kid(&self) -> Option<&Kid> {
        self.kid.as_ref()
    }

    fn verify(&self, message: &[u8], tag: &[u8]) -> Result<(), Failed> {
        hmac::verify(&self.key, message, tag).map_err(|_| Failed)
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MacKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jose_22_short_mac_keys() {
        for (bytes, is_taken) in [(0, false), (31, false), (32, true), (64, true)] {
            let key = MacKey::new(&SecretBytes::new(vec![7; bytes]), None);
            assert_eq!(key.is_ok(), is_taken, "{bytes}");
        }
    }

    #[test]
    fn jose_22_jwk_for_something_else() {
        let check = |members: &str, error: Option<LoadError>| {
            let jwk = format!(r#"{{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"{members}}}"#);
            assert_eq!(MacKey::from_jwk(jwk.as_bytes()).err(), error, "{members}");
        };
        check("", None);
        check(r#","alg":"HS256","use":"sig","key_ops":["verify"]"#, None);
        check(r#","alg":"HS512""#, Some(LoadError::Algorithm));
        check(r#","alg":"A256GCM""#, Some(LoadError::Algorithm));
        check(r#","use":"enc""#, Some(LoadError::Purpose));
        check(r#","key_ops":["encrypt"]"#, Some(LoadError::Purpose));
    }

    #[test]
    fn a_key_is_not_printed() {
        let key = MacKey::new(&SecretBytes::new(vec![0x41; 32]), Kid::new("k")).unwrap();
        assert_eq!(format!("{key:?}"), r#"MacKey { kid: Some(Kid("k")), .. }"#);
    }

    #[test]
    fn jose_24_only_the_whole_tag_is_one() {
        let key = MacKey::new(&SecretBytes::new(vec![7; 32]), None).unwrap();
        let tag = key.sign(b"message");
        assert_eq!(key.verify(b"message", &tag), Ok(()));
        assert_eq!(key.verify(b"message", &tag[..31]), Err(Failed));
        assert_eq!(key.verify(b"message", &[]), Err(Failed));
        assert_eq!(key.verify(b"another", &tag), Err(Failed));
    }
}
