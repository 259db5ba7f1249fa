//! Entries by their index: those that a checkpoint covers from bundles, and those after it from the journal.
//!
//! What is read here is what lies there. That it is what was logged is for [`verify`](crate::verify) and for
//! [proofs](crate::proof) to say.

use std::io;
use std::ops::Range;

use thiserror::Error;

use crate::checkpoint::{CHECKPOINT, Checkpoint, CheckpointError, KnownLog};
use crate::journal::{self, WalkError};
use crate::medium::Source;
use crate::merkle::{Edge, Nodes as _};
use crate::note::{NOTE_BYTES_MAX, Note};
use crate::tiles::{Kind, TILE_WIDTH, TileError, TileName, TileReader, read_bundle, split, width};

/// How often a log is read anew that gets another checkpoint while it is read.
const ATTEMPTS_MAX: usize = 5;

/// Why entries cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// There is no log.
    #[error("there is no log here: it has no checkpoint")]
    NoCheckpoint,
    /// Its checkpoint does not count.
    #[error("its checkpoint does not count: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// A tile of its right edge cannot be used.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// A bundle is missing that has to be kept, or cannot be divided.
    #[error("`{0}` is missing or damaged")]
    Bundle(TileName),
    /// Something cannot be read.
    #[error("`{name}` cannot be read: {error}")]
    Io {
        /// The blob.
        name: String,
        /// Why.
        #[source]
        error: io::Error,
    },
}

/// The entries of a log as it was when this was made. The log may grow meanwhile.
pub struct Entries<'a> {
    source: &'a dyn Source,
    note: Note,
    checkpoint: Checkpoint,
    /// Those that no checkpoint covers yet.
    unpublished: Vec<Vec<u8>>,
    /// Where the journal is not what was written, if anywhere.
    altered: Option<u64>,
    /// The bundle that was read last.
    bundle: Option<Bundle>,
}

struct Bundle {
    index: u64,
    octets: Vec<u8>,
    entries: Vec<Range<usize>>,
}

impl<'a> Entries<'a> {
    /// Reads the log's checkpoint, which one of its keys has to have signed, and its journal.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub fn open(source: &'a dyn Source, log: &KnownLog) -> Result<Self, ReadError> {
        let mut read = Self::read(source, log)?;
        // The journal goes when a checkpoint covers it; then it is read anew, from that one on.
        for _ in 1..ATTEMPTS_MAX {
            if note(source)?.text() == read.note.text() {
                break;
            }
            read = Self::read(source, log)?;
        }
        Ok(read)
    }

    fn read(source: &'a dyn Source, log: &KnownLog) -> Result<Self, ReadError> {
        let note = note(source)?;
        let checkpoint = log.verify_checkpoint(&note)?;
        let mut unpublished = Vec::new();
        let altered = read_journal(source, log, &checkpoint, &mut unpublished)?;
        Ok(Self {
            source,
            note,
            checkpoint,
            unpublished,
            altered,
            bundle: None,
        })
    }

    /// The checkpoint, with its signatures.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// What it says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// How many entries the checkpoint covers.
    pub fn published(&self) -> u64 {
        self.checkpoint.size
    }

    /// How many there are, with those in the journal alone.
    pub fn size(&self) -> u64 {
        self.checkpoint.size + self.unpublished.len() as u64
    }

    /// From which entry on the journal is not what was written. `None`: it is.
    pub fn altered(&self) -> Option<u64> {
        self.altered
    }

    /// An entry. `None` where the log has none of the index, or does not keep it any more.
    ///
    /// # Errors
    ///
    /// [`ReadError::Bundle`] where it should be kept and is not; [`ReadError::Io`].
    pub fn get(&mut self, index: u64) -> Result<Option<&[u8]>, ReadError> {
        if let Some(after) = index.checked_sub(self.checkpoint.size) {
            let after = usize::try_from(after).unwrap_or(usize::MAX);
            return Ok(self.unpublished.get(after).map(Vec::as_slice));
        }
        if index < self.checkpoint.minimum_index {
            return Ok(None);
        }
        let bundle = self.bundle(index / TILE_WIDTH)?;
        let place = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
        let range = bundle.entries.get(place).cloned();
        Ok(range.and_then(|range| bundle.octets.get(range)))
    }

    fn bundle(&mut self, index: u64) -> Result<&Bundle, ReadError> {
        let bundle = match self.bundle.take() {
            Some(bundle) if bundle.index == index => bundle,
            _ => self.read_bundle(index)?,
        };
        Ok(self.bundle.insert(bundle))
    }

    /// Reads a bundle, in its full form where the one of this checkpoint is gone already: it begins with the same entries.
    fn read_bundle(&self, index: u64) -> Result<Bundle, ReadError> {
        let full = TileName::full(Kind::Entries, index);
        let count = width(0, index, self.checkpoint.size);
        let name = TileName::with_width(Kind::Entries, index, count).unwrap_or(full);
        for stored in [name, full] {
            let read = read_bundle(self.source, &stored).map_err(|error| io_error(&stored.to_string(), error))?;
            if let Some(octets) = read.bundle() {
                let entries = places(octets);
                if (entries.len() as u64) < count {
                    return Err(ReadError::Bundle(stored));
                }
                let octets = octets.to_vec();
                return Ok(Bundle { index, octets, entries });
            }
        }
        Err(ReadError::Bundle(name))
    }
}

