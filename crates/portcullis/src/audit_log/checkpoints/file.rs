//! A file outside of the log's folder that has the newest checkpoint, whole at every moment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_audit_log::note::Note;

use super::{Holder, Newest, Taken};
use crate::files::place;

/// A checkpoint is for everybody.
const MODE: u32 = 0o644;

/// A file.
pub(super) struct HeldFile(PathBuf);

impl HeldFile {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Holder for HeldFile {
    fn take(&mut self, newest: &Newest, _before: Option<&Note>, _time_max: Duration) -> Result<Taken, String> {
        let octets = newest.note.to_string();
        place::replace_with(&self.0, octets.as_bytes(), MODE)
            .map_err(|error| format!("`{}` cannot be written: {error}", self.0.display()))?;
        Ok(Taken::unchanged(newest))
    }
}
