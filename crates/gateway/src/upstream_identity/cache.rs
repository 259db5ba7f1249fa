//! Tokens for upstreams that one worker signed lately: signing costs more than forwarding a request.
//!
//! By caller and upstream. A caller is known by the very value that stands for them in this worker, which is kept here for as long as
//! its token is, so that no other can come to stand in its place.

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderValue;
use portcullis_identity::principal::Identity;
use portcullis_identity::time::UnixTime;

use super::UpstreamIdentity;
use super::token::Signed;

/// How many tokens a half holds. There are two: those used since the last change of halves, and those used before.
const HALF_MAX: usize = 512;
/// Larger tokens are signed each time.
const TOKEN_BYTES_MAX: usize = 4 * 1024;

/// Where caller and upstream are in memory.
type Key = (usize, usize);

#[derive(Debug)]
struct Entry {
    signed: Signed,
    /// Both are kept so that their places are not given to others.
    _identity: Arc<Identity>,
    _upstream: Arc<UpstreamIdentity>,
}

/// Tokens that were signed.
#[derive(Debug, Default)]
pub(crate) struct SignedTokens {
    young: HashMap<Key, Entry>,
    old: HashMap<Key, Entry>,
}

impl SignedTokens {
    /// The token for this caller, if one was signed that is still handed out.
    pub(super) fn get(
        &mut self,
        identity: &Arc<Identity>,
        upstream: &Arc<UpstreamIdentity>,
        now: UnixTime,
    ) -> Option<HeaderValue> {
        let key = key(identity, upstream);
        if !self.young.contains_key(&key) {
            let entry = self.old.remove(&key)?;
            self.keep(key, entry);
        }
        let entry = self.young.get(&key)?;
        if now >= entry.signed.until {
            self.young.remove(&key);
            return None;
        }
        Some(entry.signed.token.clone())
    }

    /// Keeps a token.
    pub(super) fn put(&mut self, identity: &Arc<Identity>, upstream: &Arc<UpstreamIdentity>, signed: &Signed) {
        if signed.token.len() > TOKEN_BYTES_MAX {
            return;
        }
        let entry = Entry {
            signed: signed.clone(),
            _identity: Arc::clone(identity),
            _upstream: Arc::clone(upstream),
        };
        self.keep(key(identity, upstream), entry);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    fn keep(&mut self, key: Key, entry: Entry) {
        if self.young.len() >= HALF_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, entry);
    }
}

fn key(identity: &Arc<Identity>, upstream: &Arc<UpstreamIdentity>) -> Key {
    (Arc::as_ptr(identity).addr(), Arc::as_ptr(upstream).addr())
}
