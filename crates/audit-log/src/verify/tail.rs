//! The journal of a log: what was committed and no checkpoint covers yet.

use std::io;

use super::report::{Defect, Report};
use crate::checkpoint::{CHECKPOINT, Checkpoint, KnownLog};
use crate::journal::{self, WalkError};
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
    let (torn, altered) = match journal::walk(source, log, &mut edge) {
        Ok(walked) => (walked.torn, None),
        Err(WalkError::Gap { first } | WalkError::Altered { first }) => (None, Some(first)),
        Err(WalkError::Read { name, error }) => {
            return Err(io::Error::new(error.kind(), format!("`{name}`: {error}")));
        }
    };
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
