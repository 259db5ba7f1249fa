//! A small strict HTTP/1.1 client that sends targets and headers byte for byte, as attackers do, and takes only
//! well-formed answers. One request a connection, in the clear or in TLS.
//!
//! It never follows, retries, decodes or tidies anything, and never waits or reads without a bound.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig, ClientConnection, StreamOwned};
use thiserror::Error;

const CONNECT_SECONDS_MAX: u64 = 2;
/// From connecting to the end of the answer.
const TOTAL_SECONDS_MAX: u64 = 20;
const LINE_BYTES_MAX: u64 = 16 * 1024;
const HEADERS_MAX: usize = 100;
const BODY_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// What an event of a stream has that is more than a comment.
const DATA: &[u8] = b"\ndata:";
/// Interim answers (1xx) before the real one.
const INTERIM_MAX: usize = 4;

/// What to send. Nothing is checked: it may be malformed on purpose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'r> {
    /// The verb.
    pub(super) method: &'r str,
    /// The request target, as it goes on the wire.
    pub(super) target: &'r str,
    /// Fields beside `Content-Length` and `Connection`; a `host` here replaces the real one.
    pub(super) headers: &'r [(&'static str, String)],
    /// The body, sent with its length; empty for none.
    pub(super) body: &'r [u8],
}

/// An answer, its body unframed.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum Error {
    /// No connection, or one that ended or hung before the answer was there.
    #[error("no answer: {0}")]
    Io(#[source] io::Error),
    /// The other side ended TLS with this alert (RFC 8446 §6), in its words.
    #[error("TLS alert: {0}")]
    Alert(&'static str),
    /// The answer is not HTTP/1.1 as RFC 9112 says.
    #[error("malformed answer: {0}")]
    Malformed(&'static str),
    /// The answer is larger than this client reads.
    #[error("the answer's {0} is too large")]
    TooLarge(&'static str),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(rustls::Error::AlertReceived(alert)) => Self::Alert(name(*alert)),
            _ => Self::Io(error),
        }
    }
}

/// An alert as RFC 8446 §6 writes it: those that are about certificates.
fn name(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::BadCertificate => "bad_certificate",
        AlertDescription::UnsupportedCertificate => "unsupported_certificate",
        AlertDescription::CertificateRevoked => "certificate_revoked",
        AlertDescription::CertificateExpired => "certificate_expired",
        AlertDescription::CertificateUnknown => "certificate_unknown",
        AlertDescription::UnknownCA => "unknown_ca",
        AlertDescription::DecryptError => "decrypt_error",
        AlertDescription::CertificateRequired => "certificate_required",
        _ => "another",
    }
}

/// Sends a request and reads the answer, while the body may still be on its way: a server need not read all of it.
///
/// # Errors
/// See [`Error`].
pub(super) fn send(to: SocketAddr, request: &Request<'_>) -> Result<Answer, Error> {
    let until = deadline();
    let stream = connect(to)?;
    let head = head(to, request);
    std::thread::scope(|scope| {
        let write = || {
            let mut stream = &stream;
            // A server that refuses early stops reading; what it answered is what counts.
            let _ = stream.write_all(&head).and_then(|()| stream.write_all(request.body));
        };
        std::thread::Builder::new().spawn_scoped(scope, write)?;
        let timed = Timed { stream: &stream, until };
        let answer = read(&mut BufReader::new(timed));
        // Ends the writer too, wherever it is.
        let _ = stream.shutdown(Shutdown::Both);
        answer
    })
}

/// The same over TLS, where the whole request is written before the answer is read: it has to be a small one.
///
/// # Errors
/// See [`Error`].
pub(super) fn send_over_tls(
    to: SocketAddr,
    config: &Arc<ClientConfig>,
    request: &Request<'_>,
) -> Result<Answer, Error> {
    let until = deadline();
    let socket = connect(to)?;
    let name = ServerName::IpAddress(to.ip().into());
    let connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    let timed = Timed { stream: &socket, until };
    let mut stream = StreamOwned::new(connection, timed);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    // In TLS 1.3 a server looks at our certificate when our side is done: it may refuse while we write, and what it said is what counts.
    let head = head(to, request);
    let _ = stream.write_all(&head).and_then(|()| stream.write_all(request.body));
    hear(&mut stream)?;
    read(&mut BufReader::new(stream))
}

