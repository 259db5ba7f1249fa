//! What passes, what ends a connection, and that it does not depend on how the bytes arrive.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![a, b, c, kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The preface and empty settings.
fn beginning() -> Vec<u8> {
    let mut bytes = vec![b'x'; PREFACE_BYTES];
    bytes.extend(frame(0x4, 0, 0, b""));
    bytes
}

fn follower(now: Instant) -> Follower {
    let mut follower = Follower::new(64 * 1024, now);
    follower.advance(&beginning(), now).unwrap();
    follower
}

#[track_caller]
fn check(frames: &[Vec<u8>], expected: Result<(), Offence>) {
    let now = Instant::now();
    let found = follower(now).advance(&frames.concat(), now);
    assert_eq!(found, expected, "{frames:?}");
}

/// HEADERS that open a stream.
fn headers(flags: u8, stream: u32) -> Vec<u8> {
    frame(0x1, flags, stream, &[0x82])
}

#[test]
fn the_first_frame_is_settings() {
    let now = Instant::now();
    for first in [headers(0x5, 1), frame(0x4, 0x1, 0, b""), frame(0x6, 0, 0, &[0; 8])] {
        let mut follower = Follower::new(1_000, now);
        follower.advance(&[0; PREFACE_BYTES], now).unwrap();
        assert_eq!(follower.advance(&first, now), Err(Offence::Order), "{first:?}");
    }
}

#[test]
fn frames_have_the_size_of_their_type() {
    for (kind, flags, stream, length) in [
        (0x0, 0x8, 1, 0),
        (0x0, 0, 1, 16_385),
        (0x1, 0x24, 3, 4),
        (0x1, 0x2c, 3, 5),
        (0x1, 0xc, 3, 0),
        (0x1, 0x4, 3, 16_385),
        (0x2, 0, 1, 4),
        (0x3, 0, 1, 5),
        (0x4, 0, 0, 7),
        (0x4, 1, 0, 6),
        (0x6, 0, 0, 7),
        (0x7, 0, 0, 7),
        (0x8, 0, 0, 3),
        (0xee, 0, 0, 16_385),
    ] {
        let bad = frame(kind, flags, stream, &vec![0; length]);
        check(&[headers(0x4, 1), bad], Err(Offence::Size));
    }
}

#[test]
fn frames_are_for_streams_that_are_there() {
    for bad in [
        frame(0x0, 0, 0, b"x"),
        headers(0x4, 0),
        headers(0x4, 2),
        frame(0x2, 0, 0, &[0; 5]),
        frame(0x3, 0, 0, &[0; 4]),
        frame(0x3, 0, 2, &[0; 4]),
        frame(0x4, 0, 1, b""),
        frame(0x6, 0, 1, &[0; 8]),
        frame(0x7, 0, 1, &[0; 8]),
        frame(0x5, 0x4, 1, &[0; 4]),
        frame(0x9, 0x4, 1, b""),
        frame(0x8, 0, 2, &[0, 0, 0, 1]),
        frame(0x0, 0, 3, b"x"),
        frame(0x3, 0, 3, &[0; 4]),
        frame(0x8, 0, 3, &[0, 0, 0, 1]),
    ] {
        check(&[headers(0x4, 1), bad], Err(Offence::Order));
    }
    // In any state, for any stream.
    check(&[frame(0x2, 0, 2, &[0; 5]), frame(0x2, 0, 99, &[0; 5])], Ok(()));
    check(&[headers(0x4, 0x8000_0001), frame(0x0, 0x1, 1, b"x")], Ok(()));
}

