//! The unread body of a request, over either version of HTTP.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use thiserror::Error;

use super::http2;

/// A body as it arrives. Why reading it failed is known to [`super::BodyState`].
#[derive(Debug)]
pub enum Incoming {
    /// Over HTTP/1.1, behind the strict reader.
    Http1(hyper::body::Incoming),
    /// One stream of HTTP/2.
    Http2(Box<http2::StreamBody>),
    /// Read already, because somebody had to know all of it.
    Read(Bytes),
}

/// The body did not arrive whole.
#[derive(Clone, Copy, Debug, Error)]
#[error("the body did not arrive whole")]
pub struct Unread;

impl From<hyper::body::Incoming> for Incoming {
    fn from(body: hyper::body::Incoming) -> Self {
        Self::Http1(body)
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = Unread;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Unread>>> {
        match self.get_mut() {
            Self::Http1(body) => Pin::new(body).poll_frame(cx).map_err(|_| Unread),
            Self::Http2(body) => body.poll_frame(cx),
            Self::Read(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
            Self::Read(bytes) => bytes.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
            Self::Read(bytes) => SizeHint::with_exact(bytes.len() as u64),
        }
    }
}
