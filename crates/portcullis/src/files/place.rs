//! Files that are there whole or not at all, also where the machine fails: half a secret would be there for good.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Who may use what is placed.
const MODE: u32 = 0o600;

/// Puts a file, which its owner alone may read, where there is none. Whether it did.
///
/// # Errors
/// It cannot be written or placed.
pub(crate) fn create(path: &Path, octets: &[u8]) -> io::Result<bool> {
    let written = beside(path, octets, MODE)?;
    let placed = fs::hard_link(&written, path);
    fs::remove_file(&written)?;
    match placed {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
        Ok(()) => settle(path).map(|()| true),
    }
}

/// Puts a file, which its owner alone may read, in the place of what is there.
///
/// # Errors
/// It cannot be written or placed.
pub(crate) fn replace(path: &Path, octets: &[u8]) -> io::Result<()> {
    replace_with(path, octets, MODE)
}

/// Puts a file in the place of what is there, with these rights as far as the process gives any.
///
/// # Errors
/// It cannot be written or placed.
pub(crate) fn replace_with(path: &Path, octets: &[u8], mode: u32) -> io::Result<()> {
    fs::rename(beside(path, octets, mode)?, path)?;
    settle(path)
}

/// Writes a file of a name of its own into the same directory. A file that has the name already is not written into: whoever made it
/// could read there what is written.
fn beside(path: &Path, octets: &[u8], mode: u32) -> io::Result<PathBuf> {
    let written = path.with_extension(format!("new-{}", std::process::id()));
    match fs::remove_file(&written) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(mode)
        .open(&written)?;
    file.write_all(octets)?;
    file.sync_all()?;
    Ok(written)
}

/// Has the name written down.
fn settle(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[test]
    fn what_somebody_else_made_is_not_written_into() {
        let directory = std::env::temp_dir().join(format!("portcullis-place-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (path, theirs) = (directory.join("secret.jwks"), directory.join("theirs"));
        fs::write(&theirs, "").unwrap();
        symlink(&theirs, path.with_extension(format!("new-{}", std::process::id()))).unwrap();
        assert!(create(&path, b"one").unwrap());
        assert!(!create(&path, b"two").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        replace(&path, b"three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, MODE);
        assert_eq!(fs::read(&theirs).unwrap(), b"");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
        fs::remove_dir_all(&directory).unwrap();
    }
}
