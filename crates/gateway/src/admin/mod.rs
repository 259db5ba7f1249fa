//! The admin surface: metrics, health and public keys, on a thread of its own, for this machine unless declared otherwise.
//!
//! It only reads. It never touches the gate's workers, answers one request per connection, and bounds connections,
//! their time and the expositions held in memory, so that nobody who gets stuck here can harm the gate or fill it.

mod answer;
mod host;

use crate::metrics::Registry;
use crate::networks::AddressList;
use crate::upstream_identity::SigningKeys;
use answer::Answerer;
use arc_swap::ArcSwap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};

/// The most connections at once; further ones wait in the system's queue.
pub const CONNECTIONS_MAX: usize = 32;
/// The longest time until a request's head is there.
pub const HEAD_SECONDS_MAX: u64 = 5;
/// The longest life of a connection, reading the answer included.
pub const CONNECTION_SECONDS_MAX: u64 = 10;
/// The most expositions of metrics held in memory at once.
pub const SCRAPES_MAX: usize = 4;
/// The most bytes of a request's head.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// The most header fields of a request.
pub const HEADERS_MAX: usize = 64;

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the admin surface does not start.
#[derive(Debug, Error)]
pub enum AdminError {
    /// The address cannot be listened on.
    #[error("the admin surface cannot listen on `{address}`: {cause}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The thread or its runtime cannot start.
    #[error("the admin surface cannot start its thread: {0}")]
    Thread(std::io::Error),
}

/// Whether the gate wants traffic; shared between the gate and the admin surface.
#[derive(Debug, Default)]
pub struct Readiness(AtomicU8);

/// A state of readiness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Ready {
    /// No configuration is in force yet.
    Loading = 0,
    /// It serves.
    Serving = 1,
    /// It finishes what it has, and takes nothing new.
    Draining = 2,
}

/// A running admin surface. It stops when dropped.
pub struct Admin {
    address: SocketAddr,
    addresses: Arc<ArcSwap<AddressList>>,
    leave: Option<oneshot::Sender<()>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Readiness {
    /// Sets the state.
    pub fn set(&self, ready: Ready) {
        self.0.store(ready as u8, Ordering::Release);
    }

    /// The state now.
    #[must_use]
    pub fn get(&self) -> Ready {
        match self.0.load(Ordering::Acquire) {
            0 => Ready::Loading,
            1 => Ready::Serving,
            _ => Ready::Draining,
        }
    }
}

impl Admin {
    /// Listens: connections wait until they are served. Port 0 takes any free one. Whether others may reach the address is for the
    /// caller to say: the surface tells whoever reaches it what is called and how often.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub fn listen(address: SocketAddr) -> Result<StdListener, AdminError> {
        StdListener::bind(address).map_err(|cause| AdminError::Listen { address, cause })
    }

    /// Serves what arrives at a socket that listens, on a thread of its own: connections of whom `addresses` permits.
    ///
    /// # Errors
    /// The socket cannot be used, or the system has no more threads.
    pub fn serve(
        listener: StdListener,
        addresses: AddressList,
        registry: Arc<Registry>,
        readiness: Arc<Readiness>,
        keys: Arc<SigningKeys>,
    ) -> Result<Self, AdminError> {
        let address = listener.local_addr().map_err(AdminError::Thread)?;
        let failed = |cause| AdminError::Listen { address, cause };
        listener.set_nonblocking(true).map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(AdminError::Thread)?;
        let entered = runtime.enter();
        let listener = TcpListener::from_std(listener).map_err(failed)?;
        drop(entered);
        let (leave, leaving) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let addresses = Arc::new(ArcSwap::from_pointee(addresses));
        let permitted = Arc::clone(&addresses);
        let serve = move || {
            let answerer = Rc::new(Answerer::new(registry, readiness, keys));
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, async {
                let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
                let work = async {
                    tokio::select! {
                        () = accept(&listener, &permitted, &answerer, &room) => {}
                        _ = leaving => {}
                    }
                    drop(listener);
                    // What was accepted is answered; all room is free when nothing is open, and nothing is open for long.
                    let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
                    let _ = room.acquire_many(all).await;
                };
                tokio::select! {
                    () = work => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new()
            .name("admin".to_owned())
            .spawn(serve)
            .map_err(AdminError::Thread)?;
        Ok(Self {
            address,
            addresses,
            leave: Some(leave),
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Puts another list in force, for connections from here on.
    pub fn permit(&self, addresses: AddressList) {
        self.addresses.store(Arc::new(addresses));
    }

    /// Accepts nothing more, for the sake of another process that does; what is open is answered unless this is dropped before.
    pub fn leave(&mut self) {
        drop(self.leave.take());
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Accepts for ever, and closes at once what comes from an address that may not. Where the system has no more descriptors it
/// pauses instead of spinning.
async fn accept(
    listener: &TcpListener,
    permitted: &ArcSwap<AddressList>,
    answerer: &Rc<Answerer>,
    room: &Arc<Semaphore>,
) {
    while let Ok(place) = Arc::clone(room).acquire_owned().await {
        match listener.accept().await {
            Ok((_, peer)) if !permitted.load().permits(peer.ip()) => {}
            Ok((stream, _)) => {
                let answerer = Rc::clone(answerer);
                tokio::task::spawn_local(async move {
                    let time = Duration::from_secs(CONNECTION_SECONDS_MAX);
                    // However a connection ends, its end is all there is to it.
                    let _ = tokio::time::timeout(time, connection(stream, &answerer)).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn connection(stream: TcpStream, answerer: &Answerer) -> hyper::Result<()> {
    // Held until the connection ends, and with it the exposition that it may be sending.
    let held = std::cell::Cell::new(None);
    let service = service_fn(|request| {
        let (answer, scrape) = answerer.answer(&request);
        held.set(scrape);
        std::future::ready(Ok::<_, std::convert::Infallible>(answer))
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEAD_SECONDS_MAX))
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

#[cfg(test)]
mod tests;
