//! HTTP/1.1: one connection from its first byte to its last. hyper over the strict wrapper, the deadlines, and an end that the client
//! can read.

mod framing;
pub(super) mod head;
pub(super) mod strict;
mod switch;

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use http::header::{CONNECTION, HeaderValue};
use http::{Request, StatusCode};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::BodyState;
use super::deadline::{Deadline, Expired};
use super::greet::Connected;
use super::shared::{Answer, LINGER_BYTES_MAX, Shared, caught};
use super::transport::Transport;
use super::worker::Serve;
use crate::refusal::Refusal;
pub use framing::{Framing, Step};
use strict::{Left, Slot, Strict, Wire};
pub(crate) use switch::{Successor, Switch};

/// Serves one connection to its end.
pub(crate) async fn run<S: Transport, H: Serve>(mut socket: S, connected: Rc<Connected>, shared: Rc<Shared<H>>) {
    let born = Instant::now();
    loop {
        // On the heap, and gone while the connection rests: nearly all that a connection holds is in there.
        let awake = Box::pin(awake(socket, born, &connected, &shared));
        let Some(rested) = awake.await else { return };
        socket = rested;
        shared.freed.tell();
        if !stirs(&mut socket, born, &shared).await {
            // A client that is gone need not be told.
            let _ = socket.shutdown().await;
            return;
        }
    }
}

/// Serves a connection until it ends, or until its client has asked nothing for a while: then the socket comes back.
async fn awake<S: Transport, H: Serve>(
    socket: S,
    born: Instant,
    connected: &Rc<Connected>,
    shared: &Rc<Shared<H>>,
) -> Option<S> {
    let wire = Rc::new(Wire::new(born));
    let slot: Slot<S> = Rc::default();
    let cut = {
        let strict = Strict::new(socket, shared.settings.bounds, Rc::clone(&wire), Rc::clone(&slot));
        let taken = Cell::new(0);
        let conversation = Rc::new(Conversation {
            shared: Rc::clone(shared),
            wire: Rc::clone(&wire),
            connected: Rc::clone(connected),
            taken,
        });
        let service = service_fn(move |request| {
            let conversation = Rc::clone(&conversation);
            async move { Ok::<_, Infallible>(conversation.answer(request).await) }
        });
        let connection = pin!(shared.http1.serve_connection(TokioIo::new(strict), service));
        drive(connection, |connection| connection.graceful_shutdown(), shared, &wire).await
    };
    // hyper and the wrapper are gone: the socket is ours again.
    let Left { socket, read } = slot.take()?;
    if let Some(successor) = wire.switch().successor().filter(|_| !cut) {
        let running = successor.run(Box::new(socket), read, Box::pin(drained(Rc::clone(shared))));
        if caught(Box::pin(running)).await.is_none() {
            tracing::error!("a connection was cut because what HTTP handed it to panicked");
        }
    } else if cut {
        socket.abort();
    } else if wire.rests() && read.is_empty() {
        return Some(socket);
    } else {
        end(socket, connected, shared, &wire).await;
    }
    None
}

/// Waits until the client of a connection that rests says something; false when it, or the connection, has had its time, or the gate
/// stops.
async fn stirs<S: Transport, H>(socket: &mut S, born: Instant, shared: &Shared<H>) -> bool {
    let until = shared.settings.deadlines.rest_ends(born, Instant::now());
    let mut late = pin!(tokio::time::sleep_until(until.into()));
    let mut drain = pin!(shared.drain.notified());
    poll_fn(|cx| {
        // First what the client says: a head that is on its way is answered, also by a gate that stops.
        if socket.poll_readable(cx).is_ready() {
            return Poll::Ready(true);
        }
        let stops = drain.as_mut().poll(cx).is_ready() || shared.draining.get();
        if stops || late.as_mut().poll(cx).is_ready() {
            return Poll::Ready(false);
        }
        Poll::Pending
    })
    .await
}

/// Waits until the gate begins to stop.
async fn drained<H>(shared: Rc<Shared<H>>) {
    // Nothing runs between the two looks: workers have one thread.
    if !shared.draining.get() {
        shared.drain.notified().await;
    }
}

