//! How far an export is, in a file of its own below the log's folder. It is written after what was sent, so a crash between the two
//! sends something twice and leaves nothing out.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::files::place;

/// Those who may read the log may read it.
const MODE: u32 = 0o640;

/// The file that says the index of the next entry of one export.
#[derive(Debug)]
pub(super) struct Cursor(PathBuf);

/// The folder of these files, below that of the log.
pub(in crate::audit_log) fn folder(log: &Path) -> PathBuf {
    log.join("cursors")
}

impl Cursor {
    /// That of the export of this name. A name may be `..`, the name of a file with an ending is none that leads elsewhere.
    pub(super) fn new(log: &Path, name: &str) -> Self {
        Self(folder(log).join(format!("{name}.next")))
    }

    /// The index of the next entry; 0 where nothing was sent yet.
    ///
    /// # Errors
    /// It cannot be read, or is no number.
    pub(super) fn read(&self) -> Result<u64, String> {
        let text = match fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(format!("`{}` cannot be read: {error}", self.0.display())),
        };
        let number = text.strip_suffix('\n').and_then(|number| number.parse().ok());
        number.ok_or_else(|| {
            let path = self.0.display();
            format!("`{path}` is no number of an entry; remove it to send everything again")
        })
    }

    /// Remembers the index of the next entry.
    pub(super) fn write(&self, next: u64) -> io::Result<()> {
        place::replace_with(&self.0, format!("{next}\n").as_bytes(), MODE)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}
