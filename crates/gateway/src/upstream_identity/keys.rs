//! The keys that sign tokens for upstreams, and those that are published for who verifies them.
//!
//! A new key is published for a while before it signs, since upstreams fetch keys now and then only; one that is replaced stays
//! published until the last token that it signed has ended.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use portcullis_identity::time::UnixTime;
use portcullis_secrets::Signer;
use serde_json::{Value, json};

use super::token::LIFETIME_SECONDS_MAX;

/// How long a key is published beyond the end of the tokens that it signed, for clocks that differ.
const SKEW_SECONDS_MAX: u64 = 60;
/// The most keys that are published beside those in force.
const RETIRED_MAX: usize = 16;

/// The keys of one gate, as they are now.
#[derive(Default)]
pub struct SigningKeys(ArcSwapOption<Ring>);

/// Keys in force, and keys that were.
#[derive(Clone)]
struct Ring {
    /// Signs from `signs_from` on; until then `before` does, where there is one.
    first: Arc<Signer>,
    signs_from: UnixTime,
    before: Option<Arc<Signer>>,
    published: Vec<Published>,
}

/// A key that upstreams can know.
#[derive(Clone)]
struct Published {
    signer: Arc<Signer>,
    since: UnixTime,
    /// None: as long as it is in force.
    until: Option<UnixTime>,
}

impl SigningKeys {
    /// Puts keys in force, of which the first signs. One that was not published before signs when it was for `ahead_seconds`,
    /// unless nothing could sign until then. No key: nothing signs, and nothing is published.
    pub fn replace(&self, keys: &[Arc<Signer>], ahead_seconds: u64, now: UnixTime) {
        let ring = match self.0.load_full() {
            Some(ring) => ring.followed_by(keys, ahead_seconds, now),
            None => Ring::begin(keys, now),
        };
        self.0.store(ring.map(Arc::new));
    }

    /// The key that signs now.
    pub(super) fn signer(&self, now: UnixTime) -> Option<Arc<Signer>> {
        let ring = self.0.load();
        ring.as_ref().map(|ring| Arc::clone(ring.signer(now)))
    }

    /// The public halves as a JWK Set (RFC 7517 §5); none where there is no key.
    #[must_use]
    pub fn jwks(&self, now: UnixTime) -> Option<String> {
        let ring = self.0.load();
        ring.as_ref().map(|ring| ring.jwks(now).to_string())
    }
}

/// A JWK Set of keys that are looked at and not served.
#[must_use]
pub fn jwks<'s>(keys: impl IntoIterator<Item = &'s Signer>) -> Value {
    let keys: Vec<Value> = keys.into_iter().map(|key| key.public_jwk().into()).collect();
    json!({ "keys": keys })
}

impl Ring {
    /// The keys that a process begins with: the first signs at once, for there is no other.
    fn begin(keys: &[Arc<Signer>], now: UnixTime) -> Option<Self> {
        let published = |key: &Arc<Signer>| Published {
            signer: Arc::clone(key),
            since: now,
            until: None,
        };
        Some(Self {
            first: Arc::clone(keys.first()?),
            signs_from: now,
            before: None,
            published: keys.iter().map(published).collect(),
        })
    }

    fn followed_by(&self, keys: &[Arc<Signer>], ahead_seconds: u64, now: UnixTime) -> Option<Self> {
        let first = keys.first()?;
        let known = |key: &Arc<Signer>| self.published.iter().find(|known| is_same(&known.signer, key));
        let since = |key: &Arc<Signer>| known(key).map_or(now, |known| known.since);
        let signer = self.signer(now);
        let signs_from = if is_same(signer, first) {
            now
        } else {
            since(first).plus(ahead_seconds)
        };
        let before = (now < signs_from).then(|| Arc::clone(signer));
        let last_signature = if before.is_some() { signs_from } else { now };
        let until = last_signature.plus(LIFETIME_SECONDS_MAX + SKEW_SECONDS_MAX);
        let in_force = keys.iter().map(|key| Published {
            signer: Arc::clone(key),
            since: since(key),
            until: None,
        });
        let is_gone = |old: &&Published| !keys.iter().any(|key| is_same(key, &old.signer));
        let retired = self.published.iter().filter(is_gone).filter_map(|old| {
            let until = match old.until {
                Some(ends) if !is_same(&old.signer, signer) => ends,
                _ => until,
            };
            let retired = Published {
                until: Some(until),
                ..old.clone()
            };
            (now < until).then_some(retired)
        });
        Some(Self {
            first: Arc::clone(first),
            signs_from,
            before,
            published: in_force.chain(retired).take(keys.len() + RETIRED_MAX).collect(),
        })
    }

    fn signer(&self, now: UnixTime) -> &Arc<Signer> {
        match &self.before {
            Some(before) if now < self.signs_from => before,
            _ => &self.first,
        }
    }

