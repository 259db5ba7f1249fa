//! The socket of an HTTP/2 connection, as h2 reads and writes it: frames are followed, waits are noted.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::{Flood, Follower};
use crate::listen::deadline::Waits;
use crate::listen::socket::Transport;

/// What the socket tells the rest of its connection, and is told by it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) waits: Waits,
    follower: RefCell<Follower>,
    flood: Cell<Option<Flood>>,
    /// Whether closing throws away what the peer does not take.
    aborts: Cell<bool>,
}

impl Wire {
    pub(super) fn new(block_bytes_max: u32) -> Self {
        Self {
            waits: Waits::new(),
            follower: RefCell::new(Follower::new(block_bytes_max, Instant::now())),
            flood: Cell::new(None),
            aborts: Cell::new(false),
        }
    }

    /// What the client does too much of: nothing more is read from it.
    pub(super) fn flood(&self) -> Option<Flood> {
        self.flood.get()
    }

    pub(super) fn abort(&self) {
        self.aborts.set(true);
    }

    fn read(&self, bytes: &[u8]) -> Result<(), Flood> {
        let followed = match self.follower.try_borrow_mut() {
            Ok(mut follower) => follower.advance(bytes, Instant::now()),
            Err(_) => Ok(()),
        };
        followed.inspect_err(|flood| self.flood.set(Some(*flood)))
    }

    fn wrote(&self, bytes: usize) {
        self.waits.wrote(bytes);
        if let Ok(mut follower) = self.follower.try_borrow_mut() {
            follower.wrote(bytes);
        }
    }
}

/// The wrapper itself.
#[derive(Debug)]
pub(super) struct Watched<S: Transport> {
    socket: S,
    wire: Rc<Wire>,
}

impl<S: Transport> Watched<S> {
    pub(super) fn new(socket: S, wire: Rc<Wire>) -> Self {
        Self { socket, wire }
    }

    fn note_write(&self, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &wrote {
            Poll::Ready(Ok(bytes)) => self.wire.wrote(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.wire.waits.write_pending(),
        }
        wrote
    }
}

impl<S: Transport> Drop for Watched<S> {
    fn drop(&mut self) {
        if self.wire.aborts.get() {
            self.socket.abort();
        }
    }
}

impl<S: Transport> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.wire.flood().is_some() {
            // The connection is being ended; nobody waits for this read.
            return Poll::Pending;
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.socket).poll_read(cx, buf))?;
        let fresh = buf.filled().get(before..).unwrap_or_default();
        if this.wire.read(fresh).is_err() {
            buf.set_filled(before);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Transport> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.socket).poll_write(cx, bytes);
        this.note_write(wrote)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.socket).poll_write_vectored(cx, bytes);
        this.note_write(wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.socket).poll_flush(cx))?;
        this.wire.waits.write_complete();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}