/// Reads until there is something of the answer. An alert is found even where nothing could be written any more.
fn hear(stream: &mut StreamOwned<ClientConnection, Timed<'_>>) -> io::Result<()> {
    loop {
        let octets = stream.conn.read_tls(&mut stream.sock)?;
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let state = stream.conn.process_new_packets().map_err(invalid)?;
        if octets == 0 || state.plaintext_bytes_to_read() > 0 || state.peer_has_closed() {
            return Ok(());
        }
    }
}

fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&to, Duration::from_secs(CONNECT_SECONDS_MAX))?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(Duration::from_secs(TOTAL_SECONDS_MAX)))?;
    Ok(stream)
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(TOTAL_SECONDS_MAX)
}

fn head(to: SocketAddr, request: &Request<'_>) -> Vec<u8> {
    let Request {
        method,
        target,
        headers,
        body,
    } = request;
    let mut head = format!("{method} {target} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head += &format!("host: {to}\r\n");
    }
    for (name, value) in *headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        head += &format!("content-length: {}\r\n", body.len());
    }
    head += "connection: close\r\n\r\n";
    head.into_bytes()
}

/// A stream whose every read ends before one common deadline.
struct Timed<'s> {
    stream: &'s TcpStream,
    until: Instant,
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.stream.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

fn read(reader: &mut impl BufRead) -> Result<Answer, Error> {
    for _ in 0..INTERIM_MAX {
        let status = status(&line(reader)?)?;
        let headers = headers(reader)?;
        if status >= 200 {
            let body = body(reader, status, &headers)?;
            return Ok(Answer { status, headers, body });
        }
    }
    Err(Error::TooLarge("number of interim answers"))
}

/// A line without its end, which has to be CR LF.
fn line(reader: &mut impl BufRead) -> Result<Vec<u8>, Error> {
    let mut line = Vec::new();
    reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\r\n") {
        Some(line) => Ok(line.to_vec()),
        None if line.is_empty() => Err(Error::Io(io::ErrorKind::UnexpectedEof.into())),
        None => Err(Error::Malformed("a line that is too long or does not end in CR LF")),
    }
}

/// RFC 9112 §4.
fn status(line: &[u8]) -> Result<u16, Error> {
    let malformed = Error::Malformed("the status line");
    let Some(rest) = line.strip_prefix(b"HTTP/1.1 ") else {
        return Err(malformed);
    };
    match rest {
        [a, b, c] | [a, b, c, b' ', ..] => number(&[*a, *b, *c], 10),
        _ => None,
    }
    .and_then(|status| u16::try_from(status).ok())
    .filter(|status| (100..600).contains(status))
    .ok_or(malformed)
}

fn headers(reader: &mut impl BufRead) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for _ in 0..=HEADERS_MAX {
        let line = line(reader)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = field(&line).ok_or(Error::Malformed("a header field"))?;
        headers.append(name, value);
    }
    Err(Error::TooLarge("number of header fields"))
}

fn field(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let mut parts = line.splitn(2, |byte| *byte == b':');
    let name = HeaderName::from_bytes(parts.next()?).ok()?;
    let value = HeaderValue::from_bytes(parts.next()?.trim_ascii()).ok()?;
    Some((name, value))
}

/// RFC 9112 §6.3; the requests of this client are never HEAD or CONNECT. Of an event stream, which has no end, what comes until there is
/// an event.
fn body(reader: &mut impl BufRead, status: u16, headers: &HeaderMap) -> Result<Vec<u8>, Error> {
    if status == 204 || status == 304 {
        return Ok(Vec::new());
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let codings: Vec<_> = headers.get_all(TRANSFER_ENCODING).iter().collect();
    match (lengths.next(), lengths.next(), codings.as_slice()) {
        (None, None, []) => until_end(reader),
        (None, None, [coding]) if *coding == "chunked" => chunks(reader, is_event_stream(headers)),
        (Some(length), None, []) => {
            let length = number(length.as_bytes(), 10).ok_or(Error::Malformed("the length"))?;
            let mut body = Vec::new();
            exactly(reader, length, &mut body)?;
            Ok(body)
        }
        _ => Err(Error::Malformed("two lengths, or a transfer coding other than chunked")),
    }
}

fn until_end(reader: &mut impl BufRead) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    reader.take(BODY_BYTES_MAX.saturating_add(1)).read_to_end(&mut body)?;
    if body.len() as u64 > BODY_BYTES_MAX {
        return Err(Error::TooLarge("body"));
    }
    Ok(body)
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind == "text/event-stream")
}

