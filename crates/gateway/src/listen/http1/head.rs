//! Reads one request head (RFC 9112 §2 to §5) line by line and says where it ends, what body it declares, or why it is refused.
//!
//! It is strict on purpose: two parsers that disagree about one head are how requests are smuggled, so whatever could be read
//! in two ways is refused. It never rewrites, never buffers and never looks at a line twice.

use std::ops::Range;

use memchr::memchr;

use crate::listen::bounds::Bounds;

/// Longest method that is read as one; the longest registered one (`VERSION-CONTROL`) has 15 bytes.
pub(in crate::listen) const METHOD_BYTES_MAX: usize = 32;
/// The most that a request line has beside its target: the method, a space, and ` HTTP/1.1`.
const LINE_BESIDE_TARGET_BYTES_MAX: usize = METHOD_BYTES_MAX + 1 + 9;
/// Most digits of a length: 18 digits fit a `u64` with room to spare.
const LENGTH_DIGITS_MAX: usize = 18;

/// Why bytes are not a request that we serve. The reason is for logs; what a client is told is the refusal's table line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// More than one empty line before the request line (RFC 9112 §2.2 asks to ignore at least one).
    LeadingLines,
    /// A line that does not end with exactly CR LF.
    LineEnding,
    /// The request line is not three parts with one space between each.
    RequestLine,
    /// The method is not a token of at most 32 bytes, or it is CONNECT.
    Method,
    /// The target is neither in origin form nor in absolute form with the authority of `Host`, or holds a byte no URI has.
    Target,
    /// A version that is not served.
    Version,
    /// A header name that is empty, is no token, is followed by white space, or imitates a framing header with `_`.
    HeaderName,
    /// A control character in a header value.
    HeaderValue,
    /// A header line that begins with white space (RFC 9112 §5.2).
    LineFolding,
    /// `Host` is missing, double, or not `host[:port]`.
    Host,
    /// `Content-Length` is double or not one to eighteen digits.
    ContentLength,
    /// `Transfer-Encoding` is not exactly one `chunked`, or stands beside `Content-Length`.
    TransferEncoding,
    /// A chunk size line that is not hexadecimal digits alone, or a chunk without its ending.
    Chunk,
    /// A trailer field after the last chunk.
    Trailer,
    /// The client ended its side in the middle of a message.
    Truncated,
    /// The target is longer than its bound.
    TargetTooLong,
    /// The head is longer than its bound, or has too many lines.
    HeadTooLarge,
    /// The client was too slow with its head or body.
    Timeout,
}

impl Malformed {
    /// The reason as one short phrase for a log line; it never holds input.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::LeadingLines => "empty lines before the request line",
            Self::LineEnding => "a line does not end with CR LF",
            Self::RequestLine => "the request line is not three parts",
            Self::Method => "the method is not a token that is served",
            Self::Target => "the target is not in a form that is served",
            Self::Version => "the version is not served",
            Self::HeaderName => "a header name is not a token",
            Self::HeaderValue => "a header value holds a control character",
            Self::LineFolding => "a header line is folded",
            Self::Host => "the host is missing, double or malformed",
            Self::ContentLength => "the content length is double or malformed",
            Self::TransferEncoding => "the transfer encoding is not one `chunked`",
            Self::Chunk => "a chunk is malformed",
            Self::Trailer => "a trailer field follows the last chunk",
            Self::Truncated => "the message ends too early",
            Self::TargetTooLong => "the target is too long",
            Self::HeadTooLarge => "the head is too large",
            Self::Timeout => "the client is too slow",
        }
    }
}

/// How the body that follows a head is delimited (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delimited {
    /// No body.
    Empty,
    /// Exactly this many bytes, at least one.
    Length(u64),
    /// Chunks.
    Chunked,
    /// No body, and what follows may be of another protocol: the head asks for a WebSocket (RFC 6455 §4.1).
    Switch,
}

/// What is known after looking at the bytes so far.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The head is not complete.
    Partial,
    /// The head is complete and valid: its length in bytes and what follows it.
    Complete(usize, Delimited),
}

