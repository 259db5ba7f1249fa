//! Where an upstream is: its URL, its addresses, a connection to one of them, in TLS where the URL says so.
//!
//! Never decides which upstream a request goes to.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::uri::{Scheme, Uri};
use http::{HeaderValue, uri::Authority};
use smallvec::SmallVec;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::resolve::{ADDRESSES_MAX, Name, Resolve, System};
use super::stream::Stream;
use super::tls::Tls;

/// One upstream, as configured: `http://host:port[/base]`, or the same with `https`.
#[derive(Debug, Clone)]
pub struct Upstream {
    host: Host,
    port: u16,
    authority: HeaderValue,
    /// Without a slash at its end; empty when the URL has no path.
    base: String,
    /// None: in the clear.
    tls: Option<Tls>,
    protocol: Protocol,
}

/// Which HTTP an upstream is spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2: in TLS, or in the clear by prior knowledge (RFC 9113 section 3.3).
    Http2,
    /// What the upstream chooses in the handshake of TLS; HTTP/1.1 in the clear.
    Negotiated,
}

#[derive(Debug, Clone)]
enum Host {
    Address(IpAddr),
    /// Shared by all copies.
    Name(Arc<Name>),
}

impl Upstream {
    /// Reads the URL of an upstream that is spoken to in the clear.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what to write instead.
    pub fn parse(url: &str) -> Result<Self, String> {
        Self::read(url, None)
    }

    /// Reads the URL of an upstream that is spoken to in TLS.
    ///
    /// # Errors
    /// The same.
    pub fn parse_tls(url: &str, tls: Tls) -> Result<Self, String> {
        Self::read(url, Some(tls))
    }

    fn read(url: &str, tls: Option<Tls>) -> Result<Self, String> {
        let (scheme, port) = if tls.is_some() {
            (Scheme::HTTPS, 443)
        } else {
            (Scheme::HTTP, 80)
        };
        let wrong = |what: &str| format!("`{url}` {what}: write `{scheme}://host:port` or `{scheme}://host:port/base`");
        let uri: Uri = url.parse().map_err(|_| wrong("is not a URL"))?;
        if uri.scheme() != Some(&scheme) {
            return Err(wrong(&format!("does not start with `{scheme}://`")));
        }
        let authority = uri.authority().ok_or_else(|| wrong("has no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("carries a user name"));
        }
        if uri.query().is_some() || url.contains('#') {
            return Err(wrong("has a query or a fragment"));
        }
        let base = uri.path().trim_end_matches('/');
        if base.contains("//") || base.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(wrong("has a path with empty or dot segments"));
        }
        if authority.port_u16().is_none() && authority.as_str().len() != authority.host().len() {
            return Err(wrong("has a port that is no number from 1 to 65535"));
        }
        if authority.port_u16() == Some(0) {
            return Err(wrong("has port 0"));
        }
        let port = authority.port_u16().unwrap_or(port);
        Ok(Self {
            host: host(authority, port),
            port,
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| wrong("has no valid host"))?,
            base: base.to_owned(),
            tls,
            protocol: Protocol::Http1,
        })
    }

    /// The same, spoken to in `protocol`.
    #[must_use]
    pub fn speaking(self, protocol: Protocol) -> Self {
        Self { protocol, ..self }
    }

    /// The same in HTTP/1.1, for what only that can do.
    pub(super) fn in_http1(&self) -> Self {
        self.clone().speaking(Protocol::Http1)
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether requests may share a connection.
    pub(super) fn may_multiplex(&self) -> bool {
        match self.protocol {
            Protocol::Http1 => false,
            Protocol::Http2 => true,
            Protocol::Negotiated => self.tls.is_some(),
        }
    }

    pub(super) fn scheme(&self) -> Scheme {
        if self.tls.is_some() {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        }
    }

    /// What `Host` says to this upstream.
    #[must_use]
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// The same, with its name looked up by `resolver` rather than by the system.
    #[must_use]
    pub fn resolved_by(self, resolver: Arc<dyn Resolve>) -> Self {
        let host = match self.host {
            Host::Name(name) => Host::Name(Name::new(name.name(), self.port, resolver)),
            address @ Host::Address(_) => address,
        };
        Self { host, ..self }
    }

    /// Its name, if its host is no address.
    #[must_use]
    pub fn name(&self) -> Option<&Arc<Name>> {
        match &self.host {
            Host::Address(_) => None,
            Host::Name(name) => Some(name),
        }
    }

    /// The same at this one address: what it is called does not change.
    #[must_use]
    pub(super) fn at(&self, address: SocketAddr) -> Self {
        Self {
            host: Host::Address(address.ip()),
            port: address.port(),
            ..self.clone()
        }
    }

    /// Whether its name had this address once and has it no more.
    pub(super) fn has_left(&self, address: SocketAddr) -> bool {
        self.name().is_some_and(|name| name.has_lost(address))
    }

    /// What stands before the path of every request; without a slash at its end.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Stream::Tcp(socket)),
            Some(tls) => tls.handshake(socket, self.protocol).await,
        }
    }
}

