//! Who the client is, by address.
//!
//! A header is believed only when the peer of the socket is a trusted proxy, and only as far back as the chain of trusted proxies
//! reaches: entries are walked from right to left, and the first address that is not trusted is the client. By default nobody is
//! trusted. Exactly one header is read, the one that the proxies are known to write: one that they pass through unread is the
//! client's own claim.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::header::{FORWARDED, HeaderMap, HeaderName};
use ipnet::IpNet;

/// Most entries that are walked; a longer chain ends there.
const HOPS_MAX: usize = 32;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Which header the trusted proxies write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientHeader {
    /// `X-Forwarded-For`, and `X-Forwarded-Proto` for the scheme.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies whose word counts.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: ClientHeader,
}

/// The scheme that the client used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS.
    #[default]
    Http,
    /// With TLS.
    Https,
}

/// The client as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address; never an IPv4 address in IPv6 form.
    pub address: IpAddr,
    /// The scheme of the client's own connection.
    pub scheme: Scheme,
}

impl Scheme {
    /// `http` or `https`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn named(text: &[u8]) -> Option<Self> {
        if text.eq_ignore_ascii_case(b"https") {
            Some(Self::Https)
        } else if text.eq_ignore_ascii_case(b"http") {
            Some(Self::Http)
        } else {
            None
        }
    }
}

impl TrustedProxies {
    /// Trusts the proxies in `networks`, which write `header`. No network means that no header is ever read.
    #[must_use]
    pub fn new(networks: Vec<IpNet>, header: ClientHeader) -> Self {
        Self { networks, header }
    }

    /// Whether this address is one of the trusted proxies.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The client of a request with `headers` that arrived from `peer`, over TLS or not.
    #[must_use]
    pub fn client(&self, peer: SocketAddr, scheme: Scheme, headers: &HeaderMap) -> Client {
        let mut client = Client {
            address: peer.ip().to_canonical(),
            scheme,
        };
        if !self.trusts(client.address) {
            return client;
        }
        match self.header {
            ClientHeader::XForwardedFor => {
                // One value for the whole chain: the nearest proxy's, which is the last.
                let told = headers.get_all(&X_FORWARDED_PROTO).into_iter().next_back();
                let last = told.and_then(|value| value.as_bytes().rsplit(|&byte| byte == b',').next());
                client.scheme = last.and_then(|text| Scheme::named(text.trim_ascii())).unwrap_or(scheme);
                self.walk(&mut client, headers, &X_FORWARDED_FOR, |entry| {
                    Some((address(entry)?, None))
                });
            }
            ClientHeader::Forwarded => self.walk(&mut client, headers, &FORWARDED, forwarded_entry),
        }
        client
    }

    /// Walks the entries from right to left while the address so far is trusted. An entry that cannot be read ends the walk: the
    /// proxy that wrote it is then the last that is known for sure.
    fn walk(
        &self,
        client: &mut Client,
        headers: &HeaderMap,
        name: &HeaderName,
        read: impl Fn(&[u8]) -> Option<(IpAddr, Option<Scheme>)>,
    ) {
        let lines = headers.get_all(name).into_iter().rev();
        let entries = lines.flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','));
        for entry in entries.take(HOPS_MAX) {
            let Some((address, scheme)) = read(entry.trim_ascii()) else {
                return;
            };
            client.address = address;
            client.scheme = scheme.unwrap_or(client.scheme);
            if !self.trusts(address) {
                return;
            }
        }
    }
}

/// An address as proxies write it: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?;
    let bracketed = || {
        text.strip_prefix('[')?
            .strip_suffix(']')?
            .parse::<Ipv6Addr>()
            .ok()
            .map(IpAddr::from)
    };
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(bracketed)?;
    Some(address.to_canonical())
}

