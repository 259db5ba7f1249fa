//! One connection of HTTP/2, and the right to one stream of it.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::super::answer::HEAD_BYTES_MAX;
use super::super::pool::{Open, Pool};
use super::super::stream::Stream;

/// Most streams on one connection, whatever the upstream allows.
pub(super) const STREAMS_MAX: usize = 100;
const STREAMS_MAX_U32: u32 = 100;
/// How much of one body the upstream may send before it is taken.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// The same for all bodies of a connection: all streams full, so that callers who do not read hold up nobody else.
const CONNECTION_WINDOW_BYTES: u32 = STREAM_WINDOW_BYTES * STREAMS_MAX_U32;
/// How much of a request's body waits in a connection to be written.
const SEND_BUFFER_BYTES_MAX: usize = 64 * 1024;
/// How long a connection that nobody needs may take to say so.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(1);

/// One connection.
pub(in crate::forward) struct Multiplexed {
    sender: SendRequest<Bytes>,
    /// Streams in use.
    streams: Cell<usize>,
    /// Whether new streams may begin.
    usable: Rc<Cell<bool>>,
    idle_since: Cell<Instant>,
    /// How often something arrived.
    heard: Rc<Cell<u64>>,
    /// Its other end.
    peer: SocketAddr,
    unneeded: Rc<Notify>,
    pool: Weak<Pool>,
    _open: Open,
}

impl std::fmt::Debug for Multiplexed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Multiplexed")
            .field("streams", &self.streams)
            .field("usable", &self.usable)
            .finish_non_exhaustive()
    }
}

/// The right to one stream. Dropped after the stream itself.
#[derive(Debug)]
pub(in crate::forward) struct Ticket {
    connection: Rc<Multiplexed>,
}

impl Multiplexed {
    /// Speaks HTTP/2 over an open connection, which has taken its place in the pool already; call it inside a local runtime.
    pub(super) async fn start(
        stream: Stream,
        peer: SocketAddr,
        pool: &Rc<Pool>,
        open: Open,
    ) -> Result<Rc<Self>, h2::Error> {
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .initial_max_send_streams(STREAMS_MAX)
            .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
            .max_send_buffer_size(SEND_BUFFER_BYTES_MAX);
        let heard = Rc::default();
        let stream = Listened {
            stream,
            heard: Rc::clone(&heard),
        };
        let (sender, connection) = builder.handshake::<_, Bytes>(stream).await?;
        let (usable, unneeded) = (Rc::new(Cell::new(true)), Rc::new(Notify::new()));
        let (still, no_more) = (Rc::clone(&usable), Rc::clone(&unneeded));
        tokio::task::spawn_local(async move {
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                ended = &mut connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection of HTTP/2 to an upstream ended");
                    }
                }
                () = no_more.notified() => {
                    // In time or not, it closes now.
                    let _late = tokio::time::timeout(CLOSE_TIME_MAX, connection).await;
                }
            }
            still.set(false);
        });
        Ok(Rc::new(Self {
            sender,
            streams: Cell::new(0),
            usable,
            idle_since: Cell::new(Instant::now()),
            heard,
            peer,
            unneeded,
            pool: Rc::downgrade(pool),
            _open: open,
        }))
    }

    /// The right to one more stream, if there is one.
    pub(super) fn ticket(self: &Rc<Self>) -> Option<Ticket> {
        let streams_max = STREAMS_MAX.min(self.sender.current_max_send_streams());
        let free = self.usable.get() && self.streams.get() < streams_max;
        free.then(|| {
            self.streams.set(self.streams.get() + 1);
            Ticket {
                connection: Rc::clone(self),
            }
        })
    }

    /// Whether it may serve on: it is usable, and in use or not idle for too long.
    pub(super) fn is_worth_keeping(&self, now: Instant, age_max: Duration) -> bool {
        self.usable.get() && (self.streams.get() > 0 || now.duration_since(self.idle_since.get()) < age_max)
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// No new stream begins on it.
    pub(super) fn give_up(&self) {
        self.usable.set(false);
    }

    pub(super) fn is_usable(&self) -> bool {
        self.usable.get()
    }
}

impl Drop for Multiplexed {
    fn drop(&mut self) {
        self.unneeded.notify_one();
        if let Some(pool) = self.pool.upgrade() {
            pool.release();
        }
    }
}

impl Ticket {
    pub(super) fn sender(&self) -> SendRequest<Bytes> {
        self.connection.sender.clone()
    }

    /// How often something arrived on its connection.
    pub(super) fn heard(&self) -> u64 {
        self.connection.heard.get()
    }

    /// No new stream begins on this connection: it failed, or the upstream lets go of it.
    pub(super) fn give_up(&self) {
        self.connection.give_up();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let connection = &self.connection;
        connection.streams.set(connection.streams.get().saturating_sub(1));
        connection.idle_since.set(Instant::now());
        if let Some(pool) = connection.pool.upgrade() {
            pool.stream_ended(connection);
        }
    }
}

/// The bytes, and a count of arrivals: a connection on which nothing comes any more is told from a slow answer by it.
#[derive(Debug)]
struct Listened {
    stream: Stream,
    heard: Rc<Cell<u64>>,
}

impl AsyncRead for Listened {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        this.heard.set(this.heard.get().wrapping_add(1));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Listened {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
