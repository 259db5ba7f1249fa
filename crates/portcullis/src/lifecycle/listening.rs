//! Where the gate listens: on sockets that it was given, matched by their addresses, and on those that it binds itself.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;

use listenfd::ListenFd;
use portcullis_gateway::admin::{Admin, AdminError};
use portcullis_gateway::listen::Listeners;
use thiserror::Error;

use super::channel::{Channel, Record, Role, SOCKETS_MAX};
use crate::config::checked::Configuration;

/// Why the gate cannot listen.
#[derive(Debug, Error)]
pub(crate) enum ListenError {
    /// An address cannot be bound.
    #[error(transparent)]
    Callers(#[from] io::Error),
    /// The admin surface's address cannot be bound.
    #[error(transparent)]
    Operators(#[from] AdminError),
    /// The service manager gave a socket that has no place.
    #[error(
        "the service manager gave a socket for `{0}`, and neither `listen` nor `admin` names that address; \
         make `ListenStream=` and the configuration agree"
    )]
    Unexpected(SocketAddr),
}

/// Sockets that the process was given and has not used yet.
#[derive(Debug, Default)]
pub(crate) struct Given(Vec<Socket>);

/// One of them.
#[derive(Debug)]
struct Socket {
    address: SocketAddr,
    listener: TcpListener,
    /// What it was for, where another gate gave it.
    was: Option<(Role, SocketAddr)>,
}

impl Given {
    /// The sockets of the service manager (sd_listen_fds(3)), of which there may be none.
    ///
    /// # Errors
    /// One of them is no TCP socket.
    pub(crate) fn by_service_manager() -> io::Result<Self> {
        let mut descriptors = ListenFd::from_env();
        let mut given = Self::default();
        for number in 0..descriptors.len() {
            if let Some(listener) = descriptors.take_tcp_listener(number)? {
                given.add(listener, None)?;
            }
        }
        Ok(given)
    }

    /// Adds a socket of the process that ran before.
    pub(super) fn by_predecessor(
        &mut self,
        listener: TcpListener,
        role: Role,
        configured: SocketAddr,
    ) -> io::Result<()> {
        self.add(listener, Some((role, configured)))
    }

    fn add(&mut self, listener: TcpListener, was: Option<(Role, SocketAddr)>) -> io::Result<()> {
        let address = listener.local_addr()?;
        self.0.push(Socket { address, listener, was });
        Ok(())
    }

    /// Takes those that are for this address.
    fn take(&mut self, role: Role, configured: SocketAddr) -> Vec<TcpListener> {
        let fits = |socket: &mut Socket| match socket.was {
            Some((was, address)) => was == role && (address == configured || socket.address == configured),
            None => socket.address == configured,
        };
        self.0.extract_if(.., fits).map(|socket| socket.listener).collect()
    }

    /// What nobody took: of the service manager's it is an error, and of the process that ran before it was taken out of the
    /// configuration.
    fn finish(self) -> Result<(), ListenError> {
        for Socket { address, was, .. } in self.0 {
            if was.is_none() {
                return Err(ListenError::Unexpected(address));
            }
            tracing::info!(%address, "no longer listening");
        }
        Ok(())
    }
}

/// The sockets of a gate, each address as configured beside what listens there.
#[derive(Debug)]
pub(crate) struct Listening {
    callers: Vec<(SocketAddr, Listeners)>,
    operators: Option<(SocketAddr, TcpListener)>,
}

impl Listening {
    /// Listens where the configuration says, on what was given where it fits.
    ///
    /// # Errors
    /// See [`ListenError`].
    pub(crate) fn open(configuration: &Configuration, mut given: Given) -> Result<Self, ListenError> {
        let mut callers = Vec::new();
        for address in configuration.listen_addresses() {
            let inherited = given.take(Role::Callers, address);
            let listeners = if inherited.is_empty() {
                Listeners::bind(address, configuration.workers)?
            } else {
                Listeners::inherited(inherited)?
            };
            callers.push((address, listeners));
        }
        let operators = match configuration.admin.as_ref().map(|admin| admin.address) {
            Some(address) => Some((address, operators(address, &mut given)?)),
            None => None,
        };
        given.finish()?;
        Ok(Self { callers, operators })
    }

    /// Further descriptors of the same sockets.
    ///
    /// # Errors
    /// The process has no more descriptors.
    pub(crate) fn duplicate(&self) -> io::Result<Self> {
        let callers = self.callers.iter();
        let operators = self.operators.as_ref();
        Ok(Self {
            callers: callers
                .map(|(configured, listeners)| Ok((*configured, listeners.duplicate()?)))
                .collect::<io::Result<_>>()?,
            operators: operators
                .map(|(configured, listener)| Ok::<_, io::Error>((*configured, listener.try_clone()?)))
                .transpose()?,
        })
    }