/// The `for` and `proto` of one `Forwarded` element. A comma or a semicolon inside quotes is not expected from a proxy; it makes
/// the element unreadable, which ends the walk.
fn forwarded_entry(entry: &[u8]) -> Option<(IpAddr, Option<Scheme>)> {
    let (mut client, mut scheme) = (None, None);
    for pair in entry.split(|&byte| byte == b';') {
        let (name, value) = pair.split_at_checked(memchr::memchr(b'=', pair)?)?;
        let value = value.get(1..)?.trim_ascii_end();
        let value = match value.strip_prefix(b"\"") {
            Some(quoted) => quoted.strip_suffix(b"\"")?,
            None => value,
        };
        let name = name.trim_ascii_start();
        if name.eq_ignore_ascii_case(b"for") {
            // Two answers to one question are none.
            if client.replace(address(value)?).is_some() {
                return None;
            }
        } else if name.eq_ignore_ascii_case(b"proto") {
            scheme = Some(Scheme::named(value)?);
        }
    }
    Some((client?, scheme))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: &'static str, lines: &[&str]) -> HeaderMap {
        lines
            .iter()
            .map(|line| (HeaderName::from_static(name), HeaderValue::from_str(line).unwrap()))
            .collect()
    }

    fn client(trusted: &[&str], header: ClientHeader, peer: &str, headers: &HeaderMap) -> String {
        let networks = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        let client = TrustedProxies::new(networks, header).client(peer, Scheme::Http, headers);
        format!("{} {}", client.scheme.as_str(), client.address)
    }

    #[test]
    fn http_6_nobody_is_trusted_by_default() {
        for name in ["x-forwarded-for", "forwarded", "x-real-ip"] {
            let spoofed = headers(name, &["198.51.100.1"]);
            assert_eq!(
                client(&[], ClientHeader::XForwardedFor, "192.0.2.1", &spoofed),
                "http 192.0.2.1"
            );
            assert_eq!(
                client(&["10.0.0.0/8"], ClientHeader::XForwardedFor, "192.0.2.1", &spoofed),
                "http 192.0.2.1"
            );
        }
    }

    #[test]
    fn http_6_x_forwarded_for_is_walked_from_right_to_left() {
        let check = |lines: &[&str], expected: &str| {
            let headers = headers("x-forwarded-for", lines);
            let found = client(
                &["10.0.0.0/8", "fd00::/8"],
                ClientHeader::XForwardedFor,
                "::ffff:10.0.0.1",
                &headers,
            );
            assert_eq!(found, format!("http {expected}"), "{lines:?}");
        };
        check(&[], "10.0.0.1");
        check(&["192.0.2.7"], "192.0.2.7");
        check(&["198.51.100.1, 192.0.2.7"], "192.0.2.7");
        check(&["198.51.100.1, 192.0.2.7 ,10.0.0.9"], "192.0.2.7");
        check(&["198.51.100.1", "192.0.2.7, 10.0.0.9"], "192.0.2.7");
        check(&["198.51.100.1, fd00::1"], "198.51.100.1");
        check(&["192.0.2.7:4711"], "192.0.2.7");
        check(&["[2001:db8::1]:80"], "2001:db8::1");
        check(&["[2001:db8::1]"], "2001:db8::1");
        check(&["::ffff:192.0.2.7"], "192.0.2.7");
        check(&["192.0.2.7, garbage, 10.0.0.9"], "10.0.0.9");
        check(&["192.0.2.7,"], "10.0.0.1");
        check(&["192.0.2.7, unknown"], "10.0.0.1");
        check(&["10.0.0.2, 10.0.0.3"], "10.0.0.2");
        check(&[&format!("192.0.2.7{}", ", 10.0.0.9".repeat(40))], "10.0.0.9");
    }

    #[test]
    fn http_6_forwarded_is_walked_from_right_to_left() {
        let check = |line: &str, expected: &str| {
            let headers = headers("forwarded", &[line]);
            assert_eq!(
                client(&["10.0.0.0/8"], ClientHeader::Forwarded, "10.0.0.1", &headers),
                expected,
                "{line:?}"
            );
        };
        check(
            "for=198.51.100.1, For=192.0.2.7;proto=https;by=10.0.0.1",
            "https 192.0.2.7",
        );
        check(
            "for=192.0.2.7;host=a.example, for=10.0.0.9;proto=https",
            "https 192.0.2.7",
        );
        check("for=\"[2001:db8::1]:4711\"", "http 2001:db8::1");
        check("for=192.0.2.7, for=_hidden", "http 10.0.0.1");
        check("for=192.0.2.7, for=\"10.0.0.9", "http 10.0.0.1");
        check("for=192.0.2.7;for=192.0.2.8", "http 10.0.0.1");
        check("for=192.0.2.7, proto=https", "http 10.0.0.1");
        check("for=\"a, for=192.0.2.7\"", "http 10.0.0.1");
    }

    #[test]
    fn http_6_only_the_chosen_header_is_read() {
        let mut both = headers("x-forwarded-for", &["192.0.2.7"]);
        both.extend(headers("forwarded", &["for=198.51.100.1;proto=https"]));
        assert_eq!(
            client(&["10.0.0.0/8"], ClientHeader::XForwardedFor, "10.0.0.1", &both),
            "http 192.0.2.7"
        );
        both.extend(headers("x-forwarded-proto", &["https"]));
        assert_eq!(
            client(&["10.0.0.0/8"], ClientHeader::XForwardedFor, "10.0.0.1", &both),
            "https 192.0.2.7"
        );
        assert_eq!(
            client(&[], ClientHeader::XForwardedFor, "10.0.0.1", &both),
            "http 10.0.0.1"
        );
    }
}
