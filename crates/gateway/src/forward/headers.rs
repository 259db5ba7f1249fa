//! What of a message's header is this hop's own affair, and what the gate tells an upstream about the client.
//!
//! Fields of one hop end here in both directions (RFC 9110 section 7.6.1). What a client claims about itself in
//! place of the gate (`X-Forwarded-*`), or uses to say something else than its request line (`X-HTTP-Method-Override`),
//! is removed, never merged. Never looks at a body.

use std::io::Write as _;
use std::net::IpAddr;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

use super::claimed::is_claimed;
use super::upstream::Upstream;
use crate::one_hop::is_hop_by_hop;
use crate::trace::{Propagated, TRACEPARENT, TRACESTATE};

/// Which fields to remove: nearly always a few.
type Doomed = SmallVec<[HeaderName; 8]>;

/// Which `Host` an upstream sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Host {
    /// Its own authority.
    #[default]
    Upstream,
    /// What the client sent, after the gate checked it.
    Client,
}

/// Which content codings an upstream may answer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Codings {
    /// None: the answer will be judged.
    Identity,
    /// What the client asked for: the answer is passed on unseen.
    #[default]
    AsAsked,
}

/// What the gate tells an upstream about where a request came from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The client's address first, then the trusted proxies on the way, without the gate. Empty: say nothing.
    pub path: &'a [IpAddr],
    /// `http` or `https`, as the client saw it.
    pub scheme: &'static str,
    /// The `Host` the client sent.
    pub host: Option<&'a HeaderValue>,
}

/// How requests to one upstream are written.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Which `Host` it sees.
    pub host: Host,
    /// Fields that only the gate may set (identity, for example), in lower case; a client's are removed. `_` counts as `-`,
    /// because many servers make one of the other.
    pub internal: Vec<HeaderName>,
    /// Fields known to say who calls, in lower case, that clients may send all the same: the operator said so aloud.
    pub from_clients: Vec<HeaderName>,
    /// Write `Forwarded` (RFC 7239) instead of the `X-Forwarded-*` family.
    pub forwarded: bool,
}

/// What becomes of a request's header on its way to an upstream. What a client says is never merged with what the gate
/// says: the gate's fields stand alone.
#[derive(Debug, Clone, Copy)]
pub struct Edits<'a> {
    /// How this upstream is written to.
    pub rules: &'a Rules,
    /// Where the request came from.
    pub origin: Origin<'a>,
    /// What the answer may be coded in.
    pub codings: Codings,
    /// What the upstream is told of the trace; where it is told, a client's word on that ends here.
    pub trace: Option<Propagated<'a>>,
    /// What it is told of who calls. Each name is one of the rules' `internal`.
    pub identity: &'a [(HeaderName, HeaderValue)],
}

impl Edits<'static> {
    /// Nothing is told of a client, and the upstream sees its own `Host`.
    pub const NONE: Self = Self {
        rules: &Rules {
            host: Host::Upstream,
            internal: Vec::new(),
            from_clients: Vec::new(),
            forwarded: false,
        },
        origin: Origin {
            path: &[],
            scheme: "http",
            host: None,
        },
        codings: Codings::AsAsked,
        trace: None,
        identity: &[],
    };
}

