//! Frames for streams that are not there, not theirs, or over (RFC 9113 section 5.1).

use std::time::{Duration, Instant};

use super::frame::*;
use super::peer::Peer;
use super::*;

fn refused(section: &'static str, name: &'static str, sent: Vec<u8>) -> Case {
    case(section, name, sent, connection(PROTOCOL_ERROR))
}

/// Trailers without a field.
fn trailers(stream: u32) -> Vec<u8> {
    headers(WHOLE, stream, "")
}

#[test]
fn frames_for_the_connection_as_a_whole() {
    run(vec![
        refused("6.1", "DATA", data(0, 0, "x")),
        refused("6.2", "HEADERS", get(0)),
        refused("6.3", "PRIORITY", priority(0, 1)),
        refused("6.4", "RST_STREAM", rst_stream(0, 8)),
        refused("6.6", "PUSH_PROMISE", frame(PUSH_PROMISE, END_HEADERS, 0, [0, 0, 0, 2])),
        refused("6.10", "CONTINUATION", continuation(END_HEADERS, 0, block(GET))),
    ]);
}

#[test]
fn frames_for_one_stream_that_are_for_the_connection() {
    run(vec![
        refused("6.5", "SETTINGS", [post(1), frame(SETTINGS, 0, 1, "")].concat()),
        refused(
            "6.5",
            "an acknowledgement of SETTINGS",
            [post(1), frame(SETTINGS, ACK, 1, "")].concat(),
        ),
        refused("6.7", "PING", [post(1), frame(PING, 0, 1, [0; 8])].concat()),
        refused("6.8", "GOAWAY", [post(1), frame(GOAWAY, 0, 1, [0; 8])].concat()),
        refused("6.5", "SETTINGS of a stream that is idle", frame(SETTINGS, 0, 5, "")),
    ]);
}

#[test]
fn frames_for_an_idle_stream() {
    run(vec![
        refused("5.1", "DATA", data(0, 1, "x")),
        refused("5.1", "the end of a body", data(END_STREAM, 1, "")),
        refused("5.1", "RST_STREAM", rst_stream(1, 8)),
        refused("5.1", "WINDOW_UPDATE", window_update(1, 1)),
        refused("5.1", "CONTINUATION", continuation(END_HEADERS, 1, block(GET))),
        refused("5.1", "DATA of the stream after the last", data(0, 3, "x")).after(1),
        refused("5.1", "RST_STREAM of the stream after the last", rst_stream(3, 8)).after(1),
        refused("5.1", "WINDOW_UPDATE of the stream after the last", window_update(3, 1)).after(1),
    ]);
}

#[test]
fn streams_that_a_client_cannot_open() {
    run(vec![
        refused("5.1.1", "an even stream", get(2)),
        refused(
            "5.1.1",
            "an even stream, with a request that is malformed",
            headers(WHOLE, 2, block("te=gzip")),
        ),
        refused("5.1.1", "DATA of an even stream", data(0, 2, "x")),
        refused("5.1.1", "RST_STREAM of an even stream", rst_stream(2, 8)),
        refused("5.1.1", "WINDOW_UPDATE of an even stream", window_update(2, 1)),
        refused("5.1.1", "a lower stream than the last", get(3)).after(5),
        refused("5.1.1", "a lower stream than the highest of all", get(0x7fff_fffd)).after(MAX_31),
        refused(
            "8.4",
            "PUSH_PROMISE",
            [post(1), frame(PUSH_PROMISE, END_HEADERS, 1, [0, 0, 0, 2])].concat(),
        ),
        refused(
            "8.4",
            "PUSH_PROMISE of a whole request",
            [
                post(1),
                frame(PUSH_PROMISE, END_HEADERS, 1, [vec![0, 0, 0, 3], block(GET)].concat()),
            ]
            .concat(),
        ),
        refused(
            "8.4",
            "PUSH_PROMISE of a stream that is over",
            frame(PUSH_PROMISE, END_HEADERS, 1, [0, 0, 0, 2]),
        )
        .after(1),
    ]);
}

