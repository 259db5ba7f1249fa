//! A request's span in the words of OpenTelemetry: its semantic conventions for HTTP servers and clients.

use std::time::{Instant, SystemTime};

use opentelemetry::trace::{Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use portcullis_gateway::trace::{Exchange, Span};

/// Puts what workers measured into the time of the calendar.
pub(super) struct Clock {
    instant: Instant,
    time: SystemTime,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the binary is where clocks are read")]
    pub(super) fn now() -> Self {
        Self {
            instant: Instant::now(),
            time: SystemTime::now(),
        }
    }

    fn time(&self, instant: Instant) -> SystemTime {
        let ago = self.instant.saturating_duration_since(instant);
        self.time.checked_sub(ago).unwrap_or(self.time)
    }

    /// The span of a request, and that of its exchange with the upstream.
    pub(super) fn spans(&self, span: &Span) -> impl Iterator<Item = SpanData> {
        let exchange = span.exchange.as_ref().map(|exchange| self.of_exchange(span, exchange));
        [self.of_request(span)].into_iter().chain(exchange)
    }

    fn of_request(&self, span: &Span) -> SpanData {
        let Span { method, route, .. } = span;
        let mut events = SpanEvents::default();
        events.events.extend(span.events.iter().map(|event| self.event(event)));
        let mut links = SpanLinks::default();
        links.links.extend(span.link.map(|(trace, id)| {
            let context = context(trace.bits(), id.bits(), true, TraceState::NONE);
            Link::new(context, Vec::new(), 0)
        }));
        let name = route
            .as_ref()
            .map_or_else(|| (*method).to_owned(), |route| format!("{method} {route}"));
        SpanData {
            name: name.into(),
            span_kind: SpanKind::Server,
            parent_span_id: span.parent.map_or(SpanId::INVALID, |id| SpanId::from(id.bits())),
            parent_span_is_remote: span.parent.is_some(),
            start_time: self.time(span.began),
            end_time: self.time(span.ended),
            attributes: of_request(span),
            events,
            links,
            // What a client did wrong is no error of the server's (HTTP semantic conventions, status).
            status: if span.status >= 500 {
                Status::error("")
            } else {
                Status::Unset
            },
            ..blank(span, span.id.bits())
        }
    }

    fn of_exchange(&self, span: &Span, exchange: &Exchange) -> SpanData {
        let mut attributes = vec![KeyValue::new("http.request.method", span.method)];
        attributes.extend(exchange.upstream.iter().flat_map(|authority| address(authority)));
        let failed = match exchange.outcome {
            Ok(status) => {
                attributes.push(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
                (status.as_u16() >= 400).then(|| status.as_str().to_owned())
            }
            Err(code) => Some(code.to_owned()),
        };
        let status = if failed.is_some() {
            Status::error("")
        } else {
            Status::Unset
        };
        attributes.extend(failed.map(|kind| KeyValue::new("error.type", kind)));
        SpanData {
            name: span.method.into(),
            span_kind: SpanKind::Client,
            parent_span_id: SpanId::from(span.id.bits()),
            start_time: self.time(exchange.began),
            end_time: self.time(exchange.ended),
            attributes,
            status,
            ..blank(span, exchange.id.bits())
        }
    }

    fn event(&self, event: &portcullis_gateway::trace::Event) -> Event {
        let name = if event.enforced {
            "portcullis.refused"
        } else {
            "portcullis.would_refuse"
        };
        let mut attributes = vec![KeyValue::new("portcullis.code", event.code)];
        if !event.place.is_empty() {
            attributes.push(KeyValue::new("portcullis.place", event.place.to_string()));
        }
        Event::new(name, self.time(event.at), attributes, 0)
    }
}

fn of_request(span: &Span) -> Vec<KeyValue> {
    let size = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let mut attributes = vec![
        KeyValue::new("http.request.method", span.method),
        KeyValue::new("url.scheme", span.scheme),
        KeyValue::new("http.response.status_code", i64::from(span.status)),
        KeyValue::new("http.request.body.size", size(span.bytes_in)),
        KeyValue::new("http.response.body.size", size(span.bytes_out)),
        KeyValue::new("portcullis.request_id", span.request.to_string()),
    ];
    if let Some(route) = &span.route {
        attributes.push(KeyValue::new("http.route", route.to_string()));
        attributes.push(KeyValue::new("portcullis.api", span.api.to_string()));
        attributes.push(KeyValue::new("portcullis.operation", span.operation.to_string()));
    }
    if let Some(host) = &span.host {
        attributes.extend(address(host));
    }
    let broken = (!span.complete).then_some("incomplete");
    if let Some(kind) = span.refused.or(broken) {
        attributes.push(KeyValue::new("error.type", kind));
    } else if span.status >= 500 {
        attributes.push(KeyValue::new("error.type", span.status.to_string()));
    }
    attributes
}

/// A host, and its port where it has one.
fn address(authority: &str) -> impl Iterator<Item = KeyValue> {
    let split = authority
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let (host, port) = split.map_or((authority, None), |(host, port)| (host, Some(port)));
    let port = port.map(|port| KeyValue::new("server.port", i64::from(port)));
    [KeyValue::new("server.address", host.to_owned())]
        .into_iter()
        .chain(port)
}

fn context(trace: u128, id: u64, remote: bool, state: TraceState) -> SpanContext {
    SpanContext::new(
        TraceId::from(trace),
        SpanId::from(id),
        TraceFlags::SAMPLED,
        remote,
        state,
    )
}

/// What all spans of a request have in common.
fn blank(span: &Span, id: u64) -> SpanData {
    let state = span.state.as_ref().and_then(|state| state.to_str().ok()?.parse().ok());
    SpanData {
        span_context: context(span.trace.bits(), id, false, state.unwrap_or_default()),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "".into(),
        start_time: SystemTime::UNIX_EPOCH,
        end_time: SystemTime::UNIX_EPOCH,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("portcullis").build(),
    }
}