#[test]
fn a_stream_that_the_client_ended_gets_no_more() {
    let data = || frame(0x0, 0, 1, b"x");
    for end in [frame(0x0, 0x1, 1, b""), headers(0x5, 1), frame(0x3, 0, 1, &[0; 4])] {
        check(&[headers(0x4, 1), end.clone(), data()], Err(Offence::StreamClosed));
        check(
            &[headers(0x4, 1), end.clone(), headers(0x5, 1)],
            Err(Offence::StreamClosed),
        );
        let late = [
            frame(0x3, 0, 1, &[0; 4]),
            frame(0x8, 0, 1, &[0, 0, 0, 1]),
            frame(0x2, 0, 1, &[0; 5]),
        ];
        check(&[headers(0x4, 1), end, late.concat()], Ok(()));
    }
    // One that is forgotten is for h2 to judge.
    let many: Vec<_> = (0..100).map(|number| headers(0x5, number * 2 + 1)).collect();
    check(&[many.concat(), data()], Ok(()));
    check(&[many.concat(), frame(0x0, 0, 199, b"x")], Err(Offence::StreamClosed));
}

#[test]
fn a_header_block_is_not_interrupted() {
    let more = |flags| frame(0x9, flags, 1, &[0x84]);
    check(&[headers(0x1, 1), more(0), more(0x4)], Ok(()));
    for bad in [
        frame(0x6, 0, 0, &[0; 8]),
        frame(0xee, 0, 0, b""),
        headers(0x5, 1),
        frame(0x9, 0x4, 3, b""),
    ] {
        check(&[headers(0x1, 1), bad], Err(Offence::Order));
    }
    check(&[headers(0x1, 1), more(0x4), more(0x4)], Err(Offence::Order));
}

#[test]
fn payloads_are_read_where_h2_would_go_on() {
    let setting = |name: u16, value: u32| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat();
    let settings = |payload: &[u8]| frame(0x4, 0, 0, payload);
    check(&[settings(&setting(4, 0x7fff_ffff))], Ok(()));
    check(&[settings(&setting(5, 0x8000_0000))], Ok(()));
    check(&[settings(&setting(4, 0x8000_0000))], Err(Offence::Window));
    let second = [setting(3, 1), setting(4, u32::MAX)].concat();
    check(&[settings(&second)], Err(Offence::Window));
    let depends = |flags, payload: &[u8]| frame(0x1, flags, 3, payload);
    check(&[depends(0x25, &[0, 0, 0, 1, 9, 0x82])], Ok(()));
    check(&[depends(0x25, &[0x80, 0, 0, 3, 9, 0x82])], Err(Offence::Order));
    check(&[depends(0x2d, &[0, 0x80, 0, 0, 3, 9, 0x82])], Err(Offence::Order));
    check(&[depends(0x5, &[0, 0, 0, 3, 9])], Ok(()));
}

/// How many of `frame` pass before one does not, `apart` from one another.
fn passes(frame: &[u8], apart: Duration) -> (usize, Option<Offence>) {
    let start = Instant::now();
    let mut follower = follower(start);
    follower.advance(&headers(0x4, 1), start).unwrap();
    for count in 0..5_000_u32 {
        if let Err(offence) = follower.advance(frame, start + apart * count) {
            return (usize::try_from(count).unwrap(), Some(offence));
        }
    }
    (5_000, None)
}

#[test]
fn http_5_frames_that_cost_nothing_are_counted() {
    for (kind, stream, length, passed) in [
        (0x6, 0, 8, 999),
        (0x4, 0, 6, 999),
        (0x4, 0, 0, 999),
        (0x2, 1, 5, 999),
        (0xee, 1, 5, 999),
        (0x0, 1, 0, 999),
        (0x0, 1, 1, 999),
        (0x3, 1, 4, 200),
        (0x8, 1, 4, 1_000),
    ] {
        let found = passes(&frame(kind, 0, stream, &vec![0; length]), Duration::ZERO);
        assert_eq!(found, (passed, Some(Offence::Flood)), "{kind:#x}");
    }
}

#[test]
fn http_5_a_header_block_ends() {
    for (length, passed) in [(0, 31), (16_000, 4)] {
        let now = Instant::now();
        let mut follower = follower(now);
        follower.advance(&headers(0, 1), now).unwrap();
        let more = frame(0x9, 0, 1, &vec![0; length]);
        for _ in 0..passed {
            follower.advance(&more, now).unwrap();
        }
        assert_eq!(follower.advance(&more, now), Err(Offence::HeaderBlock), "{length}");
    }
}

