//! Requests that were opened in the log and not closed: known while the gate runs, written down now and then, and found again at the
//! next start, when whatever is still open was abandoned.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use portcullis_audit_log::entry::{Entry, Event};
use portcullis_audit_log::tiles::{Kind, TileName, read_bundle, split};
use portcullis_gateway::listen::RequestId;
use portcullis_store::audit_log::LogFolder;
use serde::{Deserialize, Serialize};

use crate::files::place;

/// The file, in the folder of the log.
const FILE: &str = "open";
/// It is written again after so many entries.
const EVERY_ENTRIES: u64 = 65_536;

/// Open requests by the bits of their ids, with the indices of the entries that opened them.
#[derive(Default)]
pub(super) struct OpenRequests {
    open: HashMap<u128, u64>,
    /// Those among them that another process opened.
    left: HashSet<u128>,
    written_at: u64,
}

#[derive(Serialize, Deserialize)]
struct Written {
    /// How long the log was.
    size: u64,
    open: Vec<u64>,
}

impl OpenRequests {
    /// An entry stands at this index.
    pub(super) fn note(&mut self, event: Event, id: u128, index: u64) {
        match event {
            Event::Opened => {
                self.open.insert(id, index);
            }
            Event::Request | Event::Abandoned => {
                self.open.remove(&id);
                self.left.remove(&id);
            }
            Event::Refusals | Event::Administration | Event::Lost => {}
        }
    }

    /// The indices of the entries that opened what another process left open.
    pub(super) fn left(&self) -> impl Iterator<Item = u64> {
        self.left.iter().filter_map(|id| self.open.get(id).copied())
    }

    /// Writes down what is open, where that is long ago. All entries below `size` are published.
    ///
    /// # Errors
    /// It cannot be written: the next start looks further back.
    pub(super) fn keep(&mut self, folder: &Path, size: u64) -> io::Result<()> {
        if size < self.written_at + EVERY_ENTRIES {
            return Ok(());
        }
        self.written_at = size;
        let written = Written {
            size,
            open: self.open.values().copied().filter(|index| *index < size).collect(),
        };
        let octets = serde_json::to_vec(&written)?;
        place::replace(&folder.join(FILE), &octets)
    }

    /// What is open in a log of `size` published entries: those that were written down, and those of the entries after that.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(super) fn find(folder: &Path, size: u64) -> io::Result<Self> {
        let written = std::fs::read(folder.join(FILE));
        let written = written
            .ok()
            .and_then(|octets| serde_json::from_slice::<Written>(&octets).ok());
        let written = written.filter(|written| written.size <= size);
        let written = written.unwrap_or(Written {
            size: 0,
            open: Vec::new(),
        });
        let mut found = Self {
            written_at: written.size,
            ..Self::default()
        };
        let mut reader = Entries::new(folder, size);
        for index in written.open.iter().copied().chain(written.size..size) {
            if let Some(octets) = reader.entry(index)?
                && let Ok(entry) = Entry::read(octets)
                && let Some(id) = entry.id().and_then(RequestId::parse)
            {
                found.note(entry.metadata.event_code, id.bits(), index);
            }
        }
        found.left = found.open.keys().copied().collect();
        Ok(found)
    }
}

/// The entries of a log that is published, one bundle in memory.
pub(super) struct Entries {
    folder: LogFolder,
    size: u64,
    bundle: Option<(u64, Vec<u8>)>,
}

impl Entries {
    pub(super) fn new(folder: &Path, size: u64) -> Self {
        Self {
            folder: LogFolder::new(folder),
            size,
            bundle: None,
        }
    }

    /// An entry; none where it is not kept any more.
    ///
    /// # Errors
    /// Its bundle cannot be read.
    pub(super) fn entry(&mut self, index: u64) -> io::Result<Option<&[u8]>> {
        let (number, within) = (index / 256, usize::try_from(index % 256).unwrap_or(0));
        if self.bundle.as_ref().is_none_or(|(known, _)| *known != number) {
            let Some(name) = TileName::within(Kind::Entries, number, self.size) else {
                return Ok(None);
            };
            let stored = read_bundle(&self.folder, &name)?;
            self.bundle = stored.bundle().map(|octets| (number, octets.to_vec()));
        }
        let bundle = self.bundle.as_ref().map(|(_, octets)| split(octets).0);
        Ok(bundle.and_then(|entries| entries.get(within).copied()))
    }
}
