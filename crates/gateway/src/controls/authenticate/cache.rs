//! Tokens that one worker verified lately, by the SHA-256 digest of the whole token: verifying one again costs more than
//! forwarding its request.
//!
//! Only what was verified is kept, so a flood of forged tokens leaves nothing here. An entry ends with its token, and with the
//! keys that it was verified with.

use std::rc::Rc;
use std::sync::Arc;

use portcullis_identity::principal::Identity;
use portcullis_identity::time::UnixTime;

use crate::halves::Halves;
use crate::issuer::{Generation, Issuer, TokenDigest};

/// How many tokens are remembered at most is twice this.
const HALF_MAX: usize = 1024;
/// How long an entry is good at most, in seconds.
const LIFE_SECONDS_MAX: u64 = 300;

/// A token that was verified.
#[derive(Clone, Debug)]
struct Entry {
    identity: Arc<Identity>,
    issuer: Arc<Issuer>,
    generation: Generation,
    until: UnixTime,
}

impl Entry {
    fn is_good(&self, now: UnixTime) -> bool {
        now < self.until && self.issuer.remembers() == Some(self.generation)
    }
}

/// Tokens that were verified.
#[derive(Debug)]
pub(crate) struct TokenCache(Halves<TokenDigest, Rc<Entry>>);

impl TokenCache {
    /// Whom a token speaks of, if it was verified and one of these issuers is its own.
    pub(super) fn get<'i>(
        &mut self,
        token: &TokenDigest,
        mut issuers: impl Iterator<Item = &'i Arc<Issuer>>,
        now: UnixTime,
    ) -> Option<Arc<Identity>> {
        let entry = self.0.get(token)?;
        if !entry.is_good(now) {
            self.0.remove(token);
            return None;
        }
        let own = issuers.any(|issuer| Arc::ptr_eq(issuer, &entry.issuer));
        own.then(|| Arc::clone(&entry.identity))
    }

    /// Keeps a token. `generation` is that of the issuer from before it was verified.
    pub(super) fn put(
        &mut self,
        token: TokenDigest,
        identity: &Arc<Identity>,
        issuer: &Arc<Issuer>,
        generation: Generation,
        now: UnixTime,
    ) {
        let end = issuer.tokens().expected().good_until(identity.claims());
        let entry = Entry {
            identity: Arc::clone(identity),
            issuer: Arc::clone(issuer),
            generation,
            until: end.unwrap_or(UnixTime::MAX).min(now.plus(LIFE_SECONDS_MAX)),
        };
        self.0.put(token, Rc::new(entry));
    }

    /// How many tokens are remembered now.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Default for TokenCache {
    fn default() -> Self {
        Self(Halves::new(HALF_MAX))
    }
}

#[cfg(test)]
mod tests;