#[test]
fn http_5_what_is_begun_is_known_until_it_has_ended() {
    let start = Instant::now();
    let mut follower = follower(start);
    // Read so many seconds after the start, and since when something is unfinished then.
    let mut check = |seconds: u64, bytes: &[u8], expected: Option<u64>| {
        follower.advance(bytes, start + Duration::from_secs(seconds)).unwrap();
        let since = follower.unfinished().map(|since| (since - start).as_secs());
        assert_eq!(since, expected, "after {seconds} seconds");
    };
    let block = frame(0x1, flag::END_STREAM, 1, b"abc");
    check(0, b"", None);
    check(1, &block[..1], Some(1));
    check(2, &block[1..9], Some(1));
    check(3, &block[9..], Some(1));
    check(4, &frame(0x9, 0, 1, b"d"), Some(1));
    check(5, &frame(0x9, flag::END_HEADERS, 1, b"ef")[..10], Some(1));
    // Its last byte, and the first of what comes next.
    check(6, b"f\0", Some(6));
    let ping = frame(0x6, 0, 0, &[0; 8]);
    check(7, &ping[1..12], Some(6));
    check(8, &ping[12..], None);
    check(9, &frame(0x1, flag::END_HEADERS, 3, b"abc"), None);
    // A body has deadlines of its own.
    let data = frame(0x0, 0, 3, &[b'x'; 20]);
    check(10, &data[..4], Some(10));
    check(11, &data[4..15], None);
    check(12, &data[15..], None);
    check(13, &[&data[..], &ping[..]].concat(), None);
}

#[test]
fn what_works_passes_without_end() {
    assert_eq!(passes(&frame(0x0, 0, 1, &[0; 16_384]), Duration::ZERO).1, None);
    // A ping every 10 ms, a reset every 50 ms.
    assert_eq!(passes(&frame(0x6, 0, 0, &[0; 8]), Duration::from_millis(10)).1, None);
    assert_eq!(passes(&frame(0x3, 0, 1, &[0; 4]), Duration::from_millis(50)).1, None);
    let now = Instant::now();
    let mut follower = follower(now);
    for number in 0..5_000 {
        let stream = number * 2 + 1;
        let request = [
            headers(0, stream),
            frame(0x9, 0x4, stream, &[0x84]),
            frame(0x0, 0x1, stream, b""),
        ];
        follower.advance(&request.concat(), now).unwrap();
    }
}

#[test]
fn window_updates_are_paid_for_by_what_was_written() {
    let now = Instant::now();
    let mut follower = follower(now);
    for _ in 0..10_000 {
        follower.wrote(512);
        follower.advance(&frame(0x8, 0, 0, &[0, 0, 0, 1]), now).unwrap();
    }
}

proptest! {
    #[test]
    fn the_verdict_does_not_depend_on_the_reads(
        frames in proptest::collection::vec((0_u8..12, any::<u8>(), 0_u32..6, 0_usize..40), 0..400),
        reads in proptest::collection::vec(1_usize..50, 1..20),
    ) {
        let now = Instant::now();
        let mut bytes = beginning();
        for (kind, flags, stream, length) in frames {
            bytes.extend(frame(kind, flags, stream, &vec![0; length]));
        }
        let whole = Follower::new(1_000, now).advance(&bytes, now);
        let mut follower = Follower::new(1_000, now);
        let mut pieces = Ok(());
        let mut rest = bytes.as_slice();
        for read in reads.iter().cycle() {
            if rest.is_empty() || pieces.is_err() {
                break;
            }
            let (now_read, later) = rest.split_at((*read).min(rest.len()));
            pieces = follower.advance(now_read, now);
            rest = later;
        }
        prop_assert_eq!(whole, pieces);
    }
}
