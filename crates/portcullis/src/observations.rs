//! Keeping what observe mode saw: one JSON object a line, written once a second, for `portcullis observe-report`.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use portcullis_contract::document::{FileId, Span};
use portcullis_gateway::observe::{Cause, Observations};
use serde::{Deserialize, Serialize};

use crate::config::checked::Observe;

/// How often observations are written.
const PERIOD: Duration = Duration::from_secs(1);

/// One line of the file: a cause, and how often it was met since the last line about it.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    /// The API.
    pub(crate) api: String,
    /// The operation.
    pub(crate) operation: String,
    /// The refusal's code.
    pub(crate) code: String,
    /// The pointer in a body, or the parameter's declared name.
    pub(crate) place: String,
    /// The name of something undeclared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) undeclared: Option<String>,
    /// The file (by its number in the contract), line and column of the broken schema; zeros where there is none.
    pub(crate) schema: (u16, u32, u32),
    /// How often.
    pub(crate) count: u64,
}

/// Writes observations until it is dropped, and then once more.
pub(crate) struct Recorder {
    stop: mpsc::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Starts writing on a thread of its own.
    pub(crate) fn start(observe: Observe, observations: &Arc<Observations>) -> Self {
        let (stop, stopped) = mpsc::channel();
        let observations = Arc::clone(observations);
        let thread = std::thread::Builder::new()
            .name("observations".to_owned())
            .spawn(move || {
                loop {
                    let ended = stopped.recv_timeout(PERIOD) != Err(RecvTimeoutError::Timeout);
                    write(&observe, &observations);
                    if ended {
                        return;
                    }
                }
            });
        let thread = thread
            .inspect_err(|error| tracing::error!(%error, "observations are not recorded"))
            .ok();
        Self { stop, thread }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Where the thread has ended by itself there is nothing to stop.
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write(observe: &Observe, observations: &Observations) {
    let (causes, beyond) = observations.take();
    if beyond > 0 {
        tracing::warn!(beyond, "observations of further causes are counted only");
    }
    if causes.is_empty() {
        return;
    }
    if let Err(error) = append(&observe.file, observe.file_bytes_max, causes) {
        tracing::error!(%error, file = %observe.file.display(), "observations cannot be written");
    }
}

fn append(path: &Path, bytes_max: u64, causes: BTreeMap<Cause, u64>) -> io::Result<()> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let mut file = file.map_err(|error| unopened(path, error))?;
    let mut text = Vec::new();
    for (cause, count) in causes {
        serde_json::to_writer(&mut text, &line(cause, count))?;
        text.push(b'\n');
    }
    if file.metadata()?.len().saturating_add(text.len() as u64) > bytes_max {
        return Err(io::Error::other("the file is full; make the report, then empty it"));
    }
    file.write_all(&text)
}

/// In the sandbox, what the system calls a lack of permission is a file that was removed.
fn unopened(path: &Path, error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::PermissionDenied || path.exists() {
        return error;
    }
    io::Error::other(
        "the file was removed, and the sandbox makes no other: stop and start the gate, and next time empty it",
    )
}

fn line(cause: Cause, count: u64) -> Line {
    let Span {
        file: FileId(file),
        line,
        column,
    } = cause.schema;
    Line {
        api: cause.api.into(),
        operation: cause.operation.into(),
        code: cause.code.to_owned(),
        place: cause.place.into(),
        undeclared: cause.undeclared.map(String::from),
        schema: (file, line, column),
        count,
    }
}

/// Reads a file of observations; lines of the same cause are added up.
///
/// # Errors
/// The file cannot be read, or a line of it is no observation.
pub(crate) fn read(path: &PathBuf) -> Result<Vec<Line>, String> {
    let about = |error: &dyn std::fmt::Display| format!("cannot read the observations `{}`: {error}", path.display());
    let file = File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            about(&"there is no such file; nothing has been observed yet, or the gate writes elsewhere")
        }
        _ => about(&error),
    })?;
    let mut counts: BTreeMap<Line, u64> = BTreeMap::new();
    for (number, text) in io::BufRead::lines(io::BufReader::new(file)).enumerate() {
        let text = text.map_err(|error| about(&error))?;
        let line: Line = serde_json::from_str(&text)
            .map_err(|error| about(&format!("line {} is no observation: {error}", number + 1)))?;
        let count = line.count;
        *counts.entry(Line { count: 0, ..line }).or_default() += count;
    }
    Ok(counts.into_iter().map(|(line, count)| Line { count, ..line }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_added_up() {
        let path = std::env::temp_dir().join(format!("portcullis-observations-{}.jsonl", std::process::id()));
        let cause = Cause {
            api: "natter".into(),
            operation: "logIn".into(),
            code: "contract.body.undeclared",
            place: "".into(),
            undeclared: Some("otp".into()),
            schema: Span {
                file: FileId(0),
                line: 7,
                column: 3,
            },
        };
        for count in [2, 3] {
            append(&path, 1 << 20, BTreeMap::from([(cause.clone(), count)])).unwrap();
        }
        assert!(append(&path, 10, BTreeMap::from([(cause.clone(), 1)])).is_err());
        let lines = read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(lines, [line(cause, 5)]);
    }
}
