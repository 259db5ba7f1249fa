//! The memory that counters live in: written by one worker each, read by whoever scrapes.

use super::control::{Control, ControlCells};
use super::limited::Limited;
use super::operation::{Body, Unjudged};
use super::worker::Event;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the duration buckets, in nanoseconds; the last bucket has none.
pub(super) const BOUNDS_NANOSECONDS: [u64; 14] = [
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    10_000_000_000,
];
pub(super) const BUCKETS: usize = BOUNDS_NANOSECONDS.len() + 1;
/// Classes of status: none of the five, then 1xx to 5xx.
pub(super) const CLASSES: usize = 6;

/// A number with one writer: adding is a load and a store, not an atomic addition.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

#[derive(Default)]
pub(super) struct Histogram {
    buckets: [Counter; BUCKETS],
    sum_nanoseconds: Counter,
}

/// A histogram's sums over the workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Durations {
    pub(super) buckets: [u64; BUCKETS],
    pub(super) sum_nanoseconds: u64,
}

/// What one worker counts of one operation. Aligned so that no two workers write to one cache line.
#[repr(align(128))]
pub(super) struct OperationCells {
    pub(super) classes: [Counter; CLASSES],
    pub(super) duration: Histogram,
    pub(super) upstream: Histogram,
    pub(super) bytes_in: Counter,
    pub(super) bytes_out: Counter,
    pub(super) stripped: Counter,
    pub(super) withheld: Counter,
    pub(super) unjudged: [[Counter; Unjudged::ALL.len()]; Body::ALL.len()],
    pub(super) refused: Codes,
    pub(super) would_refuse: Codes,
    pub(super) limited: Limited,
}

/// A counter for each refusal code, made when the first is counted: most operations refuse little.
pub(super) struct Codes {
    count: usize,
    counters: OnceLock<Box<[Counter]>>,
}

/// What one worker counts of itself.
#[repr(align(128))]
#[derive(Default)]
pub(super) struct WorkerCells {
    pub(super) events: [Counter; Event::ALL.len()],
    pub(super) upstream_idle: Counter,
    pub(super) tokens_remembered: Counter,
    pub(super) controls: [ControlCells; Control::ALL.len()],
}

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0
            .store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Histogram {
    pub(super) fn observe(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_NANOSECONDS
            .iter()
            .take_while(|bound| nanoseconds > **bound)
            .count();
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.add(1);
        }
        self.sum_nanoseconds.add(nanoseconds);
    }

    pub(super) fn add_to(&self, durations: &mut Durations) {
        for (sum, bucket) in durations.buckets.iter_mut().zip(&self.buckets) {
            *sum = sum.wrapping_add(bucket.get());
        }
        durations.sum_nanoseconds = durations.sum_nanoseconds.wrapping_add(self.sum_nanoseconds.get());
    }
}

impl OperationCells {
    pub(super) fn new(codes: usize) -> Self {
        Self {
            classes: Default::default(),
            duration: Histogram::default(),
            upstream: Histogram::default(),
            bytes_in: Counter::default(),
            bytes_out: Counter::default(),
            stripped: Counter::default(),
            withheld: Counter::default(),
            unjudged: Default::default(),
            refused: Codes {
                count: codes,
                counters: OnceLock::new(),
            },
            would_refuse: Codes {
                count: codes,
                counters: OnceLock::new(),
            },
            limited: Limited::default(),
        }
    }
}

impl Codes {
    pub(super) fn count(&self, code: usize) {
        let make = || std::iter::repeat_with(Counter::default).take(self.count).collect();
        if let Some(counter) = self.counters.get_or_init(make).get(code) {
            counter.add(1);
        }
    }

    /// Adds the counters to sums of the same order, which grow from nothing as needed.
    pub(super) fn add_to(&self, sums: &mut Vec<u64>) {
        let Some(counters) = self.counters.get() else { return };
        sums.resize(self.count, 0);
        for (sum, counter) in sums.iter_mut().zip(counters) {
            *sum = sum.wrapping_add(counter.get());
        }
    }
}
