//! What is recorded of one request: gathered when its caller is known, written when it has ended, or before that where it has to be
//! durable.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, header};
use portcullis_audit_log::entry::{
    self, Actor, Api, Device, Endpoint, Entry, Event, HttpRequest, HttpResponse, Metadata, Protected, Service, Text,
    Unmapped, Url, User,
};
use portcullis_decision::decision::Decision;
use portcullis_decision::record::{self as decision, Part};
use portcullis_identity::confirmation::Confirmation;
use portcullis_identity::principal::Identity;
use tokio::sync::oneshot;

use super::outbox::{Durable, Waiter};
use super::protect::{Treatment, Writing};
use super::{AuditLog, DURABLE_TIME_MAX, Full, OnFailure, Recording, target};
use crate::decisions::{Made, Naming, Recorded};
use crate::listen::{Received, RequestId, unix_milliseconds};
use crate::refusal::{Refusal, control_of};
use crate::routes::Route;

/// How many octets of values are recorded of one request.
const FIELDS_BYTES_MAX: usize = 16 * 1024;
/// How many rules are told of one request.
const RULES_MAX: usize = 32;
/// How many decisions are recorded of one request, with what was asked.
const DECISIONS_MAX: usize = 8;
/// What of a question may be personal.
const PARTS: [Part; 4] = [Part::Subject, Part::Action, Part::Resource, Part::Context];

/// Where the entries of one worker go.
#[derive(Clone)]
pub(crate) struct Recorder {
    pub(crate) log: Arc<AuditLog>,
    pub(crate) worker: usize,
    /// The host that was asked for last, and how it is written: most requests ask for the same.
    host: Rc<RefCell<(String, Rc<str>)>>,
}

impl Recorder {
    pub(crate) fn new(log: Arc<AuditLog>, worker: usize) -> Self {
        let host = Rc::new(RefCell::new((String::new(), Rc::from(""))));
        Self { log, worker, host }
    }

    /// A host as an entry has it.
    fn host(&self, asked: &str, writing: &mut Writing<'_>) -> Rc<str> {
        let mut last = self.host.borrow_mut();
        if last.0 != asked {
            let written = writing.write(asked, Treatment::Clear);
            *last = (asked.to_owned(), Rc::from(&*written));
        }
        Rc::clone(&last.1)
    }
}

/// What is known of a request that will be written.
pub(crate) struct Record {
    recorder: Recorder,
    how: Arc<Recording>,
    time: u64,
    method: Method,
    path: String,
    query: Option<String>,
    host: Rc<str>,
    address: String,
    user_agent: Option<String>,
    caller: Caller,
    fields: Vec<(Box<str>, String)>,
    decided: Decided,
    /// Values that can be erased and were not left for the writer yet.
    erasable: Vec<u8>,
    is_closed: bool,
}

/// Who calls.
#[derive(Default)]
struct Caller {
    identity: Option<Arc<Identity>>,
    /// The principal's name as it is written.
    subject: Option<String>,
    client: Option<String>,
    credential: Option<String>,
    device: Option<String>,
}

/// What was decided about a request.
#[derive(Default)]
struct Decided {
    made: Vec<Arc<Decision>>,
    /// Each as it is recorded, where that is.
    records: Vec<serde_json::Value>,
}

/// An entry that is to be durable.
pub(crate) struct Waiting {
    durable: Result<Durable, Full>,
    on_failure: OnFailure,
}

/// What a request came to, as far as that is known.
#[derive(Clone, Copy)]
pub(crate) struct Outcome<'o> {
    pub(crate) id: &'o RequestId,
    pub(crate) api: &'o str,
    pub(crate) operation: &'o str,
    /// None: there is no answer yet.
    pub(crate) answered: Option<Answered<'o>>,
    pub(crate) bytes_in: u64,
    pub(crate) duration: Duration,
}

/// An answer.
#[derive(Clone, Copy)]
pub(crate) struct Answered<'o> {
    pub(crate) status: u16,
    pub(crate) bytes_out: u64,
    /// The code of the refusal, and its place; none: it was let through.
    pub(crate) refused: Option<(&'o str, &'o str)>,
    /// None: that is not known yet.
    pub(crate) complete: Option<bool>,
}

