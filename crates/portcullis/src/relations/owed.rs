//! Objects that an upstream has deleted, while that could not be written down. Until it is, nobody is related to them, whatever the store
//! says: it is tried again, from one configuration to the next, for as long as the process lives.
//!
//! All writers of a store share what is owed to it, and what waits to be written there, in one order. What was learnt before an object was
//! deleted may be written after it was noted here, and would bring back what is gone: so an object is owed until all that is older is through.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use portcullis_decision::relations::{BATCH_MAX, Object};
use portcullis_gateway::learning::LEARNING_TIME_MAX;

/// How many are remembered: as many as are written together. Nothing is sent to an upstream that would have to be written down while one is
/// owed, so that there are no more than requests were under way; where authorization only observes, there may be.
const OWED_MAX: usize = BATCH_MAX;

/// What is owed to a store.
#[derive(Debug, Default)]
pub(super) struct Owed {
    book: Mutex<Book>,
    /// Whether there were more.
    is_overrun: AtomicBool,
    /// Held by whoever settles. Two that settle the same could remove what somebody has created between them.
    settling: Mutex<()>,
}

/// Everything in the order in which it came.
#[derive(Debug, Default)]
struct Book {
    objects: HashMap<Object, u64>,
    waiting: BTreeMap<u64, Waits>,
    last: u64,
}

/// Something that waits to be written.
#[derive(Debug)]
struct Waits {
    since: Instant,
    /// What is owed where it is not written.
    deleted: Vec<Object>,
}

/// Something that waits to be written. What it deletes is owed where it is dropped and was not.
#[derive(Debug)]
pub(super) struct Waiting {
    of: Arc<Owed>,
    number: u64,
}

impl Owed {
    /// These are deleted, and that is not written down.
    pub(super) fn add(&self, deleted: impl IntoIterator<Item = Object>) {
        let mut book = self.lock();
        for object in deleted {
            let number = book.next();
            if book.objects.len() < OWED_MAX || book.objects.contains_key(&object) {
                book.objects.insert(object, number);
            } else if !self.is_overrun.swap(true, Ordering::AcqRel) {
                tracing::error!(
                    "more was deleted than is remembered until it is written down: nothing is permitted by relations until all of it is \
                     deleted (`portcullis relation delete --object`), and the gate started again"
                );
            }
        }
    }

    /// Something begins to wait.
    pub(super) fn wait(self: &Arc<Self>, now: Instant, deleted: Vec<Object>) -> Waiting {
        let mut book = self.lock();
        let number = book.next();
        book.waiting.insert(number, Waits { since: now, deleted });
        Waiting {
            of: Arc::clone(self),
            number,
        }
    }

    /// Whatever waits longer than its answer did is owed, though it may still be written: nobody knows whether the disk ever answers.
    pub(super) fn note_late(&self, now: Instant) {
        let mut late = Vec::new();
        for waits in self.lock().waiting.values_mut().filter(|waits| waits.is_late(now)) {
            late.append(&mut waits.deleted);
        }
        self.add(late);
    }

    /// Writes what is owed, and says what that was, all of which was deleted before whatever is written next. What is younger than something
    /// that waits is owed still.
    pub(super) fn settle<E>(
        &self,
        write: impl FnOnce(&HashSet<Object>) -> Result<(), E>,
    ) -> Result<HashSet<Object>, E> {
        let _alone = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        let (due, oldest) = {
            let book = self.lock();
            let oldest = book.waiting.first_key_value().map_or(u64::MAX, |(number, _)| *number);
            (book.objects.clone(), oldest)
        };
        let objects: HashSet<Object> = due.keys().cloned().collect();
        if objects.is_empty() {
            return Ok(objects);
        }
        write(&objects)?;
        // One that has been deleted again meanwhile has another number.
        let is_settled = |object: &Object, number: &u64| *number < oldest && due.get(object) == Some(number);
        self.lock().objects.retain(|object, number| !is_settled(object, number));
        Ok(objects)
    }

    pub(super) fn objects(&self) -> HashSet<Object> {
        self.lock().objects.keys().cloned().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().objects.is_empty()
    }

    /// Whether nothing is owed, and nothing waits for so long that it will be.
    pub(super) fn is_in_time(&self, now: Instant) -> bool {
        let book = self.lock();
        let oldest = book.waiting.first_key_value();
        book.objects.is_empty() && oldest.is_none_or(|(_, waits)| !waits.is_late(now))
    }

