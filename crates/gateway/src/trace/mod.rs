//! Traces: what a request went through, handed to whoever collects it once the request has ended.
//!
//! Off unless a [`Tracing`] is given; then a request costs one comparison. No span ever holds a value that a client sent:
//! no target, no query, no header, no body; what it names comes from the contract and the configuration.

mod context;

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderValue, Method, StatusCode};

use context::Parent;
pub use context::{SpanId, TraceId};
pub(crate) use context::{TRACEPARENT, TRACESTATE};

use crate::listen::{Received, RequestId, RequestIds};

/// Of one request, no more events are kept.
const EVENTS_MAX: usize = 32;

/// Takes spans of requests that have ended. Called by every worker: it never blocks, and drops what it has no room for.
pub trait Sink: Send + Sync {
    /// Takes the span of one request.
    fn take(&self, span: Span);
}

/// How requests are traced, for all workers.
pub struct Tracing {
    /// Which share of new traces is recorded, in billionths.
    pub sample_billionths: u32,
    /// Whether callers are believed about the trace that they belong to, and whether it is recorded.
    pub trust_incoming: bool,
    /// Where spans go.
    pub sink: Arc<dyn Sink>,
}

/// The span of one request, with that of its exchange with the upstream.
#[derive(Debug)]
pub struct Span {
    /// Its trace.
    pub trace: TraceId,
    /// Its own id.
    pub id: SpanId,
    /// The caller's span, where the caller is believed.
    pub parent: Option<SpanId>,
    /// What the caller said it belongs to, where the caller is not believed.
    pub link: Option<(TraceId, SpanId)>,
    /// What other tracing systems keep in the trace; only of callers that are believed.
    pub state: Option<HeaderValue>,
    /// When the head was complete.
    pub began: Instant,
    /// When the answer had ended.
    pub ended: Instant,
    /// The id of the request, as in the log.
    pub request: RequestId,
    /// The method; `_OTHER` where it is not one of HTTP's own.
    pub method: &'static str,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// The expected host that the request is for; nothing where any is served, or where none was found.
    pub host: Option<Box<str>>,
    /// The API, and the operation's name; empty where none was found.
    pub api: Box<str>,
    /// See `api`.
    pub operation: Box<str>,
    /// The path template; nothing where no operation was found.
    pub route: Option<Box<str>>,
    /// The status that the caller got; 499 where it left before.
    pub status: u16,
    /// The code of the refusal, where it was refused.
    pub refused: Option<&'static str>,
    /// Whether the answer got out whole.
    pub complete: bool,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// What controls said, the first of it.
    pub events: Vec<Event>,
    /// The exchange with the upstream, where there was one.
    pub exchange: Option<Exchange>,
}

/// What a control said.
#[derive(Debug)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// Whether it refused, or would have.
    pub enforced: bool,
    /// The refusal's code.
    pub code: &'static str,
    /// A declared parameter, or where in a body; empty where neither is known.
    pub place: Box<str>,
}

/// The exchange with an upstream, up to the head of its answer.
#[derive(Debug)]
pub struct Exchange {
    /// The span's id, which the upstream gets as its parent's.
    pub id: SpanId,
    /// When the request was sent on.
    pub began: Instant,
    /// When the head of the answer was there, or it was clear that there is none.
    pub ended: Instant,
    /// The upstream's host and port; nothing where one of several endpoints was chosen.
    pub upstream: Option<Box<str>>,
    /// The status of the answer, or the code of the refusal that there is instead.
    pub outcome: Result<StatusCode, &'static str>,
}

/// One worker's tracer.
pub struct Tracer {
    tracing: Arc<Tracing>,
    ids: RefCell<RequestIds>,
}

/// One request's part in a trace.
pub(crate) struct Trace {
    trace: TraceId,
    id: SpanId,
    /// The span that the upstream gets as its parent.
    exchange: SpanId,
    parent: Option<SpanId>,
    link: Option<(TraceId, SpanId)>,
    state: Option<HeaderValue>,
    random: bool,
    /// Nothing where the request is not recorded, only its trace handed on.
    record: Option<Record>,
}

