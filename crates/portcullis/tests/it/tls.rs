//! TLS as callers meet it: versions, groups, names, tickets, certificates that change, certificates of callers.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa, KeyIdMethod,
    KeyPair, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, RootCertStore, StreamOwned};

use crate::gate::{Directory, Gate, Setup, until};
use crate::http::{THING, THINGS};
use crate::upstream::Upstream;

/// An authority of the tests' own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate of an authority, in PEM.
pub(crate) struct Issued {
    pub(crate) chain: String,
    pub(crate) key: String,
    /// What a revocation list calls it.
    serial: u64,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("authority")
    }

    pub(crate) fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn issue(&self, names: &[&str]) -> Issued {
        self.issue_as(names, |_| {})
    }

    /// A certificate that says more than names.
    pub(crate) fn issue_as(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Issued {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let (key, serial) = (KeyPair::generate().unwrap(), SERIAL.fetch_add(1, Ordering::Relaxed));
        let mut params = CertificateParams::new(names).unwrap();
        params.serial_number = Some(SerialNumber::from(serial));
        change(&mut params);
        Issued {
            chain: params.signed_by(&key, &self.0).unwrap().pem(),
            key: key.serialize_pem(),
            serial,
        }
    }

    /// A list that takes this certificate back, in PEM.
    pub(crate) fn revoke(&self, issued: &Issued) -> String {
        self.revoke_until(issued, 2200)
    }

    /// One that is out of date from the beginning of this year on.
    pub(crate) fn revoke_until(&self, issued: &Issued, year: i32) -> String {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(issued.serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(year, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.0).unwrap().pem().unwrap()
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }
}

impl Issued {
    pub(crate) fn write(&self, directory: &Directory, name: &str) {
        directory.write(&format!("{name}.pem"), &self.chain);
        directory.write_secret(&format!("{name}.key"), &self.key);
    }
}

/// A caller's side of TLS.
pub(crate) struct Caller {
    roots: RootCertStore,
    versions: &'static [&'static rustls::SupportedProtocolVersion],
    groups: Vec<&'static dyn SupportedKxGroup>,
    alpn: Vec<Vec<u8>>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

impl Caller {
    pub(crate) fn new(authority: &Authority) -> Self {
        Self {
            roots: authority.roots(),
            versions: rustls::ALL_VERSIONS,
            groups: vec![kx_group::X25519MLKEM768, kx_group::X25519],
            alpn: Vec::new(),
            identity: None,
        }
    }

    pub(crate) fn offering(mut self, alpn: &[&str]) -> Self {
        self.alpn = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        self
    }

    fn speaking(mut self, versions: &'static [&'static rustls::SupportedProtocolVersion]) -> Self {
        self.versions = versions;
        self
    }

    fn with_groups(mut self, groups: &[&'static dyn SupportedKxGroup]) -> Self {
        self.groups = groups.to_vec();
        self
    }

    pub(crate) fn known_as(mut self, issued: &Issued) -> Self {
        use rustls::pki_types::pem::PemObject as _;
        let chain = CertificateDer::pem_slice_iter(issued.chain.as_bytes()).collect::<Result<_, _>>();
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
        self.identity = Some((chain.unwrap(), key));
        self
    }

    pub(crate) fn config(self) -> Arc<ClientConfig> {
        let provider = CryptoProvider {
            kx_groups: self.groups,
            ..aws_lc_rs::default_provider()
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(self.roots);
        let mut config = match self.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
        };
        config.alpn_protocols = self.alpn;
        Arc::new(config)
    }
}

/// A connection after its handshake.
pub(crate) type Secure = StreamOwned<ClientConnection, TcpStream>;

/// Shakes hands with `name`; an empty one names nobody.
pub(crate) fn connect(config: &Arc<ClientConfig>, address: SocketAddr, name: &str) -> io::Result<Secure> {
    let socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let name = match name {
        "" => ServerName::IpAddress(address.ip().into()),
        name => ServerName::try_from(name.to_owned()).unwrap(),
    };
    let connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, socket);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// One request, and all that is answered until the end.
fn ask(stream: &mut Secure, host: &str) -> io::Result<String> {
    write!(
        stream,
        "GET /things/1 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8(answer).unwrap())
}

const ONLY_1_2: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];
const ONLY_1_3: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];
const CERTIFICATE: &str = "certificates: {chain: a.pem, key: a.key}";

