//! Sends a request that passed every control to its upstream: a pool of connections per worker, bounded in time and number.
//!
//! It never judges, never changes a body, and never gives one client's answer to another: a connection returns to the
//! pool only after its response was read to the end, and a byte that answers no request ends the connection.

pub mod answer;
pub mod balance;
pub mod claimed;
mod connection;
pub mod deadline;
pub mod decode;
mod exchange;
pub mod headers;
mod http2;
pub mod pool;
mod request;
pub mod resolve;
mod stream;
mod switch;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod upstream;

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::body::BodyError;

pub use answer::Malformed;
pub(crate) use http2::body::Download;
pub use pool::{Pool, Usage};
pub use switch::Switched;
pub use upstream::{Protocol, Upstream};

/// The bounds of one worker's connections to one upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most connections, in use and idle together.
    pub connections_max: usize,
    /// Most idle connections; the one idle for longest goes first.
    pub idle_max: usize,
    /// How long a connection may stay idle.
    pub idle_time_max: Duration,
    /// Most requests that wait for a connection.
    pub queue_max: usize,
    /// How long a request waits for a connection.
    pub queue_time_max: Duration,
    /// From the look-up of the name to the open connection, over all its addresses.
    pub connect_time_max: Duration,
    /// From the request to the head of its final response; begins anew while a streamed body is still moving.
    pub head_time_max: Duration,
    /// Longest wait for the next bytes of a response body. Not counted while the client is the slow one.
    pub stall_time_max: Duration,
    /// From the start to the last byte of the response body.
    pub total_time_max: Duration,
    /// Replaces the last two for `text/event-stream`.
    pub event_stream_time_max: Duration,
    /// How much of an abandoned response is read so that its connection can be used again.
    pub drain_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 512,
            idle_max: 512,
            idle_time_max: Duration::from_secs(30),
            queue_max: 1024,
            queue_time_max: Duration::from_secs(1),
            connect_time_max: Duration::from_secs(2),
            head_time_max: Duration::from_secs(30),
            stall_time_max: Duration::from_secs(30),
            total_time_max: Duration::from_secs(60),
            event_stream_time_max: Duration::from_secs(3600),
            drain_bytes_max: 64 * 1024,
        }
    }
}

/// How long one request may take, where it differs from the pool's [`Limits`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Patience {
    /// In the place of [`Limits::head_time_max`].
    pub head_time_max: Option<Duration>,
    /// In the place of [`Limits::total_time_max`].
    pub total_time_max: Option<Duration>,
    /// In the place of [`Limits::event_stream_time_max`].
    pub event_stream_time_max: Option<Duration>,
    /// Never sent again once the upstream may have seen it, whatever its method.
    pub once: bool,
}

/// What ran out of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Opening a connection.
    Connect,
    /// Waiting for the head of the response.
    Head,
    /// The request as a whole.
    Total,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "no connection was made",
            Self::Head => "its answer did not begin",
            Self::Total => "the request took too long as a whole",
        })
    }
}

/// Why there is no answer to forward.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ForwardError {
    /// No address of the upstream could be connected to.
    #[error("cannot connect to the upstream: {0}")]
    Connect(String),
    /// Time ran out.
    #[error("the upstream did not answer in time: {0}")]
    Timeout(Phase),
    /// The response cannot be trusted.
    #[error("the upstream's response is malformed: {0:?}")]
    Malformed(Malformed),
    /// The upstream closed the connection before it answered.
    #[error("the upstream closed the connection before it answered")]
    Closed,
    /// No connection was free in time, or too many requests wait for one already.
    #[error("too many requests wait for the upstream")]
    Overloaded,
    /// So much has failed there lately that nothing is sent for a while.
    #[error("the circuit is open for {} ms more", .retry_after.as_millis())]
    CircuitOpen {
        /// How long.
        retry_after: Duration,
    },
    /// The client's request body failed while it was sent on.
    #[error("the request body failed: {0}")]
    RequestBody(BodyError),
    /// A request that must never be forwarded: CONNECT, or a target that is no path.
    #[error("this request cannot be forwarded")]
    Unsendable,
}
