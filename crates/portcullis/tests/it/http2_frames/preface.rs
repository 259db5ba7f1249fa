//! How a connection begins (RFC 9113 section 3.4).

use super::frame::*;
use super::peer::{Outcome, Peer};
use super::*;

/// The preface alone.
fn unsettled(name: &'static str, first: Vec<u8>) -> Case {
    case("3.4", name, first, connection(PROTOCOL_ERROR)).opening(PREFACE)
}

fn instead(name: &'static str, bytes: impl Into<Vec<u8>>, allowed: Vec<Outcome>) -> Case {
    case("3.4", name, settings(&[]), allowed).opening(bytes)
}

#[test]
fn what_is_no_preface() {
    let ended = || vec![Outcome::Connection(PROTOCOL_ERROR), Outcome::Closed];
    let refused = || vec![Outcome::Http1(400), Outcome::Http1(505), Outcome::Closed];
    run(vec![
        case("3.1", "an upgrade to h2c is not taken", "", vec![Outcome::Http1(200)]).opening(UPGRADE),
        instead("another second half", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", ended()),
        instead("another version", "PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n", ended()),
        instead("bare line feeds", "PRI * HTTP/2.0\n\nSM\n\n\n\n\n\n", ended()),
        instead("another first byte", "XRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", refused()),
        instead("lower case", "pri * HTTP/2.0\r\n\r\nSM\r\n\r\n", refused()),
        instead(
            "a request line before it",
            "GET / HTTP/2.0\r\n\r\nSM\r\n\r\n",
            refused(),
        ),
        instead("no preface at all", [&settings(&[])[..], LINES].concat(), refused()),
        instead(
            "a TLS hello",
            [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], LINES].concat(),
            refused(),
        ),
    ]);
}

/// The end of a head of HTTP/1.1, so that it is not waited for.
const LINES: &[u8] = b"\r\n\r\n";

/// An upgrade as RFC 7540 had it, which RFC 9113 took out.
const UPGRADE: &str = "GET /things/1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n\
    Upgrade: h2c\r\nHTTP2-Settings: \r\n\r\n";

#[test]
fn the_first_frame_is_settings() {
    run(vec![
        unsettled("HEADERS first", get(1)),
        unsettled("DATA first", data(0, 1, "x")),
        unsettled("PING first", ping([0; 8])),
        unsettled("WINDOW_UPDATE first", window_update(0, 1)),
        unsettled("PRIORITY first", priority(1, 0)),
        unsettled("GOAWAY first", goaway(0, 0)),
        unsettled("an acknowledgement of settings first", frame(SETTINGS, ACK, 0, "")),
        unsettled("an unknown frame first", frame(UNKNOWN, 0, 0, "x")),
        case(
            "3.4",
            "the preface twice",
            PREFACE,
            [connection(PROTOCOL_ERROR), connection(FRAME_SIZE_ERROR)].concat(),
        ),
    ]);
}

#[test]
fn http_5_a_preface_that_never_ends_is_not_waited_for() {
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).with("connection: {head_seconds_max: 1}").start();
    for (begun, finished) in [
        (&PREFACE[..2], false),
        (&PREFACE[..4], false),
        (&PREFACE[..23], false),
        (&PREFACE[..23], true),
        (PREFACE, false),
        (PREFACE, true),
    ] {
        let mut peer = Peer::connect(gate.address);
        peer.write(begun);
        if finished {
            peer.finish();
        }
        let found = peer.outcome();
        assert!(
            matches!(found, Outcome::Closed | Outcome::Http1(400 | 408)),
            "{begun:?} {found:?}"
        );
    }
    upstream.saw_nothing("no request");
}