impl Edits<'_> {
    /// Whether a field of the client goes on, by its name in lower case.
    pub(super) fn pass(&self, name: &str) -> bool {
        match name {
            "host" => self.rules.host == Host::Client,
            "accept-encoding" => self.codings == Codings::AsAsked,
            TRACEPARENT | TRACESTATE if self.trace.is_some() => false,
            name => !is_hop_by_hop(name) && !is_claimed(name, self.rules),
        }
    }

    /// The host that the upstream sees, of what the client sent and of its own.
    pub(super) fn host<'h>(&self, headers: &'h HeaderMap, upstream: &'h Upstream) -> Option<&'h HeaderValue> {
        match self.rules.host {
            Host::Upstream => Some(upstream.authority()),
            Host::Client => headers.get(header::HOST),
        }
    }

    /// Writes the fields that only the gate may write, but for the host.
    pub(super) fn write(&self, head: &mut impl Fields) {
        if self.codings == Codings::Identity {
            head.field("accept-encoding", |value| value.extend_from_slice(b"identity"));
        }
        for (name, value) in self.identity {
            head.put(name, value);
        }
        if let Some(trace) = self.trace {
            head.field(TRACEPARENT, |value| trace.write_parent(value));
            if let Some(state) = trace.state() {
                head.field(TRACESTATE, |value| value.extend_from_slice(state.as_bytes()));
            }
        }
        if self.origin.path.is_empty() {
            return;
        }
        if self.rules.forwarded {
            head.field("forwarded", |value| self.write_forwarded(value));
        } else {
            self.write_x_forwarded(head);
        }
    }

    /// RFC 7239. Writing to a vector cannot fail.
    fn write_forwarded(&self, head: &mut Vec<u8>) {
        for (index, address) in self.origin.path.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let _written = match address {
                IpAddr::V4(_) => write!(head, "{comma}for={address}"),
                IpAddr::V6(_) => write!(head, "{comma}for=\"[{address}]\""),
            };
        }
        let _written = write!(head, ";proto={}", self.origin.scheme);
        let host = self.origin.host.and_then(|host| host.to_str().ok());
        if let Some(host) = host.filter(|host| !host.contains(['"', '\\'])) {
            let _written = write!(head, ";host=\"{host}\"");
        }
    }

    fn write_x_forwarded(&self, head: &mut impl Fields) {
        head.field("x-forwarded-for", |value| {
            for (index, address) in self.origin.path.iter().enumerate() {
                if index > 0 {
                    value.extend_from_slice(b", ");
                }
                write_address(value, *address);
            }
        });
        let scheme = self.origin.scheme.as_bytes();
        head.field("x-forwarded-proto", |value| value.extend_from_slice(scheme));
        if let Some(host) = self.origin.host {
            head.field("x-forwarded-host", |value| value.extend_from_slice(host.as_bytes()));
        }
    }
}

/// Where the gate's own fields are written to: lines of HTTP/1.1, or the header of a request in HTTP/2.
pub(super) trait Fields {
    /// One field, by its name in lower case; `write` appends its value.
    fn field(&mut self, name: &'static str, write: impl FnOnce(&mut Vec<u8>));

    /// One field whose value is there already.
    fn put(&mut self, name: &HeaderName, value: &HeaderValue);
}

impl Fields for Vec<u8> {
    fn field(&mut self, name: &'static str, write: impl FnOnce(&mut Vec<u8>)) {
        self.extend_from_slice(name.as_bytes());
        self.extend_from_slice(b": ");
        write(self);
        self.extend_from_slice(b"\r\n");
    }

    fn put(&mut self, name: &HeaderName, value: &HeaderValue) {
        write_field(self, name.as_str(), value.as_bytes());
    }
}

impl Fields for HeaderMap {
    fn field(&mut self, name: &'static str, write: impl FnOnce(&mut Vec<u8>)) {
        let mut value = Vec::new();
        write(&mut value);
        // Addresses, a scheme and a host that was a value before are values.
        if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(value)) {
            self.insert(HeaderName::from_static(name), value);
        }
    }

    fn put(&mut self, name: &HeaderName, value: &HeaderValue) {
        self.insert(name, value.clone());
    }
}

/// As the formatter writes it, which takes a thousand instructions for four numbers, on every request.
fn write_address(head: &mut Vec<u8>, address: IpAddr) {
    let IpAddr::V4(address) = address else {
        // Writing to a vector cannot fail.
        let _written = write!(head, "{address}");
        return;
    };
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            head.push(b'.');
        }
        if octet >= 100 {
            head.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            head.push(b'0' + octet / 10 % 10);
        }
        head.push(b'0' + octet % 10);
    }
}

/// Writes one header line.
pub(super) fn write_field(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        head.extend_from_slice(part);
    }
}

