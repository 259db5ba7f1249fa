//! Tokens that one worker verified lately, by the SHA-256 digest of the whole token: verifying one again costs more than
//! forwarding its request.
//!
//! Only what was verified is kept, so a flood of forged tokens leaves nothing here. An entry ends with its token, and with the
//! keys that it was verified with.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use aws_lc_rs::digest::{self, SHA256};
use portcullis_identity::principal::Identity;
use portcullis_identity::time::UnixTime;

use crate::issuer::Issuer;

/// How many tokens a half holds. There are two: those used since the last change of halves, and those used before.
const HALF_MAX: usize = 1024;
/// Larger tokens are verified each time.
const TOKEN_BYTES_MAX: usize = 4 * 1024;
/// How long an entry is good at most, in seconds.
const LIFE_SECONDS_MAX: u64 = 300;

/// The name of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    /// None for a token that is not kept.
    pub(super) fn of(token: &str) -> Option<Self> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        digest::digest(&SHA256, token.as_bytes())
            .as_ref()
            .try_into()
            .ok()
            .map(Self)
    }
}

/// A token that was verified.
#[derive(Clone, Debug)]
struct Entry {
    identity: Arc<Identity>,
    issuer: Arc<Issuer>,
    generation: u64,
    until: UnixTime,
}

impl Entry {
    fn is_good(&self, now: UnixTime) -> bool {
        now < self.until && self.issuer.generation() == self.generation
    }
}

/// Tokens that were verified.
#[derive(Debug, Default)]
pub(crate) struct TokenCache {
    young: HashMap<Digest, Rc<Entry>>,
    old: HashMap<Digest, Rc<Entry>>,
}

impl TokenCache {
    /// Whom a token speaks of, if it was verified and one of these issuers is its own.
    pub(super) fn get<'i>(
        &mut self,
        token: &Digest,
        mut issuers: impl Iterator<Item = &'i Arc<Issuer>>,
        now: UnixTime,
    ) -> Option<Arc<Identity>> {
        let entry = match self.young.get(token) {
            Some(entry) => Rc::clone(entry),
            None => {
                let entry = self.old.remove(token)?;
                self.keep(*token, Rc::clone(&entry));
                entry
            }
        };
        if !entry.is_good(now) {
            self.young.remove(token);
            return None;
        }
        let own = issuers.any(|issuer| Arc::ptr_eq(issuer, &entry.issuer));
        own.then(|| Arc::clone(&entry.identity))
    }

    /// Keeps a token. `generation` is that of the keys from before it was verified.
    pub(super) fn put(
        &mut self,
        token: Digest,
        identity: &Arc<Identity>,
        issuer: &Arc<Issuer>,
        generation: u64,
        now: UnixTime,
    ) {
        let end = issuer.tokens().expected().good_until(identity.claims());
        let entry = Entry {
            identity: Arc::clone(identity),
            issuer: Arc::clone(issuer),
            generation,
            until: end.unwrap_or(UnixTime::MAX).min(now.plus(LIFE_SECONDS_MAX)),
        };
        self.keep(token, Rc::new(entry));
    }

    fn keep(&mut self, token: Digest, entry: Rc<Entry>) {
        if self.young.len() >= HALF_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token, entry);
    }
}
