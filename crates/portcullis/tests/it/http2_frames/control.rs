//! Settings, pings, priorities, windows, farewells (RFC 9113 sections 6.3 to 6.9).

use std::net::TcpListener;

use super::frame::*;
use super::peer::{Outcome, Peer};
use super::*;

const ENABLE_PUSH: u16 = 0x2;
const INITIAL_WINDOW_SIZE: u16 = 0x4;
const MAX_FRAME_SIZE: u16 = 0x5;
const ENABLE_CONNECT_PROTOCOL: u16 = 0x8;

#[test]
fn settings_without_sense() {
    let set = |name, setting, value, code| case("6.5.2", name, settings(&[(setting, value)]), connection(code));
    run(vec![
        set("push neither on nor off", ENABLE_PUSH, 2, PROTOCOL_ERROR),
        set(
            "a window over 2^31-1",
            INITIAL_WINDOW_SIZE,
            MAX_31 + 1,
            FLOW_CONTROL_ERROR,
        ),
        set(
            "the largest number as a window",
            INITIAL_WINDOW_SIZE,
            u32::MAX,
            FLOW_CONTROL_ERROR,
        ),
        set("frames smaller than 2^14", MAX_FRAME_SIZE, 16_383, PROTOCOL_ERROR),
        set("frames of no size", MAX_FRAME_SIZE, 0, PROTOCOL_ERROR),
        set("frames larger than 2^24-1", MAX_FRAME_SIZE, 1 << 24, PROTOCOL_ERROR),
        // RFC 8441 section 3.
        set("CONNECT neither on nor off", ENABLE_CONNECT_PROTOCOL, 2, PROTOCOL_ERROR),
        case(
            "6.5.2",
            "a setting without sense behind one with",
            settings(&[(MAX_FRAME_SIZE, 16_384), (ENABLE_PUSH, 9)]),
            connection(PROTOCOL_ERROR),
        ),
        case(
            "6.9.2",
            "a setting that makes a window overflow",
            [
                post(1),
                window_update(1, MAX_31 - 65_535),
                settings(&[(INITIAL_WINDOW_SIZE, 65_536)]),
            ]
            .concat(),
            connection(FLOW_CONTROL_ERROR),
        ),
    ]);
}

#[test]
fn settings_with_sense() {
    let set = |name, setting, value| {
        case(
            "6.5.2",
            name,
            [settings(&[(setting, value)]), get(1)].concat(),
            answered(),
        )
    };
    run(vec![
        set("no push", ENABLE_PUSH, 0),
        set("push, which we never do", ENABLE_PUSH, 1),
        set("the largest window", INITIAL_WINDOW_SIZE, MAX_31),
        set("the largest frames", MAX_FRAME_SIZE, (1 << 24) - 1),
        set("no table", 0x1, 0),
        set("the largest table", 0x1, u32::MAX),
        set("none of our streams", 0x3, 0),
        set("a list of fields of no size", 0x6, 0),
        set("an unknown setting", 0xaaaa, u32::MAX),
    ]);
}

#[test]
fn windows() {
    let overflow = |on: u32| [window_update(on, MAX_31), window_update(on, MAX_31)].concat();
    run(vec![
        case(
            "6.9",
            "no increment, of the connection",
            window_update(0, 0),
            connection(PROTOCOL_ERROR),
        ),
        case(
            "6.9",
            "no increment, of a stream",
            [post(1), window_update(1, 0)].concat(),
            stream(PROTOCOL_ERROR),
        ),
        case(
            "6.9",
            "no increment but the reserved bit",
            window_update(0, MAX_31 + 1),
            connection(PROTOCOL_ERROR),
        ),
        case(
            "6.9.1",
            "over the largest, of the connection",
            overflow(0),
            connection(FLOW_CONTROL_ERROR),
        ),
        case(
            "6.9.1",
            "over the largest, of a stream",
            [post(1), overflow(1)].concat(),
            stream(FLOW_CONTROL_ERROR),
        ),
        case(
            "6.9.1",
            "the largest",
            [window_update(0, MAX_31 - 65_535), get(1)].concat(),
            answered(),
        ),
    ]);
}

