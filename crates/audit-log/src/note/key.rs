//! The names of keys, and keys that verify.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::Signature;

/// The most octets of a key's name, as of a log's origin, which it often is.
pub const KEY_NAME_BYTES_MAX: usize = 1024;

/// What a key is called: not empty, without white space, control characters and `+`, and of at most 1,024 octets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(Box<str>);

impl KeyName {
    /// From its text.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`] when a key cannot be called so.
    pub fn new(text: &str) -> Result<Self, KeyError> {
        let odd = |character: char| character.is_whitespace() || character.is_control() || character == '+';
        if !(1..=KEY_NAME_BYTES_MAX).contains(&text.len()) || text.contains(odd) {
            return Err(KeyError::Name);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which of the keys of a name. It is short on purpose, and no proof of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// From its octets.
    pub const fn new(octets: [u8; 4]) -> Self {
        Self(octets)
    }

    /// The octets.
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

/// What a key's signatures are. (The other types of C2SP signed-note are passed over like those of unknown keys.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519 over the text (type 0x01).
    Ed25519,
    /// Ed25519 over a time and the text (type 0x04, C2SP tlog-cosignature `cosignature/v1`).
    Cosignature,
}

impl Algorithm {
    fn octet(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }

    fn of_octet(octet: u8) -> Option<Self> {
        [Self::Ed25519, Self::Cosignature]
            .into_iter()
            .find(|algorithm| algorithm.octet() == octet)
    }
}

/// Why something is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A key cannot be called so.
    #[error("a key's name has 1 to {KEY_NAME_BYTES_MAX} octets, no white space and no `+`")]
    Name,
    /// It is not a name, an id and a key.
    #[error("it is not of the form `name+id+key`")]
    Form,
    /// The id is that of another key.
    #[error("the id is not that of this key")]
    Id,
    /// It is of an algorithm that is not known here.
    #[error("it is neither of Ed25519 nor of cosignatures with Ed25519")]
    Algorithm,
    /// It is no public key of its algorithm.
    #[error("it is no public key of Ed25519")]
    Key,
}

/// A signature of a known key is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a signature of a known key is wrong")]
pub struct WrongSignature;

/// A public key that verifies the signatures of notes.
#[derive(Clone)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    algorithm: Algorithm,
    public: [u8; 32],
    parsed: ParsedPublicKey,
}

impl VerifierKey {
    /// A key of Ed25519, in the form of RFC 8032.
    ///
    /// # Errors
    ///
    /// [`KeyError::Key`] when it is none.
    pub fn new(name: KeyName, algorithm: Algorithm, public: [u8; 32]) -> Result<Self, KeyError> {
        let parsed = ParsedPublicKey::new(&ED25519, public).map_err(|_| KeyError::Key)?;
        let mut named = format!("{name}\n").into_bytes();
        named.push(algorithm.octet());
        named.extend_from_slice(&public);
        let mut id = [0; 4];
        for (to, from) in id.iter_mut().zip(digest(&SHA256, &named).as_ref()) {
            *to = *from;
        }
        let id = KeyId(id);
        Ok(Self {
            name,
            id,
            algorithm,
            public,
            parsed,
        })
    }

    /// What it is called.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Which of the keys of its name it is.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What its signatures are.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether a signature says to be of this key.
    pub fn is_named_in(&self, signature: &Signature) -> bool {
        self.name == signature.name && self.id == signature.id
    }

    /// Verifies a signature of a text. Says the time that a cosignature has, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`WrongSignature`] when it is none of this key.
    pub fn verify(&self, text: &str, octets: &[u8]) -> Result<Option<u64>, WrongSignature> {
        match self.algorithm {
            Algorithm::Ed25519 => {
                self.verify_octets(text.as_bytes(), octets)?;
                Ok(None)
            }
            Algorithm::Cosignature => {
                let (time, signature) = octets.split_first_chunk::<8>().ok_or(WrongSignature)?;
                let time = u64::from_be_bytes(*time);
                // tlog-cosignature: it "MUST NOT exceed 2^63 - 1".
                i64::try_from(time).map_err(|_| WrongSignature)?;
                self.verify_octets(cosigned(time, text).as_bytes(), signature)?;
                Ok(Some(time))
            }
        }
    }

    fn verify_octets(&self, message: &[u8], signature: &[u8]) -> Result<(), WrongSignature> {
        self.parsed.verify_sig(message, signature).map_err(|_| WrongSignature)
    }
}

/// What a cosignature of a text signs (C2SP tlog-cosignature, Ed25519 signed message).
pub(super) fn cosigned(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl PartialEq for VerifierKey {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.algorithm, self.public) == (&other.name, other.algorithm, other.public)
    }
}

impl Eq for VerifierKey {}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.algorithm.octet()];
        key.extend_from_slice(&self.public);
        write!(f, "{}+{}+{}", self.name, self.id, STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError::Form)?;
        let (id, key) = rest.split_once('+').ok_or(KeyError::Form)?;
        let key = STANDARD.decode(key).map_err(|_| KeyError::Form)?;
        let (algorithm, public) = key.split_first().ok_or(KeyError::Form)?;
        let algorithm = Algorithm::of_octet(*algorithm).ok_or(KeyError::Algorithm)?;
        let public = public.try_into().map_err(|_| KeyError::Key)?;
        let key = Self::new(KeyName::new(name)?, algorithm, public)?;
        if key.id.to_string() == id {
            Ok(key)
        } else {
            Err(KeyError::Id)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::Note;

    /// The key and the note of the documentation of Go's `sumdb/note`.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn a_note_of_gos_verifies() {
        let key: VerifierKey = KEY.parse().unwrap();
        assert_eq!(key.to_string(), KEY);
        let note = Note::parse(NOTE.as_bytes()).unwrap();
        assert_eq!(note.to_string(), NOTE);
        let signature = &note.signatures()[0];
        assert!(key.is_named_in(signature));
        assert_eq!(key.verify(note.text(), &signature.octets), Ok(None));
        assert_eq!(key.verify("another text\n", &signature.octets), Err(WrongSignature));
        assert_eq!(key.verify(note.text(), &[]), Err(WrongSignature));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let cases = [
            ("", KeyError::Form),
            ("PeterNeumann", KeyError::Form),
            ("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Name),
            (
                "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
                KeyError::Name,
            ),
            (
                "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
                KeyError::Id,
            ),
            (
                "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
                KeyError::Algorithm,
            ),
            ("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegw", KeyError::Key),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<VerifierKey>(), Err(expected), "{text}");
        }
    }
}
