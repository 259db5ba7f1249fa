//! What may be used only once: the nonces of signed messages (RFC 9421 §7.2.2), the identifiers of proofs (RFC 9449 §11.1).
//! A memory of fixed size, shared by all workers: one for signed messages, one for tokens that are good once and one for proofs of
//! possession, so that what fills one of them takes no room of the others.
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
use portcullis_identity::jose::key::Kid;
use portcullis_identity::principal::Subject;
use portcullis_identity::thumbprint::Thumbprint;
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

/// What may be used once, by a name that nothing else of its kind has.
#[derive(Clone, Copy, Debug)]
pub enum Name<'n> {
    /// A token, by the name that its issuer gave it for its subject (`jti`, RFC 7519 §4.1.7).
    Token(&'n str),
    /// A proof of possession, by its key and the name that whoever made it gave it (`jti`, RFC 9449 §4.2).
    Proof {
        /// Its key.
        key: &'n Thumbprint,
        /// Its name.
        id: &'n str,
    },
    /// A nonce of a signature (RFC 9421 §2.3), by the key that it was made with.
    Nonce {
        /// What the signers are called here.
        authority: &'n str,
        /// What they call the key.
        keyid: &'n Kid,
        /// The nonce.
        nonce: &'n str,
    },
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
    /// The latest end of anything that was forgotten.
    forgotten: Option<UnixTime>,
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

    /// Whether `caller`, who has the room for it, uses this for the first time, which nobody does any more after that.
    /// It is remembered until `until`, from when on whoever asks must refuse it for its age.
    pub fn first_use(&self, caller: &Subject, name: Name<'_>, until: UnixTime, now: UnixTime) -> Seen {
        if until <= now {
            return Seen::Again;
        }
        let caller = caller.to_string();
        let name = self.digest(&caller, name);
        let caller = self.keyed.digest(&[caller.as_bytes()]);
        let mut used = self.used.lock();
        used.forget(now, FORGOTTEN_MAX);
        // Whatever time whoever asks believes it is: what may have been forgotten is not looked for.
        if Some(until) <= used.forgotten || used.callers.contains_key(&name) {
            return Seen::Again;
        }
        if self.is_full(&used, caller) {
            // What has ended may be all that is in the way.
            used.forget(now, self.entries_max);
            if self.is_full(&used, caller) {
                return Seen::Full;
            }
        }
        used.remember(caller, name, until);
        Seen::First
    }

    /// The kinds are told apart by their first part.
    fn digest(&self, caller: &str, name: Name<'_>) -> Digest {
        let caller = caller.as_bytes();
        match name {
            Name::Token(id) => self.keyed.digest(&[b"token", caller, id.as_bytes()]),
            Name::Proof { key, id } => self.keyed.digest(&[b"proof", caller, key.as_bytes(), id.as_bytes()]),
            // Whose the key is may change while the signature is good.
            Name::Nonce {
                authority,
                keyid,
                nonce,
            } => {
                let parts = [
                    b"nonce",
                    authority.as_bytes(),
                    keyid.as_str().as_bytes(),
                    nonce.as_bytes(),
                ];
                self.keyed.digest(&parts)
            }
        }
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
            self.forgotten = self.forgotten.max(Some(*first.key()));
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
    use portcullis_identity::principal::SubjectKind;

    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(seconds).unwrap()
    }

    fn replay(entries_max: usize) -> Replay {
        Replay::new(entries_max, &[7; 16])
    }

    fn caller(name: &str) -> Subject {
        Subject::new("main".into(), SubjectKind::User, name)
    }

    fn uses(replay: &Replay, by: &str, id: &str, until: u64, now: u64) -> Seen {
        replay.first_use(&caller(by), Name::Token(id), at(until), at(now))
    }

    #[test]
    fn once_is_once_until_it_ends() {
        let replay = replay(1 << 10);
        let used = |by: &str, id: &str, until, now| uses(&replay, by, id, until, now);
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
    fn what_was_forgotten_is_not_good_again_for_whoever_has_an_old_clock() {
        let replay = replay(1 << 10);
        assert_eq!(uses(&replay, "a", "n", 100, 10), Seen::First);
        assert_eq!(
            uses(&replay, "b", "m", 200, 100),
            Seen::First,
            "and the other is forgotten"
        );
        assert!(!replay.used.lock().ends.contains_key(&at(100)));
        assert_eq!(uses(&replay, "a", "n", 100, 99), Seen::Again);
        // A clock that went ahead for a moment keeps nobody out for longer than what it had forgotten.
        assert_eq!(uses(&replay, "b", "o", 9_100, 9_000), Seen::First);
        assert_eq!(uses(&replay, "a", "p", 201, 101), Seen::First);
        assert_eq!(uses(&replay, "a", "q", 200, 101), Seen::Again);
    }

    #[test]
    fn names_of_different_things_are_different_and_a_nonce_is_its_key_s() {
        let replay = replay(1 << 10);
        let (key, keyid) = (Thumbprint::of_certificate(b"a key"), Kid::new("k").unwrap());
        let used = |by: &str, name| replay.first_use(&caller(by), name, at(100), at(10));
        let nonce = Name::Nonce {
            authority: "partners",
            keyid: &keyid,
            nonce: "n",
        };
        assert_eq!(used("a", Name::Token("n")), Seen::First);
        assert_eq!(used("a", Name::Proof { key: &key, id: "n" }), Seen::First);
        assert_eq!(used("a", nonce), Seen::First);
        assert_eq!(used("b", nonce), Seen::Again, "whoever has the key now");
    }

    #[test]
    fn a_flood_takes_its_own_share_and_makes_nothing_good_again() {
        let replay = replay(640);
        let used = |by: &str, key: u32, now| uses(&replay, by, &key.to_string(), 100, now);
        assert_eq!(used("good", 0, 10), Seen::First);
        let flood: Vec<Seen> = (0..1000).map(|key| used("flood", key, 10)).collect();
        assert_eq!(flood.iter().filter(|seen| **seen == Seen::First).count(), 10);
        assert!(flood.iter().skip(10).all(|seen| *seen == Seen::Full));
        assert_eq!(used("good", 1, 10), Seen::First, "others have their room");
        assert_eq!(used("good", 0, 10), Seen::Again, "nothing was forgotten");
        assert_eq!(used("flood", 3, 10), Seen::Again);
    }

    #[test]
    fn the_share_is_a_caller_s_and_not_a_key_s() {
        let replay = replay(640);
        let keys: Vec<Kid> = (0..8).map(|key| Kid::new(&format!("k{key}")).unwrap()).collect();
        let used = |by: &str, keyid, nonce: u32| {
            let nonce = nonce.to_string();
            let name = Name::Nonce {
                authority: "partners",
                keyid,
                nonce: &nonce,
            };
            replay.first_use(&caller(by), name, at(100), at(10))
        };
        let all = keys.iter().flat_map(|keyid| (0..100).map(move |nonce| (keyid, nonce)));
        let firsts = all.filter(|(keyid, nonce)| used("many", keyid, *nonce) == Seen::First);
        assert_eq!(firsts.count(), 10);
        assert_eq!(used("other", &keys[0], 1000), Seen::First);
    }

    #[test]
    fn what_is_full_is_full_for_those_who_are_new_and_empties_by_itself() {
        let replay = replay(640);
        let used = |by: u8, key: u8, until, now| uses(&replay, &by.to_string(), &key.to_string(), until, now);
        for by in 0..64 {
            assert!((0..10).all(|key| used(by, key, 100, 10) == Seen::First));
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
                let (by, key) = ((second % 16).to_string(), (second * 4 + key).to_string());
                assert_eq!(uses(&replay, &by, &key, second + 10, second), Seen::First);
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
                        let first = |key: &u32| uses(&replay, "a", &key.to_string(), 100, 10) == Seen::First;
                        (0..200).filter(first).count()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(firsts, 200);
    }
}
