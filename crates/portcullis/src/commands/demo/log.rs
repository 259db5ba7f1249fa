//! The audit log of the demo: in a folder for as long as the demo runs, which is removed with it.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use portcullis_audit_log::checkpoint::Origin;

use serde_json::Value;

use super::client::Request;
use super::people::MALLORY;
use super::stage::{Guarded, Over};
use crate::audit_log::keys::Keys;
use crate::audit_log::making;
use crate::config::audit_log::AuditLog;

/// What is alice's alone.
const DIARY: &str = "/spaces/3/messages";
/// The name of the log.
const NAME: &str = "demo.portcullis.example/audit";

/// A folder that goes when it is dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// # Errors
    /// The system gives none.
    pub(super) fn new() -> io::Result<Self> {
        let number = getrandom::u64().map_err(io::Error::other)?;
        let path = std::env::temp_dir().join(format!("portcullis-demo-{number:016x}"));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Where the log lies.
    pub(super) fn log(&self) -> PathBuf {
        self.0.join("log")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in a folder for such things.
        let _left = fs::remove_dir_all(&self.0);
    }
}

/// A request that is refused, and so in the log: its id.
///
/// # Errors
/// There is no answer, or it is no refusal.
pub(super) fn refused(stage: &Guarded) -> Result<String, String> {
    let token = stage.issuer.token(&MALLORY).map_err(|error| error.to_string())?;
    let request = Request {
        method: "GET",
        target: DIARY,
        headers: &[("authorization", format!("Bearer {token}"))],
        body: b"",
    };
    let answer = stage.send(&Over::Tcp, &request).map_err(|error| error.to_string())?;
    let problem: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    let id = problem.get("request_id").and_then(Value::as_str);
    id.map(str::to_owned)
        .ok_or_else(|| format!("{DIARY} is answered with {}", answer.status))
}

/// Commands that look at the log, for somebody who has this id.
pub(super) fn commands(stage: &Guarded, id: &str) -> [String; 4] {
    let program = std::env::current_exe().map_or_else(|_| "portcullis".to_owned(), |path| path.display().to_string());
    let log = stage.folder.log().display().to_string();
    [
        format!("{program} log show {id} --prove --log {log}"),
        format!("{program} log query --outcome denied --log {log}"),
        format!("{program} log tail --follow --log {log}"),
        format!("{program} log verify --log {log}"),
    ]
}

/// Makes an empty log in a folder.
///
/// # Errors
/// It cannot be made.
pub(super) fn make(folder: &Folder) -> Result<(AuditLog, Keys), String> {
    let name = Origin::new(NAME).ok_or("the demo's log has no name")?;
    let configured = AuditLog::in_folder(folder.path(), name);
    let made = making::make(&configured)?;
    Ok((configured, made.keys))
}
