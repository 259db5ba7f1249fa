//! The socket of one upstream connection, seen by a strict reader before the HTTP library sees it.
//!
//! [`StrictIo`] follows every response on the wire: head, informational heads, body, end. Bytes after the end of a
//! response, or before a request was written, never reach the library, so they can never become the answer to
//! somebody else's request. [`Wire`] is what the pool knows about the connection.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::strict::{Chunks, Framing, HEAD_BYTES_MAX, Head, Malformed, scan_response_head};
use crate::body::BodyError;

/// Most informational (1xx) responses before a final one.
const INFORMATIONAL_MAX: u8 = 8;

/// What comes next from the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Nothing: every byte is unsolicited.
    Nothing,
    Head,
    Length(u64),
    Chunked(Chunks),
    UntilClose,
}

/// The state of a connection, shared by its socket, the request body on it, and the pool.
#[derive(Debug)]
pub(super) struct Wire {
    next: Cell<Next>,
    /// A request was handed to the library and none of it was written yet.
    queued: Cell<bool>,
    /// The request is HEAD: its response has no body.
    bodiless: Cell<bool>,
    informational: Cell<u8>,
    /// Whether any byte of the response arrived.
    answered: Cell<bool>,
    closed_by_peer: Cell<bool>,
    /// The library took the last of the request body.
    body_taken: Cell<bool>,
    /// The library waits for the client's next part of the request body.
    body_awaited: Cell<bool>,
    /// The library has nothing left to write.
    flushed: Cell<bool>,
    /// The final response began before the request was written.
    early: Cell<bool>,
    written: Cell<u64>,
    fault: Cell<Option<Malformed>>,
    request_failure: Cell<Option<BodyError>>,
}

impl Wire {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            next: Cell::new(Next::Nothing),
            queued: Cell::new(false),
            bodiless: Cell::new(false),
            informational: Cell::new(0),
            answered: Cell::new(false),
            closed_by_peer: Cell::new(false),
            body_taken: Cell::new(true),
            body_awaited: Cell::new(false),
            flushed: Cell::new(true),
            early: Cell::new(false),
            written: Cell::new(0),
            fault: Cell::new(None),
            request_failure: Cell::new(None),
        })
    }

    /// A request is about to be handed to the library.
    pub(super) fn begin(&self, bodiless_response: bool, request_has_body: bool) {
        self.queued.set(true);
        self.bodiless.set(bodiless_response);
        self.informational.set(0);
        self.answered.set(false);
        self.body_taken.set(!request_has_body);
        self.body_awaited.set(false);
        self.flushed.set(false);
    }

    /// The library took a part of the request body, the last one or not.
    pub(super) fn body_moved(&self, last: bool) {
        self.flushed.set(false);
        self.body_taken.set(last);
        self.body_awaited.set(false);
    }

    /// The client has not sent the next part of the request body yet.
    pub(super) fn body_awaited(&self) {
        self.body_awaited.set(true);
    }

    /// Whether it is the client that the exchange waits for.
    pub(super) fn awaits_client(&self) -> bool {
        self.body_awaited.get() && !self.request_sent()
    }

    /// The request body failed: nothing sensible can follow on this connection.
    pub(super) fn fail_request(&self, failure: BodyError) {
        self.request_failure.set(Some(failure));
    }

    pub(super) fn request_failure(&self) -> Option<BodyError> {
        self.request_failure.get()
    }

    pub(super) fn fault(&self) -> Option<Malformed> {
        self.fault.get()
    }

    pub(super) fn answered(&self) -> bool {
        self.answered.get()
    }

    /// Bytes written so far, over all requests.
    pub(super) fn written(&self) -> u64 {
        self.written.get()
    }

    pub(super) fn request_sent(&self) -> bool {
        self.body_taken.get() && self.flushed.get()
    }

    /// Whether the response was seen to its end: a body that stops before is truncated.
    pub(super) fn response_complete(&self) -> bool {
        match self.next.get() {
            Next::Nothing => !self.queued.get(),
            Next::UntilClose => self.closed_by_peer.get(),
            Next::Head | Next::Length(_) | Next::Chunked(_) => false,
        }
    }

    /// Whether another request may follow on this connection.
    pub(super) fn reusable(&self) -> bool {
        self.next.get() == Next::Nothing
            && !self.queued.get()
            && !self.early.get()
            && !self.closed_by_peer.get()
            && self.request_sent()
            && self.fault.get().is_none()
            && self.request_failure.get().is_none()
    }

    /// Follows `bytes`. Returns how many of them the library may have; the rest is a part of a head.
    fn follow(&self, bytes: &[u8]) -> Result<usize, Malformed> {
        let mut passed = 0;
        while let Some(rest) = bytes.get(passed..)
            && !rest.is_empty()
        {
            self.answered.set(true);
            passed += match self.next.get() {
                Next::Nothing => return self.excess(passed),
                Next::UntilClose => rest.len(),
                Next::Head => match scan_response_head(rest)? {
                    None => return Ok(passed),
                    Some(head) => {
                        self.next.set(self.after(head)?);
                        head.len
                    }
                },
                Next::Length(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    self.next.set(match left - u64::try_from(here).unwrap_or(left) {
                        0 => Next::Nothing,
                        left => Next::Length(left),
                    });
                    here
                }
                Next::Chunked(mut chunks) => {
                    let (here, ended) = chunks.follow(rest)?;
                    self.next.set(if ended { Next::Nothing } else { Next::Chunked(chunks) });
                    here
                }
            };
        }
        Ok(passed)
    }

    /// More than was asked for: what was asked for is still good, the connection is not.
    fn excess(&self, passed: usize) -> Result<usize, Malformed> {
        self.fault.set(Some(Malformed::Unsolicited));
        if passed == 0 {
            Err(Malformed::Unsolicited)
        } else {
            Ok(passed)
        }
    }

    /// What follows a head (RFC 9112 section 6.3).
    fn after(&self, head: Head) -> Result<Next, Malformed> {
        match head.status {
            101 => return Err(Malformed::Upgrade),
            100..=199 => {
                let seen = self.informational.get() + 1;
                self.informational.set(seen);
                return if seen > INFORMATIONAL_MAX {
                    Err(Malformed::Informational)
                } else {
                    Ok(Next::Head)
                };
            }
            _ => {}
        }
        if !self.request_sent() {
            self.early.set(true);
        }
        if self.bodiless.get() || matches!(head.status, 204 | 304) {
            return Ok(Next::Nothing);
        }
        Ok(match head.framing {
            Framing::Length(0) => Next::Nothing,
            Framing::Length(length) => Next::Length(length),
            Framing::Chunked => Next::Chunked(Chunks::new()),
            Framing::UntilClose => Next::UntilClose,
        })
    }
}

