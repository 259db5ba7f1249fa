//! Client certificates as proof of who calls, and tokens that are bound to one: over both versions of HTTP, on connections that outlive
//! their certificates, and forwarded by proxies.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_identity::thumbprint::Thumbprint;
use rcgen::{DnType, SanType};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, HandshakeKind};
use serde_json::{Value, json};

use crate::gate::{Directory, Gate, Setup, run, until};
use crate::http::THING;
use crate::identity_upstream::streaming;
use crate::tls::{Authority, Caller, Issued, Secure, connect};
use crate::tokens::{Issuer, key_set};
use crate::upstream::Upstream;

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Things, version: '1'}
paths:
  /things:
    get: {security: [{mtls: []}], responses: {'200': {$ref: '#/components/responses/things'}}}
  /either:
    get: {security: [{mtls: []}, {bearer: []}], responses: {'200': {$ref: '#/components/responses/things'}}}
  /both:
    get: {tags: [admin], security: [{mtls: [], bearer: []}], responses: {'200': {$ref: '#/components/responses/things'}}}
  /bearer:
    get: {security: [{bearer: []}], responses: {'200': {$ref: '#/components/responses/things'}}}
  /events:
    get: {security: [{bearer: []}], responses: {'200': {description: events, content: {text/event-stream: {schema: {type: string}}}}}}
  /public:
    get: {security: [], responses: {'200': {$ref: '#/components/responses/things'}}}
components:
  responses:
    things: {description: all, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  securitySchemes: {mtls: {type: mutualTLS}, bearer: {type: http, scheme: bearer}}
";

const SPIFFE: &str = "spiffe://example.org/ns/prod/sa/orders";
const RULES: &str = "[{spiffe: 'spiffe://example.org/ns/*/sa/orders'}, {dns: '*.clients.example'}, \
                     {email: '*@people.example', subject: user}, {dangerous_common_name: meter-7, subject: device}]";

/// An authority of callers, a gate that asks for their certificates, and a token issuer.
struct Site {
    servers: Authority,
    clients: Authority,
    issuer: Issuer,
    upstream: Upstream,
}

impl Site {
    fn new() -> Self {
        Self::before(Upstream::with_json(THING))
    }

    fn before(upstream: Upstream) -> Self {
        Self {
            servers: Authority::new(),
            clients: Authority::named("clients"),
            issuer: Issuer::new("one"),
            upstream,
        }
    }

    fn setup(&self, tls: &str) -> Setup {
        self.setup_on(&format!(
            "{{address: '127.0.0.1:0', tls: {{certificates: {{chain: a.pem, key: a.key}}, client_authorities: clients.pem{tls}}}}}"
        ))
    }

    fn setup_on(&self, listen: &str) -> Setup {
        Setup::new(CONTRACT, self.upstream.address)
            .listening(listen)
            .with(&format!("client_certificates: [{{name: partners, rules: {RULES}}}]"))
            .with_api("hosts: [a.example, localhost, 127.0.0.1]")
            .with_api("security_schemes: {mtls: {client_certificates: partners}, bearer: {issuers: [main]}}")
    }

    fn write(&self, setup: &Setup, binding: &str) -> Directory {
        let setup = setup.clone().with(&format!(
            "issuers: [{{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {{file: keys.json}}, \
             binding: {binding}}}]"
        ));
        let directory = setup.written();
        self.servers.issue(&["a.example", "localhost"]).write(&directory, "a");
        directory.write("clients.pem", &self.clients.pem());
        directory.write("keys.json", &key_set(&[&self.issuer]));
        directory
    }

    fn start(&self, tls: &str, binding: &str) -> Gate {
        Gate::start(self.write(&self.setup(tls), binding))
    }

    fn caller(&self, issued: Option<&Issued>) -> Arc<ClientConfig> {
        let caller = Caller::new(&self.servers);
        match issued {
            Some(issued) => caller.known_as(issued).config(),
            None => caller.config(),
        }
    }
}

/// Status and challenge.
type Told = (u16, Option<String>);

/// One request on a connection that stays open.
fn ask(stream: &mut Secure, path: &str, fields: &[(&str, &str)]) -> Told {
    try_ask(stream, path, fields).unwrap()
}

fn try_ask(stream: &mut Secure, path: &str, fields: &[(&str, &str)]) -> io::Result<Told> {
    let fields: String = fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n")?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let field = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned())
    };
    let length = field("content-length").unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok((status, field("www-authenticate")))
}