/// Section 6.9.1: an upstream that takes nothing stops its client, and one that sends all the same is ended.
#[test]
fn http_5_more_data_than_there_is_room_for() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let contract = THINGS.replace(
        "text/plain: {schema: {type: string, maxLength: 100}}",
        "application/octet-stream: {}",
    );
    let gate = Setup::new(&contract, upstream.local_addr().unwrap())
        .listening("{address: '127.0.0.1:0', h2c: true}")
        .start();
    let head = headers(END_HEADERS, 1, block(&POST.replace("/json", "/octet-stream")));
    let endless = data(0, 1, [7; 16_384]).repeat(2_000);
    let flooding = case(
        "6.9.1",
        "more than the window",
        [head, endless].concat(),
        stream(FLOW_CONTROL_ERROR),
    );
    flooding.run(&gate);
    let resident = gate.resident_bytes();
    assert!(resident < 64 << 20, "{resident} bytes");
}

#[test]
fn priorities() {
    run(vec![
        // RFC 7540 section 5.3.1; RFC 9113 says no more.
        case(
            "5.3",
            "a stream that depends on itself",
            priority(1, 1),
            stream(PROTOCOL_ERROR),
        ),
        case(
            "5.3",
            "headers of a stream that depends on itself",
            headers(WHOLE | WITH_PRIORITY, 1, [vec![0, 0, 0, 1, 15], block(GET)].concat()),
            stream(PROTOCOL_ERROR),
        ),
        case(
            "5.3",
            "padded headers of a stream that depends on itself, alone",
            headers(
                WHOLE | WITH_PRIORITY | PADDED,
                1,
                [vec![0, 0x80, 0, 0, 1, 15], block(GET)].concat(),
            ),
            stream(PROTOCOL_ERROR),
        ),
        case(
            "6.2",
            "headers with a priority",
            headers(
                WHOLE | WITH_PRIORITY,
                3,
                [vec![0x80, 0, 0, 1, 255], block(GET)].concat(),
            ),
            answered(),
        ),
    ]);
}

#[test]
fn farewells() {
    run(vec![
        case(
            "6.8",
            "GOAWAY, and no request after it",
            [get(1), goaway(0, 0)].concat(),
            answered(),
        ),
        case(
            "6.8",
            "GOAWAY with an unknown code and words",
            [get(1), frame(GOAWAY, 0, 0, [&[0; 4][..], &[0xff; 4], b"bye"].concat())].concat(),
            answered(),
        ),
        case(
            "6.8",
            "a GOAWAY that takes back what another said",
            [goaway(0, 0), goaway(MAX_31, 0)].concat(),
            [connection(PROTOCOL_ERROR), vec![Outcome::Closed]].concat(),
        ),
    ]);
}

/// Section 6.7 and 6.5.3: both are answered, a PING with its own bytes.
#[test]
fn pings_and_settings_are_answered() {
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).start();
    let mut peer = Peer::connect(gate.address);
    peer.write(&[PREFACE.to_vec(), settings(&[]), ping(*b"whatever")].concat());
    let (mut settled, mut answered, mut announced) = (false, None, None);
    while !settled || answered.is_none() {
        let received = peer.frame().unwrap();
        match (received.kind, received.flags) {
            (SETTINGS, ACK) => settled = true,
            (SETTINGS, _) => announced = Some(received.payload),
            (PING, ACK) => answered = Some(received.payload),
            _ => {}
        }
    }
    assert_eq!(answered.as_deref(), Some(b"whatever".as_slice()));
    // At most so many streams, and so many bytes of fields.
    let announced = announced.unwrap();
    let entries: Vec<_> = announced.chunks(6).collect();
    assert!(entries.contains(&[0, 3, 0, 0, 0, 100].as_slice()), "{announced:?}");
    assert!(entries.iter().any(|entry| entry.starts_with(&[0, 6])), "{announced:?}");
}

/// A socket that is closed with unread bytes is reset, and what was said last may be lost with it.
#[test]
fn last_words_are_said_to_a_client_that_is_still_sending() {
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).start();
    for (wrong, code) in [
        (frame(PING, 0, 0, [0; 7]), FRAME_SIZE_ERROR),
        // h2's own verdict.
        (settings(&[(ENABLE_PUSH, 2)]), PROTOCOL_ERROR),
    ] {
        let mut peer = Peer::connect(gate.address);
        let more = frame(UNKNOWN, 0, 0, [0; 1_000]).repeat(100);
        peer.write_aside([PREFACE, &settings(&[]), &wrong, &more].concat());
        assert_eq!(peer.outcome(), Outcome::Connection(code));
        assert!(peer.is_ended(), "{code}");
    }
}
