//! The thread that writes the log: takes what the workers left, commits it together, publishes it under a checkpoint now and then.
//!
//! What cannot be written stays in memory, up to a bound, and is written when the log can be opened again. What had become durable
//! before that is known by the size of the log, so nothing is written twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use portcullis_audit_log::entry::{Entry, Event};
use portcullis_audit_log::writer::{AppendError, WriteError, Writer};
use portcullis_gateway::audit_log::AuditLog;
use portcullis_gateway::listen::unix_time;
use portcullis_gateway::metrics::AuditLogMeter;

use super::beside::Beside;
use super::delivering::Delivering;
use super::inbox::{self, Alive};
use super::indexing::Indexing;
use super::open_requests::OpenRequests;
use super::place::{Place, Unopened};
use super::retention::Plan;
use super::waiting::{Waiting, about, leaf};
use crate::config::audit_log::Retention;
use crate::outage::Outage;

/// Of several who wait, the first waits no longer for the others, nor longer than a batch takes: when those come who have just been
/// answered, one sync serves them all.
const GATHER_TIME_MAX: Duration = Duration::from_millis(2);
/// How often it is tried to open a log that could not be written.
const OPENED_EVERY: Duration = Duration::from_millis(500);
/// How long another process may have the log, which this one replaces.
const LOCKED_TIME_MAX: Duration = Duration::from_secs(3);
/// How often it is looked at what others have left, and what was counted is told.
const LOOKED_EVERY: Duration = Duration::from_secs(1);

/// What the thread was told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Write.
    Write,
    /// Let another process write, and leave it what there still is to say.
    HandOver,
    /// Write what is there, and end.
    End,
}

impl Order {
    pub(super) fn give(self, to: &AtomicU8) {
        to.fetch_max(self as u8, Ordering::AcqRel);
    }

    fn given(by: &AtomicU8) -> Self {
        match by.load(Ordering::Acquire) {
            0 => Self::Write,
            1 => Self::HandOver,
            _ => Self::End,
        }
    }
}

/// What the thread works with.
pub(super) struct Writing {
    pub(super) log: Arc<AuditLog>,
    pub(super) meter: Arc<AuditLogMeter>,
    pub(super) place: Place,
    pub(super) order: Arc<AtomicU8>,
    pub(super) commit_time: Duration,
    pub(super) checkpoint_time: Duration,
    pub(super) waiting_bytes_max: usize,
    /// Makes the index meanwhile.
    pub(super) indexing: Option<Indexing>,
    /// Carries it elsewhere while it is written here.
    pub(super) delivery: Delivering,
    pub(super) writer: Option<Writer>,
    pub(super) waiting: Waiting,
    pub(super) beside: Beside,
    pub(super) open: OpenRequests,
    pub(super) alive: Option<Alive>,
    pub(super) outage: Outage,
    pub(super) retention: Retention,
    pub(super) plan: Plan,
    pub(super) started: Instant,
    pub(super) committed: Committed,
    pub(super) times: Times,
}

/// The last batch.
#[derive(Default)]
pub(super) struct Committed {
    /// How many waited for it.
    waiters: usize,
    took: Duration,
}

/// When something was last done.
pub(super) struct Times {
    pub(super) opened: Instant,
    pub(super) looked: Instant,
    pub(super) published: Instant,
    pub(super) planned: Option<Instant>,
}

impl Times {
    pub(super) fn now() -> Self {
        let now = Instant::now();
        Self {
            opened: now,
            looked: now,
            published: now,
            planned: None,
        }
    }
}

impl Writing {
    /// Writes until it is told to end.
    pub(super) fn run(mut self) {
        loop {
            let order = Order::given(&self.order);
            self.take();
            self.work(order);
            if order == Order::End || self.times.looked.elapsed() >= LOOKED_EVERY {
                self.look(order);
                self.work(order);
            }
            if order == Order::End || self.times.published.elapsed() >= self.checkpoint_time {
                self.publish();
            }
            if order == Order::Write {
                self.retain();
            }
            if order == Order::End {
                return self.end();
            }
            self.log.wait(self.commit_time);
            if self.committed.waiters > 1 {
                self.log
                    .gather(self.committed.waiters, self.committed.took.min(GATHER_TIME_MAX));
            }
        }
    }

