//! The gate's own API keys and opaque tokens: the store and the secret of a configuration, and what a gate that serves knows of them.

pub(crate) mod draw;
pub(crate) mod secret;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use portcullis_contract::document::{Problem, Span};
use portcullis_gateway::keyring::Keyring;
use portcullis_identity::credentials::MacKeys;
use portcullis_identity::jose::handle::Mac;
use portcullis_secrets::MacKey;
use portcullis_store::StoreError;
use portcullis_store::credentials::{Changes, Credentials as Store, Position};
use portcullis_store::memory::MemoryCredentials;
use portcullis_store::sqlite::{self, SqliteCredentials};

use crate::config::credentials::{AUTHORITY, Credentials, Kept, Made};
use crate::lifecycle::sandbox::Places;
use crate::outage::Outage;

/// How often the store is asked what has changed: well within the time that what it said counts.
const ASKED_EVERY: Duration = Duration::from_millis(200);
/// How often uses are written down.
const USES_WRITTEN_EVERY: Duration = Duration::from_secs(30);

/// What a gate knows of its own credentials, from one configuration to the next.
pub(crate) struct OwnCredentials {
    /// Whether the store is read, again and again.
    serves: bool,
    in_force: Option<InForce>,
}

#[derive(Clone)]
struct InForce {
    configured: Credentials,
    secret: secret::Digest,
    keyring: Arc<Keyring>,
}

/// What is known of the credentials of a configuration, and what putting that in force takes.
pub(crate) type Settled = (Option<Arc<Keyring>>, Pending);

/// What a gate knows of its own credentials when those of a configuration are put in force.
pub(crate) struct Pending(Option<InForce>);

impl OwnCredentials {
    /// For a gate that serves.
    pub(crate) fn new() -> Self {
        Self {
            serves: true,
            in_force: None,
        }
    }

    /// For a configuration that is looked at and not served: whether the store can be used is all that is asked.
    pub(crate) fn offline() -> Self {
        Self {
            serves: false,
            in_force: None,
        }
    }

    /// What is known of the credentials of a configuration; none where it has none. What is as it was stays. `location` is the
    /// configuration's.
    ///
    /// # Errors
    /// The store or the secret cannot be used.
    pub(crate) fn settle(&self, configured: Option<&Kept>, location: &str) -> Result<Settled, Box<Problem>> {
        match configured {
            Some(Kept::InFiles(configured)) => {
                let in_force = self.in_files(configured, location)?;
                let keyring = Arc::clone(&in_force.keyring);
                Ok((Some(keyring), Pending(Some(in_force))))
            }
            Some(Kept::InMemory(made)) => {
                let begun = begin_in_memory(made);
                let keyring = begun.map_err(|message| Problem::error(location, Span::default(), message))?;
                Ok((Some(keyring), Pending(None)))
            }
            None => Ok((None, Pending(None))),
        }
    }

    /// Puts what was settled in force. Whoever holds what was before is served by its thread until nobody does.
    pub(crate) fn put_in_force(&mut self, pending: Pending) {
        self.in_force = pending.0;
    }

    fn in_files(&self, configured: &Credentials, location: &str) -> Result<InForce, Box<Problem>> {
        let wrong = |error: String| Box::new(of_secret(configured, location, &error));
        let (keys, secret) = secret::read(&configured.secret).map_err(wrong)?;
        let as_before = |known: &&InForce| known.configured.store == configured.store && known.secret == secret;
        let keyring = match self.in_force.as_ref().filter(as_before) {
            Some(known) => Arc::clone(&known.keyring),
            None => self.begin(configured, location, keys)?,
        };
        Ok(InForce {
            configured: configured.clone(),
            secret,
            keyring,
        })
    }

    fn begin(&self, configured: &Credentials, location: &str, keys: Vec<MacKey>) -> Result<Arc<Keyring>, Box<Problem>> {
        let keys = keys.into_iter().map(|key| Arc::new(key) as Arc<dyn Mac>).collect();
        let keys = MacKeys::new(keys).map_err(|wrong| of_secret(configured, location, &wrong.to_string()))?;
        let keyring = Arc::new(Keyring::new(AUTHORITY.into(), keys));
        let failed = |error| Box::new(of_store(configured, location, &error));
        if !self.serves {
            // Whoever only looks changes nothing, and opening may.
            sqlite::look(&configured.store).map_err(failed)?;
            return Ok(keyring);
        }
        let [store, uses] = [0; 2].map(|_| SqliteCredentials::open(&configured.store));
        let (store, uses) = (store.map_err(failed)?, uses.map_err(failed)?);
        let mut reader = Reader {
            store,
            position: Position::default(),
        };
        reader.read(&keyring).map_err(failed)?;
        let of = Arc::downgrade(&keyring);
        let begun = spawn("credentials", move || keep(reader, &of)).and_then(|()| {
            let of = Arc::downgrade(&keyring);
            spawn("uses", move || keep_uses(uses, &of))
        });
        begun.map_err(|error| {
            let message = format!("the store of credentials cannot be watched: {error}");
            Problem::error(location, configured.store_span, message)
        })?;
        Ok(keyring)
    }
}

/// What is known of credentials that are in memory. It has to be kept up to date like any other, or it would not count for long.
fn begin_in_memory(made: &Made) -> Result<Arc<Keyring>, String> {
    let keys = MacKeys::new(made.keys.clone()).map_err(|unusable| unusable.to_string())?;
    let keyring = Arc::new(Keyring::new(AUTHORITY.into(), keys));
    let mut store = MemoryCredentials::new();
    for record in &made.records {
        store.issue(record).map_err(|error| error.to_string())?;
    }
    let mut reader = Reader {
        store,
        position: Position::default(),
    };
    reader.read(&keyring).map_err(|error| error.to_string())?;
    let of = Arc::downgrade(&keyring);
    spawn("credentials", move || keep(reader, &of)).map_err(|error| error.to_string())?;
    Ok(keyring)
}

