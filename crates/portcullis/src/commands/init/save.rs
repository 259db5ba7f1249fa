//! Writes the files of a draft: all of them or none, and never over what is there unless told to.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::Failure;

/// A contract that is not on disk yet.
pub(super) struct Unsaved {
    /// Where it belongs.
    pub(super) path: PathBuf,
    /// As the service sent it.
    pub(super) bytes: Vec<u8>,
}

/// Refuses before any work is done where a file is in the way.
///
/// # Errors
/// It exists.
pub(super) fn refuse_existing(path: &Path) -> Result<(), Failure> {
    // A dangling link is in the way, too.
    if path.symlink_metadata().is_ok() {
        return Err(in_the_way(path));
    }
    Ok(())
}

/// Writes the contract, where it is to be saved, and the configuration.
///
/// # Errors
/// A file is in the way and `force` is not set, or it cannot be written.
pub(super) fn write(file: &Path, text: &[u8], contract: Option<&Unsaved>, force: bool) -> Result<(), Failure> {
    if !force {
        let paths = contract.iter().map(|contract| contract.path.as_path());
        paths.chain([file]).try_for_each(refuse_existing)?;
    }
    if let Some(Unsaved { path, bytes }) = contract {
        write_one(path, bytes, force)?;
    }
    write_one(file, text, force)
}

fn write_one(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    // Somebody else may have made the file in the meantime.
    let opened = if force {
        options.write(true).create(true).truncate(true).open(path)
    } else {
        options.write(true).create_new(true).open(path)
    };
    opened
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => in_the_way(path),
            _ => Failure::unusable(format!("cannot write `{}`: {error}", path.display())),
        })
}

fn in_the_way(path: &Path) -> Failure {
    Failure::unusable(format!(
        "`{}` is there already: name another file with `--config`, or overwrite it with `--force`",
        path.display()
    ))
}
