//! A proof that somebody can keep and verify without the log (C2SP tlog-proof): an index, the hashes, a signed checkpoint.

use std::fmt;

use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError, KnownLog, parse_decimal};
use crate::merkle::{
    Hash, PROOF_HASHES_MAX, Unproved, check_inclusion, inclusion, leaf_hash, parse_hashes, write_hashes,
};
use crate::note::{Note, NoteError};
use crate::tiles::{TileError, TileReader};

/// The first line of a proof.
const FORM: &str = "c2sp.org/tlog-proof@v1";

/// That an entry is in a log, as far as the checkpoint is the log's. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// The index of the entry.
    pub index: u64,
    /// The hashes, from the leaf's sibling upwards.
    pub hashes: Vec<Hash>,
    /// The checkpoint, with all its signatures.
    pub checkpoint: Note,
}

/// Why something proves nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// It is no proof.
    #[error("it is no proof of the form `{FORM}`")]
    Form,
    /// Its checkpoint is none.
    #[error("its checkpoint is no signed note: {0}")]
    Note(#[from] NoteError),
    /// Its checkpoint does not count.
    #[error("its checkpoint does not count: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// Its hashes do not prove it.
    #[error(transparent)]
    Unproved(#[from] Unproved),
}

impl InclusionProof {
    /// Makes the proof for the entry at `index`, under a checkpoint. `None` where that does not cover it.
    ///
    /// # Errors
    ///
    /// [`TileError`] when the tiles cannot be read.
    pub fn make(tiles: &mut TileReader<'_>, index: u64, note: &Note) -> Result<Option<Self>, TileError> {
        let Some(checkpoint) = Checkpoint::parse(note.text()) else {
            return Ok(None);
        };
        let hashes = inclusion(tiles, index, checkpoint.size)?;
        Ok(hashes.map(|hashes| Self {
            index,
            hashes,
            checkpoint: note.clone(),
        }))
    }

    /// Verifies that the log has this entry, and says under which checkpoint.
    ///
    /// # Errors
    ///
    /// [`ProofError`] when that is not proved.
    pub fn verify(&self, entry: &[u8], log: &KnownLog) -> Result<Checkpoint, ProofError> {
        let checkpoint = log.verify_checkpoint(&self.checkpoint)?;
        check_inclusion(
            &leaf_hash(entry),
            self.index,
            checkpoint.size,
            &checkpoint.root,
            &self.hashes,
        )?;
        Ok(checkpoint)
    }

    /// Reads a proof. Extra data, which nobody has signed, is passed over.
    ///
    /// # Errors
    ///
    /// [`ProofError::Form`] and [`ProofError::Note`] when it is none.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let (proof, checkpoint) = text.split_once("\n\n").ok_or(ProofError::Form)?;
        let mut lines = proof.split('\n').peekable();
        if lines.next() != Some(FORM) {
            return Err(ProofError::Form);
        }
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .and_then(parse_decimal);
        let index = index.ok_or(ProofError::Form)?;
        let hashes = parse_hashes(lines, PROOF_HASHES_MAX).ok_or(ProofError::Form)?;
        let checkpoint = Note::parse(checkpoint.as_bytes())?;
        Ok(Self {
            index,
            hashes,
            checkpoint,
        })
    }
}

impl fmt::Display for InclusionProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FORM}\nindex {}", self.index)?;
        write_hashes(f, &self.hashes)?;
        write!(f, "\n{}", self.checkpoint)
    }
}
