//! What of a message's header is this hop's own affair, and what the gate tells an upstream about the client.
//!
//! Fields of one hop end here in both directions (RFC 9110 section 7.6.1). What a client claims about itself in
//! place of the gate (`X-Forwarded-*`), or uses to say something else than its request line (`X-HTTP-Method-Override`),
//! is removed, never merged. Never looks at a body.

use std::fmt::Write as _;
use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

use super::upstream::Upstream;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

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
    #[default]
    Identity,
    /// Those that the gate can decode: the answer will be judged, and compressed answers are worth the work.
    Decodable,
    /// What the client asked for: the answer is passed on unseen.
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
    /// Write `Forwarded` (RFC 7239) instead of the `X-Forwarded-*` family.
    pub forwarded: bool,
}

/// What `Expect` asks for (RFC 9110 section 10.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// Nothing.
    None,
    /// 100 before the body: the listener's own affair.
    Continue,
    /// Something unknown: 417.
    Unknown,
}

/// Reads `Expect`; [`to_upstream`] removes it in any case.
#[must_use]
pub fn expectation(headers: &HeaderMap) -> Expectation {
    let mut values = headers.get_all(header::EXPECT).iter();
    match (values.next(), values.next()) {
        (None, _) => Expectation::None,
        (Some(one), None) if one.as_bytes().eq_ignore_ascii_case(b"100-continue") => Expectation::Continue,
        _ => Expectation::Unknown,
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
        for option in value.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            if option.eq_ignore_ascii_case(b"close") || option.eq_ignore_ascii_case(b"keep-alive") {
                continue;
            }
            doomed.extend(HeaderName::from_bytes(option));
        }
    }
    remove(headers, &doomed);
}

/// Writes a request's header for its upstream. [`strip_hop_by_hop`] must have been applied before.
pub fn to_upstream(headers: &mut HeaderMap, upstream: &Upstream, rules: &Rules, origin: Origin<'_>, codings: Codings) {
    let doomed: Doomed = headers
        .keys()
        .filter(|name| is_claimed(name.as_str(), rules))
        .cloned()
        .collect();
    remove(headers, &doomed);
    tell_origin(headers, rules, origin);
    limit_codings(headers, codings);
    if rules.host == Host::Upstream {
        headers.insert(header::HOST, upstream.authority().clone());
    }
}

fn remove(headers: &mut HeaderMap, doomed: &Doomed) {
    for name in doomed {
        headers.remove(name);
    }
}

fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade" | "http2-settings"
    ) || name.starts_with("proxy-")
}

/// Whether a client must not say this to an upstream.
fn is_claimed(name: &str, rules: &Rules) -> bool {
    if rules.internal.iter().any(|internal| same(name, internal.as_str())) {
        return true;
    }
    match name.as_bytes().first() {
        Some(b'x') => {
            const NAMES: [&str; 10] = [
                "x-http-method-override",
                "x-http-method",
                "x-method-override",
                "x-original-url",
                "x-original-uri",
                "x-rewrite-url",
                "x-real-ip",
                "x-client-ip",
                "x-cluster-client-ip",
                "x-original-host",
            ];
            const FAMILY: &str = "x-forwarded";
            name.get(..FAMILY.len()).is_some_and(|start| same(start, FAMILY)) || NAMES.iter().any(|it| same(name, it))
        }
        Some(b'c') => same(name, "cf-connecting-ip") || same(name, "client-ip"),
        Some(b'e') => name == "expect",
        Some(b'f') => matches!(name, "forwarded" | "forwarded-for"),
        Some(b't') => same(name, "true-client-ip"),
        _ => false,
    }
}

/// Equal where `_` counts as `-`.
fn same(name: &str, other: &str) -> bool {
    let plain = |byte: u8| if byte == b'_' { b'-' } else { byte };
    name.len() == other.len() && name.bytes().zip(other.bytes()).all(|(a, b)| plain(a) == plain(b))
}

