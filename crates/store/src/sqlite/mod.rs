//! A store in a file: SQLite with a write-ahead log, so that a gate reads while a command writes.
//!
//! The file and the two beside it (`-wal`, `-shm`) are readable by their owner. A change is on the disk before it is told as done:
//! a revocation must not be forgotten with the power.

mod credentials;
mod relations;

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::StoreError;

pub use credentials::SqliteCredentials;
pub use relations::SqliteTuples;

/// Says that a database is one of ours (`application_id`): `ptcl`.
const APPLICATION_ID: i64 = 0x7074_636C;
/// What makes a database of each version from the one before; the first from an empty one.
const MIGRATIONS: &[&str] = &[include_str!("schema_1.sql"), include_str!("schema_2.sql")];
/// How long an operation waits for another process that writes.
const BUSY_TIME_MAX: Duration = Duration::from_secs(2);
/// How many pages of 4 KiB the file has at most: 4 GiB.
const PAGES_MAX: i64 = 1 << 20;
/// How large the log is left when it was written into the file.
const LOG_BYTES_MAX: i64 = 16 << 20;
/// How long the header of a database is.
const HEADER_BYTES: usize = 100;
/// Who may read a new file.
const MODE: u32 = 0o600;

/// An open database, which is opened again when another file has its name.
#[derive(Debug)]
struct Database {
    path: PathBuf,
    connection: Connection,
    /// Which file it is: device and number.
    file: (u64, u64),
    /// How often it was opened.
    opening: u64,
}

/// The files of a store: its own, the log and the index of the log.
#[must_use]
pub fn files(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|ending| {
        let mut name = OsString::from(path);
        name.push(ending);
        PathBuf::from(name)
    })
}

/// Makes those of [`files`] that are missing beside a store, for a process that will not be allowed to make any.
///
/// # Errors
/// One cannot be made.
pub fn prepare(path: &Path) -> io::Result<()> {
    let [_, log, index] = files(path);
    make(&log)?;
    make(&index)
}

/// Says whether a store can be used, as far as its first bytes tell, without opening it: opening may bring it to another version.
///
/// # Errors
/// [`StoreError`].
pub fn look(path: &Path) -> Result<(), StoreError> {
    const MAGIC: &[u8; 16] = b"SQLite format 3\0";
    look_at(path)?;
    let mut header = Vec::with_capacity(HEADER_BYTES);
    let bytes = u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX);
    fs::File::open(path)?.take(bytes).read_to_end(&mut header)?;
    if header.is_empty() {
        return Ok(());
    }
    // The header of a database, https://www.sqlite.org/fileformat.html#the_database_header.
    let number = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    if !header.starts_with(MAGIC) || number(68).map(i64::from) != Some(APPLICATION_ID) {
        return Err(StoreError::Foreign);
    }
    let (found, known) = (number(60).map_or(0, i64::from), newest(MIGRATIONS));
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    Ok(())
}

/// Makes a file where there is none.
fn make(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new().create_new(true).write(true).mode(MODE).open(path);
    match made {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

impl Database {
    fn create(path: &Path) -> Result<Self, StoreError> {
        make(path)?;
        Self::open(path)
    }

    fn open(path: &Path) -> Result<Self, StoreError> {
        // First: should the file be replaced in between, the next operation sees another one.
        let file = look_at(path)?;
        Ok(Self {
            connection: connect(path)?,
            path: path.to_owned(),
            file,
            opening: 1,
        })
    }

    /// The connection to the file that has the name now. A file that was replaced or removed would go on to be readable, and
    /// nothing that is revoked in the new one would be seen.
    fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        let file = look_at(&self.path)?;
        if file != self.file {
            self.connection = connect(&self.path)?;
            self.file = file;
            self.opening += 1;
        }
        Ok(&mut self.connection)
    }

    /// Does something that reads, and sees one state of the database.
    fn read<T>(&mut self, act: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let transaction = self.connection()?.transaction()?;
        act(&transaction)
    }

    /// Does something that writes, alone; whole or, where it fails, not at all.
    fn write<T, E: From<StoreError>>(&mut self, act: impl FnOnce(&Transaction<'_>) -> Result<T, E>) -> Result<T, E> {
        let begun = self
            .connection()?
            .transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = begun.map_err(StoreError::from)?;
        let done = act(&transaction)?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(done)
    }
}

/// Which file it is, if it may be used.
fn look_at(path: &Path) -> Result<(u64, u64), StoreError> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => StoreError::Missing,
        _ => StoreError::Io(error),
    })?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(StoreError::Exposed { mode });
    }
    Ok((metadata.dev(), metadata.ino()))
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIME_MAX)?;
    // What somebody wrote into the schema is not run.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Before anything is changed: a database of somebody else's stays as it is.
    check_ours(&connection)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update_and_check(None, "max_page_count", PAGES_MAX, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES_MAX, |_| Ok(()))?;
    migrate(&mut connection, MIGRATIONS)?;
    Ok(connection)
}

/// A database without anything in it is ours to begin.
fn check_ours(connection: &Connection) -> Result<(), StoreError> {
    let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let is_ours = id == APPLICATION_ID || (id == 0 && objects == 0);
    is_ours.then_some(()).ok_or(StoreError::Foreign)
}

/// Brings a database to the newest version, whole or not at all.
fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), StoreError> {
    let known = newest(migrations);
    if version(connection)? == known {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let found = version(&transaction)?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for migration in migrations.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", known)?;
    Ok(transaction.commit()?)
}

fn newest(migrations: &[&str]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_made_from_the_one_before() {
        let mut connection = Connection::open_in_memory().unwrap();
        let (first, second) = (
            "CREATE TABLE a (x INTEGER)",
            "ALTER TABLE a ADD COLUMN y INTEGER DEFAULT 7",
        );
        migrate(&mut connection, &[first]).unwrap();
        connection.execute("INSERT INTO a VALUES (1)", []).unwrap();
        for _ in 0..2 {
            migrate(&mut connection, &[first, second]).unwrap();
        }
        let kept: (i64, i64) = connection
            .query_row("SELECT x, y FROM a", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        assert_eq!((kept, version(&connection).unwrap()), ((1, 7), 2));
        let newer = migrate(&mut connection, &[first]);
        assert!(
            matches!(newer, Err(StoreError::Newer { found: 2, known: 1 })),
            "{newer:?}"
        );
        let broken = migrate(&mut connection, &[first, second, "CREATE TABLE b (x); NONSENSE"]);
        assert!(broken.is_err());
        assert_eq!(version(&connection).unwrap(), 2, "whole or not at all");
        assert!(connection.execute("INSERT INTO b VALUES (1)", []).is_err());
    }
}
