//! The last checkpoint that each place took, as it took it, in a file of its own below the log's folder. Who can change the log can
//! change these too: they spare whoever verifies the asking, and prove nothing against the operator.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use portcullis_audit_log::checkpoint::{Checkpoint, KnownLog};
use portcullis_audit_log::note::{NOTE_BYTES_MAX, Note};

use crate::config::audit_log::checkpoints::CheckpointTo;
use crate::config::audit_log::delivery::AuditLogDelivery;
use crate::files::place;

/// Those who may read the log may read it.
const MODE: u32 = 0o640;

/// What one place took last.
#[derive(Debug)]
pub(super) struct Held(PathBuf);

/// The folder of these files, below that of the log.
pub(in crate::audit_log) fn folder(log: &Path) -> PathBuf {
    log.join("held")
}

/// Every checkpoint of the log in `folder` that is held somewhere and can be read without asking anybody: what each place took last,
/// and what lies in the files that are places. The log has to go on from all of them.
///
/// # Errors
/// Something lies there that is no checkpoint of this log. What cannot be read at all is told and left out: who may remove a file
/// may stop nobody by that.
pub(crate) fn held(settings: &AuditLogDelivery, folder: &Path, known: &KnownLog) -> Result<Vec<Checkpoint>, String> {
    let mut found = Vec::new();
    for place in &settings.places {
        let outside = match &place.to {
            CheckpointTo::File(path) => Some(Held(path.value.clone())),
            CheckpointTo::Witness(_) | CheckpointTo::Git(_) | CheckpointTo::Otlp(_) => None,
        };
        for held in outside.into_iter().chain([Held::new(folder, &place.name)]) {
            found.extend(held.read(known)?.map(|(_, checkpoint)| checkpoint));
        }
    }
    Ok(found)
}

impl Held {
    /// Of the place of this name.
    pub(super) fn new(log: &Path, name: &str) -> Self {
        Self(folder(log).join(format!("{name}.checkpoint")))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// What it took last; none if it took nothing yet, or that cannot be read, which is told.
    ///
    /// # Errors
    /// What lies there is no checkpoint of this log.
    pub(super) fn read(&self, known: &KnownLog) -> Result<Option<(Note, Checkpoint)>, String> {
        let path = self.0.display();
        let octets = match read(&self.0) {
            Ok(octets) => octets,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                tracing::warn!("the checkpoint `{path}` cannot be read, so the log is not held against it: {error}");
                return Ok(None);
            }
        };
        let foreign = |error: &dyn std::fmt::Display| {
            format!(
                "`{path}` is no checkpoint of the log that is here ({error}): either the log or its keys are not what they were, or \
                 the file is another log's; move it away only if you know which"
            )
        };
        let note = Note::parse(&octets).map_err(|error| foreign(&error))?;
        let checkpoint = known.verify_checkpoint(&note).map_err(|error| foreign(&error))?;
        Ok(Some((note, checkpoint)))
    }

    pub(super) fn write(&self, note: &Note) -> io::Result<()> {
        place::replace_with(&self.0, note.to_string().as_bytes(), MODE)
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    // One more than a note can have, which makes it none.
    let bytes_max = u64::try_from(NOTE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(bytes_max).read_to_end(&mut octets)?;
    Ok(octets)
}
