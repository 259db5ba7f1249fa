//! Follows the frames of one HTTP/2 connection and stops what costs a client nothing and us much: floods of pings, settings, resets,
//! window updates, empty frames, and headers that never end (threats: rapid reset, CONTINUATION flood, ping and settings floods).
//!
//! It reads frame headers only and changes nothing; what frames mean, and in which order they may come, is h2's to judge. Pure: bytes
//! and times in, a verdict out.

use std::time::{Duration, Instant};

/// Bytes of the client's connection preface (RFC 9113 section 3.4).
const PREFACE_BYTES: usize = 24;
/// Bytes of a frame header (RFC 9113 section 4.1).
const HEADER_BYTES: usize = 9;

/// Frames of one header block; 32 of the smallest maximum size hold 512 KiB.
const BLOCK_FRAMES_MAX: u32 = 32;
/// A DATA frame with fewer bytes, and not the last, moves next to nothing.
const DATA_BYTES_MIN: u32 = 16;
/// How much may be written for each window update.
const BYTES_PER_WINDOW_UPDATE: u64 = 512;

/// Frames that cost the client nothing: pings, settings, priorities, unknown ones, and tiny data.
const CONTROL: Allowance = Allowance {
    burst: 1_000,
    per_second: 200,
};
/// Streams that the client opens and takes back.
const RESETS: Allowance = Allowance {
    burst: 200,
    per_second: 50,
};
/// Window updates beyond what was written.
const WINDOW_UPDATES: Allowance = Allowance {
    burst: 1_000,
    per_second: 200,
};

/// What a client does too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flood {
    /// Frames without effect.
    Control,
    /// Streams that are opened and taken back.
    Resets,
    /// Window updates.
    WindowUpdates,
    /// A header block that goes on for ever.
    HeaderBlock,
}

/// So many at once, and so many more each second.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    burst: u32,
    per_second: u32,
}

/// What is left of an allowance.
#[derive(Debug)]
struct Purse {
    allowance: Allowance,
    left: u32,
    since: Instant,
}

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Follower {
    place: Place,
    block: Block,
    block_bytes_max: u32,
    control: Purse,
    resets: Purse,
    window_updates: Purse,
    /// Window updates that what was written pays for.
    credit: u64,
    written: u64,
}

/// Where in the stream of frames.
#[derive(Debug)]
enum Place {
    Preface(usize),
    Header { read: [u8; HEADER_BYTES], count: usize },
    Payload(u32),
}

/// The header block that is under way, if one is.
#[derive(Debug, Default)]
struct Block {
    frames: u32,
    bytes: u32,
}

/// A frame header, as far as it matters here.
struct Frame {
    length: u32,
    kind: u8,
    flags: u8,
}

impl Purse {
    fn new(allowance: Allowance, now: Instant) -> Self {
        Self {
            allowance,
            left: allowance.burst,
            since: now,
        }
    }

    /// Takes one; false when nothing is left.
    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since);
        if passed >= Duration::from_secs(1) {
            let seconds = u32::try_from(passed.as_secs()).unwrap_or(u32::MAX);
            let more = self.allowance.per_second.saturating_mul(seconds);
            self.left = self.left.saturating_add(more).min(self.allowance.burst);
            self.since = now;
        }
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

impl Follower {
    /// A connection that begins now; the fields of one header block have at most `block_bytes_max` bytes, compressed.
    pub(super) fn new(block_bytes_max: u32, now: Instant) -> Self {
        Self {
            place: Place::Preface(0),
            block: Block::default(),
            block_bytes_max,
            control: Purse::new(CONTROL, now),
            resets: Purse::new(RESETS, now),
            window_updates: Purse::new(WINDOW_UPDATES, now),
            credit: 0,
            written: 0,
        }
    }

    /// Bytes were written to the client.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.written = self.written.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Reads on; `bytes` are those that just arrived.
    ///
    /// # Errors
    /// What there is too much of.
    pub(super) fn advance(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), Flood> {
        while !bytes.is_empty() {
            let taken = match &mut self.place {
                Place::Preface(count) => {
                    let taken = bytes.len().min(PREFACE_BYTES - *count);
                    *count += taken;
                    if *count == PREFACE_BYTES {
                        self.place = next_header();
                    }
                    taken
                }
                Place::Payload(left) => {
                    let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    *left = left.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX));
                    if *left == 0 {
                        self.place = next_header();
                    }
                    taken
                }
                Place::Header { read, count } => {
                    let room = read.get_mut(*count..).unwrap_or_default();
                    let taken = room.len().min(bytes.len());
                    for (place, byte) in room.iter_mut().zip(bytes) {
                        *place = *byte;
                    }
                    *count += taken;
                    if *count == HEADER_BYTES {
                        let frame = Frame::read(*read);
                        self.place = match frame.length {
                            0 => next_header(),
                            length => Place::Payload(length),
                        };
                        self.frame(&frame, now)?;
                    }
                    taken
                }
            };
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    fn frame(&mut self, frame: &Frame, now: Instant) -> Result<(), Flood> {
        const END_STREAM: u8 = 0x1;
        const END_HEADERS: u8 = 0x4;
        let (purse, flood) = match frame.kind {
            // DATA
            0x0 if frame.flags & END_STREAM == 0 && frame.length < DATA_BYTES_MIN => {
                (&mut self.control, Flood::Control)
            }
            0x0 => return Ok(()),
            // HEADERS, CONTINUATION
            0x1 | 0x9 => {
                self.block.frames += 1;
                self.block.bytes = self.block.bytes.saturating_add(frame.length);
                if self.block.frames > BLOCK_FRAMES_MAX || self.block.bytes > self.block_bytes_max {
                    return Err(Flood::HeaderBlock);
                }
                if frame.flags & END_HEADERS != 0 {
                    self.block = Block::default();
                }
                return Ok(());
            }
            // RST_STREAM
            0x3 => (&mut self.resets, Flood::Resets),
            // WINDOW_UPDATE
            0x8 => {
                if self.paid_window_update() {
                    return Ok(());
                }
                (&mut self.window_updates, Flood::WindowUpdates)
            }
            // PRIORITY, SETTINGS, PUSH_PROMISE, PING, GOAWAY and what is unknown
            _ => (&mut self.control, Flood::Control),
        };
        if purse.take(now) { Ok(()) } else { Err(flood) }
    }

