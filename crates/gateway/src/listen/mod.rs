//! Listening: sockets, TLS, strict HTTP/1.1 and HTTP/2, deadlines, draining.
//!
//! What leaves here as [`Received`] is one unambiguous request with a canonical path, from a known client. Nothing here knows a
//! contract, and nothing here ever repairs what a client sent: it is served as it is, or refused.

mod admission;
mod bounds;
mod client_address;
mod client_certificate;
mod clock;
mod deadline;
mod greet;
mod handshake;
mod http1;
mod http2;
mod incoming;
mod memory;
mod path;
mod proxy_protocol;
mod request_id;
mod shared;
mod socket;
pub mod tls;
mod transport;
mod worker;

use std::rc::Rc;
use std::time::Instant;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri, Version, header};
use http_body::Body as _;

pub use bounds::{Bounds, BoundsError, Sizes};
pub use client_address::{Client, ClientHeader, Scheme, TrustedProxies};
pub use client_certificate::Trust;
pub(crate) use client_certificate::{PeerCertificate, Standing as CertificateStanding};
pub use clock::{unix_milliseconds, unix_time};
pub use deadline::Deadlines;
pub use greet::{Connected, Greeting, Listener, ListenerIndex};
pub use http1::head::Malformed;
pub use http1::{Framing, Step};
pub(crate) use http1::{Successor, Switch};
pub use http2::{Http2Bounds, StreamBody};
pub use incoming::{Incoming, Unread};
pub use path::{PathProblem, check_path};
pub use request_id::RequestId;
pub(crate) use request_id::RequestIds;
pub use socket::{Listeners, Sockets};
pub(crate) use transport::Transport;
pub use worker::{Drained, Serve, Settings, WorkerIndex, Workers};

use crate::refusal::Refusal;
use crate::websocket::handshake::Asks;
use http1::strict::Wire;

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
    connected: Rc<Connected>,
}

/// Tells why a request's body could not be read to its end. Cheap to clone, stays in its worker.
#[derive(Clone, Debug)]
pub struct BodyState(Reader);

/// What reads a body, and knows how that went.
#[derive(Clone, Debug)]
enum Reader {
    /// The strict reader of a connection, and the number of the request on it.
    Http1(Rc<Wire>, u64),
    /// The reader of a stream.
    Http2(Rc<http2::Reading>),
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

    /// The target as the request line had it, or `:path`; none where it came in absolute form, of which not every letter is known
    /// any more.
    pub(crate) fn request_target(&self) -> Option<&str> {
        let has_own_path = self.head.parts.version == Version::HTTP_2;
        (has_own_path || self.uri().authority().is_none()).then(|| self.target())
    }

    /// The headers, for taking out those of this hop.
    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.head.parts.headers
    }

    /// Replaces the target by one without a credential.
    pub(crate) fn set_uri(&mut self, uri: Uri) {
        self.head.parts.uri = uri;
    }

    /// The unread body, for whoever has to know all of it first.
    pub(crate) fn body_mut(&mut self) -> &mut Incoming {
        &mut self.body
    }

    /// Whether there is content, or may be: it can have no bytes in the end.
    pub(crate) fn has_content(&self) -> bool {
        !self.body.is_end_stream()
    }

    /// Notes that it asks for a WebSocket, before the fields that say so are taken out.
    pub(crate) fn ask_for_websocket(&mut self) {
        self.head.parts.extensions.insert(Asks);
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

    /// The listener that it came through.
    #[must_use]
    pub fn listener(&self) -> ListenerIndex {
        self.connected.listener
    }

    /// When the head was complete.
    #[must_use]
    pub fn at(&self) -> Instant {
        self.at
    }

    /// The connection that it came on.
    #[must_use]
    pub fn connected(&self) -> &Connected {
        &self.connected
    }

    /// To be asked after reading the body failed.
    #[must_use]
    pub fn body(&self) -> &BodyState {
        &self.body
    }
}

impl BodyState {
    fn http1(wire: Rc<Wire>, number: u64) -> Self {
        Self(Reader::Http1(wire, number))
    }

    fn http2(reading: Rc<http2::Reading>) -> Self {
        Self(Reader::Http2(reading))
    }

    /// Where a successor of HTTP/1.1 on this connection is named; a stream of HTTP/2 has none.
    pub(crate) fn switch(&self) -> Option<&Switch> {
        match &self.0 {
            Reader::Http1(wire, _) => Some(wire.switch()),
            Reader::Http2(_) => None,
        }
    }

    /// The refusal that a failed read of the body deserves: malformed framing, too slow, or ended too early.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let malformed = match &self.0 {
            Reader::Http1(wire, number) => wire.body_malformed(*number),
            Reader::Http2(reading) => reading.failed(),
        };
        Refusal::Malformed(malformed.unwrap_or(Malformed::Truncated))
    }
}

#[cfg(test)]
mod tests;
