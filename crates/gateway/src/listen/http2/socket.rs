//! The socket of an HTTP/2 connection, as h2 reads and writes it: frames are followed, waits are noted.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::frames::{Follower, Offence};
use crate::listen::deadline::Waits;
use crate::listen::shared::LINGER_BYTES_MAX;
use crate::listen::transport::Transport;

/// What the socket tells the rest of its connection, and is told by it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) waits: Waits,
    follower: RefCell<Follower>,
    offence: Cell<Option<Offence>>,
    /// Whether closing throws away what the peer does not take.
    aborts: Cell<bool>,
    /// How long to read away what the client still sends, after our last words.
    linger_time_max: Duration,
}

impl Wire {
    pub(super) fn new(block_bytes_max: u32, linger_time_max: Duration) -> Self {
        Self {
            waits: Waits::new(),
            follower: RefCell::new(Follower::new(block_bytes_max, Instant::now())),
            offence: Cell::new(None),
            aborts: Cell::new(false),
            linger_time_max,
        }
    }

    /// What the client may not do: nothing more is read from it.
    pub(super) fn offence(&self) -> Option<Offence> {
        self.offence.get()
    }

    /// Ends the connection for what the client did not do.
    pub(super) fn offend(&self, offence: Offence) {
        self.offence.set(Some(offence));
    }

    pub(super) fn abort(&self) {
        self.aborts.set(true);
    }

    fn read(&self, bytes: &[u8]) -> Result<(), Offence> {
        let followed = match self.follower.try_borrow_mut() {
            Ok(mut follower) => {
                let followed = follower.advance(bytes, Instant::now());
                self.waits.frame(follower.unfinished());
                followed
            }
            Err(_) => Ok(()),
        };
        followed.inspect_err(|offence| self.offend(*offence))
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
    lingering: Option<Lingering>,
}

/// Our last words are said, and what the client still sends is read away: closing a socket with unread bytes makes the kernel
/// reset it, and the client would lose the GOAWAY that it is about to read.
#[derive(Debug)]
struct Lingering {
    until: Pin<Box<Sleep>>,
    bytes_left: usize,
}

impl Lingering {
    /// Ready when the client has gone, or has had its time.
    fn poll<S: Transport>(&mut self, socket: &mut S, cx: &mut Context<'_>) -> Poll<()> {
        while self.bytes_left > 0 && self.until.as_mut().poll(cx).is_pending() {
            let mut scratch = [0; 4 * 1024];
            let mut read = ReadBuf::new(&mut scratch);
            let done = ready!(Pin::new(&mut *socket).poll_read(cx, &mut read));
            let bytes = read.filled().len();
            if done.is_err() || bytes == 0 {
                break;
            }
            self.bytes_left = self.bytes_left.saturating_sub(bytes);
        }
        Poll::Ready(())
    }
}

impl<S: Transport> Watched<S> {
    pub(super) fn new(socket: S, wire: Rc<Wire>) -> Self {
        Self {
            socket,
            wire,
            lingering: None,
        }
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
        if this.wire.offence().is_some() {
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
        let this = self.get_mut();
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
        }
        let lingering = this.lingering.get_or_insert_with(|| Lingering {
            until: Box::pin(tokio::time::sleep(this.wire.linger_time_max)),
            bytes_left: LINGER_BYTES_MAX,
        });
        lingering.poll(&mut this.socket, cx).map(Ok)
    }
}
