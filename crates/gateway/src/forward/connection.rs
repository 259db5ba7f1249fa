//! One connection to an upstream, and the one exchange that is on it.
//!
//! It is polled by whoever waits for the answer: there is no task, no channel and no second parser between a client and
//! its upstream. Bytes that answer no request are never read as an answer: whatever is there before a request is written,
//! or after its answer has ended, spoils the connection.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use tokio::io::AsyncReadExt;

use super::answer::{Chunks, Framing, Head, Malformed, Taken, take_head};
use super::request::{Outgoing, Unwritten};
use super::stream::Stream;
use crate::body::BodyError;

/// Most informational (1xx) responses before a final one.
pub(super) const INFORMATIONAL_MAX: u8 = 8;
/// Room for a read while a head is awaited, and the least for a body.
const READ_BYTES: usize = 8 * 1024;
/// The most room for one read of a body.
const READ_BYTES_MAX: usize = 64 * 1024;

/// One open connection. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Stream,
    /// Read and not taken yet.
    read: BytesMut,
    outgoing: Outgoing,
    due: Due,
    /// The request is HEAD: its answer has no body.
    bodiless: bool,
    /// The request asks for another protocol: 101 is an answer to it.
    switching: bool,
    informational: u8,
    /// Whether any byte of the answer arrived.
    answered: bool,
    /// Whether what was read since the last look at it may complete a head.
    fresh_line: bool,
    /// No more can be written.
    unwritable: bool,
    /// No request may follow.
    spent: bool,
}

/// What the upstream still has to send.
#[derive(Debug, Clone, Copy)]
enum Due {
    Nothing,
    Head,
    Length(u64),
    Chunked(Chunks),
    UntilClose,
}

/// Why there is no head of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The client's body failed.
    RequestBody(BodyError),
    /// The answer cannot be trusted.
    Malformed(Malformed),
    /// The connection closed, and the upstream cannot have seen the request.
    Unsent,
    /// The connection closed after the request was written, before the first byte of an answer.
    Unanswered,
    /// The connection closed in the middle of the head.
    Closed,
}

impl Connection {
    pub(super) fn new(socket: Stream) -> Self {
        Self {
            socket,
            read: BytesMut::new(),
            outgoing: Outgoing::nothing(),
            due: Due::Nothing,
            bodiless: false,
            switching: false,
            informational: 0,
            answered: false,
            fresh_line: false,
            unwritable: false,
            spent: false,
        }
    }

    /// Begins an exchange; nothing is written before [`Connection::poll_head`].
    pub(super) fn begin(&mut self, outgoing: Outgoing, bodiless: bool) {
        self.outgoing = outgoing;
        self.due = Due::Head;
        self.bodiless = bodiless;
        self.switching = false;
        self.informational = 0;
        self.answered = false;
        self.fresh_line = false;
    }

    /// The exchange that was begun asks for another protocol.
    pub(super) fn may_switch(&mut self) {
        self.switching = true;
    }

    /// After 101: the bytes, and those that were read already.
    pub(crate) fn switched(&mut self) -> (&mut Stream, BytesMut) {
        (&mut self.socket, self.read.split())
    }

    /// The request, as far as it is not written: for sending it on another connection. This one is spent then.
    pub(super) fn take_outgoing(&mut self) -> Outgoing {
        self.spent = true;
        std::mem::replace(&mut self.outgoing, Outgoing::nothing())
    }

    pub(super) fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    /// Whether another request may be sent: the last answer was read to its end, and nothing came after it.
    pub(super) fn is_clean(&self) -> bool {
        matches!(self.due, Due::Nothing) && self.outgoing.is_sent() && self.read.is_empty() && !self.spent
    }

    /// Whether nothing came while it was idle, neither the end nor bytes that answer no request; if something did, no
    /// request may follow.
    pub(super) fn is_quiet(&mut self) -> bool {
        let nothing = self.socket.is_quiet();
        self.spent |= !nothing;
        nothing
    }

    /// Whether reading at most `bytes_max` more may leave it clean.
    pub(super) fn may_become_clean(&self, bytes_max: u64) -> bool {
        let ends = match self.due {
            Due::Length(left) => left <= bytes_max,
            Due::Nothing | Due::Chunked(_) => true,
            Due::Head | Due::UntilClose => false,
        };
        ends && !self.spent
    }

    pub(super) fn awaits_head(&self) -> bool {
        matches!(self.due, Due::Head)
    }

    /// How many bytes of the body are still to come, if that is known.
    pub(crate) fn body_bytes_left(&self) -> Option<u64> {
        match self.due {
            Due::Nothing => Some(0),
            Due::Length(left) => Some(left),
            Due::Head | Due::Chunked(_) | Due::UntilClose => None,
        }
    }

    /// Writes the request and reads the head of its final answer.
    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, NoAnswer>> {
        self.poll_send(cx).map_err(NoAnswer::RequestBody)?;
        loop {
            if std::mem::take(&mut self.fresh_line)
                && let Some(head) = self.take_head().map_err(NoAnswer::Malformed)?
            {
                return Poll::Ready(Ok(head));
            }
            match ready!(self.poll_fill(cx)) {
                Ok(1..) => self.answered = true,
                Ok(0) | Err(_) => return Poll::Ready(Err(self.closed())),
            }
        }
    }

