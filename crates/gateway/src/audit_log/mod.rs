//! The audit log as the workers see it: entries are made here, and left for a thread that writes them.
//!
//! A worker never touches a disk. It leaves an entry in its [outbox], and where the operation asks for that waits until the writer says
//! that it is durable. What an entry says of a request is gathered on its way ([`record`]), with values that must not stand in clear
//! already replaced ([`target`], [`protect`]).

pub(crate) mod early;
pub mod outbox;
pub mod protect;
pub(crate) mod record;
pub(crate) mod target;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

use portcullis_audit_log::entry::{Entry, Event};
use portcullis_audit_log::tiles::ENTRY_BYTES_MAX;

use crate::decisions::Place;
pub use crate::decisions::Recorded;
use early::Early;
pub use outbox::{Full, Leaf, Outbox, Unwritten};
use protect::Writing;
pub use protect::{Protect, Treatment};

/// The writer may be silent for so long more than it waits for entries: a sync of a busy disk takes seconds at times. Beyond that it hangs,
/// and what is not written might never be.
const SILENT_TIME_MAX: Duration = Duration::from_secs(5);
/// How often it is looked whether enough have come.
const GATHER_STEP: Duration = Duration::from_micros(100);
/// As many octets as most entries have.
const ENTRY_BYTES: usize = 640;

/// How long a request waits until its entry is durable.
pub const DURABLE_TIME_MAX: Duration = Duration::from_secs(5);

/// When an entry has to be durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Before the upstream sees the request: whatever was done is in the log.
    BeforeForward,
    /// Before the caller sees the answer: whatever a caller knows is in the log.
    BeforeResponse,
    /// Soon after the request has ended: a crash loses what was not written yet.
    #[default]
    Async,
}

/// What happens to requests whose entries cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// They are refused.
    #[default]
    Refuse,
    /// They go on, and entries that find no room are counted as lost.
    Continue,
}

/// How the requests of one operation are recorded.
#[derive(Clone, Debug)]
pub struct Recording {
    /// When entries are durable.
    pub durability: Durability,
    /// Without them.
    pub on_failure: OnFailure,
    /// How the principal's name is written.
    pub subject: Treatment,
    /// How what looks like a token, a card, a person's number is, wherever it stands.
    pub found: Treatment,
    /// How values are that the contract calls sensitive, by the index of their place in the path.
    pub path: Box<[Treatment]>,
    /// How the values of declared query parameters are; all others are masked.
    pub query: BTreeMap<Box<str>, Treatment>,
    /// Values that are recorded besides.
    pub fields: Box<[Field]>,
    /// Whether what the client calls itself is recorded.
    pub user_agent: bool,
    /// How much of decisions is recorded.
    pub decisions: Recorded,
}

/// A value of a request that is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is called in the entry.
    pub name: Box<str>,
    /// Where it stands.
    pub place: Place,
    /// How it is written.
    pub treatment: Treatment,
}

/// The audit log of a gate, shared by its workers and by the thread that writes.
pub struct AuditLog {
    /// One for every worker, and the last for whoever else has something to say.
    outboxes: Box<[Outbox]>,
    /// Of refusals before a request is recorded, for every worker.
    early: Box<[Early]>,
    protect: Arc<dyn Protect>,
    instance: Box<str>,
    address: Treatment,
    /// Whether the log could not be written when that was last tried.
    fails: AtomicBool,
    writer: OnceLock<Thread>,
    begun: Instant,
    /// When the writer last took what there was, in milliseconds since that.
    taken: AtomicU64,
    /// How long it may be silent.
    silent_time_max: Duration,
    /// Whether the writer waits for something to do.
    is_idle: AtomicBool,
}

/// What an audit log is made of.
pub struct Setup {
    /// How many workers there are.
    pub workers: usize,
    /// Which gate this is.
    pub instance: String,
    /// How addresses are written.
    pub address: Treatment,
    /// How many refusals of one control and address are logged one by one in a minute, by all workers together.
    pub early_per_minute_max: u32,
    /// How long the writer waits for entries.
    pub commit_time: Duration,
    /// How many octets of entries wait for the writer, of all workers together.
    pub waiting_bytes_max: usize,
    /// Who keeps values from standing in clear.
    pub protect: Arc<dyn Protect>,
}

