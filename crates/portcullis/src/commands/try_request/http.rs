//! Requests as they stand on the wire, one after the other in a file. What the gate's listener would stop at is stopped at
//! here, by its own framing.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Uri};
use memchr::memmem;
use portcullis_gateway::listen::{Bounds, Framing, Malformed};

/// One request of a file.
#[derive(Debug)]
pub(super) enum Message {
    /// A request that is HTTP.
    Whole(Box<Whole>),
    /// What the listener would refuse.
    Malformed {
        /// How many bytes of it the listener would have taken.
        offset: usize,
        /// Why not more.
        reason: Malformed,
    },
}

/// A request that is HTTP.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) parts: Parts,
    /// Without its transfer coding.
    pub(super) body: Vec<u8>,
    /// Whether it has a body, which may be empty where it comes in chunks.
    pub(super) present: bool,
}

/// The requests of a file, each with the line where it begins. Lines of a head may end with LF alone if all of them do, as
/// editors save them.
///
/// # Errors
/// The file holds no requests, or ends within one: why, and in which line.
pub(super) fn read(bytes: &[u8], bounds: Bounds) -> Result<Vec<(usize, Message)>, String> {
    let mut messages = Vec::new();
    let mut at = blank(bytes, 0);
    while at < bytes.len() {
        let line = line_of(bytes, at);
        let rest = bytes.get(at..).unwrap_or_default();
        if messages.is_empty() && !looks_like_http(rest) {
            let message = "neither an HTTP/1.1 request, which begins like `GET /path HTTP/1.1`, nor a HAR file";
            return Err(format!("line {line}: {message}"));
        }
        let (message, used) = next(rest, bounds).map_err(|problem| format!("line {line}: {problem}"))?;
        let ends = matches!(message, Message::Malformed { .. });
        messages.push((line, message));
        if ends {
            // The listener closes the connection here, so nothing behind it is a request.
            break;
        }
        at = blank(bytes, at + used);
    }
    if messages.is_empty() {
        return Err("the file is empty".to_owned());
    }
    Ok(messages)
}

/// The first request, and how many bytes it takes.
fn next(bytes: &[u8], bounds: Bounds) -> Result<(Message, usize), String> {
    let mut framing = Framing::new(bounds);
    let Some(end) = head_end(bytes) else {
        let step = framing.advance(&with_crlf(bytes));
        return match step.malformed {
            Some(reason) => Ok((malformed(step.release, reason), bytes.len())),
            None => Err("the head of the request does not end; an empty line has to follow it".to_owned()),
        };
    };
    let (head, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
    let step = framing.advance(&with_crlf(head));
    if let Some(reason) = step.malformed {
        return Ok((malformed(step.release, reason), bytes.len()));
    }
    let parts = parse_head(head).ok_or("the head cannot be read")?;
    if parts.headers.contains_key(header::TRANSFER_ENCODING) {
        let Some((body, used)) = unchunked(rest) else {
            let step = framing.advance(rest);
            return match step.malformed {
                Some(reason) => Ok((malformed(end + step.release, reason), bytes.len())),
                None => Err("the body does not end: the chunk of size 0 is missing".to_owned()),
            };
        };
        let step = framing.advance(rest.get(..used).unwrap_or_default());
        if let Some(reason) = step.malformed {
            return Ok((malformed(end + step.release, reason), bytes.len()));
        }
        let present = true;
        return Ok((Message::Whole(Box::new(Whole { parts, body, present })), end + used));
    }
    let length = length(&parts.headers);
    let Some(body) = rest.get(..length) else {
        let there = rest.len();
        return Err(format!(
            "the body ends after {there} bytes of the {length} that `Content-Length` tells"
        ));
    };
    let (body, present) = (body.to_vec(), length > 0);
    Ok((Message::Whole(Box::new(Whole { parts, body, present })), end + length))
}

fn malformed(offset: usize, reason: Malformed) -> Message {
    Message::Malformed { offset, reason }
}

fn looks_like_http(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    memmem::find(line.get(..line.len().min(70_000)).unwrap_or(line), b" HTTP/").is_some()
}

/// Where the first byte stands that is not of an empty line.
fn blank(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
}

fn line_of(bytes: &[u8], at: usize) -> usize {
    1 + memchr::memchr_iter(b'\n', bytes.get(..at).unwrap_or_default()).count()
}

/// Behind the empty line that ends the head.
fn head_end(bytes: &[u8]) -> Option<usize> {
    let strict = memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4);
    let lenient = memmem::find(bytes, b"\n\n").map(|at| at + 2);
    match (strict, lenient) {
        (Some(strict), Some(lenient)) => Some(strict.min(lenient)),
        (strict, lenient) => strict.or(lenient),
    }
}

