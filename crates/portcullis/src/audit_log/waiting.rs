//! What waits to be written to the log, and who waits for that.

use std::collections::VecDeque;

use portcullis_audit_log::checkpoint::KnownLog;
use portcullis_audit_log::entry::{Entity, Entry, Event};
use portcullis_audit_log::tiles::ENTRY_BYTES_MAX;
use portcullis_gateway::audit_log::Leaf;
use portcullis_gateway::audit_log::outbox::Unwritten;
use portcullis_gateway::listen::{RequestId, unix_milliseconds};

/// A letter has about as many octets.
const LETTER_BYTES: usize = 4 << 20;

/// What is not durable yet.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) leaves: VecDeque<Leaf>,
    bytes: usize,
    /// The size of the log before the first of them.
    pub(super) from: u64,
    pub(super) lost: u64,
}

impl Waiting {
    /// Adds an entry. Where there is no room for it, whoever waits for it is told so.
    pub(super) fn push(&mut self, mut leaf: Leaf, bytes_max: usize) {
        let bytes = leaf.octets.len() + leaf.erasable.len();
        if self.bytes.saturating_add(bytes) > bytes_max || leaf.octets.len() > ENTRY_BYTES_MAX {
            self.lost += 1;
            tell(&mut leaf, Err(Unwritten));
            return;
        }
        self.bytes += bytes;
        self.leaves.push_back(leaf);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// How many wait for any of it.
    pub(super) fn waiters(&self) -> usize {
        self.leaves.iter().filter(|leaf| leaf.waits.is_some()).count()
    }

    /// Everything is durable.
    pub(super) fn done(&mut self) {
        for mut leaf in self.leaves.drain(..) {
            tell(&mut leaf, Ok(()));
        }
        self.bytes = 0;
    }

    /// Nothing is, for now: nobody waits any longer.
    pub(super) fn fail(&mut self) {
        for leaf in &mut self.leaves {
            tell(leaf, Err(Unwritten));
        }
    }

    /// Forgets what is durable in a log of this size, and says what that was.
    pub(super) fn pass_over(&mut self, size: u64) -> Vec<(Event, u128, u64)> {
        let mut durable = Vec::new();
        for index in self.from..size {
            let Some(mut leaf) = self.leaves.pop_front() else { break };
            tell(&mut leaf, Ok(()));
            self.bytes = self.bytes.saturating_sub(leaf.octets.len() + leaf.erasable.len());
            durable.push((leaf.event, leaf.id, index));
        }
        durable
    }

    /// Everything, as it is left for another process: in parts that are not too long for it.
    pub(super) fn letters(&self) -> Vec<Vec<u8>> {
        let mut letters = Vec::new();
        let mut lines = Vec::new();
        for leaf in &self.leaves {
            lines.extend_from_slice(&leaf.erasable);
            lines.extend_from_slice(&leaf.octets);
            lines.push(b'\n');
            if lines.len() > LETTER_BYTES {
                letters.push(std::mem::take(&mut lines));
            }
        }
        letters.push(lines);
        letters
    }
}

fn tell(leaf: &mut Leaf, written: Result<(), Unwritten>) {
    if let Some(waiter) = leaf.waits.take() {
        // Who does not wait any more need not know.
        let _gone = waiter.send(written);
    }
}

/// An entry about the log itself.
pub(super) fn about<'e>(event: Event, log: &'e KnownLog) -> Entry<'e> {
    Entry {
        entity: Some(Entity {
            kind: "audit-log".into(),
            name: Some(log.origin.as_str().into()),
        }),
        ..Entry::new(event, unix_milliseconds())
    }
}

pub(super) fn leaf(entry: &Entry<'_>) -> Leaf {
    let mut octets = Vec::new();
    entry.write(&mut octets);
    of_octets(octets, Vec::new())
}

pub(super) fn of_octets(octets: Vec<u8>, erasable: Vec<u8>) -> Leaf {
    let entry = Entry::read(&octets).ok();
    let id = entry.as_ref().and_then(Entry::id).and_then(RequestId::parse);
    Leaf {
        event: entry.map_or(Event::Administration, |entry| entry.metadata.event_code),
        id: id.map_or(0, |id| id.bits()),
        octets,
        erasable: erasable.into(),
        waits: None,
    }
}