#[test]
fn frames_for_a_stream_that_the_client_ended() {
    let closed = |name, sent: &[Vec<u8>]| case("5.1", name, sent.concat(), stream(STREAM_CLOSED));
    // A stream cannot be used a second time, and is over as well: either rule may be the one that is told.
    let again = || [stream(STREAM_CLOSED), connection(PROTOCOL_ERROR)].concat();
    let whole = || data(END_STREAM, 1, THING);
    run(vec![
        closed("DATA after the end of the headers", &[get(1), data(0, 1, "x")]),
        closed(
            "the end of a body after the end of the headers",
            &[get(1), data(END_STREAM, 1, "")],
        ),
        closed("HEADERS after the end of the headers", &[get(1), trailers(1)]),
        closed("the same request again", &[get(1), get(1)]),
        closed("DATA after the end of a body", &[post(1), whole(), data(0, 1, "x")]),
        closed("HEADERS after the end of a body", &[post(1), whole(), trailers(1)]),
        closed("DATA after trailers", &[post(1), trailers(1), data(0, 1, "x")]),
        closed("DATA after RST_STREAM", &[post(1), rst_stream(1, 8), data(0, 1, "x")]),
        closed("HEADERS after RST_STREAM", &[post(1), rst_stream(1, 8), trailers(1)]),
        closed("DATA after the answer", &[data(0, 1, "x")]).after(1),
        closed("the end of a body after the answer", &[data(END_STREAM, 1, "")]).after(1),
        case("5.1", "HEADERS after the answer", trailers(1), again()).after(1),
        case("5.1.1", "the same stream again, after the answer", get(1), again()).after(1),
        case(
            "5.1",
            "CONTINUATION after the answer",
            continuation(END_HEADERS, 1, ""),
            again(),
        )
        .after(1),
    ]);
}

#[test]
fn frames_that_may_come_late() {
    run(vec![
        case("5.1", "RST_STREAM", [rst_stream(1, 8), get(3)].concat(), answered()).after(1),
        case(
            "5.1",
            "RST_STREAM twice",
            [post(1), rst_stream(1, 8), rst_stream(1, 8), get(3)].concat(),
            answered(),
        ),
        case(
            "5.1",
            "WINDOW_UPDATE",
            [window_update(1, 1), get(3)].concat(),
            answered(),
        )
        .after(1),
        case("5.1", "PRIORITY", [priority(1, 0), get(3)].concat(), answered()).after(1),
        case(
            "5.1",
            "PRIORITY after RST_STREAM",
            [post(1), rst_stream(1, 8), priority(1, 0), get(3)].concat(),
            answered(),
        ),
    ]);
}

#[test]
fn http_5_streams_at_once_are_bounded() {
    let open = |count: u32| -> Vec<u8> { (0..count).flat_map(|number| post(number * 2 + 1)).collect() };
    let refused = vec![Outcome::Stream(REFUSED_STREAM), Outcome::Stream(PROTOCOL_ERROR)];
    run(vec![
        case("5.1.2", "one stream more than the limit", open(101), refused),
        case(
            "5.1.2",
            "as many as the limit",
            [open(99), get(199)].concat(),
            answered(),
        ),
        case(
            "5.1.2",
            "one after another ended",
            [open(100), rst_stream(1, 8), get(201)].concat(),
            answered(),
        ),
    ]);
}

/// Section 8.1: a client that is still sending is told to stop, after it had time to read why.
#[test]
fn an_early_answer_comes_well_before_its_reset() {
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).start();
    let mut peer = Peer::connect(gate.address);
    let head = headers(END_HEADERS, 1, block(&format!("{POST} content-length=9000000")));
    let begun = data(0, 1, [b' '; 16_384]);
    peer.write(&[PREFACE, &settings(&[]), &head, &begun].concat());
    assert_eq!(peer.answer(1), Some(413));
    let answered = Instant::now();
    let reset = loop {
        let received = peer.frame().unwrap();
        if received.kind == RST_STREAM {
            break received;
        }
    };
    assert_eq!((reset.stream, reset.payload.as_slice()), (1, [0; 4].as_slice()));
    assert!(answered.elapsed() > Duration::from_secs(1), "{:?}", answered.elapsed());
    // One that is done needs no reset.
    peer.write(&headers(
        END_HEADERS,
        3,
        block(&POST.replace("application/json", "image/png")),
    ));
    assert_eq!(peer.answer(3), Some(415));
    peer.write(&data(END_STREAM, 3, "x"));
    peer.write(&get(5));
    assert_eq!(peer.answer(5), Some(200));
    upstream.one();
}
