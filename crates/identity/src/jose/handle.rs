//! What is asked of whoever keeps a secret. The secret itself never comes here.

use std::fmt;

use super::algorithm::{ContentEncryption, KeyManagement};
use super::jwe::Sealed;
use super::key::Kid;

/// A symmetric key that can say whether a MAC is its own.
pub trait Mac: fmt::Debug + Send + Sync {
    /// The name of the key, if it has one.
    fn kid(&self) -> Option<&Kid>;

    /// Whether `tag` is HMAC-SHA-256 of `message` (RFC 7518 §3.2), whole, compared in constant time.
    ///
    /// # Errors
    ///
    /// [`Failed`] when it is not.
    fn verify(&self, message: &[u8], tag: &[u8]) -> Result<(), Failed>;
}

/// A key that can decrypt.
pub trait Decrypt: fmt::Debug + Send + Sync {
    /// The name of the key, if it has one.
    fn kid(&self) -> Option<&Kid>;

    /// Whether the key is for these algorithms. As with signatures, the key decides; it is for exactly one `alg`.
    fn is_for(&self, algorithm: KeyManagement, encryption: ContentEncryption) -> bool;

    /// The plaintext, after the authentication tag was checked.
    ///
    /// # Errors
    ///
    /// [`Failed`], whatever it was: padding, tag, point and length must not be told apart, nor by the time they take
    /// (RFC 7516 §11.5).
    fn decrypt(&self, sealed: &Sealed<'_>) -> Result<Vec<u8>, Failed>;
}

/// The answer is no. There is no reason on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;
