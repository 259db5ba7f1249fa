//! Follows the message boundaries of one connection, so that nothing is released to the parser behind unless both would cut the
//! bytes into requests at the same places (RFC 9112 §6 and §7).
//!
//! Pure: bytes in, number of bytes to release out. It never copies, never reads a socket and never looks into a body.

use super::head::{Delimited, Head, Malformed, Progress};
use crate::listen::bounds::Bounds;

/// Most digits of a chunk size: 4 GiB less one byte in one chunk.
const CHUNK_DIGITS_MAX: u8 = 8;

/// Where in the stream of messages a connection is.
#[derive(Debug)]
pub struct Framing {
    state: State,
    bounds: Bounds,
    malformed: Option<Malformed>,
    heads: u64,
    switching: bool,
}

/// What may be done with the bytes that were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Step {
    /// How many of the bytes may go on; the rest must be shown again with more behind it, unless `malformed` says to stop.
    pub release: usize,
    /// Why no byte after the released ones will ever be released.
    pub malformed: Option<Malformed>,
}

#[derive(Debug)]
enum State {
    Head(Head),
    Length(u64),
    Chunk(Chunk),
}

#[derive(Clone, Copy, Debug)]
enum Chunk {
    Size { digits: u8, size: u64 },
    SizeLineFeed(u64),
    Data(u64),
    DataReturn,
    DataLineFeed,
    EndReturn,
    EndLineFeed,
}

impl Framing {
    /// The state of a fresh connection.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            state: State::Head(Head::default()),
            bounds,
            malformed: None,
            heads: 0,
            switching: false,
        }
    }

    /// Reads on. `bytes` begins with the first byte that was not yet released. Once `malformed` was given it is given for ever.
    pub fn advance(&mut self, bytes: &[u8]) -> Step {
        let mut release = 0;
        while self.malformed.is_none() && !self.switching {
            let rest = bytes.get(release..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            match self.advance_one(rest) {
                Ok(0) => break,
                Ok(more) => release += more,
                Err((more, malformed)) => {
                    release += more;
                    self.malformed = Some(malformed);
                }
            }
        }
        Step {
            release,
            malformed: self.malformed,
        }
    }

    /// Whether the last released byte belongs to a body that is not complete.
    #[must_use]
    pub fn in_body(&self) -> bool {
        !matches!(self.state, State::Head(_))
    }

    /// Whether the last released head asks for another protocol: nothing more is released before [`Framing::resume`].
    #[must_use]
    pub fn is_switching(&self) -> bool {
        self.switching
    }

    /// Goes on with HTTP: the answer was not 101.
    pub fn resume(&mut self) {
        self.switching = false;
    }

    /// How many heads were released.
    #[must_use]
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// Why the connection was stopped, if it was.
    #[must_use]
    pub fn malformed(&self) -> Option<Malformed> {
        self.malformed
    }

    /// Reads on inside one state: the bytes that it takes, or those before a violation.
    fn advance_one(&mut self, bytes: &[u8]) -> Result<usize, (usize, Malformed)> {
        match &mut self.state {
            State::Head(head) => match head.advance(bytes, &self.bounds) {
                Err(malformed) => Err((0, malformed)),
                Ok(Progress::Partial) => Ok(0),
                Ok(Progress::Complete(length, delimited)) => {
                    self.heads += 1;
                    self.switching = delimited == Delimited::Switch;
                    self.state = match delimited {
                        Delimited::Empty | Delimited::Switch => State::Head(Head::default()),
                        Delimited::Length(length) => State::Length(length),
                        Delimited::Chunked => State::Chunk(Chunk::Size { digits: 0, size: 0 }),
                    };
                    Ok(length)
                }
            },
            State::Length(left) => {
                let taken = up_to(*left, bytes.len());
                *left -= as_u64(taken);
                if *left == 0 {
                    self.state = State::Head(Head::default());
                }
                Ok(taken)
            }
            State::Chunk(_) => self.advance_chunks(bytes),
        }
    }

    fn advance_chunks(&mut self, bytes: &[u8]) -> Result<usize, (usize, Malformed)> {
        let mut taken = 0;
        while let (State::Chunk(chunk), Some(&byte)) = (&mut self.state, bytes.get(taken)) {
            if let Chunk::Data(left) = chunk {
                let data = up_to(*left, bytes.len() - taken);
                *left -= as_u64(data);
                taken += data;
                if *left == 0 {
                    *chunk = Chunk::DataReturn;
                }
                continue;
            }
            match chunk.step(byte).map_err(|malformed| (taken, malformed))? {
                Some(next) => *chunk = next,
                None => self.state = State::Head(Head::default()),
            }
            taken += 1;
        }
        Ok(taken)
    }
}

