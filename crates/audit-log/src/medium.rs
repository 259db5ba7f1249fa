//! Where a log lies: blobs with names. The few things that are asked of them, and what each promises across a crash.
//!
//! Names are relative paths with `/`, made by this crate alone. A [`Medium`] is a folder of a disk, or what a test makes of one.

use std::io;

/// Blobs that can be read: a log on a disk, or a copy of one from anywhere.
pub trait Source {
    /// The whole content of a blob, or `None` if there is none of the name.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being read; [`io::ErrorKind::FileTooLarge`] if it has more than `bytes_max`.
    fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>>;

    /// What stands directly in a folder, in any order: the names of blobs as they are, those of folders with a `/` at their end. Empty
    /// where there is no such folder.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being listed.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
}

/// Blobs that can be written. One at a time writes to a log; whoever opens a medium sees to that. Every medium passes one suite
/// (`tests/it/conformance.rs`).
///
/// What is written survives a crash for certain only when it was synced; before, any part of it may. After a failure of `sync`,
/// `sync_all` or `replace` nothing that was written may be believed, not even what reads back rightly: systems forget after the
/// first failure that something was not written.
pub trait Medium: Source {
    /// Adds to the end of a blob, which is made if there is none.
    ///
    /// # Errors
    ///
    /// When not everything could be added; part of it may have been.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Writes a whole blob in the place of one that may be there. Who reads meanwhile sees the old or the new; after a crash
    /// without a sync it may be either, or torn.
    ///
    /// # Errors
    ///
    /// When it could not be written.
    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Like `write`, and durable when it returns: after a crash it is the old one or the new one, whole.
    ///
    /// # Errors
    ///
    /// When it could not be written or synced; which of the two it is then is not known.
    fn replace(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Makes a blob durable, with its name, and what was removed from its folder.
    ///
    /// # Errors
    ///
    /// When anything of it could not be; [`io::ErrorKind::NotFound`] if there is none of the name.
    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Makes everything durable that was written so far.
    ///
    /// # Errors
    ///
    /// When anything of it could not be.
    fn sync_all(&mut self) -> io::Result<()>;

    /// Removes a blob. One that is not there is no error. A crash may bring it back until its folder is synced.
    ///
    /// # Errors
    ///
    /// When it could not be removed.
    fn remove(&mut self, name: &str) -> io::Result<()>;
}
