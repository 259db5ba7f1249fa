//! What others have to say to the log: commands that read it, and a gate that handed over and has requests left. Each leaves a file of
//! entries, a line each, which whoever writes the log takes in.
//!
//! A file gets its name when it is whole and durable. It is removed when its entries are; a crash between the two has them twice.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use portcullis_audit_log::entry::{Entry, Erasable};

/// The folder, in that of the log.
pub(crate) const FOLDER: &str = "inbox";
const SUFFIX: &str = "json";
/// Whoever has one of these locked has requests left.
const ALIVE: &str = "alive";
/// No file has more.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// What one file says.
pub(super) struct Letter {
    pub(super) file: PathBuf,
    /// Entries, each with the values beside it.
    pub(super) entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether something in it is no entry.
    pub(super) is_damaged: bool,
}

/// Leaves entries. `lines` has one a line, each after its erasable values.
///
/// # Errors
/// They could not be made durable.
pub(crate) fn leave(log: &Path, lines: &[u8]) -> io::Result<()> {
    let folder = folder(log)?;
    let name = format!(
        "{:016x}-{}",
        getrandom::u64().map_err(io::Error::other)?,
        std::process::id()
    );
    let writing = folder.join(format!("{name}.new"));
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&writing)?;
    file.write_all(lines)?;
    file.sync_all()?;
    fs::rename(&writing, folder.join(format!("{name}.{SUFFIX}")))?;
    File::open(&folder)?.sync_all()
}

fn folder(log: &Path) -> io::Result<PathBuf> {
    let folder = log.join(FOLDER);
    match DirBuilder::new().mode(0o700).create(&folder) {
        Ok(()) => File::open(log)?.sync_all()?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    Ok(folder)
}

/// What was left.
///
/// # Errors
/// It cannot be read.
pub(super) fn letters(log: &Path) -> io::Result<Vec<Letter>> {
    let listed = match fs::read_dir(log.join(FOLDER)) {
        Ok(listed) => listed,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for file in listed {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == SUFFIX) {
            files.push(path);
        }
    }
    files.sort_unstable();
    files.into_iter().map(letter).collect()
}

fn letter(file: PathBuf) -> io::Result<Letter> {
    let mut letter = Letter {
        entries: Vec::new(),
        is_damaged: false,
        file,
    };
    if fs::metadata(&letter.file)?.len() > FILE_BYTES_MAX {
        letter.is_damaged = true;
        return Ok(letter);
    }
    let octets = fs::read(&letter.file)?;
    let mut beside = Vec::new();
    for line in octets.split(|octet| *octet == b'\n').filter(|line| !line.is_empty()) {
        if serde_json::from_slice::<Erasable<'_>>(line).is_ok() {
            beside.extend_from_slice(line);
            beside.push(b'\n');
        } else if Entry::read(line).is_ok() {
            letter.entries.push((line.to_vec(), std::mem::take(&mut beside)));
        } else {
            letter.is_damaged = true;
        }
    }
    Ok(letter)
}

/// Somebody who handed the log over and still has requests: until it is dropped, or the process ends.
pub(super) struct Alive {
    file: PathBuf,
    _lock: File,
}

impl Alive {
    /// # Errors
    /// The file cannot be made or locked.
    pub(super) fn new(log: &Path) -> io::Result<Self> {
        let path = folder(log)?.join(format!("{}.{ALIVE}", std::process::id()));
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::from(ErrorKind::WouldBlock),
            TryLockError::Error(error) => error,
        })?;
        Ok(Self {
            file: path,
            _lock: file,
        })
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        // One that is left is not locked, and so says nothing.
        let _left = fs::remove_file(&self.file);
    }
}

/// Whether somebody else still has requests that they opened while they wrote the log.
pub(super) fn anybody_alive(log: &Path) -> bool {
    let Ok(listed) = fs::read_dir(log.join(FOLDER)) else {
        return false;
    };
    let own = format!("{}.{ALIVE}", std::process::id());
    let others = listed.flatten().map(|file| file.path());
    let mut others =
        others.filter(|path| path.extension().is_some_and(|extension| extension == ALIVE) && !path.ends_with(&own));
    others.any(|path| {
        let file = File::open(&path);
        let is_locked = file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        if !is_locked {
            let _left = fs::remove_file(&path);
        }
        is_locked
    })
}
