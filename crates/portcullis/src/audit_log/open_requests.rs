//! Requests that were opened in the log and not closed: known while the gate runs, written down now and then, and found again at the
//! next start, when whatever is still open was abandoned.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use portcullis_audit_log::checkpoint::KnownLog;
use portcullis_audit_log::entry::{Entry, Event};
use portcullis_audit_log::note::Note;
use portcullis_audit_log::tiles::{Kind, TileName, read_bundle, split};
use portcullis_gateway::listen::RequestId;
use portcullis_store::audit_log::LogFolder;

use super::place::Place;
use crate::files;

/// The file, in the folder of the log.
const FILE: &str = "open";
/// What it says it is.
const WHAT: &str = "portcullis audit log open requests";
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

/// What is written down: a signed note, so that nobody else makes the log say that something was abandoned. An older one is as right as a
/// new one; only more has to be read after it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Written {
    /// How long the log was.
    size: u64,
    open: Vec<u64>,
}

impl Written {
    /// A line that says what it is, one with the size, one for each index.
    fn text(&self, log: &KnownLog) -> String {
        let mut text = format!("{WHAT} {}\n{}\n", log.origin.as_str(), self.size);
        for index in &self.open {
            text.push_str(&format!("{index}\n"));
        }
        text
    }

    /// None where it is not signed by a key of the log's.
    fn read(octets: &[u8], log: &KnownLog) -> Option<Self> {
        let note = Note::parse(octets).ok()?;
        log.verify(&note, u64::MAX).ok()?;
        let mut lines = note.text().lines();
        if lines.next()? != format!("{WHAT} {}", log.origin.as_str()) {
            return None;
        }
        Some(Self {
            size: lines.next()?.parse().ok()?,
            open: lines.map(|line| line.parse().ok()).collect::<Option<_>>()?,
        })
    }
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
            Event::Refusals | Event::Administration | Event::Lost | Event::Other => {}
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
    pub(super) fn keep(&mut self, place: &Place, size: u64) -> io::Result<()> {
        if size < self.written_at + EVERY_ENTRIES {
            return Ok(());
        }
        self.written_at = size;
        let written = Written {
            size,
            open: self.open.values().copied().filter(|index| *index < size).collect(),
        };
        let text = written.text(&place.keys.fresh(&place.known.origin));
        let note = place
            .keys
            .note(text)
            .ok_or_else(|| io::Error::other("it cannot be signed"))?;
        files::place::replace(&place.folder.join(FILE), note.to_string().as_bytes())
    }

    /// What is open in a log of `size` published entries: those that were written down, and those of the entries after that.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(super) fn find(place: &Place, size: u64) -> io::Result<Self> {
        let (folder, log) = (&place.folder, place.keys.fresh(&place.known.origin));
        let written = std::fs::read(folder.join(FILE)).ok();
        let written = written.and_then(|octets| Written::read(&octets, &log));
        let written = written.filter(|written| written.size <= size).unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use portcullis_audit_log::checkpoint::Origin;

    use super::super::keys::Keys;
    use super::*;

    #[test]
    fn what_is_open_is_believed_from_the_log_s_own_key_alone() {
        let name = Origin::new("gate.example/log").unwrap();
        let (own, other) = (Keys::made(&name).unwrap(), Keys::made(&name).unwrap());
        let log = own.fresh(&name);
        let written = Written {
            size: 70_000,
            open: vec![3, 69_999],
        };
        let note = |keys: &Keys| keys.note(written.text(&log)).unwrap().to_string();
        assert_eq!(Written::read(note(&own).as_bytes(), &log).as_ref(), Some(&written));
        assert_eq!(Written::read(note(&other).as_bytes(), &log), None);
        let changed = note(&own).replacen("\n3\n", "\n4\n", 1);
        assert_eq!(Written::read(changed.as_bytes(), &log), None);
        let unsigned = written.text(&log);
        assert_eq!(Written::read(unsigned.as_bytes(), &log), None);
        let elsewhere = KnownLog {
            origin: Origin::new("other.example/log").unwrap(),
            ..log.clone()
        };
        assert_eq!(Written::read(note(&own).as_bytes(), &elsewhere), None);
    }
}
