//! Frames that arrive drop by drop while another stream keeps the connection in use (RFC 9113 section 10.5).

use std::time::Duration;

use super::frame::*;
use super::hpack::literal;
use super::peer::{Outcome, Peer};
use super::*;

/// A deadline that is passed by far.
const LATE: Duration = Duration::from_secs(4);
/// One that is kept, on a busy machine.
const IN_TIME: Duration = Duration::from_millis(300);

fn hasty(upstream: &Upstream) -> Gate {
    h2c(upstream).with("connection: {head_seconds_max: 1}").start()
}

/// A connection with a stream whose body does not come.
fn busy(gate: &Gate) -> Peer {
    let mut peer = Peer::connect(gate.address);
    peer.write(&[PREFACE.to_vec(), settings(&[]), post(1)].concat());
    peer
}

#[test]
fn http_5_a_header_block_that_drips_ends_the_connection() {
    let upstream = Upstream::with_json(THING);
    let gate = hasty(&upstream);
    let begun = headers(END_STREAM, 3, block(GET));
    let pieces = literal(b"x", b"1").into_iter().map(|byte| continuation(0, 3, [byte]));
    let cases = [
        ("the header of a frame", Vec::new(), get(3)[..9].to_vec()),
        ("HEADERS", get(3)[..9].to_vec(), get(3)[9..].to_vec()),
        (
            "the header of CONTINUATION",
            begun.clone(),
            continuation(END_HEADERS, 3, ""),
        ),
        (
            "CONTINUATION",
            begun.clone(),
            continuation(END_HEADERS, 3, literal(b"x-a", b"b")),
        ),
        ("many CONTINUATION", begun.clone(), pieces.collect::<Vec<_>>().concat()),
        ("a block without an end", Vec::new(), begun),
        ("PING", Vec::new(), ping([0; 8])),
    ];
    std::thread::scope(|scope| {
        for (name, at_once, dripped) in cases {
            let gate = &gate;
            scope.spawn(move || {
                let mut peer = busy(gate);
                peer.write(&at_once);
                peer.drip(dripped, LATE);
                assert_eq!(peer.outcome(), Outcome::Connection(ENHANCE_YOUR_CALM), "{name}");
            });
        }
    });
    assert!(upstream.seen().is_empty());
}

#[test]
fn a_header_block_in_time_and_a_body_that_drips_go_on() {
    let upstream = Upstream::with_json(THING);
    let gate = hasty(&upstream);
    let mut peer = busy(&gate);
    for stream in [3, 5, 7, 9, 11] {
        // Together they take longer than one of them may.
        peer.drip(get(stream), IN_TIME);
        assert_eq!(peer.answer(stream), Some(200), "stream {stream}");
    }
    peer.write(&data(END_STREAM, 1, THING)[..9]);
    peer.drip(THING.as_bytes().to_vec(), Duration::from_secs(2));
    assert_eq!(peer.answer(1), Some(200));
    assert_eq!(upstream.seen().len(), 6);
}
