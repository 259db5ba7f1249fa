//! Which header fields of an answer leave: those that the contract declares, and those that HTTP itself speaks with.
//! `Set-Cookie` is not among the latter: a cookie that the contract does not know of is none of the client's.

use http::header::HeaderMap;
use portcullis_contract::conform::response::Response;

/// Takes out every field that is neither declared nor standard.
pub(crate) fn keep_declared(headers: &mut HeaderMap, declared: &Response) {
    let kept = |name: &str| leaves(name, declared);
    if headers.keys().all(|name| kept(name.as_str())) {
        return;
    }
    let doomed: Vec<_> = headers.keys().filter(|name| !kept(name.as_str())).cloned().collect();
    for name in doomed {
        headers.remove(name);
    }
}

/// Whether a field, by its name in lower case, leaves.
pub(crate) fn leaves(name: &str, declared: &Response) -> bool {
    is_standard(name) || declared.declares_header(name)
}

/// Whether a field is one that HTTP itself speaks with.
fn is_standard(name: &str) -> bool {
    matches!(
        name,
        "accept-patch"
            | "accept-post"
            | "accept-ranges"
            | "age"
            | "allow"
            | "cache-control"
            | "clear-site-data"
            | "content-digest"
            | "content-disposition"
            | "content-encoding"
            | "content-language"
            | "content-length"
            | "content-location"
            | "content-range"
            | "content-type"
            | "date"
            | "deprecation"
            | "digest"
            | "etag"
            | "expires"
            | "grpc-accept-encoding"
            | "grpc-encoding"
            | "grpc-message"
            | "grpc-status"
            | "grpc-status-details-bin"
            | "last-modified"
            | "link"
            | "location"
            | "pragma"
            | "ratelimit"
            | "ratelimit-limit"
            | "ratelimit-policy"
            | "ratelimit-remaining"
            | "ratelimit-reset"
            | "repr-digest"
            | "retry-after"
            | "sunset"
            | "vary"
            | "www-authenticate"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_and_banners_are_not_standard() {
        for name in [
            "content-type",
            "date",
            "etag",
            "location",
            "retry-after",
            "www-authenticate",
        ] {
            assert!(is_standard(name), "{name}");
        }
        for name in ["set-cookie", "server", "x-powered-by", "x-user-id", "Content-Type", ""] {
            assert!(!is_standard(name), "{name}");
        }
    }
}
