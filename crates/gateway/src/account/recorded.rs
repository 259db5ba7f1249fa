//! What an account writes to the audit log: the record of its request, or a refusal before there was one.

use std::net::IpAddr;
use std::sync::Arc;

use portcullis_audit_log::entry::{Api, Endpoint, Entry, Event, HttpResponse, Protected, Service, Unmapped};
use portcullis_identity::principal::Identity;

use super::{Account, Ledger, Refused};
use crate::audit_log::record::{self, Record, Recorder};
use crate::audit_log::{AuditLog, Durability, Recording};
use crate::decisions::{Made, Naming, Recorded};
use crate::listen::{Received, RequestId, unix_milliseconds};
use crate::refusal::{Refusal, control_of};
use crate::routes::Route;

/// A refusal of a request of which little is known.
pub(super) struct Unrouted<'u> {
    pub(super) id: &'u RequestId,
    pub(super) client: IpAddr,
    pub(super) code: &'static str,
    pub(super) status: u16,
    /// The API and the operation, where they are known.
    pub(super) at: Option<(&'u str, &'u str)>,
}

impl Unrouted<'_> {
    fn entry<'e>(&'e self, control: &'static str, now: u64, instance: &'e str) -> Entry<'e> {
        let mut entry = Entry::new(Event::Request, now);
        entry.metadata.correlation_uid = Some(self.id.to_string().into());
        entry.src_endpoint = Some(Endpoint {
            ip: Some(self.client.to_string().into()),
            ..Endpoint::default()
        });
        entry.dst_endpoint = Some(Endpoint {
            instance_uid: Some(instance.into()),
            ..Endpoint::default()
        });
        entry.api = self.at.map(|(api, operation)| Api {
            operation: operation.into(),
            service: Service { name: api.into() },
        });
        entry.http_response = Some(HttpResponse {
            code: self.status,
            length: 0,
        });
        (entry.action_id, entry.status_id) = (Some(2), Some(2));
        entry.status_code = Some(self.code.into());
        entry.unmapped = Some(Unmapped {
            control: Some(control.into()),
            ..Unmapped::default()
        });
        entry
    }
}

impl Ledger {
    /// The same, with an audit log.
    #[must_use]
    pub fn recording(self, log: Option<Arc<AuditLog>>) -> Self {
        let worker = self.worker.number();
        let recorder = log.map(|log| Recorder::new(log, worker));
        Self { recorder, ..self }
    }

    /// A digest under the key of the audit log, as an entry has it.
    pub(crate) fn credential_digest(&self, credential: &[u8]) -> Option<String> {
        let digest = self.recorder.as_ref()?.log.protect().digest(credential)?;
        Some(Protected::Hashed(digest.into()).into_text().into_owned())
    }

    /// Writes a refusal of a request of which nothing else is recorded to the audit log, unless there are too many.
    pub(super) fn record_early(&self, refused: &Unrouted<'_>) {
        let Some(recorder) = &self.recorder else { return };
        let (log, now) = (&recorder.log, unix_milliseconds());
        let (Some(early), Some(outbox)) = (log.early(recorder.worker), log.outbox(recorder.worker)) else {
            return;
        };
        let control = control_of(refused.code);
        let (is_admitted, over) = early.admit(control, refused.client, now);
        if let Some(over) = over {
            log.tell(outbox, over);
        }
        if is_admitted {
            log.tell(outbox, refused.entry(control, now, log.instance()));
        }
    }
}

impl Account {
    /// Begins what is written of it to the audit log. Says whether it could be written now.
    pub(crate) fn record(
        &mut self,
        how: &Arc<Recording>,
        route: &Route<'_>,
        received: &Received,
        caller: Option<&Arc<Identity>>,
        credential: Option<String>,
    ) -> bool {
        let Some(recorder) = self.ledger.recorder.clone() else {
            return true;
        };
        let is_writable = !recorder.log.is_unwritable(recorder.worker, received.arrival().at());
        let record = Record::of(recorder, how, route, received, caller, credential);
        self.record = Some(Box::new(record));
        is_writable
    }

