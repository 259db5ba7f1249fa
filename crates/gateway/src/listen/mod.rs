//! Listening: sockets, strict HTTP/1.1 in front of hyper, deadlines, draining.
//!
//! What leaves here as [`Received`] is one unambiguous request with a canonical path, from a known client. Nothing here knows a
//! contract, and nothing here ever repairs what a client sent: it is served as it is, or refused.

mod admission;
mod client_address;
mod connection;
mod deadline;
mod framing;
mod head;
mod path;
mod request_id;
mod socket;
mod strict;
mod worker;

use std::rc::Rc;
use std::time::Instant;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use hyper::body::Incoming;

pub use client_address::{Client, ClientHeader, Scheme, TrustedProxies};
pub use deadline::Deadlines;
pub use framing::{Framing, Step};
pub use head::{Bounds, Malformed};
pub use path::{PathProblem, PathRules, check_path};
pub use request_id::RequestId;
pub use socket::Sockets;
pub use worker::{Drained, Serve, Settings, WorkerIndex, Workers};

use crate::refusal::Refusal;
use strict::Wire;

/// A request that passed the listener: strictly framed HTTP with a canonical path. Only the listener makes one.
#[derive(Debug)]
pub struct Received {
    /// On the heap: it passes from control to control.
    head: Box<ReceivedHead>,
    body: Incoming,
}

/// Everything of a request but its body.
#[derive(Debug)]
pub struct ReceivedHead {
    /// As sent: the URI may be in absolute form, its path and query are what goes on.
    pub parts: Parts,
    /// How, when and from whom it came.
    pub arrival: Arrival,
}

/// How, when and from whom a request came.
#[derive(Clone, Debug)]
pub struct Arrival {
    id: RequestId,
    client: Client,
    at: Instant,
    body: BodyState,
}

/// Tells why a request's body could not be read to its end. Cheap to clone, stays in its worker.
#[derive(Clone, Debug)]
pub struct BodyState {
    wire: Rc<Wire>,
    number: u64,
}

impl Received {
    fn new(parts: Parts, body: Incoming, arrival: Arrival) -> Self {
        let head = Box::new(ReceivedHead { parts, arrival });
        Self { head, body }
    }

    /// The method, as sent.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.head.parts.method
    }

    /// The canonical path, as sent, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.head.parts.uri.path()
    }

    /// The path and the query as sent, to be forwarded byte for byte.
    #[must_use]
    pub fn target(&self) -> &str {
        self.head
            .parts
            .uri
            .path_and_query()
            .map_or("/", http::uri::PathAndQuery::as_str)
    }

    /// The headers, as sent.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.parts.headers
    }

    /// The target, as sent.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.head.parts.uri
    }

    /// The headers, for taking out those of this hop.
    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.head.parts.headers
    }

    /// `Host`: exactly one, well-formed (`host` or `host:port`), and equal to the target's authority if it has one.
    #[must_use]
    pub fn host(&self) -> &str {
        self.head
            .parts
            .headers
            .get(header::HOST)
            .map(HeaderValue::to_str)
            .and_then(Result::ok)
            .unwrap_or_default()
    }

    /// How, when and from whom the request came.
    #[must_use]
    pub fn arrival(&self) -> &Arrival {
        &self.head.arrival
    }

    /// Takes the request apart: its head, and its unread body.
    pub fn into_parts(self) -> (Box<ReceivedHead>, Incoming) {
        (self.head, self.body)
    }
}

impl Arrival {
    /// The id of this request.
    #[must_use]
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// The client, which is the peer unless a trusted proxy says otherwise.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// When the head was complete.
    #[must_use]
    pub fn at(&self) -> Instant {
        self.at
    }

    /// To be asked after reading the body failed.
    #[must_use]
    pub fn body(&self) -> &BodyState {
        &self.body
    }
}

impl BodyState {
    fn new(wire: Rc<Wire>, number: u64) -> Self {
        Self { wire, number }
    }

    /// The refusal that a failed read of the body deserves: malformed framing, too slow, or ended too early.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal::Malformed(self.wire.body_malformed(self.number).unwrap_or(Malformed::Truncated))
    }
}

#[cfg(test)]
mod tests;
