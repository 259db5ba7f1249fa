//! The issuers of tokens: their keys, read from files, or fetched and fetched anew by a thread of its own.
//!
//! Keys that cannot be fetched leave those in force that are there, up to a bound; a broken set never replaces a good one.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use portcullis_contract::document::{Problem, Span};
use portcullis_gateway::issuer::{Issuer, Wanted};
use portcullis_identity::access_token::AccessTokens;
use portcullis_identity::jose::key::JwkRules;
use portcullis_identity::jose::key_set::{KeySet, KeySetRefusal};

use crate::config::issuer::{Issuer as Configured, Keys, RemoteKeys};
use crate::files;

/// How long nothing is fetched again after a fetch, whatever tokens name.
const COOLDOWN: Duration = Duration::from_secs(10);
/// How soon a fetch that failed is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Issuers by the names that they have here.
pub(crate) type ByName = HashMap<Arc<str>, Arc<Issuer>>;

/// The issuers of a gate.
pub(crate) struct Issuers {
    /// Those whose keys are fetched, as they were configured.
    remote: Vec<(Configured, Arc<Issuer>)>,
    /// None where nothing is fetched.
    fetcher: Option<Fetcher>,
}

impl Issuers {
    /// For a gate that serves.
    ///
    /// # Errors
    /// There are no threads.
    pub(crate) fn start() -> std::io::Result<Self> {
        Ok(Self {
            remote: Vec::new(),
            fetcher: Some(Fetcher::start()?),
        })
    }

    /// For a configuration that is looked at and not served: nothing is fetched.
    pub(crate) fn offline() -> Self {
        Self {
            remote: Vec::new(),
            fetcher: None,
        }
    }

    /// The issuers of a configuration. Of one that is as it was, and whose keys are fetched, the keys stay.
    ///
    /// # Errors
    /// Every file of keys that cannot be used.
    pub(crate) fn settle(&mut self, configured: &[Configured], location: &str) -> Result<ByName, Vec<Problem>> {
        let (mut named, mut remote, mut problems) = (ByName::new(), Vec::new(), Vec::new());
        for configured in configured {
            let issuer = match &configured.keys {
                Keys::File(path, span) => match read(configured, path, *span, location) {
                    Ok(keys) => Arc::new(Issuer::new(tokens(configured), Some(keys), None)),
                    Err(problem) => {
                        problems.push(*problem);
                        continue;
                    }
                },
                Keys::Remote(keys) => {
                    let issuer = self.fetched(configured, keys);
                    remote.push((configured.clone(), Arc::clone(&issuer)));
                    issuer
                }
            };
            named.insert(Arc::clone(&configured.name), issuer);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        // The fetcher forgets those that nobody holds any more.
        self.remote = remote;
        Ok(named)
    }

    fn fetched(&self, configured: &Configured, keys: &RemoteKeys) -> Arc<Issuer> {
        let known = self.remote.iter().find(|(known, _)| known.is_as(configured));
        if let Some((_, issuer)) = known {
            return Arc::clone(issuer);
        }
        match &self.fetcher {
            Some(fetcher) => fetcher.begin(configured, keys),
            None => Arc::new(Issuer::new(tokens(configured), None, None)),
        }
    }
}

fn tokens(configured: &Configured) -> AccessTokens {
    AccessTokens::new(Arc::clone(&configured.name), configured.expected.clone())
}

fn rules(configured: &Configured) -> JwkRules {
    JwkRules {
        rsa_without_alg: configured.rsa_without_alg,
    }
}

/// Reads the keys of every issuer that has them in a file, and forgets them: for whoever looks for problems only.
///
/// # Errors
/// Every file of keys that cannot be used.
pub(crate) fn check(configured: &[Configured], location: &str) -> Result<(), Vec<Problem>> {
    Issuers::offline().settle(configured, location).map(drop)
}

/// The keys of an issuer as they are now, for whoever looks at one token: read, or fetched.
///
/// # Errors
/// They cannot be had, or not be used.
pub(crate) fn keys(configured: &Configured) -> Result<KeySet, String> {
    let octets = match &configured.keys {
        Keys::File(path, _) => files::local(path),
        Keys::Remote(keys) => files::named(&keys.url, keys.private_address),
    };
    let keys = KeySet::from_jwks(&octets?, &rules(configured));
    keys.map(|(keys, _)| keys).map_err(|refusal| refused(&refusal))
}

fn read(configured: &Configured, path: &Path, span: Span, location: &str) -> Result<KeySet, Box<Problem>> {
    let problem = |message: String, help: &str| Box::new(Problem::error(location, span, message).help(help));
    let shown = path.display();
    let octets = files::local(path).map_err(|error| problem(format!("cannot read the keys `{shown}`: {error}"), ""))?;
    let keys = KeySet::from_jwks(&octets, &rules(configured));
    let (keys, left_out) =
        keys.map_err(|refusal| problem(format!("`{shown}` {}", refused(&refusal)), advice(&refusal)))?;
    for key in left_out {
        tracing::warn!(
            issuer = &*configured.name,
            "key {} of `{shown}` is not used: {}",
            key.position + 1,
            key.refusal
        );
    }
    Ok(keys)
}

fn refused(refusal: &KeySetRefusal) -> String {
    match refusal {
        KeySetRefusal::TooLong => "is too long for a set of keys".to_owned(),
        KeySetRefusal::Json(fault) => format!("is no set of keys (RFC 7517): it {fault}"),
        KeySetRefusal::NoKeys => "is no set of keys (RFC 7517): it has no array `keys` of objects".to_owned(),
        KeySetRefusal::TooManyKeys => "has too many keys".to_owned(),
        KeySetRefusal::ExposedSecret(key) => {
            format!("holds a secret: key {} is {}", key.position + 1, key.refusal)
        }
        KeySetRefusal::DuplicateKid(kid) => format!("has two keys of the name `{}`", kid.as_str()),
        KeySetRefusal::NoUsableKey(left_out) => match left_out.first() {
            Some(key) => format!(
                "has no key that can be used: key {} is {}",
                key.position + 1,
                key.refusal
            ),
            None => "has no key".to_owned(),
        },
    }
}

fn advice(refusal: &KeySetRefusal) -> &'static str {
    match refusal {
        KeySetRefusal::ExposedSecret(_) => "make new keys: this one is known, and write only public keys here",
        _ => "",
    }
}