/// One request on a connection of its own; nothing where its handshake fails. With TLS 1.3, a client hears of that only after it is
/// done with its own side.
fn get(gate: &Gate, config: &Arc<ClientConfig>, path: &str, fields: &[(&str, &str)]) -> Option<u16> {
    let mut stream = connect(config, gate.address, "a.example").ok()?;
    try_ask(&mut stream, path, fields).ok().map(|(status, _)| status)
}

/// The same over HTTP/2.
fn get_by_http2(gate: &Gate, site: &Site, issued: &Issued, path: &str, fields: &[(&str, &str)]) -> u16 {
    let config = Caller::new(&site.servers).known_as(issued).offering(&["h2"]).config();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let socket = tokio::net::TcpStream::connect(gate.address).await.unwrap();
        let name = "a.example".try_into().unwrap();
        let stream = tokio_rustls::TlsConnector::from(config)
            .connect(name, socket)
            .await
            .unwrap();
        let (requests, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(async move {
            let _ = connection.await;
        });
        let mut request = http::Request::get(format!("https://a.example{path}"));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let answer = crate::http2::send(&requests, request.body(()).unwrap(), b"")
            .await
            .unwrap();
        answer.status.as_u16()
    })
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

fn email(text: &str) -> SanType {
    SanType::Rfc822Name(text.try_into().unwrap())
}

fn der(issued: &Issued) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(issued.chain.as_bytes()).unwrap()
}

fn bound_to(issued: &Issued) -> Value {
    json!({"cnf": {"x5t#S256": Thumbprint::of_certificate(&der(issued)).to_string()}})
}

/// Certificates of all kinds, and whether a rule is for each.
fn certificates(site: &Site) -> Vec<(&'static str, Issued, u16)> {
    vec![
        (
            "SPIFFE ID",
            site.clients
                .issue_as(&[], |params| params.subject_alt_names = vec![uri(SPIFFE)]),
            200,
        ),
        ("DNS name", site.clients.issue(&["orders.clients.example"]), 200),
        (
            "e-mail",
            site.clients.issue_as(&[], |params| {
                params.subject_alt_names = vec![email("ann@people.example")]
            }),
            200,
        ),
        (
            "CN",
            site.clients.issue_as(&[], |params| {
                params.distinguished_name.push(DnType::CommonName, "meter-7")
            }),
            200,
        ),
        ("nobody", site.clients.issue(&["orders.example"]), 401),
        (
            "two names of one rule",
            site.clients.issue(&["a.clients.example", "b.clients.example"]),
            401,
        ),
        (
            "two URIs",
            site.clients.issue_as(&["a.clients.example"], |params| {
                params
                    .subject_alt_names
                    .extend([uri(SPIFFE), uri("spiffe://example.org/ns/prod/sa/admin")]);
            }),
            401,
        ),
        (
            "another trust domain",
            site.clients.issue_as(&[], |params| {
                params.subject_alt_names = vec![uri("spiffe://evil.example/ns/prod/sa/orders")];
            }),
            401,
        ),
        (
            "a DNS name as CN",
            site.clients.issue_as(&[], |params| {
                params.distinguished_name.push(DnType::CommonName, "a.clients.example")
            }),
            401,
        ),
    ]
}

