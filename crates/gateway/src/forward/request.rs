//! Writes a request for an upstream: its head anew from what was judged, its body as it comes.
//!
//! Framing fields are never taken from the client: they are written from the body that is really sent.

use std::io::{self, IoSlice, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::header;
use http::request::Parts;
use http_body::{Body, Frame};
use tokio::io::AsyncWrite;

use super::headers::{Edits, Host, write_field};
use super::upstream::Upstream;
use crate::body::{BodyError, RequestBody};

/// First allocation for a head, in bytes.
const HEAD_BYTES: usize = 1024;

/// Writes the head of a request: target below the upstream's base path, the client's fields as `edits` let them pass,
/// and the framing of `body` (RFC 9112 section 6). `None` if the target is no path.
pub(super) fn write_head(parts: &Parts, upstream: &Upstream, edits: Edits<'_>, body: &RequestBody) -> Option<Vec<u8>> {
    let target = parts.uri.path_and_query()?.as_str();
    if !target.starts_with('/') {
        return None;
    }
    let mut head = Vec::with_capacity(HEAD_BYTES);
    for part in [parts.method.as_str(), " ", upstream.base(), target, " HTTP/1.1\r\n"] {
        head.extend_from_slice(part.as_bytes());
    }
    if edits.rules.host == Host::Upstream {
        write_field(&mut head, "host", upstream.authority().as_bytes());
    }
    edits.write(&mut head);
    for (name, value) in &parts.headers {
        if *name != header::CONTENT_LENGTH && edits.pass(name.as_str()) {
            write_field(&mut head, name.as_str(), value.as_bytes());
        }
    }
    match Length::of(body) {
        Length::Unknown => write_field(&mut head, "transfer-encoding", b"chunked"),
        // A length of zero says nothing new, except where a body is expected (RFC 9110 section 8.6) or was announced.
        Length::Known(0) if !expects_body(parts) => {}
        Length::Known(bytes) => write_field(&mut head, "content-length", bytes.to_string().as_bytes()),
    }
    head.extend_from_slice(b"\r\n");
    Some(head)
}

pub(super) fn expects_body(parts: &Parts) -> bool {
    matches!(parts.method.as_str(), "POST" | "PUT" | "PATCH") || parts.headers.contains_key(header::CONTENT_LENGTH)
}

/// How many bytes a body has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Known(u64),
    Unknown,
}

impl Length {
    pub(super) fn of(body: &RequestBody) -> Self {
        match (body.is_end_stream(), body.size_hint().exact()) {
            (true, _) => Self::Known(0),
            (false, Some(bytes)) => Self::Known(bytes),
            (false, None) => Self::Unknown,
        }
    }
}

/// A request on its way to an upstream.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// To be written before `data`: the head, or the size of a chunk.
    lead: Vec<u8>,
    lead_written: usize,
    data: Bytes,
    /// To be written after `data`: the end of a chunk.
    tail: &'static [u8],
    /// All of a body that is here already.
    whole: Bytes,
    /// What has to be asked for.
    body: RequestBody,
    /// What is left of `body`.
    left: Length,
    /// Whether `body` was asked.
    begun: bool,
    /// Whether the last of the body was taken.
    taken: bool,
    written: u64,
    /// Whether the client has to send more first.
    awaits_client: bool,
}

impl Outgoing {
    pub(super) fn new(head: Vec<u8>, body: RequestBody) -> Self {
        let left = Length::of(&body);
        let (whole, body) = match body {
            RequestBody::Whole(whole) => (whole, RequestBody::Empty),
            body => (Bytes::new(), body),
        };
        Self {
            lead: head,
            lead_written: 0,
            data: whole.clone(),
            tail: b"",
            whole,
            taken: matches!(body, RequestBody::Empty) || left == Length::Known(0),
            body,
            left,
            begun: false,
            written: 0,
            awaits_client: false,
        }
    }

    /// Nothing, sent.
    pub(super) fn nothing() -> Self {
        Self::new(Vec::new(), RequestBody::Empty)
    }

    /// The same once more, from its start; none if a part of the body is gone.
    pub(super) fn again(self) -> Option<Self> {
        (!self.begun).then(|| Self {
            lead_written: 0,
            data: self.whole.clone(),
            written: 0,
            ..self
        })
    }

    /// Whether all of it was written.
    pub(super) fn is_sent(&self) -> bool {
        self.taken && self.is_flushed()
    }

    /// Whether its body comes as the client sends it.
    pub(super) fn is_streamed(&self) -> bool {
        matches!(self.body, RequestBody::Streamed(_) | RequestBody::Upload(_))
    }

    /// Bytes written so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Whether it is the client that the exchange waits for.
    pub(super) fn awaits_client(&self) -> bool {
        self.awaits_client
    }

