//! Traces: what a collector and an upstream get to see of a request, and what they never do.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::gate::{Gate, Setup, until};
use crate::http::{THING, THINGS};
use crate::upstream::{Seen, Upstream, answer};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// A span as it arrived, read without the library that wrote it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    state: String,
    name: String,
    kind: u64,
    times: [u64; 2],
    attributes: Vec<(String, String)>,
    events: Vec<(String, Vec<(String, String)>)>,
    links: Vec<(String, String)>,
}

impl Span {
    fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.attributes.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }
}

/// One field of a message in protobuf: its number, its number or bytes.
fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let (byte, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let (number, length) = match key & 7 {
            0 => (varint(&mut bytes), 0),
            1 => (u64::from_le_bytes(bytes[..8].try_into().unwrap()), 8),
            2 => (0, usize::try_from(varint(&mut bytes)).unwrap()),
            5 => (u64::from(u32::from_le_bytes(bytes[..4].try_into().unwrap())), 4),
            other => panic!("wire type {other}"),
        };
        let (value, rest) = bytes.split_at(length);
        fields.push((key >> 3, number, value));
        bytes = rest;
    }
    fields
}

fn messages<'b>(bytes: &'b [u8], number: u64) -> impl Iterator<Item = &'b [u8]> + use<'b> {
    let found = fields(bytes).into_iter().filter(move |(known, ..)| *known == number);
    found.map(|(_, _, value)| value)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attribute(bytes: &[u8]) -> (String, String) {
    let key = text(messages(bytes, 1).next().unwrap());
    let value = messages(bytes, 2).next().unwrap();
    let value = match fields(value).first().unwrap() {
        (1, _, value) => text(value),
        (_, number, _) => number.to_string(),
    };
    (key, value)
}

fn span(bytes: &[u8]) -> Span {
    let mut span = Span::default();
    for (field, number, value) in fields(bytes) {
        match field {
            1 => span.trace = digits(value),
            2 => span.id = digits(value),
            3 => span.state = text(value),
            4 => span.parent = digits(value),
            5 => span.name = text(value),
            6 => span.kind = number,
            7 => span.times[0] = number,
            8 => span.times[1] = number,
            9 => span.attributes.push(attribute(value)),
            11 => {
                let name = text(messages(value, 2).next().unwrap());
                span.events.push((name, messages(value, 3).map(attribute).collect()));
            }
            13 => {
                let id = |field| digits(messages(value, field).next().unwrap());
                span.links.push((id(1), id(2)));
            }
            _ => {}
        }
    }
    span
}

fn spans(seen: &[Seen]) -> Vec<Span> {
    let scopes = seen
        .iter()
        .flat_map(|seen| messages(&seen.body, 1))
        .flat_map(|resource| messages(resource, 2));
    scopes.flat_map(|scope| messages(scope, 2)).map(span).collect()
}

fn collector() -> Upstream {
    Upstream::answering(answer("200 OK", &[("Content-Type", "application/x-protobuf")], b""))
}

fn gate(upstream: &Upstream, collector: &Upstream, settings: &str) -> Gate {
    let otlp = format!("traces: {{otlp: 'http://{}/v1/traces', {settings}}}", collector.address);
    Setup::new(THINGS, upstream.address)
        .with("workers: 1")
        .with("log: {requests: all}")
        .with(&otlp)
        .start()
}

/// The spans that arrive, once there are so many.
fn arrived(collector: &Upstream, count: usize) -> Vec<Span> {
    until("the spans arrive", || spans(&collector.seen()).len() >= count);
    let arrived = spans(&collector.seen());
    assert_eq!(arrived.len(), count, "{arrived:#?}");
    arrived
}

#[test]
fn a_request_is_a_span_and_its_exchange_another() {
    let (upstream, collector) = (Upstream::with_json(THING), collector());
    let gate = gate(&upstream, &collector, "sample: 1");
    let target = "/things?limit=7&tag=veryprivate";
    assert_eq!(
        gate.client()
            .send("GET", target, &[("X-Trace", "alsoprivate")], b"")
            .status,
        200
    );
    let arrived = arrived(&collector, 2);
    let [request, exchange] = arrived.as_slice() else {
        panic!("two spans")
    };
    let told = upstream.one();
    let parent = told.header("traceparent").unwrap();
    assert_eq!(parent, format!("00-{}-{}-03", request.trace, exchange.id));
    assert_eq!((request.kind, exchange.kind), (2, 3), "server and client");
    assert_eq!(
        (request.parent.as_str(), exchange.parent.as_str()),
        ("", request.id.as_str())
    );
    assert_eq!((request.name.as_str(), exchange.name.as_str()), ("GET /things", "GET"));
    assert_eq!(request.trace, exchange.trace);
    assert!(
        request.times[0] <= exchange.times[0] && exchange.times[1] <= request.times[1],
        "{arrived:?}"
    );
    for (name, expected) in [
        ("http.request.method", Some("GET")),
        ("http.route", Some("/things")),
        ("http.response.status_code", Some("200")),
        ("url.scheme", Some("http")),
        ("server.address", Some("127.0.0.1")),
        ("portcullis.operation", Some("listThings")),
        ("error.type", None),
    ] {
        assert_eq!(request.get(name), expected, "{name}");
    }
    assert_eq!(exchange.get("http.response.status_code"), Some("200"));
    assert_eq!(
        exchange.get("server.port"),
        Some(upstream.address.port().to_string().as_str())
    );
    for seen in collector.seen() {
        let body = String::from_utf8_lossy(&seen.body).into_owned();
        assert!(!body.contains("private") && !body.contains("limit"), "{body}");
        assert_eq!(seen.line, "POST /v1/traces HTTP/1.1");
    }
    until("the request is logged", || !gate.log_of_requests().is_empty());
    assert_eq!(
        gate.log_of_requests()[0]["trace_id"],
        Value::from(request.trace.as_str())
    );
    until("it is counted", || {
        gate.metric(&["portcullis_traces_total", "sent"]) >= 1.0
    });
}

#[test]
fn a_refusal_is_told_by_its_code() {
    let (upstream, collector) = (Upstream::with_json(THING), collector());
    let gate = gate(&upstream, &collector, "sample: 1");
    gate.get("/things?secretname=1")
        .is_refused(400, "contract.query.undeclared");
    gate.get("/nowhere/secretname").is_refused(404, "route.unknown");
    let arrived = arrived(&collector, 2);
    let codes: Vec<_> = arrived.iter().map(|span| span.get("error.type").unwrap()).collect();
    assert_eq!(codes, ["contract.query.undeclared", "route.unknown"]);
    let (event, attributes) = &arrived[0].events[0];
    assert_eq!(event, "portcullis.refused");
    assert_eq!(
        attributes[0],
        ("portcullis.code".to_owned(), "contract.query.undeclared".to_owned())
    );
    assert_eq!((arrived[1].name.as_str(), arrived[1].get("http.route")), ("GET", None));
    assert!(!format!("{arrived:?}").contains("secretname"), "{arrived:?}");
    upstream.saw_nothing("a refused request");
}

#[test]
fn a_stranger_does_not_choose_its_trace() {
    let (upstream, collector) = (Upstream::with_json(THING), collector());
    let gate = gate(&upstream, &collector, "sample: 1");
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let headers = [("traceparent", parent.as_str()), ("tracestate", "mine=1")];
    assert_eq!(gate.client().send("GET", "/things", &headers, b"").status, 200);
    let arrived = arrived(&collector, 2);
    assert_ne!(arrived[0].trace, TRACE);
    assert_eq!(arrived[0].links, [(TRACE.to_owned(), CALLER.to_owned())]);
    let told = upstream.one();
    assert!(!format!("{told:?}").contains(TRACE), "{told:?}");
    assert_eq!(told.header("tracestate"), None);
}

#[test]
fn a_trusted_caller_goes_on_with_its_trace() {
    let (upstream, collector) = (Upstream::with_json(THING), collector());
    let gate = gate(&upstream, &collector, "sample: 0, trust_incoming: true");
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let headers = [("traceparent", parent.as_str()), ("tracestate", "mine=1, theirs=2")];
    assert_eq!(gate.client().send("GET", "/things", &headers, b"").status, 200);
    let arrived = arrived(&collector, 2);
    assert_eq!((arrived[0].trace.as_str(), arrived[0].parent.as_str()), (TRACE, CALLER));
    assert_eq!(
        (arrived[0].state.as_str(), arrived[0].links.len()),
        ("mine=1,theirs=2", 0)
    );
    let told = upstream.one();
    assert_eq!(
        told.header("traceparent").unwrap(),
        format!("00-{TRACE}-{}-01", arrived[1].id)
    );
    assert_eq!(told.header("tracestate"), Some("mine=1,theirs=2"));
    // What the caller does not record is not recorded, but the trace goes on; what is malformed is no trace.
    for (told, kept) in [
        (format!("00-{TRACE}-{CALLER}-00"), true),
        (format!("00-{TRACE}-{CALLER}-01-x"), false),
        (format!("00-{}-{CALLER}-01", TRACE.to_uppercase()), false),
        (format!("00-{TRACE}-{}-01", "0".repeat(16)), false),
    ] {
        let headers = [("traceparent", told.as_str()), ("tracestate", "mine=1")];
        assert_eq!(gate.client().send("GET", "/things", &headers, b"").status, 200);
        let seen = upstream.one();
        let parent = seen.header("traceparent").unwrap();
        assert_eq!(parent.contains(TRACE), kept, "{told}");
        assert!(parent.ends_with(if kept { "-00" } else { "-02" }), "{told}: {parent}");
        assert_eq!(seen.header("tracestate").is_some(), kept, "{told}");
    }
    assert_eq!(spans(&collector.seen()).len(), 2, "nothing more was recorded");
}

#[test]
fn without_traces_nothing_is_added() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .with("log: {requests: all}")
        .start();
    assert_eq!(gate.get("/things").status, 200);
    assert_eq!(upstream.one().header("traceparent"), None);
    until("the request is logged", || !gate.log_of_requests().is_empty());
    assert_eq!(gate.log_of_requests()[0].get("trace_id"), None);
}

