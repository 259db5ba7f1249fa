//! Objects that an upstream has deleted, while that could not be written down. Until it is, nobody is related to them, whatever the store
//! says: it is tried again, from one configuration to the next, for as long as the process lives.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use portcullis_decision::relations::{BATCH_MAX, Object};

/// How many are remembered: as many as are written together. Nothing is sent to an upstream that would have to be written down while one is
/// owed, so that there are no more than requests were under way.
const OWED_MAX: usize = BATCH_MAX;

/// What is owed to a store.
#[derive(Debug, Default)]
pub(super) struct Owed {
    objects: Mutex<HashSet<Object>>,
    /// Whether there were more.
    is_overrun: AtomicBool,
}

impl Owed {
    /// These are deleted, and that is not written down.
    pub(super) fn add(&self, deleted: impl IntoIterator<Item = Object>) {
        let mut objects = self.lock();
        for object in deleted {
            if objects.len() < OWED_MAX || objects.contains(&object) {
                objects.insert(object);
            } else if !self.is_overrun.swap(true, Ordering::AcqRel) {
                tracing::error!(
                    "more was deleted than is remembered until it is written down: nothing is permitted by relations until all of it is \
                     deleted (`portcullis relation delete --object`), and the gate started again"
                );
            }
        }
    }

    /// The removal of these is written down.
    pub(super) fn settle(&self, written: &HashSet<Object>) {
        self.lock().retain(|object| !written.contains(object));
    }

    pub(super) fn objects(&self) -> HashSet<Object> {
        self.lock().clone()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Whether some are not remembered, so that nobody can be told what they may do.
    pub(super) fn is_overrun(&self) -> bool {
        self.is_overrun.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owed_is_bounded_and_what_is_not_remembered_is_not_forgotten() {
        let owed = Owed::default();
        let object = |number: usize| Object::new("account", &number.to_string()).unwrap().keep();
        owed.add((0..OWED_MAX).map(object));
        owed.add([object(0)]);
        assert!(!owed.is_overrun(), "it is among them");
        owed.add([object(OWED_MAX)]);
        assert_eq!(owed.objects().len(), OWED_MAX);
        owed.settle(&owed.objects());
        assert!(owed.is_empty() && owed.is_overrun());
    }
}
