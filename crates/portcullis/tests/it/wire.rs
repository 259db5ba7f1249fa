//! A client that sends exactly the bytes it is told to, and reads answers as RFC 9112 says.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long a test waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body came to its end.
    pub(crate) complete: bool,
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    host: String,
    received: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// The code of a refusal; empty where it is none.
    pub(crate) fn code(&self) -> String {
        if self.header("content-type") != Some("application/problem+json") {
            return String::new();
        }
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub(crate) fn is_refused(&self, status: u16, code: &str) {
        self.is_refused_as("", status, code);
    }

    #[track_caller]
    pub(crate) fn is_refused_as(&self, what: &str, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.code().as_str()),
            (status, code),
            "{what:?} {}",
            self.text()
        );
    }
}

impl Client {
    pub(crate) fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&to, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            host: to.to_string(),
            received: Vec::new(),
        }
    }

    /// Says another name in `Host` from here on.
    pub(crate) fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// The bytes of a request.
    pub(crate) fn request(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for (name, value) in headers {
            bytes += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            bytes += &format!("Content-Length: {}\r\n", body.len());
        }
        [bytes.as_bytes(), b"\r\n", body].concat()
    }

    pub(crate) fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let request = self.request(method, target, headers, body);
        self.write(&request);
        self.answer(method == "HEAD")
    }

    /// Bytes, with `HOST` replaced by the name of the server.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Answer {
        let at = bytes.windows(4).position(|window| window == b"HOST");
        let bytes = match at {
            Some(at) => [&bytes[..at], self.host.as_bytes(), &bytes[at + 4..]].concat(),
            None => bytes.to_vec(),
        };
        self.write(&bytes);
        self.answer(false)
    }

    /// Writes; a peer that has answered and closed already is no failure.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Reads a final answer; status 0 where none comes.
    pub(crate) fn answer(&mut self, head_only: bool) -> Answer {
        loop {
            let answer = self.next(head_only);
            if !(100..200).contains(&answer.status) {
                return answer;
            }
        }
    }

    /// Reads an answer, even one that is not final.
    pub(crate) fn next(&mut self, head_only: bool) -> Answer {
        let Some(mut answer) = self.head() else {
            return Answer::default();
        };
        let bodiless = head_only || answer.status < 200 || matches!(answer.status, 204 | 304);
        if bodiless {
            answer.complete = true;
        } else if answer.header("transfer-encoding") == Some("chunked") {
            (answer.body, answer.complete) = self.chunks();
        } else if let Some(length) = answer.header("content-length") {
            let length = length.parse().unwrap();
            while self.received.len() < length && self.more() {}
            answer.complete = self.received.len() >= length;
            answer.body = self.received.drain(..length.min(self.received.len())).collect();
        } else {
            while self.more() {}
            answer.complete = true;
            answer.body = std::mem::take(&mut self.received);
        }
        answer
    }

    /// Reads the head of an answer.
    pub(crate) fn head(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(at) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if !self.more() {
                return None;
            }
        };
        let head: Vec<u8> = self.received.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        Some(Answer {
            status,
            headers: headers.collect(),
            ..Answer::default()
        })
    }

    fn chunks(&mut self) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        loop {
            match self.chunk() {
                Some(chunk) if chunk.is_empty() => return (body, true),
                Some(chunk) => body.extend(chunk),
                None => return (body, false),
            }
        }
    }

    /// Reads one chunk; an empty one is the last.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = loop {
            if let Some(at) = self.received.windows(2).position(|window| window == b"\r\n") {
                break at;
            }
            if !self.more() {
                return None;
            }
        };
        let size = String::from_utf8_lossy(&self.received[..line]).into_owned();
        let size = usize::from_str_radix(size.split(';').next().unwrap().trim(), 16).unwrap();
        while self.received.len() < line + 2 + size + 2 {
            if !self.more() {
                return None;
            }
        }
        let all: Vec<u8> = self.received.drain(..line + 2 + size + 2).collect();
        Some(all[line + 2..line + 2 + size].to_vec())
    }

    /// Reads exactly so many bytes.
    pub(crate) fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.received.len() < count {
            if !self.more() {
                return None;
            }
        }
        Some(self.received.drain(..count).collect())
    }

    fn more(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                true
            }
        }
    }

    /// Whether the server ends the connection, within a second or two.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut buffer = [0; 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            }
        }
    }
}
