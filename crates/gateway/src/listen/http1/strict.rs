//! Strict HTTP/1.1 in front of hyper: a socket that releases only bytes whose framing is beyond doubt.
//!
//! hyper reads through this wrapper straight into its own buffer. When a read ends between two messages or inside a body, which is
//! nearly always, nothing is copied. The beginning of an incomplete head is held back until it is whole. Once something is
//! malformed, nothing more is released: hyper sees the end of the stream (between messages) or a failed read (inside a body).

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::Framing;
use super::head::Malformed;
use super::switch::Switch;
use crate::listen::bounds::Bounds;
use crate::listen::deadline::{Awaited, Expired, Waits};

/// What the wrapper tells the rest of its connection, and is told by it.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) waits: Waits,
    /// A deadline passed: the next read says so.
    expired: Cell<Option<Expired>>,
    /// hyper met the end of the stream where a head was malformed; this is to be answered once hyper is done.
    refusal: Cell<Option<Malformed>>,
    /// A body was malformed: the one of the request that was released last.
    body_malformed: Cell<Option<Malformed>>,
    /// How many heads were released.
    heads: Cell<u64>,
    /// Whether the last released byte belongs to a body that is not complete.
    in_body: Cell<bool>,
    /// Whether the beginning of a head is held back.
    holding: Cell<bool>,
    /// Whether the client ended its side.
    ended: Cell<bool>,
    /// Whether the connection is to rest.
    rests: Cell<bool>,
    switch: Switch,
}

impl Wire {
    /// The wire of a connection that was opened at `born`.
    pub(crate) fn new(born: Instant) -> Self {
        Self {
            waits: Waits::restful(born),
            expired: Cell::new(None),
            refusal: Cell::new(None),
            body_malformed: Cell::new(None),
            heads: Cell::new(0),
            in_body: Cell::new(false),
            holding: Cell::new(false),
            ended: Cell::new(false),
            rests: Cell::new(false),
            switch: Switch::default(),
        }
    }

    pub(crate) fn switch(&self) -> &Switch {
        &self.switch
    }

    /// The answer to the request with this number (from 1) is known.
    pub(crate) fn answered(&self, number: u64) {
        if self.heads.get() == number {
            self.switch.answer();
        }
    }

    pub(crate) fn expire(&self, expired: Expired) {
        self.expired.set(Some(expired));
    }

    /// Nothing is asked, so that nothing needs to be kept but the socket.
    pub(crate) fn rest(&self) {
        self.rests.set(true);
    }

    pub(crate) fn rests(&self) -> bool {
        self.rests.get() && !self.ended.get() && self.refusal.get().is_none()
    }

    pub(crate) fn refusal(&self) -> Option<Malformed> {
        self.refusal.get()
    }

    /// Why the body of the request with this number (from 1) cannot be read to its end.
    pub(crate) fn body_malformed(&self, number: u64) -> Option<Malformed> {
        self.body_malformed.get().filter(|_| self.heads.get() == number)
    }

    /// Whether the body of the request with this number (from 1) has not all been received.
    pub(crate) fn body_unfinished(&self, number: u64) -> bool {
        self.heads.get() == number && (self.in_body.get() || self.body_malformed.get().is_some())
    }

    /// Whether the client has begun to send a head that is not complete.
    pub(crate) fn holding(&self) -> bool {
        self.holding.get()
    }

    /// Whether the client may still be sending something that nobody will read.
    pub(crate) fn unread(&self) -> bool {
        let stopped = self.refusal.get().is_some() || self.body_malformed.get().is_some();
        !self.ended.get() && (stopped || self.in_body.get())
    }
}

/// Where the socket goes when hyper drops the wrapper, so that a last response can be written and the end be waited for.
pub(crate) type Slot<S> = Rc<RefCell<Option<Left<S>>>>;

/// What hyper leaves.
#[derive(Debug)]
pub(crate) struct Left<S> {
    pub(crate) socket: S,
    /// Read and not released.
    pub(crate) read: Vec<u8>,
}

/// The wrapper itself.
#[derive(Debug)]
pub(crate) struct Strict<S> {
    /// Always there until the wrapper is dropped.
    socket: Option<S>,
    slot: Slot<S>,
    framing: Framing,
    held: Held,
    wire: Rc<Wire>,
}

