//! Both stores against one suite, and what only a file can suffer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod audit_log;
mod conformance;
mod file;
mod relations;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use portcullis_identity::credentials::{CredentialId, Kind, Record, Tag};
use portcullis_identity::principal::{Scopes, SubjectKind};
use portcullis_identity::time::UnixTime;

/// A directory that goes with its guard.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("portcullis-store-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn store(&self) -> PathBuf {
        self.0.join("store.db")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}

fn id(fill: u8) -> CredentialId {
    CredentialId::of([fill; 8])
}

fn tag(fill: u8) -> Tag {
    Tag {
        key: "a".into(),
        mac: [fill; 32],
    }
}

/// Of alice, without an end.
fn record(fill: u8) -> Record {
    Record {
        id: id(fill),
        kind: Kind::ApiKey,
        label: "it's \"a label\"; ünïcode".into(),
        owner_kind: SubjectKind::User,
        owner: "alice".into(),
        client: None,
        scopes: Scopes::new(vec!["b".into(), "a".into()]),
        tag: tag(fill),
        retiring: None,
        issued: at(1000),
        expires: None,
        revoked: None,
        used: None,
    }
}
