//! Prometheus metrics with bounded labels, counted per worker and summed when scraped.
//!
//! A counter has one writer, the worker it belongs to: counting is a load and a store of relaxed atomics, without a lock
//! or a hash. Handles are resolved when the route table is built, and belong to their labels, not to a table: a reload
//! goes on counting where it was. Label values come from the contracts and the configuration, never from a request:
//! whatever matches no operation is counted as [`UNMATCHED`].

mod audit_log;
mod audit_log_delivery;
mod cells;
mod control;
mod elsewhere;
mod expose;
mod issuers;
mod limited;
mod operation;
mod relations;
mod upstreams;
mod worker;

pub use audit_log::AuditLogMeter;
pub use audit_log_delivery::AuditLogDeliveryMeter;
pub(crate) use cells::Counter;
pub use control::{Control, SAMPLED_ONE_IN, Verdict};
pub use operation::{Answered, Body, Mine, OperationMetrics, Unjudged};
pub use relations::{Lessons, RelationsMeter};
pub use worker::{Event, Worker};

use crate::decisions::elsewhere::Elsewhere;
use crate::forward::balance::Fleet;
use crate::issuer::Issuer;
use crate::limit::store::LimitStore;
use cells::WorkerCells;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// The label of requests that match no operation.
pub const UNMATCHED: &str = "unmatched";
/// The label of operations beyond [`OPERATIONS_MAX`], and of refusal codes that were not announced.
pub const OTHER: &str = "other";
/// The most operations with labels of their own.
pub const OPERATIONS_MAX: usize = 4096;
/// The most APIs whose contract's time is shown.
pub const CONTRACTS_MAX: usize = 1024;
/// The most bytes of a label value; longer names are cut.
pub const LABEL_BYTES_MAX: usize = 200;
/// What [`Registry::exposition`] is, for Content-Type.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a registry counts, fixed for the life of the process.
pub struct Setup {
    /// How many workers there are.
    pub workers: NonZeroUsize,
    /// Every stable refusal code, such as `rate.exceeded`; any order.
    pub codes: Vec<&'static str>,
    /// The version of the program.
    pub version: &'static str,
    /// The counters of the rate limits.
    pub limits: Arc<dyn LimitStore>,
}

/// All metrics of a process.
pub struct Registry {
    inner: Arc<Inner>,
    exposition: prometheus_client::registry::Registry,
}

/// A refusal code, resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(usize);

