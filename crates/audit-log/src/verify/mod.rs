//! A whole log, verified: against its own checkpoint, and against those that others have kept.
//!
//! Every entry is hashed, every hash is compared with those in the tiles, and every root with those of the checkpoints. Where an entry
//! is not what the tiles say, the tiles are held against the smallest checkpoint from outside that covers them (and against the log's
//! own): if those are as they were, the entry is named. If everything was made anew, by somebody with the key, what is left to say
//! is between which two checkpoints.
//!
//! A log that agrees with its own checkpoint alone proves nothing against its operator. Memory is bounded, whatever the log's size: one
//! bundle of each thread, a few tiles, the checkpoints that are held against it; and of the journal a segment, of at most 80 MiB.

mod ahead;
mod anchor;
mod bundle;
mod difference;
mod report;
mod scan;
mod tail;

use std::io;
use std::num::NonZeroUsize;

pub use report::{Defect, FINDINGS_MAX, Finding, Report};

use crate::checkpoint::{CHECKPOINT, Checkpoint, CheckpointError, KnownLog};
use crate::medium::Source;
use crate::merkle::empty_hash;
use crate::note::{NOTE_BYTES_MAX, Note, NoteError};
use ahead::Bundles;
use scan::Scan;

/// How far a verification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many entries are done.
    pub done: u64,
    /// How many there are.
    pub total: u64,
}

/// Verifies a log against checkpoints of it that were kept elsewhere, each of them verified, in any order. As many `threads` read and
/// hash; what is found is the same with any number. Tells `progress` after every bundle. That of a log that is written to meanwhile is that of its last checkpoint at the beginning.
///
/// # Errors
///
/// When something that is there cannot be read. What is wrong with the log is in the [`Report`].
pub fn verify(
    source: &(dyn Source + Sync),
    log: &KnownLog,
    held: &[Checkpoint],
    threads: NonZeroUsize,
    progress: &mut dyn FnMut(Progress),
) -> io::Result<Report> {
    let mut report = Report::default();
    let own = read_own(source, log, &mut report)?;
    let mut held: Vec<&Checkpoint> = held.iter().collect();
    held.sort_by_key(|checkpoint| checkpoint.size);
    let last_held = held.last().map_or(0, |checkpoint| checkpoint.size);
    // Without a checkpoint of its own that counts, everything up to the last one that was held is looked at.
    let size = own.as_ref().map_or(last_held, |own| own.size);
    if last_held > size {
        report.find(Defect::RolledBack, size..last_held);
    }
    if held
        .iter()
        .any(|checkpoint| checkpoint.size == 0 && checkpoint.root != empty_hash())
    {
        report.find(Defect::Rewritten, 0..0);
    }
    let bundles = Bundles { source, size, threads };
    let edge = Scan::new(source, size, own.as_ref(), &held).run(bundles, &mut report, progress)?;
    if let (Some(own), Some(edge)) = (&own, edge)
        && report.is_intact()
    {
        tail::verify(source, log, own, edge, &mut report)?;
    }
    report.checkpoint = own;
    Ok(report)
}

/// The log's own checkpoint, if it counts.
fn read_own(source: &dyn Source, log: &KnownLog, report: &mut Report) -> io::Result<Option<Checkpoint>> {
    let octets = match source.read(CHECKPOINT, NOTE_BYTES_MAX) {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(NoteError::TooLong),
        read => Ok(read?),
    };
    let note = match octets {
        Ok(None) => {
            report.find(Defect::CheckpointGone, 0..0);
            return Ok(None);
        }
        Ok(Some(octets)) => Note::parse(&octets),
        Err(too_long) => Err(too_long),
    };
    let checkpoint = note
        .map_err(CheckpointError::from)
        .and_then(|note| log.verify_checkpoint(&note));
    Ok(checkpoint
        .map_err(|error| report.find(Defect::Checkpoint(error), 0..0))
        .ok())
}
