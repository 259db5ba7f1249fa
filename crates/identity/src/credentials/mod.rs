//! Credentials of the house's own: API keys and opaque tokens. How they are written, what is kept of them, and whether what
//! is presented is what was kept.
//!
//! Nothing is drawn or looked up here: random octets are arguments, and so is the record that somebody found. Of a credential
//! only its MAC is kept, under a key that whoever keeps secrets has, so a stolen store lets nobody in.

mod api_key;
mod base62;
mod checksum;
mod opaque_token;
mod record;
mod verify;

use std::fmt;

pub use api_key::{ApiKey, NoKey};
pub use opaque_token::{OpaqueToken, Untagged};
pub use record::{Kind, MAC_BYTES, Record, Retiring, Tag};
pub use verify::{Accepted, MacKeys, Presented, Refused, Unusable, message};

/// How many random octets a secret has.
pub const SECRET_BYTES: usize = 32;
/// How many random octets a name has.
pub const ID_BYTES: usize = 8;
/// A longer text is no credential of the house.
pub const CREDENTIAL_BYTES_MAX: usize = 128;

const ID_DIGITS: usize = 11;
const SECRET_DIGITS: usize = 43;

/// The name of a credential. It is no secret: it stands in lists and logs, and in the credential itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialId([u8; ID_DIGITS]);

/// How a credential begins, so that a scanner of secrets knows it. It proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(Box<str>);

impl CredentialId {
    /// A name from random octets.
    pub fn of(octets: [u8; ID_BYTES]) -> Self {
        Self(base62::encode(&octets))
    }

    /// `None` unless the text is the only spelling of a name.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: [u8; ID_DIGITS] = text.as_bytes().try_into().ok()?;
        base62::decode::<ID_BYTES>(&digits).map(|_| Self(digits))
    }

    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        // Only ASCII digits get in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialId({self})")
    }
}

impl Prefix {
    /// Of 2 to 16 lower-case letters and digits, a letter first.
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = (2..=16).contains(&text.len()) && text.bytes().all(is_one);
        let begins = text.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
        (fits && begins).then(|| Self(text.into()))
    }

    /// The prefix as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests;
