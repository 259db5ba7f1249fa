//! What one request amounts to: gathered on its way, written to metrics, log and audit log when its answer has ended, however it
//! ended. What it logs never holds a value that a client sent; what it writes to the audit log has its own rules (`audit_log`).

mod recorded;

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_contract::document::Span;

use crate::audit_log::record::{Record, Recorder};
use crate::body::BodyError;
use crate::limit::Mode;
use crate::lines::Lines;
use crate::listen::{Arrival, Received, RequestId};
use crate::metrics::{
    Answered, Body, Control, Event, OperationMetrics, Registry, SAMPLED_ONE_IN, Unjudged, Verdict, Worker,
};
use crate::observe::{Cause, Observations};
use crate::refusal::Refusal;
use crate::trace::{End, Propagated, Trace, TraceId, Tracer};
use crate::websocket::Ended;
use recorded::Unrouted;

/// The most log lines of refused requests per second and worker; the rest is counted, and told in one line.
const REFUSED_PER_SECOND_MAX: u32 = 100;
/// The same of TLS handshakes that failed: whoever may connect can make them.
const HANDSHAKES_PER_SECOND_MAX: u32 = 5;

/// The status of a request whose client left before there was an answer; nobody is sent it.
const CLIENT_GONE: u16 = 499;

/// Which requests get a line in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogRequests {
    /// Those that were refused.
    #[default]
    Refused,
    /// All.
    All,
    /// None.
    Nothing,
}

/// Where one worker's accounts go.
pub struct Ledger {
    worker: Worker,
    registry: Arc<Registry>,
    unmatched: Arc<OperationMetrics>,
    observations: Arc<Observations>,
    log: LogRequests,
    lines: Lines,
    handshakes: Lines,
    /// Requests until the next one whose time at the controls is measured.
    until_sampled: Cell<u32>,
    /// Nothing where requests are not traced.
    tracer: Option<Tracer>,
    /// Nothing where there is no audit log.
    recorder: Option<Recorder>,
}

/// One request's account.
pub(crate) struct Account {
    ledger: Rc<Ledger>,
    id: RequestId,
    client: IpAddr,
    at: Instant,
    metrics: Arc<OperationMetrics>,
    /// The control that has the request.
    control: Option<Control>,
    /// Since when, if that is measured.
    since: Option<Instant>,
    status: u16,
    refused: Option<Refused>,
    trace: Option<Box<Trace>>,
    /// What is written of it to the audit log.
    record: Option<Box<Record>>,
    /// Whether the answer got out whole.
    pub(crate) complete: bool,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

/// However a request ends, its account is written: with its body, or where it was dropped on its way.
impl Drop for Account {
    fn drop(&mut self) {
        self.close();
        self.close_record();
        self.end_trace();
    }
}

/// Why a request was refused: nothing of it is a value that a client sent.
struct Refused {
    code: &'static str,
    /// A declared parameter, or where in a body; empty where neither is known.
    place: Box<str>,
    /// The rate limit that refused.
    limit: Option<Arc<str>>,
    /// What of the contract an error of the upstream broke, of which the client is told its status alone.
    cause: Option<&'static str>,
}

impl Refused {
    /// Where, as operators are told it.
    fn place_of(refusal: &Refusal) -> &str {
        let blocked = refusal.blocked().and_then(|blocked| blocked.place.as_deref());
        refusal.place().or(blocked).unwrap_or_default()
    }
}

/// What a control found wrong.
pub(crate) struct Found<'f> {
    pub(crate) refusal: Refusal,
    /// The name of something undeclared, for the observations only.
    pub(crate) undeclared: Option<&'f str>,
    /// Where, as the contract names it, if the refusal does not say.
    pub(crate) at: Option<&'f str>,
    /// The schema that was broken.
    pub(crate) schema: Span,
}

impl From<Refusal> for Found<'_> {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            undeclared: None,
            at: None,
            schema: Span::default(),
        }
    }
}

impl Ledger {
    /// A ledger for one worker, by its number; none where that worker has its ledger already.
    #[must_use]
    pub fn new(
        worker: usize,
        registry: Arc<Registry>,
        observations: Arc<Observations>,
        log: LogRequests,
    ) -> Option<Self> {
        let (worker, unmatched) = (registry.worker(worker)?, registry.unmatched());
        Some(Self {
            worker,
            registry,
            unmatched,
            observations,
            log,
            lines: Lines::new(REFUSED_PER_SECOND_MAX, "more refusals than are logged one by one"),
            handshakes: Lines::new(
                HANDSHAKES_PER_SECOND_MAX,
                "more failed TLS handshakes than are logged one by one",
            ),
            until_sampled: Cell::default(),
            tracer: None,
            recorder: None,
        })
    }

    /// The same, that traces requests too.
    #[must_use]
    pub fn tracing(self, tracer: Option<Tracer>) -> Self {
        Self { tracer, ..self }
    }

