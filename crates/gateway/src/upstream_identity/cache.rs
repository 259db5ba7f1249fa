//! Tokens for upstreams that one worker signed lately: signing costs more than forwarding a request.
//!
//! By caller and upstream. A caller is known by the very value that stands for them in this worker, which is kept here for as long as
//! its token is, so that no other can come to stand in its place.

use std::rc::Rc;
use std::sync::Arc;

use http::HeaderValue;
use portcullis_identity::principal::Identity;
use portcullis_identity::time::UnixTime;

use super::UpstreamIdentity;
use super::token::Signed;
use crate::halves::Halves;

/// How many tokens are kept at most is twice this.
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
#[derive(Debug)]
pub(crate) struct SignedTokens(Halves<Key, Rc<Entry>>);

impl Default for SignedTokens {
    fn default() -> Self {
        Self(Halves::new(HALF_MAX))
    }
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
        let entry = self.0.get(&key)?;
        if now >= entry.signed.until {
            self.0.remove(&key);
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
        self.0.put(key(identity, upstream), Rc::new(entry));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn key(identity: &Arc<Identity>, upstream: &Arc<UpstreamIdentity>) -> Key {
    (Arc::as_ptr(identity).addr(), Arc::as_ptr(upstream).addr())
}
