//! Going through all segments of a journal: each has to begin where the one before it ends, and only the last may be torn.

use std::io;

use super::replay::{Replayed, Torn, replay};
use super::{FOLDER, SEGMENT_BYTES_MAX, segment_first, segment_name};
use crate::checkpoint::KnownLog;
use crate::medium::Source;
use crate::merkle::{Edge, Hash};

/// A journal without anything wrong.
#[derive(Debug)]
pub(crate) struct Walked {
    /// The first indices of its segments, in order.
    pub(crate) segments: Vec<u64>,
    /// What stands at the end of the last one and is no batch.
    pub(crate) torn: Option<Torn>,
}

/// Why a journal is not walked to its end.
#[derive(Debug)]
pub(crate) enum WalkError {
    /// A segment is missing.
    Gap {
        /// The first index that is missing.
        first: u64,
    },
    /// There is something wrong that no crash can have left.
    Altered {
        /// The index of the first entry that is not as it was committed, or of one in the same batch.
        first: u64,
    },
    /// Something cannot be read.
    Read {
        /// The segment, or the folder of all.
        name: String,
        /// Why.
        error: io::Error,
    },
}

/// The first indices of the segments that lie there, in order, those included that a checkpoint covers.
pub(crate) fn segments(source: &dyn Source) -> Result<Vec<u64>, WalkError> {
    let names = source.list(FOLDER).map_err(|error| WalkError::Read {
        name: FOLDER.to_owned(),
        error,
    })?;
    let mut segments: Vec<u64> = names.iter().filter_map(|name| segment_first(name)).collect();
    segments.sort_unstable();
    Ok(segments)
}

/// Goes through a journal whose log has `edge` before it: a checkpoint covers that, and segments that begin before it have nothing
/// more to say. The edge has all whole batches afterwards, as far as they were looked at.
pub(crate) fn walk(source: &dyn Source, log: &KnownLog, edge: &mut Edge) -> Result<Walked, WalkError> {
    let mut open = segments(source)?;
    open.retain(|first| *first >= edge.size());
    let mut torn = None;
    for first in &open {
        if let Some(Torn { first, .. }) = torn {
            return Err(WalkError::Altered { first });
        }
        if *first != edge.size() {
            return Err(WalkError::Gap { first: edge.size() });
        }
        torn = walk_segment(source, log, edge, |_, _| {})?;
    }
    Ok(Walked { segments: open, torn })
}

/// Goes through the segment that begins where a log with `edge` ends, and tells `each` of every entry of a whole batch. Says what is
/// torn at its end.
pub(crate) fn walk_segment(
    source: &dyn Source,
    log: &KnownLog,
    edge: &mut Edge,
    each: impl FnMut(&[u8], Hash),
) -> Result<Option<Torn>, WalkError> {
    let name = segment_name(edge.size());
    let octets = match source.read(&name, SEGMENT_BYTES_MAX) {
        Ok(octets) => octets.unwrap_or_default(),
        Err(error) => return Err(WalkError::Read { name, error }),
    };
    match replay(&octets, log, edge, each) {
        Replayed::Whole => Ok(None),
        Replayed::Torn(torn) => Ok(Some(torn)),
        Replayed::Altered { first } => Err(WalkError::Altered { first }),
    }
}