/// Polls hyper and the deadlines until the connection is done; true when it has to be cut.
async fn drive<C, H>(mut connection: Pin<&mut C>, finish: impl Fn(Pin<&mut C>), shared: &Shared<H>, wire: &Wire) -> bool
where
    C: Future<Output = hyper::Result<()>>,
    H: Serve,
{
    let mut deadline = Deadline::new(shared.settings.deadlines);
    let mut drain = pin!(shared.drain.notified());
    let (mut registered, mut finishing) = (false, false);
    poll_fn(|cx| {
        if !std::mem::replace(&mut registered, true) {
            // Once is enough: the task's waker stays the same, and the flag is what counts.
            let _ = drain.as_mut().poll(cx);
        }
        loop {
            match catch_unwind(AssertUnwindSafe(|| connection.as_mut().poll(cx))) {
                Ok(Poll::Ready(result)) => {
                    if let Err(error) = result {
                        tracing::debug!(%error, "a connection ended early");
                    }
                    return Poll::Ready(false);
                }
                Ok(Poll::Pending) => {}
                Err(_) => {
                    tracing::error!("a connection was cut because serving it panicked");
                    return Poll::Ready(true);
                }
            }
            // Bytes of a head that is on its way are not thrown away: it is answered, within its deadline.
            if shared.draining.get() && !finishing && !wire.holding() {
                finishing = true;
                finish(connection.as_mut());
                continue;
            }
            match deadline.poll(cx, &wire.waits) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Expired::Write) => return Poll::Ready(true),
                Poll::Ready(Expired::Connection) => finish(connection.as_mut()),
                Poll::Ready(Expired::Rest) => {
                    wire.rest();
                    finish(connection.as_mut());
                }
                Poll::Ready(expired) => wire.expire(expired),
            }
        }
    })
    .await
}

/// Writes the refusal that is due, ends our side, and reads away what the client still sends: closing a socket with unread bytes
/// makes the kernel reset it, and the client would lose the answer that it is about to read.
async fn end<S: Transport, H: Serve>(mut socket: S, connected: &Connected, shared: &Shared<H>, wire: &Wire) {
    let peer = connected.peer;
    let deadlines = &shared.settings.deadlines;
    if let Some(malformed) = wire.refusal() {
        let refusal = Refusal::Malformed(malformed);
        let id = shared.next_id();
        tracing::debug!(%id, %peer, code = refusal.code(), reason = malformed.reason(), "refused");
        shared.handler.refused(&refusal, &id, peer);
        let written =
            tokio::time::timeout(deadlines.write_pause_time_max, socket.write_all(&refusal.to_wire(&id))).await;
        if !matches!(written, Ok(Ok(()))) {
            socket.abort();
            return;
        }
    }
    if socket.shutdown().await.is_ok() && wire.unread() {
        linger(&mut socket, deadlines.linger_time_max).await;
    }
}

async fn linger<S: Transport>(socket: &mut S, within: Duration) {
    let drained = async {
        let mut scratch = vec![0; 8 * 1024];
        let mut left = LINGER_BYTES_MAX;
        while let Ok(bytes @ 1..) = socket.read(&mut scratch).await {
            left = left.saturating_sub(bytes);
            if left == 0 {
                return;
            }
        }
    };
    // Late or not, the socket is closed now.
    let _ = tokio::time::timeout(within, drained).await;
}

/// The requests of one connection, one after the other.
struct Conversation<H> {
    shared: Rc<Shared<H>>,
    wire: Rc<Wire>,
    connected: Rc<Connected>,
    /// How many requests hyper has handed over.
    taken: Cell<u64>,
}

impl<H: Serve> Conversation<H> {
    async fn answer(&self, request: Request<hyper::body::Incoming>) -> Answer<H> {
        let number = self.taken.get() + 1;
        self.taken.set(number);
        let id = self.shared.next_id();
        let (parts, body) = request.into_parts();
        let state = BodyState::http1(Rc::clone(&self.wire), number);
        let mut response = match self.shared.receive(parts, body.into(), state, id, &self.connected) {
            Ok(received) => self.shared.answer(received, id, &self.connected).await,
            Err(refusal) => self.shared.refuse(&refusal, id, &self.connected),
        };
        self.wire.answered(number);
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return response;
        }
        if self.wire.body_unfinished(number) || self.shared.leaving.get() {
            // What is left of the body must not be taken for the next request; and a gate that leaves takes none.
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
