//! The head of a log at some size, as a signed text (C2SP tlog-checkpoint), and whose signatures make it one.

use std::fmt;

use thiserror::Error;

use crate::merkle::Hash;
use crate::note::{Note, NoteError, Signer, SigningFailed, VerifierKey, WrongSignature};

/// Under which name the last checkpoint lies (C2SP tlog-tiles, Checkpoints).
pub const CHECKPOINT: &str = "checkpoint";

/// The most octets of an origin.
const ORIGIN_BYTES_MAX: usize = 1024;
/// The most extension lines of a checkpoint.
const EXTENSIONS_MAX: usize = 64;
/// The extension line that says the minimum index of a log that was pruned (C2SP tlog-tiles, which has no place for it yet).
const MINIMUM_INDEX: &str = "minimum-index ";

/// Which log it is: one line, not empty. By the custom of C2SP a URL without its scheme.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(Box<str>);

impl Origin {
    /// From its text; `None` where that is empty, more than a line of text, or longer than 1,024 octets.
    pub fn new(text: &str) -> Option<Self> {
        let sized = (1..=ORIGIN_BYTES_MAX).contains(&text.len());
        (sized && !text.contains(char::is_control)).then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The head of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log it is.
    pub origin: Origin,
    /// How many entries it has.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
    /// The index below which bundles need not be there any more (C2SP tlog-tiles, minimum index). 0: nothing was pruned.
    pub minimum_index: u64,
    /// Other lines, which say nothing here.
    pub extensions: Vec<String>,
}

/// Why a checkpoint does not count.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It is no note.
    #[error("it is no signed note: {0}")]
    Note(#[from] NoteError),
    /// Its text is no head of a log.
    #[error("its text is not an origin, a size and a root")]
    Form,
    /// It is another log's.
    #[error("it is of the log `{found}`")]
    Origin {
        /// The origin that it has.
        found: Origin,
    },
    /// None of the log's keys for this size has signed it.
    #[error("no key that the log has at {size} entries has signed it")]
    Unsigned {
        /// The size that it claims.
        size: u64,
    },
    /// A key of the log's has not signed this text, but the signature says so.
    #[error("the signature of `{key}` is of something else")]
    WrongSignature {
        /// The key, as it is known.
        key: String,
    },
}

/// A key of a log's, and the sizes at which its signatures count: from `first` on, up to and with `last`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogKey {
    /// The key.
    pub key: VerifierKey,
    /// The first size.
    pub first: u64,
    /// The last, while the key is not replaced none.
    pub last: Option<u64>,
}

/// A log as those who verify it know it: its origin, and its keys from the beginning to now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLog {
    /// Which log it is.
    pub origin: Origin,
    /// Its keys, those of the past included. While keys change, several count.
    pub keys: Vec<LogKey>,
}

impl KnownLog {
    /// A log that has had one key from its beginning.
    pub fn with_key(origin: Origin, key: VerifierKey) -> Self {
        let (first, last) = (0, None);
        let keys = vec![LogKey { key, first, last }];
        Self { origin, keys }
    }

    /// Whether signatures of this key count at this size.
    pub fn has(&self, key: &VerifierKey, size: u64) -> bool {
        self.current(size).any(|current| current == key)
    }

    fn current(&self, size: u64) -> impl Iterator<Item = &VerifierKey> {
        let current = move |key: &&LogKey| key.first <= size && key.last.is_none_or(|last| size <= last);
        self.keys.iter().filter(current).map(|key| &key.key)
    }

    /// The checkpoint that a note is, if a key of the log's for its size has signed it.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] when it is none, another log's, or not signed so.
    pub fn verify_checkpoint(&self, note: &Note) -> Result<Checkpoint, CheckpointError> {
        let checkpoint = Checkpoint::parse(note.text()).ok_or(CheckpointError::Form)?;
        if checkpoint.origin != self.origin {
            let found = checkpoint.origin;
            return Err(CheckpointError::Origin { found });
        }
        self.verify(note, checkpoint.size)?;
        Ok(checkpoint)
    }

