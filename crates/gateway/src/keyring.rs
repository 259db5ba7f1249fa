//! The gate's own API keys and opaque tokens as the workers see them: all that are kept, in memory, with the time when that was
//! known to be so.
//!
//! Nothing is read here. Whoever keeps the store puts in what has changed, several times a second, so that a request waits for no
//! database, a flood of keys that nobody issued costs two MACs each and no lookup, and no worker needs a cache of its own. What
//! was put in counts for [`FRESH_TIME_MAX`]: a revocation is in force that much later at the latest, or nothing is let in.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use portcullis_identity::credentials::{Accepted, CredentialId, MacKeys, Presented, Record, Refused};
use portcullis_identity::principal::Identity;
use portcullis_identity::time::UnixTime;
use tokio::sync::Notify;

/// How long counts what is known of credentials: the latest that a revocation is in force.
pub const FRESH_TIME_MAX: Duration = Duration::from_secs(1);
/// How long a request waits where what is known is older than that.
const WAIT_TIME_MAX: Duration = Duration::from_secs(1);

/// Credentials of the gate's own.
pub struct Keyring {
    authority: Arc<str>,
    keys: MacKeys,
    held: ArcSwap<HashMap<CredentialId, Arc<Held>>>,
    /// What the times below count from.
    begun: Instant,
    /// When the store was last read, in milliseconds, and one more; 0: never.
    read: AtomicU64,
    /// Whether it could not be read when that was last tried.
    failing: AtomicBool,
    news: Notify,
}

/// One credential.
struct Held {
    record: Record,
    identity: Arc<Identity>,
    /// When it was used last, in seconds; 0: not since this process knows it.
    used: AtomicU64,
    /// The last use that was written down.
    written: AtomicU64,
}

/// Why a credential is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untaken {
    /// It is refused.
    Refused(Refused),
    /// The store cannot be read: nothing can be said of it.
    Unavailable,
}

impl Keyring {
    /// One that knows nothing yet. `authority` is what these credentials' subjects are named under; `keys` are those that they are
    /// kept under.
    #[must_use]
    pub fn new(authority: Arc<str>, keys: MacKeys) -> Self {
        Self {
            authority,
            keys,
            held: ArcSwap::default(),
            begun: Instant::now(),
            read: AtomicU64::new(0),
            failing: AtomicBool::new(false),
            news: Notify::new(),
        }
    }

    /// What these credentials' subjects are named under.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Puts in what the store said: what has changed, or everything. `read` is when it began to be read.
    pub fn put(&self, records: Vec<Record>, whole: bool, read: Instant) {
        if whole || !records.is_empty() {
            let before = self.held.load();
            let mut held = if whole { HashMap::new() } else { HashMap::clone(&before) };
            for record in records {
                let known = before.get(&record.id);
                let entry = Held::new(&self.authority, record, known.map(|known| &**known));
                held.insert(entry.record.id, Arc::new(entry));
            }
            self.held.store(Arc::new(held));
        }
        self.read.store(self.milliseconds(read) + 1, Ordering::Release);
        self.failing.store(false, Ordering::Release);
        self.news.notify_waiters();
    }

    /// Notes that the store cannot be read. What was known counts to its end, and nobody waits for more.
    pub fn fail(&self) {
        self.failing.store(true, Ordering::Release);
        self.news.notify_waiters();
    }

    /// When credentials were used last, where that was not written down yet.
    #[must_use]
    pub fn used(&self) -> Vec<(CredentialId, UnixTime)> {
        let held = self.held.load();
        let unwritten = |held: &Arc<Held>| {
            let used = held.used.load(Ordering::Relaxed);
            let is_new = used > held.written.load(Ordering::Relaxed);
            let used = is_new.then_some(used).and_then(UnixTime::from_seconds)?;
            Some((held.record.id, used))
        };
        held.values().filter_map(unwritten).collect()
    }