fn tell_origin(headers: &mut HeaderMap, rules: &Rules, origin: Origin<'_>) {
    if origin.path.is_empty() {
        return;
    }
    let mut text = String::with_capacity(64);
    for address in origin.path {
        if !text.is_empty() {
            text.push_str(", ");
        }
        // Writing to a string cannot fail.
        let _written = match (rules.forwarded, address) {
            (false, _) => write!(text, "{address}"),
            (true, IpAddr::V4(_)) => write!(text, "for={address}"),
            (true, IpAddr::V6(_)) => write!(text, "for=\"[{address}]\""),
        };
    }
    if rules.forwarded {
        text.push_str(";proto=");
        text.push_str(origin.scheme);
        if let Some(host) = origin
            .host
            .and_then(|host| host.to_str().ok())
            .filter(|host| !host.contains(['"', '\\']))
        {
            let _written = write!(text, ";host=\"{host}\"");
        }
        set(headers, header::FORWARDED, text);
        return;
    }
    set(headers, X_FORWARDED_FOR, text);
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(origin.scheme));
    if let Some(host) = origin.host {
        headers.insert(X_FORWARDED_HOST, host.clone());
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, text: String) {
    if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(text)) {
        headers.insert(name, value);
    }
}

fn limit_codings(headers: &mut HeaderMap, codings: Codings) {
    let value = match codings {
        Codings::AsAsked => return,
        Codings::Identity => "identity",
        Codings::Decodable => decodable(headers),
    };
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
}

/// The decodable ones that the client itself named without refusing them.
fn decodable(headers: &HeaderMap) -> &'static str {
    let named = |coding: &[u8]| {
        headers.get_all(header::ACCEPT_ENCODING).iter().any(|value| {
            value.as_bytes().split(|&byte| byte == b',').any(|part| {
                let mut pieces = part.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
                let is_it = pieces.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
                is_it && !pieces.any(|weight| matches!(weight, b"q=0" | b"q=0." | b"q=0.0" | b"q=0.00" | b"q=0.000"))
            })
        })
    };
    match (named(b"gzip"), named(b"br")) {
        (true, true) => "gzip, br",
        (true, false) => "gzip",
        (false, true) => "br",
        (false, false) => "identity",
    }
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

    fn sent(lines: &[(&str, &str)], rules: &Rules, origin: Origin<'_>, codings: Codings) -> Vec<String> {
        let upstream = Upstream::parse("http://natter:4567").unwrap();
        let mut headers = map(lines);
        to_upstream(&mut headers, &upstream, rules, origin, codings);
        text(&headers)
    }

    const NOWHERE: Origin<'static> = Origin {
        path: &[],
        scheme: "http",
        host: None,
    };

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
        assert_eq!(
            sent(&hostile, &rules, NOWHERE, Codings::AsAsked),
            ["host: natter:4567", "x-mine: kept"]
        );
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
        let lines = [("x-forwarded-for", "6.6.6.6"), ("host", "api.example")];
        let client = Rules {
            host: Host::Client,
            ..Rules::default()
        };
        assert_eq!(
            sent(&lines, &client, origin, Codings::AsAsked),
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
            sent(&lines, &rfc7239, origin, Codings::AsAsked),
            [
                "forwarded: for=\"[2001:db8::1]\", for=192.0.2.7;proto=https;host=\"api.example\"",
                "host: natter:4567"
            ]
        );
    }

    #[test]
    fn http_10_a_judged_answer_comes_in_a_coding_that_the_gate_reads() {
        let check = |asked: &str, codings, expected: &str| {
            let lines = sent(&[("accept-encoding", asked)], &Rules::default(), NOWHERE, codings);
            assert_eq!(
                lines.first().unwrap(),
                &format!("accept-encoding: {expected}"),
                "{asked}"
            );
        };
        check("gzip, br, zstd", Codings::Identity, "identity");
        check("gzip, br, zstd", Codings::AsAsked, "gzip, br, zstd");
        check("gzip;q=0.5, BR, zstd", Codings::Decodable, "gzip, br");
        check("gzip;q=0, br", Codings::Decodable, "br");
        check("zstd, *", Codings::Decodable, "identity");
        assert_eq!(
            sent(&[], &Rules::default(), NOWHERE, Codings::Identity)
                .first()
                .unwrap(),
            "accept-encoding: identity"
        );
    }

    #[test]
    fn expectations_are_read() {
        let check = |lines: &[(&str, &str)], expected| assert_eq!(expectation(&map(lines)), expected, "{lines:?}");
        check(&[], Expectation::None);
        check(&[("expect", "100-Continue")], Expectation::Continue);
        check(&[("expect", "200-ok")], Expectation::Unknown);
        check(
            &[("expect", "100-continue"), ("expect", "100-continue")],
            Expectation::Unknown,
        );
    }
}