impl Chunk {
    /// The state after one byte that is not data; none after the end of the body. Chunk extensions and trailer fields are refused:
    /// nobody needs them in a request, and parsers differ on them (RFC 9112 §7.1.1).
    fn step(self, byte: u8) -> Result<Option<Self>, Malformed> {
        match (self, byte) {
            (Self::Size { digits, size }, _) if byte.is_ascii_hexdigit() && digits < CHUNK_DIGITS_MAX => {
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                Ok(Some(Self::Size {
                    digits: digits + 1,
                    size: size * 16 + digit,
                }))
            }
            (Self::Size { digits: 1.., size }, b'\r') => Ok(Some(Self::SizeLineFeed(size))),
            (Self::SizeLineFeed(0), b'\n') => Ok(Some(Self::EndReturn)),
            (Self::SizeLineFeed(size), b'\n') => Ok(Some(Self::Data(size))),
            (Self::DataReturn, b'\r') => Ok(Some(Self::DataLineFeed)),
            (Self::DataLineFeed, b'\n') => Ok(Some(Self::Size { digits: 0, size: 0 })),
            (Self::EndReturn, b'\r') => Ok(Some(Self::EndLineFeed)),
            (Self::EndLineFeed, b'\n') => Ok(None),
            (Self::EndReturn, _) => Err(Malformed::Trailer),
            _ => Err(Malformed::Chunk),
        }
    }
}