/// What is gathered of a request that is recorded.
struct Record {
    method: &'static str,
    scheme: &'static str,
    host: Option<Box<str>>,
    route: Option<Box<str>>,
    events: Vec<Event>,
    exchange: Option<Exchange>,
}

/// What the upstream is told of the trace.
#[derive(Clone, Copy, Debug)]
pub struct Propagated<'t> {
    parent: Parent,
    state: Option<&'t HeaderValue>,
}

/// How a request ended.
pub(crate) struct End<'e> {
    pub(crate) request: RequestId,
    pub(crate) began: Instant,
    pub(crate) api: &'e str,
    pub(crate) operation: &'e str,
    pub(crate) status: u16,
    pub(crate) refused: Option<&'static str>,
    pub(crate) complete: bool,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl Tracer {
    /// A tracer for one worker.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(tracing: Arc<Tracing>) -> io::Result<Self> {
        let ids = RefCell::new(RequestIds::seeded()?);
        Ok(Self { tracing, ids })
    }

    /// Begins the trace of a request, or goes on with its caller's.
    pub(crate) fn begin(&self, received: &Received) -> Trace {
        let told = Parent::of(received.headers());
        let believed = told.filter(|_| self.tracing.trust_incoming);
        let trace = believed.map_or_else(|| self.trace_id(), |parent| parent.trace);
        let sampled = believed.map_or_else(|| self.samples(trace), |parent| parent.sampled);
        Trace {
            trace,
            id: self.span_id(),
            exchange: self.span_id(),
            parent: believed.map(|parent| parent.span),
            link: told
                .filter(|_| believed.is_none())
                .map(|parent| (parent.trace, parent.span)),
            state: believed.and_then(|_| context::state(received.headers())),
            random: believed.is_none_or(|parent| parent.random),
            record: sampled.then(|| Record {
                method: known(received.method()),
                scheme: received.arrival().client().scheme.as_str(),
                host: None,
                route: None,
                events: Vec::new(),
                exchange: None,
            }),
        }
    }

    /// Hands over the span of a request that has ended.
    pub(crate) fn end(&self, trace: Trace, end: &End<'_>) {
        let Some(record) = trace.record else { return };
        self.tracing.sink.take(Span {
            trace: trace.trace,
            id: trace.id,
            parent: trace.parent,
            link: trace.link,
            state: trace.state,
            began: end.began,
            ended: Instant::now(),
            request: end.request,
            method: record.method,
            scheme: record.scheme,
            host: record.host,
            api: end.api.into(),
            operation: end.operation.into(),
            route: record.route,
            status: end.status,
            refused: end.refused,
            complete: end.complete,
            bytes_in: end.bytes_in,
            bytes_out: end.bytes_out,
            events: record.events,
            exchange: record.exchange,
        });
    }

    /// By the trace's random bits, as everybody decides who sees the same trace (W3C Trace Context level 2 §3.2.2.5.2).
    fn samples(&self, trace: TraceId) -> bool {
        let random = trace.bits() & ((1 << 56) - 1);
        random * 1_000_000_000 < u128::from(self.tracing.sample_billionths) << 56
    }

    fn trace_id(&self) -> TraceId {
        let mut ids = self.ids.borrow_mut();
        loop {
            // Zero comes once in the life of a generator, if at all.
            if let Some(id) = TraceId::from_bits(ids.next().bits()) {
                return id;
            }
        }
    }

    fn span_id(&self) -> SpanId {
        let mut ids = self.ids.borrow_mut();
        loop {
            let [high, _] = halves(ids.next().bits());
            if let Some(id) = SpanId::from_bits(high) {
                return id;
            }
        }
    }
}