    fn is_flushed(&self) -> bool {
        self.lead_written == self.lead.len() && self.data.is_empty() && self.tail.is_empty()
    }

    /// Writes on; ready when all of it is written, and what TLS holds of it, too.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Unwritten>> {
        loop {
            if !self.is_flushed() {
                ready!(self.poll_flush(socket, cx)).map_err(|_| Unwritten::Socket)?;
            } else if self.taken {
                return Pin::new(socket).poll_flush(cx).map_err(|_| Unwritten::Socket);
            } else {
                ready!(self.poll_take(cx)).map_err(Unwritten::Body)?;
            }
        }
    }

    fn poll_flush<S: AsyncWrite + Unpin>(&mut self, socket: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let lead = self.lead.get(self.lead_written..).unwrap_or_default();
        let written = if self.data.is_empty() && self.tail.is_empty() {
            ready!(Pin::new(socket).poll_write(cx, lead))?
        } else {
            let parts = [lead, &self.data, self.tail].map(IoSlice::new);
            ready!(Pin::new(socket).poll_write_vectored(cx, &parts))?
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.written = self.written.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
        let of_lead = written.min(lead.len());
        let of_data = (written - of_lead).min(self.data.len());
        self.lead_written += of_lead;
        self.data.advance(of_data);
        self.tail = self.tail.get(written - of_lead - of_data..).unwrap_or_default();
        Poll::Ready(Ok(()))
    }

    /// Takes the next part of the body.
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        self.begun = true;
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.awaits_client = polled.is_pending();
        let frame = ready!(polled).transpose()?;
        self.lead.clear();
        self.lead_written = 0;
        Poll::Ready(match frame.map(Frame::into_data) {
            Some(Ok(data)) if !data.is_empty() => self.send_part(data),
            Some(_) => Ok(()),
            None => self.send_end(),
        })
    }

    fn send_part(&mut self, data: Bytes) -> Result<(), BodyError> {
        match &mut self.left {
            Length::Known(left) => {
                let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
                *left = left.checked_sub(bytes).ok_or(BodyError::Broken)?;
                self.taken = *left == 0;
            }
            Length::Unknown => {
                // Writing to a vector cannot fail.
                let _written = write!(self.lead, "{:x}\r\n", data.len());
                self.tail = b"\r\n";
            }
        }
        self.data = data;
        Ok(())
    }

    fn send_end(&mut self) -> Result<(), BodyError> {
        self.taken = true;
        match self.left {
            Length::Known(0) => {}
            // A body that is shorter than it was announced is never ended as if it were whole.
            Length::Known(_) => return Err(BodyError::Broken),
            Length::Unknown => self.tail = b"0\r\n\r\n",
        }
        Ok(())
    }
}

/// Why the rest of a request cannot be written.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// The connection broke, or its other end does not read any more.
    Socket,
    /// The client's body failed.
    Body(BodyError),
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(upstream: &str, request: http::request::Builder, body: &RequestBody) -> Option<String> {
        let upstream = Upstream::parse(upstream).unwrap();
        let parts = request.body(()).unwrap().into_parts().0;
        write_head(&parts, &upstream, Edits::NONE, body).map(|head| String::from_utf8(head).unwrap())
    }

    #[test]
    fn the_target_is_a_path_below_the_base() {
        let check = |upstream: &str, uri: &str, expected: Option<&str>| {
            let line = head(upstream, Request::get(uri), &RequestBody::Empty);
            let line = line.as_deref().map(|head| head.lines().next().unwrap());
            assert_eq!(line, expected, "{upstream} {uri}");
        };
        check("http://natter", "/a?b=c", Some("GET /a?b=c HTTP/1.1"));
        check("http://natter/v1/", "/a?b", Some("GET /v1/a?b HTTP/1.1"));
        check("http://natter/a/b", "http://evil/c", Some("GET /a/b/c HTTP/1.1"));
        check("http://natter", "*", None);
        check("http://natter", "natter:80", None);
    }

    #[test]
    fn http_7_fields_of_one_hop_and_framing_are_never_the_clients() {
        let lying = Request::post("/")
            .header("connection", "close")
            .header("content-length", "9")
            .header("transfer-encoding", "chunked")
            .header("te", "trailers")
            .header("proxy-authorization", "x")
            .header("accept", "*/*");
        let whole = RequestBody::Whole(Bytes::from_static(b"hello"));
        assert_eq!(
            head("http://natter:1", lying, &whole).unwrap(),
            "POST / HTTP/1.1\r\nhost: natter:1\r\naccept: */*\r\ncontent-length: 5\r\n\r\n"
        );
        let own = Request::get("/").header("host", "a").header("content-length", "0");
        assert_eq!(
            head("http://natter:1", own, &RequestBody::Empty).unwrap(),
            "GET / HTTP/1.1\r\nhost: natter:1\r\ncontent-length: 0\r\n\r\n"
        );
    }
}
