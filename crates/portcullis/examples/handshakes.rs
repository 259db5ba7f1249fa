//! Shakes hands with a TLS 1.3 server, for `bench/run`: as many times as fit into some seconds, on a few threads, every
//! handshake of the kind and with the group that were asked for.
//!
//! Nothing is requested, but HTTP/2 is begun, because some servers send the ticket of a session only with their first words.
//!
//!     handshakes ADDRESS AUTHORITY.pem SECONDS full|resumed X25519|X25519MLKEM768

use std::error::Error;
use std::io::{self, ErrorKind, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, version};

/// So many connections are under way at once.
const THREADS: usize = 8;
/// The client's preface and empty settings (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const WAIT_MAX: Duration = Duration::from_secs(5);

type Failure = Box<dyn Error + Send + Sync>;

/// What is to be done.
#[derive(Clone)]
struct Task {
    address: SocketAddr,
    config: ClientConfig,
    kind: HandshakeKind,
    until: Instant,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, authority, seconds, kind, group] = arguments.as_slice() else {
        return Err("usage: handshakes ADDRESS AUTHORITY.pem SECONDS full|resumed X25519|X25519MLKEM768".into());
    };
    let kind = match kind.as_str() {
        "full" => HandshakeKind::Full,
        "resumed" => HandshakeKind::Resumed,
        other => return Err(format!("`{other}` is neither full nor resumed").into()),
    };
    let task = Task {
        address: address.parse()?,
        config: config(Path::new(authority), group)?,
        kind,
        until: Instant::now() + Duration::from_secs(seconds.parse()?),
    };
    let workers: Vec<_> = (0..THREADS)
        .map(|_| {
            let task = task.clone();
            std::thread::spawn(move || task.shake_until_the_end())
        })
        .collect();
    let mut handshakes = 0;
    for worker in workers {
        handshakes += worker.join().map_err(|_| "a thread failed")??;
    }
    println!("{{\"handshakes\": {handshakes}}}");
    Ok(())
}

/// A client that knows this one group.
fn config(authority: &Path, group: &str) -> Result<ClientConfig, Failure> {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = match group {
        "X25519" => vec![aws_lc_rs::kx_group::X25519],
        "X25519MLKEM768" => vec![aws_lc_rs::kx_group::X25519MLKEM768],
        other => return Err(format!("`{other}` is neither X25519 nor X25519MLKEM768").into()),
    };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority)?)?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

impl Task {
    /// How many handshakes were done.
    fn shake_until_the_end(mut self) -> Result<u64, Failure> {
        self.config.resumption = Resumption::in_memory_sessions(1);
        let mut config = Arc::new(self.config.clone());
        if self.kind == HandshakeKind::Resumed {
            shake(&config, self.address)?;
        }
        let mut handshakes = 0;
        while Instant::now() < self.until {
            if self.kind == HandshakeKind::Full {
                // Tickets are taken in both kinds, and forgotten in this one.
                self.config.resumption = Resumption::in_memory_sessions(1);
                config = Arc::new(self.config.clone());
            }
            let kind = shake(&config, self.address)?;
            if kind != Some(self.kind) {
                return Err(format!("a handshake was {kind:?}, not {:?}", self.kind).into());
            }
            handshakes += 1;
        }
        Ok(handshakes)
    }
}

/// One handshake, until the server has sent its first ticket.
fn shake(config: &Arc<ClientConfig>, address: SocketAddr) -> Result<Option<HandshakeKind>, Failure> {
    let name = ServerName::IpAddress(address.ip().into());
    let mut connection = ClientConnection::new(Arc::clone(config), name)?;
    let mut stream = TcpStream::connect_timeout(&address, WAIT_MAX)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(WAIT_MAX))?;
    stream.set_write_timeout(Some(WAIT_MAX))?;
    connection.writer().write_all(PREFACE)?;
    while connection.is_handshaking() || connection.tls13_tickets_received() == 0 {
        while connection.wants_write() {
            connection.write_tls(&mut stream)?;
        }
        if connection.read_tls(&mut stream)? == 0 {
            return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        connection.process_new_packets()?;
    }
    let kind = connection.handshake_kind();
    connection.send_close_notify();
    while connection.wants_write() {
        connection.write_tls(&mut stream)?;
    }
    Ok(kind)
}