fn halves(bits: u128) -> [u64; 2] {
    let low = u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0);
    [u64::try_from(bits >> 64).unwrap_or(0), low]
}

impl Trace {
    /// The trace's id, for the log.
    pub(crate) fn id(&self) -> TraceId {
        self.trace
    }

    /// What the upstream is told.
    pub(crate) fn propagated(&self) -> Propagated<'_> {
        let parent = Parent {
            trace: self.trace,
            // The span that is nearest to the upstream: one that nobody records is nobody's parent, but it is an id.
            span: self.exchange,
            sampled: self.record.is_some(),
            random: self.random,
        };
        Propagated {
            parent,
            state: self.state.as_ref(),
        }
    }

    /// The operation is known; the host only where it is one of the expected.
    pub(crate) fn routed(&mut self, template: &str, host: Option<&str>) {
        if let Some(record) = &mut self.record {
            record.route = Some(template.into());
            record.host = host.map(Into::into);
        }
    }

    /// A control refused, or would have.
    pub(crate) fn said(&mut self, enforced: bool, code: &'static str, place: &str) {
        if let Some(record) = &mut self.record
            && record.events.len() < EVENTS_MAX
        {
            record.events.push(Event {
                at: Instant::now(),
                enforced,
                code,
                place: place.into(),
            });
        }
    }

    /// The upstream answered, or did not.
    pub(crate) fn exchanged(
        &mut self,
        upstream: Option<&HeaderValue>,
        began: Instant,
        outcome: Result<StatusCode, &'static str>,
    ) {
        if let Some(record) = &mut self.record {
            record.exchange = Some(Exchange {
                id: self.exchange,
                began,
                ended: Instant::now(),
                upstream: upstream.and_then(|authority| authority.to_str().ok()).map(Into::into),
                outcome,
            });
        }
    }
}

/// The same, for a copy of the request that outlives it.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    parent: Parent,
    state: Option<HeaderValue>,
}

impl Kept {
    /// What is told of the copy.
    pub(crate) fn propagated(&self) -> Propagated<'_> {
        Propagated {
            parent: self.parent,
            state: self.state.as_ref(),
        }
    }
}

impl Propagated<'_> {
    /// For a copy of the request.
    pub(crate) fn keep(&self) -> Kept {
        Kept {
            parent: self.parent,
            state: self.state.cloned(),
        }
    }

    /// Appends the value of `traceparent`.
    pub(crate) fn write_parent(&self, value: &mut Vec<u8>) {
        self.parent.write(value);
    }

    /// The value of `tracestate`, where there is one.
    pub(crate) fn state(&self) -> Option<&HeaderValue> {
        self.state
    }
}

/// The methods that semantic conventions name; whatever else a client makes up is one.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = [
        "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE",
    ];
    let mut known = KNOWN.into_iter();
    known.find(|name| *name == method.as_str()).unwrap_or("_OTHER")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    impl Sink for Nowhere {
        fn take(&self, _: Span) {}
    }

    fn tracer(sample_billionths: u32) -> Tracer {
        Tracer::new(Arc::new(Tracing {
            sample_billionths,
            trust_incoming: false,
            sink: Arc::new(Nowhere),
        }))
        .unwrap()
    }

    #[test]
    fn the_share_that_is_recorded() {
        for (billionths, least, most) in [(0, 0, 0), (1_000_000_000, 10_000, 10_000), (100_000_000, 800, 1_200)] {
            let tracer = tracer(billionths);
            let sampled = (0..10_000).filter(|_| tracer.samples(tracer.trace_id())).count();
            assert!((least..=most).contains(&sampled), "{sampled} of 10000 at {billionths}");
        }
    }

    #[test]
    fn methods() {
        assert_eq!(known(&Method::PATCH), "PATCH");
        assert_eq!(known(&Method::from_bytes(b"BREW").unwrap()), "_OTHER");
        assert_eq!(known(&Method::from_bytes(b"get").unwrap()), "_OTHER");
    }
}
