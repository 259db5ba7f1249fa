//! Entries to a receiver of syslog over TLS (RFC 5425), or over TCP where that was asked for (RFC 6587, octet counting).
//!
//! Syslog has no acknowledgement, and what a connection has taken may be lost with it. So a connection carries one batch and is closed,
//! and the batch counts as sent when the receiver has answered the close: over TLS by its own `close_notify`, which nobody on the way
//! can forge. It does so when it has read everything before (RFC 5425 section 4.5).

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Stream};

use super::Sink;
use super::rfc5424::Header;
use crate::audit_log::published::Batch;
use crate::config::audit_log::exports::Syslog;
use crate::{files, upstream_tls};

/// What a receiver may say, which has nothing to say.
const ANSWER_BYTES_MAX: usize = 4096;
/// The name of this machine.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// A receiver.
pub(super) struct Receiver {
    settings: Syslog,
    origin: String,
    header: Header,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Receiver {
    pub(super) fn open(settings: &Syslog, origin: &str) -> Result<Self, String> {
        files::install_crypto();
        let tls = settings.tls.as_ref().map(|tls| {
            let loaded = upstream_tls::load(tls, "");
            loaded.map(|tls| tls.client()).map_err(|problems| {
                let messages: Vec<String> = problems.into_iter().map(|problem| problem.message).collect();
                messages.join("; ")
            })
        });
        Ok(Self {
            settings: settings.clone(),
            origin: origin.to_owned(),
            header: Header::new(&std::fs::read_to_string(HOSTNAME).unwrap_or_default()),
            tls: tls.transpose()?,
        })
    }

    fn connect(&self, until: Instant) -> io::Result<Bounded> {
        let addresses = (self.settings.host.as_str(), self.settings.port).to_socket_addrs()?;
        let mut failed = io::Error::other("the name of the receiver has no address");
        for address in addresses {
            match TcpStream::connect_timeout(&address, left(until)?) {
                Ok(socket) => {
                    socket.set_nodelay(true)?;
                    return Ok(Bounded { socket, until });
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn deliver(&self, frames: &[u8], until: Instant) -> io::Result<()> {
        let mut socket = self.connect(until)?;
        let Some((config, name)) = &self.tls else {
            socket.write_all(frames)?;
            socket.socket.shutdown(std::net::Shutdown::Write)?;
            return self.confirmed(&mut socket);
        };
        let connection = ClientConnection::new(Arc::clone(config), name.clone());
        let mut connection = connection.map_err(io::Error::other)?;
        let mut stream = Stream::new(&mut connection, &mut socket);
        stream.write_all(frames)?;
        stream.conn.send_close_notify();
        stream.flush()?;
        self.confirmed(&mut stream)
    }

    /// Waits until the receiver has answered the close. Without `close_notify` TLS tells the end of a connection as a failure.
    fn confirmed(&self, stream: &mut impl Read) -> io::Result<()> {
        if !self.settings.confirms {
            return Ok(());
        }
        let (mut read, mut chunk) = (0, [0; 512]);
        while read <= ANSWER_BYTES_MAX {
            match stream.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(octets) => read += octets,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    let message = "the receiver ended the connection without saying that it has read everything \
                                   (RFC 5425 section 4.5); where it never does, write `dangerous_unconfirmed: true`";
                    return Err(io::Error::new(error.kind(), message));
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(
            "the receiver answers, which no receiver of syslog does",
        ))
    }
}

impl Sink for Receiver {
    fn send(&mut self, batch: &Batch, time_max: Duration) -> Result<(), String> {
        let until = Instant::now() + time_max;
        let mut frames = Vec::new();
        for (index, octets) in (batch.first..).zip(&batch.entries) {
            self.header.push_frame(octets, &self.origin, index, &mut frames);
        }
        self.deliver(&frames, until).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => "the receiver takes too long".to_owned(),
            _ => error.to_string(),
        })
    }
}

/// A connection until some moment, whatever is waited for.
struct Bounded {
    socket: TcpStream,
    until: Instant,
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    Ok(left)
}

impl Read for Bounded {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(left(self.until)?))?;
        self.socket.read(octets)
    }
}

impl Write for Bounded {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(left(self.until)?))?;
        self.socket.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}