/// Removes the fields of one hop: `Connection` with every field it names, and those that are so by definition.
///
/// For a request, call it before any control reads a field: a field that the client itself declares to be for this hop
/// must not first be believed and then be missing upstream.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let mut doomed: Doomed = headers
        .keys()
        .filter(|name| is_hop_by_hop(name.as_str()))
        .cloned()
        .collect();
    if doomed.is_empty() {
        return;
    }
    for value in headers.get_all(header::CONNECTION) {
        doomed.extend(named_by(value));
    }
    for name in &doomed {
        headers.remove(name);
    }
}

/// The options of a `Connection` field.
pub(super) fn connection_options(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}

/// The fields that a `Connection` field names.
pub(super) fn named_by(value: &HeaderValue) -> impl Iterator<Item = HeaderName> {
    let of_connection =
        |option: &&[u8]| option.eq_ignore_ascii_case(b"close") || option.eq_ignore_ascii_case(b"keep-alive");
    connection_options(value)
        .filter(move |option| !of_connection(option))
        .filter_map(|option| HeaderName::from_bytes(option).ok())
        // No client may take away what a request must have (RFC 9112 section 3.2).
        .filter(|name| *name != header::HOST)
}

/// Whether a message is one of gRPC (its own media type, or that with the name of a message format).
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let essence = essence(headers);
    let Some((grpc, format)) = essence.split_at_checked(b"application/grpc".len()) else {
        return false;
    };
    grpc.eq_ignore_ascii_case(b"application/grpc") && matches!(format, [] | [b'+', ..])
}

/// The media type without its parameters; empty where there is none.
fn essence(headers: &HeaderMap) -> &[u8] {
    let value = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let essence = value.unwrap_or_default().split(|&byte| byte == b';').next();
    essence.unwrap_or_default().trim_ascii()
}

