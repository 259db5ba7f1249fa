//! Entries into a file of JSON, one a line, synced before they count as sent; another file begins when it is full.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::Sink;
use super::formats::push_line;
use crate::audit_log::published::Batch;
use crate::config::audit_log::exports::ExportFile;

/// Readable by the group: by whoever collects it.
const MODE: u32 = 0o640;
/// What a line has at most: an entry in base64, and what an event adds.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// The digits of an index behind the name of a full file, so that names sort as indices do.
const INDEX_DIGITS: usize = 20;

/// A file that grows.
pub(super) struct JsonFile {
    settings: ExportFile,
    origin: String,
    /// The file, and how long it is.
    file: Option<(File, u64)>,
}

impl JsonFile {
    pub(super) fn open(settings: &ExportFile, origin: &str) -> Result<Self, String> {
        if settings.path.is_dir() {
            return Err(format!("`{}` is a folder", settings.path.display()));
        }
        Ok(Self {
            settings: settings.clone(),
            origin: origin.to_owned(),
            file: None,
        })
    }

    fn append(&mut self, batch: &Batch) -> io::Result<()> {
        let mut lines = Vec::new();
        for (index, octets) in (batch.first..).zip(&batch.entries) {
            push_line(self.settings.format, octets, &self.origin, index, &mut lines);
        }
        let added = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        let path = &self.settings.path;
        let (mut file, mut length) = match self.file.take() {
            Some(opened) => opened,
            None => open_whole(path)?,
        };
        if length > 0 && length.saturating_add(added) > self.settings.file_bytes_max {
            drop(file);
            fs::rename(path, full_name(path, first_index(path)?.unwrap_or(batch.first)))?;
            remove_oldest(path, self.settings.files_max)?;
            (file, length) = open_whole(path)?;
        }
        file.write_all(&lines)?;
        file.sync_all()?;
        if length == 0 {
            // It may be new, and its name has to stay.
            sync_folder(path)?;
        }
        self.file = Some((file, length.saturating_add(added)));
        Ok(())
    }
}

impl Sink for JsonFile {
    fn send(&mut self, batch: &Batch, _time_max: Duration) -> Result<(), String> {
        let path = self.settings.path.display().to_string();
        self.append(batch).map_err(|error| format!("`{path}`: {error}"))
    }
}

/// Opens the file for adding to it, without what a crash has left of a line at its end. Says how long it is.
fn open_whole(path: &Path) -> io::Result<(File, u64)> {
    let mut file = OpenOptions::new()
        .create(true)
        .read(true)
        .append(true)
        .mode(MODE)
        .open(path)?;
    let length = file.metadata()?.len();
    let tail = length.min(LINE_BYTES_MAX);
    file.seek(SeekFrom::Start(length - tail))?;
    let mut octets = Vec::new();
    (&file).take(tail).read_to_end(&mut octets)?;
    let whole = octets.iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at + 1);
    let torn = u64::try_from(octets.len() - whole).unwrap_or(0);
    if torn == 0 {
        return Ok((file, length));
    }
    let is_ours = octets.get(whole..).is_some_and(|line| line.starts_with(b"{"));
    if whole == 0 && length > tail || !is_ours {
        return Err(io::Error::other(
            "its last line is none of an export; name another file",
        ));
    }
    file.set_len(length - torn)?;
    Ok((file, length - torn))
}

/// The index of the first entry in it.
fn first_index(path: &Path) -> io::Result<Option<u64>> {
    let mut line = Vec::new();
    BufReader::new(File::open(path)?.take(LINE_BYTES_MAX)).read_until(b'\n', &mut line)?;
    let line: Value = serde_json::from_slice(&line).unwrap_or_default();
    let index = line.get("index").or_else(|| line.pointer("/metadata/sequence"));
    Ok(index.and_then(Value::as_u64))
}

/// What a full file is called. After a crash two may begin with the same entry.
fn full_name(path: &Path, first: u64) -> PathBuf {
    let named = |again: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{first:0INDEX_DIGITS$}"));
        if again > 0 {
            name.push(format!("-{again}"));
        }
        PathBuf::from(name)
    };
    let mut again = 0;
    while named(again).exists() {
        again += 1;
    }
    named(again)
}

/// Removes the oldest of the full files, where they are more than are kept.
fn remove_oldest(path: &Path, files_max: Option<usize>) -> io::Result<()> {
    let Some(files_max) = files_max else { return Ok(()) };
    let prefix = format!("{}.", path.file_name().unwrap_or_default().to_string_lossy());
    let mut full: Vec<(String, PathBuf)> = Vec::new();
    for file in fs::read_dir(folder_of(path))? {
        let file = file?;
        let name = file.file_name().to_string_lossy().into_owned();
        let is_full = name
            .strip_prefix(&prefix)
            .and_then(|rest| rest.split_at_checked(INDEX_DIGITS))
            .is_some_and(|(index, again)| {
                let digits = index.bytes().all(|octet| octet.is_ascii_digit());
                digits && (again.is_empty() || again.starts_with('-'))
            });
        if is_full {
            full.push((name, file.path()));
        }
    }
    full.sort_unstable();
    let superfluous = full.len().saturating_sub(files_max);
    full.iter()
        .take(superfluous)
        .try_for_each(|(_, path)| fs::remove_file(path))
}

fn folder_of(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}