impl Record {
    /// What is known of a request when its caller is.
    pub(crate) fn of(
        recorder: Recorder,
        how: &Arc<Recording>,
        route: &Route<'_>,
        received: &Received,
        identity: Option<&Arc<Identity>>,
        credential: Option<String>,
    ) -> Self {
        let mut erasable = Vec::new();
        let log = Arc::clone(&recorder.log);
        let mut writing = Writing {
            protect: log.protect(),
            found: how.found,
            erasable: &mut erasable,
        };
        let query = received.uri().query();
        let user_agent = received.headers().get(header::USER_AGENT).filter(|_| how.user_agent);
        let user_agent = user_agent.and_then(|value| value.to_str().ok());
        let host = recorder.host(received.host(), &mut writing);
        Self {
            time: unix_milliseconds(),
            method: received.method().clone(),
            path: target::path(received.path(), &route.captures, how, &mut writing),
            query: query.map(|query| target::query(query, how, &mut writing)),
            host,
            address: address(received.arrival().client().address, &log, &mut writing),
            user_agent: user_agent.map(|name| writing.write(name, Treatment::Clear).into_owned()),
            caller: Caller::of(identity, credential, how.subject, &mut writing),
            fields: Vec::new(),
            decided: Decided::default(),
            erasable,
            is_closed: false,
            how: Arc::clone(how),
            recorder,
        }
    }

    /// How it is recorded.
    pub(crate) fn how(&self) -> &Recording {
        &self.how
    }

    /// Adds the values that are recorded besides. One that cannot be read in one way only is said to be so.
    pub(crate) fn add_fields(&mut self, naming: Naming<'_>) {
        let mut writing = Writing {
            protect: self.recorder.log.protect(),
            found: self.how.found,
            erasable: &mut self.erasable,
        };
        for field in &self.how.fields {
            let values = field.place.texts(naming);
            let values = values.unwrap_or_else(|_| vec!["(unreadable)".into()]);
            for value in values {
                if self.fields.iter().map(|(_, value)| value.len()).sum::<usize>() > FIELDS_BYTES_MAX {
                    self.fields.push((field.name.clone(), "(left out)".to_owned()));
                    return;
                }
                let written = writing.write(&value, field.treatment).into_owned();
                self.fields.push((field.name.clone(), written));
            }
        }
    }

    /// Adds what was decided: the rules, and what was asked where that is recorded.
    pub(crate) fn add_decisions(&mut self, made: Vec<Made>, api: &str) {
        for one in made {
            self.decided.records.extend(self.recorded(&one, api));
            self.decided.made.push(one.decision);
        }
    }

    /// A decision as it can be looked at later, and made again where it is whole.
    fn recorded(&self, made: &Made, api: &str) -> Option<serde_json::Value> {
        if self.how.decisions == Recorded::Rules || self.decided.records.len() >= DECISIONS_MAX {
            return None;
        }
        let mut question = made.question.as_deref()?.clone();
        if self.how.subject != Treatment::Clear {
            question.subject.id = self.caller.subject.clone()?;
        }
        let protect = self.recorder.log.protect();
        let digested = |clear: &str| {
            let digest = protect.digest(clear.as_bytes()).unwrap_or_default();
            Protected::Hashed(digest.into()).into_text().into_owned()
        };
        if self.how.decisions == Recorded::Digested {
            // It may be a value that is masked where it stands in the target.
            question.resource.id = digested(&question.resource.id);
        }
        let record = decision::Record::whole(api, question, &made.decision, made.at);
        let record = match self.how.decisions {
            Recorded::Whole => record,
            Recorded::Digested | Recorded::Rules => record.digested(&PARTS, &|_, properties| digested(properties)),
        };
        serde_json::to_value(record).ok()
    }

    /// Writes that the request was opened. Whoever is answered waits until that is durable.
    pub(crate) fn open_durably(&mut self, outcome: Outcome<'_>) -> Waiting {
        self.leave_durably(Event::Opened, outcome)
    }

