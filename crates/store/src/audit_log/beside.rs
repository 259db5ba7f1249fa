//! What lies beside a log, for those who look for its entries; and how files are put there.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use portcullis_audit_log::beside::{ERASABLE, INDEX, erasable_name, index_name, values};
use portcullis_audit_log::index::{Beside, Blob, Segment, Unusable, Values};

use super::files::sync_folder;

/// What lies beside a log.
#[derive(Clone, Debug)]
pub struct LogBeside(PathBuf);

impl LogBeside {
    /// Of the log in a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// The values of entries from `first` on that can be erased and were not.
    ///
    /// # Errors
    ///
    /// Whatever keeps their file from being read.
    pub fn erasable(&self, first: u64) -> io::Result<HashMap<String, String>> {
        match fs::read(self.0.join(ERASABLE).join(erasable_name(first))) {
            Ok(lines) => Ok(values(&lines)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(HashMap::new()),
            Err(error) => Err(error),
        }
    }
}

impl Beside for LogBeside {
    fn index(&self, first: u64) -> io::Result<Option<Segment>> {
        let file = match File::open(self.0.join(INDEX).join(index_name(first))) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match Segment::open(Box::new(IndexFile(file)), first) {
            Ok(segment) => Ok(Some(segment)),
            Err(Unusable::Damaged) => Ok(None),
            Err(Unusable::Io(error)) => Err(error),
        }
    }

    fn values(&self, first: u64) -> io::Result<Rc<dyn Values>> {
        Ok(Rc::new(self.erasable(first)?))
    }
}

struct IndexFile(File);

impl Blob for IndexFile {
    fn read_exact_at(&self, octets: &mut [u8], place: u64) -> io::Result<()> {
        self.0.read_exact_at(octets, place)
    }
}

/// Puts a file in the place of what may be there: after a crash it is the one or the other, whole. `aside` is a name that nobody else
/// writes to.
pub(super) fn place(folder: &Path, name: &str, aside: &str, octets: &[u8], mode: u32) -> io::Result<()> {
    let written = folder.join(aside);
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(mode)
        .open(&written)?;
    belongs_as(&written, folder)?;
    file.write_all(octets)?;
    file.sync_all()?;
    fs::rename(written, folder.join(name))?;
    sync_folder(folder)
}

/// Gives a file or folder to whoever has the folder around it: what root makes there the gate's user has to go on with.
///
/// # Errors
/// It belongs to somebody else, and may not be given away.
pub(super) fn belongs_as(made: &Path, around: &Path) -> io::Result<()> {
    let (made_is, should) = (fs::metadata(made)?, fs::metadata(around)?);
    if made_is.uid() == should.uid() {
        return Ok(());
    }
    chown(made, Some(should.uid()), Some(should.gid()))
}

/// Removes a file, for good. Whether there was one.
pub(super) fn remove(folder: &Path, name: &str) -> io::Result<bool> {
    match fs::remove_file(folder.join(name)) {
        Ok(()) => sync_folder(folder).map(|()| true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
