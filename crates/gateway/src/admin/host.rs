//! Whose requests the admin surface answers, by their Host header.
//!
//! A page in a browser on this machine can make a name of its own resolve to 127.0.0.1 and then read what this
//! surface says (DNS rebinding). It cannot do so with an address or with `localhost`, so only those are answered, and
//! names that the configuration lists.

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The names that a request may be addressed to.
#[derive(Clone, Debug, Default)]
pub struct Hosts(Box<[Box<str>]>);

impl Hosts {
    /// Addresses, `localhost`, and these names (any letter case).
    #[must_use]
    pub fn new(names: Vec<Box<str>>) -> Self {
        Self(names.into())
    }

    /// Whether a request is addressed to one of them. It must have exactly one Host header (RFC 9112, section 3.2), and where
    /// its target names an authority, that one counts as well.
    #[must_use]
    pub fn allow(&self, target: &Uri, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(HOST).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        let Some(host) = value.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else {
            return false;
        };
        self.allow_authority(&host)
            && target
                .authority()
                .is_none_or(|authority| self.allow_authority(authority))
    }

    fn allow_authority(&self, authority: &Authority) -> bool {
        let host = authority.host();
        let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let address = match bracketed {
            Some(inside) => inside.parse::<Ipv6Addr>().is_ok(),
            None => host.parse::<Ipv4Addr>().is_ok(),
        };
        let named = || self.0.iter().any(|name| name.eq_ignore_ascii_case(host));
        !authority.as_str().contains('@') && (address || host.eq_ignore_ascii_case("localhost") || named())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_rebound_are_not_answered() {
        let hosts = Hosts::new(vec!["gate.internal".into()]);
        let check = |target: &str, values: &[&str], expected| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HOST, value.parse().unwrap());
            }
            assert_eq!(
                hosts.allow(&target.parse().unwrap(), &headers),
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
            "Gate.Internal:9901",
        ] {
            check("/metrics", &[host], true);
        }
        for host in [
            "",
            "evil.example",
            "evil.example:9901",
            "localhost.evil.example",
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
