//! Looking anew, every so often, at contracts that come from a URL or a Git repository. Only whether they have changed is
//! asked here, on a thread of its own; a change is then loaded as any other is, and what cannot be reached leaves
//! everything as it was.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc as tokio_mpsc;

use crate::config::contract::Source;
use crate::contracts::Loaded;
use crate::files;

/// What is to be told of a contract.
#[derive(Debug)]
pub(crate) enum News {
    /// It is another one now.
    Changed {
        /// The API.
        api: String,
    },
    /// It could not be looked at.
    Unreachable {
        /// The API.
        api: String,
        /// Why.
        reason: String,
        /// Whether the look before came to nothing, too.
        again: bool,
    },
    /// It can be looked at again, and is what it was.
    Reachable {
        /// The API.
        api: String,
    },
}

/// Looks until it is dropped.
pub(crate) struct Refresh {
    news: tokio_mpsc::Receiver<News>,
    /// Its end ends the thread.
    _stop: mpsc::Sender<()>,
}

/// A contract that is looked at.
struct Looked {
    api: String,
    source: Source,
    period: Duration,
    revision: Option<String>,
    due: Instant,
    /// Whether the last look came to nothing.
    failed: bool,
}

impl Refresh {
    /// Looks at those of the contracts that ask for it; without one, there is never any news.
    pub(crate) fn of(apis: &[Loaded]) -> Self {
        let (tell, news) = tokio_mpsc::channel(1);
        let (stop, stopped) = mpsc::channel();
        let begun = Instant::now();
        let looked: Vec<Looked> = apis.iter().filter_map(|api| Looked::of(api, begun)).collect();
        if !looked.is_empty() {
            let thread = std::thread::Builder::new().name("contracts".to_owned());
            let started = thread.spawn(move || look(looked, &stopped, &tell));
            if let Err(error) = started {
                tracing::error!(%error, "contracts are not looked at anew");
            }
        }
        Self { news, _stop: stop }
    }

    /// Waits for news.
    pub(crate) async fn news(&mut self) -> News {
        match self.news.recv().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }
}

impl Looked {
    fn of(loaded: &Loaded, now: Instant) -> Option<Self> {
        let period = loaded.api.contract.refresh()?;
        Some(Self {
            api: loaded.api.name.clone(),
            source: loaded.api.contract.clone(),
            period,
            revision: loaded.revision.clone(),
            due: now + period,
            failed: false,
        })
    }

    fn look(&mut self) -> Option<News> {
        let found = files::revision(&self.source);
        let again = std::mem::replace(&mut self.failed, found.is_err());
        let api = self.api.clone();
        match found {
            Ok(revision) if revision == self.revision => again.then_some(News::Reachable { api }),
            Ok(revision) => {
                // Were the new one broken, it would be told once and not every time.
                self.revision = revision;
                Some(News::Changed { api })
            }
            Err(reason) => Some(News::Unreachable { api, reason, again }),
        }
    }
}

fn look(mut looked: Vec<Looked>, stopped: &mpsc::Receiver<()>, tell: &tokio_mpsc::Sender<News>) {
    while let Some(next) = looked.iter_mut().min_by_key(|looked| looked.due) {
        let wait = next.due.saturating_duration_since(Instant::now());
        if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let news = next.look();
        next.due = Instant::now() + next.period;
        if news.is_some_and(|news| tell.blocking_send(news).is_err()) {
            return;
        }
    }
}
