//! Workers: one thread and one single-threaded runtime per core, each with its own sockets and its own handler, sharing nothing on
//! the path of a request.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, spawn_local};

use super::Received;
use super::admission::{Admission, Permit};
use super::bounds::Bounds;
use super::client_address::TrustedProxies;
use super::deadline::Deadlines;
use super::greet::{self, Door, Greeting, Listener, ListenerIndex};
use super::http2::Http2Bounds;
use super::request_id::{RequestId, RequestIds};
use super::shared::Shared;
use super::socket::Sockets;
use crate::refusal::Refusal;

/// How long accepting rests after the process ran out of something, at first and at most.
const ACCEPT_REST: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// How long a connection that was accepted while draining may take until its first byte.
const LATE_FIRST_BYTE: Duration = Duration::from_millis(250);
/// How long ending connections that are idle may take.
const IDLE_END_MAX: Duration = Duration::from_millis(500);

/// Everything that listening needs to know, checked before.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bounds on a request head.
    pub bounds: Bounds,
    /// How long a client may take.
    pub deadlines: Deadlines,
    /// Most connections of the process; more are refused with 503.
    pub connections_max: usize,
    /// Most connections from one IPv4 address or one IPv6 /64; trusted proxies are exempt.
    pub connections_per_address_max: usize,
    /// Whose word about the client counts.
    pub trusted: TrustedProxies,
    /// How long draining may take; what is still open then is cut.
    pub drain_time_max: Duration,
    /// What each address that is listened on expects and offers, in the order of the sockets; plain HTTP where there is none.
    pub listeners: Vec<Listener>,
    /// Bounds on HTTP/2 connections.
    pub http2: Http2Bounds,
}

impl Settings {
    /// An address that is listened on, with what is expected and offered there.
    fn door(&self, index: usize) -> Door {
        Door {
            index: ListenerIndex(index),
            listener: self.listeners.get(index).cloned().unwrap_or_default(),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bounds: Bounds::default(),
            deadlines: Deadlines::default(),
            connections_max: 10_000,
            connections_per_address_max: 256,
            trusted: TrustedProxies::default(),
            drain_time_max: Duration::from_secs(30),
            listeners: Vec::new(),
            http2: Http2Bounds::default(),
        }
    }
}

/// Which worker, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WorkerIndex(pub usize);

/// What answers requests: one value per worker, never shared between threads.
pub trait Serve: 'static {
    /// The body of a response.
    type Body: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static;

    /// Answers one request. A panic becomes a 500 and ends the connection.
    fn serve(self: Rc<Self>, received: Received) -> impl Future<Output = Response<Self::Body>>;

    /// Told that a connection was accepted.
    fn opened(&self) {}

    /// Told that an accepted connection ended.
    fn closed(&self) {}

    /// Told how the beginning of a connection went.
    fn greeted(&self, greeting: Greeting) {
        let _ = greeting;
    }

    /// Told of each TLS handshake that failed, and why; of no reason where the client just went away.
    fn handshake_failed(&self, client: SocketAddr, reason: Option<&str>) {
        let _ = (client, reason);
    }

    /// Told of each refusal that the listener gave without asking [`Serve::serve`], for counting and the log.
    fn refused(&self, refusal: &Refusal, id: &RequestId, peer: SocketAddr) {
        let _ = (refusal, id, peer);
    }
}

/// How far the workers are on their way to the end; it never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Connections are accepted and kept.
    Serving,
    /// Connections are accepted, and every answer ends its own.
    Leaving,
    /// Another process accepts from the same sockets.
    HandedOver,
    /// Nobody accepts any more.
    Draining,
}

/// How draining ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were open when accepting ended.
    pub connections_open: usize,
    /// Connections that were still open at the deadline and were cut.
    pub connections_cut: usize,
}

/// The running workers.
pub struct Workers {
    addresses: Vec<SocketAddr>,
    phase: watch::Sender<Phase>,
    threads: Vec<thread::JoinHandle<io::Result<Drained>>>,
}

impl fmt::Debug for Workers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Workers")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

