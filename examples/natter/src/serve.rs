//! Serving a router on a listener, with an end: what Natter and the link preview service share.
//! It knows nothing of what is served.

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long [`Running::shutdown`] waits for requests under way.
const DRAIN_SECONDS_MAX: u64 = 2;

/// Why a service did not start.
#[derive(Debug)]
pub enum Error {
    /// The listener could not be bound or used.
    Listen(std::io::Error),
    /// The database could not be opened or filled.
    Database(rusqlite::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(error) => write!(f, "cannot listen: {error}; choose a free loopback port"),
            Self::Database(error) => write!(f, "cannot open the database: {error}; give a file that can be written"),
        }
    }
}

impl std::error::Error for Error {}

/// A service that runs. It stops when this is dropped; [`Running::shutdown`] also waits for it.
#[derive(Debug)]
pub struct Running {
    /// Where it listens, with the real port.
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    /// Stops accepting, lets requests under way finish for at most two seconds, ends event streams, frees the port.
    pub async fn shutdown(self) {
        let Self { stop, mut task, .. } = self;
        drop(stop);
        if tokio::time::timeout(Duration::from_secs(DRAIN_SECONDS_MAX), &mut task)
            .await
            .is_err()
        {
            task.abort();
        }
    }
}

/// Serves `router` until the returned [`Running`] is dropped or shut down; `closing` runs then, before the drain.
pub(crate) fn run(
    listener: TcpListener,
    router: Router,
    closing: impl FnOnce() + Send + 'static,
) -> Result<Running, Error> {
    listener.set_nonblocking(true).map_err(Error::Listen)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(Error::Listen)?;
    let address = listener.local_addr().map_err(Error::Listen)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        let until_stopped = async move {
            // Nothing is ever sent: the sender's end is the signal.
            let _ = stopped.await;
            closing();
        };
        // axum retries failed accepts by itself and never ends with an error.
        let _ = axum::serve(listener, router)
            .with_graceful_shutdown(until_stopped)
            .await;
    });
    Ok(Running { address, stop, task })
}
