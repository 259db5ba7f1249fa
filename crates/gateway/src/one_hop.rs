//! Fields that are about one connection and end with it, for both versions of HTTP and both sides of the gate.

/// Fields that HTTP/2 does not have, since its frames say the same (RFC 9113 section 8.2.2). `te: trailers` it does have.
pub(crate) const CONNECTION_SPECIFIC: [&str; 5] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// Whether a field does not exist in HTTP/2; by its name in lower case.
pub(crate) fn is_connection_specific(name: &str) -> bool {
    CONNECTION_SPECIFIC.contains(&name)
}

/// Whether a field ends at the next hop by definition (RFC 9110 section 7.6.1); by its name in lower case.
pub(crate) fn is_hop_by_hop(name: &str) -> bool {
    is_connection_specific(name) || matches!(name, "te" | "trailer" | "http2-settings") || name.starts_with("proxy-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_7_what_http_2_does_not_have_ends_at_the_hop() {
        for name in CONNECTION_SPECIFIC {
            assert!(is_hop_by_hop(name), "{name}");
        }
        for name in ["te", "trailer", "http2-settings", "proxy-authorization"] {
            assert!(is_hop_by_hop(name) && !is_connection_specific(name), "{name}");
        }
        for name in ["content-length", "host", "tea", "connections", "proxy"] {
            assert!(!is_hop_by_hop(name), "{name}");
        }
    }
}