    /// Whether what was written since pays for a window update.
    fn paid_window_update(&mut self) -> bool {
        self.credit += std::mem::take(&mut self.written);
        let left = self.credit.checked_sub(BYTES_PER_WINDOW_UPDATE);
        self.credit = left.unwrap_or(self.credit);
        left.is_some()
    }
}

impl Frame {
    fn read(header: [u8; HEADER_BYTES]) -> Self {
        let [a, b, c, kind, flags, ..] = header;
        Self {
            length: u32::from_be_bytes([0, a, b, c]),
            kind,
            flags,
        }
    }
}

fn next_header() -> Place {
    Place::Header {
        read: [0; HEADER_BYTES],
        count: 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, length: u32) -> Vec<u8> {
        let [_, a, b, c] = length.to_be_bytes();
        let mut bytes = vec![a, b, c, kind, flags, 0, 0, 0, 1];
        bytes.resize(HEADER_BYTES + usize::try_from(length).unwrap(), 0);
        bytes
    }

    /// How many of `frame` pass before it is a flood, `apart` from one another.
    fn passes(frame: &[u8], apart: Duration) -> (usize, Option<Flood>) {
        let start = Instant::now();
        let mut follower = Follower::new(64 * 1024, start);
        follower.advance(&[b'x'; PREFACE_BYTES], start).unwrap();
        for count in 0..5_000_u32 {
            if let Err(flood) = follower.advance(frame, start + apart * count) {
                return (usize::try_from(count).unwrap(), Some(flood));
            }
        }
        (5_000, None)
    }

    #[test]
    fn http_5_frames_that_cost_nothing_are_counted() {
        for (kind, flags, length, passed, flood) in [
            (0x6, 0, 8, 1_000, Flood::Control),
            (0x4, 0, 6, 1_000, Flood::Control),
            (0x4, 0, 0, 1_000, Flood::Control),
            (0x2, 0, 5, 1_000, Flood::Control),
            (0x5, 0, 5, 1_000, Flood::Control),
            (0xee, 0, 5, 1_000, Flood::Control),
            (0x0, 0, 0, 1_000, Flood::Control),
            (0x0, 0, 1, 1_000, Flood::Control),
            (0x3, 0, 4, 200, Flood::Resets),
            (0x8, 0, 4, 1_000, Flood::WindowUpdates),
            (0x9, 0, 0, 32, Flood::HeaderBlock),
            (0x9, 0, 16_384, 4, Flood::HeaderBlock),
        ] {
            let found = passes(&frame(kind, flags, length), Duration::ZERO);
            assert_eq!(found, (passed, Some(flood)), "{kind:#x}");
        }
    }

    #[test]
    fn what_works_passes_without_end() {
        for (kind, flags, length) in [(0x0, 0, 16_384), (0x0, 1, 0), (0x1, 4, 100), (0x9, 4, 10)] {
            assert_eq!(passes(&frame(kind, flags, length), Duration::ZERO).1, None, "{kind:#x}");
        }
        // A ping every 10 ms, a reset every 50 ms.
        assert_eq!(passes(&frame(0x6, 0, 8), Duration::from_millis(10)).1, None);
        assert_eq!(passes(&frame(0x3, 0, 4), Duration::from_millis(50)).1, None);
    }

    #[test]
    fn window_updates_are_paid_for_by_what_was_written() {
        let now = Instant::now();
        let mut follower = Follower::new(1, now);
        follower.advance(&[0; PREFACE_BYTES], now).unwrap();
        for _ in 0..10_000 {
            follower.wrote(512);
            follower.advance(&frame(0x8, 0, 4), now).unwrap();
        }
    }

    proptest! {
        #[test]
        fn the_verdict_does_not_depend_on_the_reads(
            frames in proptest::collection::vec((0_u8..12, any::<u8>(), 0_u32..40), 0..400),
            reads in proptest::collection::vec(1_usize..50, 1..20),
        ) {
            let now = Instant::now();
            let mut bytes = vec![0; PREFACE_BYTES];
            for (kind, flags, length) in frames {
                bytes.extend(frame(kind, flags, length));
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
}
