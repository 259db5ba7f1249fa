//! A log's blobs as files below a folder, and one process that writes them.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use portcullis_audit_log::medium::{Medium, Source};

use crate::StoreError;

/// Whoever writes has locked it. The system unlocks it when the process ends, however it ends, so that no stale one is left, as one
/// would be that counts because it exists.
const LOCK: &str = ".lock";
/// What is being written, before it gets its name. There is one writer, so there is one.
const WRITING: &str = ".writing";
/// Files and folders are for their owner, and to be read by their group: a server that publishes them.
const FILE_MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;
/// Up to as many files are synced one by one; for more the whole file system is, which waits for what others wrote too.
const SYNCED_ONE_BY_ONE_MAX: usize = 64;

/// The folder of a log, for reading. Somebody may write to it meanwhile.
#[derive(Clone, Debug)]
pub struct LogFolder(PathBuf);

/// The folder of a log, for its one writer.
#[derive(Debug)]
pub struct LogFiles {
    folder: LogFolder,
    /// The folder itself: its file system is synced through it. Opened before anything is written, or failures would not be told.
    opened: File,
    /// The file that was appended to last.
    appended: Option<(String, File)>,
    /// Files that were written and not synced, unless they are too many.
    unsynced: Option<Vec<File>>,
    /// Folders in which names were given or taken since they were synced.
    changed: BTreeSet<PathBuf>,
    /// Held for as long as this is.
    _lock: File,
}

impl LogFolder {
    /// A folder, whether there is one or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The path of a blob. A name that leads out of the folder is none of a log's.
    fn path(&self, name: &str) -> io::Result<PathBuf> {
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_));
        if Path::new(name).components().all(inside) {
            Ok(self.0.join(name))
        } else {
            Err(ErrorKind::InvalidFilename.into())
        }
    }
}

impl LogFiles {
    /// Locks a folder for writing; makes it if it is not there. The folder above has to be.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] when another process writes to it, or this one already; [`StoreError::Io`] when it cannot be made or
    /// locked.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let folder = LogFolder::new(path);
        match DirBuilder::new().mode(FOLDER_MODE).create(&folder.0) {
            Ok(()) => sync_folder(
                folder
                    .0
                    .parent()
                    .filter(|above| *above != Path::new(""))
                    .unwrap_or(Path::new(".")),
            )?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(FILE_MODE)
            .open(folder.0.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::Locked,
            TryLockError::Error(error) => error.into(),
        })?;
        let opened = File::open(&folder.0)?;
        let (appended, unsynced, changed) = (None, Some(Vec::new()), BTreeSet::new());
        Ok(Self {
            folder,
            opened,
            appended,
            unsynced,
            changed,
            _lock: lock,
        })
    }

    /// Makes the folders above a file, and remembers that it gets a name there.
    fn name_in_folder(&mut self, path: &Path) -> io::Result<()> {
        let above = path.parent().unwrap_or(&self.folder.0).to_owned();
        let missing: Vec<&Path> = above.ancestors().take_while(|folder| !folder.exists()).collect();
        for folder in missing.into_iter().rev() {
            DirBuilder::new().mode(FOLDER_MODE).create(folder)?;
            self.changed.extend(folder.parent().map(Path::to_owned));
        }
        self.changed.insert(above);
        Ok(())
    }

    /// Writes a file under the name for what is not complete.
    fn write_aside(&self, bytes: &[u8]) -> io::Result<File> {
        let path = self.folder.0.join(WRITING);
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(path)?;
        file.write_all(bytes)?;
        Ok(file)
    }

    fn rename_to(&mut self, name: &str) -> io::Result<()> {
        let path = self.folder.path(name)?;
        self.name_in_folder(&path)?;
        self.changed.insert(self.folder.0.clone());
        // What had the name so far has none any more: nothing more is to be added to it, and nobody can read it.
        self.appended.take_if(|(last, _)| last == name);
        fs::rename(self.folder.0.join(WRITING), path)
    }

    /// Syncs those folders above a file in which names have changed.
    fn sync_folders_of(&mut self, name: &str) -> io::Result<()> {
        let path = self.folder.path(name)?;
        for folder in path
            .ancestors()
            .skip(1)
            .take_while(|folder| folder.starts_with(&self.folder.0))
        {
            if self.changed.contains(folder) {
                sync_folder(folder)?;
                self.changed.remove(folder);
            }
        }
        Ok(())
    }
}

