//! Watching files for changes. The directories are watched, not the files: editors and configuration maps replace a
//! file by another one of the same name.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::contracts::is_named_like_one;

/// How long a file has to be left alone before its change counts, so that a half-written one is not read.
const QUIET: Duration = Duration::from_millis(200);

/// The link that Kubernetes moves when a mounted configuration map changes.
const MOUNTED_DATA: &str = "..data";

/// What a change has to be about.
#[derive(Debug)]
struct Known {
    /// The names of files, whatever directory they are in.
    names: HashSet<OsString>,
    /// Folders of contracts, where a file of any name may turn up.
    folders: HashSet<PathBuf>,
}

/// Files, and word of their changes.
pub(crate) struct Watched {
    watcher: Option<RecommendedWatcher>,
    directories: HashSet<PathBuf>,
    known: Arc<Mutex<Known>>,
    changes: mpsc::Receiver<()>,
    /// Something has changed and not been told yet.
    changed: bool,
}

impl Watched {
    /// Watches these files, which were read not before `read`. Where the system cannot, that is logged, and SIGHUP is what reloads.
    pub(crate) fn new(files: Vec<PathBuf>, read: SystemTime) -> Self {
        // One place: any number of changes is one reason to reload.
        let (tell, changes) = mpsc::channel(1);
        let known = Arc::new(Mutex::new(Known {
            names: HashSet::from([OsString::from(MOUNTED_DATA)]),
            folders: HashSet::new(),
        }));
        let of_interest = Arc::clone(&known);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| concerns(&event, &of_interest)) {
                let _ = tell.try_send(());
            }
        });
        let watcher = watcher.inspect_err(unwatched).ok();
        let mut watched = Self {
            watcher,
            directories: HashSet::new(),
            known,
            changes,
            changed: false,
        };
        watched.watch(files.clone());
        // Only now: a change before that nobody saw is seen here, and any later one is told.
        watched.changed = files.iter().any(|file| changed_after(file, read));
        watched
    }

    /// Watches these files too, and every contract in those that are folders.
    pub(crate) fn watch(&mut self, files: Vec<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        let (folders, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|path| path.is_dir());
        if let Ok(mut known) = self.known.lock() {
            let names = files.iter().filter_map(|file| file.file_name());
            known.names.extend(names.map(OsString::from));
            // Changes are told with absolute paths.
            known
                .folders
                .extend(folders.iter().filter_map(|folder| std::path::absolute(folder).ok()));
        }
        for directory in files.iter().map(|file| directory(file)).chain(folders) {
            if self.directories.contains(&directory) {
                continue;
            }
            match watcher.watch(&directory, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.directories.insert(directory)),
                Err(error) => unwatched(&error),
            }
        }
    }

    /// Waits until something in the directories has changed and then rested. Where the wait is given up, the next one goes on.
    pub(crate) async fn changed(&mut self) {
        if !self.changed && self.changes.recv().await.is_none() {
            // Nobody watches; only a signal ends the wait.
            std::future::pending::<()>().await;
        }
        self.changed = true;
        while tokio::time::timeout(QUIET, self.changes.recv())
            .await
            .is_ok_and(|change| change.is_some())
        {}
        self.changed = false;
    }
}

/// Whether a file was written, or put in the place of another one, after this.
fn changed_after(file: &Path, time: SystemTime) -> bool {
    let after = |metadata: Metadata| {
        let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
        let nanoseconds = u32::try_from(metadata.ctime_nsec()).unwrap_or_default();
        UNIX_EPOCH + Duration::new(seconds, nanoseconds) > time
    };
    std::fs::metadata(file).is_ok_and(after)
}

/// Whether something happened to a file that is known by its name or its folder; reading a file is nothing.
fn concerns(event: &Event, known: &Mutex<Known>) -> bool {
    let happened = event.kind.is_modify() || event.kind.is_create() || event.kind.is_remove();
    let of_interest = |path: &PathBuf, known: &Known| {
        let named = path.file_name().is_some_and(|name| known.names.contains(name));
        let in_folder = path.parent().is_some_and(|folder| known.folders.contains(folder));
        named || (in_folder && is_named_like_one(path))
    };
    happened
        && known
            .lock()
            .is_ok_and(|known| event.paths.iter().any(|path| of_interest(path, &known)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_before_the_watch_began_is_seen() {
        let path = std::env::temp_dir().join(format!("portcullis-watched-{}", std::process::id()));
        std::fs::write(&path, "").unwrap();
        let written = std::fs::metadata(&path).unwrap().modified().unwrap();
        let seen = [written - Duration::from_millis(1), written + Duration::from_millis(1)]
            .map(|read| Watched::new(vec![path.clone()], read).changed);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(seen, [true, false]);
    }
}