    /// Notes that these uses were written down.
    pub fn written(&self, uses: &[(CredentialId, UnixTime)]) {
        let held = self.held.load();
        for (id, used) in uses {
            if let Some(held) = held.get(id) {
                held.written.fetch_max(used.seconds(), Ordering::Relaxed);
            }
        }
    }

    /// Whom an API key speaks of.
    ///
    /// # Errors
    /// [`Untaken`].
    pub(crate) async fn api_key(&self, text: &str, now: UnixTime) -> Result<Arc<Identity>, Untaken> {
        self.verify(Presented::api_key(text).map_err(Untaken::Refused)?, now)
            .await
    }

    /// Whom an opaque token speaks of.
    ///
    /// # Errors
    /// [`Untaken`].
    pub(crate) async fn token(&self, text: &str, now: UnixTime) -> Result<Arc<Identity>, Untaken> {
        let presented = Presented::token(text, &self.keys).map_err(Untaken::Refused)?;
        self.verify(presented, now).await
    }

    async fn verify(&self, presented: Presented<'_>, now: UnixTime) -> Result<Arc<Identity>, Untaken> {
        self.fresh().await?;
        let held = self.held.load();
        let found = held.get(&presented.id()).map(Arc::as_ref);
        let accepted = presented.verify(found, &self.keys, now).map_err(Untaken::Refused)?;
        let Accepted { found: held, until } = accepted;
        held.used.fetch_max(now.seconds(), Ordering::Relaxed);
        Ok(if until == held.identity.expires() {
            Arc::clone(&held.identity)
        } else {
            Arc::new(held.record.identity(&self.authority, until))
        })
    }

    /// Whether nothing is known against an API key that was taken. It is not used by that.
    pub(crate) fn keeps_api_key(&self, text: &str, now: UnixTime) -> bool {
        self.keeps(Presented::api_key(text), now)
    }

    /// The same of an opaque token.
    pub(crate) fn keeps_token(&self, text: &str, now: UnixTime) -> bool {
        self.keeps(Presented::token(text, &self.keys), now)
    }

    fn keeps(&self, presented: Result<Presented<'_>, Refused>, now: UnixTime) -> bool {
        let held = self.held.load();
        let verify = |presented: Presented<'_>| {
            let found = held.get(&presented.id()).map(Arc::as_ref);
            presented.verify(found, &self.keys, now).map(drop)
        };
        !self.is_fresh() || presented.and_then(verify).is_ok()
    }

    /// Waits until what is known is new enough to count.
    async fn fresh(&self) -> Result<(), Untaken> {
        if self.is_fresh() {
            return Ok(());
        }
        let mut news = pin!(self.news.notified());
        // From here on none is missed.
        news.as_mut().enable();
        if !self.is_fresh() && !self.failing.load(Ordering::Acquire) {
            // Late or not, what is known then counts.
            let _ = tokio::time::timeout(WAIT_TIME_MAX, news).await;
        }
        self.is_fresh().then_some(()).ok_or(Untaken::Unavailable)
    }

    fn is_fresh(&self) -> bool {
        let read = self.read.load(Ordering::Acquire).checked_sub(1);
        let age = read.map(|read| self.milliseconds(Instant::now()).saturating_sub(read));
        age.is_some_and(|age| u128::from(age) <= FRESH_TIME_MAX.as_millis())
    }

    fn milliseconds(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.begun).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

impl Held {
    fn new(authority: &Arc<str>, record: Record, known: Option<&Self>) -> Self {
        let carried =
            |of: fn(&Self) -> &AtomicU64| AtomicU64::new(known.map_or(0, |known| of(known).load(Ordering::Relaxed)));
        Self {
            identity: Arc::new(record.identity(authority, record.expires)),
            used: carried(|known| &known.used),
            written: carried(|known| &known.written),
            record,
        }
    }
}

impl Borrow<Record> for Held {
    fn borrow(&self) -> &Record {
        &self.record
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Keyring")
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
