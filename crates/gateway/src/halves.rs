//! A map that forgets what was not used lately, so that it never holds more than it may: two halves, the entries used since the
//! last change of halves and those used before. When the young half is full it becomes the old one, and what was old is gone.
//!
//! Keys may be a caller's: the hash has a secret, and there are few enough entries to bear what collides all the same.
//!
//! Nothing is moved or counted for an entry beyond one look-up, so forgetting costs nothing of its own.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::quality::RandomState;

/// At most twice as many entries as a half may have.
#[derive(Debug)]
pub(crate) struct Halves<K, V> {
    half_max: usize,
    young: HashMap<K, V, RandomState>,
    old: HashMap<K, V, RandomState>,
}

impl<K: Clone + Eq + Hash, V: Clone> Halves<K, V> {
    pub(crate) fn new(half_max: usize) -> Self {
        Self {
            half_max,
            young: HashMap::default(),
            old: HashMap::default(),
        }
    }

    /// An entry, which is young from now on.
    pub(crate) fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let value = self.old.remove(key)?;
        self.put(key.clone(), value.clone());
        Some(value)
    }

    /// Puts in an entry, in the place of the one with the same key if there is one.
    pub(crate) fn put(&mut self, key: K, value: V) {
        if self.young.len() >= self.half_max && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_holds_more_than_two_halves_and_keeps_what_is_used() {
        let mut halves = Halves::new(10);
        halves.put(0, "used");
        for key in 1..1000 {
            halves.put(key, "new");
            assert_eq!(halves.get(&0), Some("used"), "after {key}");
            assert!(halves.len() <= 20, "{}", halves.len());
        }
        assert_eq!(halves.get(&1), None);
        assert_eq!(halves.get(&999), Some("new"));
    }

    #[test]
    fn an_entry_stands_once() {
        let mut halves = Halves::new(1);
        halves.put(1, "a");
        halves.put(2, "b");
        halves.put(1, "c");
        assert_eq!(
            (halves.get(&1), halves.get(&2), halves.len()),
            (Some("c"), Some("b"), 2)
        );
        halves.remove(&1);
        halves.remove(&2);
        assert_eq!((halves.get(&1), halves.len()), (None, 0));
    }
}