/// What became of a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// The new configuration is in force.
    Applied,
    /// It has errors; the one before stays in force.
    Refused,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let mut codes = setup.codes;
        codes.sort_unstable();
        codes.dedup();
        let workers = std::iter::repeat_with(WorkerSlot::default)
            .take(setup.workers.get())
            .collect();
        let mut inner = Inner {
            codes: codes.into(),
            version: setup.version,
            limits: setup.limits,
            workers,
            operations: Mutex::default(),
            unmatched: Arc::default(),
            beyond: Arc::default(),
            contracts: Mutex::default(),
            fleet: OnceLock::new(),
            issuers: Mutex::default(),
            elsewhere: Mutex::default(),
            relations: Mutex::default(),
            audit_log: OnceLock::new(),
            audit_log_delivery: Mutex::default(),
            reloads_applied: AtomicU64::new(0),
            reloads_refused: AtomicU64::new(0),
            reload_applied_unix_seconds: AtomicU64::new(0),
            spans_sent: AtomicU64::new(0),
            spans_dropped: AtomicU64::new(0),
        };
        inner.unmatched = Arc::new(inner.counters("", UNMATCHED));
        inner.beyond = Arc::new(inner.counters(OTHER, OTHER));
        let inner = Arc::new(inner);
        let mut exposition = prometheus_client::registry::Registry::default();
        exposition.register_collector(Box::new(expose::Families(Arc::clone(&inner))));
        Self { inner, exposition }
    }

    /// The counters of one worker, from 0. Each can be had once: it has one writer. None where it is taken, or where there
    /// are not that many.
    #[must_use]
    pub fn worker(&self, number: usize) -> Option<Worker> {
        let slot = self.inner.workers.get(number)?;
        (!slot.taken.swap(true, Ordering::AcqRel)).then(|| Worker::new(number, Arc::clone(&slot.cells)))
    }

    /// The counters of an operation, made when first asked for. For building route tables, not for serving: it locks.
    ///
    /// Where there are [`OPERATIONS_MAX`], operations that no route table holds any more are forgotten; if all are
    /// held, further ones share one label, [`OTHER`].
    #[must_use]
    pub fn operation(&self, api: &str, operation: &str) -> Arc<OperationMetrics> {
        let labels = (label(api), label(operation));
        let mut operations = self.inner.operations.lock();
        if let Some(known) = operations.get(&labels) {
            return Arc::clone(known);
        }
        if operations.len() >= OPERATIONS_MAX {
            operations.retain(|_, counters| Arc::strong_count(counters) > 1);
        }
        if operations.len() >= OPERATIONS_MAX {
            return Arc::clone(&self.inner.beyond);
        }
        let made = Arc::new(self.inner.counters(&labels.0, &labels.1));
        operations.insert(labels, Arc::clone(&made));
        made
    }

    /// The counters of requests that belong to no API's operation: refused before routing, or of unknown paths.
    #[must_use]
    pub fn unmatched(&self) -> Arc<OperationMetrics> {
        Arc::clone(&self.inner.unmatched)
    }

    /// Resolves a refusal code; one that was not announced is [`OTHER`]. No hash and no allocation, a few comparisons.
    #[must_use]
    pub fn code(&self, code: &str) -> Code {
        Code(self.inner.codes.binary_search(&code).unwrap_or(self.inner.codes.len()))
    }

    /// Counts a reload at this Unix time.
    pub fn reloaded(&self, reload: Reload, unix_seconds: u64) {
        match reload {
            Reload::Applied => {
                self.inner.reloads_applied.fetch_add(1, Ordering::Relaxed);
                self.inner
                    .reload_applied_unix_seconds
                    .store(unix_seconds, Ordering::Relaxed);
            }
            Reload::Refused => {
                self.inner.reloads_refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Counts spans of requests that the collector took.
    pub fn spans_sent(&self, spans: usize) {
        self.inner.spans_sent.fetch_add(spans as u64, Ordering::Relaxed);
    }

    /// Counts spans of requests for which there was no room, or which the collector did not take.
    pub fn spans_dropped(&self, spans: usize) {
        self.inner.spans_dropped.fetch_add(spans as u64, Ordering::Relaxed);
    }

    /// Replaces what is shown as each API's contract's time: the Unix time at which what is in force was written (or read,
    /// where that is not known). A contract's age is the time now less this.
    pub fn contracts(&self, written: impl IntoIterator<Item = (String, u64)>) {
        let written = written.into_iter().take(CONTRACTS_MAX);
        *self.inner.contracts.lock() = written.map(|(api, seconds)| (label(&api), seconds)).collect();
    }

    /// From here on the endpoints of this fleet are told of. The first one stays.
    pub fn tell_of(&self, fleet: Arc<Fleet>) {
        let _first = self.inner.fleet.set(fleet);
    }

    /// Replaces whose keys and answers are told of.
    pub fn issuers(&self, mut issuers: Vec<Arc<Issuer>>) {
        issuers.sort_unstable_by(|a, b| a.authority().cmp(b.authority()));
        *self.inner.issuers.lock() = issuers;
    }

    /// Replaces who is told of that is asked when something is decided.
    pub fn asked(&self, mut elsewhere: Vec<Arc<Elsewhere>>) {
        elsewhere.sort_unstable_by(|a, b| a.api().cmp(b.api()));
        *self.inner.elsewhere.lock() = elsewhere;
    }

    /// From now on the audit log is told of.
    pub fn audit_log(&self, meter: Arc<AuditLogMeter>) {
        drop(self.inner.audit_log.set(meter));
    }

    /// Replaces whose relations are told of.
    pub fn relations(&self, meter: Option<Arc<RelationsMeter>>) {
        *self.inner.relations.lock() = meter;
    }

    /// Replaces what is told of where the audit log goes.
    pub fn audit_log_delivery(&self, meter: Option<Arc<AuditLogDeliveryMeter>>) {
        *self.inner.audit_log_delivery.lock() = meter;
    }

    /// The APIs of which no endpoint is in service.
    #[must_use]
    pub fn without_endpoints(&self) -> Vec<Box<str>> {
        let fleet = self.inner.fleet.get();
        fleet.map(|fleet| fleet.without_endpoints()).unwrap_or_default()
    }

    /// Everything in the OpenMetrics text format. It sums over all workers, and takes as long as that takes.
    ///
    /// # Errors
    /// The format cannot express it.
    pub fn exposition(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.exposition)?;
        Ok(text)
    }
}

/// An API and an operation.
type Labels = (Box<str>, Box<str>);

struct Inner {
    codes: Box<[&'static str]>,
    version: &'static str,
    limits: Arc<dyn LimitStore>,
    workers: Box<[WorkerSlot]>,
    operations: Mutex<BTreeMap<Labels, Arc<OperationMetrics>>>,
    unmatched: Arc<OperationMetrics>,
    beyond: Arc<OperationMetrics>,
    contracts: Mutex<BTreeMap<Box<str>, u64>>,
    fleet: OnceLock<Arc<Fleet>>,
    issuers: Mutex<Vec<Arc<Issuer>>>,
    elsewhere: Mutex<Vec<Arc<Elsewhere>>>,
    relations: Mutex<Option<Arc<RelationsMeter>>>,
    audit_log: OnceLock<Arc<AuditLogMeter>>,
    audit_log_delivery: Mutex<Option<Arc<AuditLogDeliveryMeter>>>,
    reloads_applied: AtomicU64,
    reloads_refused: AtomicU64,
    reload_applied_unix_seconds: AtomicU64,
    spans_sent: AtomicU64,
    spans_dropped: AtomicU64,
}

#[derive(Default)]
struct WorkerSlot {
    taken: AtomicBool,
    cells: Arc<WorkerCells>,
}

impl Inner {
    fn counters(&self, api: &str, operation: &str) -> OperationMetrics {
        OperationMetrics::new(api.into(), operation.into(), self.workers.len(), self.codes.len() + 1)
    }

    fn code_name(&self, index: usize) -> &'static str {
        self.codes.get(index).copied().unwrap_or(OTHER)
    }
}

fn label(name: &str) -> Box<str> {
    let (kept, _) = name.split_at(name.floor_char_boundary(LABEL_BYTES_MAX));
    kept.into()
}

#[cfg(test)]
mod tests;