/// The smaller of what is left of a body and what is there.
fn up_to(left: u64, there: usize) -> usize {
    usize::try_from(left).map_or(there, |left| left.min(there))
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::listen::bounds::Sizes;

    const HEAD: &str = "POST / HTTP/1.1\r\nHost: a\r\n";

    /// Shows `bytes` in reads of the given sizes (the last size repeats) and gives back what was released and the verdict.
    fn run(bytes: &[u8], reads: &[usize]) -> (Vec<u8>, Option<Malformed>, u64, bool) {
        let bounds = Bounds::new(Sizes {
            target_bytes_max: 64,
            head_bytes_max: 1024,
            ..Sizes::default()
        });
        let mut framing = Framing::new(bounds.unwrap());
        let (mut released, mut held, mut shown) = (Vec::new(), Vec::new(), 0);
        let mut sizes = reads
            .iter()
            .copied()
            .chain(std::iter::repeat(reads.last().copied().unwrap_or(1)));
        while shown < bytes.len() && framing.malformed().is_none() {
            let size = sizes.next().unwrap_or(1).clamp(1, bytes.len() - shown);
            held.extend_from_slice(&bytes[shown..shown + size]);
            shown += size;
            let step = framing.advance(&held);
            released.extend(held.drain(..step.release));
        }
        (released, framing.malformed(), framing.heads(), framing.in_body())
    }

    fn body(header: &str, body: &str, expected: Option<Malformed>) {
        let bytes = format!("{HEAD}{header}\r\n\r\n{body}");
        for reads in [1, 2, 7, 10_000] {
            let (released, malformed, _, in_body) = run(bytes.as_bytes(), &[reads]);
            assert_eq!(malformed, expected, "{body:?} in reads of {reads}");
            if expected.is_none() {
                assert_eq!((released.as_slice(), in_body), (bytes.as_bytes(), false), "{body:?}");
            }
        }
    }

    #[test]
    fn http_1_bad_chunks() {
        let chunked = |text, expected| body("Transfer-Encoding: chunked", text, expected);
        chunked("5\r\nhello\r\n0\r\n\r\n", None);
        chunked("0A\r\n0123456789\r\n000\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", None);
        for bad in [
            "5;x=y\r\nhello\r\n0\r\n\r\n",
            "5 \r\nhello\r\n",
            " 5\r\nhello",
            "0x5\r\nhello\r\n",
            "+5\r\n",
            "-1\r\n",
            "\r\n",
            "5\nhello\r\n",
            "5\r\nhello0\r\n\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "g\r\n",
            "000000005\r\nhello\r\n",
            "FFFFFFFFF\r\n",
            "5\rhello",
            "5\r\nhello\r0",
            "0\r\n\rX",
            "0\n\n",
        ] {
            chunked(bad, Some(Malformed::Chunk));
        }
        for bad in ["0\r\nX: y\r\n\r\n", "0\r\n\n", "0\r\n \r\n"] {
            chunked(bad, Some(Malformed::Trailer));
        }
    }

    #[test]
    fn http_1_what_follows_a_body_is_the_next_head() {
        body("Content-Length: 5", "helloGET / HTTP/1.1\r\nHost: a\r\n\r\n", None);
        body("Content-Length: 4", "helloGET / HTTP/1.1\r\nHost: a\r\n\r\n", None);
        body(
            "Content-Length: 5",
            "hello\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            Some(Malformed::LeadingLines),
        );
        body("X: y", "hello\r\n", Some(Malformed::RequestLine));
    }

    #[test]
    fn http_1_nothing_passes_between_a_head_that_asks_for_another_protocol_and_its_answer() {
        let ask = |upgrade: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{upgrade}\r\n\r\n");
        let next = ask("X: y");
        for (upgrade, held) in [
            ("Upgrade: websocket", true),
            ("upgrade:  WebSocket ", true),
            ("Upgrade: websocket\r\nContent-Length: 0", true),
            ("Upgrade: h2c", false),
            ("Upgrade: h2c, websocket", false),
            ("X-Upgrade: websocket", false),
        ] {
            let head = ask(upgrade);
            let bytes = [head.as_str(), &next].concat();
            let mut framing = Framing::new(Bounds::default());
            let first = framing.advance(bytes.as_bytes()).release;
            assert_eq!(
                (first, framing.is_switching()),
                (if held { head.len() } else { bytes.len() }, held),
                "{upgrade}"
            );
            assert_eq!(framing.advance(&bytes.as_bytes()[first..]).release, 0);
            framing.resume();
            assert_eq!(first + framing.advance(&bytes.as_bytes()[first..]).release, bytes.len());
        }
        let with_body = format!("{}abc", ask("Upgrade: websocket\r\nContent-Length: 3"));
        assert_eq!(run(with_body.as_bytes(), &[1000]).0, with_body.as_bytes());
    }

    #[test]
    fn a_partial_head_is_not_released() {
        let whole = format!("{HEAD}\r\n");
        let twice = format!("{whole}{}", whole.get(..20).unwrap());
        assert_eq!(run(twice.as_bytes(), &[1_000]).0, whole.as_bytes());
        assert_eq!(run(twice.as_bytes(), &[1]).0, whole.as_bytes());
        let body = format!("{HEAD}Content-Length: 9\r\n\r\nabc");
        assert_eq!(
            run(body.as_bytes(), &[1_000]),
            (body.clone().into_bytes(), None, 1, true)
        );
    }

    /// Pieces of requests, good and bad, that a stream is put together from.
    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            6 => Just("GET /a HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
            4 => Just("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".to_owned()),
            4 => Just("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_owned()),
            1 => Just("\r\n".to_owned()),
            1 => Just("\n".to_owned()),
            1 => Just("GET / HTTP/1.1\r\nHost: a\r\n".to_owned()),
            1 => Just("X: y\r\n".to_owned()),
            1 => Just("Content-Length: 2\r\n".to_owned()),
            1 => Just("Transfer-Encoding: chunked\r\n\r\n".to_owned()),
            1 => Just("0\r\n\r\n".to_owned()),
            1 => "[ -~\r\n]{0,80}",
            1 => "X: [a-z]{0,250}\r\n",
        ];
        proptest::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn http_1_the_verdict_does_not_depend_on_the_reads(bytes in pieces(), reads in proptest::collection::vec(1_usize..40, 1..20)) {
            let whole = run(&bytes, &[usize::MAX]);
            prop_assert_eq!(&run(&bytes, &[1]), &whole);
            prop_assert_eq!(&run(&bytes, &reads), &whole);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let (released, _, _, _) = run(&bytes, &[usize::MAX]);
            prop_assert!(bytes.starts_with(&released));
        }
    }

    /// What hyper alone makes of the bytes: method, target and body of each request.
    fn hyper_reads(bytes: &[u8]) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let requests = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
            let (mut client, server) = tokio::io::duplex(1 << 16);
            tokio::io::AsyncWriteExt::write_all(&mut client, bytes).await.unwrap();
            tokio::io::AsyncWriteExt::shutdown(&mut client).await.unwrap();
            let service = hyper::service::service_fn(|request: http::Request<hyper::body::Incoming>| {
                let requests = std::rc::Rc::clone(&requests);
                async move {
                    let said = format!("{} {}", request.method(), request.uri());
                    let body = http_body_util::BodyExt::collect(request.into_body()).await?;
                    requests.borrow_mut().push(format!("{said} {:?}", body.to_bytes()));
                    Ok::<_, hyper::Error>(http::Response::new(http_body_util::Full::<bytes::Bytes>::default()))
                }
            });
            let io = hyper_util::rt::TokioIo::new(server);
            let _ = hyper::server::conn::http1::Builder::new()
                .half_close(true)
                .serve_connection(io, service)
                .await;
            requests.take()
        })
    }

    /// The data of a chunked body that was found well-formed.
    fn unchunked(mut body: &[u8]) -> Vec<u8> {
        let mut data = Vec::new();
        loop {
            let line = body.iter().position(|&byte| byte == b'\r').unwrap();
            let size = usize::from_str_radix(std::str::from_utf8(&body[..line]).unwrap(), 16).unwrap();
            if size == 0 {
                return data;
            }
            data.extend_from_slice(&body[line + 2..][..size]);
            body = &body[line + 2 + size + 2..];
        }
    }

    /// The same, as this module cuts the bytes.
    fn framing_reads(bytes: &[u8]) -> (Vec<String>, bool) {
        let mut framing = Framing::new(Bounds::default());
        let mut requests = Vec::new();
        let (mut at, mut head, mut body, mut chunked) = (0, String::new(), Vec::new(), false);
        loop {
            let was_head = !framing.in_body();
            let rest = &bytes[at..];
            let Ok(taken) = framing.advance_one(rest) else {
                return (requests, true);
            };
            if taken == 0 {
                return (requests, false);
            }
            if was_head {
                let text = String::from_utf8_lossy(&rest[..taken]).into_owned();
                head = text.trim_start().split(" HTTP/").next().unwrap().to_owned();
                chunked = text.to_ascii_lowercase().contains("transfer-encoding");
                body.clear();
            } else {
                body.extend_from_slice(&rest[..taken]);
            }
            if !framing.in_body() {
                let data: bytes::Bytes = if chunked { unchunked(&body) } else { body.clone() }.into();
                requests.push(format!("{head} {data:?}"));
            }
            at += taken;
        }
    }

    proptest! {
        #[test]
        fn http_1_hyper_reads_the_same_requests(bytes in pieces()) {
            let (requests, malformed) = framing_reads(&bytes);
            let hyper = hyper_reads(&bytes);
            if malformed {
                prop_assert_eq!(&hyper[..requests.len().min(hyper.len())], &requests[..]);
            } else {
                prop_assert_eq!(hyper, requests);
            }
        }
    }
}
