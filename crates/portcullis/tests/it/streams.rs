//! What passes as it comes: server-sent events, and downloads over the bound of what is judged.

use std::io::Write;
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::gate::{Setup, until};
use crate::http::{THING, THINGS, gate};
use crate::natter_api;
use crate::upstream::{Upstream, ok};
use crate::wire::Client;

#[test]
fn events_pass_one_by_one() {
    let (next, wanted) = mpsc::channel::<()>();
    let wanted = Mutex::new(wanted);
    let upstream = Upstream::start(move |_, stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        // Each event is written only after the one before it has got through the gate.
        for number in 0..5 {
            let event = format!("data: {number}\n\n");
            let _ = stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes());
            if wanted.lock().unwrap().recv_timeout(Duration::from_secs(10)).is_err() {
                return false;
            }
        }
        stream.write_all(b"0\r\n\r\n").is_ok()
    });
    let gate = gate(&upstream);
    let mut client = gate.client();
    let request = client.request("GET", "/events", &[("Accept", "text/event-stream")], b"");
    client.write(&request);
    assert_eq!(client.head().unwrap().status, 200);
    for number in 0..5 {
        assert_eq!(client.chunk().unwrap(), format!("data: {number}\n\n").as_bytes());
        next.send(()).unwrap();
    }
    assert_eq!(client.chunk().unwrap(), b"");
    until("it is counted", || {
        gate.metric(&["portcullis_bodies_not_judged_total", "events", "response"]) >= 1.0
    });
}

#[test]
fn natters_events_arrive_while_they_happen() {
    let natter = natter_api::start();
    let gate = Setup::new(natter::CONTRACT, natter.address)
        .with_api("dangerous_unverified_schemes: true")
        .start();
    let mut listener: Client = gate.client();
    let request = listener.request("GET", "/spaces/1/events", &[], b"");
    listener.write(&request);
    assert_eq!(listener.head().unwrap().status, 200);
    let posted = natter_says_hello(&gate);
    assert!(matches!(posted, 201 | 502), "{posted}");
    let start = Instant::now();
    let mut heard = String::new();
    while !heard.contains("good morning") && start.elapsed() < Duration::from_secs(5) {
        heard += &String::from_utf8_lossy(&listener.chunk().unwrap());
    }
    assert!(heard.contains("good morning"), "{heard}");
}

fn natter_says_hello(gate: &crate::gate::Gate) -> u16 {
    gate.post(
        "/spaces/1/messages",
        r#"{"content":{"type":"text","text":"good morning"}}"#,
    )
    .status
}

#[test]
fn a_large_download_passes_as_a_stream() {
    let size = 64 << 20;
    let upstream = Upstream::start(move |_, stream| {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n");
        stream.write_all(head.as_bytes()).is_ok() && (0..1024).all(|_| stream.write_all(&[7; 64 << 10]).is_ok())
    });
    let gate = gate(&upstream);
    let before = gate.resident_bytes();
    let answer = gate.get("/files");
    assert_eq!((answer.status, answer.body.len(), answer.complete), (200, size, true));
    let grown = gate.resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes");
    until("it is counted", || {
        gate.metric(&["portcullis_bodies_not_judged_total", "download", "response"]) >= 1.0
    });
}

#[test]
fn an_answer_over_the_bound_streams_or_is_blocked() {
    let large = format!(r#"{{"name":"hammer"{}}}"#, " ".repeat(100_000));
    let through = |policy: &str| {
        let upstream = Upstream::answering(ok("application/json", &large));
        let gate = Setup::new(THINGS, upstream.address)
            .with_api(&format!("policy: {policy}"))
            .start();
        let answer = gate.get("/things");
        let counted = ["portcullis_bodies_not_judged_total", "response"];
        (answer, gate.metric(&counted) > 0.0)
    };
    let (answer, unjudged) = through("{}");
    assert_eq!((answer.status, answer.text() == large, unjudged), (200, true, false));
    let (answer, unjudged) = through("{response: {body_bytes_max: 10KiB}}");
    assert_eq!((answer.status, answer.text() == large, unjudged), (200, true, true));
    let (answer, _) = through("{response: {body_bytes_max: 10KiB, oversize: block}}");
    answer.is_refused(502, "contract.response.oversize");
}

#[test]
fn a_request_over_the_bound_is_413() {
    let upstream = Upstream::with_json(THING);
    let gate = Setup::new(THINGS, upstream.address)
        .with_api("policy: {body_bytes_max: 1KiB}")
        .start();
    let large = format!(r#"{{"name":"hammer"{}}}"#, " ".repeat(2000));
    gate.post("/things", &large).is_refused(413, "http.body_too_large");
    let chunk = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let head =
        "POST /things HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    gate.raw(format!("{head}{chunk}").as_bytes())
        .is_refused(413, "http.body_too_large");
    upstream.saw_nothing("a body over the bound");
    assert_eq!(gate.post("/things", THING).status, 200);
}
