//! Files of a Git repository on this machine, as they are in one commit. The program `git` reads them; it is given no
//! other environment than its path and home, asks nobody, fetches nothing, and has bounds of size and time.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::{FILE_BYTES_MAX, bounded};
use crate::config::contract::Repository;

const GIT_TIME_MAX: Duration = Duration::from_secs(15);
/// What is kept of a complaint.
const COMPLAINT_BYTES_MAX: u64 = 1 << 10;

/// A commit of a repository.
pub(super) struct Commit {
    repository: PathBuf,
    /// The commit, whatever the reference means later.
    id: String,
    /// What stands before the path of a file in its location.
    prefix: String,
}

impl Commit {
    /// The commit that a reference means now.
    pub(super) fn of(repository: &Repository) -> Result<Self, String> {
        let Repository { path, reference, .. } = repository;
        let wanted = format!("{reference}^{{commit}}");
        let id = git(path, &["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]).map_err(|error| {
            format!(
                "`{reference}` is no branch, tag or commit of `{}`{error}",
                path.display()
            )
        })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self {
            repository: path.clone(),
            id: String::from_utf8_lossy(&id).trim().to_owned(),
            prefix: format!("{name}@{reference}/"),
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// How a file of the commit is called in problems and by references.
    pub(super) fn location(&self, file: &str) -> String {
        format!("{}{file}", self.prefix)
    }

    /// Reads a file of the commit by its location.
    pub(super) fn read(&self, location: &str) -> Result<Vec<u8>, String> {
        let file = location
            .strip_prefix(&self.prefix)
            .ok_or("the file is outside of the contract's repository; move it there")?;
        let object = format!("{}:{file}", self.id);
        git(&self.repository, &["cat-file", "blob", "--end-of-options", &object])
            .map_err(|error| format!("the commit has no such file{error}"))
    }
}

/// What `git` writes; its complaint, behind a colon, where it fails.
fn git(repository: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let kept = ["PATH", "HOME"]
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut child = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(arguments)
        .env_clear()
        .envs(kept)
        .envs([
            ("LC_ALL", "C"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_NO_LAZY_FETCH", "1"),
            // A commit that was named is that commit, and nothing is fetched, however old this git is.
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_ALLOW_PROTOCOL", ""),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!(": the program `git` cannot be run: {error}"))?;
    let (output, complaint) = (child.stdout.take(), child.stderr.take());
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let read = (
            at_most(output, FILE_BYTES_MAX + 1),
            at_most(complaint, COMPLAINT_BYTES_MAX),
        );
        // Nobody listens any more if it has taken too long.
        let _ = tell.send(read);
    });
    let read = told.recv_timeout(GIT_TIME_MAX);
    let fits = |bytes: &Vec<u8>| u64::try_from(bytes.len()).is_ok_and(|length| length <= FILE_BYTES_MAX);
    if !matches!(&read, Ok((Ok(bytes), _)) if fits(bytes)) {
        // It has ended already, or it does now.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| format!(": {error}"))?;
    let (bytes, complaint) = read.map_err(|_| ": `git` takes too long".to_owned())?;
    let bytes = bytes
        .map_err(|error| error.to_string())
        .and_then(|bytes| bounded(bytes, FILE_BYTES_MAX));
    let bytes = bytes.map_err(|error| format!(": {error}"))?;
    if status.success() {
        return Ok(bytes);
    }
    let complaint = complaint.unwrap_or_default();
    let complaint = String::from_utf8_lossy(&complaint).trim().replace('\n', "; ");
    Err(if complaint.is_empty() {
        String::new()
    } else {
        format!(": {complaint}")
    })
}

fn at_most(stream: Option<impl Read>, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(bytes_max).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
