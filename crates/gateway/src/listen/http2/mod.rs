//! HTTP/2 towards clients (RFC 9113), by h2: which streams are served, when a connection ends.
//!
//! A stream is a task of its own, so that a slow one holds up nobody. Server push, extended CONNECT and early data are not offered.

mod body;
mod frames;
mod head;
mod socket;
mod stream;

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::Reason;
use h2::server::{Builder, Connection};
use tokio::task::spawn_local;
use tokio::time::Sleep;

pub(crate) use body::Reading;
pub use body::StreamBody;

use super::deadline::{Awaited, Deadline, Expired};
use super::greet::Connected;
use super::shared::Shared;
use super::transport::Transport;
use super::worker::{Serve, Settings};
use frames::Offence;
use socket::{Watched, Wire};

/// Bytes that one stream may send before they are read.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// Bytes that all streams of a connection may send before they are read.
const CONNECTION_WINDOW_BYTES: u32 = 128 * 1024;
/// Bytes of answers that one stream holds for a client that is slower than the upstream.
const SEND_BUFFER_BYTES: usize = 16 * 1024;
/// Streams that were taken back and are remembered, so that late frames of them are no error.
const RESET_STREAMS_MAX: usize = 20;
/// The room that `SETTINGS_MAX_HEADER_LIST_SIZE` counts beside the bytes of each field (RFC 9113 section 6.5.2).
const FIELD_OVERHEAD_BYTES: usize = 32;

/// Bounds on HTTP/2 connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http2Bounds {
    /// Most streams of one connection at once; more are refused, to be tried again (`REFUSED_STREAM`).
    pub streams_max: u32,
}

impl Default for Http2Bounds {
    fn default() -> Self {
        Self { streams_max: 100 }
    }
}

/// Serves one connection to its end.
pub(crate) async fn run<S: Transport, H: Serve>(socket: S, connected: Rc<Connected>, shared: Rc<Shared<H>>) {
    let settings = &shared.settings;
    let block_bytes_max = u32::try_from(settings.bounds.head_bytes_max()).unwrap_or(u32::MAX);
    let wire = Rc::new(Wire::new(block_bytes_max, settings.deadlines.linger_time_max));
    let socket = Watched::new(socket, Rc::clone(&wire));
    let handshake = builder(settings).handshake::<_, Bytes>(socket);
    let connection = match tokio::time::timeout(settings.deadlines.head_time_max, handshake).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            tracing::debug!(peer = %connected.peer, %error, "a connection did not begin as HTTP/2");
            return;
        }
        Err(_) => return wire.abort(),
    };
    let streams = Streams {
        connected,
        wire,
        open: Rc::new(Open::default()),
        begun: Cell::new(false),
        shared,
    };
    streams.drive(connection).await;
}

fn builder(settings: &Settings) -> Builder {
    let bounds = settings.bounds;
    let header_list = bounds.head_bytes_max() + bounds.head_lines_max() * FIELD_OVERHEAD_BYTES;
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(settings.http2.streams_max)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(u32::try_from(header_list).unwrap_or(u32::MAX))
        .max_send_buffer_size(SEND_BUFFER_BYTES)
        .max_concurrent_reset_streams(RESET_STREAMS_MAX)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX);
    builder
}

/// What the client is told (RFC 9113 section 7).
fn code(offence: Offence) -> Reason {
    match offence {
        Offence::Order => Reason::PROTOCOL_ERROR,
        Offence::Size => Reason::FRAME_SIZE_ERROR,
        Offence::StreamClosed => Reason::STREAM_CLOSED,
        Offence::Window => Reason::FLOW_CONTROL_ERROR,
        Offence::HeaderBlock | Offence::Flood | Offence::Late => Reason::ENHANCE_YOUR_CALM,
    }
}

/// How many streams are being served.
#[derive(Debug, Default)]
pub(crate) struct Open(Cell<usize>);

/// One stream that is being served; counted until it is dropped.
struct OpenStream {
    open: Rc<Open>,
    all: Rc<Open>,
    wire: Rc<Wire>,
}

impl OpenStream {
    /// A stream more, if the worker may serve it: heads that wait for their bodies or their upstreams take room, and there are to be
    /// no more of them than there would be over HTTP/1.1.
    fn new(open: &Rc<Open>, all: &Rc<Open>, wire: &Rc<Wire>, streams_max: usize) -> Option<Self> {
        if all.0.get() >= streams_max {
            return None;
        }
        open.0.set(open.0.get() + 1);
        all.0.set(all.0.get() + 1);
        wire.waits.head_complete();
        Some(Self {
            open: Rc::clone(open),
            all: Rc::clone(all),
            wire: Rc::clone(wire),
        })
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.all.0.set(self.all.0.get().saturating_sub(1));
        self.open.0.set(self.open.0.get().saturating_sub(1));
        if self.open.0.get() == 0 {
            self.wire.waits.read_pending(Awaited::Next);
        }
    }
}

