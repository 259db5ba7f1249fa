//! One issuer of tokens as the workers see it: what its tokens have to say, and its keys as they are now.
//!
//! Nothing is fetched here. Whoever keeps the keys puts in new ones, and is told where a token names a key that nobody knows.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use portcullis_identity::access_token::AccessTokens;
use portcullis_identity::jose::Refusal;
use portcullis_identity::jose::jws::Unverified;
use portcullis_identity::jose::key_set::KeySet;
use portcullis_identity::principal::Identity;
use portcullis_identity::time::UnixTime;
use tokio::sync::Notify;

/// How long a request waits for keys that its token names and nobody knew.
const KEYS_TIME_MAX: Duration = Duration::from_secs(2);

/// Somebody whose tokens are believed.
pub struct Issuer {
    tokens: AccessTokens,
    keys: ArcSwapOption<KeySet>,
    /// How often the keys were replaced.
    generation: AtomicU64,
    settled: Notify,
    /// Asked for newer keys; none where there never are any.
    wanted: Option<Box<dyn Fn() -> Wanted + Send + Sync>>,
}

/// What becomes of a wish for newer keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// They are being fetched.
    Fetching,
    /// They were fetched just now, and are not fetched again so soon.
    TooSoon,
}

/// Why a token is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unbelieved {
    /// It is refused.
    Refused(Refusal),
    /// Its issuer's keys are not here: nothing can be said of it.
    NoKeys,
}

impl Issuer {
    /// An issuer whose keys are known, or will be put in. `wanted` is called from workers and must not block.
    #[must_use]
    pub fn new(
        tokens: AccessTokens,
        keys: Option<KeySet>,
        wanted: Option<Box<dyn Fn() -> Wanted + Send + Sync>>,
    ) -> Self {
        Self {
            tokens,
            keys: ArcSwapOption::from(keys.map(Arc::new)),
            generation: AtomicU64::new(0),
            settled: Notify::new(),
            wanted,
        }
    }

    /// What it is called here.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.tokens.authority()
    }

    /// What its tokens have to say.
    #[must_use]
    pub fn tokens(&self) -> &AccessTokens {
        &self.tokens
    }

    /// Puts in other keys, or takes them away. What was verified with the old ones is verified anew.
    pub fn replace(&self, keys: Option<KeySet>) {
        self.keys.store(keys.map(Arc::new));
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Tells requests that wait for newer keys to look again: there are some, or there will be none.
    pub fn settled(&self) {
        self.settled.notify_waiters();
    }

    /// Changes with the keys. Read it before the keys are used.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whom a token speaks of. One that names an unknown key waits for newer keys, where they can be fetched.
    ///
    /// # Errors
    /// [`Unbelieved`].
    pub(crate) async fn verify(&self, token: Unverified<'_>, now: UnixTime) -> Result<Identity, Unbelieved> {
        let mut settled = pin!(self.settled.notified());
        // From here on none is missed.
        settled.as_mut().enable();
        match (self.verify_now(token.clone(), now), &self.wanted) {
            (Err(Unbelieved::Refused(Refusal::KeyUnknown) | Unbelieved::NoKeys), Some(wanted))
                if wanted() == Wanted::Fetching =>
            {
                // Late or not, what is there then counts.
                let _ = tokio::time::timeout(KEYS_TIME_MAX, settled).await;
                self.verify_now(token, now)
            }
            (verified, _) => verified,
        }
    }

    /// Whether a token that was believed is so still, with the keys as they are now.
    pub(crate) fn believes(&self, token: &str, now: UnixTime) -> bool {
        Unverified::parse(token).is_ok_and(|token| self.verify_now(token, now).is_ok())
    }

    fn verify_now(&self, token: Unverified<'_>, now: UnixTime) -> Result<Identity, Unbelieved> {
        let keys = self.keys.load();
        let keys = keys.as_ref().ok_or(Unbelieved::NoKeys)?;
        self.tokens.verify(token, keys, now).map_err(Unbelieved::Refused)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Issuer")
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}
