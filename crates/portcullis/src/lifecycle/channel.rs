//! The channel between a process and its successor: listening sockets go one way, word of success the other.
//!
//! Each record is JSON in one packet, so that two versions of the program understand each other or say why not. Sockets travel
//! beside a record (SCM_RIGHTS, unix(7)): they are the same open sockets on the other side, queue included, and no descriptor is
//! ever left open for any other program to inherit.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use portcullis_contract::document::{Problem, Severity, Span};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};
use tokio::io::Interest;

/// Sockets beside one record; the kernel takes 253.
pub(super) const SOCKETS_MAX: usize = 64;
/// A record is one packet, which the kernel takes whole or not at all.
const RECORD_BYTES_MAX: usize = 64 * 1024;
/// How much of a record problems may take, so that it fits in any case.
const PROBLEMS_BYTES_MAX: usize = RECORD_BYTES_MAX - 8 * REASON_BYTES_MAX;
/// How long a reason may be, so that its record fits in any case.
const REASON_BYTES_MAX: usize = 1024;

/// What the two say to each other.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Record {
    /// From the older one: sockets that listen on one address.
    Listeners {
        /// Who arrives there.
        role: Role,
        /// The address as it was configured; its port may be 0.
        configured: SocketAddr,
    },
    /// From the older one: there are no more sockets.
    Complete {
        /// Whether both are confined to a sandbox.
        sandboxed: bool,
    },
    /// From the younger one: it accepts connections.
    Serving,
    /// From the younger one: it will not serve, and why.
    Failed {
        /// For the log.
        reason: String,
        /// What is wrong in the files, where that is why.
        #[serde(default)]
        problems: Vec<Told>,
        /// How many problems more there are.
        #[serde(default)]
        left_out: usize,
    },
    /// From the older one: it accepts no more connections, and the service manager knows who does.
    Alone,
}

/// Who arrives at a socket.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    /// Those who use the APIs.
    Callers,
    /// Those who use the admin surface.
    Operators,
}

/// A problem of a file, on its way to the log of the other process.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Told {
    warning: bool,
    location: String,
    line: u32,
    column: u32,
    message: String,
    help: String,
}

impl From<&Problem> for Told {
    fn from(problem: &Problem) -> Self {
        Self {
            warning: problem.severity == Severity::Warning,
            location: problem.location.clone(),
            line: problem.span.line,
            column: problem.span.column,
            message: problem.message.clone(),
            help: problem.help.clone(),
        }
    }
}

impl From<Told> for Problem {
    fn from(told: Told) -> Self {
        let span = Span {
            line: told.line,
            column: told.column,
            ..Span::default()
        };
        let problem = if told.warning {
            Self::warning(told.location, span, told.message)
        } else {
            Self::error(told.location, span, told.message)
        };
        problem.help(told.help)
    }
}

impl Record {
    /// As many of the problems as fit, from the first.
    pub(super) fn failed(reason: &str, problems: &[Problem]) -> Self {
        let reason = reason
            .get(..reason.floor_char_boundary(REASON_BYTES_MAX))
            .unwrap_or_default();
        let mut room = PROBLEMS_BYTES_MAX;
        let mut fits = |told: &Told| {
            let bytes = serde_json::to_vec(told).map_or(usize::MAX, |text| text.len().saturating_add(1));
            let left = room.checked_sub(bytes);
            room = left.unwrap_or(0);
            left.is_some()
        };
        let told: Vec<Told> = problems.iter().map(Told::from).take_while(|told| fits(told)).collect();
        Self::Failed {
            reason: reason.to_owned(),
            left_out: problems.len() - told.len(),
            problems: told,
        }
    }
}

/// One end of the channel. That it keeps packets apart is a matter of the socket, not of the type that holds it.
#[derive(Debug)]
pub(super) struct Channel(UnixStream);

impl Channel {
    /// Both ends; the second is for another process.
    pub(super) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(ours.into()), theirs))
    }

    /// The end that this process was started with, on its standard input.
    pub(super) fn of_standard_input(time_max: Duration) -> io::Result<Self> {
        let end = io::stdin().as_fd().try_clone_to_owned()?;
        set_socket_timeout(&end, Timeout::Recv, Some(time_max))?;
        Ok(Self(end.into()))
    }

    /// This end, to be waited for within a runtime.
    pub(super) fn awaited(self) -> io::Result<Awaited> {
        self.0.set_nonblocking(true)?;
        Ok(Awaited(tokio::net::UnixStream::from_std(self.0)?))
    }

    /// Sends a record, without waiting.
    ///
    /// # Errors
    /// Nobody is left to read it, or too much of it is unread.
    pub(super) fn send(&self, record: &Record, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
        send(&self.0, record, sockets)
    }

    /// The next record and what came beside it; none where the other side is gone.
    ///
    /// # Errors
    /// There is none in time, or it is not understood.
    pub(super) fn receive(&self) -> io::Result<Option<(Record, Vec<OwnedFd>)>> {
        receive(&self.0)
    }
}