    /// When its entry has to be durable; none: nothing is recorded of it.
    pub(crate) fn durability(&self) -> Option<Durability> {
        self.record.as_ref().map(|record| record.how().durability)
    }

    /// How much of decisions about it is recorded; none: nothing.
    pub(crate) fn recorded(&self) -> Option<Recorded> {
        self.record.as_ref().map(|record| record.how().decisions)
    }

    /// Adds what was decided about callers of an API.
    pub(crate) fn decided(&mut self, made: Vec<Made>, api: &str) {
        if let Some(record) = &mut self.record {
            record.add_decisions(made, api);
        }
    }

    /// Adds the values of the request that are recorded besides.
    pub(crate) fn recorded_fields(&mut self, naming: Naming<'_>) {
        if let Some(record) = self.record.as_mut().filter(|record| !record.how().fields.is_empty()) {
            record.add_fields(naming);
        }
    }

    /// Writes that the request was opened, with the status of its answer if there is one, and waits until that is durable.
    ///
    /// # Errors
    /// [`Refusal::Unrecorded`].
    pub(crate) async fn open_durably(&mut self, status: Option<u16>) -> Result<(), Refusal> {
        let answered = status.map(opened_with);
        self.durably(|record, account| record.open_durably(account.outcome(answered)))
            .await
    }

    /// Writes that the request was opened, with the status of its answer, and waits for nothing.
    pub(crate) fn open_soon(&mut self, status: u16) {
        let Some(mut record) = self.record.take() else { return };
        record.open_soon(self.outcome(Some(opened_with(status))));
        self.record = Some(record);
    }

    /// Writes that the request is refused, and waits until that is durable.
    ///
    /// # Errors
    /// [`Refusal::Unrecorded`].
    pub(crate) async fn refused_durably(&mut self, refusal: &Refusal) -> Result<(), Refusal> {
        let answered = record::Answered {
            status: refusal.status().as_u16(),
            bytes_out: 0,
            refused: Some((refusal.code(), Refused::place_of(refusal))),
            complete: Some(true),
        };
        self.durably(|record, account| record.close_durably(account.outcome(Some(answered))))
            .await
    }

    /// Leaves an entry, and waits with the record in its place: a request that is dropped meanwhile is closed.
    async fn durably(&mut self, leave: impl FnOnce(&mut Record, &Self) -> record::Waiting) -> Result<(), Refusal> {
        let Some(mut record) = self.record.take() else {
            return Ok(());
        };
        let waiting = leave(&mut record, self);
        self.record = Some(record);
        waiting.durable().await
    }

    /// What it came to, with this answer.
    fn outcome<'o>(&'o self, answered: Option<record::Answered<'o>>) -> record::Outcome<'o> {
        record::Outcome {
            id: &self.id,
            api: self.metrics.api(),
            operation: self.metrics.operation(),
            answered,
            bytes_in: self.bytes_in,
            duration: self.at.elapsed(),
        }
    }

    /// Writes to the audit log what it came to.
    pub(super) fn close_record(&mut self) {
        let refused = self.refused.as_ref().map(|refused| (refused.code, &*refused.place));
        if let Some(mut record) = self.record.take() {
            record.close(self.outcome(Some(record::Answered {
                status: self.status,
                bytes_out: self.bytes_out,
                refused,
                complete: Some(self.complete),
            })));
        } else if let Some((code, _)) = refused {
            let is_known = !self.metrics.api().is_empty();
            self.ledger.record_early(&Unrouted {
                id: &self.id,
                client: self.client,
                code,
                status: self.status,
                at: is_known.then(|| (self.metrics.api(), self.metrics.operation())),
            });
        }
    }
}

/// An answer of which only the status is known yet.
fn opened_with(status: u16) -> record::Answered<'static> {
    record::Answered {
        status,
        bytes_out: 0,
        refused: None,
        complete: None,
    }
}
