//! Follows the frames of one direction of a WebSocket (RFC 6455 section 5): where each begins and ends, and that each is one
//! that this side may send.
//!
//! Pure: bytes in, number of bytes to pass on out. It never looks into a payload, and never holds one.

/// Most bytes of a control frame's payload (RFC 6455 section 5.5).
const CONTROL_BYTES_MAX: u64 = 125;
/// The longest header: two bytes, eight of length, four of mask.
const HEADER_BYTES_MAX: usize = 14;

/// Who sends the frames that are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Whose frames must be masked.
    Client,
    /// Whose frames must not.
    Server,
}

impl Sender {
    /// The other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Why nothing more may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Reserved bits or a reserved opcode, without an extension that gives them a meaning.
    Reserved,
    /// Masked by the server, or not masked by the client.
    Mask,
    /// A control frame in fragments or of more than 125 bytes, or a close frame of one byte.
    Control,
    /// A fragment of no message, or a message in the middle of another.
    Fragment,
    /// A length that is not written in the fewest bytes, or above 2^63.
    Length,
    /// Something after the close frame.
    AfterClose,
    /// The message is longer than its bound.
    TooLarge,
}

/// The position in one direction.
#[derive(Debug)]
pub struct Frames {
    sender: Sender,
    message_bytes_max: u64,
    /// Bytes of payload that are still to come.
    payload_left: u64,
    /// Bytes of the message whose next fragment is awaited.
    fragmented: Option<u64>,
    /// Whether the frame whose payload is coming is the close frame.
    closing: bool,
    closed: bool,
}

/// A frame's header.
struct Header {
    bytes: usize,
    last: bool,
    opcode: u8,
    payload_bytes: u64,
}

impl Frames {
    /// At the start, where messages of at most `message_bytes_max` may pass.
    #[must_use]
    pub fn new(sender: Sender, message_bytes_max: u64) -> Self {
        Self {
            sender,
            message_bytes_max,
            payload_left: 0,
            fragmented: None,
            closing: false,
            closed: false,
        }
    }

    /// How many of `bytes` may pass on; the rest must be shown again with more behind it. `bytes` begins with the first
    /// that did not pass.
    ///
    /// # Errors
    /// With the bytes that may still pass before it, a [`Violation`].
    pub fn advance(&mut self, bytes: &[u8]) -> Result<usize, (usize, Violation)> {
        let mut passed = 0;
        loop {
            let rest = bytes.get(passed..).unwrap_or_default();
            let here = usize::try_from(self.payload_left).unwrap_or(usize::MAX).min(rest.len());
            self.payload_left -= u64::try_from(here).unwrap_or(self.payload_left);
            passed += here;
            if self.payload_left > 0 {
                return Ok(passed);
            }
            self.closed |= self.closing;
            let rest = rest.get(here..).unwrap_or_default();
            if self.closed && !rest.is_empty() {
                return Err((passed, Violation::AfterClose));
            }
            match self.header(rest).map_err(|violation| (passed, violation))? {
                None => return Ok(passed),
                Some(header) => passed += header,
            }
        }
    }

