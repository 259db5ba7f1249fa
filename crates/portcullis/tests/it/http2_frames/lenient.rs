//! What a server has to take: whatever extends the protocol, and every form that is unusual and valid.

use super::frame::*;
use super::*;

/// This and then a request, which is served.
fn ignored(section: &'static str, name: &'static str, sent: Vec<u8>) -> Case {
    case(section, name, [sent, get(1)].concat(), answered())
}

fn served(section: &'static str, name: &'static str, sent: Vec<u8>) -> Case {
    case(section, name, sent, answered())
}

#[test]
fn what_is_unknown_is_ignored() {
    run(vec![
        ignored(
            "5.5",
            "an unknown frame of the connection",
            frame(UNKNOWN, 0xff, 0, "whatever"),
        ),
        ignored(
            "5.5",
            "an unknown frame of a stream that is idle",
            frame(UNKNOWN, 0, 1, "whatever"),
        ),
        ignored("5.5", "an unknown frame of an even stream", frame(UNKNOWN, 0, 2, "")),
        ignored(
            "5.5",
            "the largest unknown frame",
            frame(UNKNOWN, 0, 0, vec![0; 16_384]),
        ),
        ignored("5.5", "ALTSVC", frame(0xa, 0, 0, [0, 0])),
        ignored("5.5", "ORIGIN", frame(0xc, 0, 0, "")),
        ignored(
            "5.5",
            "PRIORITY_UPDATE",
            frame(0x10, 0, 0, [&[0, 0, 0, 1][..], b"u=1"].concat()),
        ),
        ignored(
            "6.5",
            "an unknown setting",
            settings(&[(0x0a0a, 7), (0, 1), (0xffff, u32::MAX)]),
        ),
        ignored("4.1", "unknown flags of SETTINGS", frame(SETTINGS, 0xfe, 0, "")),
        ignored("4.1", "unknown flags of PING", frame(PING, 0xfe, 0, [0; 8])),
        ignored(
            "4.1",
            "unknown flags of WINDOW_UPDATE",
            frame(WINDOW_UPDATE, 0xff, 0, [0, 0, 0, 1]),
        ),
        ignored(
            "4.1",
            "the reserved bit of a frame of the connection",
            frame(PING, 0, 1 << 31, [0; 8]),
        ),
        ignored(
            "6.9",
            "the reserved bit of an increment",
            window_update(0, (1 << 31) | 1),
        ),
        ignored(
            "6.7",
            "an answer to a PING that nobody sent",
            frame(PING, ACK, 0, [7; 8]),
        ),
        ignored("6.3", "a priority of a stream that is idle", priority(9, 0)),
        ignored("6.3", "a priority of an even stream", priority(8, 1)),
        served("4.1", "unknown flags of HEADERS", headers(0xd2 | WHOLE, 1, block(GET))),
        served(
            "4.1",
            "the reserved bit of a stream",
            headers(WHOLE, (1 << 31) | 1, block(GET)),
        ),
        served(
            "7",
            "an unknown code of a reset",
            [post(1), rst_stream(1, u32::MAX), get(3)].concat(),
        ),
    ]);
}

#[test]
fn bodies_in_unusual_forms() {
    let whole = || data(END_STREAM, 1, THING);
    run(vec![
        served(
            "8.1",
            "an end in a frame of its own",
            [post(1), data(0, 1, THING), data(END_STREAM, 1, "")].concat(),
        ),
        served(
            "8.1",
            "an empty frame before the body",
            [post(1), data(0, 1, ""), whole()].concat(),
        ),
        served(
            "8.1",
            "trailers without a field",
            [post(1), data(0, 1, THING), headers(WHOLE, 1, "")].concat(),
        ),
        served(
            "8.1",
            "trailers",
            [post(1), data(0, 1, THING), headers(WHOLE, 1, block("x-a=b"))].concat(),
        ),
        served(
            "8.1",
            "priorities in the middle",
            [
                post(1),
                priority(1, 0),
                data(0, 1, &THING[..3]),
                ping([0; 8]),
                data(END_STREAM, 1, &THING[3..]),
            ]
            .concat(),
        ),
        served(
            "8.1.1",
            "a length that is true",
            [
                headers(END_HEADERS, 1, block(&format!("{POST} content-length=17"))),
                whole(),
            ]
            .concat(),
        ),
    ]);
}

#[test]
fn heads_in_unusual_forms() {
    let with = |fields: &str| headers(WHOLE, 1, block(&format!("{GET} {fields}")));
    run(vec![
        served("5.1.1", "the highest stream", get(MAX_31)),
        served("5.1.1", "streams that leave some out", get(77)),
        served("8.2.2", "te with trailers", with("te=trailers")),
        served(
            "8.2.3",
            "cookies in pieces",
            with("cookie=theme=dark cookie=theme=light"),
        ),
        served("8.3.1", "a host that says the same", with("host=localhost")),
        served(
            "8.3.1",
            "a host in the place of the authority",
            headers(
                WHOLE,
                1,
                block(":method=GET :scheme=http :path=/things/1 host=localhost"),
            ),
        ),
        served(
            "8.3.1",
            "https where a proxy may have ended TLS",
            headers(WHOLE, 1, block(&GET.replace("http", "https"))),
        ),
        served("8.2.1", "an empty value", with("x-a=")),
        served("8.2.1", "bytes beyond ASCII in a value", with("x-a=\u{e9}")),
        served("8.1.1", "a length of nothing", with("content-length=0")),
    ]);
}
