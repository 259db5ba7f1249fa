//! What may be used only once: the nonces of signed messages (RFC 9421 §7.2.2), the identifiers of proofs (RFC 9449 §11.1).
//! A memory of fixed size, shared by all workers: one for signed messages, one for tokens that are good once and one for proofs of
//! possession, so that what fills one of them takes no room of the others.
//!
//! Nothing that is still good is ever forgotten to make room, since it could be used again then. One caller has a 64th of the room
//! at most, so that no few callers can take that of the others: whoever has used up its share is told so, and everybody else only
//! where 64 callers or more have filled all of it.
//! Callers are to be verified before they are remembered: what anybody can make up takes no room here.
//!
//! How long something is good is a setting, and a reload may make that longer: what was forgotten by then stays used.
//!
//! It is the memory of one process. What is used here can be used once more at another machine, or after a restart, for as
//! long as it is good.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;
use portcullis_identity::jose::key::Kid;
use portcullis_identity::principal::Subject;
use portcullis_identity::thumbprint::Thumbprint;
use portcullis_identity::time::{Lifetime, UnixTime};

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
    /// A nonce of a signature (RFC 9421 §2.3), by the key that it was made with: a name that its authority has once.
    Nonce {
        /// Which key.
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
    /// It was used before, or is over, or may be forgotten by now.
    Again,
    /// Nothing can be said: the caller's share of the memory is used up, or all of it is.
    Full,
}

/// A keyed digest: nobody outside can make two that are alike.
type Digest = u128;

#[derive(Default)]
struct Used {
    /// By the authority that whoever used it is known by here: there are as many as were ever configured.
    authorities: HashMap<Digest, UsedOfOne>,
    /// How much is remembered in all.
    entries: usize,
}

/// What was used of one authority's.
#[derive(Default)]
struct UsedOfOne {
    /// What, and by whom.
    callers: HashMap<Digest, Digest>,
    /// The same by the moment that its life is counted from.
    lives: BTreeMap<UnixTime, Vec<Digest>>,
    /// How much each caller has of it.
    shares: HashMap<Digest, usize>,
    /// The longest that a life ever was here, in seconds: everything is remembered for that.
    life_seconds_max: u64,
    /// The latest moment that the life of anything forgotten was counted from.
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
    /// It is remembered for its life; whoever asks must refuse it for its age after that.
    pub fn first_use(&self, caller: &Subject, name: Name<'_>, life: Lifetime, now: UnixTime) -> Seen {
        let authority = self.keyed.digest(&[caller.authority().as_bytes()]);
        let caller = caller.to_string();
        let name = self.digest(&caller, name);
        let caller = self.keyed.digest(&[caller.as_bytes()]);
        let mut used = self.used.lock();
        used.of(authority).allow(life.seconds);
        used.forget_of(authority, now);
        if used.of(authority).knows(name, life.from, now) {
            return Seen::Again;
        }
        if self.is_full(&mut used, authority, caller) {
            // What is over may be all that is in the way.
            used.forget_all(now);
            if self.is_full(&mut used, authority, caller) {
                return Seen::Full;
            }
        }
        used.of(authority).remember(caller, name, life.from);
        used.entries += 1;
        Seen::First
    }

    /// The kinds are told apart by their first part.
    fn digest(&self, caller: &str, name: Name<'_>) -> Digest {
        let caller = caller.as_bytes();
        match name {
            Name::Token(id) => self.keyed.digest(&[b"token", caller, id.as_bytes()]),
            Name::Proof { key, id } => self.keyed.digest(&[b"proof", caller, key.as_bytes(), id.as_bytes()]),
            // Whose the key is may change while the signature is good.
            Name::Nonce { keyid, nonce } => self
                .keyed
                .digest(&[b"nonce", keyid.as_str().as_bytes(), nonce.as_bytes()]),
        }
    }

    fn is_full(&self, used: &mut Used, authority: Digest, caller: Digest) -> bool {
        used.entries >= self.entries_max || used.of(authority).share(caller) >= (self.entries_max / SHARES).max(1)
    }
}

impl Used {
    fn of(&mut self, authority: Digest) -> &mut UsedOfOne {
        self.authorities.entry(authority).or_default()
    }

    /// Forgets a little of what is over.
    fn forget_of(&mut self, authority: Digest, now: UnixTime) {
        let forgotten = self.of(authority).forget(now, FORGOTTEN_MAX);
        self.entries = self.entries.saturating_sub(forgotten);
    }

    /// Forgets everything that is over.
    fn forget_all(&mut self, now: UnixTime) {
        let forgotten = self.authorities.values_mut().map(|one| one.forget(now, usize::MAX));
        self.entries = self.entries.saturating_sub(forgotten.sum());
    }
}

impl UsedOfOne {
    /// Lives may be this long from now on, and once they were, for ever: another operation may still take them.
    fn allow(&mut self, seconds: u64) {
        self.life_seconds_max = self.life_seconds_max.max(seconds);
    }

