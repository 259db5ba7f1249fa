//! The journal of a log: what was committed and no checkpoint covers yet.

use std::convert::Infallible;
use std::io;

use super::report::{Defect, Report};
use crate::checkpoint::{CHECKPOINT, Checkpoint, KnownLog};
use crate::journal::{self, FOLDER, Replayed, SEGMENT_BYTES_MAX, segment_first, segment_name};
use crate::medium::Source;
use crate::merkle::Edge;
use crate::note::{NOTE_BYTES_MAX, Note};

/// Verifies the journal after the checkpoint, whose edge this is. While the log is written to, the journal may be gone before it is read,
/// under another checkpoint; then there is nothing to say of it.
pub(super) fn verify(
    source: &dyn Source,
    log: &KnownLog,
    own: &Checkpoint,
    edge: Edge,
    report: &mut Report,
) -> io::Result<()> {
    let mut edge = edge;
    let mut segments: Vec<u64> = source
        .list(FOLDER)?
        .iter()
        .filter_map(|name| segment_first(name))
        .collect();
    segments.retain(|first| *first >= own.size);
    segments.sort_unstable();
    let mut torn = None;
    let mut altered = None;
    for first in segments {
        if torn.is_some() || first != edge.size() {
            altered = Some(edge.size());
            break;
        }
        let octets = source
            .read(&segment_name(first), SEGMENT_BYTES_MAX)?
            .unwrap_or_default();
        let Ok(replayed) = journal::replay(&octets, log, &mut edge, |_, _| Ok::<(), Infallible>(()));
        match replayed {
            Replayed::Whole => {}
            Replayed::Torn(end) => torn = Some(end),
            Replayed::Altered { first } => {
                altered = Some(first);
                break;
            }
        }
    }
    let now = source.read(CHECKPOINT, NOTE_BYTES_MAX)?;
    let still = now
        .and_then(|octets| Note::parse(&octets).ok())
        .is_some_and(|note| note.text() == own.text());
    if still {
        report.unpublished = edge.size() - own.size;
        report.torn = torn;
        if let Some(first) = altered {
            report.find(Defect::Journal, first..first + 1);
        }
    }
    Ok(())
}
