//! What only a store in a file can suffer.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use portcullis_identity::credentials::Kind;
use portcullis_store::StoreError;
use portcullis_store::credentials::{Changes, Credentials as _, Position, Whose};
use portcullis_store::sqlite::{self, SqliteCredentials};

use crate::{Directory, at, id, record};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn refused(path: &Path) -> StoreError {
    let looked = sqlite::look(path).unwrap_err();
    let opened = SqliteCredentials::open(path).map(drop).unwrap_err();
    assert_eq!(
        looked.to_string(),
        opened.to_string(),
        "looking tells what opening does"
    );
    opened
}

#[test]
fn what_was_kept_is_there_the_next_time() {
    let directory = Directory::new();
    let path = directory.store();
    assert!(matches!(refused(&path), StoreError::Missing));
    SqliteCredentials::create(&path).unwrap().issue(&record(1)).unwrap();
    let before = std::fs::read_dir(&directory.0).unwrap().count();
    sqlite::look(&path).unwrap();
    assert_eq!(
        std::fs::read_dir(&directory.0).unwrap().count(),
        before,
        "looking leaves nothing behind"
    );
    let mut again = SqliteCredentials::open(&path).unwrap();
    assert_eq!(again.find(&id(1)).unwrap(), Some(record(1)));
}

#[test]
fn its_files_are_its_owners_alone() {
    let directory = Directory::new();
    let path = directory.store();
    let mut store = SqliteCredentials::create(&path).unwrap();
    store.issue(&record(1)).unwrap();
    for file in sqlite::files(&path) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    drop(store);
    sqlite::prepare(&path).unwrap();
    for file in sqlite::files(&path) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    assert_eq!(
        SqliteCredentials::open(&path).unwrap().find(&id(1)).unwrap(),
        Some(record(1))
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
    assert!(matches!(refused(&path), StoreError::Exposed { mode: 0o604 }));
}

#[test]
fn another_process_sees_each_change() {
    let directory = Directory::new();
    let path = directory.store();
    let mut one = SqliteCredentials::create(&path).unwrap();
    let mut other = SqliteCredentials::open(&path).unwrap();
    let Changes { position, .. } = other.changes(Position::default()).unwrap();
    one.issue(&record(1)).unwrap();
    let Changes {
        records,
        position,
        whole,
    } = other.changes(position).unwrap();
    assert_eq!((records, whole), (vec![record(1)], false));
    one.revoke(Kind::ApiKey, &Whose::All, at(2000)).unwrap();
    let Changes { records, .. } = other.changes(position).unwrap();
    assert_eq!(records[0].revoked, Some(at(2000)));
}

#[test]
fn a_file_in_the_place_of_another_is_read_whole_and_one_that_is_gone_is_missed() {
    let directory = Directory::new();
    let (path, backup) = (directory.store(), directory.0.join("backup.db"));
    SqliteCredentials::create(&backup).unwrap().issue(&record(2)).unwrap();
    let mut store = SqliteCredentials::create(&path).unwrap();
    for fill in [1, 3, 4] {
        store.issue(&record(fill)).unwrap();
    }
    let Changes { position, .. } = store.changes(Position::default()).unwrap();
    for file in sqlite::files(&path) {
        fs::remove_file(file).unwrap();
    }
    assert!(matches!(store.find(&id(1)), Err(StoreError::Missing)));
    fs::rename(&backup, &path).unwrap();
    let Changes { records, whole, .. } = store.changes(position).unwrap();
    assert_eq!((records, whole), (vec![record(2)], true));
}

#[test]
fn what_is_no_store_is_left_alone() {
    let directory = Directory::new();
    let path = directory.store();
    let write = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    };
    write(&b"this is no database, and never was one\n".repeat(200));
    let before = fs::read(&path).unwrap();
    assert!(matches!(refused(&path), StoreError::Foreign));
    assert_eq!(fs::read(&path).unwrap(), before);
    // A database of somebody else's.
    let other = directory.0.join("other.db");
    rusqlite::Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE theirs (x)")
        .unwrap();
    write(&fs::read(&other).unwrap());
    assert!(matches!(refused(&path), StoreError::Foreign));
}

#[test]
fn newer_and_damaged_stores_are_told_as_what_they_are() {
    let directory = Directory::new();
    let path = directory.store();
    let mut store = SqliteCredentials::create(&path).unwrap();
    for fill in 0..200 {
        store.issue(&record(fill)).unwrap();
    }
    drop(store);
    let edit = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    edit("PRAGMA user_version = 7");
    let told = refused(&path).to_string();
    assert!(told.contains("schema 7, this one knows 2"), "{told}");
    edit("PRAGMA user_version = 2; UPDATE credential SET expires = -5 WHERE label IS NOT NULL");
    let mut store = SqliteCredentials::open(&path).unwrap();
    // A credential whose end cannot be read must not be one without an end.
    assert!(matches!(store.find(&id(1)), Err(StoreError::Damaged(_))));
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len() - 100;
    bytes[4096..end].fill(0xAA);
    fs::write(&path, bytes).unwrap();
    let damaged = SqliteCredentials::open(&path).and_then(|mut store| store.changes(Position::default()));
    assert!(matches!(damaged, Err(StoreError::Damaged(_))), "{damaged:?}");
}