/// RFC 9112 §7.1; extensions are passed over, trailers are read and dropped.
fn chunks(reader: &mut impl BufRead, of_events: bool) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    loop {
        if of_events && body.windows(DATA.len()).any(|part| part == DATA) {
            return Ok(body);
        }
        let line = line(reader)?;
        let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let size = number(size, 16).ok_or(Error::Malformed("the size of a chunk"))?;
        if size == 0 {
            headers(reader)?;
            return Ok(body);
        }
        exactly(reader, size, &mut body)?;
        if !self::line(reader)?.is_empty() {
            return Err(Error::Malformed("the end of a chunk"));
        }
    }
}

fn exactly(reader: &mut impl BufRead, length: u64, body: &mut Vec<u8>) -> Result<(), Error> {
    if length.saturating_add(body.len() as u64) > BODY_BYTES_MAX {
        return Err(Error::TooLarge("body"));
    }
    let read = reader.take(length).read_to_end(body)?;
    if read as u64 == length {
        Ok(())
    } else {
        Err(Error::Io(io::ErrorKind::UnexpectedEof.into()))
    }
}

/// Digits alone: no sign, no space, no more than fit.
fn number(digits: &[u8], radix: u32) -> Option<u64> {
    let digits = std::str::from_utf8(digits).ok()?;
    let plain = digits.chars().all(|digit| digit.is_digit(radix));
    plain.then(|| u64::from_str_radix(digits, radix).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wire: &str, expected: Result<(u16, &str), &str>) {
        let read = read(&mut wire.as_bytes());
        let read = read.map(|answer| (answer.status, String::from_utf8(answer.body).unwrap()));
        let read = read.map_err(|error| error.to_string());
        let expected = expected.map(|(status, body)| (status, body.to_owned()));
        match (&read, &expected) {
            (Err(read), Err(expected)) => assert!(read.contains(expected), "{wire:?}: {read}"),
            _ => assert_eq!(read, expected.map_err(str::to_owned), "{wire:?}"),
        }
    }

    #[test]
    fn answers() {
        check(
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi and more",
            Ok((200, "hi")),
        );
        check("HTTP/1.1 200\r\n\r\nto the end", Ok((200, "to the end")));
        check("HTTP/1.1 204 No Content\r\n\r\n", Ok((204, "")));
        check(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n",
            Ok((201, "")),
        );
        check(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n3;x=y\r\n you\r\n0\r\nt: 1\r\n\r\n",
            Err("the end of a chunk"),
        );
        check(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n4;x=y\r\n you\r\n0\r\nt: 1\r\n\r\n",
            Ok((200, "hi you")),
        );
        check(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n4\r\n: o\n\r\na\r\nid: 1\ndata\r\n4\r\n: x\n\r\n",
            Ok((200, ": o\nid: 1\ndata: x\n")),
        );
    }

    #[test]
    fn malformed_answers() {
        check("", Err("unexpected end"));
        check("HTTP/1.0 200 OK\r\n\r\n", Err("status line"));
        check("HTTP/1.1 20 OK\r\n\r\n", Err("status line"));
        check("HTTP/1.1 2000\r\n\r\n", Err("status line"));
        check("HTTP/1.1 200 OK\n\n", Err("CR LF"));
        check("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Err("header field"));
        check("HTTP/1.1 200 OK\r\nname : space\r\n\r\n", Err("header field"));
        check("HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nhi", Err("length"));
        check("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhi", Err("unexpected end"));
        check(
            "HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\nhi",
            Err("body is too large"),
        );
        check(
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nhi",
            Err("two lengths"),
        );
        check(
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nhi",
            Err("two lengths"),
        );
        check(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(5), Err("interim"));
        check(&format!("HTTP/1.1 200 {}", "x".repeat(20_000)), Err("CR LF"));
    }

    #[test]
    fn requests_go_byte_for_byte() {
        let request = Request {
            method: "PUT",
            target: "//a/%2e%2e\\b",
            headers: &[("host", "evil.example".to_owned()), ("x", "y".to_owned())],
            body: b"{}",
        };
        let to = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(
            String::from_utf8(head(to, &request)).unwrap(),
            "PUT //a/%2e%2e\\b HTTP/1.1\r\nhost: evil.example\r\nx: y\r\ncontent-length: 2\r\nconnection: close\r\n\r\n"
        );
    }
}
