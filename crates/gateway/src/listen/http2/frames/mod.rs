//! Follows the frames of one HTTP/2 connection in front of h2, and ends what RFC 9113 has a server end, with the code that it asks
//! for, and what costs a client nothing and us much: floods of pings, settings, resets, window updates, empty frames, and headers
//! that never end (threats: rapid reset, CONTINUATION flood, ping and settings floods).
//!
//! It changes nothing, and knows no header field: those, the windows, and what becomes of a stream that we ended are h2's. Pure: bytes
//! and times in, a verdict out.

mod allowance;
mod payload;
mod rules;

use std::time::Instant;

use allowance::{Allowances, Counted};
use payload::Payload;
use rules::Rules;

/// Bytes of the client's connection preface (RFC 9113 section 3.4).
const PREFACE_BYTES: usize = 24;
/// Bytes of a frame header (RFC 9113 section 4.1).
const HEADER_BYTES: usize = 9;
/// A DATA frame with fewer bytes, and not the last, moves next to nothing.
const DATA_BYTES_MIN: u32 = 16;

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offence {
    /// A frame that may not come here: `PROTOCOL_ERROR`.
    Order,
    /// A frame of a length that its type cannot have: `FRAME_SIZE_ERROR`.
    Size,
    /// A frame for a stream that the client ended: `STREAM_CLOSED`.
    StreamClosed,
    /// A window that is too large: `FLOW_CONTROL_ERROR`.
    Window,
    /// A header block that goes on for ever: `ENHANCE_YOUR_CALM`.
    HeaderBlock,
    /// Too many frames that cost nothing: `ENHANCE_YOUR_CALM`.
    Flood,
    /// A header block, or a frame other than DATA, that is begun and not ended in time: `ENHANCE_YOUR_CALM`.
    Late,
}

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Follower {
    place: Place,
    rules: Rules,
    allowances: Allowances,
    /// When what is [under way](Self::is_under_way) was begun.
    begun: Option<Instant>,
}

/// Where in the stream of frames.
#[derive(Debug)]
enum Place {
    Preface(usize),
    Header { read: [u8; HEADER_BYTES], count: usize },
    Payload(Payload),
}

/// A frame header.
#[derive(Debug)]
struct Frame {
    length: u32,
    kind: Kind,
    flags: u8,
    stream: u32,
}

/// The types of section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    Goaway,
    WindowUpdate,
    Continuation,
    Unknown,
}

/// The flags of section 6.
mod flag {
    pub(super) const END_STREAM: u8 = 0x1;
    pub(super) const ACK: u8 = 0x1;
    pub(super) const END_HEADERS: u8 = 0x4;
    pub(super) const PADDED: u8 = 0x8;
    pub(super) const PRIORITY: u8 = 0x20;
}

impl Follower {
    /// A connection that begins now; the fields of one header block have at most `block_bytes_max` bytes, compressed.
    pub(super) fn new(block_bytes_max: u32, now: Instant) -> Self {
        Self {
            place: Place::Preface(0),
            rules: Rules::new(block_bytes_max),
            allowances: Allowances::new(now),
            begun: None,
        }
    }

    /// Since when the client has owed the rest of a header block, or of a frame other than DATA.
    pub(super) fn unfinished(&self) -> Option<Instant> {
        self.begun
    }

    /// Bytes were written to the client.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.allowances.wrote(bytes);
    }

    /// Reads on; `bytes` are those that just arrived.
    ///
    /// # Errors
    /// Why the connection is to be ended. What comes after is not to be read any more.
    pub(super) fn advance(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), Offence> {
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
                Place::Payload(payload) => {
                    let taken = payload.advance(bytes)?;
                    if payload.is_read() {
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
                        self.place = Payload::of(&frame).map_or_else(next_header, Place::Payload);
                        self.frame(&frame, now)?;
                    }
                    taken
                }
            };
            bytes = bytes.get(taken..).unwrap_or_default();
            self.begun = self.begun.filter(|_| self.is_under_way());
        }
        if self.is_under_way() {
            self.begun.get_or_insert(now);
        }
        Ok(())
    }

    /// Whether a header block, or a frame other than DATA, has begun and not ended. While it lasts, nothing else can be read of any
    /// stream. DATA is waited for by whoever reads the body, and the preface by the handshake.
    fn is_under_way(&self) -> bool {
        let in_frame = match &self.place {
            Place::Preface(_) => false,
            Place::Header { count, .. } => *count > 0,
            Place::Payload(payload) => !payload.is_data(),
        };
        in_frame || self.rules.in_block()
    }

    fn frame(&mut self, frame: &Frame, now: Instant) -> Result<(), Offence> {
        self.rules.check(frame)?;
        match frame.costs_nothing() {
            Some(counted) if !self.allowances.take(counted, now) => Err(Offence::Flood),
            _ => Ok(()),
        }
    }
}

impl Frame {
    fn read(header: [u8; HEADER_BYTES]) -> Self {
        let [a, b, c, kind, flags, s, t, u, v] = header;
        Self {
            length: u32::from_be_bytes([0, a, b, c]),
            kind: Kind::read(kind),
            flags,
            // The first bit is reserved, and ignored (section 4.1).
            stream: u32::from_be_bytes([s & 0x7f, t, u, v]),
        }
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn costs_nothing(&self) -> Option<Counted> {
        match self.kind {
            Kind::Data if self.has(flag::END_STREAM) || self.length >= DATA_BYTES_MIN => None,
            Kind::Headers | Kind::Continuation => None,
            Kind::RstStream => Some(Counted::Reset),
            Kind::WindowUpdate => Some(Counted::WindowUpdate),
            _ => Some(Counted::Control),
        }
    }
}

impl Kind {
    fn read(byte: u8) -> Self {
        match byte {
            0x0 => Self::Data,
            0x1 => Self::Headers,
            0x2 => Self::Priority,
            0x3 => Self::RstStream,
            0x4 => Self::Settings,
            0x5 => Self::PushPromise,
            0x6 => Self::Ping,
            0x7 => Self::Goaway,
            0x8 => Self::WindowUpdate,
            0x9 => Self::Continuation,
            _ => Self::Unknown,
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
mod tests;