    /// Whether it was used, or may have been: whatever time whoever asks believes it is, what may be forgotten is not
    /// looked for.
    fn knows(&self, name: Digest, from: UnixTime, now: UnixTime) -> bool {
        self.is_over(from, now) || Some(from) <= self.forgotten || self.callers.contains_key(&name)
    }

    fn is_over(&self, from: UnixTime, now: UnixTime) -> bool {
        from.plus(self.life_seconds_max) <= now
    }

    fn share(&self, caller: Digest) -> usize {
        self.shares.get(&caller).copied().unwrap_or_default()
    }

    fn remember(&mut self, caller: Digest, name: Digest, from: UnixTime) {
        self.callers.insert(name, caller);
        self.lives.entry(from).or_default().push(name);
        *self.shares.entry(caller).or_default() += 1;
    }

    /// Forgets what is over, so much of it at the most: how much it was.
    fn forget(&mut self, now: UnixTime, most: usize) -> usize {
        let mut forgotten = 0;
        while forgotten < most
            && let Some((from, name)) = self.next_over(now)
        {
            self.forgotten = self.forgotten.max(Some(from));
            self.release(name);
            forgotten += 1;
        }
        forgotten
    }

    /// Takes out something that is over.
    fn next_over(&mut self, now: UnixTime) -> Option<(UnixTime, Digest)> {
        let from = *self.lives.first_key_value()?.0;
        if !self.is_over(from, now) {
            return None;
        }
        let mut first = self.lives.first_entry()?;
        let name = first.get_mut().pop();
        if first.get().is_empty() {
            first.remove();
        }
        Some((from, name?))
    }

    fn release(&mut self, name: Digest) {
        let Some(caller) = self.callers.remove(&name) else {
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

    fn life(from: u64, seconds: u64) -> Lifetime {
        Lifetime {
            from: at(from),
            seconds,
        }
    }

    fn uses(replay: &Replay, by: &str, id: &str, until: u64, now: u64) -> Seen {
        replay.first_use(&caller(by), Name::Token(id), life(until, 0), at(now))
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
        assert_eq!(replay.used.lock().entries, 1);
        assert_eq!(uses(&replay, "a", "n", 100, 99), Seen::Again);
        // A clock that went ahead for a moment keeps nobody out for longer than what it had forgotten.
        assert_eq!(uses(&replay, "b", "o", 9_100, 9_000), Seen::First);
        assert_eq!(uses(&replay, "a", "p", 201, 101), Seen::First);
        assert_eq!(uses(&replay, "a", "q", 200, 101), Seen::Again);
    }

    #[test]
    fn a_longer_life_brings_nothing_back() {
        let replay = replay(1 << 10);
        let used = |authority: &str, id: &str, (from, seconds), now| {
            let caller = Subject::new(authority.into(), SubjectKind::User, "a");
            replay.first_use(&caller, Name::Token(id), life(from, seconds), at(now))
        };
        assert_eq!(used("main", "old", (100, 10), 100), Seen::First);
        assert_eq!(
            used("main", "new", (115, 10), 115),
            Seen::First,
            "and the old is forgotten"
        );
        // Allowed for longer, what was forgotten would be good again, and what was not ends later.
        assert_eq!(used("main", "old", (100, 60), 116), Seen::Again);
        assert_eq!(used("main", "new", (115, 60), 170), Seen::Again);
        assert_eq!(used("main", "other", (115, 60), 170), Seen::First);
        // Another operation may still allow less, and forgets nothing that this one would take.
        assert_eq!(used("main", "next", (180, 10), 200), Seen::First);
        assert_eq!(used("main", "next", (180, 60), 230), Seen::Again);
        // What others allow is nobody else's.
        assert_eq!(used("short", "one", (100, 10), 100), Seen::First);
        assert_eq!(used("short", "two", (115, 10), 115), Seen::First);
        let lives = |authority: &str| {
            let used = replay.used.lock();
            used.authorities[&replay.keyed.digest(&[authority.as_bytes()])]
                .callers
                .len()
        };
        assert_eq!((lives("short"), lives("main")), (1, 1));
    }

    #[test]
    fn names_of_different_things_are_different_and_a_nonce_is_its_key_s() {
        let replay = replay(1 << 10);
        let (key, keyid) = (Thumbprint::of_certificate(b"a key"), Kid::new("k").unwrap());
        let used = |by: &str, name| replay.first_use(&caller(by), name, life(100, 0), at(10));
        let nonce = Name::Nonce {
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
            let name = Name::Nonce { keyid, nonce: &nonce };
            replay.first_use(&caller(by), name, life(100, 0), at(10))
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
            replay.used.lock().entries,
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
        let used = replay.used.lock();
        let inner = used.authorities.values().next().unwrap();
        assert!(used.entries <= 40 && inner.lives.len() <= 11, "{}", used.entries);
        assert_eq!(inner.callers.len(), used.entries);
        let shares: usize = inner.shares.values().sum();
        assert_eq!(shares, inner.callers.len());
        assert_eq!(inner.lives.values().map(Vec::len).sum::<usize>(), inner.callers.len());
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
