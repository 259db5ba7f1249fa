//! Erases values that lie beside a log. Their commitments stay in it, and say nothing any more.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use portcullis_audit_log::beside::{ERASABLE, INDEX, erasable_name, index_name, without};

use super::beside::{place, remove};
use super::index::lock;
use crate::StoreError;

const WRITING: &str = ".writing";
const FILE_MODE: u32 = 0o600;

/// The files of values, by the first entries that these are of.
///
/// # Errors
///
/// [`StoreError::Io`] when they cannot be listed.
pub fn erasable_files(folder: &Path) -> Result<Vec<u64>, StoreError> {
    let entries = match fs::read_dir(folder.join(ERASABLE)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut firsts = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let first = name.to_str().and_then(|name| name.strip_suffix(".jsonl")?.parse().ok());
        firsts.extend(first.filter(|first| erasable_name(*first).as_str() == name));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// Erases values, by their commitments, with their salts; removes the index of their segments, which [`index_missing`] makes anew
/// without them. Says from which first entries on something was erased: whoever has one of those files open to append to it has to open
/// it anew, and nobody may append to one meanwhile.
///
/// [`index_missing`]: super::index_missing
///
/// # Errors
///
/// [`StoreError::Io`]; what was not erased then is erased by doing it again.
pub fn erase(folder: &Path, commitments: &BTreeSet<String>) -> Result<Vec<u64>, StoreError> {
    let _lock = lock(folder)?;
    let erasable = folder.join(ERASABLE);
    let mut erased = Vec::new();
    for first in erasable_files(folder)? {
        let name = erasable_name(first);
        let lines = fs::read(erasable.join(&name))?;
        let Some(left) = without(&lines, |commitment| commitments.contains(commitment)) else {
            continue;
        };
        // The index first: what a crash leaves is made anew of what is there then.
        remove(&folder.join(INDEX), &index_name(first))?;
        place(&erasable, &name, WRITING, &left, FILE_MODE)?;
        erased.push(first);
    }
    Ok(erased)
}