#[test]
fn oauth_16_a_certificate_proves_who_calls() {
    let site = Site::new();
    let gate = site.start(", client_certificates: optional", "none");
    for (what, issued, status) in certificates(&site) {
        let config = site.caller(Some(&issued));
        assert_eq!(get(&gate, &config, "/things", &[]), Some(status), "{what}");
        assert_eq!(get_by_http2(&gate, &site, &issued, "/things", &[]), status, "{what}");
        // What is presented has to be good also where something else would do.
        assert_eq!(get(&gate, &config, "/either", &[]), Some(status), "{what}");
        assert_eq!(get(&gate, &config, "/public", &[]), Some(200), "{what}");
    }
    let nobody = site.caller(None);
    let mut stream = connect(&nobody, gate.address, "a.example").unwrap();
    let asked = "ClientCertificate realm=\"api\"".to_owned();
    assert_eq!(ask(&mut stream, "/things", &[]), (401, Some(asked)));
    assert_eq!(get(&gate, &nobody, "/public", &[]), Some(200));
    let token = format!("Bearer {}", site.issuer.token());
    let bearer = [("Authorization", token.as_str())];
    let good = site.caller(Some(&site.clients.issue(&["orders.clients.example"])));
    assert_eq!(get(&gate, &nobody, "/either", &bearer), Some(200));
    assert_eq!(get(&gate, &good, "/both", &bearer), Some(200));
    assert_eq!(get(&gate, &good, "/both", &[]), Some(401));
    // The token is good, and not called otherwise: what is missing is the certificate.
    let incomplete = (401, Some("Bearer realm=\"api\"".to_owned()));
    assert_eq!(ask(&mut stream, "/both", &bearer), incomplete);
    assert_eq!(get(&gate, &nobody, "/things", &bearer), Some(401));
    for why in [
        "certificate-of-nobody",
        "certificate-ambiguous",
        "certificate-not-svid",
        "incomplete",
    ] {
        gate.logs_place(why);
    }
}

