//! Peers in this process: a web server, and a receiver of syslog over TLS.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};

/// What a server answers to a path and a body: a status, and a body.
type Answer = dyn Fn(&str, &[u8]) -> (u16, Vec<u8>);

/// A server that answers each request by what a function says of its path and body.
pub(super) struct Web {
    pub(super) address: SocketAddr,
}

impl Web {
    pub(super) fn answering(answer: impl Fn(&str, &[u8]) -> (u16, Vec<u8>) + Send + Sync + 'static) -> Self {
        Self::at(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    pub(super) fn at(
        listener: TcpListener,
        answer: impl Fn(&str, &[u8]) -> (u16, Vec<u8>) + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || serve(socket.unwrap(), &*answer));
            }
        });
        Self { address }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn serve(mut socket: TcpStream, answer: &Answer) -> Option<()> {
    let mut octets = Vec::new();
    let mut chunk = [0; 4096];
    let (head, mut body) = loop {
        let read = socket.read(&mut chunk).ok().filter(|read| *read > 0)?;
        octets.extend_from_slice(&chunk[..read]);
        if let Some(end) = octets.windows(4).position(|four| four == b"\r\n\r\n") {
            break (
                String::from_utf8(octets[..end].to_vec()).unwrap(),
                octets[end + 4..].to_vec(),
            );
        }
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().unwrap())
    });
    while body.len() < length.unwrap_or(0) {
        let read = socket.read(&mut chunk).ok().filter(|read| *read > 0)?;
        body.extend_from_slice(&chunk[..read]);
    }
    let (status, said) = answer(head.split(' ').nth(1)?, &body);
    let length = said.len();
    let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    socket.write_all(&[head.as_bytes(), &said].concat()).ok()
}

/// What a receiver does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Reads everything, and answers the close.
    Good,
    /// Goes away after so many octets.
    BreaksAfter(usize),
    /// Reads everything that comes, and ends without a word: as somebody on the way might, before it was read.
    EndsInSilence,
}

/// A receiver of syslog over TLS that asks for a client certificate, with the authority for both sides.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    messages: Arc<Mutex<Vec<String>>>,
}

/// An authority, and what it has vouched for, in PEM.
pub(super) struct Authority {
    pub(super) certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { certificate, issuer }
    }

    pub(super) fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    fn root(&self) -> RootCertStore {
        use rustls::pki_types::pem::PemObject as _;
        let mut store = RootCertStore::empty();
        store
            .add(CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap())
            .unwrap();
        store
    }

    fn server(&self) -> Arc<ServerConfig> {
        crate::files::install_crypto();
        let (certificate, key) = self.issue("localhost");
        let clients = WebPkiClientVerifier::builder(Arc::new(self.root())).build().unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder().with_client_cert_verifier(clients);
        Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap())
    }
}

impl Receiver {
    /// One that treats connections in these manners, one after the other, and then well.
    pub(super) fn start(listener: TcpListener, authority: &Authority, manners: Vec<Manner>) -> Self {
        let address = listener.local_addr().unwrap();
        let messages: Arc<Mutex<Vec<String>>> = Arc::default();
        let (told, config) = (Arc::clone(&messages), authority.server());
        let mut manners = manners.into_iter();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let octets = receive(socket.unwrap(), &config, manners.next().unwrap_or(Manner::Good));
                told.lock().unwrap().extend(messages_of(&octets));
            }
        });
        Self { address, messages }
    }

    pub(super) fn messages(&self) -> Vec<String> {
        self.messages.lock().unwrap().clone()
    }
}

fn receive(mut socket: TcpStream, config: &Arc<ServerConfig>, manner: Manner) -> Vec<u8> {
    let mut connection = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut octets = Vec::new();
    let mut chunk = [0; 1000];
    let mut stream = rustls::Stream::new(&mut connection, &mut socket);
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => octets.extend_from_slice(&chunk[..read]),
            Err(_) => return octets,
        }
        match manner {
            Manner::BreaksAfter(length) if octets.len() >= length => return octets,
            _ => {}
        }
    }
    if manner == Manner::EndsInSilence {
        drop(socket.shutdown(Shutdown::Both));
        // Whoever sent must not believe that this was read.
        return Vec::new();
    }
    stream.conn.send_close_notify();
    drop(stream.flush());
    octets
}

/// The whole messages of a stream, each behind its length (RFC 5425 section 4.3).
pub(super) fn messages_of(mut octets: &[u8]) -> Vec<String> {
    let mut messages = Vec::new();
    while let Some(end) = octets.iter().position(|octet| *octet == b' ') {
        let length: usize = std::str::from_utf8(&octets[..end]).unwrap().parse().unwrap();
        let Some(message) = octets.get(end + 1..end + 1 + length) else {
            break;
        };
        messages.push(String::from_utf8(message.to_vec()).unwrap());
        octets = &octets[end + 1 + length..];
    }
    messages
}
