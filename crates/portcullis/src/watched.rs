//! Watching files for changes. The directories are watched, not the files: editors and configuration maps replace a
//! file by another one of the same name.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// How long a file has to be left alone before its change counts, so that a half-written one is not read.
const QUIET: Duration = Duration::from_millis(200);

/// The link that Kubernetes moves when a mounted configuration map changes.
const MOUNTED_DATA: &str = "..data";

/// Files, and word of their changes.
pub(crate) struct Watched {
    watcher: Option<RecommendedWatcher>,
    directories: HashSet<PathBuf>,
    /// The names of the files, whatever directory they are in.
    names: Arc<Mutex<HashSet<OsString>>>,
    changes: mpsc::Receiver<()>,
}

impl Watched {
    /// Watches these files. Where the system cannot, that is logged, and SIGHUP is what reloads.
    pub(crate) fn new(files: Vec<PathBuf>) -> Self {
        // One place: any number of changes is one reason to reload.
        let (tell, changes) = mpsc::channel(1);
        let names = Arc::new(Mutex::new(HashSet::from([OsString::from(MOUNTED_DATA)])));
        let known = Arc::clone(&names);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| concerns(&event, &known)) {
                let _ = tell.try_send(());
            }
        });
        let watcher = watcher.inspect_err(unwatched).ok();
        let mut watched = Self {
            watcher,
            directories: HashSet::new(),
            names,
            changes,
        };
        watched.watch(files);
        watched
    }

    /// Watches these files too.
    pub(crate) fn watch(&mut self, files: Vec<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        if let Ok(mut names) = self.names.lock() {
            names.extend(files.iter().filter_map(|file| file.file_name()).map(OsString::from));
        }
        for directory in files.iter().map(|file| directory(file)) {
            if self.directories.contains(&directory) {
                continue;
            }
            match watcher.watch(&directory, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.directories.insert(directory)),
                Err(error) => unwatched(&error),
            }
        }
    }

    /// Waits until something in the directories has changed and then rested.
    pub(crate) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            // Nobody watches; only a signal ends the wait.
            std::future::pending::<()>().await;
        }
        while tokio::time::timeout(QUIET, self.changes.recv())
            .await
            .is_ok_and(|change| change.is_some())
        {}
    }
}

/// Whether something happened to a file of one of these names; reading a file is nothing.
fn concerns(event: &Event, names: &Mutex<HashSet<OsString>>) -> bool {
    let happened = event.kind.is_modify() || event.kind.is_create() || event.kind.is_remove();
    let known = |path: &PathBuf| {
        let name = path.file_name();
        name.is_some_and(|name| names.lock().is_ok_and(|names| names.contains(name)))
    };
    happened && event.paths.iter().any(known)
}

fn directory(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn unwatched(error: &notify::Error) {
    tracing::warn!(%error, "files are not watched for changes; send SIGHUP to reload");
}