    fn work(&mut self, order: Order) {
        if order == Order::HandOver || self.alive.is_some() {
            self.hand_over();
        } else {
            self.write();
        }
    }

    /// Takes what the workers left.
    pub(super) fn take(&mut self) {
        let taken = self.log.take();
        self.waiting.lost += taken.lost;
        for leaf in taken.leaves {
            self.waiting.push(leaf, self.waiting_bytes_max);
        }
    }

    /// Begins to carry the log elsewhere, where it does not yet.
    pub(super) fn deliver(&mut self) -> Result<(), String> {
        self.delivery.begin(&self.place.folder, &self.place.known)
    }

    /// Makes what waits durable.
    pub(super) fn write(&mut self) {
        if self.writer.is_none() && !self.reopen() {
            return;
        }
        if self.waiting.is_empty() {
            return;
        }
        let (waiters, began) = (self.waiting.waiters(), Instant::now());
        let committed = self.commit();
        self.committed = Committed {
            waiters,
            took: began.elapsed(),
        };
        match committed {
            Ok(durable) => {
                self.meter.durable(durable);
                self.succeeded();
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Appends and commits everything.
    fn commit(&mut self) -> Result<u64, String> {
        let Some(writer) = &mut self.writer else {
            return Err("the log is not open".to_owned());
        };
        let folder = &self.place.folder;
        // Values of an attempt before stand in it again.
        self.beside = Beside::default();
        let mut indices = Vec::with_capacity(self.waiting.leaves.len());
        for leaf in &self.waiting.leaves {
            let index = match writer.append(&leaf.octets) {
                Err(AppendError::BatchFull) => {
                    self.beside.write(folder).map_err(|error| error.to_string())?;
                    writer.commit().map_err(|error| error.to_string())?;
                    writer.append(&leaf.octets)
                }
                appended => appended,
            };
            let index = index.map_err(|error| error.to_string())?;
            self.beside.add(index, &leaf.erasable);
            indices.push((leaf.event, leaf.id, index));
        }
        self.beside.write(folder).map_err(|error| error.to_string())?;
        let durable = writer.commit().map_err(|error| error.to_string())?;
        for (event, id, index) in indices {
            self.open.note(event, id, index);
        }
        self.waiting.done();
        self.waiting.from = durable;
        Ok(durable)
    }

    /// The log could not be written: whoever waits is told, and it is opened anew later.
    pub(super) fn failed(&mut self, error: &str) {
        self.writer = None;
        self.times.opened = Instant::now();
        self.log.fails(true);
        self.meter.fails(true);
        if self.outage.begins() {
            tracing::error!(error, "the audit log cannot be written");
        }
        self.waiting.fail();
    }

    fn succeeded(&mut self) {
        self.log.fails(false);
        self.meter.fails(false);
        if self.outage.ends() {
            tracing::info!("the audit log can be written again");
        }
    }

    /// Opens the log again, and passes over what had become durable. Whether it is open.
    fn reopen(&mut self) -> bool {
        if self.outage.lasts() && self.times.opened.elapsed() < OPENED_EVERY {
            self.waiting.fail();
            return false;
        }
        self.times.opened = Instant::now();
        match self.place.open() {
            Ok(writer) => {
                if self.outage.lasts() {
                    for (event, id, index) in self.waiting.pass_over(writer.size()) {
                        self.open.note(event, id, index);
                    }
                } else {
                    // It was another process that wrote.
                    self.find_open(writer.published().size);
                }
                self.begin(writer);
                // That it can be opened does not say that it can be written.
                if self.waiting.is_empty() {
                    self.succeeded();
                }
                true
            }
            // Somebody else has it, for now: nothing failed.
            Err(Unopened::Locked) if self.started.elapsed() < LOCKED_TIME_MAX && !self.outage.lasts() => false,
            Err(Unopened::Locked) => {
                self.failed("another process writes to it");
                false
            }
            Err(Unopened::Failed(error)) => {
                self.failed(&error);
                false
            }
        }
    }

    /// Writes with this from now on.
    pub(super) fn begin(&mut self, writer: Writer) {
        self.waiting.from = writer.size();
        if self.indexing.is_none() {
            let started = Indexing::start(self.place.folder.clone(), self.place.known.clone());
            self.indexing = started
                .inspect_err(|error| tracing::error!(%error, "the index of the audit log is not made"))
                .ok();
        }
        self.meter.durable(writer.durable());
        self.meter.published(writer.published().size);
        self.writer = Some(writer);
        if std::mem::take(&mut self.place.keys_changed) {
            let keys: Vec<String> = self.place.keys.public().map(ToString::to_string).collect();
            let entry = Entry {
                comment: Some(format!("the keys that sign are now {}", keys.join(", ")).into()),
                ..about(Event::Administration, &self.place.known)
            };
            self.waiting.push(leaf(&entry), usize::MAX);
        }
    }

    /// Finds out what was open when another process wrote.
    pub(super) fn find_open(&mut self, size: u64) {
        match OpenRequests::find(&self.place, size) {
            Ok(found) => self.open = found,
            Err(error) => {
                tracing::error!(%error, "it is not known which requests were open when the audit log was last written");
            }
        }
    }

    /// Lets another process write, and leaves it what there is.
    fn hand_over(&mut self) {
        if self.alive.is_none() {
            self.publish();
            self.delivery.hand_over();
            match Alive::new(&self.place.folder) {
                Ok(alive) => self.alive = Some(alive),
                Err(error) => {
                    tracing::error!(%error, "the gate that takes over takes what this one still has for abandoned");
                    self.alive = Some(Alive::unknown());
                }
            }
            self.writer = None;
            self.indexing = None;
        }
        if self.waiting.is_empty() {
            return;
        }
        for letter in self.waiting.letters() {
            if let Err(error) = inbox::hand_on(&self.place.folder, &letter) {
                return self.failed(&error.to_string());
            }
        }
        self.waiting.done();
    }

    /// Signs a checkpoint, if there is anything new under it.
    fn publish(&mut self) {
        self.times.published = Instant::now();
        self.add_cosignatures();
        let Some(writer) = &mut self.writer else { return };
        if writer.published().size == writer.size() {
            return;
        }
        let published = writer.publish(unix_time().seconds()).map(|_| ());
        let size = writer.published().size;
        match published {
            Ok(()) => {
                self.meter.published(size);
                if let Err(error) = self.open.keep(&self.place, size) {
                    tracing::warn!(%error, "it cannot be written down which requests are open");
                }
                self.indexing.iter().for_each(|indexing| indexing.published(size));
                self.delivery.published(size);
            }
            Err(error) => self.failed(&error.to_string()),
        }
    }

    /// Adds what witnesses have signed to the checkpoint that it is of. What is of an older one comes too late, and is held beside.
    fn add_cosignatures(&mut self) {
        let Some(writer) = &mut self.writer else { return };
        for (checkpoint, signatures) in self.delivery.cosigned() {
            match writer.add_cosignatures(&checkpoint, signatures) {
                Ok(_) | Err(WriteError::Foreign) => {}
                Err(error) => return self.failed(&error.to_string()),
            }
        }
    }

    fn end(mut self) {
        self.delivery.end();
        self.add_cosignatures();
        if !self.waiting.is_empty() {
            let lost = self.waiting.leaves.len();
            tracing::error!(
                lost,
                "the gate ends with entries of the audit log that could not be written"
            );
        }
        self.waiting.fail();
    }
}