    /// Reads on in the body of the answer; `None` at its end.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        // An answer that came early may need the rest of its request. If that fails, the answer still counts.
        let _failed = self.poll_send(cx);
        loop {
            match self.take_body() {
                Ok(Taken::Data(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Ok(Taken::End) => return Poll::Ready(None),
                Ok(Taken::Nothing) => {}
                Err(_) => return Poll::Ready(Some(Err(BodyError::Broken))),
            }
            match (ready!(self.poll_fill(cx)), self.due) {
                (Ok(1..), _) => {}
                (Ok(0), Due::UntilClose) => {
                    self.due = Due::Nothing;
                    self.spent = true;
                }
                (Ok(0) | Err(_), _) => return Poll::Ready(Some(Err(BodyError::Broken))),
            }
        }
    }

    /// Writes on, as far as that goes. A failed write is not the end: an upstream may answer early and close, and its
    /// answer may still be there to read. So writing just stops; reading finds the answer or the end.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Result<(), BodyError> {
        if self.unwritable {
            return Ok(());
        }
        let failed = match self.outgoing.poll_write(&mut self.socket, cx) {
            Poll::Pending | Poll::Ready(Ok(())) => return Ok(()),
            Poll::Ready(Err(failed)) => failed,
        };
        (self.unwritable, self.spent) = (true, true);
        match failed {
            Unwritten::Socket => Ok(()),
            Unwritten::Body(error) => Err(error),
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let room = match self.due {
            Due::Nothing | Due::Head => READ_BYTES,
            Due::Length(left) => usize::try_from(left).map_or(READ_BYTES_MAX, |left| left.clamp(1, READ_BYTES_MAX)),
            Due::Chunked(_) | Due::UntilClose => READ_BYTES_MAX / 4,
        };
        self.read.reserve(room);
        let before = self.read.len();
        let count = ready!(pin!(self.socket.read_buf(&mut self.read)).poll(cx))?;
        let fresh = self.read.get(before..).unwrap_or_default();
        self.fresh_line |= fresh.contains(&b'\n') || self.read.len() > super::answer::HEAD_BYTES_MAX;
        Poll::Ready(Ok(count))
    }

    /// The head of the final answer, once it is here; informational ones end here.
    fn take_head(&mut self) -> Result<Option<Head>, Malformed> {
        while let Some(head) = take_head(&mut self.read)? {
            match head.status.as_u16() {
                101 if self.switching && head.framing == Framing::UntilClose => {
                    (self.due, self.spent) = (Due::Nothing, true);
                    return Ok(Some(head));
                }
                101 => return Err(Malformed::Upgrade),
                100..=199 => {
                    self.informational += 1;
                    if self.informational > INFORMATIONAL_MAX {
                        return Err(Malformed::Informational);
                    }
                }
                _ => {
                    self.due = self.due_after(&head);
                    // What was not sent when the answer came may never be asked for; and an upstream that announces a
                    // body where none may be is likely to send it.
                    let announces = matches!(head.framing, Framing::Length(1..) | Framing::Chunked);
                    let twisted = announces && head.status == StatusCode::NO_CONTENT;
                    self.spent |= !head.keep_alive || !self.outgoing.is_sent() || twisted;
                    if self.outgoing.is_sent() {
                        // Judged bodies are not held any longer than they are needed.
                        self.outgoing = Outgoing::nothing();
                    }
                    return Ok(Some(head));
                }
            }
        }
        Ok(None)
    }

    /// What follows a final head (RFC 9112 section 6.3).
    fn due_after(&self, head: &Head) -> Due {
        if self.bodiless || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return Due::Nothing;
        }
        match head.framing {
            Framing::Length(0) => Due::Nothing,
            Framing::Length(length) => Due::Length(length),
            Framing::Chunked => Due::Chunked(Chunks::new()),
            Framing::UntilClose => Due::UntilClose,
        }
    }

    fn take_body(&mut self) -> Result<Taken, Malformed> {
        let taken = match &mut self.due {
            Due::Head => return Err(Malformed::StatusLine),
            Due::Nothing => Taken::End,
            Due::Chunked(chunks) => chunks.take(&mut self.read)?,
            _ if self.read.is_empty() => Taken::Nothing,
            Due::UntilClose => Taken::Data(self.read.split().freeze()),
            Due::Length(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(self.read.len());
                *left -= u64::try_from(here).unwrap_or(*left);
                if *left == 0 {
                    self.due = Due::Nothing;
                }
                Taken::Data(self.read.split_to(here).freeze())
            }
        };
        if taken == Taken::End {
            self.due = Due::Nothing;
        }
        Ok(taken)
    }

    fn closed(&self) -> NoAnswer {
        if self.answered {
            NoAnswer::Closed
        } else if self.outgoing.written() == 0 {
            NoAnswer::Unsent
        } else {
            NoAnswer::Unanswered
        }
    }
}
