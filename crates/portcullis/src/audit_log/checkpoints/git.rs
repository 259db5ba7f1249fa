//! A branch of a Git repository, which gets a commit for each checkpoint. The program `git` pushes: it is started without a shell, with
//! no other environment than its path, its home and the agent of its keys, asks nobody, runs no hooks, and has bounds of size and time.
//!
//! Commits are made in a bare clone below the log's folder that holds nothing of its own: it is made anew at the start, and when it
//! has grown.

use std::fs;
use std::io::{self, ErrorKind, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use portcullis_audit_log::note::Note;

use super::{Holder, Newest, Published, Taken};
use crate::config::audit_log::checkpoints::GitBranch;

/// How many commits a clone takes before it is made anew.
const COMMITS_MAX: u32 = 1000;
/// What is kept of what `git` writes.
const OUTPUT_BYTES_MAX: u64 = 64 << 10;
/// The branch as it is there, in the clone.
const THERE: &str = "refs/portcullis/there";

/// A branch.
pub(super) struct Branch {
    settings: GitBranch,
    clone: PathBuf,
    origin: String,
    /// Commits since the clone was made; none where there is no clone yet.
    commits: Option<u32>,
}

impl Branch {
    pub(super) fn new(name: &str, settings: &GitBranch, published: &Published) -> Self {
        let clone = published.path().join("git").join(format!("{name}.git"));
        Self {
            settings: settings.clone(),
            // It is worked in from there.
            clone: std::path::absolute(&clone).unwrap_or(clone),
            origin: published.known().origin.as_str().to_owned(),
            commits: None,
        }
    }

    /// A clone with nothing in it.
    fn make_clone(&self, until: Instant) -> Result<(), String> {
        let unmade = |error: io::Error| format!("`{}` cannot be made: {error}", self.clone.display());
        match fs::remove_dir_all(&self.clone) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(unmade(error)),
            _ => {}
        }
        fs::create_dir_all(&self.clone).map_err(unmade)?;
        self.git(&["init", "--quiet", "--bare", "--template="], None, until)?;
        Ok(())
    }

    /// The commit that the branch is at; none where there is no branch.
    fn fetch(&self, until: Instant) -> Result<Option<String>, String> {
        let (remote, branch) = (&*self.settings.remote, format!("refs/heads/{}", self.settings.branch));
        let listed = self.git(&["ls-remote", "--quiet", "--", remote, &branch], None, until)?;
        let id = listed.lines().find_map(|line| {
            let (id, name) = line.split_once('\t')?;
            (name == branch).then(|| id.to_owned())
        });
        let Some(id) = id else { return Ok(None) };
        let to = format!("+{branch}:{THERE}");
        self.git(
            &[
                "fetch",
                "--quiet",
                "--depth=1",
                "--no-tags",
                "--no-write-fetch-head",
                "--",
                remote,
                &to,
            ],
            None,
            until,
        )?;
        // Somebody may have pushed between the two.
        let id = self.git(&["rev-parse", "--verify", THERE], None, until).unwrap_or(id);
        Ok(Some(id.trim().to_owned()))
    }

    /// Commits a checkpoint beside what the branch has. Nothing where it has it already.
    fn commit(&self, newest: &Newest, parent: Option<&str>, until: Instant) -> Result<Option<String>, String> {
        let note = newest.note.to_string();
        match parent {
            Some(parent) => self.git(&["read-tree", parent], None, until)?,
            None => self.git(&["read-tree", "--empty"], None, until)?,
        };
        let blob = self.git(&["hash-object", "-w", "--stdin"], Some(note.as_bytes()), until)?;
        let entry = format!("100644,{},{}", blob.trim(), self.settings.file);
        self.git(&["update-index", "--add", "--cacheinfo", &entry], None, until)?;
        let tree = self.git(&["write-tree"], None, until)?;
        let mut arguments = vec!["commit-tree", tree.trim()];
        if let Some(parent) = parent {
            let before = self.git(&["rev-parse", "--verify", &format!("{parent}^{{tree}}")], None, until)?;
            if before == tree {
                return Ok(None);
            }
            arguments.extend(["-p", parent]);
        }
        let message = format!("{}: {} entries\n", self.origin, newest.checkpoint.size);
        let commit = self.git(&arguments, Some(message.as_bytes()), until)?;
        Ok(Some(commit.trim().to_owned()))
    }

    fn push(&self, commit: &str, until: Instant) -> Result<(), String> {
        let (remote, to) = (
            &*self.settings.remote,
            format!("{commit}:refs/heads/{}", self.settings.branch),
        );
        self.git(&["push", "--quiet", "--no-verify", "--", remote, &to], None, until)?;
        Ok(())
    }

    fn deliver(&self, newest: &Newest, until: Instant) -> Result<(), String> {
        let parent = self.fetch(until)?;
        match self.commit(newest, parent.as_deref(), until)? {
            Some(commit) => self.push(&commit, until),
            None => Ok(()),
        }
    }

    /// What `git` writes.
    fn git(&self, arguments: &[&str], input: Option<&[u8]>, until: Instant) -> Result<String, String> {
        let what = arguments.first().copied().unwrap_or_default();
        let failed = |error: String| format!("`git {what}`: {error}");
        let mut command = command(&self.clone);
        let child = command.args(arguments).spawn();
        let child = child.map_err(|error| failed(format!("the program cannot be run: {error}")))?;
        let (output, complaint) = finish(child, input, until).map_err(failed)?;
        output.map_err(|()| failed(complaint))
    }
}

