//! What is said to a witness and what it answers (C2SP tlog-witness, add-checkpoint), and whether its cosignatures are good.
//!
//! Somebody else sends it. A witness signs a checkpoint only if it goes on from the last that it has signed, so whoever trusts it knows
//! that others see the same log.

use std::fmt;

use thiserror::Error;

use crate::checkpoint::{Checkpoint, parse_decimal};
use crate::merkle::{Hash, PROOF_HASHES_MAX, consistency, parse_hashes, write_hashes};
use crate::note::{Note, NoteError, Signature, VerifierKey};
use crate::tiles::{TileError, TileReader};

/// The most hashes of a request: "the client MUST NOT send more than 63 consistency proof lines".
const REQUEST_HASHES_MAX: usize = PROOF_HASHES_MAX - 1;
/// What a witness may answer at most, in octets.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The body of a request to sign a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The size of the last checkpoint that the witness has signed; 0 if it has signed none.
    pub old: u64,
    /// That the checkpoint goes on from there.
    pub proof: Vec<Hash>,
    /// The checkpoint, signed by the log.
    pub checkpoint: Note,
}

/// What a witness answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has signed: these are good, of which there is at least one. Each with its time, in seconds since 1970.
    Cosigned(Vec<(Signature, u64)>),
    /// The last checkpoint that it has signed is of another size: ask again from there.
    Behind {
        /// That size.
        size: u64,
    },
    /// It does not sign.
    Refused(Refusal),
}

/// Why a witness does not sign, by the status of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// 400
    #[error("the witness could not read the request")]
    Malformed,
    /// 403
    #[error("the witness does not know the key of the log")]
    Key,
    /// 404
    #[error("the witness does not know the log")]
    Unknown,
    /// 409, with the size that was asked from: the witness has signed another root for it.
    #[error("the witness has seen another log of the same size")]
    Contradicted,
    /// 422
    #[error("the witness has seen another log: this one does not go on from it")]
    Inconsistent,
    /// Any other.
    #[error("the witness answered with the status {0}")]
    Other(u16),
}

/// An answer that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It is longer than an answer can be.
    #[error("the answer of the witness is longer than {ANSWER_BYTES_MAX} octets")]
    TooLong,
    /// It has another form than its status says.
    #[error("the answer of the witness is not what its status says")]
    Form,
    /// Its lines are no signatures.
    #[error("the answer of the witness is no signatures: {0}")]
    Signatures(#[from] NoteError),
    /// No signature is of a key of the witness, or one is wrong.
    #[error("the answer of the witness has no good signature of its key")]
    Unsigned,
}

impl Request {
    /// Asks to sign `note`, the checkpoint of a log, from a witness that has signed one of `old` entries. `None` where the checkpoint is
    /// of fewer.
    ///
    /// # Errors
    ///
    /// [`TileError`] when the tiles cannot be read.
    pub fn make(tiles: &mut TileReader<'_>, old: u64, note: &Note) -> Result<Option<Self>, TileError> {
        let Some(checkpoint) = Checkpoint::parse(note.text()) else {
            return Ok(None);
        };
        let proof = consistency(tiles, old, checkpoint.size)?;
        Ok(proof.map(|proof| Self {
            old,
            proof,
            checkpoint: note.clone(),
        }))
    }

    /// Reads a request, as a witness does.
    pub fn parse(text: &str) -> Option<Self> {
        let (proof, checkpoint) = text.split_once("\n\n")?;
        let mut lines = proof.split('\n');
        let old = parse_decimal(lines.next()?.strip_prefix("old ")?)?;
        let proof = parse_hashes(lines, REQUEST_HASHES_MAX)?;
        let checkpoint = Note::parse(checkpoint.as_bytes()).ok()?;
        Some(Self { old, proof, checkpoint })
    }

    /// Reads what a witness with these keys answers to it.
    ///
    /// # Errors
    ///
    /// [`AnswerError`] when it answers nothing that can be believed.
    pub fn answer(&self, status: u16, body: &[u8], keys: &[VerifierKey]) -> Result<Answer, AnswerError> {
        if body.len() > ANSWER_BYTES_MAX {
            return Err(AnswerError::TooLong);
        }
        let body = std::str::from_utf8(body).map_err(|_| AnswerError::Form)?;
        let refusal = match status {
            200 => return cosignatures(&self.checkpoint, body, keys).map(Answer::Cosigned),
            400 => Refusal::Malformed,
            403 => Refusal::Key,
            404 => Refusal::Unknown,
            409 => {
                let size = body
                    .strip_suffix('\n')
                    .and_then(parse_decimal)
                    .ok_or(AnswerError::Form)?;
                if size != self.old {
                    return Ok(Answer::Behind { size });
                }
                Refusal::Contradicted
            }
            422 => Refusal::Inconsistent,
            other => Refusal::Other(other),
        };
        Ok(Answer::Refused(refusal))
    }
}

/// The signatures among `lines` that are of these keys and of this checkpoint, with their times.
///
/// # Errors
///
/// [`AnswerError`] when there are none, or one of them is wrong.
pub fn cosignatures(
    checkpoint: &Note,
    lines: &str,
    keys: &[VerifierKey],
) -> Result<Vec<(Signature, u64)>, AnswerError> {
    let mut good = Vec::new();
    for signature in Signature::parse_lines(lines)? {
        for key in keys.iter().filter(|key| key.is_named_in(&signature)) {
            let time = key
                .verify(checkpoint.text(), &signature.octets)
                .map_err(|_| AnswerError::Unsigned)?;
            good.extend(time.map(|time| (signature.clone(), time)));
        }
    }
    if good.is_empty() {
        Err(AnswerError::Unsigned)
    } else {
        Ok(good)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        write_hashes(f, &self.proof)?;
        write!(f, "\n{}", self.checkpoint)
    }
}
