//! The two bodies of an exchange in HTTP/2: the request's on its way up, under the upstream's flow control, and the answer's on
//! its way down, under ours.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::HeaderMap;
use http_body::{Body as _, Frame};

use super::super::request::{Length, Unwritten};
use super::connection::Ticket;
use crate::body::{BodyError, RequestBody};

/// A request's body on its way.
#[derive(Debug)]
pub(in crate::forward) struct Upload {
    stream: SendStream<Bytes>,
    body: RequestBody,
    left: Length,
    /// Taken and not sent.
    part: Bytes,
    /// Whether nothing comes behind `part`.
    last: bool,
    sent: bool,
    written: u64,
    awaits_client: bool,
}

impl Upload {
    pub(super) fn new(stream: SendStream<Bytes>, body: RequestBody, length: Length) -> Self {
        let (part, body) = match body {
            RequestBody::Whole(whole) => (whole, RequestBody::Empty),
            body => (Bytes::new(), body),
        };
        Self {
            stream,
            last: !part.is_empty(),
            part,
            body,
            left: length,
            sent: length == Length::Known(0),
            written: 0,
            awaits_client: false,
        }
    }

    pub(super) fn is_sent(&self) -> bool {
        self.sent
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    pub(super) fn awaits_client(&self) -> bool {
        self.awaits_client
    }

    /// Sends on; ready when all of it is sent. A client's body that fails resets the stream.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unwritten>> {
        while !self.sent {
            if !self.part.is_empty() {
                ready!(self.poll_send(cx))?;
                continue;
            }
            let polled = Pin::new(&mut self.body).poll_frame(cx);
            self.awaits_client = polled.is_pending();
            let taken = ready!(polled).transpose().and_then(|frame| self.take(frame));
            if let Err(error) = taken {
                self.stream.send_reset(Reason::CANCEL);
                self.sent = true;
                return Poll::Ready(Err(Unwritten::Body(error)));
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unwritten>> {
        self.stream.reserve_capacity(self.part.len());
        while self.stream.capacity() == 0 {
            match ready!(self.stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(self.stop()),
            }
        }
        let part = self.part.split_to(self.stream.capacity().min(self.part.len()));
        self.written = self
            .written
            .saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
        self.sent = self.last && self.part.is_empty();
        match self.stream.send_data(part, self.sent) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(_) => Poll::Ready(self.stop()),
        }
    }

    /// The upstream takes no more; whether it answers all the same shows elsewhere.
    fn stop(&mut self) -> Result<(), Unwritten> {
        self.sent = true;
        Err(Unwritten::Socket)
    }

    /// The next frame of the client's body, or its end.
    fn take(&mut self, frame: Option<Frame<Bytes>>) -> Result<(), BodyError> {
        let Some(frame) = frame else {
            return self.end();
        };
        let Ok(part) = frame.into_data() else { return Ok(()) };
        if let Length::Known(left) = &mut self.left {
            let bytes = u64::try_from(part.len()).unwrap_or(u64::MAX);
            *left = left.checked_sub(bytes).ok_or(BodyError::Broken)?;
            self.last = *left == 0;
        }
        self.part = part;
        Ok(())
    }

    /// A body that is shorter than it was announced is never ended as if it were whole.
    fn end(&mut self) -> Result<(), BodyError> {
        if matches!(self.left, Length::Known(1..)) {
            return Err(BodyError::Broken);
        }
        self.sent = true;
        self.stream.send_data(Bytes::new(), true).map_err(|_| BodyError::Broken)
    }
}

/// An answer's body on its way. Dropped early, its stream is reset.
#[derive(Debug)]
pub(crate) struct Download {
    stream: RecvStream,
    /// An answer may begin before its request ends.
    upload: Upload,
    /// Whether trailers go on; elsewhere they end here.
    trailers: bool,
    data_ended: bool,
    /// Behind the stream: its place is free when it is gone.
    _ticket: Ticket,
}

impl Download {
    pub(super) fn new(stream: RecvStream, upload: Upload, ticket: Ticket, trailers: bool) -> Self {
        Self {
            stream,
            upload,
            trailers,
            data_ended: false,
            _ticket: ticket,
        }
    }

    /// Whether nothing comes any more.
    pub(crate) fn is_ended(&self) -> bool {
        self.stream.is_end_stream()
    }

    /// The next part; `None` at the end.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        // If the rest of the request fails, the answer still counts.
        let _failed = self.upload.poll(cx);
        while !self.data_ended {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(bytes)) => {
                    // An error means that the stream is over, which the next look finds.
                    let _over = self.stream.flow_control().release_capacity(bytes.len());
                    if !bytes.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(bytes))));
                    }
                }
                Some(Err(_)) => return Poll::Ready(Some(Err(BodyError::Broken))),
                None => self.data_ended = true,
            }
        }
        let trailers = ready!(self.stream.poll_trailers(cx)).map_err(|_| BodyError::Broken);
        Poll::Ready(match trailers {
            Ok(Some(trailers)) if self.trailers => Some(Ok(Frame::trailers(of_grpc(trailers)))),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    }
}

/// The trailers that gRPC itself speaks with; what a service adds of its own is not declared anywhere, and ends here.
fn of_grpc(trailers: HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
        if let Some(value) = trailers.get(name) {
            kept.insert(name, value.clone());
        }
    }
    kept
}
