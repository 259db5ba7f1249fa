//! Texts that keys have signed (C2SP signed-note).
//!
//! A text counts for nothing until a known key's signature of it is verified ([`VerifierKey::verify`]); signatures of unknown keys
//! are passed over, and one of a known key that is wrong condemns the whole note.

mod key;
mod sign;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

pub use key::{Algorithm, KEY_NAME_BYTES_MAX, KeyError, KeyId, KeyName, VerifierKey, WrongSignature};
pub use sign::{Sign, Signer, SigningFailed};

/// The most octets of a note.
pub const NOTE_BYTES_MAX: usize = 256 * 1024;
/// The most signatures of a note. (Sixteen have to be accepted.)
pub const SIGNATURES_MAX: usize = 64;

/// What a line with a signature begins with.
const DASH: &str = "\u{2014} ";

/// A text with signatures, none of them verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// Somebody's signature of a text, as its line has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// What the key is called.
    pub name: KeyName,
    /// Which of the keys of this name it is.
    pub id: KeyId,
    /// What the key made, in the form of its algorithm.
    pub octets: Vec<u8>,
}

/// Why something is no note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It is longer than a note may be.
    #[error("it is longer than {NOTE_BYTES_MAX} octets")]
    TooLong,
    /// It is not UTF-8, or has control characters.
    #[error("it is no text of lines in UTF-8")]
    Characters,
    /// There is no empty line, or nothing before it, or nothing after it.
    #[error("it is not a text, an empty line and signatures")]
    Form,
    /// A line of the signatures is none.
    #[error("line {0} of its signatures is none")]
    Signature(usize),
    /// There are more signatures than are read.
    #[error("it has more than {SIGNATURES_MAX} signatures")]
    TooMany,
}

impl Note {
    /// Reads a note (C2SP signed-note, Format).
    ///
    /// # Errors
    ///
    /// [`NoteError`] when it is none.
    pub fn parse(octets: &[u8]) -> Result<Self, NoteError> {
        if octets.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong);
        }
        let whole = std::str::from_utf8(octets).map_err(|_| NoteError::Characters)?;
        if whole.bytes().any(|octet| octet < 0x20 && octet != b'\n') {
            return Err(NoteError::Characters);
        }
        let (text, signatures) = whole.rsplit_once("\n\n").ok_or(NoteError::Form)?;
        if text.is_empty() {
            return Err(NoteError::Form);
        }
        let signatures = Signature::parse_lines(signatures)?;
        let text = format!("{text}\n");
        Ok(Self { text, signatures })
    }

    /// A note of a text and signatures of it. `None` where a note cannot be made of that.
    pub fn new(text: String, signatures: Vec<Signature>) -> Option<Self> {
        let note = Self { text, signatures };
        (Self::parse(note.to_string().as_bytes()).as_ref() == Ok(&note)).then_some(note)
    }

    /// The text, with its last line feed: what is signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in their order.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        f.write_str("\n")?;
        self.signatures.iter().try_for_each(|signature| signature.fmt(f))
    }
}

impl Signature {
    /// Reads lines with signatures, at least one, each with its line feed.
    ///
    /// # Errors
    ///
    /// [`NoteError`] when they are none.
    pub fn parse_lines(lines: &str) -> Result<Vec<Self>, NoteError> {
        let lines = lines
            .strip_suffix('\n')
            .filter(|lines| !lines.is_empty())
            .ok_or(NoteError::Form)?;
        let mut signatures = Vec::new();
        for (number, line) in (1..).zip(lines.split('\n')) {
            if signatures.len() == SIGNATURES_MAX {
                return Err(NoteError::TooMany);
            }
            signatures.push(Self::parse(line).ok_or(NoteError::Signature(number))?);
        }
        Ok(signatures)
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, signature) = line.strip_prefix(DASH)?.split_once(' ')?;
        let name = KeyName::new(name).ok()?;
        let signature = STANDARD.decode(signature).ok()?;
        let (id, octets) = signature.split_first_chunk::<4>()?;
        let octets = (!octets.is_empty()).then(|| octets.to_vec())?;
        Some(Self {
            name,
            id: KeyId::new(*id),
            octets,
        })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut octets = self.id.as_bytes().to_vec();
        octets.extend_from_slice(&self.octets);
        writeln!(f, "{DASH}{} {}", self.name, STANDARD.encode(octets))
    }
}
