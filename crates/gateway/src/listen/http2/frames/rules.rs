//! What the header of a frame may say, given the frames before it: sizes, streams, order.
//!
//! Only rules that RFC 9113 ends the whole connection for, or that it lets do so, and only what is certain from the client's
//! own frames: a stream that we ended may still get some that were under way, so these are h2's to judge.

use super::{Frame, Kind, Offence, flag};

/// The largest payload that we take: what holds for a peer that announces nothing (RFC 9113 section 6.5.2).
const PAYLOAD_BYTES_MAX: u32 = 16 * 1024;
/// Frames of one header block; 32 of the smallest maximum size hold 512 KiB.
const BLOCK_FRAMES_MAX: u32 = 32;
/// How many of the streams that the client ended are remembered. Older ones are h2's to judge.
const ENDED_MAX: usize = 64;

/// What the frames so far mean for the next one.
#[derive(Debug)]
pub(super) struct Rules {
    block_bytes_max: u32,
    /// Whether the first frame came, which is SETTINGS (section 3.4).
    begun: bool,
    /// The header block that is under way.
    block: Option<Block>,
    /// The highest stream that the client opened.
    highest: u32,
    ended: Ended,
}

/// A header block without its end.
#[derive(Clone, Copy, Debug)]
struct Block {
    stream: u32,
    frames: u32,
    bytes: u32,
}

/// The streams that the client ended last, by `END_STREAM` or `RST_STREAM`; zero is none.
#[derive(Debug)]
struct Ended {
    streams: [u32; ENDED_MAX],
    next: usize,
}

impl Rules {
    /// The fields of one header block have at most `block_bytes_max` bytes, compressed.
    pub(super) fn new(block_bytes_max: u32) -> Self {
        Self {
            block_bytes_max,
            begun: false,
            block: None,
            highest: 0,
            ended: Ended {
                streams: [0; ENDED_MAX],
                next: 0,
            },
        }
    }

    /// Whether a header block is under way.
    pub(super) fn in_block(&self) -> bool {
        self.block.is_some()
    }

    /// Whether this frame may come now.
    ///
    /// # Errors
    /// Why it may not.
    pub(super) fn check(&mut self, frame: &Frame) -> Result<(), Offence> {
        self.check_order(frame)?;
        check_size(frame)?;
        self.check_stream(frame)?;
        if matches!(frame.kind, Kind::Headers | Kind::Continuation) {
            self.grow_block(frame)?;
        }
        let ends = matches!(frame.kind, Kind::Data | Kind::Headers) && frame.has(flag::END_STREAM);
        if ends || frame.kind == Kind::RstStream {
            self.ended.remember(frame.stream);
        }
        Ok(())
    }

    /// SETTINGS first (section 3.4), and nothing between the frames of a header block (section 4.3).
    fn check_order(&mut self, frame: &Frame) -> Result<(), Offence> {
        if !self.begun {
            self.begun = true;
            if frame.kind != Kind::Settings || frame.has(flag::ACK) {
                return Err(Offence::Order);
            }
        }
        match (self.block, frame.kind) {
            (Some(block), Kind::Continuation) if block.stream == frame.stream => Ok(()),
            (Some(_), _) | (None, Kind::Continuation | Kind::PushPromise) => Err(Offence::Order),
            (None, _) => Ok(()),
        }
    }

    /// Sections 5.1, 5.1.1 and the first rules of each frame in section 6.
    fn check_stream(&mut self, frame: &Frame) -> Result<(), Offence> {
        let of_connection = frame.stream == 0;
        // We open no stream, so an even one is never there.
        let ours = frame.stream.is_multiple_of(2);
        let idle = frame.stream > self.highest;
        match frame.kind {
            Kind::Settings | Kind::Ping | Kind::Goaway if !of_connection => Err(Offence::Order),
            Kind::Priority if of_connection => Err(Offence::Order),
            Kind::Data | Kind::Headers | Kind::RstStream if ours => Err(Offence::Order),
            Kind::WindowUpdate if ours && !of_connection => Err(Offence::Order),
            Kind::Data | Kind::RstStream | Kind::WindowUpdate if idle => Err(Offence::Order),
            Kind::Data | Kind::Headers if self.ended.has(frame.stream) => Err(Offence::StreamClosed),
            Kind::Headers if idle => {
                self.highest = frame.stream;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn grow_block(&mut self, frame: &Frame) -> Result<(), Offence> {
        let mut block = self.block.take().unwrap_or(Block {
            stream: frame.stream,
            frames: 0,
            bytes: 0,
        });
        block.frames += 1;
        block.bytes = block.bytes.saturating_add(frame.length);
        if block.frames > BLOCK_FRAMES_MAX || block.bytes > self.block_bytes_max {
            return Err(Offence::HeaderBlock);
        }
        if !frame.has(flag::END_HEADERS) {
            self.block = Some(block);
        }
        Ok(())
    }
}

/// Section 4.2, and the lengths of section 6.
fn check_size(frame: &Frame) -> Result<(), Offence> {
    let length = frame.length;
    let padding = u32::from(frame.has(flag::PADDED));
    let fits = match frame.kind {
        Kind::Data => length >= padding,
        Kind::Headers if frame.has(flag::PRIORITY) => length >= padding + 5,
        Kind::Headers => length >= padding,
        Kind::Priority => length == 5,
        Kind::RstStream | Kind::WindowUpdate => length == 4,
        Kind::Settings if frame.has(flag::ACK) => length == 0,
        Kind::Settings => length.is_multiple_of(6),
        Kind::Ping => length == 8,
        Kind::Goaway => length >= 8,
        Kind::PushPromise | Kind::Continuation | Kind::Unknown => true,
    };
    if fits && length <= PAYLOAD_BYTES_MAX {
        Ok(())
    } else {
        Err(Offence::Size)
    }
}

impl Ended {
    fn has(&self, stream: u32) -> bool {
        self.streams.contains(&stream)
    }

    fn remember(&mut self, stream: u32) {
        if self.has(stream) {
            return;
        }
        if let Some(place) = self.streams.get_mut(self.next) {
            *place = stream;
        }
        self.next = (self.next + 1) % ENDED_MAX;
    }
}