impl Workers {
    /// Starts one thread per set of sockets. `make` is called inside each thread, within its runtime, so that it may spawn local
    /// tasks; where it fails, that worker ends.
    ///
    /// # Errors
    ///
    /// When a thread cannot be started. What fails inside a thread is told by [`Workers::join`].
    pub fn start<H, F>(sockets: Sockets, settings: Settings, make: F) -> io::Result<Self>
    where
        H: Serve,
        F: Fn(WorkerIndex) -> io::Result<H> + Send + Sync + 'static,
    {
        let (phase, told) = watch::channel(Phase::Serving);
        let addresses = sockets.addresses().to_vec();
        let admission = Admission::new(settings.connections_max, settings.connections_per_address_max);
        let (settings, make) = (Arc::new(settings), Arc::new(make));
        let mut threads = Vec::new();
        for (index, listeners) in sockets.into_workers().into_iter().enumerate() {
            let (settings, make, admission) = (Arc::clone(&settings), Arc::clone(&make), Arc::clone(&admission));
            let told = told.clone();
            let thread = thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
                let runtime = Builder::new_current_thread()
                    .enable_all()
                    .build_local(LocalOptions::default())?;
                let work = async {
                    let ids = RequestIds::seeded()?;
                    let shared = Shared::new(Rc::new(make(WorkerIndex(index))?), settings, ids);
                    let worker = Worker {
                        shared: Rc::new(shared),
                        admission,
                        open: Rc::new(OpenCount::default()),
                    };
                    Rc::new(worker).work(listeners, told).await
                };
                runtime.block_on(work)
            })?;
            threads.push(thread);
        }
        Ok(Self {
            addresses,
            phase,
            threads,
        })
    }

    /// The addresses that are listened on.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Whether every worker still runs: none has failed.
    #[must_use]
    pub fn alive(&self) -> bool {
        !self.threads.iter().any(thread::JoinHandle::is_finished)
    }

    /// Prepares to drain: `Connection: close` on every response, while connections are still accepted. Returns at once.
    pub fn leave(&self) {
        self.phase.send_replace(Phase::Leaving);
    }

    /// Begins to drain: no new connections, `Connection: close` on every response, idle connections closed. Returns at once.
    pub fn drain(&self) {
        self.phase.send_replace(Phase::Draining);
    }

    /// Begins to drain for a process that accepts from the same sockets: what waits in their queues is left to it, and a connection
    /// that is idle may send one more request. Returns at once.
    pub fn hand_over(&self) {
        self.phase.send_replace(Phase::HandedOver);
    }

    /// Waits until every worker has drained, which needs [`Workers::drain`], [`Workers::hand_over`] or an error first. Blocks the thread.
    ///
    /// # Errors
    ///
    /// The first error of a worker; a panic of one is an error too.
    pub fn join(self) -> io::Result<Drained> {
        let mut drained = Drained::default();
        let mut failed = None;
        for thread in self.threads {
            match thread.join() {
                Ok(Ok(one)) => {
                    drained.connections_open += one.connections_open;
                    drained.connections_cut += one.connections_cut;
                }
                Ok(Err(error)) => failed = failed.or(Some(error)),
                Err(_) => failed = failed.or_else(|| Some(io::Error::other("a worker panicked"))),
            }
        }
        failed.map_or(Ok(drained), Err)
    }
}

/// One worker, inside its thread.
struct Worker<H> {
    shared: Rc<Shared<H>>,
    admission: Arc<Admission>,
    open: Rc<OpenCount>,
}

impl<H: Serve> Worker<H> {
    async fn work(
        self: Rc<Self>,
        listeners: Vec<(usize, StdListener)>,
        mut told: watch::Receiver<Phase>,
    ) -> io::Result<Drained> {
        let freed = Rc::clone(&self.shared.freed);
        spawn_local(async move { freed.give_back().await });
        let mut accepting = Vec::new();
        for (index, listener) in listeners {
            let listener = TcpListener::from_std(listener)?;
            let door = Rc::new(self.shared.settings.door(index));
            accepting.push(spawn_local(Rc::clone(&self).accept(listener, door)));
        }
        reached(&mut told, Phase::Leaving).await;
        self.shared.leaving.set(true);
        self.shared.leave.notify_waiters();
        let handed_over = reached(&mut told, Phase::HandedOver).await == Phase::HandedOver;
        if handed_over {
            // What waits in the kernel's queue is accepted by the other process.
            accepting.iter().for_each(JoinHandle::abort);
        } else {
            self.end_idle();
        }
        for task in accepting {
            let _ = task.await;
        }
        let connections_open = self.open.count.get();
        let _ = tokio::time::timeout(self.shared.settings.drain_time_max, self.open.none()).await;
        if handed_over {
            // Not before: a client may be about to use a connection that is idle, and would lose that request.
            self.end_idle();
            let _ = tokio::time::timeout(IDLE_END_MAX, self.open.none()).await;
        }
        Ok(Drained {
            connections_open,
            connections_cut: self.open.count.get(),
        })
    }

