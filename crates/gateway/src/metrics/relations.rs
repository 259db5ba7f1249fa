//! What is known of relations: how many there are, how old what is known is, and what was learnt.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::expose::counter;

/// What is counted of relations, by whoever keeps them.
#[derive(Debug)]
pub struct RelationsMeter {
    /// What the time below counts from.
    begun: Instant,
    /// When the store was last read, in milliseconds.
    read: AtomicU64,
    tuples: AtomicU64,
    owed: AtomicU64,
    learnt: [AtomicU64; Lessons::ALL.len()],
}

/// What became of something that should have been learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lessons {
    /// It is written down.
    Done,
    /// It was done, and is not written down.
    Failed,
    /// Whether it was done is not known.
    Unknown,
}

impl Lessons {
    const ALL: [Self; 3] = [Self::Done, Self::Failed, Self::Unknown];

    fn label(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

impl Default for RelationsMeter {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            read: AtomicU64::new(0),
            tuples: AtomicU64::new(0),
            owed: AtomicU64::new(0),
            learnt: Default::default(),
        }
    }
}

impl RelationsMeter {
    /// The store was read at that time, and there are so many tuples.
    pub fn read(&self, at: Instant, tuples: u64) {
        let since = at.saturating_duration_since(self.begun).as_millis();
        self.read
            .store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.tuples.store(tuples, Ordering::Relaxed);
    }

    /// So many objects are deleted, and that is not written down yet.
    pub fn owes(&self, objects: usize) {
        self.owed
            .store(u64::try_from(objects).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Counts so many that were learnt, or not.
    pub fn learnt(&self, outcome: Lessons, count: u64) {
        if let Some(counter) = self.learnt.get(outcome as usize) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }
}

pub(super) fn expose(encoder: &mut DescriptorEncoder<'_>, meter: &RelationsMeter) -> fmt::Result {
    let help = "Tuples of relations that are in force.";
    encoder
        .encode_descriptor("portcullis_relation_tuples", help, None, MetricType::Gauge)?
        .encode_gauge(&meter.tuples.load(Ordering::Relaxed))?;
    let help = "How long ago the store of relations was read; what is older than a second permits nothing.";
    let seconds = Some(&Unit::Seconds);
    let now = u64::try_from(meter.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let age = std::time::Duration::from_millis(now.saturating_sub(meter.read.load(Ordering::Relaxed)));
    encoder
        .encode_descriptor("portcullis_relations_age", help, seconds, MetricType::Gauge)?
        .encode_gauge(&age.as_secs_f64())?;
    let help = "Objects that are deleted while that cannot be written down: nobody is related to them.";
    encoder
        .encode_descriptor("portcullis_relations_owed", help, None, MetricType::Gauge)?
        .encode_gauge(&meter.owed.load(Ordering::Relaxed))?;
    let help = "Answers from which relations are learnt, by outcome.";
    let mut family = encoder.encode_descriptor("portcullis_relations_learnt", help, None, MetricType::Counter)?;
    for (outcome, count) in Lessons::ALL.into_iter().zip(&meter.learnt) {
        counter(
            &mut family,
            &[("outcome", outcome.label())],
            count.load(Ordering::Relaxed),
        )?;
    }
    Ok(())
}