/// The head with CR LF at the ends of its lines, if it has LF alone at all of them.
fn with_crlf(head: &[u8]) -> Vec<u8> {
    if memchr::memchr(b'\r', head).is_some() {
        return head.to_vec();
    }
    let lines = head.split_inclusive(|byte| *byte == b'\n');
    let ended = lines.flat_map(|line| match line.strip_suffix(b"\n") {
        Some(line) => [line, b"\r\n"],
        None => [line, b""],
    });
    ended.flatten().copied().collect()
}

/// The parts of a head that the framing has accepted.
fn parse_head(head: &[u8]) -> Option<Parts> {
    let mut lines = head
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty());
    let mut first = lines.next()?.split(|byte| *byte == b' ');
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(first.next()?).ok()?;
    *request.uri_mut() = Uri::try_from(first.next()?).ok()?;
    for line in lines {
        let colon = memchr::memchr(b':', line)?;
        let (name, value) = line.split_at_checked(colon)?;
        let value = value.get(1..)?.trim_ascii();
        request
            .headers_mut()
            .append(HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?);
    }
    Some(request.into_parts().0)
}

fn length(headers: &HeaderMap) -> usize {
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    length.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The data of a chunked body, and how many bytes its chunks take; none where they do not end as they should.
fn unchunked(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut data, mut at) = (Vec::new(), 0);
    loop {
        let rest = bytes.get(at..)?;
        let line = memmem::find(rest, b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(rest.get(..line)?).ok()?, 16).ok()?;
        let from = at + line + 2;
        if size == 0 {
            return Some((data, from + 2)).filter(|(_, end)| bytes.get(from..*end) == Some(b"\r\n"));
        }
        let end = from.checked_add(size)?;
        data.extend_from_slice(bytes.get(from..end)?);
        at = end
            .checked_add(2)
            .filter(|next| bytes.get(end..*next) == Some(b"\r\n"))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let told = match read(text.as_bytes(), Bounds::default()) {
            Err(problem) => format!("error: {problem}"),
            Ok(messages) => {
                let told = messages.iter().map(|(line, message)| match message {
                    Message::Whole(whole) => {
                        let Whole { parts, body, .. } = &**whole;
                        format!(
                            "{line}: {} {} {:?}",
                            parts.method,
                            parts.uri,
                            String::from_utf8_lossy(body)
                        )
                    }
                    Message::Malformed { offset, reason } => format!("{line}: {reason:?} at {offset}"),
                });
                told.collect::<Vec<_>>().join("; ")
            }
        };
        assert_eq!(told, expected, "{text:?}");
    }

    #[test]
    fn requests_follow_each_other() {
        check("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", "1: GET /a \"\"");
        check(
            "POST /a HTTP/1.1\nHost: a\nContent-Length: 2\n\n{}\n\nGET /b HTTP/1.1\nHost: a\n\n",
            "1: POST /a \"{}\"; 7: GET /b \"\"",
        );
        check(
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            "1: POST /a \"abc\"",
        );
    }

    #[test]
    fn what_the_listener_refuses() {
        check(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "1: TransferEncoding at 0",
        );
        check("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "1: Host at 0");
        check(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "1: Chunk at 56",
        );
    }

    #[test]
    fn what_is_no_request() {
        check("", "error: the file is empty");
        check(
            "hello",
            "error: line 1: neither an HTTP/1.1 request, which begins like `GET /path HTTP/1.1`, nor a HAR file",
        );
        check(
            "\nGET / HTTP/1.1\r\nHost: a\r\n",
            "error: line 2: the head of the request does not end; an empty line has to follow it",
        );
        check(
            "POST / HTTP/1.1\nHost: a\nContent-Length: 9\n\n{}",
            "error: line 1: the body ends after 2 bytes of the 9 that `Content-Length` tells",
        );
    }
}