/// A socket under the HTTP library.
///
/// Whole heads (nearly always) are looked at in the library's own buffer, without a copy; a head that arrives in
/// pieces is held back until it is whole.
#[derive(Debug)]
pub(super) struct StrictIo<S> {
    socket: S,
    wire: Rc<Wire>,
    /// A part of a head, at most [`HEAD_BYTES_MAX`] and one read.
    held: BytesMut,
    /// Bytes that were followed and did not go to the library yet.
    passed: BytesMut,
    write_failed: bool,
}

impl<S> StrictIo<S> {
    pub(super) fn new(socket: S, wire: Rc<Wire>) -> Self {
        Self {
            socket,
            wire,
            held: BytesMut::new(),
            passed: BytesMut::new(),
            write_failed: false,
        }
    }

    fn fail(&self, fault: Malformed) -> io::Error {
        self.wire.fault.set(Some(fault));
        io::Error::new(io::ErrorKind::InvalidData, "malformed response")
    }

    /// Takes the bytes that were just read to `buf` after its first `before`.
    fn take(&mut self, buf: &mut ReadBuf<'_>, before: usize) -> io::Result<()> {
        let Some(new) = buf.filled().get(before..) else {
            return Ok(());
        };
        if self.held.is_empty() {
            let passed = self.wire.follow(new).map_err(|fault| self.fail(fault));
            if let Ok(passed) = passed
                && self.wire.fault.get().is_none()
            {
                self.held.extend_from_slice(new.get(passed..).unwrap_or_default());
            }
            buf.set_filled(before + passed.as_ref().copied().unwrap_or_default());
            return passed.map(drop);
        }
        // A head cannot end in bytes without LF: most pieces need no second look.
        let look = new.contains(&b'\n') || self.held.len() + new.len() > HEAD_BYTES_MAX;
        self.held.extend_from_slice(new);
        buf.set_filled(before);
        if look {
            let passed = self.wire.follow(&self.held).map_err(|fault| self.fail(fault))?;
            self.passed = self.held.split_to(passed);
            if self.wire.fault.get().is_some() {
                self.held.clear();
            }
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StrictIo<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        while buf.remaining() > 0 && buf.filled().len() == before {
            if !this.passed.is_empty() {
                let here = this.passed.len().min(buf.remaining());
                buf.put_slice(this.passed.get(..here).unwrap_or_default());
                this.passed.advance(here);
                break;
            }
            if let Some(fault) = this.wire.fault.get() {
                return Poll::Ready(Err(this.fail(fault)));
            }
            ready!(Pin::new(&mut this.socket).poll_read(cx, buf))?;
            if buf.filled().len() == before {
                this.wire.closed_by_peer.set(true);
                break;
            }
            this.take(buf, before)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> StrictIo<S> {
    /// A failed write is not the end: an upstream may answer early and close, and its answer may still be there to
    /// read. So writing just stops; reading finds the answer or the end.
    fn wrote(&mut self, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match wrote {
            Poll::Ready(Ok(bytes)) => {
                let written = self.wire.written.get();
                self.wire
                    .written
                    .set(written.saturating_add(u64::try_from(bytes).unwrap_or(0)));
                if self.wire.queued.replace(false) {
                    self.wire.next.set(Next::Head);
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(_)) => {
                self.write_failed = true;
                self.wire.early.set(true);
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StrictIo<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.write_failed {
            return Poll::Pending;
        }
        let wrote = Pin::new(&mut this.socket).poll_write(cx, bytes);
        this.wrote(wrote)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.write_failed {
            return Poll::Pending;
        }
        let wrote = Pin::new(&mut this.socket).poll_write_vectored(cx, bytes);
        this.wrote(wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.write_failed {
            return Poll::Pending;
        }
        // The library flushes only after it wrote all that it holds.
        if !this.wire.queued.get() {
            this.wire.flushed.set(true);
        }
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.write_failed {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    fn local(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(test);
    }

    /// A connection on which one request was written, with the upstream's end of it.
    async fn asked() -> (Rc<Wire>, StrictIo<DuplexStream>, DuplexStream) {
        let (near, far) = duplex(1 << 16);
        let wire = Wire::new();
        let mut io = StrictIo::new(near, Rc::clone(&wire));
        wire.begin(false, false);
        io.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        io.flush().await.unwrap();
        (wire, io, far)
    }

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";

    #[test]
    fn http_8_bytes_after_the_end_are_kept_from_the_library() {
        local(async {
            for pieces in [1, 7, 1000] {
                let (wire, mut io, mut far) = asked().await;
                for piece in [ANSWER, b"HTTP/1.1 200 OK\r\n\r\n"].concat().chunks(pieces) {
                    far.write_all(piece).await.unwrap();
                }
                let mut read = vec![0; ANSWER.len()];
                io.read_exact(&mut read).await.unwrap();
                assert_eq!(read, ANSWER);
                assert!(wire.response_complete());
                let error = io.read(&mut [0; 100]).await.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                assert!(!wire.reusable());
                assert_eq!(wire.fault(), Some(Malformed::Unsolicited));
            }
        });
    }

    #[test]
    fn http_8_bytes_before_a_request_are_kept_from_the_library() {
        local(async {
            let (near, mut far) = duplex(1 << 16);
            let wire = Wire::new();
            let mut io = StrictIo::new(near, Rc::clone(&wire));
            far.write_all(ANSWER).await.unwrap();
            wire.begin(false, false);
            assert!(io.read(&mut [0; 100]).await.is_err());
            assert!(!wire.reusable());
        });
    }

    #[test]
    fn a_clean_exchange_leaves_a_reusable_connection() {
        local(async {
            let (wire, mut io, mut far) = asked().await;
            assert!(!wire.reusable());
            far.write_all(ANSWER).await.unwrap();
            let mut read = vec![0; ANSWER.len() - 1];
            io.read_exact(&mut read).await.unwrap();
            assert!(!wire.reusable() && !wire.response_complete());
            io.read_exact(&mut [0]).await.unwrap();
            assert!(wire.reusable() && wire.response_complete());
        });
    }

    #[test]
    fn http_8_a_head_in_pieces_is_held_back_until_it_is_whole() {
        local(async {
            let (_wire, mut io, mut far) = asked().await;
            far.write_all(&ANSWER[..30]).await.unwrap();
            let mut buffer = [0; 100];
            let early = tokio::select! { biased; read = io.read(&mut buffer) => Some(read), () = async {} => None };
            assert!(early.is_none());
            far.write_all(&ANSWER[30..]).await.unwrap();
            let read = io.read(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..read], ANSWER);
        });
    }

    #[test]
    fn http_8_an_answer_is_read_even_if_the_request_cannot_be_written_any_more() {
        local(async {
            let (wire, mut io, mut far) = asked().await;
            far.write_all(ANSWER).await.unwrap();
            drop(far);
            let mut write = std::pin::pin!(io.write_all(b"more"));
            let polled = std::future::poll_fn(|cx| Poll::Ready(write.as_mut().poll(cx).is_pending())).await;
            assert!(polled);
            let mut read = Vec::new();
            io.read_to_end(&mut read).await.unwrap();
            assert_eq!(read, ANSWER);
            assert!(!wire.reusable());
        });
    }

    #[test]
    fn http_8_an_early_answer_spoils_the_connection_for_good() {
        local(async {
            let (near, mut far) = duplex(1 << 16);
            let wire = Wire::new();
            let mut io = StrictIo::new(near, Rc::clone(&wire));
            wire.begin(false, true);
            io.write_all(b"POST / HTTP/1.1\r\ncontent-length: 1\r\n\r\n")
                .await
                .unwrap();
            far.write_all(ANSWER).await.unwrap();
            io.read_exact(&mut vec![0; ANSWER.len()]).await.unwrap();
            wire.body_moved(true);
            io.write_all(b"x").await.unwrap();
            io.flush().await.unwrap();
            assert!(wire.request_sent() && wire.response_complete());
            assert!(!wire.reusable());
        });
    }
}