fn host(authority: &Authority, port: u16) -> Host {
    let bare = authority.host().trim_start_matches('[').trim_end_matches(']');
    let name = |_| Host::Name(Name::new(bare, port, Arc::new(System)));
    bare.parse().map_or_else(name, Host::Address)
}

/// Opens connections to one upstream and remembers which of its addresses worked.
#[derive(Debug, Default)]
pub(super) struct Dialer {
    worked: Cell<Option<SocketAddr>>,
}

impl Dialer {
    /// A connection, and to which address: tries every one once, each with its share of `time_max`, beginning with the one
    /// that worked last.
    pub(super) async fn dial(&self, upstream: &Upstream, time_max: Duration) -> io::Result<(Stream, SocketAddr)> {
        let until = Instant::now() + time_max;
        let addresses = self.addresses(upstream).await?;
        let mut failure = io::Error::other("the name has no address");
        let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        for address in addresses {
            let share = until.saturating_duration_since(Instant::now()) / left.max(1);
            left = left.saturating_sub(1);
            match tokio::time::timeout(share, upstream.connect(address)).await {
                Ok(Ok(stream)) => {
                    self.worked.set(Some(address));
                    return Ok((stream, address));
                }
                Ok(Err(error)) => failure = error,
                Err(_) => failure = io::ErrorKind::TimedOut.into(),
            }
        }
        if let Some(name) = upstream.name() {
            // It may have moved.
            name.ask();
        }
        Err(failure)
    }

    async fn addresses(&self, upstream: &Upstream) -> io::Result<SmallVec<[SocketAddr; ADDRESSES_MAX]>> {
        let name = match &upstream.host {
            Host::Address(address) => return Ok(SmallVec::from_iter([SocketAddr::new(*address, upstream.port)])),
            Host::Name(name) => name,
        };
        if name.known().is_empty() {
            name.look_up().await?;
        }
        let mut addresses = SmallVec::<[SocketAddr; ADDRESSES_MAX]>::from_slice(&name.known());
        if let Some(worked) = addresses.iter().position(|address| Some(*address) == self.worked.get()) {
            addresses.swap(0, worked);
        }
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let check = |url: &str, authority: &str, base: &str| {
            let upstream = Upstream::parse(url).unwrap();
            assert_eq!(upstream.authority(), authority, "{url}");
            assert_eq!(upstream.base(), base, "{url}");
        };
        check("http://127.0.0.1:8080", "127.0.0.1:8080", "");
        check("http://natter/", "natter", "");
        check("http://[::1]:80/v1/", "[::1]:80", "/v1");
        check("http://natter:9/a/b", "natter:9", "/a/b");
    }

    #[test]
    fn bad_urls_are_refused_with_the_reason() {
        let check = |url: &str, reason: &str| {
            let error = Upstream::parse(url).unwrap_err();
            assert!(error.contains(reason), "{url}: {error}");
        };
        check("", "is not a URL");
        check("natter:80", "does not start");
        check("https://natter", "does not start");
        check("http://a:b@natter", "carries a user name");
        check("http://natter/?x", "has a query");
        check("http://natter/#x", "has a query");
        check("http://natter/a/../b", "dot segments");
        check("http://natter:0/", "port 0");
        check("http://natter:99999/", "port");
    }
}