#[test]
fn oauth_16_a_certificate_that_is_not_good_ends_the_handshake() {
    let site = Site::new();
    let revoked = site.clients.issue(&["orders.clients.example"]);
    let good = site.clients.issue(&["orders.clients.example"]);
    let expired = site.clients.issue_as(&["orders.clients.example"], |params| {
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let stranger = Authority::named("clients").issue(&["orders.clients.example"]);
    for asked in ["required", "optional"] {
        let setup = site.setup(&format!(
            ", client_certificates: {asked}, client_revocations: [revoked.pem]"
        ));
        let directory = site.write(&setup, "none");
        directory.write("revoked.pem", &site.clients.revoke(&revoked));
        let gate = Gate::start(directory);
        assert_eq!(
            get(&gate, &site.caller(Some(&good)), "/things", &[]),
            Some(200),
            "{asked}"
        );
        for (what, bad) in [("revoked", &revoked), ("expired", &expired), ("stranger", &stranger)] {
            assert_eq!(
                get(&gate, &site.caller(Some(bad)), "/public", &[]),
                None,
                "{asked} {what}"
            );
        }
        // No ticket brings a certificate back.
        let config = site.caller(Some(&good));
        for _ in 0..2 {
            let mut stream = connect(&config, gate.address, "a.example").unwrap();
            assert_eq!(ask(&mut stream, "/things", &[]).0, 200);
            assert_eq!(stream.conn.handshake_kind(), Some(HandshakeKind::Full), "{asked}");
        }
        // A list that is out of date says nothing good of anybody.
        gate.directory
            .write("revoked.pem", &site.clients.revoke_until(&revoked, 2021));
        until("the list is out of date", || {
            get(&gate, &site.caller(Some(&good)), "/public", &[]).is_none()
        });
    }
}

#[test]
fn oauth_16_a_connection_does_not_outlive_its_certificate() {
    let site = Site::new();
    let (good, other) = (
        site.clients.issue(&["a.clients.example"]),
        site.clients.issue(&["b.clients.example"]),
    );
    let setup = site.setup(", client_revocations: [revoked.pem]");
    let directory = site.write(&setup, "none");
    directory.write("revoked.pem", &site.clients.revoke(&other));
    let gate = Gate::start(directory);
    let mut stream = connect(&site.caller(Some(&good)), gate.address, "a.example").unwrap();
    assert_eq!(ask(&mut stream, "/things", &[]).0, 200);
    gate.directory.write("revoked.pem", &site.clients.revoke(&good));
    until("it is revoked", || ask(&mut stream, "/things", &[]).0 == 401);
    // The listener asks for a good certificate whatever the operation does.
    assert_eq!(ask(&mut stream, "/public", &[]).0, 401);
    assert_eq!(get(&gate, &site.caller(Some(&other)), "/things", &[]), Some(200));
    let short = site.clients.issue_as(&["c.clients.example"], |params| {
        params.not_after = (now() + Duration::from_secs(4)).into();
    });
    let mut stream = connect(&site.caller(Some(&short)), gate.address, "a.example").unwrap();
    assert_eq!(ask(&mut stream, "/things", &[]).0, 200);
    until("its time is over", || ask(&mut stream, "/things", &[]).0 == 401);
    gate.logs_place("certificate-ended");
}

#[expect(clippy::disallowed_methods, reason = "the gate reads the clock as well")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// It names nobody here: the token is bound to it.
#[test]
fn http_11_a_stream_ends_with_the_certificate_of_its_connection() {
    let site = Site::before(Upstream::start(streaming));
    let gate = site.start("", "none");
    let short = site.clients.issue_as(&["nobody.example"], |params| {
        params.not_after = (now() + Duration::from_secs(7)).into();
    });
    let bearer = format!("Bearer {}", site.issuer.token_with("at+jwt", bound_to(&short)));
    let mut stream = connect(&site.caller(Some(&short)), gate.address, "a.example").unwrap();
    let start = Instant::now();
    write!(
        stream,
        "GET /events HTTP/1.1\r\nHost: a.example\r\nAuthorization: {bearer}\r\n\r\n"
    )
    .unwrap();
    let (mut all, mut some) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut some) {
        all.extend_from_slice(&some[..count]);
        assert!(start.elapsed() < Duration::from_secs(20), "the events never end");
    }
    let told = String::from_utf8(all).unwrap();
    assert!(
        told.starts_with("HTTP/1.1 200") && !told.ends_with("0\r\n\r\n"),
        "{told:.200}"
    );
    let seconds = start.elapsed().as_secs_f64();
    assert!((4.5..9.5).contains(&seconds), "{seconds}");
}

#[test]
fn d5_an_administrator_is_known_by_a_certificate() {
    let site = Site::new();
    let setup = site
        .setup(", client_certificates: optional")
        .with_api("admin_operations: {tags: [admin], certificates: ['dns:ada.clients.example']}");
    let gate = Gate::start(site.write(&setup, "none"));
    let token = format!("Bearer {}", site.issuer.token());
    let status = |certified: Option<&str>, path: &str| {
        let issued = certified.map(|name| site.clients.issue(&[name]));
        let config = site.caller(issued.as_ref());
        get(&gate, &config, path, &[("Authorization", token.as_str())])
    };
    assert_eq!(status(Some("ada.clients.example"), "/both"), Some(200));
    assert_eq!(status(Some("bob.clients.example"), "/both"), Some(403), "somebody else");
    assert_eq!(status(None, "/both"), Some(401));
    assert_eq!(
        status(Some("bob.clients.example"), "/bearer"),
        Some(200),
        "it is for everybody"
    );
}

#[test]
fn oauth_16_a_bound_token_is_good_with_its_certificate_alone() {
    let site = Site::new();
    let gate = site.start(", client_certificates: optional", "none");
    let (own, other) = (
        site.clients.issue(&["a.clients.example"]),
        site.clients.issue(&["b.clients.example"]),
    );
    let token = site.issuer.token_with("at+jwt", bound_to(&own));
    let bearer = format!("Bearer {token}");
    let fields = [("Authorization", bearer.as_str())];
    let (with_own, with_other, with_none) = (site.caller(Some(&own)), site.caller(Some(&other)), site.caller(None));
    // From the second time on the token is remembered, and what it is bound to is not.
    for round in 0..3 {
        assert_eq!(get(&gate, &with_own, "/bearer", &fields), Some(200), "{round}");
        assert_eq!(get_by_http2(&gate, &site, &own, "/bearer", &fields), 200, "{round}");
        assert_eq!(get(&gate, &with_other, "/bearer", &fields), Some(401), "{round}");
        assert_eq!(get_by_http2(&gate, &site, &other, "/bearer", &fields), 401, "{round}");
        assert_eq!(get(&gate, &with_none, "/bearer", &fields), Some(401), "{round}");
    }
    for cnf in [
        json!({"jwk": {"kty": "EC"}}),
        json!({}),
        json!("x"),
        json!({"x5t": "A"}),
        json!({"x5t#S256": "A"}),
    ] {
        let token = site.issuer.token_with("at+jwt", json!({"cnf": cnf}));
        let bearer = format!("Bearer {token}");
        let fields = [("Authorization", bearer.as_str())];
        assert_eq!(get(&gate, &with_own, "/bearer", &fields), Some(401), "{cnf}");
    }
}

#[test]
fn oauth_16_an_issuer_may_bind_all_of_its_tokens_to_certificates() {
    let site = Site::new();
    let own = site.clients.issue(&["a.clients.example"]);
    for (binding, unbound, bound) in [
        ("none", 200, 200),
        ("any", 401, 200),
        ("certificate", 401, 200),
        ("dpop", 401, 401),
    ] {
        let gate = site.start("", binding);
        let config = site.caller(Some(&own));
        for (token, status) in [
            (site.issuer.token(), unbound),
            (site.issuer.token_with("at+jwt", bound_to(&own)), bound),
        ] {
            let bearer = format!("Bearer {token}");
            let fields = [("Authorization", bearer.as_str())];
            assert_eq!(get(&gate, &config, "/bearer", &fields), Some(status), "{binding}");
        }
    }
}

/// A gate behind proxies of these networks, which forward certificates.
fn behind(site: &Site, proxies: &str, field: &str) -> Gate {
    let setup = site
        .setup_on("127.0.0.1:0")
        .with(&format!("trusted_proxies: ['{proxies}']"))
        .with(&format!(
            "forwarded_client_certificates: {{field: {field}, authorities: clients.pem}}"
        ));
    Gate::start(site.write(&setup, "none"))
}

fn client_cert(issued: &Issued) -> String {
    format!(":{}:", STANDARD.encode(der(issued)))
}

fn escaped(issued: &Issued) -> String {
    let escape = |letter: char| match letter {
        ' ' => "%20".to_owned(),
        '\n' | '\r' => "%0A".to_owned(),
        '+' => "%2B".to_owned(),
        '/' => "%2F".to_owned(),
        '=' => "%3D".to_owned(),
        other => other.to_string(),
    };
    issued.chain.chars().map(escape).collect()
}

/// How a proxy writes a certificate.
type Form<'f> = &'f dyn Fn(&Issued) -> String;

fn send(gate: &Gate, path: &str, fields: &[(&str, &str)]) -> u16 {
    gate.client().send("GET", path, fields, b"").status
}

#[test]
fn oauth_16_a_trusted_proxy_forwards_certificates() {
    let site = Site::new();
    let (own, other) = (
        site.clients.issue(&["a.clients.example"]),
        site.clients.issue(&["b.example"]),
    );
    let stranger = Authority::named("clients").issue(&["a.clients.example"]);
    let of_envoy = |issued: &Issued| format!("Hash=00;Cert=\"{}\";URI=spiffe://evil.example/x", escaped(issued));
    let forms: [(&str, Form<'_>); 4] = [
        ("Client-Cert", &client_cert),
        ("X-Forwarded-Client-Cert", &of_envoy),
        ("X-SSL-Client-Cert", &escaped),
        ("SSL-Client-Cert", &escaped),
    ];
    for (field, form) in forms {
        let gate = behind(&site, "127.0.0.0/8", field);
        let (good, nobody, foreign) = (form(&own), form(&other), form(&stranger));
        let token = site.issuer.token_with("at+jwt", bound_to(&own));
        let bearer = format!("Bearer {token}");
        for _ in 0..2 {
            assert_eq!(send(&gate, "/things", &[(field, &good)]), 200, "{field}");
            assert_eq!(
                send(&gate, "/bearer", &[(field, &good), ("Authorization", &bearer)]),
                200,
                "{field}"
            );
            assert_eq!(
                send(&gate, "/bearer", &[(field, &nobody), ("Authorization", &bearer)]),
                401,
                "{field}"
            );
            assert_eq!(send(&gate, "/things", &[(field, &nobody)]), 401, "{field}");
            assert_eq!(send(&gate, "/things", &[(field, &foreign)]), 401, "{field}");
        }
        assert_eq!(send(&gate, "/things", &[]), 401, "{field}");
        assert_eq!(send(&gate, "/things", &[(field, "nonsense")]), 401, "{field}");
        assert_eq!(
            send(&gate, "/things", &[(field, &good), (field, &good)]),
            401,
            "{field}"
        );
        let elsewhere = if field == "Client-Cert" {
            "X-SSL-Client-Cert"
        } else {
            "Client-Cert"
        };
        assert_eq!(send(&gate, "/things", &[(elsewhere, &good)]), 401, "{field}");
    }
    assert_eq!(seen_of_certificates(&site.upstream), 0);
}

/// How many fields that speak of certificates reached the upstream.
#[test]
fn oauth_16_bad_forwarded_certificates_are_limited_by_address() {
    let site = Site::new();
    let own = site.clients.issue(&["a.clients.example"]);
    let stranger = Authority::named("clients").issue(&["a.clients.example"]);
    let setup = site
        .setup_on("127.0.0.1:0")
        .with("trusted_proxies: ['127.0.0.0/8']\nworkers: 1")
        .with("failed_authentication_limit: {requests: 5, per: 10m}")
        .with("forwarded_client_certificates: {field: Client-Cert, authorities: clients.pem}");
    let gate = Gate::start(site.write(&setup, "none"));
    let from = |address: &str, value: &str| {
        let fields = [("Client-Cert", value), ("X-Forwarded-For", address)];
        send(&gate, "/things", &fields)
    };
    let (good, foreign) = (client_cert(&own), client_cert(&stranger));
    assert_eq!(from("192.0.2.1", &good), 200);
    for _ in 0..5 {
        assert_eq!(from("192.0.2.1", &foreign), 401);
    }
    for _ in 0..3 {
        assert_eq!(from("192.0.2.1", &foreign), 429);
    }
    assert_eq!(from("192.0.2.1", &good), 200, "one that is remembered costs nothing");
    assert_eq!(from("192.0.2.2", &foreign), 401, "from elsewhere it is looked at");
}

fn seen_of_certificates(upstream: &Upstream) -> usize {
    let seen = upstream.seen();
    let speaks = |name: &str| seen.iter().filter(|seen| seen.header(name).is_some()).count();
    CLAIMS.iter().map(|name| speaks(&name.to_ascii_lowercase())).sum()
}

/// Fields in which proxies of many makes speak of certificates.
const CLAIMS: [&str; 9] = [
    "Client-Cert",
    "Client-Cert-Chain",
    "X-Forwarded-Client-Cert",
    "X-Client-Cert",
    "X-SSL-Client-Cert",
    "X-SSL-Client-Verify",
    "SSL-Client-Cert",
    "X-Amzn-Mtls-Clientcert",
    "X-Forwarded-Tls-Client-Cert",
];

#[test]
fn oauth_16_http_7_nobody_else_forwards_certificates() {
    let site = Site::new();
    let own = site.clients.issue(&["a.clients.example"]);
    let (good, pem) = (client_cert(&own), escaped(&own));
    let token = format!("Bearer {}", site.issuer.token_with("at+jwt", bound_to(&own)));
    for field in [
        "Client-Cert",
        "X-Forwarded-Client-Cert",
        "X-SSL-Client-Cert",
        "SSL-Client-Cert",
    ] {
        let gate = behind(&site, "192.0.2.0/24", field);
        let form = if field == "Client-Cert" { &good } else { &pem };
        assert_eq!(send(&gate, "/things", &[(field, form)]), 401, "{field}");
        assert_eq!(
            send(&gate, "/bearer", &[(field, form), ("Authorization", &token)]),
            401,
            "{field}"
        );
        let claims: Vec<(&str, &str)> = CLAIMS.iter().map(|name| (*name, form.as_str())).collect();
        assert_eq!(send(&gate, "/public", &claims), 200, "{field}");
    }
    assert_eq!(seen_of_certificates(&site.upstream), 0);
    // Nor does a certificate of the caller's own connection make its claims any better.
    let gate = site.start("", "none");
    let other = site.caller(Some(&site.clients.issue(&["b.example"])));
    assert_eq!(get(&gate, &other, "/things", &[("Client-Cert", &good)]), Some(401));
}

#[test]
fn a_proxy_s_own_certificate_is_not_its_callers() {
    let site = Site::new();
    let setup = site
        .setup("")
        .with("trusted_proxies: ['127.0.0.1/32']")
        .with("forwarded_client_certificates: {field: Client-Cert, authorities: clients.pem}");
    let gate = Gate::start(site.write(&setup, "none"));
    let proxy = site.caller(Some(&site.clients.issue(&["proxy.clients.example"])));
    let caller = client_cert(&site.clients.issue(&["a.clients.example"]));
    assert_eq!(get(&gate, &proxy, "/things", &[]), Some(401));
    assert_eq!(get(&gate, &proxy, "/things", &[("Client-Cert", &caller)]), Some(200));
}

#[test]
fn what_verifies_no_certificates_is_told_where_the_configuration_says_so() {
    let upstream = Upstream::with_json(THING);
    for named in ["api_keys: true", "users: staff"] {
        let directory = Setup::new(CONTRACT, upstream.address)
            .with("credentials: {store: credentials.db, secret: credentials.jwks}")
            .with("users: [{name: staff, file: users.txt}]")
            .with_api(&format!(
                "security_schemes: {{bearer: {{own_tokens: true}}, mtls: {{{named}}}}}"
            ))
            .written();
        let told = String::from_utf8(run(&directory.0, &["check", "-c", "gate.yaml"]).stdout).unwrap();
        // Nobody made the files here.
        let errors = told
            .lines()
            .filter(|line| line.contains(": error: ") && !line.contains("no such file"));
        let errors: Vec<&str> = errors.collect();
        let [error] = errors.as_slice() else { panic!("{told}") };
        assert!(error.starts_with("gate.yaml:"), "{told}");
        assert!(error.contains("does not verify client certificates"), "{told}");
        assert!(told.contains("`mtls: {client_certificates: NAME}`"), "{told}");
    }
}

#[test]
fn rules_that_nobody_could_meet_are_errors() {
    let site = Site::new();
    let asks =
        "{address: '127.0.0.1:0', tls: {certificates: {chain: a.pem, key: a.key}, client_authorities: clients.pem}}";
    let other = asks.replace("clients.pem", "a.pem").replace(":0'", ":1'");
    let check = |listen: &str, more: &str, expected: &str| {
        let setup = Setup::new(CONTRACT, site.upstream.address)
            .listening(listen)
            .with(more)
            .with_api(
                "security_schemes: {mtls: {client_certificates: partners}, bearer: {dangerous_unverified: true}}",
            );
        let directory = site.write(&setup, "none");
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(
            !output.status.success() && told.contains(expected),
            "{expected} in {told}"
        );
    };
    let rules = |rule: &str| format!("client_certificates: [{{name: partners, rules: [{rule}]}}]");
    let dns = rules("{dns: a.example}");
    check("127.0.0.1:0", &dns, "no listener asks for one");
    check(asks, "", "no rules for client certificates are called `partners`");
    check(
        &format!("[{asks}, {other}]"),
        &dns,
        "certificates of different authorities",
    );
    check(asks, &rules("{dns: '*.com'}"), "is no DNS name that a rule can have");
    check(
        asks,
        &rules("{dns: '*.com'}"),
        "a `*` stands for the first label, before at least two others",
    );
    check(asks, &rules("{spiffe: 'spiffe://*/x'}"), "is no SPIFFE ID");
    check(asks, &rules("{email: '*'}"), "is no e-mail address");
    check(asks, &rules("{dns: a.example, uri: 'urn:x'}"), "exactly one of");
    check(asks, &rules("{subject: user}"), "exactly one of");
    check(
        asks,
        &dns.replace("partners", "main"),
        "the name (issuers, users, signers and client_certificates share them) `main` stands twice",
    );
    let forwarded = "forwarded_client_certificates: {field: Client-Cert, authorities: clients.pem}";
    check(asks, &format!("{dns}\n{forwarded}"), "`trusted_proxies` is empty");
    let missing = forwarded.replace("clients.pem", "none.pem");
    check(
        asks,
        &format!("{dns}\ntrusted_proxies: [127.0.0.1/32]\n{missing}"),
        "none.pem",
    );
    let polite =
        "{address: '127.0.0.1:0', tls: {certificates: {chain: a.pem, key: a.key}, client_certificates: optional}}";
    check(polite, &dns, "no authority is named");
}
