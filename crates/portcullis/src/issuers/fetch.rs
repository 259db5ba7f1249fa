//! Keys that are fetched, and fetched anew, by a thread of its own.
//!
//! Keys that cannot be fetched leave those in force that are there, up to a bound; a broken set never replaces a good one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use portcullis_gateway::issuer::{Issuer, Keys, Wanted, Wish};
use portcullis_identity::jose::key::JwkRules;
use portcullis_identity::jose::key_set::SET_BYTES_MAX;
use reqwest::Url;

use super::discovery;
use super::keys::{parse, rules};
use crate::config::issuer::{Issuer as Configured, Place, RemoteKeys};
use crate::files;
use crate::outage::Outage;

/// How long nothing is fetched again after a fetch, whatever tokens name.
const COOLDOWN: Duration = Duration::from_secs(10);
/// How soon a fetch that failed is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// How long it is believed where an issuer's document said that its keys are.
const DOCUMENT_TIME_MAX: Duration = Duration::from_secs(3600);

/// Fetches keys, on a thread of its own that ends with it.
pub(super) struct Fetcher {
    orders: Sender<Order>,
}

/// What the thread is told.
enum Order {
    /// To fetch the keys of one more issuer from now on.
    Begin(Box<Fetching>),
    /// To fetch these keys now.
    Now(Weak<State>),
}

/// An issuer whose keys are fetched.
pub(super) struct Fetching {
    name: Arc<str>,
    issuer: Weak<Issuer>,
    state: Arc<State>,
    keys: RemoteKeys,
    rules: JwkRules,
    due: Instant,
    /// The URL that the issuer's document named, and when.
    discovered: Option<(Url, Instant)>,
    /// The octets of the keys in force, and when they were fetched last.
    last: Option<(Vec<u8>, Instant)>,
    outage: Outage,
}

/// What workers and the thread both know of one issuer's keys.
#[derive(Default)]
struct State {
    /// Whether they are being fetched, or are about to be.
    fetching: AtomicBool,
    /// When they were fetched last, well or not.
    ended: Mutex<Option<Instant>>,
}

impl State {
    /// Whether a fetch may begin now; it has begun then.
    fn begin(&self) -> Begun {
        if self.fetching.swap(true, Ordering::AcqRel) {
            return Begun::Already;
        }
        let cool = self
            .ended
            .lock()
            .is_ok_and(|ended| ended.is_none_or(|ended| ended.elapsed() >= COOLDOWN));
        if !cool {
            self.fetching.store(false, Ordering::Release);
            return Begun::TooSoon;
        }
        Begun::Now
    }

    fn end(&self) {
        if let Ok(mut ended) = self.ended.lock() {
            *ended = Some(Instant::now());
        }
        self.fetching.store(false, Ordering::Release);
    }
}

enum Begun {
    Now,
    Already,
    TooSoon,
}

impl Fetcher {
    /// # Errors
    /// There are no threads.
    pub(super) fn start() -> std::io::Result<Self> {
        let (orders, told) = mpsc::channel();
        std::thread::Builder::new()
            .name("issuers".to_owned())
            .spawn(move || fetch_until_the_end(&told))?;
        Ok(Self { orders })
    }

    /// What it takes to fetch keys, for the issuer that `make` makes of them; nothing is fetched yet.
    pub(super) fn prepare(
        &self,
        configured: &Configured,
        keys: &RemoteKeys,
        make: impl FnOnce(Keys) -> Arc<Issuer>,
    ) -> (Arc<Issuer>, Fetching) {
        let state = Arc::new(State::default());
        // The first fetch begins with the rest.
        state.fetching.store(true, Ordering::Release);
        let issuer = make(Keys::unknown(Some(self.wish(&state))));
        let fetching = Fetching {
            name: Arc::clone(&configured.name),
            issuer: Arc::downgrade(&issuer),
            state,
            keys: keys.clone(),
            rules: rules(configured),
            due: Instant::now(),
            discovered: None,
            last: None,
            outage: Outage::default(),
        };
        (issuer, fetching)
    }

    /// Fetches keys from now on.
    pub(super) fn begin(&self, fetching: Fetching) {
        let name = Arc::clone(&fetching.name);
        if self.orders.send(Order::Begin(Box::new(fetching))).is_err() {
            tracing::error!(issuer = &*name, "its keys are not fetched: the thread has ended");
        }
    }

