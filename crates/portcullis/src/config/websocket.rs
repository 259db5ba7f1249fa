//! The WebSockets of an operation: as they are written, and settled.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::checked::seconds;
use super::text::{Name, Seconds, Size};

/// WebSockets, for operations that declare an answer 101 to GET. Their messages are not judged.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Websocket {
    /// The subprotocols that may be agreed on; a client has to offer one of them then. Default: none.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub(crate) protocols: Vec<Name>,
    /// How large a message may be, in either direction. Default: 64KiB.
    pub(crate) message_bytes_max: Option<Size>,
    /// How long both sides may be silent. Default: 300.
    pub(crate) idle_seconds_max: Option<Seconds>,
    /// How long one may stay open, whatever passes. Default: 3600.
    pub(crate) life_seconds_max: Option<Seconds>,
}

/// The WebSockets of one operation, settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) protocols: Vec<String>,
    pub(crate) message_bytes_max: u64,
    pub(crate) idle_time_max: Duration,
    pub(crate) life_time_max: Duration,
}

impl Websocket {
    pub(super) fn settle(&self) -> Settled {
        Settled {
            protocols: self.protocols.iter().map(|protocol| protocol.0.clone()).collect(),
            message_bytes_max: self.message_bytes_max.map_or(64 << 10, |size| size.0),
            idle_time_max: seconds(self.idle_seconds_max, 300),
            life_time_max: seconds(self.life_seconds_max, 3600),
        }
    }
}
