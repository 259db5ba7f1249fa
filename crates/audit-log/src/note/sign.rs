//! Who can sign, without the key.

use std::cell::Cell;

use thiserror::Error;

use super::key::{Algorithm, VerifierKey, cosigned};
use super::{Note, Signature};

/// The ability to sign with a key of Ed25519. Whoever keeps the key gives this, and never the key.
pub trait Sign: Send {
    /// Signs a message (RFC 8032).
    ///
    /// # Errors
    ///
    /// [`SigningFailed`], of which nothing is known.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningFailed>;
}

impl<F: Fn(&[u8]) -> Result<[u8; 64], SigningFailed> + Send> Sign for F {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningFailed> {
        self(message)
    }
}

/// Somebody who signs could not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it cannot be signed")]
pub struct SigningFailed;

/// Who signs notes, with the public key for it.
pub struct Signer {
    key: VerifierKey,
    sign: Box<dyn Sign>,
    /// Whether it has signed rightly before.
    is_right: Cell<bool>,
}

impl Signer {
    /// Signs with the private key of `key`. Every signature of a checkpoint is verified before it counts, and the first of all others, so
    /// one who signs with another key fails.
    pub fn new(key: VerifierKey, sign: Box<dyn Sign>) -> Self {
        let is_right = Cell::new(false);
        Self { key, sign, is_right }
    }

    /// The public key.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Signs a text, at `now` in seconds since 1970, where the algorithm has a time.
    ///
    /// # Errors
    ///
    /// [`SigningFailed`] when the key does not sign, or does not sign rightly.
    pub fn signature(&self, text: &str, now: u64) -> Result<Signature, SigningFailed> {
        let signature = self.unverified(text, now)?;
        self.key.verify(text, &signature.octets).map_err(|_| SigningFailed)?;
        self.is_right.set(true);
        Ok(signature)
    }

    /// The same for what is signed many times a second: it is verified until the key has signed rightly once. Verifying takes three times as
    /// long as signing.
    ///
    /// # Errors
    ///
    /// [`SigningFailed`].
    pub(crate) fn frequent_signature(&self, text: &str) -> Result<Signature, SigningFailed> {
        match self.is_right.get() {
            true => self.unverified(text, 0),
            false => self.signature(text, 0),
        }
    }

    fn unverified(&self, text: &str, now: u64) -> Result<Signature, SigningFailed> {
        let octets = match self.key.algorithm() {
            Algorithm::Ed25519 => self.sign.sign(text.as_bytes())?.to_vec(),
            Algorithm::Cosignature => {
                let mut octets = now.to_be_bytes().to_vec();
                octets.extend_from_slice(&self.sign.sign(cosigned(now, text).as_bytes())?);
                octets
            }
        };
        Ok(Signature {
            name: self.key.name().clone(),
            id: self.key.id(),
            octets,
        })
    }

    /// A note with the signatures of all of `signers`.
    ///
    /// # Errors
    ///
    /// [`SigningFailed`] when one of them does not sign, there are none, or the text is none of a note.
    pub fn note<'a>(
        signers: impl IntoIterator<Item = &'a Self>,
        text: String,
        now: u64,
    ) -> Result<Note, SigningFailed> {
        let signatures: Result<Vec<Signature>, SigningFailed> =
            signers.into_iter().map(|signer| signer.signature(&text, now)).collect();
        Note::new(text, signatures?).ok_or(SigningFailed)
    }
}