    fn end_idle(&self) {
        self.shared.draining.set(true);
        self.shared.drain.notify_waiters();
    }

    /// Accepts until draining begins, then empties the kernel's queue: what it had promised to a client is served.
    async fn accept(self: Rc<Self>, listener: TcpListener, door: Rc<Door>) {
        let mut rest = ACCEPT_REST.0;
        let mut drain = pin!(self.shared.drain.notified());
        while !self.shared.draining.get() {
            match next(&listener, drain.as_mut()).await {
                None => break,
                Some(Ok((socket, peer))) => {
                    rest = ACCEPT_REST.0;
                    self.admit(socket, peer, &door);
                }
                Some(Err(error)) if concerns_one_connection(&error) => {}
                Some(Err(error)) => {
                    // Out of file descriptors or memory: the listener stays ready, so without a rest this would spin.
                    tracing::warn!(%error, rest_milliseconds = rest.as_millis(), "cannot accept connections");
                    tokio::time::sleep(rest).await;
                    rest = (rest * 2).min(ACCEPT_REST.1);
                }
            }
        }
        while let Poll::Ready(Ok((socket, peer))) = poll_fn(|cx| Poll::Ready(listener.poll_accept(cx))).await {
            self.admit(socket, peer, &door);
        }
    }

    fn admit(&self, socket: TcpStream, peer: SocketAddr, door: &Rc<Door>) {
        if !door.listener.looks_at(peer) {
            // Without a word: who may not come need not learn who is here.
            self.shared.handler.greeted(Greeting::Denied);
            return;
        }
        let trusted = self.shared.settings.trusted.trusts(peer.ip());
        let Some(permit) = self.admission.admit(peer.ip(), trusted) else {
            self.turn_away(&socket, peer, &door.listener);
            return;
        };
        let mut open = Rc::clone(&self.open).enter(permit);
        let (shared, door) = (Rc::clone(&self.shared), Rc::clone(door));
        shared.handler.opened();
        spawn_local(async move {
            if shared.draining.get() {
                let _ = tokio::time::timeout(LATE_FIRST_BYTE, socket.readable()).await;
            }
            greet::serve(socket, peer, &door, &mut open.permit, Rc::clone(&shared)).await;
            shared.handler.closed();
            shared.freed.tell();
            drop(open);
        });
    }

    /// Says 503 to a connection that is one too many, without waiting for anything.
    fn turn_away(&self, socket: &TcpStream, peer: SocketAddr, listener: &Listener) {
        let refusal = Refusal::ConnectionLimit;
        let id = self.shared.next_id();
        self.shared.handler.refused(&refusal, &id, peer);
        // Over TLS there is nobody yet to say it to.
        if listener.tls.is_none() {
            let wire = refusal.to_wire(&id);
            let _ = SockRef::from(socket).send(&wire);
        }
    }
}

/// Waits for a phase, and says which it is by then.
async fn reached(told: &mut watch::Receiver<Phase>, phase: Phase) -> Phase {
    // An error means that nobody is left who could ask for more.
    let reached = told.wait_for(|now| *now >= phase).await;
    reached.map_or(Phase::Draining, |now| *now)
}

/// The next connection, or none once draining begins.
async fn next(
    listener: &TcpListener,
    mut drain: Pin<&mut impl Future<Output = ()>>,
) -> Option<io::Result<(TcpStream, SocketAddr)>> {
    poll_fn(|cx| match drain.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => listener.poll_accept(cx).map(Some),
    })
    .await
}

fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

/// How many connections a worker has open.
#[derive(Debug, Default)]
struct OpenCount {
    count: Cell<usize>,
    zero: Notify,
}

/// One open connection; counted until it is dropped.
struct Open {
    count: Rc<OpenCount>,
    permit: Permit,
}

impl OpenCount {
    fn enter(self: Rc<Self>, permit: Permit) -> Open {
        self.count.set(self.count.get() + 1);
        Open { count: self, permit }
    }

    async fn none(&self) {
        while self.count.get() > 0 {
            self.zero.notified().await;
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.count.count.set(self.count.count.get().saturating_sub(1));
        if self.count.count.get() == 0 {
            self.count.zero.notify_one();
        }
    }
}
