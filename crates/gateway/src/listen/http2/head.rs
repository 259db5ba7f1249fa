//! One HTTP/2 request head made into what the pipeline knows: the same rules as for HTTP/1.1, so that neither version is a way round
//! the other (RFC 9113 section 8.2 and 8.3, threat http-2).
//!
//! h2 has refused what is malformed as HTTP/2: upper case, fields of one hop, pseudo fields out of place, lengths that do not
//! match. Here is what it leaves: which authority counts, what a target may hold, and what a field would become in HTTP/1.1.

use http::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Uri};

use crate::listen::bounds::Bounds;
use crate::listen::client_address::Scheme;
use crate::listen::http1::head::{METHOD_BYTES_MAX, Malformed, imitates_framing, is_authority, is_target, length};
use crate::one_hop::is_connection_specific;

/// Checks a head and gives it the form that the pipeline knows: `Host` in its place, one `Cookie` field. Gives the length that the
/// client announced.
///
/// # Errors
/// Why it is not served.
pub(super) fn settle(parts: &mut Parts, scheme: Scheme, bounds: &Bounds) -> Result<Option<u64>, Malformed> {
    if parts.method == Method::CONNECT || parts.method.as_str().len() > METHOD_BYTES_MAX {
        return Err(Malformed::Method);
    }
    check_target(&parts.uri, scheme, bounds)?;
    if parts.headers.len() > bounds.head_lines_max() {
        return Err(Malformed::HeadTooLarge);
    }
    for (name, value) in &parts.headers {
        check_field(name, value)?;
    }
    settle_host(&parts.uri, &mut parts.headers)?;
    join_cookies(&mut parts.headers)?;
    announced_length(&parts.headers)
}

fn check_target(uri: &Uri, scheme: Scheme, bounds: &Bounds) -> Result<(), Malformed> {
    let target = uri.path_and_query().ok_or(Malformed::Target)?.as_str();
    if target.len() > bounds.target_bytes_max() {
        return Err(Malformed::TargetTooLong);
    }
    if !target.starts_with('/') || !is_target(target.as_bytes()) {
        return Err(Malformed::Target);
    }
    // In the clear, a proxy in front may have ended TLS; over TLS nothing else makes sense.
    match (uri.scheme_str(), scheme) {
        (None | Some("https"), _) | (Some("http"), Scheme::Http) => Ok(()),
        _ => Err(Malformed::Target),
    }
}

fn check_field(name: &HeaderName, value: &HeaderValue) -> Result<(), Malformed> {
    if is_connection_specific(name.as_str()) || imitates_framing(name.as_str().as_bytes()) {
        return Err(Malformed::HeaderName);
    }
    let bytes = value.as_bytes();
    let spaced = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    if spaced(bytes.first()) || spaced(bytes.last()) {
        return Err(Malformed::HeaderValue);
    }
    Ok(())
}

/// `:authority` becomes `Host`; where both stand they say the same, and one of them has to.
fn settle_host(uri: &Uri, headers: &mut HeaderMap) -> Result<(), Malformed> {
    let mut hosts = headers.get_all(HOST).into_iter();
    let (host, second) = (hosts.next(), hosts.next());
    if second.is_some() || host.is_some_and(|host| !is_authority(host.as_bytes())) {
        return Err(Malformed::Host);
    }
    match (uri.authority(), host) {
        (None, None) => Err(Malformed::Host),
        (None, Some(_)) => Ok(()),
        (Some(authority), host) => {
            let authority = authority.as_str();
            if !is_authority(authority.as_bytes()) {
                return Err(Malformed::Host);
            }
            match host {
                Some(host) if host.as_bytes().eq_ignore_ascii_case(authority.as_bytes()) => Ok(()),
                Some(_) => Err(Malformed::Host),
                None => {
                    let value = HeaderValue::from_str(authority).map_err(|_| Malformed::Host)?;
                    headers.insert(HOST, value);
                    Ok(())
                }
            }
        }
    }
}

