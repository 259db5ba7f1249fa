//! WebSockets (RFC 6455) over HTTP/1.1, for operations whose contract declares one: the handshake is held against the letter,
//! frames are followed and bounded, and what their payloads say is not judged, visibly.

pub mod frames;
pub mod handshake;
pub(crate) mod open;
pub(crate) mod tunnel;

use std::time::Duration;

use frames::{Sender, Violation};

/// What an operation's WebSockets may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The subprotocols that may be agreed on; none: no subprotocol.
    pub protocols: Vec<Box<str>>,
    /// How much, and for how long.
    pub bounds: Bounds,
}

/// The bounds of one WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most bytes of one message, over all its fragments, in either direction.
    pub message_bytes_max: u64,
    /// Longest silence of both sides together.
    pub idle_time_max: Duration,
    /// From the handshake until it is closed, whatever passes. It ends earlier with what its caller was let in by.
    pub life_time_max: Duration,
}

/// How a WebSocket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Both sides said so.
    Closed,
    /// The client left without a word.
    ClientLeft,
    /// So did the upstream.
    UpstreamLeft,
    /// A side broke a rule.
    Violated(Sender, Violation),
    /// Nothing passed for too long.
    Idle,
    /// Its life is over.
    Expired,
    /// What its caller was let in by is no longer good.
    CredentialEnded,
    /// The gate stops.
    Drained,
}

impl Ended {
    fn left(who: Sender) -> Self {
        match who {
            Sender::Client => Self::ClientLeft,
            Sender::Server => Self::UpstreamLeft,
        }
    }

    /// The codes of the close frames for client and upstream (RFC 6455 section 7.4.1).
    fn codes(self) -> (Option<u16>, Option<u16>) {
        const GOING_AWAY: Option<u16> = Some(1001);
        const POLICY: Option<u16> = Some(1008);
        const FAILED: Option<u16> = Some(1011);
        // Registered with IANA (RFC 6455 section 11.7); a client that reads it gets itself another credential.
        const UNAUTHORIZED: Option<u16> = Some(3000);
        match self {
            Self::Closed => (None, None),
            Self::ClientLeft => (None, GOING_AWAY),
            Self::UpstreamLeft => (FAILED, None),
            Self::Violated(Sender::Client, violation) => (Some(code_of(violation)), GOING_AWAY),
            Self::Violated(Sender::Server, violation) => (FAILED, Some(code_of(violation))),
            Self::Idle | Self::Drained => (GOING_AWAY, GOING_AWAY),
            Self::Expired => (POLICY, GOING_AWAY),
            Self::CredentialEnded => (UNAUTHORIZED, GOING_AWAY),
        }
    }

    /// As one word for the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::ClientLeft => "client left",
            Self::UpstreamLeft => "upstream left",
            Self::Violated(Sender::Client, Violation::TooLarge) => "client's message too large",
            Self::Violated(Sender::Client, _) => "client broke the protocol",
            Self::Violated(Sender::Server, Violation::TooLarge) => "upstream's message too large",
            Self::Violated(Sender::Server, _) => "upstream broke the protocol",
            Self::Idle => "idle",
            Self::Expired => "life over",
            Self::CredentialEnded => "credential ended",
            Self::Drained => "gate stops",
        }
    }
}

fn code_of(violation: Violation) -> u16 {
    match violation {
        Violation::TooLarge => 1009,
        _ => 1002,
    }
}