/// Fetches keys, on a thread of its own that ends with it.
struct Fetcher {
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
struct Fetching {
    name: Arc<str>,
    issuer: Weak<Issuer>,
    state: Arc<State>,
    keys: RemoteKeys,
    rules: JwkRules,
    due: Instant,
    /// The octets of the keys in force, and when they were fetched last.
    last: Option<(Vec<u8>, Instant)>,
    failing: bool,
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
    fn start() -> std::io::Result<Self> {
        let (orders, told) = mpsc::channel();
        std::thread::Builder::new()
            .name("issuers".to_owned())
            .spawn(move || fetch_until_the_end(&told))?;
        Ok(Self { orders })
    }

    fn begin(&self, configured: &Configured, keys: &RemoteKeys) -> Arc<Issuer> {
        let state = Arc::new(State::default());
        // The first fetch begins at once.
        state.fetching.store(true, Ordering::Release);
        let (wish, orders) = (Arc::clone(&state), self.orders.clone());
        let wanted = move || match wish.begin() {
            Begun::Already => Wanted::Fetching,
            Begun::TooSoon => Wanted::TooSoon,
            Begun::Now => match orders.send(Order::Now(Arc::downgrade(&wish))) {
                Ok(()) => Wanted::Fetching,
                Err(_) => Wanted::TooSoon,
            },
        };
        let issuer = Arc::new(Issuer::new(tokens(configured), None, Some(Box::new(wanted))));
        let fetching = Fetching {
            name: Arc::clone(&configured.name),
            issuer: Arc::downgrade(&issuer),
            state,
            keys: keys.clone(),
            rules: rules(configured),
            due: Instant::now(),
            last: None,
            failing: false,
        };
        if self.orders.send(Order::Begin(Box::new(fetching))).is_err() {
            tracing::error!(
                issuer = &*configured.name,
                "its keys are not fetched: the thread has ended"
            );
        }
        issuer
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
        self.state.fetching.store(true, Ordering::Release);
        let fetched = files::named(&self.keys.url, self.keys.private_address);
        let replaced = fetched.and_then(|octets| self.replace(&issuer, octets));
        let after = match replaced {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!(issuer = &*self.name, "its keys can be fetched again");
                }
                self.keys.refresh
            }
            Err(reason) => {
                self.fail(&issuer, &reason);
                self.keys.refresh.min(RETRY_AFTER)
            }
        };
        self.due = Instant::now() + after;
        self.state.end();
        issuer.settled();
    }

    fn replace(&mut self, issuer: &Issuer, octets: Vec<u8>) -> Result<(), String> {
        let same = self.last.as_ref().is_some_and(|(known, _)| *known == octets);
        if !same {
            let keys = KeySet::from_jwks(&octets, &self.rules);
            let (keys, left_out) = keys.map_err(|refusal| format!("what it answers {}", refused(&refusal)))?;
            for key in left_out {
                let number = key.position + 1;
                tracing::warn!(issuer = &*self.name, "key {number} is not used: {}", key.refusal);
            }
            issuer.replace(Some(keys));
            tracing::info!(issuer = &*self.name, "its keys are in force");
        }
        self.last = Some((octets, Instant::now()));
        Ok(())
    }

    /// Keeps what is in force, up to its bound.
    fn fail(&mut self, issuer: &Issuer, reason: &str) {
        if !std::mem::replace(&mut self.failing, true) {
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
            issuer.replace(None);
        }
    }
}