    /// Whether some are not remembered, so that nobody can be told what they may do.
    pub(super) fn is_overrun(&self) -> bool {
        self.is_overrun.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

impl Waits {
    fn is_late(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= LEARNING_TIME_MAX
    }
}

impl Waiting {
    /// It is written.
    pub(super) fn written(&self) {
        self.take();
    }

    /// It is not, so that what it deletes is owed.
    pub(super) fn failed(&self) {
        self.of.add(self.take());
    }

    fn take(&self) -> Vec<Object> {
        let mut book = self.of.lock();
        let waits = book.waiting.get_mut(&self.number);
        waits.map_or_else(Vec::new, |waits| mem::take(&mut waits.deleted))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // Before it stops to wait: what is older than that is owed until it has.
        self.failed();
        self.of.lock().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(number: usize) -> Object {
        Object::new("account", &number.to_string()).unwrap().keep()
    }

    fn settle(owed: &Owed) -> usize {
        let settled: Result<_, ()> = owed.settle(|_| Ok(()));
        settled.unwrap().len()
    }

    #[test]
    fn what_is_owed_is_bounded_and_what_is_not_remembered_is_not_forgotten() {
        let owed = Owed::default();
        owed.add((0..OWED_MAX).map(object));
        owed.add([object(0)]);
        assert!(!owed.is_overrun(), "it is among them");
        owed.add([object(OWED_MAX)]);
        assert_eq!(owed.objects().len(), OWED_MAX);
        assert_eq!(settle(&owed), OWED_MAX);
        assert!(owed.is_empty() && owed.is_overrun());
    }

    #[test]
    fn what_is_deleted_is_owed_until_whatever_is_older_is_through() {
        let owed = Arc::new(Owed::default());
        let older = owed.wait(Instant::now(), Vec::new());
        owed.add([object(1)]);
        let younger = owed.wait(Instant::now(), Vec::new());
        assert_eq!(settle(&owed), 1);
        assert!(!owed.is_empty(), "what is older may bring it back");
        drop(older);
        assert_eq!(settle(&owed), 1);
        assert!(owed.is_empty());
        drop(younger);
    }

    #[test]
    fn what_is_deleted_again_while_it_is_settled_is_owed_again() {
        let owed = Owed::default();
        owed.add([object(1)]);
        let settled: Result<_, ()> = owed.settle(|_| {
            owed.add([object(1)]);
            Ok(())
        });
        assert_eq!(
            (settled.unwrap(), owed.objects()),
            ([object(1)].into(), [object(1)].into())
        );
    }

    #[test]
    fn two_do_not_settle_the_same() {
        let owed = Owed::default();
        owed.add([object(1)]);
        std::thread::scope(|scope| {
            let mut other = None;
            let settled: Result<_, ()> = owed.settle(|_| {
                let begun = std::sync::Barrier::new(2);
                let begun = Arc::new(begun);
                let begins = Arc::clone(&begun);
                let owed = &owed;
                other = Some(scope.spawn(move || {
                    begins.wait();
                    settle(owed)
                }));
                begun.wait();
                assert!(owed.settling.try_lock().is_err(), "nobody else settles meanwhile");
                Ok(())
            });
            assert_eq!(settled.unwrap().len(), 1);
            assert_eq!(other.map(|other| other.join().unwrap()), Some(0));
        });
    }

    #[test]
    fn what_waits_for_too_long_or_is_dropped_is_owed() {
        let owed = Arc::new(Owed::default());
        let now = Instant::now();
        let [late, lost, written] = [1, 2, 3].map(|number| owed.wait(now, vec![object(number)]));
        written.written();
        drop(written);
        assert!(owed.is_in_time(now));
        drop(lost);
        assert_eq!(owed.objects(), [object(2)].into());
        assert_eq!(settle(&owed), 1);
        let later = now + LEARNING_TIME_MAX;
        owed.note_late(now);
        assert!(!owed.objects().contains(&object(1)) && !owed.is_in_time(later));
        owed.note_late(later);
        assert!(owed.objects().contains(&object(1)));
        // Written after all; that is written once more, and then forgotten.
        late.written();
        drop(late);
        assert_eq!(settle(&owed), 2);
        assert!(owed.is_in_time(later));
    }
}
