//! Entries to a collector of OpenTelemetry, as log records.

use std::time::Duration;

use super::Sink;
use super::formats::record;
use crate::audit_log::otlp;
use crate::audit_log::published::Batch;
use crate::audit_log::sending::Sender;
use crate::config::audit_log::delivery::Endpoint;

/// A collector.
pub(super) struct Collector {
    sender: Sender,
    origin: String,
}

impl Collector {
    pub(super) fn open(endpoint: &Endpoint, origin: &str) -> Result<Self, String> {
        Ok(Self {
            sender: Sender::open(endpoint)?,
            origin: origin.to_owned(),
        })
    }
}

impl Sink for Collector {
    fn send(&mut self, batch: &Batch, time_max: Duration) -> Result<(), String> {
        let numbered = (batch.first..).zip(&batch.entries);
        let records = numbered.map(|(index, octets)| record(octets, &self.origin, index));
        otlp::send(&self.sender, &self.origin, records.collect(), time_max)
    }
}