/// Bytes that were read and could not be left in the reader's buffer.
#[derive(Debug, Default)]
struct Held {
    bytes: Vec<u8>,
    /// How many of them may go on.
    released: usize,
    /// How many of those have gone on.
    given: usize,
}

impl<S> Strict<S> {
    pub(crate) fn new(socket: S, bounds: Bounds, wire: Rc<Wire>, slot: Slot<S>) -> Self {
        Self {
            socket: Some(socket),
            slot,
            framing: Framing::new(bounds),
            held: Held::default(),
            wire,
        }
    }

    /// Judges what a read has put into `buf` behind `before`, and leaves there what may go on.
    fn take(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let heads = self.framing.heads();
        let fresh = buf.filled().get(before..).unwrap_or_default();
        if self.held.bytes.is_empty() {
            let step = self.framing.advance(fresh);
            if step.release < fresh.len() {
                if step.malformed.is_none() {
                    self.held
                        .bytes
                        .extend_from_slice(fresh.get(step.release..).unwrap_or_default());
                }
                buf.set_filled(before + step.release);
            }
        } else {
            self.held.bytes.extend_from_slice(fresh);
            buf.set_filled(before);
            self.release_held();
        }
        self.tell();
        if self.framing.heads() != heads {
            self.wire.waits.head_complete();
        } else {
            self.wire.waits.read_some();
        }
    }

    fn release_held(&mut self) {
        let step = self.framing.advance(&self.held.bytes);
        self.held.released = step.release;
        if step.malformed.is_some() {
            self.held.bytes.truncate(step.release);
        }
    }

    fn tell(&self) {
        self.wire.heads.set(self.framing.heads());
        self.wire.in_body.set(self.framing.in_body());
        self.wire.holding.set(self.held.holding());
        if self.framing.is_switching() {
            self.wire.switch.ask();
        }
    }

    /// Ready while HTTP may read: not between a head that asks for another protocol and its answer, nor after 101.
    fn poll_resumed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.framing.is_switching() {
            ready!(self.wire.switch.poll_readable(cx));
            self.framing.resume();
            self.release_held();
            self.tell();
        }
        Poll::Ready(())
    }

    /// What a read says when nothing more will be released, if that is so.
    fn stopped(&self) -> Option<io::Result<()>> {
        let expired = self.wire.expired.get();
        let malformed = match (self.framing.malformed(), expired) {
            (Some(malformed), _) => malformed,
            (None, Some(_)) => Malformed::Timeout,
            (None, None) => return None,
        };
        if self.framing.in_body() {
            self.wire.body_malformed.set(Some(malformed));
            return Some(Err(io::Error::new(io::ErrorKind::InvalidData, malformed.reason())));
        }
        // A client that opened a connection and never began to speak gets no answer, only its end.
        if self.framing.malformed().is_some() || self.wire.holding() {
            self.wire.refusal.set(Some(malformed));
        }
        Some(Ok(()))
    }

    fn ended(&self) {
        self.wire.ended.set(true);
        if self.framing.in_body() {
            self.wire.body_malformed.set(Some(Malformed::Truncated));
        } else if self.wire.holding() {
            self.wire.refusal.set(Some(Malformed::Truncated));
        }
    }

    fn awaited(&self) -> Awaited {
        if self.framing.in_body() {
            Awaited::Body
        } else if self.framing.heads() == 0 {
            Awaited::First
        } else if self.wire.holding() {
            Awaited::Head
        } else {
            Awaited::Next
        }
    }
}

impl Held {
    /// Moves released bytes into `buf`; false when there are none.
    fn give(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let end = self.released.min(self.given.saturating_add(buf.remaining()));
        let Some(ready) = self.bytes.get(self.given..end).filter(|ready| !ready.is_empty()) else {
            return false;
        };
        buf.put_slice(ready);
        self.given = end;
        if self.given == self.released {
            self.bytes.drain(..self.released);
            (self.released, self.given) = (0, 0);
            if self.bytes.is_empty() {
                // An idle connection keeps no buffer.
                self.bytes = Vec::new();
            }
        }
        true
    }

    fn holding(&self) -> bool {
        self.bytes.len() > self.released
    }
}

