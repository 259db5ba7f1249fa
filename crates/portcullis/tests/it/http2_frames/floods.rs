//! Frames that cost a client nothing, in numbers (RFC 9113 section 10.5).

use super::frame::*;
use super::*;

fn flood(name: &'static str, first: Vec<u8>, again: &[u8]) -> Case {
    let sent = [first, again.repeat(3_000)].concat();
    case("10.5", name, sent, connection(ENHANCE_YOUR_CALM)).in_the_end()
}

#[test]
fn http_5_every_flood_of_frames_ends_the_connection() {
    let streams = |each: &dyn Fn(u32) -> Vec<u8>| -> Vec<u8> { (0..2_000).flat_map(|n| each(n * 2 + 1)).collect() };
    let none = Vec::new;
    run(vec![
        flood("PING", none(), &ping([0; 8])),
        flood("answers to PING", none(), &frame(PING, ACK, 0, [0; 8])),
        flood("SETTINGS", none(), &settings(&[])),
        flood("SETTINGS with settings", none(), &settings(&[(0x1, 0), (0x1, 4_096)])),
        flood("PRIORITY", none(), &priority(1, 0)),
        flood("WINDOW_UPDATE of the connection", none(), &window_update(0, 1)),
        flood("WINDOW_UPDATE of a stream", post(1), &window_update(1, 1)),
        flood("unknown frames", none(), &frame(UNKNOWN, 0, 0, "")),
        flood("empty DATA", post(1), &data(0, 1, "")),
        flood("padded DATA of nothing", post(1), &data(PADDED, 1, [3, 0, 0, 0])),
        flood("DATA of one byte", post(1), &data(0, 1, " ")),
        flood(
            "CONTINUATION",
            headers(END_STREAM, 1, block(GET)),
            &continuation(0, 1, ""),
        ),
        case(
            "10.5",
            "streams that are opened and taken back",
            streams(&|stream| [post(stream), rst_stream(stream, 8)].concat()),
            connection(ENHANCE_YOUR_CALM),
        )
        .in_the_end(),
        case(
            "10.5",
            "streams that are opened and made to be reset by us",
            streams(&|stream| [post(stream), window_update(stream, MAX_31)].concat()),
            connection(ENHANCE_YOUR_CALM),
        )
        .in_the_end(),
        case(
            "10.5",
            "malformed requests",
            streams(&|stream| headers(WHOLE, stream, block("te=gzip"))),
            connection(ENHANCE_YOUR_CALM),
        )
        .in_the_end(),
    ]);
}
