//! What a connection is served on: a TCP socket, or TLS over one.

use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};

/// A stream that a connection can be served on.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Makes closing it throw away what the peer does not take, so that a peer which never reads holds no kernel memory.
    fn abort(&self);

    /// Ready when bytes, or the end, can be read that nobody has taken. Only after a read found nothing.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()>;
}

impl Transport for tokio_rustls::server::TlsStream<tokio::net::TcpStream> {
    fn abort(&self) {
        self.get_ref().0.abort();
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.get_ref().0.poll_readable(cx)
    }
}

impl Transport for tokio::net::TcpStream {
    fn abort(&self) {
        // Failing leaves the ordinary close, which is only slower.
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        // An error is told by the read that follows.
        self.poll_read_ready(cx).map(drop)
    }
}
