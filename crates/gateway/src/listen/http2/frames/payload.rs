//! The few bytes of payloads that h2 would answer with another code than RFC 9113, or would go on after.

use super::{Frame, Kind, Offence, flag};

/// Bytes of one setting: which, and its value (RFC 9113 section 6.5.1).
const SETTING_BYTES: usize = 6;
const INITIAL_WINDOW_SIZE: u16 = 0x4;
/// The largest window (section 6.9.1).
const WINDOW_BYTES_MAX: u32 = 0x7fff_ffff;

/// What is looked for in the payload of a frame.
#[derive(Debug)]
pub(super) struct Payload {
    left: u32,
    kind: Kind,
    sought: Sought,
    /// The bytes that are being collected.
    seen: [u8; SETTING_BYTES],
    count: usize,
}

#[derive(Clone, Copy, Debug)]
enum Sought {
    Nothing,
    /// Every setting.
    Settings,
    /// The stream that the header block's stream depends on, behind so many bytes.
    Dependency {
        stream: u32,
        behind: usize,
    },
}

impl Payload {
    /// The payload of a frame; none where it has none.
    pub(super) fn of(frame: &Frame) -> Option<Self> {
        let sought = match frame.kind {
            Kind::Settings => Sought::Settings,
            Kind::Headers if frame.has(flag::PRIORITY) => Sought::Dependency {
                stream: frame.stream,
                behind: usize::from(frame.has(flag::PADDED)),
            },
            _ => Sought::Nothing,
        };
        (frame.length > 0).then_some(Self {
            left: frame.length,
            kind: frame.kind,
            sought,
            seen: [0; SETTING_BYTES],
            count: 0,
        })
    }

    pub(super) fn is_data(&self) -> bool {
        self.kind == Kind::Data
    }

    pub(super) fn is_read(&self) -> bool {
        self.left == 0
    }

    /// Reads on, and gives how many bytes were taken.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Result<usize, Offence> {
        let taken = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        self.left = self.left.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX));
        let mut rest = bytes.get(..taken).unwrap_or_default();
        while !matches!(self.sought, Sought::Nothing) && !rest.is_empty() {
            rest = self.collect(rest)?;
        }
        Ok(taken)
    }

    /// Collects what is sought, and gives what is behind it.
    fn collect<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], Offence> {
        let wanted = match self.sought {
            Sought::Nothing => 0,
            Sought::Settings => SETTING_BYTES,
            Sought::Dependency { behind, .. } => behind + 4,
        };
        let room = self.seen.get_mut(self.count..wanted).unwrap_or_default();
        let count = room.len().min(bytes.len());
        for (place, byte) in room.iter_mut().zip(bytes) {
            *place = *byte;
        }
        self.count += count;
        if self.count == wanted {
            self.count = 0;
            self.judge()?;
        }
        Ok(bytes.get(count..).unwrap_or_default())
    }

    fn judge(&mut self) -> Result<(), Offence> {
        let [a, b, c, d, e, f] = self.seen;
        match self.sought {
            Sought::Nothing => Ok(()),
            // Section 6.5.2; h2 calls it an error of the protocol.
            Sought::Settings => {
                let (name, value) = (u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f]));
                match name {
                    INITIAL_WINDOW_SIZE if value > WINDOW_BYTES_MAX => Err(Offence::Window),
                    _ => Ok(()),
                }
            }
            // RFC 7540 section 5.3.1. h2 would end the stream without reading the header block, and would read every later one
            // by tables that are no longer the client's (RFC 9113 section 4.3).
            Sought::Dependency { stream, behind } => {
                self.sought = Sought::Nothing;
                let named = match behind {
                    0 => u32::from_be_bytes([a, b, c, d]),
                    _ => u32::from_be_bytes([b, c, d, e]),
                };
                if named & WINDOW_BYTES_MAX == stream {
                    Err(Offence::Order)
                } else {
                    Ok(())
                }
            }
        }
    }
}
