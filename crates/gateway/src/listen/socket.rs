//! Listening sockets: one per worker and address, all bound with `SO_REUSEPORT`, so that the kernel spreads the connections and no
//! lock is shared.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::io::{AsyncRead, AsyncWrite};

/// Connections that the kernel holds for one socket until they are accepted.
const BACKLOG: i32 = 1024;
/// Silence after which the kernel asks whether the peer is still there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);

/// The bound sockets of all workers.
#[derive(Debug)]
pub struct Sockets {
    addresses: Vec<SocketAddr>,
    workers: Vec<Vec<TcpListener>>,
}

impl Sockets {
    /// Binds every address once for each worker. Port 0 takes a free port, the same for all workers.
    ///
    /// # Errors
    ///
    /// When an address cannot be bound; the message names it.
    pub fn bind(addresses: &[SocketAddr], workers: NonZeroUsize) -> io::Result<Self> {
        let mut bound = Self {
            addresses: Vec::new(),
            workers: std::iter::repeat_with(Vec::new).take(workers.get()).collect(),
        };
        for &address in addresses {
            let mut exact = address;
            let fail =
                |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on `{address}`: {error}"));
            refuse_taken(address).map_err(fail)?;
            for listeners in &mut bound.workers {
                let listener = listen(exact).map_err(fail)?;
                exact = listener.local_addr()?;
                listeners.push(listener);
            }
            bound.addresses.push(exact);
        }
        Ok(bound)
    }

    /// The addresses as bound, in the order they were given.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub(crate) fn into_workers(self) -> Vec<Vec<TcpListener>> {
        self.workers
    }
}

/// `SO_REUSEPORT` would let a second gate of the same user take half of the connections in silence, so the address is first tried
/// without it.
fn refuse_taken(address: SocketAddr) -> io::Result<()> {
    let socket = socket(address)?;
    socket.bind(&address.into())
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    // Accepted connections inherit both, which saves two system calls for each: small responses leave at once, and a client that
    // vanished without a word while we have nothing to send is noticed.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_AFTER))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // Explicit addresses only: `[::]` does not silently listen on IPv4 too.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    Ok(socket)
}

/// A stream that a connection can be served on.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Makes closing it throw away what the peer does not take, so that a peer which never reads holds no kernel memory.
    fn abort(&self);
}

impl Transport for tokio_rustls::server::TlsStream<tokio::net::TcpStream> {
    fn abort(&self) {
        self.get_ref().0.abort();
    }
}

impl Transport for tokio::net::TcpStream {
    fn abort(&self) {
        // Failing leaves the ordinary close, which is only slower.
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }
}