/// Cookies may come in pieces, each in its own field, and mean what they mean together (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) -> Result<(), Malformed> {
    let mut pieces = headers.get_all(COOKIE).into_iter();
    let (Some(first), Some(second)) = (pieces.next(), pieces.next()) else {
        return Ok(());
    };
    let mut joined = [first.as_bytes(), second.as_bytes()].join(&b"; "[..]);
    for piece in pieces {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(piece.as_bytes());
    }
    let joined = HeaderValue::from_bytes(&joined).map_err(|_| Malformed::HeaderValue)?;
    headers.insert(COOKIE, joined);
    Ok(())
}

fn announced_length(headers: &HeaderMap) -> Result<Option<u64>, Malformed> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).into_iter();
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => length(value.as_bytes()).map(Some).ok_or(Malformed::ContentLength),
        _ => Err(Malformed::ContentLength),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn check(request: http::request::Builder, expected: Result<&str, Malformed>) {
        let mut parts = request.body(()).unwrap().into_parts().0;
        let settled = settle(&mut parts, Scheme::Https, &Bounds::default());
        let host = settled.map(|_| parts.headers.get(HOST).unwrap().to_str().unwrap());
        assert_eq!(host, expected, "{parts:?}");
    }

    fn get(uri: &str) -> http::request::Builder {
        Request::get(uri).version(http::Version::HTTP_2)
    }

    #[test]
    fn http_2_one_authority_counts() {
        check(get("https://a/x"), Ok("a"));
        check(
            get("https://a:443/x").header("host", "A:443"),
            Ok("a:443").map(|_| "A:443"),
        );
        check(get("https://a/x").header("host", "a"), Ok("a"));
        check(get("/x").header("host", "a"), Ok("a"));
        check(get("https://a/x").header("host", "b"), Err(Malformed::Host));
        check(
            get("https://a/x").header("host", "a").header("host", "a"),
            Err(Malformed::Host),
        );
        check(get("/x"), Err(Malformed::Host));
        check(get("https://u@a/x"), Err(Malformed::Host));
        check(get("https://a/x").header("host", ""), Err(Malformed::Host));
        check(get("http://a/x"), Err(Malformed::Target));
        check(get("ftp://a/x"), Err(Malformed::Target));
    }

    #[test]
    fn http_2_what_http_1_would_read_in_two_ways_is_refused() {
        let with = |name: &str, value: &str| get("https://a/").header(name, value);
        check(with("connection", "close"), Err(Malformed::HeaderName));
        check(with("keep-alive", "1"), Err(Malformed::HeaderName));
        check(with("proxy-connection", "x"), Err(Malformed::HeaderName));
        check(with("transfer-encoding", "chunked"), Err(Malformed::HeaderName));
        check(with("upgrade", "websocket"), Err(Malformed::HeaderName));
        check(with("content_length", "1"), Err(Malformed::HeaderName));
        check(with("transfer_encoding", "chunked"), Err(Malformed::HeaderName));
        check(with("x", " a"), Err(Malformed::HeaderValue));
        check(with("x", "a\t"), Err(Malformed::HeaderValue));
        check(with("content-length", "+1"), Err(Malformed::ContentLength));
        check(
            with("content-length", "1").header("content-length", "1"),
            Err(Malformed::ContentLength),
        );
        check(with("x", "a"), Ok("a"));
        check(
            Request::builder().method("CONNECT").uri("https://a/"),
            Err(Malformed::Method),
        );
    }

    #[test]
    fn cookies_come_in_pieces() {
        let mut parts = get("https://a/")
            .header("cookie", "a=1")
            .header("cookie", "b=2; c=3")
            .header("cookie", "d=4")
            .body(())
            .unwrap()
            .into_parts()
            .0;
        settle(&mut parts, Scheme::Https, &Bounds::default()).unwrap();
        let cookies: Vec<_> = parts.headers.get_all(COOKIE).into_iter().collect();
        assert_eq!(cookies, ["a=1; b=2; c=3; d=4"]);
    }
}
