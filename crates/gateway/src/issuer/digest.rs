//! The name of a token where tokens are remembered: SHA-256 of the whole text, so that nobody who reads memory or finds two
//! tokens that begin alike has gained anything.

use aws_lc_rs::digest::{self, SHA256};

/// Larger tokens are not remembered.
const TOKEN_BYTES_MAX: usize = 4 * 1024;

/// The name of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// None for a token that is not remembered.
    pub(crate) fn of(token: &str) -> Option<Self> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        digest::digest(&SHA256, token.as_bytes())
            .as_ref()
            .try_into()
            .ok()
            .map(Self)
    }
}
