//! API keys: in a header field, a cookie, or, where the operator says so aloud, a query parameter (OpenAPI 3.1 §4.8.27).

use std::borrow::Cow;

use http::header::{COOKIE, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use http::{Uri, uri};
use portcullis_contract::conform::percent;
use portcullis_contract::conform::security::KeyPlace;

use super::{Attempting, Shown, Unproven};
use crate::access::ApiKeys;
use crate::listen::{Received, unix_time};

/// Shows whom the key speaks of, if there is one in any of the places where the operation looks for one.
pub(super) async fn verify(attempting: Attempting<'_>, shown: &mut Shown<'_>) -> Result<(), Unproven> {
    let mut found: Option<(&ApiKeys, Cow<'_, [u8]>)> = None;
    let mut looked_at: Vec<&KeyPlace> = Vec::new();
    for keys in attempting.access.api_keys() {
        if looked_at.contains(&&keys.place) {
            continue;
        }
        looked_at.push(&keys.place);
        for text in values(&keys.place, attempting.request) {
            // Of several keys none is chosen: somebody behind may choose another.
            if found.replace((keys, text)).is_some() {
                return Err(Unproven::Unreadable);
            }
        }
    }
    let Some((keys, text)) = found else { return Ok(()) };
    let text = std::str::from_utf8(&text).map_err(|_| Unproven::Unreadable)?;
    let taken = keys.keyring.api_key(text, unix_time()).await;
    shown.proven.add(attempting.taken(taken).await?);
    shown.api_key = Some(text.into());
    Ok(())
}

/// Everything that stands in a place.
fn values<'r>(place: &'r KeyPlace, request: &'r Received) -> Box<dyn Iterator<Item = Cow<'r, [u8]>> + 'r> {
    match place {
        KeyPlace::Header(name) => {
            let fields = request.headers().get_all(name).iter();
            Box::new(fields.map(|value| Cow::Borrowed(value.as_bytes())))
        }
        KeyPlace::Cookie(name) => {
            let named = cookies(request.headers()).filter(move |(own, _)| *own == name.as_bytes());
            Box::new(named.map(|(_, value)| Cow::Borrowed(value)))
        }
        KeyPlace::Query(name) => {
            let named = pairs(request.uri()).filter(move |pair| is_named(pair, name));
            let value = |pair: &'r str| pair.split_once('=').map_or("", |(_, value)| value);
            Box::new(named.map(move |pair| percent::decoded(value(pair).as_bytes())))
        }
    }
}

/// Names and values (RFC 6265 §5.4). HTTP/2 may divide them over several fields.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    written(headers).map(named)
}

/// The pairs as they are written.
fn written(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let fields = headers.get_all(COOKIE).iter();
    let pairs = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b';'));
    pairs.map(<[u8]>::trim_ascii)
}

fn named(pair: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = pair.splitn(2, |byte| *byte == b'=');
    let mut part = || parts.next().unwrap_or_default().trim_ascii();
    (part(), part())
}

fn pairs(uri: &Uri) -> impl Iterator<Item = &str> {
    uri.query().unwrap_or_default().split('&')
}

/// Whether a pair of a query has this name, however it is escaped: what one reader does not see another may.
fn is_named(pair: &str, name: &str) -> bool {
    let own = pair.split_once('=').map_or(pair, |(own, _)| own);
    *percent::decoded(own.as_bytes()) == *name.as_bytes()
}

/// Takes cookies and query parameters that carry keys out of what is forwarded; header fields are taken out with the others.
pub(super) fn take_out(places: &[KeyPlace], request: &mut Received) {
    for place in places {
        match place {
            KeyPlace::Header(name) => drop(request.headers_mut().remove(name)),
            KeyPlace::Cookie(name) => take_cookie(request.headers_mut(), name),
            KeyPlace::Query(name) => {
                if let Some(uri) = without(request.uri(), name) {
                    request.set_uri(uri);
                }
            }
        }
    }
}

fn take_cookie(headers: &mut HeaderMap, name: &str) {
    if cookies(headers).all(|(own, _)| own != name.as_bytes()) {
        return;
    }
    let others = written(headers).filter(|pair| !pair.is_empty() && named(pair).0 != name.as_bytes());
    let others: Vec<&[u8]> = others.collect();
    let others = HeaderValue::from_bytes(&others.join(&b"; "[..]));
    headers.remove(COOKIE);
    if let Ok(others) = others
        && !others.is_empty()
    {
        headers.insert(COOKIE, others);
    }
}

/// The same without a parameter; `None` where it does not stand there.
fn without(target: &Uri, name: &str) -> Option<Uri> {
    if !pairs(target).any(|pair| is_named(pair, name)) {
        return None;
    }
    let left: Vec<&str> = pairs(target).filter(|pair| !is_named(pair, name)).collect();
    let path = target.path();
    let written = if left.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", left.join("&"))
    };
    let mut parts: uri::Parts = target.clone().into_parts();
    // What is left of a target is one.
    parts.path_and_query = PathAndQuery::try_from(written).ok();
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_taken_out_and_the_others_stay() {
        for (fields, left) in [
            (&["key=a"][..], &[][..]),
            (&["a=1; key=x; b=2"], &["a=1; b=2"]),
            (&["a=1;key=x;b=\"2\""], &["a=1; b=\"2\""]),
            (&["a=1", "key=x", "b=2"], &["a=1; b=2"]),
            (&["key=x; key=y"], &[]),
            (&["key"], &[]),
            (&["a=1; key=x;"], &["a=1"]),
            (&["akey=x; Key=y", "b=2"], &["akey=x; Key=y", "b=2"]),
        ] {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(COOKIE, HeaderValue::from_static(field));
            }
            take_cookie(&mut headers, "key");
            let found: Vec<&str> = headers
                .get_all(COOKIE)
                .iter()
                .map(|value| value.to_str().unwrap())
                .collect();
            assert_eq!(found, left, "{fields:?}");
        }
    }

    #[test]
    fn a_parameter_is_taken_out_however_it_is_written() {
        for (target, left) in [
            ("/a?key=x", Some("/a")),
            ("/a?b=1&key=x&c=2", Some("/a?b=1&c=2")),
            ("/a?k%65y=x&b", Some("/a?b")),
            ("/a?key&key=y", Some("/a")),
            ("http://api.example/a?key=x&b=1", Some("http://api.example/a?b=1")),
            ("/a?keys=x", None),
            ("/a", None),
        ] {
            let target: Uri = target.parse().unwrap();
            let found = without(&target, "key").map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), left, "{target}");
        }
    }
}
