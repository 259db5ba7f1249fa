//! The one strict reader of an upstream's answers: heads and chunked bodies (RFC 9112).
//!
//! A lenient reader resolves ambiguity quietly; a gate must not. Whatever two readers could frame differently is refused
//! here: both lengths, two lengths, unknown transfer codings, bare CR or LF, folded lines, control bytes.
//! Pure: it knows bytes only, never a socket.

use std::ops::Range;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, header};
use memchr::{memchr, memchr_iter};

use super::headers::{connection_options, named_by};
use crate::one_hop::is_hop_by_hop;

/// Longest response head, with its status line, in bytes.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Room for the fields that the gate adds to an answer, so that they move nothing.
const FIELDS_ADDED: usize = 8;
/// Most header lines of a response head.
pub const HEAD_FIELDS_MAX: usize = 100;
/// Longest chunk extension and longest trailer section, in bytes.
const CHUNK_EXTRA_BYTES_MAX: u16 = 8 * 1024;

/// Why a response cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// The status line is not `HTTP/1.x NNN reason`.
    StatusLine,
    /// A header line without a colon, with a name that is no token, or folded (RFC 9112 section 5).
    FieldLine,
    /// A CR without LF, an LF without CR, or another control byte.
    ControlByte,
    /// More than [`HEAD_BYTES_MAX`] bytes or [`HEAD_FIELDS_MAX`] lines.
    HeadTooLarge,
    /// `Content-Length` that is repeated, a list, or no number.
    ContentLength,
    /// `Transfer-Encoding` that is anything but one `chunked`, or in an HTTP/1.0 response.
    TransferEncoding,
    /// Both `Content-Length` and `Transfer-Encoding` (RFC 9112 section 6.3).
    BothLengths,
    /// 101 although no upgrade was asked for.
    Upgrade,
    /// Too many informational responses before the final one.
    Informational,
    /// A chunk whose size or end is wrong, or whose extension or trailers are too long.
    Chunk,
    /// What RFC 9113 does not allow: a frame out of place, a field of one hop, a length that is not that of the body.
    Http2,
}

/// How the body of a response ends (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// After this many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// A whole, well-formed response head.
#[derive(Debug)]
pub struct Head {
    /// 100 to 599.
    pub status: StatusCode,
    /// As sent, without the fields of one hop (RFC 9110 section 7.6.1), those that `Connection` names among them. The
    /// values share the memory of the head.
    pub headers: HeaderMap,
    /// What the header lines say; a response to HEAD, 1xx, 204 and 304 have no body whatever they say.
    pub framing: Framing,
    /// Whether another request may follow on the connection (RFC 9112 section 9.3); never after HTTP/1.0.
    pub keep_alive: bool,
    /// What the only `Upgrade` says, if `Connection` names it (RFC 9110 section 7.8).
    pub upgrade: Option<HeaderValue>,
}

/// Takes a response head from the front of `bytes`: `None`, and nothing taken, while it is not there as a whole.
///
/// # Errors
/// [`Malformed`].
pub fn take_head(bytes: &mut BytesMut) -> Result<Option<Head>, Malformed> {
    let Some(extent) = Extent::of(bytes)? else {
        return Ok(None);
    };
    let text = bytes.split_to(extent.len).freeze();
    read_head(&text, extent.fields).map(Some)
}

/// How far a head reaches.
struct Extent {
    /// With the empty line.
    len: usize,
    fields: usize,
}

impl Extent {
    /// `None` while the end is not there.
    fn of(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut start = 0;
        for (lines, lf) in memchr_iter(b'\n', bytes).enumerate() {
            if lf >= HEAD_BYTES_MAX || lines > HEAD_FIELDS_MAX + 1 {
                return Err(Malformed::HeadTooLarge);
            }
            match bytes.get(start..lf) {
                Some(b"\r") if lines > 0 => {
                    let (len, fields) = (lf + 1, lines - 1);
                    return Ok(Some(Self { len, fields }));
                }
                Some([.., b'\r']) => start = lf + 1,
                _ => return Err(Malformed::ControlByte),
            }
        }
        if bytes.len() > HEAD_BYTES_MAX {
            return Err(Malformed::HeadTooLarge);
        }
        Ok(None)
    }
}