/// One head being read. The offsets are relative to the first byte of the head, which the caller passes again each time.
#[derive(Debug, Default)]
pub(crate) struct Head {
    stage: Stage,
    /// Where the current line begins.
    line: usize,
    /// Up to where no line feed was found.
    searched: usize,
    lines: usize,
    authority: Option<Range<usize>>,
    host: Option<Range<usize>>,
    length: Option<u64>,
    chunked: bool,
    switch: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Start,
    RequestLine,
    Headers,
}

impl Head {
    /// Reads the lines that became complete. `bytes` begins with the first byte of the head and only ever grows between calls.
    pub(crate) fn advance(&mut self, bytes: &[u8], bounds: &Bounds) -> Result<Progress, Malformed> {
        loop {
            let fresh = bytes.get(self.searched..).unwrap_or_default();
            let Some(found) = memchr(b'\n', fresh) else {
                self.searched = bytes.len();
                self.within(bytes.len(), bounds)?;
                return Ok(Progress::Partial);
            };
            let end = self.searched + found + 1;
            self.within(end, bounds)?;
            let line = bytes.get(self.line..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r\n").ok_or(Malformed::LineEnding)?;
            let start = std::mem::replace(&mut self.line, end);
            self.searched = end;
            match self.stage {
                Stage::Start if line.is_empty() => self.stage = Stage::RequestLine,
                Stage::Start | Stage::RequestLine => self.request_line(line, start, bounds)?,
                Stage::Headers if line.is_empty() => return Ok(Progress::Complete(end, self.finish(bytes)?)),
                Stage::Headers => self.header(line, start, bounds)?,
            }
        }
    }

    /// Refuses a head that already reaches beyond its bounds. Looking at how far the bytes reach, and not at what they hold, makes
    /// the verdict the same however the bytes were split into reads.
    fn within(&self, end: usize, bounds: &Bounds) -> Result<(), Malformed> {
        let line_bytes_max = bounds.target_bytes_max() + LINE_BESIDE_TARGET_BYTES_MAX + 2;
        if self.stage != Stage::Headers && end.saturating_sub(self.line) > line_bytes_max {
            return Err(Malformed::TargetTooLong);
        }
        if end > bounds.head_bytes_max() {
            return Err(Malformed::HeadTooLarge);
        }
        Ok(())
    }

    fn request_line(&mut self, line: &[u8], start: usize, bounds: &Bounds) -> Result<(), Malformed> {
        if line.is_empty() {
            return Err(Malformed::LeadingLines);
        }
        let rest = line.strip_suffix(b" HTTP/1.1").ok_or_else(|| without_version(line))?;
        let space = rest
            .iter()
            .position(|&byte| !is(byte, TOKEN))
            .ok_or(Malformed::RequestLine)?;
        let (method, target) = rest.split_at(space);
        let target = target.strip_prefix(b" ").ok_or(Malformed::Method)?;
        if method.is_empty() || method.len() > METHOD_BYTES_MAX {
            return Err(Malformed::Method);
        }
        if method == b"CONNECT" {
            return Err(Malformed::Method);
        }
        if target.len() > bounds.target_bytes_max() {
            return Err(Malformed::TargetTooLong);
        }
        self.authority = target_authority(target, start + space + 1)?;
        self.stage = Stage::Headers;
        Ok(())
    }

    fn header(&mut self, line: &[u8], start: usize, bounds: &Bounds) -> Result<(), Malformed> {
        self.lines += 1;
        if self.lines > bounds.head_lines_max() {
            return Err(Malformed::HeadTooLarge);
        }
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(Malformed::LineFolding);
        }
        let colon = line
            .iter()
            .position(|&byte| !is(byte, TOKEN))
            .ok_or(Malformed::HeaderName)?;
        let (Some(name), Some((b':', value))) = (line.get(..colon), line.get(colon..).and_then(<[u8]>::split_first))
        else {
            return Err(Malformed::HeaderName);
        };
        if name.is_empty() {
            return Err(Malformed::HeaderName);
        }
        if holds_control(value) {
            return Err(Malformed::HeaderValue);
        }
        match name.len() {
            4 if named(name, b"host")? => self.host(value, start + colon + 1),
            14 if named(name, b"content-length")? => self.content_length(trimmed(value)),
            17 if named(name, b"transfer-encoding")? => self.transfer_encoding(trimmed(value)),
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.switch |= value.trim_ascii().eq_ignore_ascii_case(b"websocket");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn host(&mut self, value: &[u8], start: usize) -> Result<(), Malformed> {
        let host = trimmed(value);
        if self.host.is_some() || !is_authority(host) {
            return Err(Malformed::Host);
        }
        let leading = value.iter().take_while(|&&byte| byte == b' ').count();
        self.host = Some(start + leading..start + leading + host.len());
        Ok(())
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), Malformed> {
        let length = length(value).filter(|_| self.length.is_none());
        let length = length.ok_or(Malformed::ContentLength)?;
        if self.chunked {
            return Err(Malformed::TransferEncoding);
        }
        self.length = Some(length);
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Malformed> {
        let twice = std::mem::replace(&mut self.chunked, true);
        if twice || self.length.is_some() || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Malformed::TransferEncoding);
        }
        Ok(())
    }

    fn finish(&self, bytes: &[u8]) -> Result<Delimited, Malformed> {
        let host = self
            .host
            .clone()
            .and_then(|range| bytes.get(range))
            .ok_or(Malformed::Host)?;
        if let Some(range) = self.authority.clone() {
            // RFC 9112 §3.2.2 lets the target win over `Host`; a client that sends two different ones is refused instead.
            let authority = bytes.get(range).ok_or(Malformed::Target)?;
            if !authority.eq_ignore_ascii_case(host) {
                return Err(Malformed::Target);
            }
        }
        Ok(match (self.chunked, self.length) {
            (true, _) => Delimited::Chunked,
            (false, Some(length)) if length > 0 => Delimited::Length(length),
            (false, _) if self.switch => Delimited::Switch,
            (false, _) => Delimited::Empty,
        })
    }
}

/// Why a request line that does not end with a version that is served is refused.
fn without_version(line: &[u8]) -> Malformed {
    let last = line.rsplit(|&byte| byte == b' ').next().unwrap_or_default();
    if last.starts_with(b"HTTP/") {
        Malformed::Version
    } else {
        Malformed::RequestLine
    }
}

/// The authority of an absolute-form target, as a range of the head; none for origin form (RFC 9112 §3.2).
fn target_authority(target: &[u8], start: usize) -> Result<Option<Range<usize>>, Malformed> {
    let path = path_of(target).ok_or(Malformed::Target)?;
    if target.first() == Some(&b'/') {
        return Ok(None);
    }
    let scheme = match target.get(..8) {
        Some(prefix) if prefix.eq_ignore_ascii_case(b"https://") => 8,
        Some(prefix)
            if prefix
                .get(..7)
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"http://")) =>
        {
            7
        }
        _ => return Err(Malformed::Target),
    };
    let rest = path.get(scheme..).unwrap_or_default();
    let length = memchr(b'/', rest).ok_or(Malformed::Target)?;
    Ok(Some(start + scheme..start + scheme + length))
}

