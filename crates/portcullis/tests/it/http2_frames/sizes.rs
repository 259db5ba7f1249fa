//! Frames of a length that their type cannot have (RFC 9113 section 4.2, and the first rules of section 6).

use super::frame::*;
use super::peer::Outcome;
use super::*;

/// One byte more than a peer takes that announces nothing.
const TOO_LONG: usize = 16 * 1024 + 1;

fn too_long() -> Vec<u8> {
    vec![0; TOO_LONG]
}

fn size(section: &'static str, name: &'static str, sent: Vec<u8>) -> Case {
    case(section, name, sent, connection(FRAME_SIZE_ERROR))
}

/// On a stream that is open.
fn size_on_open(section: &'static str, name: &'static str, sent: Vec<u8>) -> Case {
    case(section, name, [post(1), sent].concat(), stream(FRAME_SIZE_ERROR))
}

#[test]
fn frames_over_the_largest_size() {
    run(vec![
        size_on_open("4.2", "DATA", data(0, 1, too_long())),
        size("4.2", "HEADERS", headers(WHOLE, 1, too_long())),
        size(
            "4.2",
            "CONTINUATION",
            [headers(0, 1, ""), continuation(END_HEADERS, 1, too_long())].concat(),
        ),
        size("4.2", "SETTINGS", frame(SETTINGS, 0, 0, vec![0; 6 * 2_731])),
        size("4.2", "PING", frame(PING, 0, 0, too_long())),
        size("4.2", "GOAWAY", frame(GOAWAY, 0, 0, too_long())),
        size("4.2", "WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, too_long())),
        size_on_open("4.2", "PRIORITY", frame(PRIORITY, 0, 1, too_long())),
        size_on_open("4.2", "RST_STREAM", frame(RST_STREAM, 0, 1, too_long())),
        case(
            "4.2",
            "PUSH_PROMISE",
            [post(1), frame(PUSH_PROMISE, END_HEADERS, 1, too_long())].concat(),
            [connection(FRAME_SIZE_ERROR), connection(PROTOCOL_ERROR)].concat(),
        ),
        size("4.2", "an unknown type", frame(UNKNOWN, 0, 0, too_long())),
        size(
            "4.2",
            "the largest length that can be said",
            [&[0xff, 0xff, 0xff][..], &ping([0; 8])[3..]].concat(),
        ),
    ]);
}

#[test]
fn frames_without_the_size_of_their_type() {
    run(vec![
        size(
            "6.2",
            "HEADERS without the priority that is flagged",
            headers(WHOLE | WITH_PRIORITY, 1, [0; 4]),
        ),
        size(
            "6.2",
            "HEADERS without the padding length that is flagged",
            headers(WHOLE | PADDED, 1, ""),
        ),
        size_on_open("6.3", "PRIORITY of 4 bytes", frame(PRIORITY, 0, 1, [0; 4])),
        size_on_open("6.3", "PRIORITY of 6 bytes", frame(PRIORITY, 0, 1, [0; 6])),
        size_on_open("6.3", "an empty PRIORITY", frame(PRIORITY, 0, 1, "")),
        size(
            "6.4",
            "RST_STREAM of 3 bytes",
            [post(1), frame(RST_STREAM, 0, 1, [0; 3])].concat(),
        ),
        size(
            "6.4",
            "RST_STREAM of 5 bytes",
            [post(1), frame(RST_STREAM, 0, 1, [0; 5])].concat(),
        ),
        size(
            "6.4",
            "an empty RST_STREAM",
            [post(1), frame(RST_STREAM, 0, 1, "")].concat(),
        ),
        size("6.5", "SETTINGS of 1 byte", frame(SETTINGS, 0, 0, [0; 1])),
        size("6.5", "SETTINGS of 5 bytes", frame(SETTINGS, 0, 0, [0; 5])),
        size("6.5", "SETTINGS of 7 bytes", frame(SETTINGS, 0, 0, [0; 7])),
        size(
            "6.5",
            "an acknowledgement with a setting",
            frame(SETTINGS, ACK, 0, [0; 6]),
        ),
        size("6.7", "an empty PING", frame(PING, 0, 0, "")),
        size("6.7", "PING of 7 bytes", frame(PING, 0, 0, [0; 7])),
        size("6.7", "PING of 9 bytes", frame(PING, 0, 0, [0; 9])),
        size("6.7", "an answer to a PING, of 7 bytes", frame(PING, ACK, 0, [0; 7])),
        size("6.8", "GOAWAY of 7 bytes", frame(GOAWAY, 0, 0, [0; 7])),
        size("6.8", "an empty GOAWAY", frame(GOAWAY, 0, 0, "")),
        size("6.9", "WINDOW_UPDATE of 3 bytes", frame(WINDOW_UPDATE, 0, 0, [0; 3])),
        size("6.9", "WINDOW_UPDATE of 5 bytes", frame(WINDOW_UPDATE, 0, 0, [0; 5])),
        size(
            "6.9",
            "WINDOW_UPDATE of 5 bytes, of a stream",
            [post(1), frame(WINDOW_UPDATE, 0, 1, [0; 5])].concat(),
        ),
    ]);
}

#[test]
fn padding_that_does_not_fit() {
    let padding = |payload: &[u8]| [post(1), data(PADDED, 1, payload)].concat();
    let refused = || connection(PROTOCOL_ERROR);
    run(vec![
        case("6.1", "padding as long as the payload", padding(&[2, 0]), refused()),
        case(
            "6.1",
            "padding longer than the payload",
            padding(&[255, 0, 0]),
            refused(),
        ),
        case("6.1", "only a padding length, that is not 0", padding(&[1]), refused()),
        case(
            "6.1",
            "no padding length where one is flagged",
            padding(&[]),
            [connection(FRAME_SIZE_ERROR), connection(PROTOCOL_ERROR)].concat(),
        ),
        case(
            "6.2",
            "padding longer than the header block",
            headers(WHOLE | PADDED, 1, [&[200], block(GET).as_slice()].concat()),
            refused(),
        ),
        case(
            "6.2",
            "padding longer than what is left behind the priority",
            headers(WHOLE | PADDED | WITH_PRIORITY, 1, [1, 0, 0, 0, 0, 15]),
            refused(),
        ),
        case(
            "6.1",
            "padding that fits",
            [
                post(1),
                data(PADDED | END_STREAM, 1, [&[3], THING.as_bytes(), &[0; 3]].concat()),
            ]
            .concat(),
            answered(),
        ),
        case(
            "6.2",
            "padding of headers that fits",
            headers(WHOLE | PADDED, 1, [&[2], block(GET).as_slice(), &[0; 2]].concat()),
            vec![Outcome::Status(200)],
        ),
    ]);
}
