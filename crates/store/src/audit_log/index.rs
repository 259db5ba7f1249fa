//! The files of an index: made where they are missing, by whoever comes first.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use portcullis_audit_log::beside::{INDEX, index_name};
use portcullis_audit_log::checkpoint::KnownLog;
use portcullis_audit_log::entries::{Entries, ReadError};
use portcullis_audit_log::index::{Beside as _, SEGMENT_ENTRIES, build};

use super::beside::{LogBeside, belongs_as, place, remove};
use super::files::LogFolder;
use crate::StoreError;

/// Held by whoever makes an index or erases values, so that no index is made of values that are being erased.
const LOCK: &str = ".lock";
const WRITING: &str = ".writing";
const FILE_MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;

/// What was done to an index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    /// How many segments were indexed.
    pub built: u64,
    /// How many have no index still.
    pub missing: u64,
}

/// Makes the index of the segments of 65,536 published entries that have none, or one that is torn or of another version: of the newest
/// first, of `segments_max` at most. Removes what is there of entries that are not kept any more.
///
/// # Errors
///
/// [`StoreError::Io`] when it cannot be written or the log cannot be read; [`StoreError::Damaged`] when the log is not as it should be.
pub fn index_missing(folder: &Path, log: &KnownLog, segments_max: u64) -> Result<Indexed, StoreError> {
    let _lock = lock(folder)?;
    make(folder, log, segments_max)
}

/// Makes the whole index anew, telling `done` of every segment.
///
/// # Errors
///
/// As [`index_missing`].
pub fn index_rebuild(folder: &Path, log: &KnownLog, done: &mut dyn FnMut(Indexed)) -> Result<Indexed, StoreError> {
    let _lock = lock(folder)?;
    for name in names(folder)? {
        remove(&folder.join(INDEX), &index_name(name))?;
    }
    let mut indexed = Indexed::default();
    loop {
        let Indexed { built, missing } = make(folder, log, 1)?;
        indexed = Indexed {
            built: indexed.built + built,
            missing,
        };
        if built == 0 {
            return Ok(indexed);
        }
        done(indexed);
    }
}

fn make(folder: &Path, log: &KnownLog, segments_max: u64) -> Result<Indexed, StoreError> {
    let (source, beside) = (LogFolder::new(folder), LogBeside::new(folder));
    let mut entries = Entries::open(&source, log).map_err(unreadable)?;
    let oldest = entries.checkpoint().minimum_index.div_ceil(SEGMENT_ENTRIES);
    let index = folder.join(INDEX);
    for first in names(folder)? {
        if first < oldest * SEGMENT_ENTRIES {
            remove(&index, &index_name(first))?;
        }
    }
    let mut indexed = Indexed::default();
    for segment in (oldest..entries.published() / SEGMENT_ENTRIES).rev() {
        let first = segment * SEGMENT_ENTRIES;
        if beside.index(first)?.is_some() {
            continue;
        }
        if indexed.built == segments_max {
            indexed.missing += 1;
            continue;
        }
        if let Some(blob) = build(&mut entries, first, &beside.erasable(first)?).map_err(unreadable)? {
            place(&index, &index_name(first), WRITING, &blob, FILE_MODE)?;
            indexed.built += 1;
        }
    }
    Ok(indexed)
}

/// Waits until nobody else makes an index or erases.
pub(super) fn lock(folder: &Path) -> Result<File, StoreError> {
    let index = folder.join(INDEX);
    match DirBuilder::new().mode(FOLDER_MODE).create(&index) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
        Err(_) => {}
        Ok(()) => belongs_as(&index, folder)?,
    }
    let is_new = !index.join(LOCK).exists();
    let lock = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(FILE_MODE)
        .open(index.join(LOCK))?;
    if is_new {
        belongs_as(&index.join(LOCK), folder)?;
    }
    lock.lock()?;
    Ok(lock)
}

/// The first entries of the segments that have an index.
fn names(folder: &Path) -> Result<Vec<u64>, StoreError> {
    let mut firsts = Vec::new();
    for entry in fs::read_dir(folder.join(INDEX))? {
        let name = entry?.file_name();
        let first = name.to_str().and_then(|name| name.parse().ok());
        firsts.extend(first.filter(|first| index_name(*first).as_str() == name));
    }
    Ok(firsts)
}

fn unreadable(error: ReadError) -> StoreError {
    match error {
        ReadError::Io { error, .. } => StoreError::Io(error),
        error => StoreError::Damaged(error.to_string()),
    }
}
