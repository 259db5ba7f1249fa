//! Upstreams that speak TLS: whom the gate believes, what it shows, and that certificates change without a restart.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::gate::{Directory, Gate, run, until};
use crate::http::{THING, THINGS};
use crate::upstream::ok;

/// An authority, and a certificate that it vouches for.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key.
pub(crate) struct Own {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub(crate) fn vouch(&self, name: &str) -> Own {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Own { certificate, key }
    }

    /// A server with this certificate, which asks for one of this authority where `mutual`.
    pub(crate) fn server(&self, own: &Own, mutual: bool) -> ServerConfig {
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if mutual {
            let mut roots = RootCertStore::empty();
            roots.add(self.issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivatePkcs8KeyDer::from(own.key.serialize_der());
        builder
            .with_single_cert(vec![own.certificate.der().clone()], key.into())
            .unwrap()
    }
}

impl Own {
    /// Writes certificate and key as `NAME.pem` and `NAME.key`.
    fn write(&self, directory: &Directory, name: &str) {
        directory.write(&format!("{name}.pem"), &self.certificate.pem());
        directory.write_secret(&format!("{name}.key"), &self.key.serialize_pem());
    }
}

/// Answers every request with a thing, in TLS.
fn serve(config: ServerConfig) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let config = Arc::clone(&config);
            std::thread::spawn(move || answer(socket, config));
        }
    });
    address
}

fn answer(socket: TcpStream, config: Arc<ServerConfig>) {
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let session = ServerConnection::new(config).unwrap();
    let mut stream = BufReader::new(StreamOwned::new(session, socket));
    let mut line = String::new();
    while stream.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
        if line == "\r\n" && stream.get_mut().write_all(&ok("application/json", THING)).is_err() {
            return;
        }
        line.clear();
    }
}

fn configuration(upstream: SocketAddr, tls: &str) -> String {
    format!(
        "listen: 127.0.0.1:0\nadmin: {{listen: '127.0.0.1:0'}}\nworkers: 1\napis:\n  - name: api\n    contract: api.yaml\n    upstream:\n      \
         url: https://localhost:{}\n      {tls}\n",
        upstream.port()
    )
}

fn directory(upstream: SocketAddr, tls: &str) -> Directory {
    let directory = Directory::new();
    directory.write("api.yaml", THINGS);
    directory.write("gate.yaml", &configuration(upstream, tls));
    directory
}

#[test]
fn mutual_tls_reaches_the_upstream_and_strangers_do_not() {
    let authority = Authority::new();
    let upstream = serve(authority.server(&authority.vouch("localhost"), true));
    let mutual = "tls: {ca: ca.pem, certificate: gate.pem, key: gate.key}";
    let check = |tls: &str, status: u16, code: &str| {
        let directory = directory(upstream, tls);
        directory.write("ca.pem", &authority.pem());
        directory.write("other.pem", &Authority::new().pem());
        authority.vouch("gate").write(&directory, "gate");
        let answer = Gate::start(directory).get("/things");
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{tls}");
    };
    check(mutual, 200, "");
    check("tls: {ca: ca.pem}", 502, "upstream.error");
    check(
        "tls: {ca: other.pem, certificate: gate.pem, key: gate.key}",
        502,
        "upstream.connect",
    );
    let named = "tls: {ca: ca.pem, certificate: gate.pem, key: gate.key, server_name: orders.example}";
    check(named, 502, "upstream.connect");
    let pinned = format!(
        "tls: {{certificate_sha256: '{}', certificate: gate.pem, key: gate.key}}",
        "0f".repeat(32)
    );
    check(&pinned, 502, "upstream.connect");
}

#[test]
fn certificates_change_without_a_restart() {
    let (first, second) = (Authority::new(), Authority::new());
    let upstream = serve(second.server(&second.vouch("localhost"), true));
    let directory = directory(upstream, "tls: {ca: ca.pem, certificate: gate.pem, key: gate.key}");
    directory.write("ca.pem", &first.pem());
    first.vouch("gate").write(&directory, "gate");
    let gate = Gate::start(directory);
    gate.get("/things").is_refused(502, "upstream.connect");
    second.vouch("gate").write(&gate.directory, "gate");
    gate.directory.write("ca.pem", &second.pem());
    until("the new certificates are in force", || {
        gate.get("/things").status == 200
    });
    gate.directory.write("ca.pem", "nothing");
    until("the broken ones are refused", || {
        gate.metric(&["portcullis_reloads_total", "refused"]) > 0.0
    });
    assert_eq!(gate.get("/things").status, 200);
    gate.logs(&["holds no certificate"]);
}

#[test]
fn check_tells_what_is_wrong_with_certificates() {
    let authority = Authority::new();
    let check = |tls: &str, expected: &str| {
        let directory = directory("127.0.0.1:1".parse().unwrap(), tls);
        directory.write("ca.pem", &authority.pem());
        authority.vouch("gate").write(&directory, "gate");
        authority.vouch("other").write(&directory, "other");
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains(expected), "{tls}: {told}");
        assert_eq!(
            output.status.code(),
            Some(i32::from(expected != "no problems")),
            "{tls}: {told}"
        );
    };
    check("tls: {ca: none.pem}", "gate.yaml:9:17: error: cannot read `none.pem`");
    check(
        "tls: {ca: gate.key}",
        "gate.yaml:9:17: error: `gate.key` holds a private key where a certificate is expected",
    );
    check(
        "tls: {certificate: gate.pem}",
        "`certificate` stands here without `key`",
    );
    check("tls: {key: gate.key}", "`key` stands here without `certificate`");
    check(
        "tls: {ca: ca.pem, certificate: gate.pem, key: other.key}",
        "gate.yaml:9:53: error: the key in `other.key` is not that of the certificate in `gate.pem`",
    );
    check("tls: {certificate_sha256: abc}", "`abc` is not a SHA-256 digest");
    let both = format!("tls: {{ca: ca.pem, certificate_sha256: '{}'}}", "0f".repeat(32));
    check(&both, "two ways to believe an upstream");
    check(
        "tls: {ca: ca.pem, server_name: 'a:1'}",
        "no name that a certificate carries",
    );
    check("tls: {ca: ca.pem, verify: false}", "unknown key `verify`");
}