    /// What workers call when a token names a key that nobody knows.
    fn wish(&self, state: &Arc<State>) -> Wish {
        let (state, orders) = (Arc::clone(state), self.orders.clone());
        Box::new(move || match state.begin() {
            Begun::Already => Wanted::Fetching,
            Begun::TooSoon => Wanted::TooSoon,
            Begun::Now => match orders.send(Order::Now(Arc::downgrade(&state))) {
                Ok(()) => Wanted::Fetching,
                Err(_) => Wanted::TooSoon,
            },
        })
    }
}

fn fetch_until_the_end(told: &mpsc::Receiver<Order>) {
    let mut all: Vec<Fetching> = Vec::new();
    loop {
        all.retain(|one| one.issuer.strong_count() > 0);
        let next = all.iter().map(|one| one.due).min();
        let wait = next.map_or(Duration::from_secs(3600), |due| {
            due.saturating_duration_since(Instant::now())
        });
        match told.recv_timeout(wait) {
            Ok(Order::Begin(one)) => all.push(*one),
            Ok(Order::Now(state)) => {
                let wanted = all
                    .iter_mut()
                    .find(|one| Weak::ptr_eq(&Arc::downgrade(&one.state), &state));
                wanted.into_iter().for_each(|one| one.due = Instant::now());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        all.iter_mut().filter(|one| one.due <= now).for_each(Fetching::fetch);
    }
}

impl Fetching {
    fn fetch(&mut self) {
        let Some(issuer) = self.issuer.upgrade() else { return };
        let Some(keys) = issuer.keys() else { return };
        self.state.fetching.store(true, Ordering::Release);
        let fetched = self.octets().and_then(|octets| self.replace(keys, octets));
        let well = fetched.is_ok();
        let after = match fetched {
            Ok(()) => {
                if self.outage.ends() {
                    tracing::info!(issuer = &*self.name, "its keys can be fetched again");
                }
                self.keys.refresh
            }
            Err(reason) => {
                self.fail(keys, &reason);
                self.keys.refresh.min(RETRY_AFTER)
            }
        };
        self.due = Instant::now() + after;
        self.state.end();
        keys.fetched(well);
    }

    fn octets(&mut self) -> Result<Vec<u8>, String> {
        let url = self.url()?;
        files::named(&url, self.keys.private_address, SET_BYTES_MAX as u64)
    }

    /// Where the keys are. A document is read anew from time to time, and after every failure: they may have moved.
    fn url(&mut self) -> Result<Url, String> {
        if let Place::Discovered { .. } = &self.keys.place
            && let Some((url, read)) = &self.discovered
            && read.elapsed() < DOCUMENT_TIME_MAX
            && !self.outage.lasts()
        {
            return Ok(url.clone());
        }
        let url = discovery::url_of(&self.keys)?;
        self.discovered = Some((url.clone(), Instant::now()));
        Ok(url)
    }

    fn replace(&mut self, keys: &Keys, octets: Vec<u8>) -> Result<(), String> {
        let same = self.last.as_ref().is_some_and(|(known, _)| *known == octets);
        if !same {
            let parsed = parse(&octets, &self.rules);
            let (set, unused) = parsed.map_err(|refused| format!("what it answers {refused}"))?;
            for key in unused {
                tracing::warn!(issuer = &*self.name, "{key}");
            }
            keys.replace(set);
            tracing::info!(issuer = &*self.name, "its keys are in force");
        }
        self.last = Some((octets, Instant::now()));
        Ok(())
    }

    /// Keeps what is in force, up to its bound.
    fn fail(&mut self, keys: &Keys, reason: &str) {
        if self.outage.begins() {
            tracing::error!(
                issuer = &*self.name,
                "its keys cannot be fetched, those in force stay: {reason}"
            );
        }
        let stale = self.keys.stale_time_max;
        if self.last.take_if(|(_, fetched)| fetched.elapsed() > stale).is_some() {
            tracing::error!(
                issuer = &*self.name,
                "its keys are too old: its tokens are refused until they can be fetched"
            );
            keys.forget();
        }
    }
}