    /// Whose frames they are.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender
    }

    /// Whether nothing of a frame passed whose end did not.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.payload_left == 0
    }

    /// Whether the close frame passed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Takes a whole header from the front of `bytes`: its length.
    fn header(&mut self, bytes: &[u8]) -> Result<Option<usize>, Violation> {
        let Some(header) = self.read(bytes)? else {
            return Ok(None);
        };
        let size = header.payload_bytes;
        match header.opcode {
            8..=10 if !header.last || size > CONTROL_BYTES_MAX => return Err(Violation::Control),
            8 if size == 1 => return Err(Violation::Control),
            8..=10 => self.closing = header.opcode == 8,
            0..=2 => self.message(&header)?,
            _ => return Err(Violation::Reserved),
        }
        self.payload_left = size;
        Ok(Some(header.bytes))
    }

    /// A frame of a message: the first one has its opcode, those that follow have 0.
    fn message(&mut self, header: &Header) -> Result<(), Violation> {
        let before = match (header.opcode, self.fragmented.take()) {
            (0, Some(before)) => before,
            (1 | 2, None) => 0,
            _ => return Err(Violation::Fragment),
        };
        let bytes = before.saturating_add(header.payload_bytes);
        if bytes > self.message_bytes_max {
            return Err(Violation::TooLarge);
        }
        self.fragmented = (!header.last).then_some(bytes);
        Ok(())
    }

    fn read(&self, bytes: &[u8]) -> Result<Option<Header>, Violation> {
        let [first, second, rest @ ..] = bytes.get(..bytes.len().min(HEADER_BYTES_MAX)).unwrap_or_default() else {
            return Ok(None);
        };
        if first & 0x70 != 0 {
            return Err(Violation::Reserved);
        }
        let masked = second & 0x80 != 0;
        if masked != (self.sender == Sender::Client) {
            return Err(Violation::Mask);
        }
        let (length_bytes, payload_bytes) = match (second & 0x7f, rest) {
            (126, [a, b, ..]) => (2, u64::from(u16::from_be_bytes([*a, *b]))),
            (127, [a, b, c, d, e, f, g, h, ..]) => (8, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h])),
            (126 | 127, _) => return Ok(None),
            (short, _) => (0, u64::from(short)),
        };
        let fewest = match payload_bytes {
            0..=125 => 0,
            126..=0xffff => 2,
            0x1_0000..=0x7fff_ffff_ffff_ffff => 8,
            _ => return Err(Violation::Length),
        };
        if length_bytes != fewest {
            return Err(Violation::Length);
        }
        let bytes_of_header = 2 + length_bytes + if masked { 4 } else { 0 };
        Ok((bytes.len() >= bytes_of_header).then_some(Header {
            bytes: bytes_of_header,
            last: first & 0x80 != 0,
            opcode: first & 0x0f,
            payload_bytes,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = 200;

    /// A frame of a server: the first byte, then a payload.
    fn frame(first: u8, payload_bytes: usize) -> Vec<u8> {
        let mut bytes = vec![first];
        match u16::try_from(payload_bytes).unwrap() {
            short @ 0..=125 => bytes.push(u8::try_from(short).unwrap()),
            long => {
                bytes.push(126);
                bytes.extend(long.to_be_bytes());
            }
        }
        bytes.extend(vec![b'x'; payload_bytes]);
        bytes
    }

    /// The same of a client.
    fn masked(first: u8, payload_bytes: usize) -> Vec<u8> {
        let mut bytes = frame(first, payload_bytes);
        bytes[1] |= 0x80;
        let header = bytes.len() - payload_bytes;
        bytes.splice(header..header, [1, 2, 3, 4]);
        bytes
    }

    /// What passes of bytes that are shown so many at a time, and the verdict.
    fn follow(sender: Sender, bytes: &[u8], step: usize) -> (usize, Option<Violation>, Frames) {
        let mut frames = Frames::new(sender, MAX);
        let (mut passed, mut shown) = (0, 0);
        while shown < bytes.len() {
            shown = bytes.len().min(shown + step);
            match frames.advance(&bytes[passed..shown]) {
                Ok(more) => passed += more,
                Err((more, violation)) => return (passed + more, Some(violation), frames),
            }
        }
        (passed, None, frames)
    }

    #[test]
    fn frames_that_each_side_may_send() {
        let check = |sender, parts: &[Vec<u8>]| {
            let bytes = parts.concat();
            for step in [1, 2, 3, 7, 1000] {
                let (passed, violation, frames) = follow(sender, &bytes, step);
                assert_eq!((passed, violation), (bytes.len(), None), "{bytes:?} by {step}");
                assert!(frames.is_between());
            }
        };
        check(
            Sender::Server,
            &[frame(0x81, 0), frame(0x82, 125), frame(0x81, 126), frame(0x81, 200)],
        );
        check(
            Sender::Client,
            &[masked(0x81, 0), masked(0x82, 125), masked(0x81, 126), masked(0x89, 4)],
        );
        let fragments = [
            frame(0x01, 100),
            frame(0x89, 125),
            frame(0x00, 50),
            frame(0x80, 50),
            frame(0x81, 200),
        ];
        check(Sender::Server, &fragments);
        check(Sender::Server, &[frame(0x88, 0)]);
        check(Sender::Server, &[frame(0x88, 2)]);
    }

    #[test]
    fn frames_that_no_side_may_send() {
        let check = |sender, bad: Vec<u8>, expected| {
            let good = if sender == Sender::Client {
                masked(0x81, 5)
            } else {
                frame(0x81, 5)
            };
            let bytes = [good.clone(), bad].concat();
            for step in [1, 3, 1000] {
                let (passed, violation, frames) = follow(sender, &bytes, step);
                assert_eq!((passed, violation), (good.len(), Some(expected)), "{bytes:?} by {step}");
                assert!(frames.is_between());
            }
        };
        let server = |bad, expected| check(Sender::Server, bad, expected);
        check(Sender::Client, frame(0x81, 1), Violation::Mask);
        server(masked(0x81, 1), Violation::Mask);
        for reserved in [0xc1, 0xa1, 0x91, 0x83, 0x87, 0x8b, 0x8f] {
            server(frame(reserved, 1), Violation::Reserved);
        }
        for control in [0x08, 0x09, 0x0a] {
            server(frame(control, 1), Violation::Control);
            server(frame(0x80 | control, 126), Violation::Control);
        }
        server(frame(0x88, 1), Violation::Control);
        server(frame(0x80, 1), Violation::Fragment);
        server(frame(0x00, 1), Violation::Fragment);
        server(vec![0x82, 126, 0, 125], Violation::Length);
        server(vec![0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], Violation::Length);
        server(vec![0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], Violation::Length);
        server(frame(0x82, 201), Violation::TooLarge);
        server(vec![0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0], Violation::TooLarge);
    }

    #[test]
    fn what_follows_the_start_of_a_message() {
        let check = |parts: &[Vec<u8>], passes: usize, expected| {
            let bytes = parts.concat();
            let (passed, violation, _) = follow(Sender::Server, &bytes, 10);
            assert_eq!((passed, violation), (parts[..passes].concat().len(), Some(expected)));
        };
        check(&[frame(0x01, 1), frame(0x81, 1)], 1, Violation::Fragment);
        check(&[frame(0x01, 150), frame(0x80, 51)], 1, Violation::TooLarge);
        check(
            &[frame(0x01, 1), frame(0x80, 1), frame(0x80, 1)],
            2,
            Violation::Fragment,
        );
        check(&[frame(0x88, 2), frame(0x81, 1)], 1, Violation::AfterClose);
    }

    #[test]
    fn the_middle_of_a_frame_is_known() {
        let (passed, _, frames) = follow(Sender::Server, &frame(0x81, 100)[..50], 50);
        assert_eq!((passed, frames.is_between(), frames.is_closed()), (50, false, false));
        let (_, _, frames) = follow(Sender::Server, &frame(0x88, 2)[..3], 3);
        assert!(!frames.is_closed());
        let (_, _, frames) = follow(Sender::Server, &frame(0x88, 2), 4);
        assert!(frames.is_closed());
    }
}
