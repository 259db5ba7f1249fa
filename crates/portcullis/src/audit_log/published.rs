//! What readers of the log see: the entries below its newest checkpoint. Never what is not published yet.

use std::io;
use std::path::{Path, PathBuf};

use portcullis_audit_log::checkpoint::{CHECKPOINT, Checkpoint, KnownLog};
use portcullis_audit_log::medium::Source as _;
use portcullis_audit_log::note::{NOTE_BYTES_MAX, Note};
use portcullis_audit_log::tiles::{self, Kind, TILE_WIDTH, TileName, read_bundle, split};
use portcullis_store::audit_log::LogFolder;

/// The folder of a log, to read what is published.
#[derive(Clone, Debug)]
pub(super) struct Published {
    path: PathBuf,
    folder: LogFolder,
    known: KnownLog,
}

/// The newest checkpoint.
#[derive(Clone, Debug)]
pub(super) struct Newest {
    /// With its signatures.
    pub(super) note: Note,
    pub(super) checkpoint: Checkpoint,
}

/// Entries in a row.
#[derive(Debug)]
pub(super) struct Batch {
    /// The index of the first.
    pub(super) first: u64,
    /// At least one.
    pub(super) entries: Vec<Vec<u8>>,
}

/// How much is read at once. One entry is, however long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) entries_max: usize,
    pub(super) bytes_max: usize,
}

/// Why entries cannot be read.
#[derive(Debug)]
pub(super) enum Unread {
    /// They are not kept any more; those from here on are.
    Removed { kept_from: u64 },
    /// What it says in words.
    Failed(String),
}

impl Published {
    pub(super) fn new(path: &Path, known: KnownLog) -> Self {
        let folder = LogFolder::new(path);
        let path = path.to_owned();
        Self { path, folder, known }
    }

    /// The log, as those know it who verify it.
    pub(super) fn known(&self) -> &KnownLog {
        &self.known
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// For reading tiles.
    pub(super) fn folder(&self) -> &LogFolder {
        &self.folder
    }

    /// The newest checkpoint.
    ///
    /// # Errors
    /// It cannot be read, or none of the log's keys has signed it.
    pub(super) fn newest(&self) -> Result<Newest, String> {
        let octets = self.folder.read(CHECKPOINT, NOTE_BYTES_MAX);
        let octets = octets.map_err(|error| format!("the log's checkpoint cannot be read: {error}"))?;
        let octets = octets.ok_or("the log has no checkpoint")?;
        let wrong = |error: &dyn std::fmt::Display| format!("the log's checkpoint does not count: {error}");
        let note = Note::parse(&octets).map_err(|error| wrong(&error))?;
        let checkpoint = self.known.verify_checkpoint(&note).map_err(|error| wrong(&error))?;
        Ok(Newest { note, checkpoint })
    }

    /// The entries from `first` on, which the checkpoint covers, within the bounds.
    ///
    /// # Errors
    /// They are not there.
    pub(super) fn entries(&self, of: &Checkpoint, first: u64, bounds: Bounds) -> Result<Batch, Unread> {
        let mut entries: Vec<Vec<u8>> = Vec::new();
        let (mut index, mut bytes) = (first, 0_usize);
        'bundles: while index < of.size {
            let number = index / TILE_WIDTH;
            let bundle = match self.bundle(of, number) {
                Ok(bundle) => bundle,
                Err(Unread::Removed { .. }) if !entries.is_empty() => break,
                Err(unread) => return Err(unread),
            };
            let within = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
            let (all, _) = split(&bundle);
            let width = tiles::width(0, number, of.size);
            let covered = all.into_iter().take(usize::try_from(width).unwrap_or(usize::MAX));
            for entry in covered.skip(within) {
                bytes = bytes.saturating_add(entry.len());
                let is_full = entries.len() >= bounds.entries_max || bytes > bounds.bytes_max;
                if is_full && !entries.is_empty() {
                    break 'bundles;
                }
                entries.push(entry.to_vec());
                index += 1;
            }
            if index != number * TILE_WIDTH + width {
                return Err(Unread::Failed(format!(
                    "the log's entry {index} is not where it should be"
                )));
            }
        }
        Ok(Batch { first, entries })
    }

    /// A bundle, as far as the checkpoint covers it at least.
    fn bundle(&self, of: &Checkpoint, index: u64) -> Result<Vec<u8>, Unread> {
        let full = TileName::full(Kind::Entries, index);
        let covered = TileName::with_width(Kind::Entries, index, tiles::width(0, index, of.size));
        // A partial one may be gone once there is the full one, which begins with the same entries.
        let names = covered.into_iter().chain([full]);
        for name in names {
            let stored = read_bundle(&self.folder, &name);
            let stored =
                stored.map_err(|error: io::Error| Unread::Failed(format!("`{name}` cannot be read: {error}")))?;
            if let Some(bundle) = stored.bundle() {
                return Ok(bundle.to_vec());
            }
        }
        let kept_from = of.minimum_index;
        if index.saturating_mul(TILE_WIDTH) < kept_from {
            return Err(Unread::Removed { kept_from });
        }
        Err(Unread::Failed(format!("`{full}` is missing or damaged")))
    }
}