/// Reads a head that is whole.
fn read_head(text: &Bytes, fields: usize) -> Result<Head, Malformed> {
    let mut ends = memchr_iter(b'\n', text);
    let mut start = ends.next().map_or(text.len(), |lf| lf + 1);
    let status_line = text.get(..start).and_then(|line| line.strip_suffix(b"\r\n"));
    let (status, old) = read_status_line(status_line.unwrap_or_default())?;
    let mut headers = HeaderMap::with_capacity(fields + FIELDS_ADDED);
    let mut framing = FramingFields::default();
    for lf in ends.take(fields) {
        let (name, value) = read_field(text, start..lf.saturating_sub(1))?;
        start = lf + 1;
        framing.note(&name, &value)?;
        if !is_hop_by_hop(name.as_str()) {
            headers.append(name, value);
        }
    }
    for name in &framing.named {
        headers.remove(name);
    }
    Ok(Head {
        status,
        headers,
        framing: framing.framing(old)?,
        keep_alive: !old && !framing.close,
        upgrade: framing
            .upgrade
            .take()
            .filter(|_| framing.named.contains(&header::UPGRADE)),
    })
}

/// Reads a header line. What may stand in a name and in a value is for their types to say; a folded line, which begins
/// with white space, has no name (RFC 9112 section 5).
fn read_field(text: &Bytes, line: Range<usize>) -> Result<(HeaderName, HeaderValue), Malformed> {
    let bytes = text.get(line.clone()).unwrap_or_default();
    let colon = memchr(b':', bytes).ok_or(Malformed::FieldLine)?;
    let (name, value) = (bytes.get(..colon), bytes.get(colon + 1..).unwrap_or_default());
    let name = HeaderName::from_bytes(name.unwrap_or_default()).map_err(|_| Malformed::FieldLine)?;
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let leading = value.iter().take_while(|byte| blank(byte)).count();
    let inner = value.get(leading..).unwrap_or_default();
    let trailing = inner.iter().rev().take_while(|byte| blank(byte)).count();
    let start = line.end - inner.len();
    let value = text.slice(start..line.end - trailing);
    let value = HeaderValue::from_maybe_shared(value).map_err(|_| Malformed::ControlByte)?;
    Ok((name, value))
}

/// What the fields say about the end of the body and of the connection.
#[derive(Default)]
struct FramingFields {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    /// What the first `Upgrade` says; empty after a second.
    upgrade: Option<HeaderValue>,
    /// The fields that `Connection` names.
    named: Vec<HeaderName>,
}

impl FramingFields {
    fn note(&mut self, name: &HeaderName, value: &HeaderValue) -> Result<(), Malformed> {
        if name == header::CONTENT_LENGTH {
            let repeated = self.length.replace(content_length(value.as_bytes())?).is_some();
            if repeated {
                return Err(Malformed::ContentLength);
            }
        } else if name == header::TRANSFER_ENCODING {
            if self.chunked || !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed::TransferEncoding);
            }
            self.chunked = true;
        } else if name == header::CONNECTION {
            self.close |= connection_options(value).any(|option| option.eq_ignore_ascii_case(b"close"));
            self.named.extend(named_by(value));
        } else if name == header::UPGRADE {
            let second = self.upgrade.is_some();
            let value = if second {
                HeaderValue::from_static("")
            } else {
                value.clone()
            };
            self.upgrade = Some(value);
        }
        Ok(())
    }

    fn framing(&self, old: bool) -> Result<Framing, Malformed> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err(Malformed::BothLengths),
            (_, true) if old => Err(Malformed::TransferEncoding),
            (_, true) => Ok(Framing::Chunked),
            (Some(length), false) => Ok(Framing::Length(length)),
            (None, false) => Ok(Framing::UntilClose),
        }
    }
}

