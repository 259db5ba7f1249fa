//! Whose requests the admin surface answers, by their Host header.
//!
//! A page in a browser on this machine can make a name of its own resolve to 127.0.0.1 and then read what this
//! surface says (DNS rebinding). It cannot do so with an address or with `localhost`, so only those are answered.

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a request is addressed to an address or to `localhost`. It must have exactly one Host header (RFC 9112, section 3.2), and
/// where its target names an authority, that one counts as well.
pub(super) fn is_for_operators(target: &Uri, headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(HOST).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Some(host) = value.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else {
        return false;
    };
    cannot_be_rebound(&host) && target.authority().is_none_or(cannot_be_rebound)
}

fn cannot_be_rebound(authority: &Authority) -> bool {
    let host = authority.host();
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bracketed {
        Some(inside) => inside.parse::<Ipv6Addr>().is_ok(),
        None => host.parse::<Ipv4Addr>().is_ok(),
    };
    !authority.as_str().contains('@') && (address || host.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_rebound_are_not_answered() {
        let check = |target: &str, values: &[&str], expected| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HOST, value.parse().unwrap());
            }
            assert_eq!(
                is_for_operators(&target.parse().unwrap(), &headers),
                expected,
                "{target} {values:?}"
            );
        };
        for host in [
            "localhost",
            "LOCALHOST:9901",
            "127.0.0.1:9901",
            "[::1]:9901",
            "10.0.0.7",
        ] {
            check("/metrics", &[host], true);
        }
        for host in [
            "",
            "evil.example",
            "evil.example:9901",
            "localhost.evil.example",
            "gate.internal:9901",
            "127.0.0.1.evil.example",
            "localhost@evil.example",
            "evil@localhost",
            "[::1",
            "::1",
            "0x7f000001",
            "127.1",
            "localhost.",
        ] {
            check("/metrics", &[host], false);
        }
        check("/metrics", &[], false);
        check("/metrics", &["localhost", "localhost"], false);
        check("http://evil.example/metrics", &["localhost"], false);
        check("http://localhost/metrics", &["evil.example"], false);
        check("http://localhost/metrics", &["localhost"], true);
    }
}