    fn jwks(&self, now: UnixTime) -> Value {
        let is_published = |key: &&Published| key.until.is_none_or(|until| now < until);
        jwks(self.published.iter().filter(is_published).map(|key| &*key.signer))
    }
}

/// Keys are named by their thumbprints, so the same name is the same key.
fn is_same(one: &Signer, other: &Signer) -> bool {
    one.kid() == other.kid()
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKeys").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use portcullis_secrets::SigningAlgorithm;

    use super::*;

    const AHEAD: u64 = 100;

    fn key() -> Arc<Signer> {
        let key = Signer::generate(SigningAlgorithm::Ed25519, None).unwrap();
        Arc::new(key.named_by_thumbprint())
    }

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(1_000_000 + seconds).unwrap()
    }

    /// Which key signs at a time, and which are published; by their places in `all`.
    #[track_caller]
    fn check(keys: &SigningKeys, all: &[&Arc<Signer>], seconds: u64, signs: usize, published: &[usize]) {
        let place = |kid: &str| all.iter().position(|key| key.kid().unwrap().as_str() == kid).unwrap();
        let signer = keys.signer(at(seconds)).unwrap();
        assert_eq!(place(signer.kid().unwrap().as_str()), signs, "who signs at {seconds}");
        let jwks: Value = serde_json::from_str(&keys.jwks(at(seconds)).unwrap()).unwrap();
        let named = jwks["keys"].as_array().unwrap().iter();
        let mut named: Vec<usize> = named.map(|key| place(key["kid"].as_str().unwrap())).collect();
        named.sort_unstable();
        assert_eq!(named, published, "what is published at {seconds}");
        assert!(named.contains(&signs), "who signs is published");
    }

    #[test]
    fn a_new_key_is_published_before_it_signs_and_an_old_one_until_its_tokens_ended() {
        let (a, b) = (key(), key());
        let (keys, all) = (SigningKeys::default(), [&a, &b]);
        assert!(keys.signer(at(0)).is_none() && keys.jwks(at(0)).is_none());
        keys.replace(&[Arc::clone(&a)], AHEAD, at(0));
        check(&keys, &all, 0, 0, &[0]);
        keys.replace(&[Arc::clone(&b)], AHEAD, at(10));
        check(&keys, &all, 10, 0, &[0, 1]);
        check(&keys, &all, 109, 0, &[0, 1]);
        check(&keys, &all, 110, 1, &[0, 1]);
        let until = 110 + LIFETIME_SECONDS_MAX + SKEW_SECONDS_MAX;
        check(&keys, &all, until - 1, 1, &[0, 1]);
        check(&keys, &all, until, 1, &[1]);
    }

    #[test]
    fn a_key_that_was_published_for_long_signs_at_once() {
        let (a, b) = (key(), key());
        let (keys, all) = (SigningKeys::default(), [&a, &b]);
        keys.replace(&[Arc::clone(&a), Arc::clone(&b)], AHEAD, at(0));
        check(&keys, &all, 50, 0, &[0, 1]);
        keys.replace(&[Arc::clone(&b), Arc::clone(&a)], AHEAD, at(99));
        check(&keys, &all, 99, 0, &[0, 1]);
        check(&keys, &all, 100, 1, &[0, 1]);
        // The same once more changes nothing, and who is back is not taken away.
        keys.replace(&[Arc::clone(&b), Arc::clone(&a)], AHEAD, at(200));
        check(&keys, &all, 200, 1, &[0, 1]);
        keys.replace(&[Arc::clone(&b)], AHEAD, at(300));
        check(&keys, &all, 300, 1, &[0, 1]);
        check(&keys, &all, 300 + LIFETIME_SECONDS_MAX + SKEW_SECONDS_MAX, 1, &[1]);
    }

    #[test]
    fn who_signs_is_published_through_quick_changes() {
        let (a, b, c) = (key(), key(), key());
        let (keys, all) = (SigningKeys::default(), [&a, &b, &c]);
        keys.replace(&[Arc::clone(&a)], AHEAD, at(0));
        keys.replace(&[Arc::clone(&b)], AHEAD, at(10));
        keys.replace(&[Arc::clone(&c)], AHEAD, at(20));
        check(&keys, &all, 119, 0, &[0, 1, 2]);
        check(&keys, &all, 120, 2, &[0, 1, 2]);
        let until = 120 + LIFETIME_SECONDS_MAX + SKEW_SECONDS_MAX;
        check(&keys, &all, until - 1, 2, &[0, 1, 2]);
        check(&keys, &all, until, 2, &[2]);
        keys.replace(&[], AHEAD, at(until));
        assert!(keys.signer(at(until)).is_none() && keys.jwks(at(until)).is_none());
    }
}
