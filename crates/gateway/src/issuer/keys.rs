//! The keys of one issuer as they are now. Nothing is fetched here: whoever fetches puts in new keys, and is told where a token
//! names one that nobody knows.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use portcullis_identity::jose::Refusal;
use portcullis_identity::jose::key_set::KeySet;
use tokio::sync::Notify;

use super::Unbelieved;

/// How long a request waits for keys that its token names and nobody knew.
const KEYS_TIME_MAX: Duration = Duration::from_secs(2);

/// Asks for newer keys. It is called from workers, so it must not block.
pub type Wish = Box<dyn Fn() -> Wanted + Send + Sync>;

/// Keys that can be replaced.
pub struct Keys {
    current: ArcSwapOption<KeySet>,
    /// How often they were replaced.
    generation: AtomicU64,
    settled: Notify,
    /// None where there never are newer ones.
    wanted: Option<Wish>,
    /// When those that are here were read or fetched last.
    fresh: Mutex<Option<Instant>>,
    fetches: Fetches,
}

/// Which keys they are: every other set of them has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(u64);

/// How often keys were fetched.
#[derive(Debug, Default)]
struct Fetches {
    done: AtomicU64,
    failed: AtomicU64,
}

/// What becomes of a wish for newer keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// They are being fetched.
    Fetching,
    /// They were fetched just now, and are not fetched again so soon.
    TooSoon,
}

impl Keys {
    /// Keys that were read, and stay until the next reload.
    #[must_use]
    pub fn read(keys: KeySet) -> Self {
        Self {
            current: ArcSwapOption::from_pointee(keys),
            fresh: Mutex::new(Some(Instant::now())),
            ..Self::unknown(None)
        }
    }

    /// Keys that are not here yet, and will be put in.
    #[must_use]
    pub fn unknown(wanted: Option<Wish>) -> Self {
        Self {
            current: ArcSwapOption::empty(),
            generation: AtomicU64::new(0),
            settled: Notify::new(),
            wanted,
            fresh: Mutex::new(None),
            fetches: Fetches::default(),
        }
    }

    /// Puts in other keys. What was verified with those before is verified anew.
    pub fn replace(&self, keys: KeySet) {
        self.current.store(Some(Arc::new(keys)));
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// What was verified so far is verified anew, with the same keys.
    pub(super) fn verify_anew(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Takes the keys away: nothing can be said of a token until there are others.
    pub fn forget(&self) {
        self.current.store(None);
        self.generation.fetch_add(1, Ordering::Release);
        *self.fresh.lock() = None;
    }

    /// A fetch came to an end, well or not. Requests that wait for newer keys look again: there are some, or there will be none.
    pub fn fetched(&self, well: bool) {
        let count = if well { &self.fetches.done } else { &self.fetches.failed };
        count.fetch_add(1, Ordering::Relaxed);
        if well {
            *self.fresh.lock() = Some(Instant::now());
        }
        self.settled.notify_waiters();
    }

    /// How long ago those that are here were read or fetched; nothing where there are none.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.fresh.lock().map(|fresh| fresh.elapsed())
    }

    /// How often they were fetched, well and not; nothing where they are not fetched.
    pub(crate) fn fetches(&self) -> Option<(u64, u64)> {
        self.wanted.as_ref()?;
        let Fetches { done, failed } = &self.fetches;
        Some((done.load(Ordering::Relaxed), failed.load(Ordering::Relaxed)))
    }

    /// Changes with the keys. Read it before the keys are used.
    pub(super) fn generation(&self) -> Generation {
        Generation(self.generation.load(Ordering::Acquire))
    }

    /// What `verify` makes of a token with these keys. Where it knows no key for the token, it is asked once more with newer keys,
    /// if they can be fetched.
    pub(super) async fn with<T>(&self, verify: impl Fn(&KeySet) -> Result<T, Refusal>) -> Result<T, Unbelieved> {
        let mut settled = pin!(self.settled.notified());
        // From here on none is missed.
        settled.as_mut().enable();
        match (self.with_current(&verify), &self.wanted) {
            (Err(Unbelieved::Refused(Refusal::KeyUnknown) | Unbelieved::Unavailable), Some(wanted))
                if wanted() == Wanted::Fetching =>
            {
                // Late or not, what is there then counts.
                let _ = tokio::time::timeout(KEYS_TIME_MAX, settled).await;
                self.with_current(&verify)
            }
            (verified, _) => verified,
        }
    }

    pub(super) fn with_current<T>(&self, verify: impl Fn(&KeySet) -> Result<T, Refusal>) -> Result<T, Unbelieved> {
        let keys = self.current.load();
        let keys = keys.as_ref().ok_or(Unbelieved::Unavailable)?;
        verify(keys).map_err(Unbelieved::Refused)
    }
}