    /// Writes that the request was opened. Nobody waits.
    pub(crate) fn open_soon(&mut self, outcome: Outcome<'_>) {
        let _told_when_it_ends = self.leave(Event::Opened, outcome, None);
    }

    /// Writes what a request came to. Whoever is answered waits until that is durable.
    pub(crate) fn close_durably(&mut self, outcome: Outcome<'_>) -> Waiting {
        self.is_closed = true;
        self.leave_durably(Event::Request, outcome)
    }

    fn leave_durably(&mut self, event: Event, outcome: Outcome<'_>) -> Waiting {
        let (done, durable) = oneshot::channel();
        Waiting {
            durable: self.leave(event, outcome, Some(done)).map(|()| durable),
            on_failure: self.how.on_failure,
        }
    }

    /// Writes what a request came to, unless that was.
    pub(crate) fn close(&mut self, outcome: Outcome<'_>) {
        if !std::mem::replace(&mut self.is_closed, true) {
            let _counted_as_lost = self.leave(Event::Request, outcome, None);
        }
    }

    fn leave(&mut self, event: Event, outcome: Outcome<'_>, waits: Option<Waiter>) -> Result<(), Full> {
        let erasable = std::mem::take(&mut self.erasable).into_boxed_slice();
        let log = &self.recorder.log;
        let outbox = log.outbox(self.recorder.worker).ok_or(Full)?;
        log.leave(outbox, &self.entry(event, outcome), outcome.id.bits(), erasable, waits)
    }

    fn entry<'e>(&'e self, event: Event, outcome: Outcome<'e>) -> Entry<'e> {
        let text = |text: &'e str| Text::Borrowed(text);
        let Outcome {
            api,
            operation,
            answered,
            ..
        } = outcome;
        let refused = answered.and_then(|answered| answered.refused);
        let mut entry = Entry {
            activity_id: entry::activity(self.method.as_str()),
            metadata: Metadata {
                event_code: event,
                correlation_uid: Some(Text::Owned(outcome.id.to_string())),
            },
            actor: self.caller.actor(),
            device: self.caller.device.as_deref().map(|uid| Device { uid: uid.into() }),
            src_endpoint: Some(Endpoint {
                ip: Some(text(&self.address)),
                ..Endpoint::default()
            }),
            dst_endpoint: Some(Endpoint {
                ip: None,
                hostname: Some(text(&self.host)),
                instance_uid: Some(text(self.recorder.log.instance())),
            }),
            api: Some(Api {
                operation: text(operation),
                service: Service { name: text(api) },
            }),
            http_request: Some(HttpRequest {
                http_method: text(self.method.as_str()),
                url: Url {
                    path: text(&self.path),
                    query_string: self.query.as_deref().map(text),
                },
                user_agent: self.user_agent.as_deref().map(text),
                length: answered.is_some().then_some(outcome.bytes_in),
            }),
            unmapped: self.unmapped(refused),
            ..Entry::new(event, self.time)
        };
        if let Some(answered) = answered {
            answered.tell(&mut entry, outcome.duration);
        }
        entry
    }

    fn unmapped<'e>(&'e self, refused: Option<(&'e str, &'e str)>) -> Option<Unmapped<'e>> {
        let field = |(name, value): &'e (Box<str>, String)| (Text::Borrowed(&**name), Text::Borrowed(value.as_str()));
        let control = refused.map(|(code, _)| control_of(code).into());
        let unmapped = Unmapped {
            control,
            fields: self.fields.iter().map(field).collect(),
            determining: self.decided.determining(),
            decisions: self.decided.records.clone(),
            ..Unmapped::default()
        };
        (unmapped != Unmapped::default()).then_some(unmapped)
    }
}

impl Decided {
    /// The rules by which it was decided, each once.
    fn determining(&self) -> Vec<Text<'static>> {
        let rules = self.made.iter().flat_map(|decision| decision.determining());
        let mut rules: Vec<Text<'static>> = rules.map(|rule| Text::Owned(rule.to_string())).collect();
        rules.sort_unstable();
        rules.dedup();
        rules.truncate(RULES_MAX);
        rules
    }
}