impl AuditLog {
    /// A log that nobody writes yet.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let workers = setup.workers.max(1);
        let bytes_max = setup.waiting_bytes_max / workers;
        let per_worker = u32::try_from(workers).map_or(1, |workers| (setup.early_per_minute_max / workers).max(1));
        Self {
            outboxes: std::iter::repeat_with(|| Outbox::new(bytes_max))
                .take(workers + 1)
                .collect(),
            early: std::iter::repeat_with(|| Early::new(per_worker))
                .take(workers)
                .collect(),
            protect: setup.protect,
            instance: setup.instance.into(),
            address: setup.address,
            fails: AtomicBool::new(false),
            writer: OnceLock::new(),
            begun: Instant::now(),
            taken: AtomicU64::new(0),
            silent_time_max: SILENT_TIME_MAX + setup.commit_time,
            is_idle: AtomicBool::new(false),
        }
    }

    /// This thread writes from now on.
    pub fn written_by(&self, writer: Thread) {
        drop(self.writer.set(writer));
    }

    /// Says whether the log can be written.
    pub fn fails(&self, fails: bool) {
        self.fails.store(fails, Ordering::Release);
    }

    /// Everything that was left for the writer since it last took it.
    #[must_use]
    pub fn take(&self) -> outbox::Taken {
        self.taken.store(milliseconds(self.begun.elapsed()), Ordering::Release);
        let mut taken = outbox::Taken::default();
        self.outboxes.iter().for_each(|outbox| outbox.take(&mut taken));
        taken
    }

    /// Leaves what was counted of refusals that were too many, and whose minute is over, for the writer.
    pub fn sum_up(&self, now_milliseconds: u64) {
        for (early, outbox) in self.early.iter().zip(&self.outboxes) {
            for summary in early.over(now_milliseconds) {
                self.tell(outbox, summary);
            }
        }
    }

    /// Leaves an entry about refusals, whose address is written as it should be.
    pub(crate) fn tell(&self, outbox: &Outbox, mut entry: Entry<'_>) {
        let mut erasable = Vec::new();
        let mut writing = Writing {
            protect: &*self.protect,
            found: Treatment::Masked,
            erasable: &mut erasable,
        };
        if let Some(endpoint) = &mut entry.src_endpoint {
            let ip = endpoint.ip.take();
            endpoint.ip = ip.map(|ip| writing.write(&ip, self.address).into_owned().into());
        }
        let _counted_as_lost = self.leave(outbox, &entry, 0, erasable.into(), None);
    }

    /// The writer waits for something to do for so long at the most. Only that thread calls it.
    pub fn wait(&self, time_max: Duration) {
        self.is_idle.store(true, Ordering::SeqCst);
        if !self.outboxes.iter().any(Outbox::is_urgent) {
            std::thread::park_timeout(time_max);
        }
        self.is_idle.store(false, Ordering::SeqCst);
    }

    /// Lets more come, of several who wait, until so many have come: one sync of the disk serves all. Only the writer's thread calls it.
    pub fn gather(&self, waiters: usize, time_max: Duration) {
        let until = Instant::now() + time_max;
        while (1..waiters).contains(&self.outboxes.iter().map(Outbox::waiters).sum::<usize>()) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(GATHER_STEP));
        }
    }

    /// Writes down what an administrator or the gate itself did.
    pub fn note(&self, entry: &Entry<'_>) {
        if let Some(outbox) = self.outboxes.last() {
            let _counted_as_lost = self.leave(outbox, entry, 0, Box::default(), None);
        }
    }

    /// Which gate this is.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    pub(crate) fn protect(&self) -> &dyn Protect {
        &*self.protect
    }

    /// Whether a request that came at `at` could not be recorded: the log fails, its writer hangs, or there is no room.
    pub(crate) fn is_unwritable(&self, worker: usize, at: Instant) -> bool {
        let now = milliseconds(at.saturating_duration_since(self.begun));
        let silent = now.saturating_sub(self.taken.load(Ordering::Acquire));
        let is_silent = silent > milliseconds(self.silent_time_max);
        is_silent || self.fails.load(Ordering::Acquire) || self.outboxes.get(worker).is_none_or(Outbox::is_nearly_full)
    }

    pub(crate) fn early(&self, worker: usize) -> Option<&Early> {
        self.early.get(worker)
    }

    pub(crate) fn outbox(&self, worker: usize) -> Option<&Outbox> {
        self.outboxes.get(worker)
    }

    /// Leaves an entry for the writer. Somebody who waits for it wakes the writer.
    pub(crate) fn leave(
        &self,
        outbox: &Outbox,
        entry: &Entry<'_>,
        id: u128,
        erasable: Box<[u8]>,
        waits: Option<tokio::sync::oneshot::Sender<Result<(), Unwritten>>>,
    ) -> Result<(), Full> {
        let event = entry.metadata.event_code;
        let mut octets = Vec::with_capacity(ENTRY_BYTES);
        entry.write(&mut octets);
        if octets.len() > ENTRY_BYTES_MAX {
            // Without what callers can make long: who did what has to be there in any case.
            octets.clear();
            entry.bounded().write(&mut octets);
        }
        let is_urgent = waits.is_some();
        let leaf = Leaf {
            event,
            id,
            octets,
            erasable,
            waits,
        };
        outbox.push(leaf, event != Event::Opened)?;
        if is_urgent
            && self.is_idle.swap(false, Ordering::SeqCst)
            && let Some(writer) = self.writer.get()
        {
            writer.unpark();
        }
        Ok(())
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
