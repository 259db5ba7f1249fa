//! Header blocks: their order (RFC 9113 sections 4.3 and 6.10), and their compression (RFC 7541).

use super::frame::*;
use super::hpack::{indexed_literal, integer, literal, string};
use super::peer::{Outcome, Peer};
use super::*;

#[test]
fn nothing_comes_between_the_frames_of_a_block() {
    let between = |name, frame: Vec<u8>| {
        let sent = [
            headers(END_STREAM, 1, block(GET)),
            frame,
            continuation(END_HEADERS, 1, ""),
        ];
        case("6.2", name, sent.concat(), connection(PROTOCOL_ERROR))
    };
    run(vec![
        between("DATA", data(0, 1, "x")),
        between("HEADERS of the same stream", get(1)),
        between("HEADERS of another", get(3)),
        between("PRIORITY", priority(1, 0)),
        between("RST_STREAM", rst_stream(1, 8)),
        between("SETTINGS", settings(&[])),
        between("an acknowledgement of SETTINGS", frame(SETTINGS, ACK, 0, "")),
        between("PING", ping([0; 8])),
        between("GOAWAY", goaway(0, 0)),
        between("WINDOW_UPDATE", window_update(0, 1)),
        between("an unknown frame", frame(UNKNOWN, 0, 1, "x")),
        between("CONTINUATION of another stream", continuation(0, 3, "")),
        between("CONTINUATION of no stream", continuation(0, 0, "")),
        // h2 takes the first frame for the whole, where its fields are malformed.
        case(
            "6.2",
            "PING in a block that is malformed already",
            [headers(END_STREAM, 1, block("te=gzip")), ping([0; 8])].concat(),
            connection(PROTOCOL_ERROR),
        ),
        case(
            "4.3",
            "a request in a block that depends on itself already",
            [headers(WITH_PRIORITY, 1, [0, 0, 0, 1, 15]), get(3)].concat(),
            connection(PROTOCOL_ERROR),
        ),
    ]);
}

#[test]
fn continuations_continue_something() {
    let refused = |name, sent: &[Vec<u8>]| case("6.10", name, sent.concat(), connection(PROTOCOL_ERROR));
    run(vec![
        refused("nothing before it", &[continuation(END_HEADERS, 1, block(GET))]),
        refused(
            "after DATA",
            &[post(1), data(0, 1, "x"), continuation(END_HEADERS, 1, "")],
        ),
        refused("after a block that ended", &[post(1), continuation(END_HEADERS, 1, "")]),
        refused(
            "after CONTINUATION that ended",
            &[
                headers(0, 1, block(POST)),
                continuation(END_HEADERS, 1, ""),
                continuation(END_HEADERS, 1, ""),
            ],
        ),
        case(
            "6.10",
            "a request in pieces",
            block(GET)
                .chunks(30)
                .enumerate()
                .map(|(number, piece)| match number {
                    0 => headers(END_STREAM, 1, piece),
                    _ => continuation(0, 1, piece),
                })
                .chain([continuation(END_HEADERS, 1, "")])
                .collect::<Vec<_>>()
                .concat(),
            answered(),
        ),
    ]);
}

/// The reason of every line here that RFC 9113 section 4.3 wants `COMPRESSION_ERROR` for.
const CODE: &str = "h2 has one code for all that it cannot read, and the connection ends as it should";

fn undecodable(name: &'static str, block: Vec<u8>) -> Case {
    case("4.3", name, headers(WHOLE, 1, block), connection(COMPRESSION_ERROR))
        .known(Outcome::Connection(PROTOCOL_ERROR), CODE)
}

/// A request, and then this.
fn and(rest: &[u8]) -> Vec<u8> {
    [block(GET), rest.to_vec()].concat()
}

#[test]
fn blocks_that_cannot_be_read() {
    let huffman = |coded: &[u8]| {
        let length = u8::try_from(coded.len()).unwrap();
        and(&[&[0][..], &string(b"x"), &[0x80 | length], coded].concat())
    };
    run(vec![
        undecodable("the index 0", and(&[0x80])),
        undecodable("an index behind the table", and(&[0xbe])),
        undecodable("an index far behind the table", and(&integer(0x80, 7, 100_000))),
        undecodable(
            "a name behind the table",
            and(&[&integer(0x40, 6, 62)[..], &string(b"x")].concat()),
        ),
        undecodable(
            "a name behind the table, not indexed",
            and(&[&integer(0, 4, 62)[..], &string(b"x")].concat()),
        ),
        undecodable(
            "a table larger than ours",
            [integer(0x20, 5, 4_097), block(GET)].concat(),
        ),
        undecodable("another table behind a field", and(&[0x20])),
        undecodable("a number without its end", and(&[0xff, 0x80])),
        undecodable(
            "a number without end",
            and(&[0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]),
        ),
        undecodable(
            "a number over 2^32",
            and(&[0x7f, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x01, b'x']),
        ),
        undecodable("a name without its end", and(&[0, 5, b'x'])),
        undecodable("a name without a value", and(&[0, 1, b'x'])),
        undecodable("a value without its end", and(&[0, 1, b'x', 5, b'y'])),
        undecodable(
            "a value longer than any block",
            and(&[&[0, 1, b'x'][..], &integer(0, 7, 1 << 27)].concat()),
        ),
        undecodable("padding of eight bits", huffman(&[0x1f, 0xff])),
        undecodable("padding of zeros", huffman(&[0x18])),
        undecodable("the end of a string within it", huffman(&[0xff, 0xff, 0xff, 0xff])),
        undecodable("half a code", huffman(&[0xff, 0xc0])),
        // That stream is refused, and every later one with it: the tables differ.
        case(
            "4.3",
            "a block that cannot be read, in a second frame",
            [headers(END_STREAM, 1, block(GET)), continuation(END_HEADERS, 1, [0x80])].concat(),
            connection(COMPRESSION_ERROR),
        )
        .known(Outcome::Connection(PROTOCOL_ERROR), CODE),
        case(
            "4.3",
            "trailers that cannot be read",
            [post(1), data(0, 1, "{"), headers(WHOLE, 1, [0x80])].concat(),
            connection(COMPRESSION_ERROR),
        )
        .known(Outcome::Connection(PROTOCOL_ERROR), CODE),
    ]);
}

