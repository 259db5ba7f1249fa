//! What is known of the audit log: how long it is, how much of it is published, what was lost.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::expose::counter;

/// What is counted of the audit log, by whoever writes it.
#[derive(Debug, Default)]
pub struct AuditLogMeter {
    entries: AtomicU64,
    published: AtomicU64,
    lost: AtomicU64,
    commits: AtomicU64,
    fails: AtomicBool,
    abandoned: AtomicU64,
}

impl AuditLogMeter {
    /// So many entries are durable.
    pub fn durable(&self, entries: u64) {
        self.entries.store(entries, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// So many entries stand under the last checkpoint.
    pub fn published(&self, entries: u64) {
        self.published.store(entries, Ordering::Relaxed);
    }

    /// So many more entries were lost.
    pub fn lost(&self, entries: u64) {
        self.lost.fetch_add(entries, Ordering::Relaxed);
    }

    /// So many requests were found open when the log was opened.
    pub fn abandoned(&self, requests: u64) {
        self.abandoned.fetch_add(requests, Ordering::Relaxed);
    }

    /// Whether the log cannot be written.
    pub fn fails(&self, fails: bool) {
        self.fails.store(fails, Ordering::Relaxed);
    }
}

pub(super) fn expose(encoder: &mut DescriptorEncoder<'_>, meter: &AuditLogMeter) -> fmt::Result {
    let gauges = [
        (
            "portcullis_audit_log_entries",
            "Entries of the audit log that are durable.",
            meter.entries.load(Ordering::Relaxed),
        ),
        (
            "portcullis_audit_log_published_entries",
            "Entries of the audit log that stand under its last checkpoint.",
            meter.published.load(Ordering::Relaxed),
        ),
        (
            "portcullis_audit_log_failing",
            "Whether the audit log cannot be written: 1 or 0.",
            u64::from(meter.fails.load(Ordering::Relaxed)),
        ),
    ];
    for (name, help, value) in gauges {
        encoder
            .encode_descriptor(name, help, None, MetricType::Gauge)?
            .encode_gauge(&value)?;
    }
    let counters = [
        (
            "portcullis_audit_log_commits",
            "How often entries were made durable together.",
            meter.commits.load(Ordering::Relaxed),
        ),
        (
            "portcullis_audit_log_lost",
            "Entries that found no room while the audit log could not be written.",
            meter.lost.load(Ordering::Relaxed),
        ),
        (
            "portcullis_audit_log_abandoned",
            "Requests that were open when the gate before ended, and are in the log as abandoned.",
            meter.abandoned.load(Ordering::Relaxed),
        ),
    ];
    for (name, help, value) in counters {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        counter(&mut family, &[], value)?;
    }
    Ok(())
}
