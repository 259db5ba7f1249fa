//! What every answer says to browsers and caches, and what no answer says about the software behind it.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

/// Set on every answer; an upstream's own value is replaced.
const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    // The filter it switches off could be turned against pages (it is gone from today's browsers).
    (header::X_XSS_PROTECTION, HeaderValue::from_static("0")),
];

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Removes what upstreams tell about themselves.
pub(crate) fn remove_banners(headers: &mut HeaderMap) {
    let banners: SmallVec<[HeaderName; 2]> = headers
        .keys()
        .filter(|name| is_banner(name.as_str()))
        .cloned()
        .collect();
    for name in banners {
        headers.remove(name);
    }
}

/// Never passed on: they help only those who look for a version with a known hole.
fn is_banner(name: &str) -> bool {
    matches!(
        name,
        "server"
            | "via"
            | "x-powered-by"
            | "x-aspnet-version"
            | "x-aspnetmvc-version"
            | "x-runtime"
            | "x-generator"
            | "x-backend-server"
            | "x-debug"
            | "x-version"
    )
}

/// Writes what every answer says.
pub(crate) fn write(headers: &mut HeaderMap) {
    for (name, value) in &ALWAYS {
        headers.insert(name.clone(), value.clone());
    }
    headers
        .entry(RESOURCE_POLICY)
        .or_insert(HeaderValue::from_static("same-origin"));
    // An API's answers are for one caller unless it says otherwise.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}