/// Whether an answer is a stream of events, which may go on for long.
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    essence(headers).eq_ignore_ascii_case(b"text/event-stream")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        headers
    }

    fn text(headers: &HeaderMap) -> Vec<String> {
        let mut lines: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn http_7_fields_of_one_hop_end_here() {
        let check = |lines: &[(&str, &str)], expected: &[&str]| {
            let mut headers = map(lines);
            strip_hop_by_hop(&mut headers);
            assert_eq!(text(&headers), expected, "{lines:?}");
        };
        check(
            &[("accept", "*/*"), ("authorization", "Bearer x")],
            &["accept: */*", "authorization: Bearer x"],
        );
        check(&[("connection", "close"), ("accept", "*/*")], &["accept: */*"]);
        check(
            &[
                ("connection", "Authorization"),
                ("authorization", "Bearer x"),
                ("a", "b"),
            ],
            &["a: b"],
        );
        check(
            &[
                ("connection", "x-a , X-B"),
                ("connection", "x-c,,"),
                ("x-a", "1"),
                ("x-b", "2"),
                ("x-b", "3"),
                ("x-c", "4"),
                ("x-d", "5"),
            ],
            &["x-d: 5"],
        );
        check(
            &[
                ("keep-alive", "timeout=5"),
                ("te", "trailers"),
                ("trailer", "x"),
                ("transfer-encoding", "chunked"),
                ("upgrade", "h2c"),
                ("http2-settings", "AAA"),
                ("proxy-authorization", "Basic x"),
                ("proxy-connection", "close"),
                ("proxy-x", "y"),
                ("a", "b"),
            ],
            &["a: b"],
        );
        check(
            &[("connection", "no token, \u{1}".trim_end_matches('\u{1}')), ("a", "b")],
            &["a: b"],
        );
    }

    /// The fields that an upstream sees, sorted.
    fn sent(lines: &[(&str, &str)], edits: Edits<'_>) -> Vec<String> {
        let upstream = Upstream::parse("http://natter:4567").unwrap();
        let mut head = Vec::new();
        for (name, value) in &map(lines) {
            if edits.pass(name.as_str()) {
                write_field(&mut head, name.as_str(), value.as_bytes());
            }
        }
        if edits.rules.host == Host::Upstream {
            write_field(&mut head, "host", upstream.authority().as_bytes());
        }
        edits.write(&mut head);
        let mut lines: Vec<_> = String::from_utf8(head).unwrap().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    #[test]
    fn http_7_what_only_the_gate_may_say_is_removed() {
        let rules = Rules {
            internal: vec![HeaderName::from_static("x-user-id")],
            ..Rules::default()
        };
        let hostile = [
            ("x-user-id", "1"),
            ("x_user_id", "1"),
            ("x-user_id", "1"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-port", "1"),
            ("x_forwarded_for", "1.2.3.4"),
            ("x-forwarded", "a"),
            ("forwarded", "for=1.2.3.4"),
            ("x-real-ip", "1.2.3.4"),
            ("true-client-ip", "1.2.3.4"),
            ("x-http-method-override", "DELETE"),
            ("x-http-method", "PUT"),
            ("x-method-override", "PUT"),
            ("x_http_method_override", "DELETE"),
            ("x-original-url", "/admin"),
            ("x-rewrite-url", "/admin"),
            ("expect", "100-continue"),
            ("host", "evil"),
            ("x-mine", "kept"),
        ];
        let edits = Edits {
            rules: &rules,
            ..Edits::NONE
        };
        assert_eq!(sent(&hostile, edits), ["host: natter:4567", "x-mine: kept"]);
        let told = [(
            HeaderName::from_static("x-user-id"),
            HeaderValue::from_static("user:main:alice"),
        )];
        let edits = Edits {
            identity: &told,
            ..edits
        };
        let expected = ["host: natter:4567", "x-mine: kept", "x-user-id: user:main:alice"];
        assert_eq!(sent(&hostile, edits), expected);
    }

    #[test]
    fn the_origin_is_written_anew() {
        let host = HeaderValue::from_static("api.example");
        let path = ["2001:db8::1".parse().unwrap(), "192.0.2.7".parse().unwrap()];
        let origin = Origin {
            path: &path,
            scheme: "https",
            host: Some(&host),
        };
        let edits = |rules| Edits {
            rules,
            origin,
            codings: Codings::AsAsked,
            trace: None,
            identity: &[],
        };
        let lines = [("x-forwarded-for", "6.6.6.6"), ("host", "api.example")];
        let client = Rules {
            host: Host::Client,
            ..Rules::default()
        };
        assert_eq!(
            sent(&lines, edits(&client)),
            [
                "host: api.example",
                "x-forwarded-for: 2001:db8::1, 192.0.2.7",
                "x-forwarded-host: api.example",
                "x-forwarded-proto: https"
            ]
        );
        let rfc7239 = Rules {
            forwarded: true,
            ..Rules::default()
        };
        assert_eq!(
            sent(&lines, edits(&rfc7239)),
            [
                "forwarded: for=\"[2001:db8::1]\", for=192.0.2.7;proto=https;host=\"api.example\"",
                "host: natter:4567"
            ]
        );
    }

    #[test]
    fn addresses_are_written_as_they_are_read() {
        for text in ["0.0.0.0", "1.20.255.9", "100.101.110.99", "192.0.2.10", "2001:db8::1"] {
            let mut written = Vec::new();
            write_address(&mut written, text.parse().unwrap());
            assert_eq!(written, text.as_bytes());
        }
    }

    #[test]
    fn http_10_a_judged_answer_comes_in_a_coding_that_the_gate_reads() {
        let check = |codings, expected: &[&str]| {
            let edits = Edits { codings, ..Edits::NONE };
            assert_eq!(sent(&[("accept-encoding", "gzip, br, zstd")], edits), expected);
        };
        check(Codings::Identity, &["accept-encoding: identity", "host: natter:4567"]);
        check(
            Codings::AsAsked,
            &["accept-encoding: gzip, br, zstd", "host: natter:4567"],
        );
    }
}
