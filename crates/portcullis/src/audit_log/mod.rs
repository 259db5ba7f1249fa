//! The audit log of a gate that serves: opened when it starts, written on a thread of its own, closed when it ends.

mod bell;
pub(crate) mod beside;
mod checkpoints;
mod delivering;
mod delivery;
mod export;
pub(crate) mod inbox;
mod indexing;
pub(crate) mod keys;
pub(crate) mod making;
mod open_requests;
pub(crate) mod os_users;
mod otlp;
mod place;
mod protect;
mod published;
mod retention;
mod sending;
mod upkeep;
mod waiting;
mod writing;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portcullis_audit_log::beside::KEYS;
use portcullis_audit_log::entry::{Actor, Entity, Entry, Event, User};
use portcullis_contract::document::{Problem, Span};
use portcullis_gateway::audit_log::{AuditLog, Setup};
use portcullis_gateway::listen::unix_milliseconds;
use portcullis_gateway::metrics::{AuditLogMeter, Registry};

use crate::config::audit_log::AuditLog as Configured;
use crate::lifecycle::sandbox::Places;
use crate::outage::Outage;
use delivering::Delivering;
use keys::Keys;
use place::{Place, Unopened};
pub(crate) use protect::Protection;
use waiting::Waiting;
use writing::{Committed, Order, Times, Writing};

/// How long the end of a gate waits for the log to be written.
const ENDING_TIME_MAX: Duration = Duration::from_secs(30);
const ENDING_STEP: Duration = Duration::from_millis(5);

/// The audit log of a gate, for as long as that runs.
pub(crate) struct Keeper {
    log: Arc<AuditLog>,
    order: Arc<AtomicU8>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Opens the log of a configuration, and begins to write. While another process has it, which this one replaces, entries wait.
    ///
    /// # Errors
    /// It is not there, cannot be opened, or was changed by somebody.
    pub(crate) fn start(configured: &Configured, workers: usize, registry: &Arc<Registry>) -> Result<Self, String> {
        let folder = configured.path.clone();
        let here = |error: String| format!("the audit log in `{}` cannot be opened: {error}", folder.display());
        let keys = Keys::read(configured)?;
        let protect = Arc::new(Protection::read(&configured.redaction)?);
        let known = keys::known(&folder, Some(&configured.name))
            .map_err(|error| format!("{}; `portcullis log init` makes a log where there is none", here(error)))?;
        let log = Arc::new(AuditLog::new(Setup {
            workers,
            instance: configured.instance.clone(),
            address: configured.redaction.addresses,
            early_per_minute_max: configured.refusals_per_minute_max,
            commit_time: configured.commit_time,
            waiting_bytes_max: configured.waiting_bytes_max,
            protect,
        }));
        let mut place = Place {
            folder: folder.clone(),
            held: checkpoints::held(&configured.delivery, &folder, &known).map_err(here)?,
            known,
            keys,
            keys_changed: false,
        };
        let writer = match place.open() {
            Ok(writer) => Some(writer),
            Err(Unopened::Locked) => None,
            Err(Unopened::Failed(error)) => return Err(here(error)),
        };
        let meter = Arc::new(AuditLogMeter::default());
        registry.audit_log(Arc::clone(&meter));
        let order = Arc::new(AtomicU8::new(Order::Write as u8));
        let mut writing = Writing {
            log: Arc::clone(&log),
            meter,
            place,
            order: Arc::clone(&order),
            commit_time: configured.commit_time,
            checkpoint_time: configured.checkpoint_time,
            waiting_bytes_max: configured.waiting_bytes_max,
            indexing: None,
            delivery: Delivering::new(configured.delivery.clone(), Arc::clone(registry)),
            writer: None,
            waiting: Waiting::default(),
            beside: beside::Beside::default(),
            open: open_requests::OpenRequests::default(),
            alive: None,
            outage: Outage::default(),
            retention: configured.retention,
            plan: retention::Plan::default(),
            started: Instant::now(),
            committed: Committed::default(),
            times: Times::now(),
        };
        if let Some(writer) = writer {
            writing.find_open(writer.published().size);
            writing.begin(writer);
            writing.deliver().map_err(here)?;
        }
        let thread = std::thread::Builder::new()
            .name("audit-log".to_owned())
            .spawn(move || writing.run())
            .map_err(|error: io::Error| here(error.to_string()))?;
        log.written_by(thread.thread().clone());
        let keeper = Self {
            log,
            order,
            thread: Some(thread),
        };
        keeper.note("gate", "started");
        Ok(keeper)
    }

    /// Where the workers leave entries.
    pub(crate) fn log(&self) -> &Arc<AuditLog> {
        &self.log
    }

    /// Writes down what an administrator did, or the gate itself: to what, and what.
    pub(crate) fn note(&self, kind: &str, comment: &str) {
        self.log.note(&Entry {
            actor: Some(Actor {
                user: Some(User {
                    uid: self.log.instance().into(),
                    kind: Some("gate".into()),
                    domain: None,
                    credential_uid: None,
                }),
                app_uid: None,
            }),
            entity: Some(Entity {
                kind: kind.into(),
                name: None,
            }),
            comment: Some(comment.into()),
            ..Entry::new(Event::Administration, unix_milliseconds())
        });
    }

    /// Lets another process write the log. What is left to say goes there.
    pub(crate) fn hand_over(&self) {
        Order::HandOver.give(&self.order);
        self.wake();
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

/// What is wrong with the files of a log, for whoever looks for problems only. One that was not made yet is warned of.
pub(crate) fn problems(configured: &Configured, location: &str) -> Vec<Problem> {
    const HOW: &str = "`portcullis log init` makes the log, and the keys that are missing";
    let span = configured.keys.first().map_or_else(Span::default, |key| key.span);
    let missing = configured.files().find(|file| !file.exists());
    if let Some(file) = missing {
        let message = format!("`{}`, which the audit log needs, is not there", file.display());
        return vec![Problem::warning(location, span, message).help(HOW)];
    }
    let keys = Keys::read(configured).map(drop);
    let protection = Protection::read(&configured.redaction).map(drop);
    let errors = [keys, protection].into_iter().filter_map(Result::err);
    let mut problems: Vec<Problem> = errors.map(|error| Problem::error(location, span, error)).collect();
    if !configured.path.join(KEYS).exists() {
        let message = format!("there is no audit log in `{}`", configured.path.display());
        problems.push(Problem::warning(location, span, message).help(HOW));
    } else if let Err(error) = keys::known(&configured.path, Some(&configured.name)) {
        problems.push(Problem::error(location, span, error));
    }
    problems
}

/// Where the log reads and writes.
pub(crate) fn allow(configured: &Configured, places: &mut Places) {
    places.grow(&configured.path);
    configured.files().for_each(|file: &Path| places.read(file));
    delivering::allow(&configured.delivery, places);
}

impl Drop for Keeper {
    /// Everything that was left is written, and published.
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.note("gate", "ended");
        }
        Order::End.give(&self.order);
        self.wake();
        let Some(thread) = self.thread.take() else { return };
        let until = Instant::now() + ENDING_TIME_MAX;
        while !thread.is_finished() {
            if Instant::now() > until {
                // A disk that does not answer must not keep the process from ending.
                tracing::error!(
                    "the gate ends while the audit log is still being written: its last entries may be missing"
                );
                return;
            }
            std::thread::sleep(ENDING_STEP);
        }
        // It has said what there was to say.
        drop(thread.join());
    }
}
