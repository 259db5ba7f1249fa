//! One batch: a fixed beginning, two lengths, the signed head, the entries as in a bundle.

use thiserror::Error;

use crate::checkpoint::{KnownLog, Origin, parse_decimal};
use crate::merkle::Hash;
use crate::note::{Note, Signer, SigningFailed};

/// The most octets of the entries of a batch, with their lengths.
pub const BATCH_PAYLOAD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most octets of a head.
const HEAD_BYTES_MAX: usize = 4096;
/// What every batch begins with. No text has it, and it ends differently from how lines end, as PNG's does.
const BEGINNING: [u8; 8] = *b"\x89plog1\r\x1a";
/// The beginning and the lengths of head and payload.
const FRAME_BYTES: usize = BEGINNING.len() + 4 + 4;
/// What a batch has at most besides its payload.
pub(super) const FRAME_BYTES_MAX: usize = FRAME_BYTES + HEAD_BYTES_MAX;
/// The first line of a head.
const PURPOSE: &str = "portcullis-audit-log/journal/v1";

/// What a batch says of itself, and what is signed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which log it is.
    pub origin: Origin,
    /// The index of its first entry: the size of the log before.
    pub first: u64,
    /// The size of the log after it.
    pub size: u64,
    /// The root of the log after it.
    pub root: Hash,
}

/// A batch as it lies in a segment: whole, nothing of it verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<'a> {
    /// What it says of itself.
    pub head: Head,
    /// The entries, as in a bundle.
    pub payload: &'a [u8],
    note: Note,
}

/// Why there is no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BatchError {
    /// Its head is not signed.
    #[error(transparent)]
    Signing(#[from] SigningFailed),
    /// Its head or its entries are longer than those of a batch.
    #[error("a batch of {bytes} octets is too long: at most {BATCH_PAYLOAD_BYTES_MAX} are committed at once")]
    TooLong {
        /// How many there are.
        bytes: usize,
    },
}

impl Head {
    /// The octets of the batch with these entries, given as in a bundle.
    ///
    /// # Errors
    ///
    /// [`BatchError`] when its head is not signed, or the entries are too many.
    pub fn batch(&self, payload: &[u8], signer: &Signer) -> Result<Vec<u8>, BatchError> {
        let payload_length = length(payload, BATCH_PAYLOAD_BYTES_MAX)?;
        // A log's own key signs no time.
        let text = self.text();
        let signature = signer.frequent_signature(&text)?;
        let head = Note::new(text, vec![signature]).ok_or(SigningFailed)?.to_string();
        let lengths = [length(head.as_bytes(), HEAD_BYTES_MAX)?, payload_length];
        Ok([&BEGINNING, lengths.as_flattened(), head.as_bytes(), payload].concat())
    }

    fn text(&self) -> String {
        let Self {
            origin,
            first,
            size,
            root,
        } = self;
        format!("{PURPOSE}\n{origin}\n{first}\n{size}\n{}\n", root.to_base64())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != PURPOSE {
            return None;
        }
        let origin = Origin::new(lines.next()?)?;
        let first = parse_decimal(lines.next()?)?;
        let size = parse_decimal(lines.next()?)?;
        let root = Hash::from_base64(lines.next()?)?;
        let head = Self {
            origin,
            first,
            size,
            root,
        };
        (lines.next().is_none() && first < size).then_some(head)
    }
}

impl<'a> Batch<'a> {
    /// Takes a batch off the front of `octets`, if a whole one stands there. Says what is after it too.
    pub fn take(octets: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let rest = octets.strip_prefix(&BEGINNING)?;
        let (head_bytes, rest) = take_length(rest, HEAD_BYTES_MAX)?;
        let (payload_bytes, rest) = take_length(rest, BATCH_PAYLOAD_BYTES_MAX)?;
        let (head, rest) = rest.split_at_checked(head_bytes)?;
        let (payload, rest) = rest.split_at_checked(payload_bytes)?;
        let note = Note::parse(head).ok()?;
        let head = Head::parse(note.text())?;
        Some((Self { head, payload, note }, rest))
    }

    /// Whether the log has signed its head.
    pub fn is_signed(&self, log: &KnownLog) -> bool {
        self.head.origin == log.origin && log.verify(&self.note, self.head.size).is_ok()
    }
}

/// Every place after the first octet of `octets` where a batch could begin.
pub(super) fn beginnings(octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    let places = octets.windows(BEGINNING.len()).enumerate().skip(1);
    places
        .filter(|(_, window)| *window == BEGINNING)
        .filter_map(|(place, _)| octets.get(place..))
}

/// The length of a part of a batch, as its frame has it.
fn length(part: &[u8], bytes_max: usize) -> Result<[u8; 4], BatchError> {
    let bytes = part.len();
    let length = u32::try_from(bytes).ok().filter(|_| bytes <= bytes_max);
    length.map(u32::to_be_bytes).ok_or(BatchError::TooLong { bytes })
}

fn take_length(octets: &[u8], bytes_max: usize) -> Option<(usize, &[u8])> {
    let (length, rest) = octets.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    (length <= bytes_max).then_some((length, rest))
}
