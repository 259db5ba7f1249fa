//! What one worker has left for the writer.
//!
//! The lock is held for as long as it takes to push an entry or to take all of them. Room is bounded: what opens a request is refused
//! before there is none, so that what closes one finds some.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use portcullis_audit_log::entry::Event;
use tokio::sync::oneshot;

/// What an entry takes besides its octets.
const LEAF_BYTES: usize = 128;

/// An entry for the log.
#[derive(Debug)]
pub struct Leaf {
    /// What it is about.
    pub event: Event,
    /// The bits of the request's id; 0 for none.
    pub id: u128,
    /// The entry.
    pub octets: Vec<u8>,
    /// Values that can be erased, a line of JSON each, which lie beside the log.
    pub erasable: Box<[u8]>,
    /// Who waits until it is durable.
    pub waits: Option<Waiter>,
}

/// There is no room for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// An entry could not be made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwritten;

/// Whoever waits for an entry to be durable.
pub type Waiter = oneshot::Sender<Result<(), Unwritten>>;
/// Says when an entry is durable.
pub type Durable = oneshot::Receiver<Result<(), Unwritten>>;

/// What the writer has taken.
#[derive(Debug, Default)]
pub struct Taken {
    /// Entries, those of one worker in their order.
    pub leaves: Vec<Leaf>,
    /// How many entries found no room.
    pub lost: u64,
}

/// Where a worker leaves entries.
#[derive(Debug)]
pub struct Outbox {
    waiting: Mutex<Taken>,
    bytes: AtomicUsize,
    bytes_max: usize,
    is_urgent: AtomicBool,
}

impl Outbox {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            bytes: AtomicUsize::new(0),
            bytes_max,
            is_urgent: AtomicBool::new(false),
        }
    }

    /// Whether what opens a request finds no room: a quarter is kept for what closes those that are open.
    pub(super) fn is_nearly_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.bytes_max / 4 * 3
    }

    /// Whether somebody waits.
    pub(super) fn is_urgent(&self) -> bool {
        self.is_urgent.load(Ordering::SeqCst)
    }

    /// How many wait.
    pub(super) fn waiters(&self) -> usize {
        self.waiting
            .lock()
            .leaves
            .iter()
            .filter(|leaf| leaf.waits.is_some())
            .count()
    }

    /// Leaves an entry. One that `counts` and finds no room is counted as lost.
    pub(super) fn push(&self, leaf: Leaf, counts: bool) -> Result<(), Full> {
        let bytes = leaf.octets.capacity() + leaf.erasable.len() + LEAF_BYTES;
        let mut waiting = self.waiting.lock();
        if leaf.octets.is_empty() || self.bytes.load(Ordering::Relaxed) + bytes > self.bytes_max {
            waiting.lost += u64::from(counts);
            return Err(Full);
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let is_urgent = leaf.waits.is_some();
        waiting.leaves.push(leaf);
        if is_urgent {
            self.is_urgent.store(true, Ordering::SeqCst);
        }
        Ok(())
    }

    pub(super) fn take(&self, taken: &mut Taken) {
        let mut waiting = self.waiting.lock();
        taken.leaves.append(&mut waiting.leaves);
        taken.lost += std::mem::take(&mut waiting.lost);
        self.bytes.store(0, Ordering::Relaxed);
        self.is_urgent.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(bytes: usize) -> Leaf {
        Leaf {
            event: Event::Request,
            id: 1,
            octets: vec![b'x'; bytes],
            erasable: Box::default(),
            waits: None,
        }
    }

    #[test]
    fn what_opens_a_request_finds_no_room_before_what_closes_one() {
        let outbox = Outbox::new(4 * (100 + LEAF_BYTES));
        for _ in 0..3 {
            assert!(!outbox.is_nearly_full());
            outbox.push(leaf(100), true).unwrap();
        }
        outbox.push(leaf(100), true).unwrap();
        assert!(outbox.is_nearly_full());
        assert_eq!(outbox.push(leaf(1), true), Err(Full));
        assert_eq!(outbox.push(leaf(1), false), Err(Full));
        let mut taken = Taken::default();
        outbox.take(&mut taken);
        assert_eq!((taken.leaves.len(), taken.lost), (4, 1));
        assert!(!outbox.is_nearly_full());
        outbox.push(leaf(100), true).unwrap();
    }

    #[test]
    fn an_entry_that_could_not_be_made_is_lost() {
        let outbox = Outbox::new(1000);
        assert_eq!(outbox.push(leaf(0), true), Err(Full));
    }
}
