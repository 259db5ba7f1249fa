//! What may be used only once: the nonces of signed messages (RFC 9421 §7.2.2), the identifiers of proofs (RFC 9449 §11.1).
//! One memory of fixed size, shared by all workers.
//!
//! Nothing that is still good is ever forgotten to make room, since it could be used again then. One caller has a 64th of the room
//! at most, so that no few callers can take that of the others: whoever has used up its share is told so, and everybody else only
//! where 64 callers or more have filled all of it.
//! Callers are to be verified before they are remembered: what anybody can make up takes no room here.
//!
//! It is the memory of one process. What is used here can be used once more at another machine, or after a restart, for as
//! long as it is good.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;
use portcullis_identity::time::UnixTime;

use crate::keyed::Keyed;

/// What is remembered at once where nothing else is asked for: some 50 MB at the most, asked for as it fills.
pub const ENTRIES_MAX: usize = 1 << 19;
/// One caller has one part in so many.
const SHARES: usize = 64;
/// How much of what has ended is forgotten with each use: more than comes in, so that none of it piles up, and little
/// enough that nobody waits for long.
const FORGOTTEN_MAX: usize = 32;

/// Remembers what was used.
pub struct Replay {
    keyed: Keyed,
    entries_max: usize,
    used: Mutex<Used>,
}

/// What becomes of something that may be used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It was not used before, and is from now on.
    First,
    /// It was used before, or has ended.
    Again,
    /// Nothing can be said: the caller's share of the memory is used up, or all of it is.
    Full,
}

/// A keyed digest: nobody outside can make two that are alike.
type Digest = u128;

#[derive(Default)]
struct Used {
    /// What was used, and by whom.
    callers: HashMap<Digest, Digest>,
    /// The same by the second from which on it is forgotten.
    ends: BTreeMap<UnixTime, Vec<Digest>>,
    /// How much each caller has of it.
    shares: HashMap<Digest, usize>,
}

impl Replay {
    /// A memory for so much at once. `secret` is chance, and different in every process.
    #[must_use]
    pub fn new(entries_max: usize, secret: &[u8; 16]) -> Self {
        Self {
            keyed: Keyed::new(secret),
            entries_max,
            used: Mutex::default(),
        }
    }

    /// A memory for so much at once, with a secret of its own.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn random(entries_max: usize) -> Result<Self, getrandom::Error> {
        let mut secret = [0; 16];
        getrandom::fill(&mut secret)?;
        Ok(Self::new(entries_max, &secret))
    }

    /// Whether `caller` uses `key` for the first time, which it does no more after that. It is remembered until `until`, from
    /// when on whoever asks must refuse it for its age.
    pub fn first_use(&self, caller: &[u8], key: &[u8], until: UnixTime, now: UnixTime) -> Seen {
        if until <= now {
            return Seen::Again;
        }
        let (caller, key) = (self.keyed.digest(&[caller]), self.keyed.digest(&[caller, key]));
        let mut used = self.used.lock();
        used.forget(now, FORGOTTEN_MAX);
        if used.callers.contains_key(&key) {
            return Seen::Again;
        }
        if self.is_full(&used, caller) {
            // What has ended may be all that is in the way.
            used.forget(now, self.entries_max);
            if self.is_full(&used, caller) {
                return Seen::Full;
            }
        }
        used.remember(caller, key, until);
        Seen::First
    }

    fn is_full(&self, used: &Used, caller: Digest) -> bool {
        let share = used.shares.get(&caller).copied().unwrap_or_default();
        used.callers.len() >= self.entries_max || share >= (self.entries_max / SHARES).max(1)
    }
}

impl Used {
    fn remember(&mut self, caller: Digest, key: Digest, until: UnixTime) {
        self.callers.insert(key, caller);
        self.ends.entry(until).or_default().push(key);
        *self.shares.entry(caller).or_default() += 1;
    }

    /// Forgets what has ended, so much of it at the most.
    fn forget(&mut self, now: UnixTime, most: usize) {
        for _ in 0..most {
            let Some(mut first) = self.ends.first_entry().filter(|first| *first.key() <= now) else {
                return;
            };
            match first.get_mut().pop() {
                Some(key) => self.release(key),
                None => drop(first.remove()),
            }
        }
    }