impl Holder for Branch {
    fn take(&mut self, newest: &Newest, _before: Option<&Note>, time_max: Duration) -> Result<Taken, String> {
        let until = Instant::now() + time_max;
        let commits = match self.commits.take() {
            Some(commits) if commits < COMMITS_MAX => commits,
            _ => {
                self.make_clone(until)?;
                0
            }
        };
        self.deliver(newest, until)?;
        self.commits = Some(commits + 1);
        Ok(Taken::unchanged(newest))
    }
}

fn command(clone: &Path) -> Command {
    let kept = ["PATH", "HOME", "SSH_AUTH_SOCK"]
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut command = Command::new("git");
    command
        .args([
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "gc.auto=0",
            "-c",
            "maintenance.auto=false",
        ])
        .args([
            "-c",
            "push.gpgSign=false",
            "-c",
            "push.recurseSubmodules=no",
            "-c",
            "http.followRedirects=false",
        ])
        .process_group(0)
        .current_dir(clone)
        .env_clear()
        .envs(kept)
        .env("GIT_DIR", clone)
        .envs([
            ("LC_ALL", "C"),
            // Nobody is there to be asked: whoever asks gets no answer.
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ASKPASS", "false"),
            ("SSH_ASKPASS", "false"),
            ("SSH_ASKPASS_REQUIRE", "force"),
            ("GIT_ALLOW_PROTOCOL", "file:https:ssh"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_AUTHOR_NAME", "Portcullis"),
            ("GIT_AUTHOR_EMAIL", "portcullis@localhost"),
            ("GIT_COMMITTER_NAME", "Portcullis"),
            ("GIT_COMMITTER_EMAIL", "portcullis@localhost"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a program has written when it ends, or nothing if it has failed; and what it has complained of. One that takes longer than
/// it may is ended.
fn finish(mut child: Child, input: Option<&[u8]>, until: Instant) -> Result<(Result<String, ()>, String), String> {
    // What goes in fits into a pipe, as a checkpoint does, or nobody waits for the rest.
    let (stdin, output, complaint) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let input = input.map(<[u8]>::to_vec).unwrap_or_default();
    let (tell, told) = mpsc::channel();
    let also = tell.clone();
    std::thread::spawn(move || {
        // A program that does not read it says why by itself.
        let _ = stdin.map(|mut stdin| stdin.write_all(&input));
        let _ = tell.send((true, at_most(output)));
    });
    std::thread::spawn(move || also.send((false, at_most(complaint))));
    let (mut written, mut complained) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        match told.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok((true, octets)) => written = octets,
            Ok((false, octets)) => complained = octets,
            Err(_) => {
                // With whatever it has started.
                let group = rustix::process::Pid::from_child(&child);
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                let _ = child.wait();
                return Err("it takes too long".to_owned());
            }
        }
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
    let complaint = text(complained).trim().replace('\n', "; ");
    let output = status.success().then(|| text(written)).ok_or(());
    Ok((output, complaint))
}

/// What there is to read, as far as it is kept; the rest is read and forgotten, so that whoever writes it is not held up.
fn at_most(stream: Option<impl Read>) -> Vec<u8> {
    let mut octets = Vec::new();
    if let Some(mut stream) = stream {
        let _ = (&mut stream).take(OUTPUT_BYTES_MAX).read_to_end(&mut octets);
        let _ = io::copy(&mut stream, &mut io::sink());
    }
    octets
}