fn start(tls: &str, write: impl Fn(&Directory), upstream: &Upstream) -> Gate {
    let directory = Setup::new(THINGS, upstream.address)
        .with_api("hosts: [a.example, b.example, sub.b.example]")
        .listening(&format!("{{address: '127.0.0.1:0', tls: {{{tls}}}}}"))
        .written();
    write(&directory);
    Gate::start(directory)
}

fn for_a(authority: &Authority, upstream: &Upstream, tls: &str) -> Gate {
    let issued = authority.issue(&["a.example", "127.0.0.1"]);
    start(tls, |directory| issued.write(directory, "a"), upstream)
}

#[test]
fn a_request_over_tls_is_served_and_told_to_come_back_so() {
    let (authority, upstream) = (Authority::new(), Upstream::with_json(THING));
    let gate = for_a(&authority, &upstream, CERTIFICATE);
    let config = Caller::new(&authority).config();
    let mut stream = connect(&config, gate.address, "a.example").unwrap();
    assert_eq!(stream.conn.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    let group = stream.conn.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
    let answer = ask(&mut stream, "a.example").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer.contains("strict-transport-security: max-age=31536000\r\n"),
        "{answer}"
    );
    assert_eq!(upstream.one().header("x-forwarded-proto"), Some("https"));
    // A refusal of the listener's own says it too.
    let mut stream = connect(&config, gate.address, "a.example").unwrap();
    write!(
        stream,
        "GET /a//b HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("strict-transport-security: "), "{answer}");
    assert_eq!(
        gate.metric(&["portcullis_tls_handshakes_total"]),
        1.0,
        "the second was resumed"
    );
}

#[test]
fn only_the_versions_and_groups_that_are_meant_are_spoken() {
    let (authority, upstream) = (Authority::new(), Upstream::with_json(THING));
    let modern = for_a(&authority, &upstream, CERTIFICATE);
    let lenient = for_a(&authority, &upstream, &format!("{CERTIFICATE}, version_min: '1.2'"));
    let with = |versions: &'static [&'static rustls::SupportedProtocolVersion],
                groups: &[&'static dyn SupportedKxGroup],
                gate: &Gate| {
        let config = Caller::new(&authority).speaking(versions).with_groups(groups).config();
        let version = |stream: Secure| stream.conn.protocol_version().unwrap();
        connect(&config, gate.address, "a.example").map(version).ok()
    };
    let (v12, v13) = (ProtocolVersion::TLSv1_2, ProtocolVersion::TLSv1_3);
    let x25519: &[&'static dyn SupportedKxGroup] = &[kx_group::X25519];
    assert_eq!(with(ONLY_1_2, x25519, &modern), None);
    assert_eq!(with(ONLY_1_2, x25519, &lenient), Some(v12));
    for (group, spoken) in [
        (kx_group::X25519MLKEM768, true),
        (kx_group::X25519, true),
        (kx_group::SECP256R1, true),
        (kx_group::SECP384R1, false),
        (kx_group::MLKEM768, false),
    ] {
        let found = with(ONLY_1_3, &[group], &modern);
        assert_eq!(found, spoken.then_some(v13), "{:?}", group.name());
    }
    until("the failures are counted", || {
        modern.metric(&["portcullis_tls_handshake_failures_total"]) >= 3.0
    });
}

#[test]
fn each_host_gets_its_certificate_and_an_unknown_one_none() {
    let (authority, upstream) = (Authority::new(), Upstream::with_json(THING));
    let (a, b) = (
        authority.issue(&["a.example", "127.0.0.1"]),
        authority.issue(&["*.b.example"]),
    );
    let certificates = "certificates: [{chain: a.pem, key: a.key}, {chain: b.pem, key: b.key}]";
    let write = |directory: &Directory| {
        a.write(directory, "a");
        b.write(directory, "b");
    };
    let gate = start(certificates, write, &upstream);
    let config = Caller::new(&authority).config();
    for (name, found) in [
        ("a.example", true),
        ("sub.b.example", true),
        ("", true),
        ("b.example", false),
        ("x.sub.b.example", false),
        ("c.example", false),
    ] {
        assert_eq!(connect(&config, gate.address, name).is_ok(), found, "{name:?}");
    }
}

#[test]
fn sessions_are_resumed_also_after_a_reload() {
    let (authority, upstream) = (Authority::new(), Upstream::with_json(THING));
    let gate = for_a(&authority, &upstream, CERTIFICATE);
    let config = Caller::new(&authority).config();
    let kind = || {
        let mut stream = connect(&config, gate.address, "a.example").unwrap();
        ask(&mut stream, "a.example").unwrap();
        stream.conn.handshake_kind().unwrap()
    };
    assert_eq!(kind(), HandshakeKind::Full);
    assert_eq!(kind(), HandshakeKind::Resumed);
    authority.issue(&["a.example"]).write(&gate.directory, "a");
    gate.signal("-HUP");
    until("a reload", || {
        gate.metric(&["portcullis_reloads_total", "applied"]) > 1.0
    });
    assert_eq!(kind(), HandshakeKind::Resumed);
    assert!(gate.metric(&["portcullis_tls_resumptions_total"]) >= 2.0);
}

#[test]
fn a_certificate_is_changed_without_a_restart_and_a_broken_one_changes_nothing() {
    let (authority, other, upstream) = (Authority::new(), Authority::new(), Upstream::with_json(THING));
    let gate = for_a(&authority, &upstream, CERTIFICATE);
    let (old, new) = (Caller::new(&authority).config(), Caller::new(&other).config());
    let mut open = connect(&old, gate.address, "a.example").unwrap();
    other.issue(&["a.example"]).write(&gate.directory, "a");
    // Nobody said so: the files are watched.
    until("the new certificate", || {
        connect(&new, gate.address, "a.example").is_ok()
    });
    let answer = ask(&mut open, "a.example").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "what was open stays: {answer}");
    let refused = gate.metric(&["portcullis_reloads_total", "refused"]);
    gate.directory.write("a.key", &authority.issue(&["a.example"]).key);
    until("a refused reload", || {
        gate.metric(&["portcullis_reloads_total", "refused"]) > refused
    });
    assert!(connect(&new, gate.address, "a.example").is_ok());
    gate.logs(&["is not that of the certificate"]);
}

#[test]
fn a_certificate_is_changed_beside_what_needs_a_restart() {
    let (authority, other, upstream) = (Authority::new(), Authority::new(), Upstream::with_json(THING));
    let first = format!("{{address: '127.0.0.1:0', tls: {{{CERTIFICATE}}}}}");
    let directory = Setup::new(THINGS, upstream.address)
        .listening(&format!(
            "[{first}, {{address: '127.0.0.2:0', name: old}}, 127.0.0.3:0]"
        ))
        .written();
    authority.issue(&["a.example"]).write(&directory, "a");
    let gate = Gate::start(directory);
    let offers = |authority: &Authority| connect(&Caller::new(authority).config(), gate.address, "a.example").is_ok();
    assert!(offers(&authority));
    let elsewhere = gate
        .directory
        .read("gate.yaml")
        .replace("{address: '127.0.0.1:0', ", "{address: '127.0.0.1:0', name: first, ")
        .replace("name: old", "name: new, h2c: true")
        .replace("127.0.0.3:0", "127.0.0.4:0");
    other.issue(&["b.example", "a.example"]).write(&gate.directory, "b");
    let changed = elsewhere.replace(CERTIFICATE, "certificates: {chain: b.pem, key: b.key}");
    gate.directory.write("gate.yaml", &changed);
    until("the new certificate", || offers(&other));
    for setting in [
        "listen 127.0.0.1:0: name",
        "listen 127.0.0.2:0: name",
        "listen 127.0.0.2:0: h2c",
        "listen 127.0.0.3:0: removed",
        "listen 127.0.0.4:0: added",
    ] {
        let setting = format!("\"setting\":\"{setting}\"");
        until(&setting, || gate.log().iter().any(|line| line.contains(&setting)));
    }
    // A pair that cannot be used changes nothing.
    gate.directory.write("a.key", &authority.issue(&["a.example"]).key);
    let refused = gate.metric(&["portcullis_reloads_total", "refused"]);
    gate.directory.write("gate.yaml", &elsewhere);
    until("a refused reload", || {
        gate.metric(&["portcullis_reloads_total", "refused"]) > refused
    });
    assert!(offers(&other));
}

#[test]
fn callers_present_a_certificate_where_one_is_asked_for() {
    let (authority, clients, upstream) = (Authority::new(), Authority::new(), Upstream::with_json(THING));
    let issued = authority.issue(&["a.example"]);
    let write = |directory: &Directory| {
        issued.write(directory, "a");
        directory.write("clients.pem", &clients.pem());
    };
    let gate = start(
        &format!("{CERTIFICATE}, client_authorities: clients.pem"),
        write,
        &upstream,
    );
    let asks = |caller: Caller| {
        let mut stream = connect(&caller.config(), gate.address, "a.example")?;
        ask(&mut stream, "a.example")
    };
    let known = Caller::new(&authority).known_as(&clients.issue(&["service"]));
    assert!(asks(known).unwrap().starts_with("HTTP/1.1 200 "));
    // A ticket would bring the certificate back unlooked at, after it was revoked or had expired.
    let config = Caller::new(&authority).known_as(&clients.issue(&["service"])).config();
    for _ in 0..2 {
        let mut stream = connect(&config, gate.address, "a.example").unwrap();
        ask(&mut stream, "a.example").unwrap();
        assert_eq!(stream.conn.handshake_kind(), Some(HandshakeKind::Full));
    }
    assert!(asks(Caller::new(&authority)).is_err(), "none");
    let stranger = Caller::new(&authority).known_as(&authority.issue(&["service"]));
    assert!(asks(stranger).is_err(), "of another authority");
}

#[test]
fn every_revocation_list_of_a_file_counts() {
    let (authority, upstream) = (Authority::new(), Upstream::with_json(THING));
    let clients = ["first", "second"].map(Authority::named);
    let [good, revoked] = [(); 2].map(|()| clients.each_ref().map(|clients| clients.issue(&["service"])));
    let issued = authority.issue(&["a.example"]);
    let write = |directory: &Directory| {
        issued.write(directory, "a");
        directory.write("clients.pem", &clients.each_ref().map(Authority::pem).concat());
        let lists = [0, 1].map(|number| clients[number].revoke(&revoked[number]));
        directory.write("revoked.pem", &lists.concat());
    };
    let gate = start(
        &format!("{CERTIFICATE}, client_authorities: clients.pem, client_revocations: [revoked.pem]"),
        write,
        &upstream,
    );
    let is_served = |issued: &Issued| {
        let config = Caller::new(&authority).known_as(issued).config();
        let answer = connect(&config, gate.address, "a.example").and_then(|mut stream| ask(&mut stream, "a.example"));
        answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
    };
    for number in [0, 1] {
        assert!(is_served(&good[number]), "of authority {number}");
        assert!(!is_served(&revoked[number]), "revoked by list {number}");
    }
}

#[test]
fn what_changes_where_certificates_are_ordered_counts_after_a_restart() {
    let (authority, upstream) = (Authority::new(), Upstream::with_json(THING));
    // Nobody is asked: what is in the storage is good for a long time.
    let acme = "acme: {directory: 'https://127.0.0.1:1/', hosts: [a.example], storage: kept, terms_agreed: true}";
    let mut gate = start(
        acme,
        |directory| authority.issue(&["a.example"]).write(directory, "kept/a.example"),
        &upstream,
    );
    let speaks = |gate: &Gate, versions| {
        let config = Caller::new(&authority).speaking(versions).config();
        connect(&config, gate.address, "a.example").is_ok()
    };
    assert!(speaks(&gate, ONLY_1_3) && !speaks(&gate, ONLY_1_2));
    let before = gate.directory.read("gate.yaml");
    let told = gate.log().len();
    let after = before.replace(acme, &format!("{acme}, version_min: '1.2'"));
    assert_ne!(after, before);
    gate.directory.write("gate.yaml", &after);
    until("the log says what needs a restart", || {
        let lines = &gate.log()[told..];
        lines
            .iter()
            .any(|line| line.contains("restart") && line.contains("listen"))
    });
    assert!(
        speaks(&gate, ONLY_1_3) && !speaks(&gate, ONLY_1_2),
        "a renewal would take it back"
    );
    gate.restart();
    assert!(speaks(&gate, ONLY_1_3) && speaks(&gate, ONLY_1_2));
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let (authority, upstream) = (Authority::new(), Upstream::with_json(THING));
    let setup =
        Setup::new(THINGS, upstream.address).listening(&format!("{{address: '127.0.0.1:0', tls: {{{CERTIFICATE}}}}}"));
    let directory = setup.written();
    let told = |directory: &Directory| {
        let output = crate::gate::run(&directory.0, &["serve", "-c", "gate.yaml"]);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(told(&directory).contains("a.pem"), "{}", told(&directory));
    let issued = authority.issue(&["a.example"]);
    directory.write("a.pem", &issued.chain);
    assert!(told(&directory).contains("a.key"), "{}", told(&directory));
    directory.write("a.key", &authority.issue(&["b.example"]).key);
    assert!(
        told(&directory).contains("is not that of the certificate"),
        "{}",
        told(&directory)
    );
    directory.write("a.pem", "nothing");
    assert!(told(&directory).contains("a.pem"), "{}", told(&directory));
}

#[test]
fn plain_http_at_a_tls_address_is_told_to_speak_tls() {
    let (authority, upstream) = (Authority::new(), Upstream::with_json(THING));
    let gate = for_a(&authority, &upstream, CERTIFICATE);
    let mut socket = TcpStream::connect(gate.address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
        .write_all(b"GET /things/1 HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert!(answer.contains("\"http.tls_required\""), "{answer}");
    assert!(upstream.seen().is_empty());
}

#[test]
fn http_6_a_proxy_header_counts_from_trusted_proxies_only() {
    let upstream = Upstream::with_json(THING);
    let request = b"GET /things/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let send = |gate: &Gate, header: &[u8]| {
        let mut socket = TcpStream::connect(gate.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let _ = socket.write_all(&[header, request].concat());
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let behind = |proxies: &str| {
        Setup::new(THINGS, upstream.address)
            .with(proxies)
            .listening("{address: '127.0.0.1:0', proxy_protocol: true}")
            .start()
    };
    let gate = behind("trusted_proxies: [127.0.0.0/8]");
    let header = b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n";
    assert!(send(&gate, header).starts_with("HTTP/1.1 200 "));
    assert_eq!(upstream.one().header("x-forwarded-for"), Some("192.0.2.7"));
    assert_eq!(send(&gate, b""), "", "a header is due");
    assert_eq!(gate.metric(&["portcullis_proxy_header_failures_total"]), 1.0);
    let strange = behind("trusted_proxies: [192.0.2.0/24]");
    assert_eq!(send(&strange, header), "", "a stranger");
    let plain = Setup::new(THINGS, upstream.address)
        .with("trusted_proxies: [127.0.0.0/8]")
        .start();
    assert!(send(&plain, header).starts_with("HTTP/1.1 400 "), "nobody asked for it");
    assert!(upstream.seen().is_empty());
}
