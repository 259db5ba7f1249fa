//! Keys that verify. A key is for exactly one algorithm, which it decides and no token can change (RFC 8725 §3.1).
//!
//! A key is checked and prepared when it is loaded; verifying parses nothing anew. Never holds what could sign, except
//! behind a [`Mac`].

mod ec;
mod edwards;
mod jwk;
mod okp;
mod refusal;
mod roca;
mod rsa;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::ParsedPublicKey;

pub use self::refusal::KeyRefusal;
use super::algorithm::{RsaAlgorithm, SignatureAlgorithm};
use super::handle::{Failed, Mac};
use super::object::Object;

/// The longest `kid`, in bytes.
pub const KID_BYTES_MAX: usize = 256;

/// The name of a key, compared octet by octet: 1 to [`KID_BYTES_MAX`] bytes of any characters. It never becomes a path, a
/// query or a URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kid(Box<str>);

impl Kid {
    /// `None` when it is empty or too long.
    pub fn new(text: &str) -> Option<Self> {
        (1..=KID_BYTES_MAX).contains(&text.len()).then(|| Self(text.into()))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What holds for keys that say less than they could.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JwkRules {
    /// What an RSA key without `alg` is for: one algorithm, since the same key must not be used for two padding schemes
    /// (RFC 8725 §3.1, RFC 3447 §6).
    pub rsa_without_alg: RsaAlgorithm,
}

/// A key that verifies signatures of one algorithm.
#[derive(Clone)]
pub struct VerificationKey {
    kid: Option<Kid>,
    algorithm: SignatureAlgorithm,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Public(PublicKey),
    Mac(Arc<dyn Mac>),
}

/// A public key that was found to be sound.
#[derive(Clone)]
struct PublicKey {
    algorithm: SignatureAlgorithm,
    key: ParsedPublicKey,
}

impl VerificationKey {
    /// Reads a public JWK (RFC 7517 §4; RFC 7518 §6.2, §6.3; RFC 8037 §2).
    ///
    /// # Errors
    ///
    /// Keys that are weak, inconsistent, not for verifying signatures, not public, or of a kind that is not supported.
    pub fn from_jwk(jwk: &Object, rules: &JwkRules) -> Result<Self, KeyRefusal> {
        let jwk = jwk::Jwk::public(jwk)?;
        let public = match jwk.key_type()? {
            "EC" => ec::read(&jwk)?,
            "RSA" => rsa::read(&jwk, rules.rsa_without_alg)?,
            "OKP" => okp::read(&jwk)?,
            _ => return Err(KeyRefusal::KeyTypeUnsupported),
        };
        if jwk.algorithm()?.is_some_and(|said| said != public.algorithm) {
            return Err(KeyRefusal::AlgorithmMismatch);
        }
        Ok(Self {
            kid: jwk.kid()?,
            algorithm: public.algorithm,
            material: Material::Public(public),
        })
    }

    /// A symmetric key, for HS256 and nothing else.
    pub fn from_mac(mac: Arc<dyn Mac>) -> Self {
        Self {
            kid: mac.kid().cloned(),
            algorithm: SignatureAlgorithm::Hs256,
            material: Material::Mac(mac),
        }
    }

    /// The name of the key, if it has one.
    pub fn kid(&self) -> Option<&Kid> {
        self.kid.as_ref()
    }

    /// The one algorithm that the key is for.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// Whether `signature` is this key's over `message`. It has exactly one length; of ECDSA it is R and S side by side, each as
    /// long as the order (RFC 7518 §3.4), never DER. The library sees to both.
    ///
    /// # Errors
    ///
    /// [`Failed`] when it is not.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Failed> {
        match &self.material {
            Material::Public(public) => public.key.verify_sig(message, signature).map_err(|_| Failed),
            Material::Mac(mac) => mac.verify(message, signature),
        }
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