    /// Whether a key that the log has at this size has signed a note, and none of those has signed it wrongly (C2SP signed-note,
    /// Signatures).
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Unsigned`] and [`CheckpointError::WrongSignature`].
    pub fn verify(&self, note: &Note, size: u64) -> Result<(), CheckpointError> {
        let mut signed = false;
        for key in self.current(size) {
            for signature in note.signatures().iter().filter(|signature| key.is_named_in(signature)) {
                key.verify(note.text(), &signature.octets).map_err(|WrongSignature| {
                    let key = format!("{}+{}", key.name(), key.id());
                    CheckpointError::WrongSignature { key }
                })?;
                signed = true;
            }
        }
        if signed {
            Ok(())
        } else {
            Err(CheckpointError::Unsigned { size })
        }
    }
}

impl Checkpoint {
    /// Reads the text of a note as a checkpoint (C2SP tlog-checkpoint, Note text).
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = Origin::new(lines.next()?)?;
        let size = parse_decimal(lines.next()?)?;
        let root = Hash::from_base64(lines.next()?)?;
        let mut minimum_index = None;
        let mut extensions = Vec::new();
        for line in lines {
            if line.is_empty() || extensions.len() == EXTENSIONS_MAX {
                return None;
            }
            match line.strip_prefix(MINIMUM_INDEX) {
                // Said twice it would be read in two ways.
                Some(_) if minimum_index.is_some() => return None,
                Some(index) => minimum_index = Some(parse_decimal(index).filter(|index| *index <= size && *index > 0)?),
                None => extensions.push(line.to_owned()),
            }
        }
        let minimum_index = minimum_index.unwrap_or_default();
        Some(Self {
            origin,
            size,
            root,
            minimum_index,
            extensions,
        })
    }

    /// The text that is signed.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, self.root.to_base64());
        if self.minimum_index > 0 {
            text += &format!("{MINIMUM_INDEX}{}\n", self.minimum_index);
        }
        for line in &self.extensions {
            text += line;
            text += "\n";
        }
        text
    }

    /// The checkpoint with the signatures of all of `signers`, at `now` in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`SigningFailed`] when one of them does not sign.
    pub fn signed<'a>(&self, signers: impl IntoIterator<Item = &'a Signer>, now: u64) -> Result<Note, SigningFailed> {
        Signer::note(signers, self.text(), now)
    }
}

/// A number in decimal, in its one spelling.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    let padded = text.len() > 1 && text.starts_with('0');
    (digits && !padded).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn a_checkpoint_is_read_as_it_is_written() {
        for more in ["", "minimum-index 65536\n", "minimum-index 1\nanything else\n"] {
            let text = format!("{TEXT}{more}");
            let checkpoint = Checkpoint::parse(&text).unwrap();
            assert_eq!(checkpoint.size, 20_852_163);
            assert_eq!(checkpoint.text(), text);
        }
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        let cases = [
            String::new(),
            "a\n1\n".to_owned(),
            format!("a\n1\n{root}"),
            format!("\n1\n{root}\n"),
            format!("a\n01\n{root}\n"),
            format!("a\n+1\n{root}\n"),
            format!("a\n-1\n{root}\n"),
            format!("a\n\n{root}\n"),
            format!("a\n18446744073709551616\n{root}\n"),
            format!("a\n1\n{}\n", root.trim_end_matches('=')),
            format!("a\n1\n{root}\n\n"),
            format!("a\n1\n{root}\nminimum-index 2\n"),
            format!("a\n1\n{root}\nminimum-index 0\n"),
            format!("a\n1\n{root}\nminimum-index 1\nminimum-index 1\n"),
        ];
        for text in cases {
            assert_eq!(Checkpoint::parse(&text), None, "{text:?}");
        }
    }
}