/// Where in a bundle its entries stand.
fn places(octets: &[u8]) -> Vec<Range<usize>> {
    let (entries, _) = split(octets);
    let mut at = 0;
    let place = |entry: &[u8]| {
        // Each stands behind its length.
        let start = at + 2;
        at = start + entry.len();
        start..at
    };
    entries.into_iter().map(place).collect()
}

fn note(source: &dyn Source) -> Result<Note, ReadError> {
    let octets = source.read(CHECKPOINT, NOTE_BYTES_MAX);
    let octets = octets.map_err(|error| io_error(CHECKPOINT, error))?;
    let octets = octets.ok_or(ReadError::NoCheckpoint)?;
    Ok(Note::parse(&octets).map_err(CheckpointError::Note)?)
}

/// Takes every whole batch behind the checkpoint. Says from where on the journal is not what was written.
fn read_journal(
    source: &dyn Source,
    log: &KnownLog,
    checkpoint: &Checkpoint,
    entries: &mut Vec<Vec<u8>>,
) -> Result<Option<u64>, ReadError> {
    let segments = journal::segments(source).map_err(|error| match error {
        WalkError::Read { name, error } => io_error(&name, error),
        // The names alone are neither missing nor altered.
        WalkError::Gap { .. } | WalkError::Altered { .. } => {
            io_error(journal::FOLDER, io::ErrorKind::InvalidData.into())
        }
    })?;
    let mut open = segments
        .into_iter()
        .filter(|first| *first >= checkpoint.size)
        .peekable();
    if open.peek().is_none() {
        return Ok(None);
    }
    let mut tiles = TileReader::new(source, checkpoint.size);
    let mut edge = Edge::of(checkpoint.size, |height, number| tiles.node(height, number))?;
    let mut torn = None;
    for first in open {
        if torn.is_some() || first != edge.size() {
            return Ok(Some(edge.size()));
        }
        match journal::walk_segment(source, log, &mut edge, |entry, _| entries.push(entry.to_vec())) {
            Ok(end) => torn = end,
            Err(WalkError::Gap { first } | WalkError::Altered { first }) => return Ok(Some(first)),
            Err(WalkError::Read { name, error }) => return Err(io_error(&name, error)),
        }
    }
    Ok(None)
}

fn io_error(name: &str, error: io::Error) -> ReadError {
    let name = name.to_owned();
    ReadError::Io { name, error }
}
