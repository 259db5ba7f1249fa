//! Why a store cannot be used.

use thiserror::Error;

/// Why a store cannot be used. A message names no file: whoever opened it knows which one it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no file.
    #[error("there is no such file")]
    Missing,
    /// A file cannot be opened, made or looked at.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Somebody else writes to it, in another process or in this one.
    #[error("another process writes to it")]
    Locked,
    /// Others than its owner and its group may read it.
    #[error("everybody on this machine can get at it (mode {mode:03o})")]
    Exposed {
        /// The permissions of the file.
        mode: u32,
    },
    /// It is a database of somebody else's, or no database at all.
    #[error("it is no store of portcullis")]
    Foreign,
    /// A later version of the program wrote it.
    #[error(
        "a newer portcullis wrote it (schema {found}, this one knows {known}): use that one, or a copy from before"
    )]
    Newer {
        /// The version of its schema.
        found: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// What it holds is not what was written.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// The database fails: it is full, locked for too long, or cannot be written.
    #[error("{0}")]
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Self::Foreign,
            Some(rusqlite::ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            _ => Self::Database(error),
        }
    }
}