/// The path of a target, or what stands in its place; nothing where a byte stands that no target has.
fn path_of(target: &[u8]) -> Option<&[u8]> {
    let end = target.iter().position(|&byte| !is(byte, PATH)).unwrap_or(target.len());
    let (path, query) = target.split_at(end);
    let whole = matches!(query.first(), None | Some(b'?')) && query.iter().all(|&byte| is(byte, QUERY));
    whole.then_some(path)
}

/// Whether every byte of a target in origin form is one that a target may have.
pub(in crate::listen) fn is_target(target: &[u8]) -> bool {
    path_of(target).is_some()
}

/// A length in one to eighteen digits.
pub(in crate::listen) fn length(value: &[u8]) -> Option<u64> {
    let digits = (1..=LENGTH_DIGITS_MAX).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    digits.then(|| value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// Whether a field's name would be read as one that frames a message, by a server that takes `_` for `-`.
pub(in crate::listen) fn imitates_framing(name: &[u8]) -> bool {
    let imitates = |field: &[u8]| name.len() == field.len() && named(name, field).is_err();
    imitates(b"content-length") || imitates(b"transfer-encoding")
}

/// Whether these bytes are `host[:port]` with a name, an IPv4 address or a bracketed IPv6 address, and a port of 1 to 65535.
/// Percent-encoding and user information are refused (RFC 9110 §4.2.4).
pub(in crate::listen) fn is_authority(bytes: &[u8]) -> bool {
    let (host, port) = if bytes.first() == Some(&b'[') {
        let Some(end) = memchr(b']', bytes) else { return false };
        let address = bytes.get(1..end).and_then(|inside| std::str::from_utf8(inside).ok());
        if address.is_none_or(|text| text.parse::<std::net::Ipv6Addr>().is_err()) {
            return false;
        }
        (b"v6".as_slice(), bytes.get(end + 1..).unwrap_or_default())
    } else {
        bytes.split_at(memchr(b':', bytes).unwrap_or(bytes.len()))
    };
    let named = !host.is_empty()
        && host
            .iter()
            .all(|&byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    named && (port.is_empty() || port.strip_prefix(b":").is_some_and(is_port))
}

fn is_port(digits: &[u8]) -> bool {
    let number = digits.iter().try_fold(0_u32, |sum, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'))
    });
    (1..=5).contains(&digits.len()) && number.is_some_and(|number| (1..=65_535).contains(&number))
}

/// Whether `name` is `field` in any case. A name that differs only by `_` for `-` is refused: some servers behind read it as the
/// same header (CGI's `HTTP_CONTENT_LENGTH`), others do not.
fn named(name: &[u8], field: &[u8]) -> Result<bool, Malformed> {
    let mut imitates = false;
    for (byte, wanted) in name.iter().zip(field) {
        if byte.to_ascii_lowercase() != *wanted {
            if (*byte, *wanted) != (b'_', b'-') {
                return Ok(false);
            }
            imitates = true;
        }
    }
    if imitates { Err(Malformed::HeaderName) } else { Ok(true) }
}

/// The value without the spaces around it. A tab is left in, so that it is refused where it would be read in two ways.
fn trimmed(value: &[u8]) -> &[u8] {
    let leading = value.iter().take_while(|&&byte| byte == b' ').count();
    let rest = value.get(leading..).unwrap_or_default();
    let trailing = rest.iter().rev().take_while(|&&byte| byte == b' ').count();
    rest.get(..rest.len() - trailing).unwrap_or_default()
}

/// Whether a byte is a control character other than tab (RFC 9110 §5.5). Eight bytes at a time; a candidate, which may be a tab, is
/// looked at closely.
fn holds_control(value: &[u8]) -> bool {
    let (words, rest) = value.as_chunks::<8>();
    let mut candidate = words
        .iter()
        .fold(0, |found, word| found | control_candidate(u64::from_le_bytes(*word)));
    match value.last_chunk::<8>() {
        Some(last) if !rest.is_empty() => candidate |= control_candidate(u64::from_le_bytes(*last)),
        Some(_) => {}
        None => return rest.iter().any(|&byte| is_control(byte)),
    }
    candidate != 0 && value.iter().any(|&byte| is_control(byte))
}

fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

/// Not zero when one of the eight bytes is below 0x20 or is 0x7f: subtracting borrows into the high bit of such a byte, and of no
/// other unless a lower byte is one as well.
const fn control_candidate(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    let deleted = word ^ (ONES * 0x7f);
    (word.wrapping_sub(ONES * 0x20) & !word & HIGH) | (deleted.wrapping_sub(ONES) & !deleted & HIGH)
}

const TOKEN: u8 = 1;
const PATH: u8 = 2;
const QUERY: u8 = 4;

fn is(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|found| found & class != 0)
}

static CLASSES: [u8; 256] = classes();

#[allow(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, where a wrong index does not compile"
)]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    while byte < 0x7f {
        table[byte as usize] = class(byte);
        byte += 1;
    }
    table
}

