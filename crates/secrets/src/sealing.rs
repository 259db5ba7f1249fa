//! Sealing for somebody who alone can open: HPKE in base mode with X25519, HKDF-SHA256 and AES-128-GCM (RFC 9180).
//!
//! What is sealed is text: the name of the key, `:`, and base64url of the encapsulated key with the ciphertext after it.

use std::fmt;

use aws_lc_rs::agreement::{PrivateKey, X25519};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_128;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke as _, HpkePrivateKey, HpkePublicKey};

use crate::load::LoadError;
use crate::pem;

/// What sealing is bound to (RFC 9180 §5.1, `info`).
const INFO: &[u8] = b"portcullis audit log";
const KEY_BYTES: usize = 32;
/// What stands before a public key of X25519 in DER (RFC 8410 §4).
const PUBLIC_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00];
/// What stands before a private key of X25519 in PKCS#8 (RFC 8410 §7).
const PRIVATE_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20,
];
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// A public key, for which can be sealed.
pub struct SealingKey {
    id: String,
    key: HpkePublicKey,
}

/// A private key, with which can be opened.
pub struct OpeningKey {
    id: String,
    key: HpkePrivateKey,
}

/// It cannot be sealed, or opened; nothing is known of why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealingFailed;

impl SealingKey {
    /// Reads a public key in PEM, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    ///
    /// Everything that is not one public key of X25519.
    pub fn from_pem(pem: &str) -> Result<Self, LoadError> {
        let (_, after) = pem.split_once(BEGIN).ok_or(LoadError::Pem)?;
        let (body, rest) = after.split_once(END).ok_or(LoadError::Pem)?;
        if rest.contains(BEGIN) {
            return Err(LoadError::Pem);
        }
        let text: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let der = STANDARD.decode(text).map_err(|_| LoadError::Pem)?;
        let key = der.strip_prefix(&PUBLIC_PREFIX).ok_or(LoadError::KeyType)?;
        if key.len() != KEY_BYTES {
            return Err(LoadError::KeyType);
        }
        Ok(Self {
            id: id(key),
            key: HpkePublicKey(key.to_vec()),
        })
    }

    /// The name of the key: the beginning of its digest.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seals a text.
    ///
    /// # Errors
    ///
    /// [`SealingFailed`].
    pub fn seal(&self, clear: &str) -> Result<String, SealingFailed> {
        let sealed = DH_KEM_X25519_HKDF_SHA256_AES_128.seal(INFO, &[], clear.as_bytes(), &self.key);
        let (EncapsulatedSecret(mut octets), ciphertext) = sealed.map_err(|_| SealingFailed)?;
        octets.extend_from_slice(&ciphertext);
        Ok(format!("{}:{}", self.id, URL_SAFE_NO_PAD.encode(octets)))
    }
}

impl OpeningKey {
    /// Reads PKCS#8 in PEM, as `openssl genpkey -algorithm X25519` writes it.
    ///
    /// # Errors
    ///
    /// Everything that is not one private key of X25519.
    pub fn from_pem(pem: &str) -> Result<Self, LoadError> {
        let der = pem::read(pem)?;
        let key = der.expose().strip_prefix(&PRIVATE_PREFIX).ok_or(LoadError::KeyType)?;
        let private = PrivateKey::from_private_key(&X25519, key).map_err(|_| LoadError::KeyType)?;
        let public = private.compute_public_key().map_err(|_| LoadError::KeyType)?;
        Ok(Self {
            id: id(public.as_ref()),
            key: HpkePrivateKey::from(key.to_vec()),
        })
    }

    /// The name of the key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Opens what was sealed for it.
    ///
    /// # Errors
    ///
    /// [`SealingFailed`]: it was sealed for another, or changed.
    pub fn open(&self, sealed: &str) -> Result<String, SealingFailed> {
        let octets = sealed.strip_prefix(&self.id).and_then(|rest| rest.strip_prefix(':'));
        let octets = octets.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let octets = octets.ok_or(SealingFailed)?;
        let (encapsulated, ciphertext) = octets.split_at_checked(KEY_BYTES).ok_or(SealingFailed)?;
        let encapsulated = EncapsulatedSecret(encapsulated.to_vec());
        let clear = DH_KEM_X25519_HKDF_SHA256_AES_128.open(&encapsulated, INFO, &[], ciphertext, &self.key);
        String::from_utf8(clear.map_err(|_| SealingFailed)?).map_err(|_| SealingFailed)
    }
}

/// The first eight octets of the SHA-256 of a public key, in base64url.
fn id(public: &[u8]) -> String {
    let digest = digest(&SHA256, public);
    URL_SAFE_NO_PAD.encode(digest.as_ref().get(..8).unwrap_or_default())
}

impl fmt::Debug for OpeningKey {
    /// Never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpeningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for SealingFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it cannot be sealed or opened with this key")
    }
}

impl std::error::Error for SealingFailed {}

#[cfg(test)]
mod tests {
    use super::*;

    // Made with `openssl genpkey -algorithm X25519`.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIGhr2OmDUDVQyKIrp4lJkFjHTxSO9pYdQJ4kCjYJ4JRh\n-----END PRIVATE KEY-----\n";

    fn keys() -> (SealingKey, OpeningKey) {
        let opening = OpeningKey::from_pem(PRIVATE).unwrap();
        let private = PrivateKey::from_private_key(&X25519, opening.key.secret_bytes()).unwrap();
        let mut der = PUBLIC_PREFIX.to_vec();
        der.extend_from_slice(private.compute_public_key().unwrap().as_ref());
        let pem = format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der));
        (SealingKey::from_pem(&pem).unwrap(), opening)
    }

    #[test]
    fn what_is_sealed_is_opened_by_its_key_alone() {
        let (sealing, opening) = keys();
        assert_eq!(sealing.id(), opening.id());
        let sealed = sealing.seal("alice").unwrap();
        assert!(!sealed.contains("alice"));
        assert_eq!(opening.open(&sealed).as_deref(), Ok("alice"));
        // Nobody can tell by it whether two are alike.
        assert_ne!(sealing.seal("alice").unwrap(), sealed);
        let changed = format!("{}AAAA", sealed.chars().take(sealed.len() - 4).collect::<String>());
        assert_eq!(opening.open(&changed), Err(SealingFailed));
        for nothing in ["", ":", sealing.id(), &format!("{}:AAAA", sealing.id())] {
            assert_eq!(opening.open(nothing), Err(SealingFailed), "{nothing}");
        }
    }

    #[test]
    fn only_keys_of_its_kind_are_read() {
        assert!(SealingKey::from_pem(PRIVATE).is_err());
        assert!(OpeningKey::from_pem("").is_err());
        let ed25519 = format!("{BEGIN}\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n{END}\n");
        assert!(matches!(SealingKey::from_pem(&ed25519), Err(LoadError::KeyType)));
    }

    #[test]
    fn a_key_is_not_printed() {
        let (_, opening) = keys();
        assert!(!format!("{opening:?}").contains("104"));
    }
}
