//! The body of one HTTP/2 request: flow control follows the reader, and a client that stops sending is not waited for without end.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::RecvStream;
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;

use crate::listen::deadline::Deadlines;
use crate::listen::http1::head::Malformed;
use crate::listen::incoming::Unread;

/// What the reader of a body tells the rest of its stream.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Why reading failed.
    failed: Cell<Option<Malformed>>,
    /// Whether anybody asked for the body: what `Expect: 100-continue` waits for.
    asked: Cell<bool>,
    /// Whether the body was read to its end.
    ended: Cell<bool>,
}

impl Reading {
    pub(crate) fn failed(&self) -> Option<Malformed> {
        self.failed.get()
    }

    pub(super) fn is_asked(&self) -> bool {
        self.asked.get()
    }

    /// Whether the body was read to its end.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Notes whether the client has ended its side.
    pub(super) fn note_end(&self, stream: &RecvStream) {
        self.ended.set(stream.is_end_stream());
    }
}

/// The unread body of one stream.
#[derive(Debug)]
pub struct StreamBody {
    stream: RecvStream,
    /// Bytes still to come, where the client announced them. h2 refuses more and fewer.
    announced: Option<u64>,
    deadlines: Deadlines,
    waited: Duration,
    waiting: Option<Waiting>,
    reading: Rc<Reading>,
}

/// A wait for the next bytes.
#[derive(Debug)]
struct Waiting {
    since: Instant,
    until: Pin<Box<Sleep>>,
}

impl StreamBody {
    pub(super) fn new(stream: RecvStream, announced: Option<u64>, deadlines: Deadlines, reading: Rc<Reading>) -> Self {
        Self {
            stream,
            announced,
            deadlines,
            waited: Duration::ZERO,
            waiting: None,
            reading,
        }
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Unread>>> {
        self.reading.asked.set(true);
        let Poll::Ready(polled) = self.stream.poll_data(cx) else {
            ready!(self.poll_late(cx));
            return self.fail(Malformed::Timeout);
        };
        if let Some(waiting) = self.waiting.take() {
            self.waited += waiting.since.elapsed();
        }
        match polled {
            // Trailer fields of requests end here: nothing judges them.
            None => {
                self.reading.ended.set(true);
                Poll::Ready(None)
            }
            Some(Err(_)) => self.fail(Malformed::Truncated),
            Some(Ok(bytes)) => {
                // The room is given back at once: what is held is counted by whoever holds it.
                if self.stream.flow_control().release_capacity(bytes.len()).is_err() {
                    return self.fail(Malformed::Truncated);
                }
                let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                self.announced = self.announced.map(|left| left.saturating_sub(count));
                self.reading.note_end(&self.stream);
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
        }
    }

    /// Ready when the wait for the next bytes, or all waiting together, took too long.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.deadlines.body_time_max.saturating_sub(self.waited);
        let pause = left.min(self.deadlines.body_pause_time_max);
        let waiting = self.waiting.get_or_insert_with(|| Waiting {
            since: Instant::now(),
            until: Box::pin(tokio::time::sleep(pause)),
        });
        waiting.until.as_mut().poll(cx)
    }

    fn fail(&self, why: Malformed) -> Poll<Option<Result<Frame<Bytes>, Unread>>> {
        self.reading.failed.set(Some(why));
        Poll::Ready(Some(Err(Unread)))
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() {
            return SizeHint::with_exact(0);
        }
        self.announced.map(SizeHint::with_exact).unwrap_or_default()
    }
}