/// The status, and whether the response is of HTTP/1.0.
fn read_status_line(line: &[u8]) -> Result<(StatusCode, bool), Malformed> {
    if line.iter().any(|&byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
        return Err(Malformed::ControlByte);
    }
    let (old, rest) = match line.split_at_checked(9) {
        Some((b"HTTP/1.1 ", rest)) => (false, rest),
        Some((b"HTTP/1.0 ", rest)) => (true, rest),
        _ => return Err(Malformed::StatusLine),
    };
    let ([b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] | [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ', ..]) = rest else {
        return Err(Malformed::StatusLine);
    };
    let status = StatusCode::from_bytes(rest.get(..3).unwrap_or_default()).map_err(|_| Malformed::StatusLine)?;
    Ok((status, old))
}

/// RFC 9110 section 5.6.2.
const fn is_token(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'!' | b'#' | b'$' | b'%' | b'&'
        | b'\'' | b'*' | b'+' | b'^' | b'`' | b'|' | b'~')
}

pub(super) fn content_length(value: &[u8]) -> Result<u64, Malformed> {
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return Err(Malformed::ContentLength);
    }
    Ok(value
        .iter()
        .fold(0, |number, byte| number * 10 + u64::from(byte - b'0')))
}

/// Where in a chunked body the reader stands (RFC 9112 section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunks {
    at: At,
    /// Bytes of extension or trailers so far.
    extra: u16,
}

/// What was taken from a chunked body.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// Nothing more is here.
    Nothing,
    /// At least one byte.
    Data(Bytes),
    /// The end, with the trailer section: trailers are a hop's own affair and end here.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Size { size: u64, digits: u8 },
    Extension { size: u64 },
    SizeLf { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    LineStart,
    Trailer,
    TrailerLf,
    EndLf,
}

impl Chunks {
    /// At the start of a chunked body.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            at: At::Size { size: 0, digits: 0 },
            extra: 0,
        }
    }

    /// Takes the next piece of data from the front of `bytes`.
    ///
    /// # Errors
    /// [`Malformed::Chunk`].
    pub fn take(&mut self, bytes: &mut BytesMut) -> Result<Taken, Malformed> {
        if !matches!(self.at, At::Data { .. }) {
            let mut framing = 0;
            for &byte in bytes.iter() {
                framing += 1;
                if self.step(byte)? {
                    bytes.advance(framing);
                    return Ok(Taken::End);
                }
                if matches!(self.at, At::Data { .. }) {
                    break;
                }
            }
            bytes.advance(framing);
        }
        let At::Data { left } = &mut self.at else {
            return Ok(Taken::Nothing);
        };
        let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
        if here == 0 {
            return Ok(Taken::Nothing);
        }
        *left -= u64::try_from(here).unwrap_or(*left);
        if *left == 0 {
            self.at = At::DataCr;
        }
        Ok(Taken::Data(bytes.split_to(here).freeze()))
    }

    /// One byte outside chunk data; true at the end of the body.
    fn step(&mut self, byte: u8) -> Result<bool, Malformed> {
        self.at = match (self.at, byte) {
            (
                At::Size {
                    size,
                    digits: digits @ 0..=15,
                },
                b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F',
            ) => {
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                At::Size {
                    size: size << 4 | digit,
                    digits: digits + 1,
                }
            }
            (At::Size { size, digits: 1.. } | At::Extension { size }, b'\r') => At::SizeLf { size },
            (At::Size { size, digits: 1.. }, b';' | b' ' | b'\t') => self.count(At::Extension { size })?,
            (At::Extension { size }, b'\t' | 0x20..=0x7e | 0x80..) => self.count(At::Extension { size })?,
            (At::SizeLf { size: 0 }, b'\n') => {
                self.extra = 0;
                At::LineStart
            }
            (At::SizeLf { size }, b'\n') => At::Data { left: size },
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => {
                self.extra = 0;
                At::Size { size: 0, digits: 0 }
            }
            (At::LineStart, b'\r') => At::EndLf,
            (At::LineStart, byte) if is_token(byte) => self.count(At::Trailer)?,
            (At::Trailer, b'\r') => At::TrailerLf,
            (At::Trailer, b'\t' | 0x20..=0x7e | 0x80..) => self.count(At::Trailer)?,
            (At::TrailerLf, b'\n') => At::LineStart,
            (At::EndLf, b'\n') => return Ok(true),
            _ => return Err(Malformed::Chunk),
        };
        Ok(false)
    }

    fn count(&mut self, next: At) -> Result<At, Malformed> {
        self.extra += 1;
        if self.extra > CHUNK_EXTRA_BYTES_MAX {
            Err(Malformed::Chunk)
        } else {
            Ok(next)
        }
    }
}

