//! What this process remembers and hands out for DPoP (RFC 9449): which proofs were seen, and nonces.
//!
//! One memory for all workers, which outlives reloads. It does not outlive the process: a proof without a nonce has to be made after
//! the process began, or it may have been seen by the one before it.

mod nonces;

use portcullis_identity::dpop::{Proved, Window};
use portcullis_identity::principal::Subject;
use portcullis_identity::time::{Lifetime, UnixTime};

pub use self::nonces::Nonce;
use self::nonces::Nonces;
use crate::replay::{self, Name, Replay, Seen};

/// What is asked of proofs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// When they may have been made.
    pub window: Window,
    /// Whether they need a nonce of this process.
    pub nonce_required: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            window: Window {
                age_seconds_max: 60,
                ahead_seconds_max: 5,
            },
            nonce_required: false,
        }
    }
}

/// What is remembered of proofs.
#[derive(Debug)]
pub struct Memory {
    seen: Replay,
    nonces: Nonces,
    /// From when on no proof was seen by the process before this one.
    since: UnixTime,
}

/// What becomes of a proof that is good in itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// It was never seen before.
    First,
    /// It was.
    Again,
    /// It needs a nonce, and has none of ours that is young enough.
    NonceNeeded(Nonce),
    /// There is no room to remember it, so it cannot be believed.
    NoRoom,
}

impl Memory {
    /// An empty memory, with a secret of its own.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(now: UnixTime) -> Result<Self, getrandom::Error> {
        let mut secret = [0; 16];
        getrandom::fill(&mut secret)?;
        Ok(Self {
            seen: Replay::new(replay::ENTRIES_MAX, &secret),
            nonces: Nonces::new()?,
            since: now,
        })
    }

    /// Remembers a proof of `caller`, who is known by the token that the proof is for.
    pub(crate) fn show(&self, proof: &Proved, caller: &Subject, terms: &Terms, now: UnixTime) -> Shown {
        let fresh = proof.nonce.as_deref().map(|nonce| self.nonces.are_ours(nonce, now));
        let needed = terms.nonce_required || proof.issued_at < self.since;
        match fresh {
            Some(false) => return Shown::NonceNeeded(self.nonces.now(now)),
            None if needed => return Shown::NonceNeeded(self.nonces.now(now)),
            Some(true) | None => {}
        }
        let name = Name::Proof {
            key: &proof.key,
            id: &proof.id,
        };
        let life = Lifetime {
            from: proof.issued_at,
            // One more than it is good for.
            seconds: terms.window.age_seconds_max.saturating_add(1),
        };
        match self.seen.first_use(caller, name, life, now) {
            Seen::First => Shown::First,
            Seen::Again => Shown::Again,
            Seen::Full => Shown::NoRoom,
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_identity::principal::SubjectKind;
    use portcullis_identity::thumbprint::Thumbprint;

    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(seconds).unwrap()
    }

    fn proof(id: &str, issued_at: u64, nonce: Option<Nonce>) -> Proved {
        Proved {
            key: Thumbprint::of_certificate(b"a key"),
            id: id.into(),
            issued_at: at(issued_at),
            nonce: nonce.map(|nonce| nonce.to_string().into()),
        }
    }

    fn needed(shown: Shown) -> Nonce {
        match shown {
            Shown::NonceNeeded(nonce) => nonce,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn oauth_15_a_proof_is_good_once_and_from_this_process_on() {
        let (memory, terms) = (Memory::new(at(1000)).unwrap(), Terms::default());
        let alice = Subject::new("main".into(), SubjectKind::User, "alice");
        let show = |proof: &Proved, now| memory.show(proof, &alice, &terms, at(now));
        assert_eq!(show(&proof("one", 1000, None), 1000), Shown::First);
        assert_eq!(show(&proof("one", 1000, None), 1001), Shown::Again);
        assert_eq!(show(&proof("two", 1000, None), 1001), Shown::First);
        // The process before this one may have seen it.
        let nonce = needed(show(&proof("three", 999, None), 1001));
        assert_eq!(show(&proof("three", 999, Some(nonce)), 1001), Shown::First);
        assert_eq!(show(&proof("three", 999, Some(nonce)), 1001), Shown::Again);
    }

    #[test]
    fn oauth_15_a_longer_window_brings_no_proof_back() {
        let memory = Memory::new(at(1000)).unwrap();
        let alice = Subject::new("main".into(), SubjectKind::User, "alice");
        let show = |proof: &Proved, age_seconds_max, now| {
            let window = Window {
                age_seconds_max,
                ahead_seconds_max: 0,
            };
            let nonce_required = false;
            memory.show(proof, &alice, &Terms { window, nonce_required }, at(now))
        };
        assert_eq!(show(&proof("one", 1000, None), 10, 1000), Shown::First);
        // By now it is forgotten.
        assert_eq!(show(&proof("two", 1050, None), 10, 1050), Shown::First);
        assert_eq!(show(&proof("one", 1000, None), 100, 1051), Shown::Again);
        assert_eq!(show(&proof("two", 1050, None), 100, 1051), Shown::Again);
        assert_eq!(show(&proof("three", 1051, None), 100, 1051), Shown::First);
        assert_eq!(show(&proof("three", 1051, None), 100, 1150), Shown::Again);
        // A shorter one forgets nothing that another operation would take.
        assert_eq!(show(&proof("three", 1051, None), 10, 1150), Shown::Again);
    }

    #[test]
    fn oauth_15_nonces_can_be_required() {
        let memory = Memory::new(at(1000)).unwrap();
        let terms = Terms {
            nonce_required: true,
            ..Terms::default()
        };
        let alice = Subject::new("main".into(), SubjectKind::User, "alice");
        let show = |proof: &Proved, now| memory.show(proof, &alice, &terms, at(now));
        let nonce = needed(show(&proof("one", 1000, None), 1000));
        assert_eq!(show(&proof("one", 1000, Some(nonce)), 1000), Shown::First);
        let foreign = needed(
            Memory::new(at(1000))
                .unwrap()
                .show(&proof("two", 1000, None), &alice, &terms, at(1000)),
        );
        assert_eq!(needed(show(&proof("two", 1000, Some(foreign)), 1000)), nonce);
        // A nonce is worth something for a while, and another takes its place.
        let late = 1000 + 2 * nonces::WINDOW_SECONDS;
        let next = needed(show(&proof("two", late, Some(nonce)), late));
        assert_ne!(next, nonce);
        assert_eq!(show(&proof("two", late, Some(next)), late), Shown::First);
    }
}