    /// This worker's own counters.
    #[must_use]
    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Opens the account of a request.
    pub(crate) fn open(self: &Rc<Self>, arrival: &Arrival) -> Account {
        Account {
            ledger: Rc::clone(self),
            id: *arrival.id(),
            client: arrival.client().address,
            at: arrival.at(),
            metrics: Arc::clone(&self.unmatched),
            control: None,
            since: self.sampled().then(Instant::now),
            status: CLIENT_GONE,
            refused: None,
            trace: None,
            record: None,
            complete: false,
            bytes_in: 0,
            bytes_out: 0,
        }
    }

    /// Whether this request is one of those whose time at the controls is measured.
    fn sampled(&self) -> bool {
        let left = self.until_sampled.get();
        self.until_sampled
            .set(left.checked_sub(1).unwrap_or(SAMPLED_ONE_IN - 1));
        left == 0
    }

    /// Counts a refusal that was given before there was a request to account for.
    pub(crate) fn refused_early(&self, refusal: &Refusal, id: &RequestId, client: IpAddr) {
        if self.log != LogRequests::Nothing && self.lines.admit() {
            let (code, status) = (refusal.code(), refusal.status().as_u16());
            tracing::info!(request_id = %id, client = %client, status, code, "refused");
        }
        let mine = self.unmatched.of(&self.worker);
        mine.refused(self.registry.code(refusal.code()));
        mine.answered(&Answered {
            status: refusal.status().as_u16(),
            ..Answered::default()
        });
        self.record_early(&Unrouted {
            id,
            client,
            code: refusal.code(),
            status: refusal.status().as_u16(),
            at: None,
        });
    }
}

impl Ledger {
    /// Counts a TLS handshake that failed, and tells why, where the client did not just go away.
    pub(crate) fn handshake_failed(&self, client: IpAddr, reason: Option<&str>) {
        if let Some(reason) = reason.filter(|_| self.log != LogRequests::Nothing)
            && self.handshakes.admit()
        {
            tracing::info!(client = %client, reason, "a TLS handshake failed");
        }
        self.worker.count(Event::TlsFailed);
    }
}

impl Account {
    /// Begins the trace of a request, where requests are traced.
    pub(crate) fn begin_trace(&mut self, received: &Received) {
        let tracer = self.ledger.tracer.as_ref();
        self.trace = tracer.map(|tracer| Box::new(tracer.begin(received)));
    }

    /// The request's part in a trace, where requests are traced.
    pub(crate) fn trace(&mut self) -> Option<&mut Trace> {
        self.trace.as_deref_mut()
    }

