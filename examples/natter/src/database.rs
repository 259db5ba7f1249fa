//! The SQLite database: its tables, and rows as JSON objects.
//! It never decides who may see or change a row, nor which of its columns.

use std::panic::Location;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Row};
use serde_json::{Map, Value};

use crate::failure::Failure;

/// A row: every column under its name.
pub(crate) type Record = Map<String, Value>;

/// Where the data live.
#[derive(Debug, Clone)]
pub enum Database {
    /// In memory: gone when the service ends.
    Memory,
    /// In this file, made when it is absent.
    File(PathBuf),
}

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE, display_name TEXT, email TEXT,
    password TEXT NOT NULL, password_hash TEXT NOT NULL, is_admin INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
CREATE TABLE IF NOT EXISTS sessions (
    id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, username TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
CREATE TABLE IF NOT EXISTS spaces (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, owner TEXT NOT NULL, internal_note TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
CREATE TABLE IF NOT EXISTS members (
    space_id INTEGER NOT NULL, username TEXT NOT NULL, permissions TEXT NOT NULL,
    PRIMARY KEY (space_id, username));
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, space_id INTEGER NOT NULL, author TEXT NOT NULL, content TEXT NOT NULL,
    reply_to INTEGER, idempotency_key TEXT UNIQUE, author_address TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
CREATE TABLE IF NOT EXISTS shares (
    id INTEGER PRIMARY KEY, token TEXT UNIQUE, space_id INTEGER NOT NULL, message_id INTEGER,
    permissions TEXT NOT NULL, expires_at TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
CREATE TABLE IF NOT EXISTS logs (
    id INTEGER PRIMARY KEY, method TEXT NOT NULL, target TEXT NOT NULL, status INTEGER NOT NULL, address TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
";

/// One connection behind a lock: plenty for an example.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Mutex<Connection>,
}

impl Store {
    pub(crate) fn open(database: &Database) -> Result<Self, rusqlite::Error> {
        let connection = match database {
            Database::Memory => Connection::open_in_memory()?,
            Database::File(path) => Connection::open(path)?,
        };
        connection.execute_batch(TABLES)?;
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    /// Every row that `sql` yields, as far as its first statement goes.
    #[track_caller]
    pub(crate) fn select(&self, sql: &str, parameters: impl Params) -> Result<Vec<Record>, Failure> {
        let caller = Location::caller();
        self.rows(sql, parameters)
            .map_err(|error| Failure::database(sql, &error, caller))
    }

    /// The first row, or `None`.
    #[track_caller]
    pub(crate) fn first(&self, sql: &str, parameters: impl Params) -> Result<Option<Record>, Failure> {
        Ok(self.select(sql, parameters)?.into_iter().next())
    }

    /// As [`Store::select`], with the database's own error.
    pub(crate) fn rows(&self, sql: &str, parameters: impl Params) -> Result<Vec<Record>, rusqlite::Error> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statement = connection.prepare(sql)?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        statement.query_map(parameters, |row| record(&names, row))?.collect()
    }
}

fn record(names: &[String], row: &Row<'_>) -> Result<Record, rusqlite::Error> {
    names
        .iter()
        .enumerate()
        .map(|(index, name)| Ok((name.clone(), json(row.get_ref(index)?))))
        .collect()
}

fn json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => integer.into(),
        ValueRef::Real(real) => real.into(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into(),
    }
}