/// Section 4.3: the second request would mean something else where the first had not been read to its end.
#[test]
fn tables_are_kept_over_refused_requests() {
    let upstream = Upstream::with_json(THING);
    let gate = h2c(&upstream).start();
    let path = indexed_literal(b":path", b"/things/1");
    let second = [&[0xbe][..], &block(":method=GET :scheme=http :authority=localhost")].concat();
    for refused in [
        ":authority=localhost connection=close",
        ":path=/things/2 :authority=localhost",
        ":authority=other",
        ":authority=u@localhost",
        "",
    ] {
        let first = [path.clone(), block(":method=GET :scheme=http"), block(refused)].concat();
        let mut peer = Peer::connect(gate.address);
        peer.write(&[PREFACE.to_vec(), settings(&[]), headers(WHOLE, 1, first)].concat());
        let found = peer.outcome();
        let allowed = [
            Outcome::Stream(PROTOCOL_ERROR),
            Outcome::Status(400),
            Outcome::Status(421),
        ];
        assert!(allowed.contains(&found), "{refused}: {found:?}");
        assert!(upstream.seen().is_empty(), "{refused}");
        peer.write(&headers(WHOLE, 3, &second));
        assert_eq!(peer.answer(3), Some(200), "{refused}");
        assert_eq!(upstream.one().line, "GET /things/1 HTTP/1.1");
    }
}

#[test]
fn tables_that_change() {
    run(vec![
        case(
            "4.3.1",
            "a table made smaller and larger",
            headers(WHOLE, 1, [&[0x20, 0x3f, 0xe1, 0x1f][..], &block(GET)].concat()),
            answered(),
        ),
        case(
            "4.3.1",
            "a field out of the table",
            headers(WHOLE, 1, [and(&indexed_literal(b"x-a", b"b")), vec![0xbe]].concat()),
            answered(),
        ),
        case(
            "4.3.1",
            "an entry that had no room",
            headers(
                WHOLE,
                1,
                [&[0x20][..], &and(&indexed_literal(b"x-a", b"b")), &[0xbe]].concat(),
            ),
            connection(COMPRESSION_ERROR),
        )
        .known(Outcome::Connection(PROTOCOL_ERROR), CODE),
    ]);
}

#[test]
fn http_5_header_lists_are_bounded() {
    // 4,000 bytes once in the table, and then named by a byte each.
    let list = |times: usize| [and(&indexed_literal(b"x-long", &[b'a'; 4_000])), vec![0xbe; times]].concat();
    let many = |count: usize| -> Vec<u8> { (0..count).flat_map(|_| literal(b"x", b"1")).collect() };
    let calm = || connection(ENHANCE_YOUR_CALM);
    run(vec![
        case(
            "6.5.2",
            "a list over the bound",
            headers(WHOLE, 1, list(8)),
            vec![Outcome::Status(431)],
        ),
        case(
            "6.5.2",
            "a list far over the bound",
            headers(WHOLE, 1, list(10_000)),
            calm(),
        ),
        case(
            "6.5.2",
            "too many fields",
            headers(WHOLE, 1, and(&many(101))),
            vec![Outcome::Status(431)],
        ),
        case(
            "6.5.2",
            "a target that is too long",
            headers(WHOLE, 1, block(&long_target())),
            vec![Outcome::Status(414)],
        ),
        case(
            "6.10",
            "a block in many frames",
            [
                vec![headers(END_STREAM, 1, block(GET))],
                vec![continuation(0, 1, ""); 100],
            ]
            .concat()
            .concat(),
            calm(),
        ),
        case(
            "6.10",
            "a block of many bytes",
            [
                vec![headers(END_STREAM, 1, block(GET))],
                vec![continuation(0, 1, many(2_500)); 3],
            ]
            .concat()
            .concat(),
            calm(),
        ),
    ]);
}

fn long_target() -> String {
    GET.replace("/things/1", &format!("/things/{}", "a".repeat(9_000)))
}