impl LogFiles {
    /// Leaves a file to [`Medium::sync_all`]: by itself while there are few of them, all together otherwise.
    fn leave_unsynced(&mut self, file: File) {
        self.unsynced = self.unsynced.take().filter(|files| files.len() < SYNCED_ONE_BY_ONE_MAX);
        if let Some(files) = &mut self.unsynced {
            files.push(file);
        }
    }
}

impl Source for LogFolder {
    fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.path(name)?) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let bound = u64::try_from(bytes_max).unwrap_or(u64::MAX);
        let length = file.metadata()?.len();
        let mut bytes = Vec::with_capacity(usize::try_from(length.min(bound)).unwrap_or_default());
        file.take(bound.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() > bytes_max {
            return Err(ErrorKind::FileTooLarge.into());
        }
        Ok(Some(bytes))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path(folder)?) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            // What is not text is nothing of a log's.
            let Ok(mut name) = entry.file_name().into_string() else {
                continue;
            };
            if entry.file_type()?.is_dir() {
                name.push('/');
            }
            names.push(name);
        }
        Ok(names)
    }
}

impl Source for LogFiles {
    fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        self.folder.read(name, bytes_max)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.folder.list(folder)
    }
}

impl Medium for LogFiles {
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = match self.appended.take() {
            Some((last, file)) if last == name => file,
            last => {
                // Nobody names the last one any more when everything is synced.
                last.into_iter().for_each(|(_, last)| self.leave_unsynced(last));
                let path = self.folder.path(name)?;
                self.name_in_folder(&path)?;
                OpenOptions::new()
                    .create(true)
                    .append(true)
                    .mode(FILE_MODE)
                    .open(path)?
            }
        };
        let written = file.write_all(bytes);
        self.appended = Some((name.to_owned(), file));
        written
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let file = self.write_aside(bytes)?;
        self.rename_to(name)?;
        self.leave_unsynced(file);
        Ok(())
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.write_aside(bytes)?.sync_all()?;
        self.rename_to(name)?;
        self.sync_folders_of(name)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        match &self.appended {
            Some((last, file)) if last == name => file.sync_data()?,
            _ => File::open(self.folder.path(name)?)?.sync_all()?,
        }
        self.sync_folders_of(name)
    }

    fn sync_all(&mut self) -> io::Result<()> {
        let Some(files) = self.unsynced.replace(Vec::new()) else {
            rustix::fs::syncfs(&self.opened)?;
            self.changed.clear();
            return Ok(());
        };
        files.into_iter().try_for_each(|file| file.sync_all())?;
        if let Some((_, file)) = &self.appended {
            file.sync_data()?;
        }
        std::mem::take(&mut self.changed)
            .iter()
            .try_for_each(|folder| sync_folder(folder))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let path = self.folder.path(name)?;
        self.appended.take_if(|(last, _)| last == name);
        match fs::remove_file(&path) {
            Err(error) if !is_absent(&error) => return Err(error),
            _ => {}
        }
        let Some(folder) = path.parent() else { return Ok(()) };
        self.changed.insert(folder.to_owned());
        // A folder of partial tiles goes with the last of them; one that is not empty stays.
        if folder.extension().is_some() && fs::remove_dir(folder).is_ok() {
            self.changed.remove(folder);
            self.changed.extend(folder.parent().map(Path::to_owned));
        }
        Ok(())
    }
}

/// Whether there is no such file.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use rustix::fs::OFlags;

    use super::*;

    /// More files than are synced one by one, through a folder that cannot be synced.
    #[test]
    fn many_files_are_synced_together() {
        let path = std::env::temp_dir().join(format!("portcullis-log-files-{}", std::process::id()));
        let mut files = LogFiles::open(&path).unwrap();
        let unsyncable = OFlags::PATH.bits().cast_signed();
        let unsyncable = OpenOptions::new()
            .read(true)
            .custom_flags(unsyncable)
            .open(&path)
            .unwrap();
        let opened = std::mem::replace(&mut files.opened, unsyncable);
        let write = |files: &mut LogFiles, count| {
            for number in 0..count {
                files.write(&format!("{number}"), b"x").unwrap();
            }
        };
        write(&mut files, SYNCED_ONE_BY_ONE_MAX);
        files.sync_all().unwrap();
        write(&mut files, SYNCED_ONE_BY_ONE_MAX + 1);
        assert!(files.sync_all().is_err(), "they were not synced together");
        files.opened = opened;
        write(&mut files, SYNCED_ONE_BY_ONE_MAX + 1);
        files.sync_all().unwrap();
        fs::remove_dir_all(path).unwrap();
    }
}
