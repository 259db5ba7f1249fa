//! Digests under a secret of the process: nobody outside can make two that are alike, so what strangers write can name
//! entries of a table.

use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher24};

/// What digests are made with.
#[derive(Clone, Copy)]
pub(crate) struct Keyed(SipHasher24);

impl Keyed {
    /// `secret` is chance, and different in every process.
    pub(crate) fn new(secret: &[u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(secret))
    }

    /// With a secret of its own.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut secret = [0; 16];
        getrandom::fill(&mut secret)?;
        Ok(Self::new(&secret))
    }

    /// Each part is preceded by its length, so that no two lists of parts are written alike.
    pub(crate) fn digest(&self, parts: &[&[u8]]) -> u128 {
        let mut hasher = self.0;
        for part in parts {
            hasher.write_u64(part.len() as u64);
            hasher.write(part);
        }
        hasher.finish128().as_u128()
    }
}