#[test]
fn a_collector_that_is_away_or_slow_holds_nothing_up() {
    let upstream = Upstream::with_json(THING);
    let away = collector();
    let gate_without = gate(&upstream, &away, "sample: 1");
    drop(away);
    assert_eq!(gate_without.get("/things").status, 200);
    until("the loss is counted", || {
        gate_without.metric(&["portcullis_traces_total", "dropped"]) >= 1.0
    });
    let told = |line: &String| line.contains("the collector takes no traces");
    until("the loss is told", || gate_without.log().iter().any(told));

    let slow = Upstream::start(|_, stream| {
        std::thread::sleep(Duration::from_secs(3));
        stream.write_all(&answer("200 OK", &[], b"")).is_ok()
    });
    let gate = gate(&upstream, &slow, "sample: 1, waiting_max: 2");
    let start = Instant::now();
    let mut client = gate.client();
    for _ in 0..2 {
        for _ in 0..20 {
            assert_eq!(client.send("GET", "/things", &[], b"").status, 200);
        }
        // The first batch is on its way by now, and nobody gathers.
        std::thread::sleep(Duration::from_millis(1200));
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    until("what finds no room is counted", || {
        gate.metric(&["portcullis_traces_total", "dropped"]) >= 1.0
    });
}

#[test]
fn what_waits_is_delivered_at_the_end() {
    let (upstream, collector) = (Upstream::with_json(THING), collector());
    let mut gate = gate(&upstream, &collector, "sample: 1");
    assert_eq!(gate.get("/things").status, 200);
    gate.signal("-TERM");
    assert!(gate.wait().success());
    assert_eq!(spans(&collector.seen()).len(), 2);
}
