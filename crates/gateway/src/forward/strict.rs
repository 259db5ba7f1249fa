//! Strict reading of an upstream's response head and body framing (RFC 9112), before the HTTP library sees a byte.
//!
//! The library resolves ambiguity quietly; a gate must not. Whatever two readers could frame differently is refused
//! here: both lengths, two lengths, unknown transfer codings, bare CR or LF, folded lines, control bytes.
//! Pure: it knows bytes only, never a socket.

use memchr::memchr;

/// Longest response head, with its status line, in bytes.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
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
    /// Bytes that answer no request.
    Unsolicited,
    /// The HTTP library could not read it.
    Unreadable,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Length in bytes, with the empty line.
    pub len: usize,
    /// 100 to 599.
    pub status: u16,
    /// What the header lines say; a response to HEAD, 1xx, 204 and 304 have no body whatever they say.
    pub framing: Framing,
}

/// Reads a response head from the start of `bytes`: `None` while it is not there as a whole.
///
/// # Errors
/// [`Malformed`], as soon as a complete line shows it.
pub fn scan_response_head(bytes: &[u8]) -> Result<Option<Head>, Malformed> {
    let mut lines = Lines { rest: bytes, taken: 0 };
    let Some(line) = lines.next_line()? else {
        return Ok(None);
    };
    let (status, old) = status_line(line)?;
    let mut length = None;
    let mut chunked = false;
    for _ in 0..=HEAD_FIELDS_MAX {
        let Some(line) = lines.next_line()? else {
            return Ok(None);
        };
        if line.is_empty() {
            let framing = match (length, chunked) {
                (Some(_), true) => return Err(Malformed::BothLengths),
                (_, true) if old => return Err(Malformed::TransferEncoding),
                (_, true) => Framing::Chunked,
                (Some(length), false) => Framing::Length(length),
                (None, false) => Framing::UntilClose,
            };
            return Ok(Some(Head {
                len: lines.taken,
                status,
                framing,
            }));
        }
        let (name, value) = field_line(line)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            let repeated = length.replace(content_length(value)?).is_some();
            if repeated {
                return Err(Malformed::ContentLength);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed::TransferEncoding);
            }
            chunked = true;
        }
    }
    Err(Malformed::HeadTooLarge)
}

struct Lines<'a> {
    rest: &'a [u8],
    taken: usize,
}

impl<'a> Lines<'a> {
    /// The next line without its CR LF; `None` while its end is not there.
    fn next_line(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        let Some(lf) = memchr(b'\n', self.rest) else {
            return if self.taken + self.rest.len() > HEAD_BYTES_MAX {
                Err(Malformed::HeadTooLarge)
            } else {
                Ok(None)
            };
        };
        let Some((line, rest)) = self.rest.split_at_checked(lf + 1) else {
            return Ok(None);
        };
        self.taken += line.len();
        self.rest = rest;
        if self.taken > HEAD_BYTES_MAX {
            return Err(Malformed::HeadTooLarge);
        }
        let line = line.strip_suffix(b"\r\n").ok_or(Malformed::ControlByte)?;
        // Without a branch per byte, so that the compiler can use wide registers.
        let bad = line.iter().fold(false, |bad, &byte| {
            bad | (((byte < 0x20) & (byte != b'\t')) | (byte == 0x7f))
        });
        if bad {
            Err(Malformed::ControlByte)
        } else {
            Ok(Some(line))
        }
    }
}

/// The status, and whether the response is of HTTP/1.0.
fn status_line(line: &[u8]) -> Result<(u16, bool), Malformed> {
    let (old, rest) = match line.split_at_checked(9) {
        Some((b"HTTP/1.1 ", rest)) => (false, rest),
        Some((b"HTTP/1.0 ", rest)) => (true, rest),
        _ => return Err(Malformed::StatusLine),
    };
    let ([a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9']
    | [a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', ..]) = rest
    else {
        return Err(Malformed::StatusLine);
    };
    let digit = |byte: u8| u16::from(byte - b'0');
    Ok((digit(*a) * 100 + digit(*b) * 10 + digit(*c), old))
}

fn field_line(line: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let colon = memchr(b':', line).ok_or(Malformed::FieldLine)?;
    let (name, value) = line.split_at_checked(colon).ok_or(Malformed::FieldLine)?;
    // A folded line starts with white space, which is no token.
    if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
        return Err(Malformed::FieldLine);
    }
    Ok((name, value.strip_prefix(b":").unwrap_or(value).trim_ascii()))
}

/// RFC 9110 section 5.6.2.
const fn is_token(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'!' | b'#' | b'$' | b'%' | b'&'
        | b'\'' | b'*' | b'+' | b'^' | b'`' | b'|' | b'~')
}

fn content_length(value: &[u8]) -> Result<u64, Malformed> {
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

    /// Reads on. Returns how many of `bytes` belong to the body, and whether it ended there.
    ///
    /// # Errors
    /// [`Malformed::Chunk`].
    pub fn follow(&mut self, bytes: &[u8]) -> Result<(usize, bool), Malformed> {
        let mut rest = bytes;
        loop {
            if let At::Data { left } = &mut self.at {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                *left -= u64::try_from(here).unwrap_or(*left);
                rest = rest.get(here..).unwrap_or_default();
                if *left > 0 {
                    return Ok((bytes.len(), false));
                }
                self.at = At::DataCr;
            }
            let Some((&byte, tail)) = rest.split_first() else {
                return Ok((bytes.len(), false));
            };
            rest = tail;
            if self.step(byte)? {
                return Ok((bytes.len() - rest.len(), true));
            }
        }
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
    use super::*;

    fn head(text: &str) -> Result<Option<Head>, Malformed> {
        scan_response_head(text.as_bytes())
    }

    #[test]
    fn http_8_well_formed_heads_are_read() {
        let check = |text: &str, status, framing| {
            let whole = format!("{text}BODY");
            assert_eq!(
                head(&whole),
                Ok(Some(Head {
                    len: text.len(),
                    status,
                    framing
                })),
                "{text:?}"
            );
            for cut in 0..text.len() {
                assert_eq!(
                    scan_response_head(&text.as_bytes()[..cut]),
                    Ok(None),
                    "{text:?} at {cut}"
                );
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
    fn http_8_chunked_bodies_end_where_they_end() {
        let check = |body: &str| {
            let whole = format!("{body}NEXT");
            assert_eq!(
                Chunks::new().follow(whole.as_bytes()),
                Ok((body.len(), true)),
                "{body:?}"
            );
            // And byte by byte.
            let mut chunks = Chunks::new();
            for (i, byte) in body.bytes().enumerate() {
                assert_eq!(chunks.follow(&[byte]), Ok((1, i + 1 == body.len())), "{body:?} at {i}");
            }
        };
        check("0\r\n\r\n");
        check("5\r\nhello\r\n0\r\n\r\n");
        check("A;name=\"value\"\r\n0123456789\r\n00\r\n\r\n");
        check("3 \r\nabc\r\n0\r\nX-Sum: abc\r\nY:\r\n\r\n");
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
            assert_eq!(Chunks::new().follow(body.as_bytes()), Err(Malformed::Chunk), "{body:?}");
        }
        let long = format!("1;{}", "a".repeat(9000));
        assert_eq!(Chunks::new().follow(long.as_bytes()), Err(Malformed::Chunk));
        let trailers = format!("0\r\n{}", "x: y\r\n".repeat(3000));
        assert_eq!(Chunks::new().follow(trailers.as_bytes()), Err(Malformed::Chunk));
    }
}
