//! Where a log lies, by whom it is known, and how it is opened for writing.

use std::path::PathBuf;

use portcullis_audit_log::checkpoint::{Checkpoint, KnownLog};
use portcullis_audit_log::writer::Writer;
use portcullis_gateway::listen::unix_time;
use portcullis_store::StoreError;
use portcullis_store::audit_log::LogFiles;

use super::keys::{self, Keys};

/// Where the log lies, and by whom it is known.
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) known: KnownLog,
    pub(super) keys: Keys,
    /// Whether they were replaced, and no entry says so yet.
    pub(super) keys_changed: bool,
    /// Checkpoints that were kept elsewhere.
    pub(super) held: Vec<Checkpoint>,
}

/// Why a log is not opened.
pub(super) enum Unopened {
    /// Another process writes to it.
    Locked,
    /// Anything else.
    Failed(String),
}

impl Place {
    /// Opens the log.
    ///
    /// # Errors
    /// [`Unopened`].
    pub(super) fn open(&mut self) -> Result<Writer, Unopened> {
        let failed = |error: String| Unopened::Failed(error);
        let files = LogFiles::open(&self.folder).map_err(|error| match error {
            StoreError::Locked => Unopened::Locked,
            error => failed(error.to_string()),
        })?;
        let signers = || {
            self.keys
                .signers()
                .ok_or_else(|| failed("it has no key that signs".to_owned()))
        };
        let now = unix_time().seconds();
        // The keys that are configured, and no others: whoever can write the folder could put theirs there.
        let known = self.keys.fresh(&self.known.origin);
        let opened = Writer::open(Box::new(files), known, signers()?, &self.held, now);
        let (writer, recovery) = opened.map_err(|error| failed(error.to_string()))?;
        if recovery.torn.is_some() {
            tracing::warn!(
                "the audit log ended in what was never acknowledged, and that was dropped: the gate was stopped while it wrote"
            );
        }
        if let Some(changed) = keys::changed(&self.known, &self.keys, writer.size()) {
            keys::keep(&self.folder, &changed).map_err(|error| failed(error.to_string()))?;
            self.known = changed;
            self.keys_changed = true;
        }
        Ok(writer)
    }
}
