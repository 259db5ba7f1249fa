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

use portcullis_audit_log::beside::INBOX;
use portcullis_audit_log::entry::{Actor, Entity, Entry, Erasable, Event, Unmapped, User};
use portcullis_audit_log::redact;
use portcullis_gateway::listen::unix_milliseconds;
use rustix::fs::OFlags;

use super::os_users as users;

/// The folder, in that of the log.
/// Sticky, so that nobody removes what others left; and what is left there has the folder's group, so that the gate can read it.
const FOLDER_MODE: u32 = 0o3770;
const FILE_MODE: u32 = 0o640;
const OWN_MODE: u32 = 0o600;
/// Who may leave anything, as the gate itself may.
const ROOT: u32 = 0;
/// What a value of an entry is called that says what was erased.
const ERASED: &str = "erased";
const SUFFIX: &str = "json";
/// Whoever has one of these locked has requests left.
const ALIVE: &str = "alive";
/// No file has more.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// No file of another user has more: one says that somebody looked at the log.
const FOREIGN_BYTES_MAX: u64 = 64 << 10;
/// So many files of others are taken in at once.
const FOREIGN_AT_ONCE_MAX: usize = 100;
/// How much of what another user says is kept.
const COMMENT_BYTES_MAX: usize = 256;

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
    leave_for(log, lines, FILE_MODE)
}

/// The same from a gate that handed over: it may have values that can be erased, which only its own user can read.
///
/// # Errors
/// They could not be made durable.
pub(super) fn hand_on(log: &Path, lines: &[u8]) -> io::Result<PathBuf> {
    leave_for(log, lines, OWN_MODE)
}

fn leave_for(log: &Path, lines: &[u8], mode: u32) -> io::Result<PathBuf> {
    let folder = folder(log)?;
    // In the order in which they are left.
    let name = format!("{:016x}-{:016x}", unix_milliseconds(), chance()?);
    let writing = folder.join(format!("{name}.new"));
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(mode)
        .open(&writing)?;
    // Whatever the umask of whoever runs the command.
    file.set_permissions(Permissions::from_mode(mode))?;
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
    let folder = log.join(INBOX);
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

/// The files that were left, in the order of their names: those of others only up to a bound.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn files(log: &Path) -> io::Result<Vec<PathBuf>> {
    let listed = match fs::read_dir(log.join(INBOX)) {
        Ok(listed) => listed,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for file in listed {
        let path = file?.path();
        // What is no file would not be read, or never to its end.
        let metadata = fs::symlink_metadata(&path);
        let Some(metadata) = metadata.ok().filter(|metadata| metadata.is_file()) else {
            continue;
        };
        if path.extension().is_some_and(|extension| extension == SUFFIX) {
            files.push((path, is_own(metadata.uid())));
        }
    }
    files.sort_unstable();
    let mut foreign = 0;
    files.retain(|(_, is_own)| {
        foreign += usize::from(!is_own);
        *is_own || foreign <= FOREIGN_AT_ONCE_MAX
    });
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// Whether somebody is the gate's own user, or root.
fn is_own(user: u32) -> bool {
    user == rustix::process::geteuid().as_raw() || user == ROOT
}

fn chance() -> io::Result<u64> {
    getrandom::u64().map_err(io::Error::other)
}

/// What one of them says.
///
/// # Errors
/// It cannot be read.
pub(super) fn letter(file: PathBuf) -> io::Result<Letter> {
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
    if !is_own(owner) {
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
    let bytes_max = if is_own(metadata.uid()) {
        FILE_BYTES_MAX
    } else {
        FOREIGN_BYTES_MAX
    };
    if !metadata.is_file() || metadata.nlink() != 1 || metadata.len() > bytes_max {
        return Ok(None);
    }
    let mut octets = Vec::new();
    file.take(bytes_max).read_to_end(&mut octets)?;
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
    let entry = Entry::read(line).ok()?;
    let is_about_log = entry.entity.as_ref().is_some_and(|entity| entity.kind == "audit-log");
    if entry.metadata.event_code != Event::Administration || !is_about_log || !erased(&entry).is_empty() {
        return None;
    }
    let comment = entry.comment.as_deref().unwrap_or_default();
    let comment = comment
        .get(..comment.floor_char_boundary(COMMENT_BYTES_MAX))
        .unwrap_or_default();
    let told = Entry {
        activity_id: entry.activity_id,
        actor: Some(os_user(users::name(owner))),
        entity: Some(Entity {
            kind: "audit-log".into(),
            name: None,
        }),
        comment: Some(format!("says to have looked at the log: {}", redact::masked(comment)).into()),
        ..Entry::new(Event::Administration, unix_milliseconds())
    };
    let mut octets = Vec::with_capacity(line.len());
    told.write(&mut octets);
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
pub(super) struct Alive(Option<(PathBuf, File)>);

impl Alive {
    /// # Errors
    /// The file cannot be made or locked.
    pub(super) fn new(log: &Path) -> io::Result<Self> {
        // Of a name that nobody can have taken before.
        let path = folder(log)?.join(format!("{:016x}.{ALIVE}", chance()?));
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .mode(OWN_MODE)
            .open(&path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::from(ErrorKind::WouldBlock),
            TryLockError::Error(error) => error,
        })?;
        Ok(Self(Some((path, file))))
    }

    /// Somebody of whom nobody else knows.
    pub(super) fn unknown() -> Self {
        Self(None)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        if let Some((file, _lock)) = &self.0 {
            // One that is left is not locked, and so says nothing.
            let _left = fs::remove_file(file);
        }
    }
}

/// Whether a gate before this one still has requests that it opened while it wrote the log. Nobody else can say so.
pub(super) fn anybody_alive(log: &Path) -> bool {
    let Ok(listed) = fs::read_dir(log.join(INBOX)) else {
        return false;
    };
    let mut files = listed.flatten().map(|file| file.path());
    files.any(|path| {
        let is_alive = path.extension().is_some_and(|extension| extension == ALIVE);
        let metadata = fs::symlink_metadata(&path).ok();
        if !is_alive || !metadata.is_some_and(|metadata| metadata.is_file() && is_own(metadata.uid())) {
            return false;
        }
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&path);
        let is_locked = file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        if !is_locked {
            let _left = fs::remove_file(&path);
        }
        is_locked
    })
}