    /// The sockets for callers, and the one for operators.
    pub(crate) fn into_parts(self) -> (Vec<Listeners>, Option<TcpListener>) {
        let callers = self.callers.into_iter().map(|(_, listeners)| listeners).collect();
        (callers, self.operators.map(|(_, listener)| listener))
    }

    /// How many sockets there are.
    pub(crate) fn count(&self) -> usize {
        let callers = self.callers.iter().map(|(_, listeners)| listeners.sockets().len());
        callers.sum::<usize>() + usize::from(self.operators.is_some())
    }

    /// Hands all of them to another process.
    pub(super) fn send(&self, channel: &Channel) -> io::Result<()> {
        let callers = self.callers.iter();
        let callers = callers.map(|(configured, listeners)| (Role::Callers, *configured, listeners.sockets()));
        let operators = self.operators.iter();
        let operators =
            operators.map(|(configured, listener)| (Role::Operators, *configured, std::slice::from_ref(listener)));
        for (role, configured, listeners) in callers.chain(operators) {
            for some in listeners.chunks(SOCKETS_MAX) {
                let sockets: Vec<_> = some.iter().map(AsFd::as_fd).collect();
                channel.send(&Record::Listeners { role, configured }, &sockets)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<_> = self.0.iter().map(|socket| socket.address.to_string()).collect();
        f.write_str(&addresses.join(", "))
    }
}

fn operators(address: SocketAddr, given: &mut Given) -> Result<TcpListener, ListenError> {
    let mut inherited = given.take(Role::Operators, address);
    match (inherited.pop(), inherited.is_empty()) {
        (Some(listener), true) => Ok(listener),
        (Some(_), false) => Err(ListenError::Unexpected(address)),
        // That it is public, where it is, was said aloud in the configuration and checked there.
        (None, _) => Ok(Admin::listen(address)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn configuration(listen: &str, admin: &str) -> Configuration {
        let text = format!(
            "listen: {listen}\nworkers: 2\nadmin: {{listen: '{admin}'}}\napis: [{{contract: a.yaml, upstream: 'http://127.0.0.1:9'}}]\n"
        );
        config::read("gate.yaml", text.as_bytes()).usable().unwrap().0
    }

    fn socket() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[test]
    fn what_the_service_manager_gives_is_matched_by_address() {
        let ((callers, at), (operators, admin)) = (socket(), socket());
        let mut given = Given::default();
        given.add(operators, None).unwrap();
        given.add(callers, None).unwrap();
        let listening = Listening::open(&configuration(&at.to_string(), &admin.to_string()), given).unwrap();
        assert_eq!(listening.callers[0].1.address(), at);
        assert_eq!(
            listening.count(),
            2,
            "one for callers, which the workers share, and one for operators"
        );
    }

    #[test]
    fn what_it_gives_and_nobody_wants_is_an_error() {
        let (listener, address) = socket();
        let mut given = Given::default();
        given.add(listener, None).unwrap();
        let error = Listening::open(&configuration("127.0.0.1:0", "127.0.0.1:0"), given).unwrap_err();
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }

    #[test]
    fn what_the_predecessor_gives_keeps_its_role_and_its_free_port() {
        let first = Listening::open(&configuration("127.0.0.1:0", "127.0.0.1:0"), Given::default()).unwrap();
        let (callers, operators) = first.duplicate().unwrap().into_parts();
        let free = "127.0.0.1:0".parse().unwrap();
        let mut given = Given::default();
        for socket in callers[0].duplicate().unwrap().sockets() {
            let socket = socket.try_clone().unwrap();
            given.by_predecessor(socket, Role::Callers, free).unwrap();
        }
        given.by_predecessor(operators.unwrap(), Role::Operators, free).unwrap();
        let (gone, _) = socket();
        given
            .by_predecessor(gone, Role::Callers, "127.0.0.1:1".parse().unwrap())
            .unwrap();
        let second = Listening::open(&configuration("127.0.0.1:0", "127.0.0.1:0"), given).unwrap();
        assert_eq!(second.callers[0].1.address(), first.callers[0].1.address());
        assert_eq!(
            second.operators.unwrap().1.local_addr().unwrap(),
            first.operators.unwrap().1.local_addr().unwrap()
        );
    }
}
