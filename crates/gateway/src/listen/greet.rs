//! The first words of a connection: who the client is (PROXY protocol), whether it is private (TLS), and which HTTP follows.

use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_identity::time::UnixTime;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::admission::Permit;
use super::client_address::Scheme;
use super::client_certificate::Standing as CertificateStanding;
use super::http1;
use super::shared::Shared;
use super::tls::{Secured, Tls};
use super::transport::Transport;
use super::worker::Serve;
use super::{handshake, http2, proxy_protocol};
use crate::networks::AddressList;
use crate::refusal::Refusal;

/// What HTTP/2 begins with when both sides know beforehand (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// As much of it as no request of HTTP/1.1 begins with.
const PREFACE_TOLD: usize = 4;
/// How long to wait for more where too little came to tell, at first and at most.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// How often a client that speaks plain HTTP to TLS is read from before the connection is closed.
const CLEAR_TEXT_READS_MAX: usize = 4;

/// What one address that is listened on expects and offers.
#[derive(Clone, Debug, Default)]
pub struct Listener {
    /// TLS; none is plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// Every connection begins with a PROXY header and comes from a trusted proxy; any other is closed.
    pub proxy_protocol: bool,
    /// HTTP/2 without TLS, by prior knowledge, beside HTTP/1.1.
    pub h2c: bool,
    /// Whose connections are taken: of which peers, or of which clients where a PROXY header tells them. A reload puts
    /// another list there.
    pub peers: Arc<ArcSwap<AddressList>>,
}

/// Which of the addresses that are listened on, from 0, in the order of the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ListenerIndex(pub usize);

/// One address that is listened on. The connections of a worker that arrive there share it.
pub(crate) struct Door {
    pub(crate) index: ListenerIndex,
    pub(crate) listener: Listener,
}

/// The connection that a request came on.
#[derive(Debug)]
pub struct Connected {
    /// The client of the connection: the peer of the socket, or who a trusted proxy says it is.
    pub peer: SocketAddr,
    /// Where it arrived.
    pub listener: ListenerIndex,
    /// What TLS settled; none without.
    pub secured: Option<Secured>,
    /// Whether the client of the connection is a trusted proxy, which speaks for others.
    pub of_trusted_proxy: bool,
}

/// How the beginning of a connection went, where that is worth counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// A full TLS handshake.
    Handshake,
    /// A TLS session was resumed.
    Resumed,
    /// Its client is not one that may come.
    Denied,
    /// There was no PROXY header where one was due, or it came from a stranger.
    ProxyHeader,
}

impl Listener {
    /// Whether a connection of this peer is looked at. Who comes through a proxy is known by its header only.
    pub(crate) fn looks_at(&self, peer: SocketAddr) -> bool {
        self.proxy_protocol || self.takes(peer)
    }

    fn takes(&self, client: SocketAddr) -> bool {
        self.peers.load().permits(client.ip())
    }
}

impl Connected {
    /// The scheme of the connection.
    pub(crate) fn scheme(&self) -> Scheme {
        match self.secured {
            Some(_) => Scheme::Https,
            None => Scheme::Http,
        }
    }

    /// What became of the certificate that the connection began with; none where there was none.
    pub(crate) fn certificate(&self, now: UnixTime) -> Option<CertificateStanding> {
        let certificate = self.secured.as_ref()?.certificate.as_ref()?;
        Some(certificate.standing(now))
    }

    /// What `Strict-Transport-Security` says on every answer of this connection.
    pub(crate) fn hsts(&self) -> Option<&http::HeaderValue> {
        self.secured.as_ref().and_then(|secured| secured.hsts.as_ref())
    }
}