/// The streams of one connection.
struct Streams<H> {
    connected: Rc<Connected>,
    wire: Rc<Wire>,
    open: Rc<Open>,
    /// Whether there was a stream.
    begun: Cell<bool>,
    shared: Rc<Shared<H>>,
}

/// How far the end of a connection has come.
#[derive(Default)]
struct Ending {
    /// GOAWAY was sent: no further stream.
    announced: bool,
    /// Broken off with an error.
    broken: bool,
    /// Runs when nothing is open any more and the client has yet to go.
    farewell: Option<Pin<Box<Sleep>>>,
}

impl<H: Serve> Streams<H> {
    async fn drive<S: Transport>(&self, connection: Connection<Watched<S>, Bytes>) {
        let mut connection = connection;
        let mut deadline = Deadline::new(self.shared.settings.deadlines);
        let mut leave = pin!(self.shared.leave.notified());
        let mut drain = pin!(self.shared.drain.notified());
        let mut ending = Ending::default();
        self.wire.waits.read_pending(Awaited::First);
        let cut = poll_fn(|cx| {
            let _ = leave.as_mut().poll(cx);
            let _ = drain.as_mut().poll(cx);
            loop {
                match self.poll_streams(&mut connection, cx) {
                    Poll::Ready(()) => return Poll::Ready(false),
                    Poll::Pending => {}
                }
                if let Some(offence) = self.wire.offence().filter(|_| !ending.broken) {
                    tracing::debug!(peer = %self.connected.peer, ?offence, "a connection was ended");
                    (ending.broken, ending.announced) = (true, true);
                    connection.abrupt_shutdown(code(offence));
                    continue;
                }
                if self.should_end() && !ending.announced {
                    ending.announced = true;
                    connection.graceful_shutdown();
                    continue;
                }
                match deadline.poll(cx, &self.wire.waits) {
                    Poll::Pending => {}
                    Poll::Ready(Expired::Write) => return Poll::Ready(true),
                    Poll::Ready(Expired::Frame) => {
                        self.wire.offend(Offence::Late);
                        continue;
                    }
                    Poll::Ready(_) => {
                        if !std::mem::replace(&mut ending.announced, true) {
                            connection.graceful_shutdown();
                        }
                        continue;
                    }
                }
                return self.poll_farewell(&mut ending, cx).map(|()| true);
            }
        })
        .await;
        if cut {
            self.wire.abort();
        }
    }

    /// Whether the client is to be told that there will be no further stream: it loses nothing by it, for those that are on their way
    /// are still taken.
    fn should_end(&self) -> bool {
        self.shared.draining.get() || self.shared.leaving.get() && self.begun.get()
    }

    /// Begins every stream that the client opened; ready when the connection is done.
    fn poll_streams<S: Transport>(
        &self,
        connection: &mut Connection<Watched<S>, Bytes>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        loop {
            match connection.poll_accept(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Ready(Some(Err(error))) => {
                    tracing::debug!(peer = %self.connected.peer, %error, "a connection ended early");
                    return Poll::Ready(());
                }
                Poll::Ready(Some(Ok((request, mut respond)))) => {
                    self.begun.set(true);
                    let (all, streams_max) = (&self.shared.streams, self.shared.settings.connections_max);
                    let Some(open) = OpenStream::new(&self.open, all, &self.wire, streams_max) else {
                        // Nothing was done for it: the client may try again.
                        respond.send_reset(Reason::REFUSED_STREAM);
                        continue;
                    };
                    let (connected, shared) = (Rc::clone(&self.connected), Rc::clone(&self.shared));
                    spawn_local(async move {
                        let linger_time_max = shared.settings.deadlines.linger_time_max;
                        let unfinished = stream::serve(request, respond, connected, shared).await;
                        drop(open);
                        if let Some(unfinished) = unfinished {
                            stream::linger(unfinished, linger_time_max).await;
                        }
                    });
                }
            }
        }
    }

    /// Once the end is announced and nothing is open, a client that does not go is not waited for long.
    fn poll_farewell(&self, ending: &mut Ending, cx: &mut Context<'_>) -> Poll<()> {
        if !ending.announced || (self.open.0.get() > 0 && !ending.broken) {
            return Poll::Pending;
        }
        let linger_time_max = self.shared.settings.deadlines.linger_time_max;
        let farewell = ending
            .farewell
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(linger_time_max)));
        farewell.as_mut().poll(cx)
    }
}
