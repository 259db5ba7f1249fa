//! The other side of a connection: writes what it is told to, and says how the server takes it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::frame;
use super::hpack;

/// How long a case waits, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a server does. Settings, acknowledgements, window updates, interim answers and a GOAWAY without an error are no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// GOAWAY with this code.
    Connection(u32),
    /// RST_STREAM with this code.
    Stream(u32),
    /// An answer with this status.
    Status(u16),
    /// An answer in HTTP/1.1, with this status.
    Http1(u16),
    /// The connection ends without a word.
    Closed,
    /// None of these, for a long time.
    Silence,
}

/// A frame of the server.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

pub(super) struct Peer {
    socket: TcpStream,
    /// Bytes of HTTP/1.1 that came in the place of a frame.
    text: Option<String>,
    silent: bool,
}

impl Peer {
    pub(super) fn connect(to: SocketAddr) -> Self {
        let socket = TcpStream::connect_timeout(&to, PATIENCE).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        Self {
            socket,
            text: None,
            silent: false,
        }
    }

    /// Writes; a server that has ended the connection already is no failure.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        let _ = self.socket.write_all(bytes);
    }

    /// Writes from another thread, so that a server that answers meanwhile does not wait for it.
    pub(super) fn write_aside(&mut self, bytes: Vec<u8>) {
        let mut writer = self.socket.try_clone().unwrap();
        std::thread::spawn(move || {
            let _ = writer.write_all(&bytes);
        });
    }

    /// Writes byte after byte from another thread, the last one `within` this time.
    pub(super) fn drip(&mut self, bytes: Vec<u8>, within: Duration) {
        let mut writer = self.socket.try_clone().unwrap();
        std::thread::spawn(move || {
            let pause = within / u32::try_from(bytes.len()).unwrap();
            for byte in bytes {
                if writer.write_all(&[byte]).is_err() {
                    return;
                }
                std::thread::sleep(pause);
            }
        });
    }

    /// Ends our side.
    pub(super) fn finish(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// How the server takes it.
    pub(super) fn outcome(&mut self) -> Outcome {
        while let Some(received) = self.frame() {
            let code = |at: usize| u32::from_be_bytes(received.payload[at..at + 4].try_into().unwrap());
            match received.kind {
                frame::GOAWAY if code(4) != 0 => return Outcome::Connection(code(4)),
                frame::RST_STREAM => return Outcome::Stream(code(0)),
                frame::HEADERS => match hpack::status(&received.payload) {
                    Some(100..=199) => {}
                    Some(status) => return Outcome::Status(status),
                    None => panic!("a header block that needs a table: {received:?}"),
                },
                _ => {}
            }
        }
        match &self.text {
            Some(text) => Outcome::Http1(text.split(' ').nth(1).unwrap().parse().unwrap()),
            None if self.silent => Outcome::Silence,
            None => Outcome::Closed,
        }
    }

    /// The status of the answer on `stream`, after its end.
    pub(super) fn answer(&mut self, stream: u32) -> Option<u16> {
        let mut status = None;
        while let Some(received) = self.frame() {
            if received.stream != stream {
                continue;
            }
            match received.kind {
                frame::HEADERS => status = hpack::status(&received.payload),
                frame::DATA => {}
                frame::RST_STREAM => return None,
                _ => continue,
            }
            if received.flags & frame::END_STREAM != 0 {
                return status;
            }
        }
        None
    }

    /// The next frame; none when the connection is over, or does not speak HTTP/2.
    pub(super) fn frame(&mut self) -> Option<Received> {
        let mut header = [0; 9];
        self.read(&mut header)?;
        if header.starts_with(b"HTTP/1.1") {
            let mut rest = vec![0; 4];
            self.read(&mut rest)?;
            self.text = Some(String::from_utf8_lossy(&[&header[..], &rest].concat()).into_owned());
            return None;
        }
        let [a, b, c, kind, flags, stream @ ..] = header;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap()];
        self.read(&mut payload)?;
        Some(Received {
            kind,
            flags,
            stream: u32::from_be_bytes(stream),
            payload,
        })
    }

    /// Whether the connection ends in order, and is not reset.
    pub(super) fn is_ended(&mut self) -> bool {
        let mut rest = [0; 1024];
        loop {
            match self.socket.read(&mut rest) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> Option<()> {
        let read = self.socket.read_exact(bytes);
        let late = |kind| matches!(kind, std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
        self.silent |= read.as_ref().is_err_and(|error| late(error.kind()));
        read.ok()
    }
}
