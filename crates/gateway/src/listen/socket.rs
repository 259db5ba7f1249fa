//! Listening sockets: one per worker and address, all bound with `SO_REUSEPORT`, so that the kernel spreads the connections and no
//! lock is shared; or those that were bound before, by a service manager or by a process that this one takes over from.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

/// Connections that the kernel holds for one socket until they are accepted.
const BACKLOG: i32 = 1024;
/// Silence after which the kernel asks whether the peer is still there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);

/// The listening sockets of one address.
///
/// While one descriptor of a socket is open, here or in another process, the kernel takes connections for it.
#[derive(Debug)]
pub struct Listeners {
    address: SocketAddr,
    sockets: Vec<TcpListener>,
}

impl Listeners {
    /// Binds an address once for each worker. Port 0 takes a free port, the same for all workers.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound; the message names it.
    pub fn bind(address: SocketAddr, workers: NonZeroUsize) -> io::Result<Self> {
        let fail = |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on `{address}`: {error}"));
        refuse_taken(address).map_err(fail)?;
        let mut exact = address;
        let mut sockets = Vec::new();
        for _ in 0..workers.get() {
            let listener = listen(exact).map_err(fail)?;
            exact = listener.local_addr()?;
            sockets.push(listener);
        }
        Ok(Self {
            address: exact,
            sockets,
        })
    }

    /// Takes sockets that listen already, all of them on one address.
    ///
    /// # Errors
    ///
    /// There is none, one does not listen, or two listen on different addresses.
    pub fn inherited(sockets: Vec<TcpListener>) -> io::Result<Self> {
        let first = sockets.first().ok_or_else(|| invalid("no socket is inherited"))?;
        let address = first.local_addr()?;
        for socket in &sockets {
            let reference = SockRef::from(socket);
            if !reference.is_listener()? {
                return Err(invalid("an inherited socket does not listen"));
            }
            if socket.local_addr()? != address {
                return Err(invalid("inherited sockets listen on different addresses"));
            }
            prepare(&reference)?;
        }
        Ok(Self { address, sockets })
    }

    /// The address as bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The sockets, for handing them over to another process.
    #[must_use]
    pub fn sockets(&self) -> &[TcpListener] {
        &self.sockets
    }

    /// Further descriptors of the same sockets.
    ///
    /// # Errors
    ///
    /// The process has no more descriptors.
    pub fn duplicate(&self) -> io::Result<Self> {
        Ok(Self {
            address: self.address,
            sockets: self
                .sockets
                .iter()
                .map(TcpListener::try_clone)
                .collect::<Result<_, _>>()?,
        })
    }
}

/// The listening sockets of all workers.
#[derive(Debug)]
pub struct Sockets {
    addresses: Vec<SocketAddr>,
    /// Of each worker: the sockets, each with the number of its address.
    workers: Vec<Vec<(usize, TcpListener)>>,
}

impl Sockets {
    /// Binds every address once for each worker.
    ///
    /// # Errors
    ///
    /// When an address cannot be bound; the message names it.
    pub fn bind(addresses: &[SocketAddr], workers: NonZeroUsize) -> io::Result<Self> {
        let bind = |address: &SocketAddr| Listeners::bind(*address, workers);
        Self::spread(addresses.iter().map(bind).collect::<Result<_, _>>()?, workers)
    }

    /// Gives every socket to a worker, and every worker a socket of every address. Where there are more sockets than workers, some
    /// workers have several: none may be closed, because the kernel has put connections into its queue. Where there are fewer,
    /// several workers accept from one: each new connection then wakes them all, and one of them gets it.
    ///
    /// # Errors
    ///
    /// The process has no more descriptors.
    pub fn spread(listeners: Vec<Listeners>, workers: NonZeroUsize) -> io::Result<Self> {
        let mut spread = Self {
            addresses: listeners.iter().map(Listeners::address).collect(),
            workers: std::iter::repeat_with(Vec::new).take(workers.get()).collect(),
        };
        for (index, Listeners { sockets, .. }) in listeners.into_iter().enumerate() {
            let shared = sockets.iter().cycle().take(workers.get()).skip(sockets.len());
            let shared = shared.map(TcpListener::try_clone).collect::<Result<Vec<_>, _>>()?;
            for (number, socket) in sockets.into_iter().chain(shared).enumerate() {
                if let Some(worker) = spread.workers.get_mut(number % workers) {
                    worker.push((index, socket));
                }
            }
        }
        Ok(spread)
    }

    /// The addresses as bound, in the order they were given.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub(crate) fn into_workers(self) -> Vec<Vec<(usize, TcpListener)>> {
        self.workers
    }
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
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
    prepare(&SockRef::from(&socket))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn prepare(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    // Accepted connections inherit both, which saves two system calls for each: small responses leave at once, and a client that
    // vanished without a word while we have nothing to send is noticed.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_AFTER))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn free() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[track_caller]
    fn check(sockets: usize, workers: usize, expected: &[usize]) {
        let count = |number| NonZeroUsize::new(number).unwrap();
        let bound = Listeners::bind(free(), count(sockets)).unwrap();
        let again = Listeners::inherited(bound.duplicate().unwrap().sockets).unwrap();
        assert_eq!(again.address(), bound.address());
        let spread = Sockets::spread(vec![again], count(workers)).unwrap().into_workers();
        let counts: Vec<usize> = spread.iter().map(Vec::len).collect();
        assert_eq!(counts, expected, "{sockets} sockets, {workers} workers");
    }

    #[test]
    fn every_worker_has_a_socket_and_every_socket_a_worker() {
        check(1, 1, &[1]);
        check(1, 3, &[1, 1, 1]);
        check(2, 3, &[1, 1, 1]);
        check(3, 3, &[1, 1, 1]);
        check(5, 2, &[3, 2]);
        check(4, 1, &[4]);
    }

    #[test]
    fn what_does_not_listen_on_one_address_is_not_taken() {
        let one = || Listeners::bind(free(), NonZeroUsize::MIN).unwrap().sockets;
        let silent = socket(free()).unwrap();
        silent.bind(&free().into()).unwrap();
        for (sockets, expected) in [
            (Vec::new(), "no socket"),
            (vec![silent.into()], "does not listen"),
            (one().into_iter().chain(one()).collect(), "different addresses"),
        ] {
            let error = Listeners::inherited(sockets).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