    fn release(&mut self, key: Digest) {
        let Some(caller) = self.callers.remove(&key) else {
            return;
        };
        let Some(share) = self.shares.get_mut(&caller) else {
            return;
        };
        *share = share.saturating_sub(1);
        if *share == 0 {
            self.shares.remove(&caller);
        }
    }
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay")
            .field("entries_max", &self.entries_max)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(seconds).unwrap()
    }

    fn replay(entries_max: usize) -> Replay {
        Replay::new(entries_max, &[7; 16])
    }

    #[test]
    fn once_is_once_until_it_ends() {
        let replay = replay(1 << 10);
        let used = |caller: &str, key: &str, until, now| {
            replay.first_use(caller.as_bytes(), key.as_bytes(), at(until), at(now))
        };
        assert_eq!(used("a", "n", 100, 10), Seen::First);
        assert_eq!(used("a", "n", 100, 10), Seen::Again);
        assert_eq!(used("a", "n", 100, 99), Seen::Again);
        assert_eq!(used("b", "n", 100, 10), Seen::First, "another caller's");
        assert_eq!(used("a", "m", 100, 10), Seen::First, "another one");
        // Where a caller ends and what it uses begins cannot be shifted.
        assert_eq!(used("ab", "c", 100, 10), Seen::First);
        assert_eq!(used("a", "bc", 100, 10), Seen::First);
        assert_eq!(used("a", "n", 100, 100), Seen::Again, "it has ended");
        assert_eq!(used("a", "n", 200, 100), Seen::First, "it was forgotten");
    }

    #[test]
    fn a_flood_takes_its_own_share_and_makes_nothing_good_again() {
        let replay = replay(640);
        let used =
            |caller: &str, key: u32, now| replay.first_use(caller.as_bytes(), &key.to_be_bytes(), at(100), at(now));
        assert_eq!(used("good", 0, 10), Seen::First);
        let flood: Vec<Seen> = (0..1000).map(|key| used("flood", key, 10)).collect();
        assert_eq!(flood.iter().filter(|seen| **seen == Seen::First).count(), 10);
        assert!(flood.iter().skip(10).all(|seen| *seen == Seen::Full));
        assert_eq!(used("good", 1, 10), Seen::First, "others have their room");
        assert_eq!(used("good", 0, 10), Seen::Again, "nothing was forgotten");
        assert_eq!(used("flood", 3, 10), Seen::Again);
    }

    #[test]
    fn what_is_full_is_full_for_those_who_are_new_and_empties_by_itself() {
        let replay = replay(640);
        let used = |caller: u8, key: u8, until, now| replay.first_use(&[caller], &[key], at(until), at(now));
        for caller in 0..64 {
            assert!((0..10).all(|key| used(caller, key, 100, 10) == Seen::First));
        }
        assert_eq!(used(64, 0, 100, 10), Seen::Full);
        assert_eq!(used(0, 0, 100, 10), Seen::Again, "what is known is still known");
        assert_eq!(used(64, 0, 200, 100), Seen::First);
        assert_eq!(
            replay.used.lock().callers.len(),
            640 - FORGOTTEN_MAX + 1,
            "a part of it is forgotten at a time"
        );
    }

    #[test]
    fn nothing_stays_behind() {
        let replay = replay(1 << 14);
        for second in 0..500_u64 {
            for key in 0..4_u64 {
                let key = (second * 4 + key).to_be_bytes();
                let caller = [u8::try_from(second % 16).unwrap()];
                assert_eq!(
                    replay.first_use(&caller, &key, at(second + 10), at(second)),
                    Seen::First
                );
            }
        }
        let inner = replay.used.lock();
        assert!(
            inner.callers.len() <= 40 && inner.ends.len() <= 11,
            "{}",
            inner.callers.len()
        );
        let shares: usize = inner.shares.values().sum();
        assert_eq!(shares, inner.callers.len());
        assert_eq!(inner.ends.values().map(Vec::len).sum::<usize>(), inner.callers.len());
    }

    #[test]
    fn of_many_at_once_one_is_the_first() {
        let replay = replay(1 << 14);
        let firsts: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let used = |key: u32| replay.first_use(b"a", &key.to_be_bytes(), at(100), at(10));
                        (0..200).filter(|key| used(*key) == Seen::First).count()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(firsts, 200);
    }
}
