//! What a verification has found.

use std::fmt;
use std::ops::Range;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::journal::Torn;
use crate::tiles::{TileError, TileName};

/// How many findings are told one by one.
pub const FINDINGS_MAX: usize = 100;

/// What a verification has found.
#[derive(Debug, Default)]
pub struct Report {
    /// The log's own checkpoint, if it counts.
    pub checkpoint: Option<Checkpoint>,
    /// How many entries were read and agree with all hashes that can be believed.
    pub entries: u64,
    /// How many were pruned, as the checkpoint says.
    pub pruned: u64,
    /// How many are in the journal alone, under signatures but no checkpoint.
    pub unpublished: u64,
    /// What stands at the end of the journal and is no batch: what was being written when the log was copied or stopped.
    pub torn: Option<Torn>,
    /// What is wrong, by the first of its entries, up to [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many findings are not told.
    pub more_findings: u64,
}

/// Something that is wrong.
#[derive(Debug)]
pub struct Finding {
    /// What.
    pub defect: Defect,
    /// Which entries it concerns: as few as can be told. None, where it is about the log as a whole.
    pub entries: Range<u64>,
}

/// What is wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum Defect {
    /// The log has no checkpoint.
    CheckpointGone,
    /// Its checkpoint does not count: another key has signed it, or none.
    Checkpoint(CheckpointError),
    /// It is shorter than it was when somebody else saw it. These entries are gone.
    RolledBack,
    /// It was made anew, with tiles that agree: one of these entries, which lie between two checkpoints, is not what it was.
    Rewritten,
    /// The entry is another one.
    Changed,
    /// The entry was taken out.
    Removed,
    /// An entry was put in before it, or after the last.
    Inserted,
    /// The entry was put in another place.
    Reordered,
    /// At least one of these entries is not what was logged; their tiles were changed with them.
    Below(TileName),
    /// The entries are gone, and the checkpoint does not say that they may be.
    BundleGone,
    /// The entries cannot be told apart or decompressed.
    BundleDamaged,
    /// A tile is gone, or has another length.
    TileGone(TileError),
    /// A tile is not what it was. The entries may be.
    TileWrong(TileName),
    /// The journal is not what was written, from this entry on.
    Journal,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_intact(&self) -> bool {
        self.findings.is_empty()
    }

    /// What is wrong first.
    pub fn first(&self) -> Option<&Finding> {
        self.findings.first()
    }

    pub(super) fn find(&mut self, defect: Defect, entries: Range<u64>) {
        if self.findings.len() >= FINDINGS_MAX {
            self.more_findings += 1;
            return;
        }
        let place = self
            .findings
            .partition_point(|finding| finding.entries.start <= entries.start);
        self.findings.insert(place, Finding { defect, entries });
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = self.entries;
        match end.saturating_sub(start) {
            0 => write!(f, "{}", self.defect),
            1 => write!(f, "entry {start}: {}", self.defect),
            _ => write!(f, "entries {start} to {}: {}", end - 1, self.defect),
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CheckpointGone => f.write_str("the log has no checkpoint"),
            Self::Checkpoint(error) => write!(f, "the checkpoint does not count: {error}"),
            Self::RolledBack => {
                f.write_str("the log had them when a checkpoint was kept elsewhere, and ends before them")
            }
            Self::Rewritten => f.write_str("the log was made anew: it does not have the root that a checkpoint says"),
            Self::Changed => f.write_str("it is not what was logged"),
            Self::Removed => f.write_str("it was taken out"),
            Self::Inserted => f.write_str("something was put in here that was not logged"),
            Self::Reordered => f.write_str("it is another one, which was logged elsewhere"),
            Self::Below(tile) => write!(f, "one of them is not what was logged, by `{tile}`"),
            Self::BundleGone => f.write_str("they are gone, and no checkpoint says that they may be"),
            Self::BundleDamaged => f.write_str("they cannot be read: their bundle is damaged"),
            Self::TileGone(error) => write!(f, "{error}"),
            Self::TileWrong(tile) => write!(f, "`{tile}` is not what it was"),
            Self::Journal => f.write_str("the journal is not what was written"),
        }
    }
}