    /// What the upstream is told of the trace.
    pub(crate) fn propagated(&self) -> Option<Propagated<'_>> {
        self.trace.as_deref().map(Trace::propagated)
    }

    /// From here on the request is one of this operation.
    pub(crate) fn belongs_to(&mut self, metrics: &Arc<OperationMetrics>) {
        self.metrics = Arc::clone(metrics);
    }

    /// From here on this control has the request: the one before has let it pass.
    pub(crate) fn at(&mut self, control: Control) -> &mut Self {
        self.leave(Verdict::Passed);
        self.control = Some(control);
        self
    }

    fn leave(&mut self, verdict: Verdict) {
        let Some(control) = self.control.take() else { return };
        let took = self.since.map(|since| {
            let now = Instant::now();
            self.since = Some(now);
            now.duration_since(since)
        });
        self.ledger.worker.left(control, verdict, took);
    }

    /// The answer's status is known.
    pub(crate) fn answered(&mut self, status: u16) {
        self.leave(Verdict::Passed);
        self.status = status;
    }

    /// The request, or its answer, is refused.
    pub(crate) fn refused(&mut self, refusal: &Refusal) {
        self.leave(Verdict::Refused);
        self.status = refusal.status().as_u16();
        self.refused = Some(Refused {
            code: refusal.code(),
            place: Refused::place_of(refusal).into(),
            cause: refusal.blocked().map(|blocked| blocked.code),
            limit: refusal.limit().cloned(),
        });
        if let Some(trace) = self.trace() {
            trace.said(true, refusal.code(), refusal.place().unwrap_or_default());
        }
        let ledger = &self.ledger;
        let mine = self.metrics.of(&ledger.worker);
        mine.refused(ledger.registry.code(refusal.code()));
        if let Some(limit) = refusal.limit() {
            mine.limited(limit, false);
        }
    }

    /// What a finding comes to in a control's mode: `enforce` refuses, `observe` counts and goes on.
    ///
    /// # Errors
    /// The refusal, where the mode enforces.
    pub(crate) fn found(&mut self, mode: Mode, found: Found<'_>) -> Result<(), Refusal> {
        match mode {
            Mode::Enforce => Err(found.refusal),
            Mode::Off => Ok(()),
            Mode::Observe => {
                self.observed(found);
                Ok(())
            }
        }
    }

    /// Counts what a limit in observe mode would have refused.
    pub(crate) fn would_refuse(&mut self, refusal: &Refusal) {
        self.observed(refusal.clone().into());
    }

    /// A body passes without being judged.
    pub(crate) fn unjudged(&mut self, body: Body, reason: Unjudged) {
        self.metrics.of(&self.ledger.worker).unjudged(body, reason);
    }

    /// So many items of a list were left out.
    pub(crate) fn withheld(&mut self, items: usize) {
        self.metrics.of(&self.ledger.worker).withheld(items as u64);
    }

    /// So many members of the answer were left out.
    pub(crate) fn stripped(&mut self, members: usize) {
        self.metrics.of(&self.ledger.worker).stripped(members as u64);
    }

    /// How long the upstream took until the head of its answer.
    pub(crate) fn upstream(&mut self, duration: Duration) {
        self.metrics.of(&self.ledger.worker).upstream(duration);
    }

    /// Tells the operator what no client is told.
    pub(crate) fn upstream_failed(&self, cause: &dyn std::fmt::Display) {
        if self.ledger.lines.admit() {
            let (api, operation) = (self.metrics.api(), self.metrics.operation());
            let trace_id = self.trace_id();
            tracing::warn!(request_id = %self.id, trace_id, api, operation, cause = %cause, "the upstream failed");
        }
    }

    fn observed(&mut self, found: Found<'_>) {
        let ledger = &self.ledger;
        let code = found.refusal.code();
        let mine = self.metrics.of(&ledger.worker);
        mine.would_refuse(ledger.registry.code(code));
        if let Some(limit) = found.refusal.limit() {
            mine.limited(limit, true);
        }
        if let Some(control) = self.control {
            ledger.worker.observed(control);
        }
        let place = found.refusal.place();
        if let Some(trace) = &mut self.trace {
            trace.said(false, code, place.or(found.at).unwrap_or_default());
        }
        ledger.observations.note(Cause {
            api: self.metrics.api().into(),
            operation: self.metrics.operation().into(),
            code,
            place: place.or(found.at).unwrap_or_default().into(),
            undeclared: found.undeclared.and_then(crate::observe::kept_name),
            schema: found.schema,
        });
    }

    /// Tells the operator how a WebSocket ended, where a side was not the one that ended it.
    pub(crate) fn websocket_ended(&self, ended: Ended) {
        if !matches!(ended, Ended::Closed | Ended::ClientLeft) && self.ledger.lines.admit() {
            let (api, operation) = (self.metrics.api(), self.metrics.operation());
            tracing::info!(request_id = %self.id, api, operation, cause = ended.name(), "a WebSocket was ended");
        }
    }

    /// Tells the operator that an answer stopped before its end.
    pub(crate) fn answer_broke(&self, error: BodyError) {
        if error != BodyError::CredentialEnded {
            return self.upstream_failed(&error);
        }
        if self.ledger.lines.admit() {
            let (api, operation) = (self.metrics.api(), self.metrics.operation());
            tracing::info!(request_id = %self.id, api, operation, cause = "credential ended", "an answer was ended");
        }
    }

    fn close(&self) {
        let ledger = &self.ledger;
        let duration = self.at.elapsed();
        let answered = Answered {
            status: self.status,
            duration,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
        };
        let wanted = match ledger.log {
            LogRequests::Nothing => false,
            LogRequests::Refused => self.refused.is_some() && ledger.lines.admit(),
            LogRequests::All => self.refused.is_none() || ledger.lines.admit(),
        };
        // Told before it is counted: whoever sees the counter finds the line.
        if wanted {
            self.log(duration, self.complete);
        }
        self.metrics.of(&ledger.worker).answered(&answered);
    }

    fn end_trace(&mut self) {
        if let (Some(trace), Some(tracer)) = (self.trace.take(), &self.ledger.tracer) {
            let end = End {
                request: self.id,
                began: self.at,
                api: self.metrics.api(),
                operation: self.metrics.operation(),
                status: self.status,
                refused: self.refused.as_ref().map(|refused| refused.code),
                complete: self.complete,
                bytes_in: self.bytes_in,
                bytes_out: self.bytes_out,
            };
            tracer.end(*trace, &end);
        }
    }

    /// For the log; absent where requests are not traced.
    fn trace_id(&self) -> Option<tracing::field::DisplayValue<TraceId>> {
        self.trace.as_deref().map(|trace| tracing::field::display(trace.id()))
    }

    fn log(&self, duration: Duration, complete: bool) {
        let refused = self.refused.as_ref();
        let (code, place) = refused.map_or(("", ""), |refused| (refused.code, &*refused.place));
        let limit = refused.and_then(|refused| refused.limit.as_deref());
        let cause = refused.and_then(|refused| refused.cause);
        tracing::info!(
            request_id = %self.id,
            trace_id = self.trace_id(),
            client = %self.client,
            api = self.metrics.api(),
            operation = self.metrics.operation(),
            status = self.status,
            code,
            place,
            limit,
            cause,
            // To the microsecond.
            milliseconds = (duration.as_secs_f64() * 1e6).round() / 1e3,
            bytes_in = self.bytes_in,
            bytes_out = self.bytes_out,
            client_gone = !complete,
            "{}",
            if self.refused.is_some() { "refused" } else { "answered" },
        );
    }
}