impl Default for Chunks {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The status and framing of the head at the start of a text, and what follows it.
    fn head(text: &str) -> Result<Option<(u16, Framing, String)>, Malformed> {
        let mut bytes = BytesMut::from(text);
        let head = take_head(&mut bytes)?;
        let rest = String::from_utf8(bytes.to_vec()).unwrap();
        Ok(head.map(|head| (head.status.as_u16(), head.framing, rest)))
    }

    #[test]
    fn http_8_well_formed_heads_are_read() {
        let check = |text: &str, status, framing| {
            let whole = format!("{text}BODY");
            assert_eq!(head(&whole), Ok(Some((status, framing, "BODY".to_owned()))), "{text:?}");
            for (cut, _) in text.char_indices() {
                assert_eq!(head(text.get(..cut).unwrap()), Ok(None), "{text:?} at {cut}");
            }
        };
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n",
            200,
            Framing::Length(12),
        );
        check("HTTP/1.1 404\r\ncontent-length:0\r\n\r\n", 404, Framing::Length(0));
        check(
            "HTTP/1.1 200 \r\nX: a\tb \u{e9}\r\nTransfer-Encoding: Chunked \r\n\r\n",
            200,
            Framing::Chunked,
        );
        check("HTTP/1.0 599 Way out\r\nX:\r\n\r\n", 599, Framing::UntilClose);
        check("HTTP/1.1 100 Continue\r\n\r\n", 100, Framing::UntilClose);
    }

    #[test]
    fn http_8_ambiguous_heads_are_refused() {
        let check = |text: &str, expected| assert_eq!(head(text), Err(expected), "{text:?}");
        let fields = |lines: &str, expected| check(&format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n"), expected);
        fields(
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            Malformed::BothLengths,
        );
        fields(
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            Malformed::BothLengths,
        );
        fields("Content-Length: 5\r\nContent-Length: 5", Malformed::ContentLength);
        fields("Content-Length: 5\r\nContent-Length: 6", Malformed::ContentLength);
        for value in ["", "5, 5", "+5", "-1", "0x5", "5 5", "9999999999999999999", "5;"] {
            fields(&format!("Content-Length: {value}"), Malformed::ContentLength);
        }
        for value in [
            "",
            "gzip",
            "gzip, chunked",
            "chunked, identity",
            "xchunked",
            "chunked;q=1",
            "identity",
            "\"chunked\"",
        ] {
            fields(&format!("Transfer-Encoding: {value}"), Malformed::TransferEncoding);
        }
        fields(
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            Malformed::TransferEncoding,
        );
        check(
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            Malformed::TransferEncoding,
        );
        for lines in [
            "X: a\r\r\nY: b",
            "X: \ra",
            "X: \x0ca",
            "Transfer-Encoding: \x0cchunked",
            "Content-Length: 5\r",
        ] {
            fields(lines, Malformed::ControlByte);
        }
        fields("X: a\r\n b", Malformed::FieldLine);
        fields("X: a\r\n\tb", Malformed::FieldLine);
        fields(" X: a", Malformed::FieldLine);
        fields("X : a", Malformed::FieldLine);
        fields("Content-Length : 5", Malformed::FieldLine);
        fields(": a", Malformed::FieldLine);
        fields("no colon", Malformed::FieldLine);
        fields("X\u{e9}: a", Malformed::FieldLine);
        for value in ["a\rb", "a\nb", "a\0b", "a\u{7f}b", "a\u{b}b", "a\u{1b}[31m"] {
            fields(&format!("X: {value}"), Malformed::ControlByte);
        }
        check("HTTP/1.1 200 OK\nX: a\n\n", Malformed::ControlByte);
        check("HTTP/1.1 200 O\rK\r\n\r\n", Malformed::ControlByte);
    }

    #[test]
    fn http_8_bad_status_lines_are_refused() {
        for line in [
            "",
            "200 OK",
            "HTTP/2 200 OK",
            "HTTP/1.2 200 OK",
            "HTTP/1.1  200 OK",
            "HTTP/1.1 20 OK",
            "HTTP/1.1 2000 OK",
            "HTTP/1.1 099 x",
            "HTTP/1.1 600 x",
            "HTTP/1.1 abc x",
            "http/1.1 200 OK",
            "HTTP/1.1\t200 OK",
            " HTTP/1.1 200 OK",
        ] {
            assert_eq!(head(&format!("{line}\r\n\r\n")), Err(Malformed::StatusLine), "{line:?}");
        }
    }

    #[test]
    fn http_8_heads_are_bounded() {
        let long = format!("HTTP/1.1 200 OK\r\nX: {}", "a".repeat(HEAD_BYTES_MAX));
        assert_eq!(head(&long), Err(Malformed::HeadTooLarge));
        assert_eq!(head(&format!("{long}\r\n\r\n")), Err(Malformed::HeadTooLarge));
        let many = |count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: a\r\n".repeat(count));
        assert!(matches!(head(&many(HEAD_FIELDS_MAX)), Ok(Some(_))));
        assert_eq!(head(&many(HEAD_FIELDS_MAX + 1)), Err(Malformed::HeadTooLarge));
    }

    #[test]
    fn a_head_is_given_as_sent() {
        let mut bytes = BytesMut::from("HTTP/1.1 200 OK\r\nSet-Cookie:a=b\r\nX-A:  c d \t\r\nset-cookie: e\r\n\r\n");
        let head = take_head(&mut bytes).unwrap().unwrap();
        let fields: Vec<_> = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let expected: [(&str, &[u8]); 3] = [("set-cookie", b"a=b"), ("set-cookie", b"e"), ("x-a", b"c d")];
        assert_eq!(fields, expected);
    }

    #[test]
    fn whether_a_connection_goes_on() {
        let check = |start: &str, fields: &str, expected: bool| {
            let mut bytes = BytesMut::from(format!("{start} 204 No\r\n{fields}\r\n").as_str());
            assert_eq!(
                take_head(&mut bytes).unwrap().unwrap().keep_alive,
                expected,
                "{start} {fields}"
            );
        };
        check("HTTP/1.1", "", true);
        check("HTTP/1.1", "Connection: keep-alive, X\r\n", true);
        check("HTTP/1.1", "Connection: Close\r\n", false);
        check("HTTP/1.1", "Connection: x\r\nConnection: y ,close\r\n", false);
        check("HTTP/1.0", "Connection: keep-alive\r\n", false);
    }

    /// The data of a chunked body that arrives in pieces, and what follows it; none when it does not end.
    fn chunked(body: &str, pieces: usize) -> Result<Option<(String, String)>, Malformed> {
        let (mut chunks, mut bytes, mut data) = (Chunks::new(), BytesMut::new(), Vec::new());
        let mut arriving = body.as_bytes().chunks(pieces);
        loop {
            match chunks.take(&mut bytes)? {
                Taken::Data(piece) => data.extend_from_slice(&piece),
                Taken::Nothing => match arriving.next() {
                    Some(piece) => bytes.extend_from_slice(piece),
                    None => return Ok(None),
                },
                Taken::End => {
                    bytes.extend_from_slice(&arriving.collect::<Vec<_>>().concat());
                    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                    return Ok(Some((text(&data), text(&bytes))));
                }
            }
        }
    }

    #[test]
    fn http_8_chunked_bodies_end_where_they_end() {
        let check = |body: &str, data: &str| {
            for pieces in [1, 2, 3, 7, 1000] {
                let expected = Some((data.to_owned(), "NEXT".to_owned()));
                assert_eq!(
                    chunked(&format!("{body}NEXT"), pieces),
                    Ok(expected),
                    "{body:?} by {pieces}"
                );
            }
            for (cut, _) in body.char_indices() {
                assert_eq!(chunked(body.get(..cut).unwrap(), 1000), Ok(None), "{body:?} at {cut}");
            }
        };
        check("0\r\n\r\n", "");
        check("5\r\nhello\r\n0\r\n\r\n", "hello");
        check("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "hello!");
        check("A;name=\"value\"\r\n0123456789\r\n00\r\n\r\n", "0123456789");
        check("3 \r\nabc\r\n0\r\nX-Sum: abc\r\nY:\r\n\r\n", "abc");
    }

    #[test]
    fn http_8_bad_chunks_are_refused() {
        for body in [
            "\r\n",
            "g\r\n",
            "-1\r\n",
            "+1\r\n",
            "0x1\r\n",
            " 1\r\n",
            "1\n",
            "1\rx",
            "1\r\nab",
            "1\r\na\n",
            "1\r\na\rx",
            ";\r\n",
            "1;a\nb\r\n",
            "0\r\n\n",
            "0\r\n x: y\r\n",
            "0\r\nx: y\n",
            "11111111111111111\r\n",
            "0\r\nx: \0\r\n",
        ] {
            for pieces in [1, 1000] {
                assert_eq!(chunked(body, pieces), Err(Malformed::Chunk), "{body:?}");
            }
        }
        let long = format!("1;{}", "a".repeat(9000));
        assert_eq!(chunked(&long, 1000), Err(Malformed::Chunk));
        let trailers = format!("0\r\n{}", "x: y\r\n".repeat(3000));
        assert_eq!(chunked(&trailers, 1000), Err(Malformed::Chunk));
    }

    /// What is read of bytes that arrive in pieces: status, framing, fields, and what follows the head.
    type Seen = (u16, Framing, Vec<(String, Vec<u8>)>, Vec<u8>);

    fn seen(bytes: &[u8], pieces: usize) -> Result<Option<Seen>, Malformed> {
        let (mut buffer, mut arriving) = (BytesMut::new(), bytes.chunks(pieces));
        loop {
            if let Some(head) = take_head(&mut buffer)? {
                buffer.extend_from_slice(&arriving.collect::<Vec<_>>().concat());
                let fields = head.headers.iter();
                let fields = fields.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
                return Ok(Some((
                    head.status.as_u16(),
                    head.framing,
                    fields.collect(),
                    buffer.to_vec(),
                )));
            }
            match arriving.next() {
                Some(piece) => buffer.extend_from_slice(piece),
                None => return Ok(None),
            }
        }
    }

    /// Bytes of which many are nearly a head.
    fn nearly_heads() -> impl Strategy<Value = Vec<u8>> {
        const PARTS: [&[u8]; 14] = [
            b"\r\n",
            b"\r\n",
            b"\r\n\r\n",
            b"\n",
            b"\r",
            b": ",
            b"X",
            b"a b",
            b"Content-Length: 4",
            b"Transfer-Encoding: chunked",
            b"Connection: close, x",
            b"Set-Cookie: a",
            b"\x0c",
            b"\xff\t",
        ];
        let part = prop_oneof![
            8 => prop::sample::select(PARTS.to_vec()).prop_map(<[u8]>::to_vec),
            1 => prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(part, 0..12).prop_map(|parts| [b"HTTP/1.1 200 OK\r\n".to_vec(), parts.concat()].concat())
    }

    proptest! {
        #[test]
        fn http_8_any_head_reads_alike_in_pieces(bytes in nearly_heads(), pieces in 1_usize..30) {
            let whole = seen(&bytes, usize::MAX);
            prop_assert_eq!(&seen(&bytes, pieces), &whole);
            if let Ok(Some((_, _, fields, _))) = whole {
                let plain = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
                for (name, value) in fields {
                    prop_assert!(name.bytes().all(is_token) && value.iter().all(plain), "{name}: {value:?}");
                }
            }
        }

        #[test]
        fn http_8_any_chunked_body_reads_alike_in_pieces(body in "[0-3a\r\n; x:]{0,24}", pieces in 1_usize..6) {
            prop_assert_eq!(chunked(&body, pieces), chunked(&body, 1000));
        }
    }
}