const fn class(byte: u8) -> u8 {
    let token = matches!(
        byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
    ) || byte.is_ascii_alphanumeric();
    // Browsers leave more than RFC 3986 allows unencoded in a query, so only what no client sends is refused there. What a path
    // may hold is decided by its own check; here it is what the parser behind can hold.
    let query = byte > b' ' && !matches!(byte, b'"' | b'#' | b'<' | b'>');
    let path = query && !matches!(byte, b'?' | b'^' | b'`' | b'{' | b'}');
    (if token { TOKEN } else { 0 }) | (if path { PATH } else { 0 }) | (if query { QUERY } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &str, expected: Result<Delimited, Malformed>) {
        let verdict = match Head::default().advance(head.as_bytes(), &Bounds::default()) {
            Ok(Progress::Complete(bytes, delimited)) => {
                assert_eq!(bytes, head.len(), "{head:?}");
                Ok(delimited)
            }
            Ok(Progress::Partial) => panic!("{head:?} is not complete"),
            Err(malformed) => Err(malformed),
        };
        assert_eq!(verdict, expected, "{head:?}");
    }

    fn with(header: &str, expected: Result<Delimited, Malformed>) {
        check(&format!("POST /a HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n"), expected);
    }

    fn line(line: &str, expected: Result<Delimited, Malformed>) {
        check(&format!("{line}\r\nHost: a.example:80\r\n\r\n"), expected);
    }

    #[test]
    fn http_1_framing_headers_have_one_reading() {
        with("Content-Length: 5", Ok(Delimited::Length(5)));
        with("content-length:0", Ok(Delimited::Empty));
        with("Transfer-Encoding: CHUNKED ", Ok(Delimited::Chunked));
        for bad in [
            "+5",
            "-5",
            "5,5",
            "5, 5",
            "0x5",
            "5 5",
            "",
            "1234567890123456789",
            "5\t",
            "٣",
        ] {
            with(&format!("Content-Length: {bad}"), Err(Malformed::ContentLength));
        }
        with("Content-Length: 5\r\nContent-Length: 5", Err(Malformed::ContentLength));
        with(
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            Err(Malformed::TransferEncoding),
        );
        with(
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            Err(Malformed::TransferEncoding),
        );
        with(
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            Err(Malformed::TransferEncoding),
        );
        for bad in [
            "xchunked",
            "chunked, identity",
            "identity",
            "gzip, chunked",
            "chunked, chunked",
            "\tchunked",
            "\"chunked\"",
            "",
        ] {
            with(&format!("Transfer-Encoding: {bad}"), Err(Malformed::TransferEncoding));
        }
        with("Content_Length: 5", Err(Malformed::HeaderName));
        with("transfer_encoding: chunked", Err(Malformed::HeaderName));
    }

    #[test]
    fn http_1_header_lines_have_one_reading() {
        with("X: a\tb \u{e9}", Ok(Delimited::Empty));
        with("X:", Ok(Delimited::Empty));
        with("X-Y : a", Err(Malformed::HeaderName));
        with("X\t: a", Err(Malformed::HeaderName));
        with(": a", Err(Malformed::HeaderName));
        with("X", Err(Malformed::HeaderName));
        with("X(: a", Err(Malformed::HeaderName));
        with("X\u{e9}: a", Err(Malformed::HeaderName));
        with(" X: a", Err(Malformed::LineFolding));
        with("X: a\r\n b", Err(Malformed::LineFolding));
        with("X: a\r\n\tb", Err(Malformed::LineFolding));
        for control in ['\0', '\r', '\u{1b}', '\u{7f}', '\u{8}'] {
            with(&format!("X: a{control}b"), Err(Malformed::HeaderValue));
        }
        with("X: a\nY: b", Err(Malformed::LineEnding));
        check("GET / HTTP/1.1\nHost: a\n\n", Err(Malformed::LineEnding));
    }

    #[test]
    fn http_2_one_authority() {
        line("GET http://a.example:80/x?y HTTP/1.1", Ok(Delimited::Empty));
        line("GET HTTP://A.example:80/ HTTP/1.1", Ok(Delimited::Empty));
        for target in [
            "http://b.example/",
            "http://a.example/",
            "http://a.example:80",
            "http://u@a.example:80/",
            "ftp://a/",
            "*",
            "a:80",
            "x",
            "",
        ] {
            line(&format!("GET {target} HTTP/1.1"), Err(Malformed::Target));
        }
        for host in ["a", "a.example:1", "1.2.3.4:65535", "[::1]", "[::1]:80", "under_score"] {
            check(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), Ok(Delimited::Empty));
        }
        for host in [
            "", "u@a", "a/b", "a b", "a:", "a:0", "a:65536", "a:8x", "[::1", "[x]", "[::1]x", "a:1:2", "a%41", "\ta",
            "é",
        ] {
            check(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), Err(Malformed::Host));
        }
        check("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Err(Malformed::Host));
        check("GET / HTTP/1.1\r\nX: a\r\n\r\n", Err(Malformed::Host));
    }

    #[test]
    fn http_1_request_lines_have_one_reading() {
        line("get /%zz?a[]={|} HTTP/1.1", Ok(Delimited::Empty));
        line("\r\nGET / HTTP/1.1", Ok(Delimited::Empty));
        line("\r\n\r\nGET / HTTP/1.1", Err(Malformed::LeadingLines));
        line("GET / HTTP/1.0", Err(Malformed::Version));
        line("GET / HTTP/1.10", Err(Malformed::Version));
        line("PRI * HTTP/2.0", Err(Malformed::Version));
        line("GET / http/1.1", Err(Malformed::RequestLine));
        line("GET /", Err(Malformed::RequestLine));
        line("GET", Err(Malformed::RequestLine));
        line("GET /a b HTTP/1.1", Err(Malformed::Target));
        line("GET  / HTTP/1.1", Err(Malformed::Target));
        line("GET /\t HTTP/1.1", Err(Malformed::Target));
        line(" GET / HTTP/1.1", Err(Malformed::Method));
        line("G(T / HTTP/1.1", Err(Malformed::Method));
        line("CONNECT / HTTP/1.1", Err(Malformed::Method));
        line(&format!("{} / HTTP/1.1", "A".repeat(33)), Err(Malformed::Method));
        for bad in ["/#a", "/a\u{e9}", "/a\u{1}", "/\"", "/<", "/>", "/\u{7f}"] {
            line(&format!("GET {bad} HTTP/1.1"), Err(Malformed::Target));
        }
    }

    #[test]
    fn http_5_bounds_of_a_head() {
        // A target counts alike beside a short method and beside the longest.
        for method in ["G".to_owned(), "G".repeat(METHOD_BYTES_MAX)] {
            let of = |bytes: usize| format!("{method} /{} HTTP/1.1", "a".repeat(bytes - 1));
            line(&of(8 * 1024), Ok(Delimited::Empty));
            line(&of(8 * 1024 + 1), Err(Malformed::TargetTooLong));
            line(&of(9_000), Err(Malformed::TargetTooLong));
        }
        with(&format!("X: {}", "a".repeat(33_000)), Err(Malformed::HeadTooLarge));
        with(&"X: a\r\n".repeat(120), Err(Malformed::HeadTooLarge));
        let endless = "a".repeat(20_000);
        let verdict = Head::default().advance(endless.as_bytes(), &Bounds::default());
        assert_eq!(verdict, Err(Malformed::TargetTooLong));
    }

    #[test]
    fn http_1_a_control_character_is_found_wherever_it_stands() {
        for length in 0..40 {
            assert!(
                !holds_control("\tä~ ".repeat(10).as_bytes().get(..length).unwrap()),
                "{length}"
            );
            for at in 0..length {
                for byte in 0..=255 {
                    let mut value = vec![b'a'; length];
                    value[at] = byte;
                    assert_eq!(holds_control(&value), is_control(byte), "{byte} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn what_is_accepted_in_a_target_is_accepted_by_the_parser_behind() {
        let mut refused = Vec::new();
        for byte in 0..=255 {
            let query = [b"/?".as_slice(), &[byte]].concat();
            let path = [b"/".as_slice(), &[byte]].concat();
            for (class, target) in [(QUERY, query), (PATH, path)] {
                if is(byte, class) && http::uri::PathAndQuery::try_from(target.as_slice()).is_err() {
                    refused.push(String::from_utf8(target).unwrap());
                }
            }
        }
        assert_eq!(refused, Vec::<String>::new());
    }
}
