//! Checkpoints to a collector of OpenTelemetry, each as a log record with the note as its body.

use std::time::Duration;

use portcullis_audit_log::note::Note;
use serde_json::json;

use super::{Holder, Newest, Published, Taken};
use crate::audit_log::otlp::{self, Record};
use crate::audit_log::sending::Sender;
use crate::config::audit_log::delivery::Endpoint;

/// A collector.
pub(super) struct Collector {
    sender: Sender,
    origin: String,
}

impl Collector {
    pub(super) fn open(endpoint: &Endpoint, published: &Published) -> Result<Self, String> {
        Ok(Self {
            sender: Sender::open(endpoint)?,
            origin: published.known().origin.as_str().to_owned(),
        })
    }
}

impl Holder for Collector {
    fn take(&mut self, newest: &Newest, _before: Option<&Note>, time_max: Duration) -> Result<Taken, String> {
        let checkpoint = &newest.checkpoint;
        let record = Record {
            time: 0,
            severity: 9,
            event: "portcullis.audit_log.checkpoint",
            body: json!(newest.note.to_string()),
            attributes: vec![
                ("portcullis.audit_log.size", json!(checkpoint.size)),
                ("portcullis.audit_log.root", json!(checkpoint.root.to_base64())),
            ],
        };
        otlp::send(&self.sender, &self.origin, vec![record], time_max)?;
        Ok(Taken::unchanged(newest))
    }
}