impl<S> Drop for Strict<S> {
    fn drop(&mut self) {
        if let Ok(mut slot) = self.slot.try_borrow_mut() {
            let read = std::mem::take(&mut self.held.bytes);
            *slot = self.socket.take().map(|socket| Left { socket, read });
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.held.give(buf) {
                return Poll::Ready(Ok(()));
            }
            ready!(this.poll_resumed(cx));
            if this.held.give(buf) {
                return Poll::Ready(Ok(()));
            }
            if let Some(stopped) = this.stopped() {
                return Poll::Ready(stopped);
            }
            let Some(socket) = &mut this.socket else {
                return Poll::Ready(Ok(()));
            };
            let before = buf.filled().len();
            let Poll::Ready(read) = Pin::new(socket).poll_read(cx, buf) else {
                this.wire.waits.read_pending(this.awaited());
                return Poll::Pending;
            };
            read?;
            if buf.filled().len() == before {
                this.ended();
                return Poll::Ready(Ok(()));
            }
            this.take(buf, before);
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Strict<S> {
    fn note_write(&self, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &wrote {
            Poll::Ready(Ok(bytes)) => self.wire.waits.wrote(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.wire.waits.write_pending(),
        }
        wrote
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Strict<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(socket) = &mut this.socket else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let wrote = Pin::new(socket).poll_write(cx, bytes);
        this.note_write(wrote)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(socket) = &mut this.socket else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let wrote = Pin::new(socket).poll_write_vectored(cx, bytes);
        this.note_write(wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(socket) = &mut this.socket else {
            return Poll::Ready(Ok(()));
        };
        ready!(Pin::new(socket).poll_flush(cx))?;
        // hyper flushes when its own buffer is empty.
        this.wire.waits.write_complete();
        Poll::Ready(Ok(()))
    }

    /// Leaves the socket open: the connection's own end writes a refusal that may be due, and shuts it down.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    /// What a reader with a buffer of `size` bytes gets of `bytes`, which arrive in writes of `write` bytes, and how it ends.
    fn read(bytes: &[u8], write: usize, size: usize) -> (Vec<u8>, bool, Option<Malformed>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (mut client, server) = duplex(write);
        let wire = Rc::new(Wire::new(Instant::now()));
        let mut strict = Strict::new(server, Bounds::default(), Rc::clone(&wire), Slot::default());
        let writing = async {
            let _ = client.write_all(bytes).await;
            let _ = client.shutdown().await;
        };
        // The reader drops its end when it is done, as hyper does, which ends the writer.
        let reading = async move {
            let mut got = Vec::new();
            loop {
                let mut room = vec![0; size];
                let mut buf = ReadBuf::new(&mut room);
                match poll_fn(|cx| Pin::new(&mut strict).poll_read(cx, &mut buf)).await {
                    Ok(()) if buf.filled().is_empty() => return (got, true),
                    Ok(()) => got.extend_from_slice(buf.filled()),
                    Err(_) => return (got, false),
                }
            }
        };
        let ((got, whole), ()) = runtime.block_on(async { tokio::join!(reading, writing) });
        (got, whole, wire.refusal().or(wire.body_malformed.get()))
    }

    #[test]
    fn http_1_only_whole_heads_and_framed_bodies_are_released() {
        let one = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
        let two = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        for (rest, whole, malformed) in [
            ("", true, None),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
                true,
                Some(Malformed::Host),
            ),
            ("GET / HTTP/1.1\r\n", true, Some(Malformed::Truncated)),
        ] {
            let good = [one, two, one].concat();
            for (write, size) in [(1, 1), (1, 4096), (4096, 1), (4096, 4096), (7, 5), (60, 200)] {
                let read = read([good.as_str(), rest].concat().as_bytes(), write, size);
                assert_eq!(
                    read,
                    (good.clone().into_bytes(), whole, malformed),
                    "{rest:?} {write} {size}"
                );
            }
        }
        let bad_body = two.replace("3\r\nabc", "3;\r\nabc");
        let released = bad_body.split(';').next().unwrap();
        assert_eq!(
            read(bad_body.as_bytes(), 10, 10),
            (released.as_bytes().to_vec(), false, Some(Malformed::Chunk))
        );
    }
}
