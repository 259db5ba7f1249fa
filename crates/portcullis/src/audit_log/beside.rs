//! Values that can be erased: they lie beside the log, a line each, in a file for every 65,536 entries.
//!
//! They are written and synced before the entries that commit to them, so an entry is never without its value unless that was erased.
//! A torn line at the end of a file belongs to an entry that was never acknowledged.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use portcullis_audit_log::beside::{ERASABLE, erasable_name};
use portcullis_audit_log::index::SEGMENT_ENTRIES;

/// The file of the values of an entry.
pub(crate) fn file(log: &Path, index: u64) -> PathBuf {
    let first = index - index % SEGMENT_ENTRIES;
    log.join(ERASABLE).join(erasable_name(first))
}

/// Whether a file ends within a line: of an entry that was never acknowledged.
fn is_torn(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Values that wait to be written.
#[derive(Default)]
pub(super) struct Beside {
    waiting: BTreeMap<u64, Vec<u8>>,
}

impl Beside {
    /// Adds the lines of an entry.
    pub(super) fn add(&mut self, index: u64, lines: &[u8]) {
        if !lines.is_empty() {
            let first = index - index % SEGMENT_ENTRIES;
            self.waiting.entry(first).or_default().extend_from_slice(lines);
        }
    }

    /// Writes them, and waits until they are durable.
    ///
    /// # Errors
    /// Something could not be written; lines may then be there twice later, which does no harm.
    pub(super) fn write(&mut self, log: &Path) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let folder = log.join(ERASABLE);
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => File::open(log)?.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        for (first, lines) in &self.waiting {
            let path = file(log, *first);
            let is_new = !path.exists();
            let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
            if is_torn(&path)? {
                file.write_all(b"\n")?;
            }
            file.write_all(lines)?;
            file.sync_data()?;
            if is_new {
                File::open(&folder)?.sync_all()?;
            }
        }
        self.waiting.clear();
        Ok(())
    }
}