impl Drop for OwnCredentials {
    /// Writes down the last uses.
    fn drop(&mut self) {
        let Some(known) = self.in_force.as_ref().filter(|_| self.serves) else {
            return;
        };
        let opened = SqliteCredentials::open(&known.configured.store);
        let written = opened.and_then(|mut store| write_uses(&mut store, &known.keyring));
        if let Err(error) = written {
            tracing::warn!(%error, "the last uses of credentials are not written down");
        }
    }
}

/// Adds the files of a store that is there to the places of a gate, each for itself: beside them may lie what it must not write.
pub(crate) fn allow(configured: &Credentials, places: &mut Places) {
    allow_store(
        &configured.store,
        "the log of the store of credentials cannot be made",
        places,
    );
}

/// The same of any store.
pub(crate) fn allow_store(store: &Path, fault: &str, places: &mut Places) {
    if store.is_file()
        && let Err(error) = sqlite::prepare(store)
    {
        tracing::warn!(%error, "{fault}");
    }
    places.read(store);
    let files = sqlite::files(store);
    files
        .iter()
        .filter(|file| file.is_file())
        .for_each(|file| places.write(file));
}

/// What is wrong with a store.
pub(crate) fn store_fault(configured: &Credentials, error: &dyn fmt::Display) -> String {
    format!("cannot use the store `{}`: {error}", configured.store.display())
}

/// What is wrong with a secret.
pub(crate) fn secret_fault(configured: &Credentials, error: &str) -> String {
    format!("cannot use the secret `{}`: {error}", configured.secret.display())
}

/// What to do about a store that cannot be used; empty where the message says it all.
pub(crate) fn store_way_out(configured: &Credentials, error: &StoreError) -> String {
    match error {
        StoreError::Missing => {
            "issue the first credential: `portcullis key issue --owner NAME` makes the store".to_owned()
        }
        StoreError::Exposed { .. } => format!("run `chmod o= {}`", configured.store.display()),
        _ => String::new(),
    }
}

/// What to do about a secret that cannot be used; empty where the message says it all.
pub(crate) fn secret_way_out(configured: &Credentials) -> String {
    let Credentials { store, secret, .. } = configured;
    match (secret.exists(), store.exists()) {
        (true, _) => String::new(),
        (false, false) => {
            "issue the first credential: `portcullis key issue --owner NAME` makes the secret and the store".to_owned()
        }
        (false, true) => format!(
            "put your copy of it back: what is in `{}` is worth nothing without it; without a copy, move the store away and issue every \
             credential anew",
            store.display()
        ),
    }
}

fn of_store(configured: &Credentials, location: &str, error: &StoreError) -> Problem {
    let problem = Problem::error(location, configured.store_span, store_fault(configured, error));
    problem.help(store_way_out(configured, error))
}

fn of_secret(configured: &Credentials, location: &str, error: &str) -> Problem {
    let problem = Problem::error(location, configured.secret_span, secret_fault(configured, error));
    problem.help(secret_way_out(configured))
}

/// Reads a store from where it was read before.
struct Reader<S> {
    store: S,
    position: Position,
}

impl<S: Store> Reader<S> {
    fn read(&mut self, keyring: &Keyring) -> Result<(), StoreError> {
        // Before: what is written while it is read counts from here.
        let begun = Instant::now();
        let Changes {
            whole,
            records,
            position,
        } = self.store.changes(self.position)?;
        self.position = position;
        keyring.put(records, whole, begun);
        Ok(())
    }
}

/// Keeps what is known up to date until nobody wants to know it. A thread of its own: the database may wait for a disk or for
/// another process, which no worker may.
fn keep<S: Store>(mut reader: Reader<S>, of: &Weak<Keyring>) {
    let outage = Outage::default();
    loop {
        std::thread::sleep(ASKED_EVERY);
        let Some(keyring) = of.upgrade() else { return };
        match reader.read(&keyring) {
            Ok(()) => {
                if outage.ends() {
                    tracing::info!("the store of credentials can be used again");
                }
            }
            Err(error) => {
                keyring.fail();
                if outage.begins() {
                    tracing::error!(
                        %error,
                        "the store of credentials cannot be used: API keys and opaque tokens let nobody in until it can"
                    );
                }
            }
        }
    }
}

/// Writes uses down until nobody makes any. A thread of its own too: whoever writes waits for others that write, and what is known would
/// grow old meanwhile.
fn keep_uses(mut store: SqliteCredentials, of: &Weak<Keyring>) {
    let outage = Outage::default();
    loop {
        std::thread::sleep(USES_WRITTEN_EVERY);
        let Some(keyring) = of.upgrade() else { return };
        match write_uses(&mut store, &keyring) {
            Ok(()) if outage.ends() => tracing::info!("the last uses of credentials can be written down again"),
            Err(error) if outage.begins() => {
                tracing::warn!(%error, "the last uses of credentials cannot be written down; later ones will be");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

fn spawn(name: &str, act: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(act).map(drop)
}

fn write_uses(store: &mut SqliteCredentials, keyring: &Keyring) -> Result<(), StoreError> {
    let uses = keyring.used();
    if uses.is_empty() {
        return Ok(());
    }
    store.touch(&uses)?;
    keyring.written(&uses);
    Ok(())
}
