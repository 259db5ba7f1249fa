//! RFC 9113 and RFC 7541 as a table: what a client may not send, and how a server may take it, frame by frame.
//!
//! Each case names its section, says what is sent after the preface, and lists every outcome that the RFC allows, and no other.
//! Where a stream error is due, the RFC lets a server end the connection instead (section 5.4.1), and where a request is
//! malformed, answer it with an error (section 8.1.1). Nothing but what is answered with 200 may reach the upstream.

mod blocks;
mod control;
mod floods;
mod frame;
mod hpack;
mod lenient;
mod peer;
mod preface;
mod random;
mod requests;
mod sizes;
mod slow;
mod streams;

use crate::gate::{Gate, Setup};
use crate::http::{THING, THINGS};
use crate::upstream::Upstream;
use frame::{PREFACE, WHOLE, headers, settings};
use hpack::{GET, POST, block};
use peer::{Outcome, Peer};

// Section 7.
const PROTOCOL_ERROR: u32 = 0x1;
const FLOW_CONTROL_ERROR: u32 = 0x3;
const STREAM_CLOSED: u32 = 0x5;
const FRAME_SIZE_ERROR: u32 = 0x6;
const REFUSED_STREAM: u32 = 0x7;
const COMPRESSION_ERROR: u32 = 0x9;
const ENHANCE_YOUR_CALM: u32 = 0xb;

/// One line of the table.
struct Case {
    section: &'static str,
    name: &'static str,
    /// What the connection begins with.
    opening: Vec<u8>,
    /// Requests that are answered before the rest is sent, and their streams.
    before: Vec<(u32, Vec<u8>)>,
    sent: Vec<u8>,
    allowed: Vec<Outcome>,
    /// Only how the connection ends counts, and no stream.
    in_the_end: bool,
    /// What we do although the RFC does not allow it, and why.
    known: Option<(Outcome, &'static str)>,
}

/// These bytes are sent, and one of these outcomes has to follow.
fn case(section: &'static str, name: &'static str, sent: impl Into<Vec<u8>>, allowed: Vec<Outcome>) -> Case {
    Case {
        section,
        name,
        opening: [PREFACE.to_vec(), settings(&[])].concat(),
        before: Vec::new(),
        sent: sent.into(),
        allowed,
        in_the_end: false,
        known: None,
    }
}

impl Case {
    /// The connection begins with this instead of the preface and settings.
    fn opening(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.opening = bytes.into();
        self
    }

    /// A request is answered on this stream first.
    fn after(mut self, stream: u32) -> Self {
        self.before.push((stream, get(stream)));
        self
    }

    /// Only how the connection ends counts.
    fn in_the_end(mut self) -> Self {
        self.in_the_end = true;
        self
    }

    /// The RFC does not allow what we do.
    fn known(mut self, outcome: Outcome, why: &'static str) -> Self {
        self.known = Some((outcome, why));
        self
    }

    fn run(self, gate: &Gate) -> Outcome {
        let told = format!("section {}: {}", self.section, self.name);
        let mut peer = Peer::connect(gate.address);
        let mut bytes = self.opening;
        for (stream, request) in &self.before {
            bytes.extend_from_slice(request);
            peer.write(&std::mem::take(&mut bytes));
            assert_eq!(peer.answer(*stream), Some(200), "{told}: the request before it");
        }
        bytes.extend_from_slice(&self.sent);
        peer.write_aside(bytes);
        let mut found = peer.outcome();
        while self.in_the_end && matches!(found, Outcome::Stream(_) | Outcome::Status(_)) {
            found = peer.outcome();
        }
        match self.known {
            None => assert!(
                self.allowed.contains(&found),
                "{told}: {found:?}, not one of {:?}",
                self.allowed
            ),
            Some((known, why)) => assert_eq!(found, known, "{told}: known to be so, because {why}; is it mended?"),
        }
        found
    }
}

/// Runs a part of the table, and sees to it that only what was answered with 200 reached the upstream.
fn run(cases: Vec<Case>) {
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).start();
    let mut forwarded = 0;
    for case in cases {
        let told = format!("section {}: {}", case.section, case.name);
        forwarded += case.before.len();
        let found = case.run(&gate);
        forwarded += usize::from(matches!(found, Outcome::Status(200) | Outcome::Http1(200)));
        assert_eq!(upstream.seen().len(), forwarded, "{told}: what reached the upstream");
    }
    // All is well afterwards, and nothing came late.
    assert_eq!(case("", "", get(1), answered()).run(&gate), Outcome::Status(200));
    assert_eq!(upstream.seen().len(), forwarded + 1);
}

fn h2c(upstream: &Upstream) -> Setup {
    Setup::new(THINGS, upstream.address)
        .listening("{address: '127.0.0.1:0', h2c: true}")
        .with("workers: 1")
        .with("arrival_limit: {requests: 1000000, per: 1s}")
        .with_api("policy: {rate_limits: [{name: address, requests: 1000000, per: 1s}], undeclared: {header: allow}}")
}

/// A request that is served.
fn get(stream: u32) -> Vec<u8> {
    headers(WHOLE, stream, block(GET))
}

/// The head of one, whose body is to come.
fn post(stream: u32) -> Vec<u8> {
    headers(frame::END_HEADERS, stream, block(POST))
}

fn connection(code: u32) -> Vec<Outcome> {
    vec![Outcome::Connection(code)]
}

/// A stream error, or the end of the whole connection.
fn stream(code: u32) -> Vec<Outcome> {
    vec![Outcome::Stream(code), Outcome::Connection(code)]
}

/// A malformed request.
fn malformed() -> Vec<Outcome> {
    [stream(PROTOCOL_ERROR), vec![Outcome::Status(400)]].concat()
}

fn answered() -> Vec<Outcome> {
    vec![Outcome::Status(200)]
}