/// One end of the channel, within a runtime.
#[derive(Debug)]
pub(super) struct Awaited(tokio::net::UnixStream);

impl Awaited {
    /// See [`Channel::send`].
    pub(super) fn send(&self, record: &Record) -> io::Result<()> {
        send(&self.0, record, &[])
    }

    /// The next record; none where the other side is gone. May be given up and asked again.
    ///
    /// # Errors
    /// It is not understood.
    pub(super) async fn receive(&self) -> io::Result<Option<Record>> {
        let received = self.0.async_io(Interest::READABLE, || receive(&self.0)).await?;
        Ok(received.map(|(record, _)| record))
    }
}

fn send(end: impl AsFd, record: &Record, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
    let bytes = serde_json::to_vec(record)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let fits = sockets.len() <= SOCKETS_MAX;
    if !fits || !sockets.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(sockets)) {
        return Err(io::Error::other("too many sockets for one record"));
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(end, &[IoSlice::new(&bytes)], &mut beside, flags)?;
    Ok(())
}

fn receive(end: impl AsFd) -> io::Result<Option<(Record, Vec<OwnedFd>)>> {
    let mut bytes = vec![0; RECORD_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut into = [IoSliceMut::new(&mut bytes)];
    let received = recvmsg(end, &mut into, &mut beside, RecvFlags::CMSG_CLOEXEC)?;
    if received.bytes == 0 {
        return Ok(None);
    }
    if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        // Descriptors that found no room are closed by the kernel: a process without enough of them.
        return Err(io::Error::other("a record was cut: are there enough descriptors?"));
    }
    let record = serde_json::from_slice(bytes.get(..received.bytes).unwrap_or_default())?;
    let sockets = beside.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
        _ => None,
    });
    Ok(Some((record, sockets.flatten().collect())))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn records_and_sockets_arrive() {
        let (here, there) = Channel::pair().unwrap();
        let there = Channel(there.into());
        let listeners: Vec<_> = (0..SOCKETS_MAX)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let record = || Record::Listeners {
            role: Role::Operators,
            configured: "[::1]:0".parse().unwrap(),
        };
        let borrowed: Vec<_> = listeners.iter().map(AsFd::as_fd).collect();
        here.send(&record(), &borrowed).unwrap();
        here.send(&Record::failed(&"é".repeat(9000), &[]), &[]).unwrap();
        let (first, sockets) = there.receive().unwrap().unwrap();
        assert_eq!(first, record());
        let addresses: Vec<_> = sockets
            .into_iter()
            .map(|socket| TcpListener::from(socket).local_addr().unwrap())
            .collect();
        let expected: Vec<_> = listeners
            .iter()
            .map(|listener| listener.local_addr().unwrap())
            .collect();
        assert_eq!(addresses, expected);
        let (second, _) = there.receive().unwrap().unwrap();
        assert_eq!(second, Record::failed(&"é".repeat(512), &[]));
        drop(here);
        assert_eq!(there.receive().unwrap().map(|(record, _)| record), None);
    }

    #[test]
    fn as_many_problems_arrive_as_fit() {
        let (here, there) = Channel::pair().unwrap();
        let there = Channel(there.into());
        let span = Span {
            line: 5,
            column: 7,
            ..Span::default()
        };
        let problem = Problem::warning("gate.yaml", span, "\u{1}".repeat(1000)).help("so");
        for (count, arriving) in [(0, 0), (3, 3), (500, 9)] {
            let problems = vec![problem.clone(); count];
            here.send(&Record::failed("for a reason", &problems), &[]).unwrap();
            let Some((
                Record::Failed {
                    problems: told,
                    left_out,
                    ..
                },
                _,
            )) = there.receive().unwrap()
            else {
                panic!("no failure arrives");
            };
            assert_eq!((told.len(), left_out), (arriving, count - arriving));
            assert!(told.into_iter().all(|told| Problem::from(told) == problem));
        }
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let (here, there) = Channel::pair().unwrap();
        rustix::net::send(&there, b"{\"unknown\":1}", SendFlags::empty()).unwrap();
        assert!(here.receive().is_err());
        let one = TcpListener::bind("127.0.0.1:0").unwrap();
        let many = vec![one.as_fd(); SOCKETS_MAX + 1];
        assert!(here.send(&Record::Serving, &many).is_err());
    }
}