/// Serves an accepted socket to its end.
pub(crate) async fn serve<H: Serve>(
    mut socket: TcpStream,
    peer: SocketAddr,
    Door { index, listener }: &Door,
    permit: &mut Permit,
    shared: Rc<Shared<H>>,
) {
    let until = Instant::now() + shared.settings.deadlines.head_time_max;
    let mut connected = Connected {
        peer,
        listener: *index,
        secured: None,
        of_trusted_proxy: false,
    };
    if listener.proxy_protocol {
        let Some(source) = introduced(&mut socket, peer, permit, until, &shared).await else {
            shared.handler.greeted(Greeting::ProxyHeader);
            return socket.abort();
        };
        if !listener.takes(source) {
            shared.handler.greeted(Greeting::Denied);
            return socket.abort();
        }
        connected.peer = source;
    }
    connected.of_trusted_proxy = shared.settings.trusted.trusts(connected.peer.ip());
    let Some(tls) = &listener.tls else {
        let http2 = listener.h2c && speaks_http2(&socket, until).await;
        let connected = Rc::new(connected);
        return match http2 {
            true => http2::run(socket, connected, shared).await,
            false => http1::run(socket, connected, shared).await,
        };
    };
    if speaks_clear_text(&socket, until).await {
        return send_away(&socket, connected.peer, &shared).await;
    }
    match tls
        .handshake(socket, until.saturating_duration_since(Instant::now()))
        .await
    {
        Ok(None) => {}
        Ok(Some((stream, secured))) => {
            let greeting = if secured.resumed {
                Greeting::Resumed
            } else {
                Greeting::Handshake
            };
            shared.handler.greeted(greeting);
            let http2 = secured.http2;
            connected.secured = Some(secured);
            let connected = Rc::new(connected);
            if http2 {
                // Its large states are not paid for by connections of HTTP/1.1.
                Box::pin(http2::run(stream, connected, shared)).await;
            } else {
                http1::run(stream, connected, shared).await;
            }
        }
        Err(error) => {
            let reason = handshake::reason(&error);
            shared.handler.handshake_failed(connected.peer, reason.as_deref());
        }
    }
}

/// The client that a trusted proxy names; none where the connection is not to be served.
async fn introduced<H: Serve>(
    socket: &mut TcpStream,
    peer: SocketAddr,
    permit: &mut Permit,
    until: Instant,
    shared: &Shared<H>,
) -> Option<SocketAddr> {
    if !shared.settings.trusted.trusts(peer.ip()) {
        tracing::debug!(%peer, "closed: not a trusted proxy, and only those are expected at this address");
        return None;
    }
    match tokio::time::timeout_at(until, proxy_protocol::read(socket)).await {
        Ok(Ok(None)) => Some(peer),
        Ok(Ok(Some(source))) if permit.attribute(source.ip()) => Some(source),
        Ok(Ok(Some(source))) => {
            tracing::debug!(%source, "closed: too many connections from this address");
            None
        }
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "closed");
            None
        }
        Err(_) => None,
    }
}

/// Whether the client begins with a letter, as requests do: TLS begins with the number of its handshake, 22 (RFC 8446 section
/// 5.1). Looks without taking.
async fn speaks_clear_text(socket: &TcpStream, until: Instant) -> bool {
    let mut first = [0];
    let looked = tokio::time::timeout_at(until, socket.peek(&mut first)).await;
    matches!(looked, Ok(Ok(1))) && first.first().is_some_and(u8::is_ascii_alphabetic)
}

/// Says in the clear that this address speaks TLS: an alert would be noise to whoever asked.
async fn send_away<H: Serve>(socket: &TcpStream, peer: SocketAddr, shared: &Shared<H>) {
    let (refusal, id) = (Refusal::ClearText, shared.next_id());
    shared.handler.refused(&refusal, &id, peer);
    let _ = socket.try_write(&refusal.to_wire(&id));
    let _ = SockRef::from(socket).shutdown(Shutdown::Write);
    // What is left unread would make closing take the answer back; more than a head is nobody's who reads answers.
    let mut rest = [0; 4096];
    for _ in 0..CLEAR_TEXT_READS_MAX {
        let more = tokio::time::timeout(LOOK_AGAIN.1, socket.readable()).await;
        if !matches!(more, Ok(Ok(()))) || matches!(socket.try_read(&mut rest), Ok(0)) {
            return;
        }
    }
}

/// Whether the client begins with the preface of HTTP/2. Looks without taking; a client that says nothing is told apart later.
async fn speaks_http2(socket: &TcpStream, until: Instant) -> bool {
    let mut seen = [0; PREFACE_TOLD];
    let looking = async {
        let mut pause = LOOK_AGAIN.0;
        loop {
            let Ok(count) = socket.peek(&mut seen).await else {
                return false;
            };
            let told = seen.get(..count).unwrap_or_default();
            if count == 0 || !PREFACE.starts_with(told) {
                return false;
            }
            if count == PREFACE_TOLD {
                return true;
            }
            // Readiness does not end while bytes are there, so nothing can be waited for but time.
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_AGAIN.1);
        }
    };
    tokio::time::timeout_at(until, looking).await.unwrap_or(false)
}
