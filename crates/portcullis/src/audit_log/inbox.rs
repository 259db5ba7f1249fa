//! What others have to say to the log: commands that read it, and a gate that handed over and has requests left. Each leaves a file of
//! entries, a line each, which whoever writes the log takes in.
//!
//! A file gets its name when it is whole and durable. It is removed when its entries are; a crash between the two has them twice.
//!
//! Whoever is of the folder's group may leave something, so that a reader of the log need not be the user that the gate runs as. Of
//! another user nothing is believed but that they looked at the log themselves: the owner of a file is who did it. Nor is anything erased for
//! them: what can be erased only the gate's own user can read, and root.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use portcullis_audit_log::entry::{Actor, Entry, Erasable, Event, Unmapped, User};
use rustix::fs::OFlags;

use super::os_users as users;

/// The folder, in that of the log.
pub(crate) const FOLDER: &str = "inbox";
/// Sticky, so that nobody removes what others left; and what is left there has the folder's group, so that the gate can read it.
const FOLDER_MODE: u32 = 0o3770;
const FILE_MODE: u32 = 0o640;
/// Who may leave anything, as the gate itself may.
const ROOT: u32 = 0;
/// What a value of an entry is called that says what was erased.
const ERASED: &str = "erased";
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
    /// The commitments to values that are to be erased.
    pub(super) erased: BTreeSet<String>,
    /// Whether something in it is no entry.
    pub(super) is_damaged: bool,
}

/// Leaves entries. `lines` has one a line, each after its erasable values.
///
/// # Errors
/// They could not be made durable.
pub(crate) fn leave(log: &Path, lines: &[u8]) -> io::Result<PathBuf> {
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
        .mode(FILE_MODE)
        .open(&writing)?;
    file.write_all(lines)?;
    file.sync_all()?;
    let left = folder.join(format!("{name}.{SUFFIX}"));
    fs::rename(&writing, &left)?;
    File::open(&folder)?.sync_all()?;
    Ok(left)
}

/// The folder, made if there is none.
///
/// # Errors
/// It cannot be made.
pub(crate) fn folder(log: &Path) -> io::Result<PathBuf> {
    let folder = log.join(FOLDER);
    match DirBuilder::new().mode(FOLDER_MODE).create(&folder) {
        Ok(()) => {
            fs::set_permissions(&folder, Permissions::from_mode(FOLDER_MODE))?;
            File::open(log)?.sync_all()?;
        }
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
        erased: BTreeSet::new(),
        is_damaged: false,
        file,
    };
    let Some((octets, owner)) = octets(&letter.file)? else {
        letter.is_damaged = true;
        return Ok(letter);
    };
    if owner != rustix::process::geteuid().as_raw() && owner != ROOT {
        for line in octets.split(|octet| *octet == b'\n').filter(|line| !line.is_empty()) {
            match of_another(line, owner) {
                Some(entry) => letter.entries.push((entry, Vec::new())),
                None => letter.is_damaged = true,
            }
        }
        return Ok(letter);
    }
    let mut beside = Vec::new();
    for line in octets.split(|octet| *octet == b'\n').filter(|line| !line.is_empty()) {
        if serde_json::from_slice::<Erasable<'_>>(line).is_ok() {
            beside.extend_from_slice(line);
            beside.push(b'\n');
        } else if let Ok(entry) = Entry::read(line) {
            letter.erased.extend(erased(&entry));
            letter.entries.push((line.to_vec(), std::mem::take(&mut beside)));
        } else {
            letter.is_damaged = true;
        }
    }
    Ok(letter)
}

/// What a file holds, and whose it is. None where it is none that can be taken in: whoever may leave one could leave anything, such as a
/// link to what they may not read themselves.
fn octets(path: &Path) -> io::Result<Option<(Vec<u8>, u32)>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    let file = match file {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::PermissionDenied || is_link(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.nlink() != 1 || metadata.len() > FILE_BYTES_MAX {
        return Ok(None);
    }
    let mut octets = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut octets)?;
    Ok(Some((octets, metadata.uid())))
}

/// Whether a file is not opened because its name is that of a link.
fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// The entry that says that values are erased, which is also how the gate is told to do it.
pub(crate) fn erasing<'e>(entry: Entry<'e>, commitments: &[&'e str]) -> Entry<'e> {
    let fields = commitments
        .iter()
        .map(|commitment| (ERASED.into(), (*commitment).into()));
    Entry {
        unmapped: Some(Unmapped {
            fields: fields.collect(),
            ..Unmapped::default()
        }),
        ..entry
    }
}

/// The commitments to what such an entry erases.
fn erased(entry: &Entry<'_>) -> Vec<String> {
    let fields = entry.unmapped.iter().flat_map(|unmapped| &unmapped.fields);
    let of_erasing = fields.filter(|(name, _)| entry.metadata.event_code == Event::Administration && name == ERASED);
    of_erasing.map(|(_, commitment)| commitment.to_string()).collect()
}

/// What another user of the system may say: that they looked at the log. Who they are is who the file belongs to.
fn of_another(line: &[u8], owner: u32) -> Option<Vec<u8>> {
    let mut entry = Entry::read(line).ok()?;
    let is_about_log = entry.entity.as_ref().is_some_and(|entity| entity.kind == "audit-log");
    if entry.metadata.event_code != Event::Administration || !is_about_log || !erased(&entry).is_empty() {
        return None;
    }
    entry.actor = Some(os_user(users::name(owner)));
    let mut octets = Vec::with_capacity(line.len());
    entry.write(&mut octets);
    Some(octets)
}

/// A user of the system, as an entry has one.
pub(crate) fn os_user(name: String) -> Actor<'static> {
    Actor {
        user: Some(User {
            uid: name.into(),
            kind: Some("os-user".into()),
            domain: None,
            credential_uid: None,
        }),
        app_uid: None,
    }
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