impl Waiting {
    /// Waits until it is.
    ///
    /// # Errors
    /// [`Refusal::Unrecorded`] where it is not, and requests are refused then.
    pub(crate) async fn durable(self) -> Result<(), Refusal> {
        let is_durable = match self.durable {
            // Otherwise the writer is late, or gone.
            Ok(durable) => matches!(tokio::time::timeout(DURABLE_TIME_MAX, durable).await, Ok(Ok(Ok(())))),
            Err(Full) => false,
        };
        if is_durable || self.on_failure == OnFailure::Continue {
            Ok(())
        } else {
            Err(Refusal::Unrecorded)
        }
    }
}

impl<'e> Answered<'e> {
    fn tell(self, entry: &mut Entry<'e>, duration: Duration) {
        entry.http_response = Some(HttpResponse {
            code: self.status,
            length: self.bytes_out,
        });
        entry.duration = self
            .complete
            .map(|_| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        // What the upstream failed was let through.
        let is_denied = self.refused.is_some_and(|(code, _)| !code.starts_with("upstream."));
        entry.action_id = Some(if is_denied { 2 } else { 1 });
        let (code, place) = match self.refused {
            Some((code, place)) => (Some(code), Some(place).filter(|place| !place.is_empty())),
            None if self.complete == Some(false) => (Some("client_gone"), None),
            None => (None, None),
        };
        entry.status_code = code.map(Text::Borrowed);
        entry.status_detail = place.map(Text::Borrowed);
        let is_success = self.refused.is_none() && self.status < 400 && self.complete != Some(false);
        entry.status_id = Some(if is_success { 1 } else { 2 });
    }
}

impl Caller {
    fn of(
        identity: Option<&Arc<Identity>>,
        credential: Option<String>,
        treatment: Treatment,
        writing: &mut Writing<'_>,
    ) -> Self {
        let Some(identity) = identity else {
            return Self::default();
        };
        let bound = Confirmation::of(identity.claims()).ok().flatten();
        let device = bound.and_then(|bound| bound.key().or_else(|| bound.certificate()));
        Self {
            subject: Some(writing.write(identity.subject().name(), treatment).into_owned()),
            client: identity.client().map(|client| {
                // A client that acts for itself is its own subject.
                let is_subject = client == identity.subject().name();
                let treatment = if is_subject { treatment } else { Treatment::Clear };
                writing.write(client, treatment).into_owned()
            }),
            identity: Some(Arc::clone(identity)),
            device: device.map(|thumbprint| thumbprint.to_string()),
            credential,
        }
    }

    fn actor(&self) -> Option<Actor<'_>> {
        let identity = self.identity.as_ref()?;
        let subject = identity.subject();
        Some(Actor {
            user: Some(User {
                uid: self.subject.as_deref()?.into(),
                kind: Some(subject.kind().name().into()),
                domain: Some(subject.authority().into()),
                credential_uid: self.credential.as_deref().map(Into::into),
            }),
            app_uid: self.client.as_deref().map(Into::into),
        })
    }
}

/// An address as an entry has it. It looks like nothing else.
pub(super) fn address(address: IpAddr, log: &AuditLog, writing: &mut Writing<'_>) -> String {
    match log.address {
        Treatment::Clear => plain(address),
        treatment => writing.write(&address.to_string(), treatment).into_owned(),
    }
}

/// The address as text: the usual formatting takes longer than all else that is written of a request.
fn plain(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else {
        return address.to_string();
    };
    let mut text = String::with_capacity(15);
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            text.push('.');
        }
        for (least, unit) in [(100, 100), (10, 10), (0, 1)] {
            if octet >= least {
                text.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_everywhere() {
        for bits in (0..=u32::MAX).step_by(1_048_573) {
            let address = IpAddr::V4(bits.into());
            assert_eq!(plain(address), address.to_string());
        }
        assert_eq!(plain("2001:db8::1".parse().unwrap()), "2001:db8::1");
    }
}
