//! Signed requests at the gate (RFC 9421, RFC 9530): who signed, what was signed, once, and in its time.

use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_identity::jose::key::Kid;
use portcullis_secrets::{MacKey, SecretBytes, Signer, SigningAlgorithm};
use serde_json::{Value, json};

use crate::gate::{Gate, Setup, run, until};
use crate::http2::{over_h2c, send};
use crate::tokens::{Issuer, key_set};
use crate::upstream::Upstream;
use crate::wire::Answer;

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Orders, version: '1'}
security: [{signed: []}]
paths:
  /orders:
    parameters: [{name: page, in: query, schema: {type: string}}]
    get: {responses: {'200': {$ref: '#/components/responses/any'}}}
    put: {requestBody: {$ref: '#/components/requestBodies/order'}, responses: {'200': {$ref: '#/components/responses/any'}}}
    post: {requestBody: {$ref: '#/components/requestBodies/order'}, responses: {'200': {$ref: '#/components/responses/any'}}}
    delete: {security: [{signed: [orders.delete]}], responses: {'200': {$ref: '#/components/responses/any'}}}
  /blobs:
    post:
      requestBody: {content: {application/octet-stream: {}}}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /open:
    get: {security: [{}, {signed: []}], responses: {'200': {$ref: '#/components/responses/any'}}}
components:
  requestBodies:
    order: {content: {application/json: {schema: {type: object, properties: {item: {type: string}}}}}}
  responses:
    any: {description: any, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  securitySchemes: {signed: {type: http, scheme: signature}}
";
const HOST: &str = "orders.example";
const ORDER: &[u8] = br#"{"item":"hammer"}"#;
const OTHER: &[u8] = br#"{"item":"tongue"}"#;
const USUAL: &[&str] = &["@method", "@target-uri", "content-digest"];
const JSON: (&str, &str) = ("content-type", "application/json");

/// What signs.
enum Key {
    Private(Signer),
    Shared(Box<MacKey>),
}

impl Key {
    fn new() -> Self {
        Self::Private(Signer::generate(SigningAlgorithm::Ed25519, Kid::new("k")).unwrap())
    }

    fn shared(mac: MacKey) -> Self {
        Self::Shared(Box::new(mac))
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Private(signer) => signer.sign(message).unwrap(),
            Self::Shared(mac) => mac.sign(message),
        }
    }

    fn jwk(&self) -> Value {
        match self {
            Self::Private(signer) => signer.public_jwk().into(),
            Self::Shared(_) => panic!("nobody is shown a secret"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the gate reads the clock as well")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(digest(&SHA256, body)))
}

/// A request, as it is signed and sent.
#[derive(Clone)]
struct Draft {
    method: &'static str,
    target: &'static str,
    host: &'static str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Draft {
    fn new(method: &'static str, target: &'static str, body: &[u8]) -> Self {
        let mut draft = Self {
            method,
            target,
            host: HOST,
            headers: Vec::new(),
            body: body.to_vec(),
        };
        if !body.is_empty() {
            draft = draft.with(JSON.0, JSON.1).with("content-digest", &content_digest(body));
        }
        draft
    }

    fn order() -> Self {
        Self::new("POST", "/orders?page=1", ORDER)
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn value(&self, component: &str) -> String {
        let (path, query) = self.target.split_once('?').unwrap_or((self.target, ""));
        match component {
            "@method" => self.method.to_owned(),
            "@target-uri" => format!("http://{}{}", self.host, self.target),
            "@authority" => self.host.to_owned(),
            "@request-target" => self.target.to_owned(),
            "@path" => path.to_owned(),
            "@query" => format!("?{query}"),
            field => {
                let found = self.headers.iter().find(|(name, _)| name == field);
                found.unwrap().1.clone()
            }
        }
    }

    /// Adds the fields of a signature. `parameters` follow the list of components.
    fn signed(self, key: &Key, components: &[&str], parameters: &str) -> Self {
        let list: Vec<String> = components.iter().map(|name| format!("\"{name}\"")).collect();
        let input = format!("({}){parameters}", list.join(" "));
        let lines = components
            .iter()
            .map(|name| format!("\"{name}\": {}\n", self.value(name)));
        let base = format!("{}\"@signature-params\": {input}", lines.collect::<String>());
        let signature = STANDARD.encode(key.sign(base.as_bytes()));
        self.with("signature-input", &format!("sig={input}"))
            .with("signature", &format!("sig=:{signature}:"))
    }

    /// Signed as usual, now.
    fn usual(self, key: &Key) -> Self {
        let covered: Vec<&str> = USUAL
            .iter()
            .copied()
            .filter(|name| name.starts_with('@') || !self.body.is_empty())
            .collect();
        self.signed(key, &covered, &format!(";created={};keyid=\"k\"", now()))
    }

    fn send(&self, gate: &Gate) -> Answer {
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        gate.client()
            .host(self.host)
            .send(self.method, self.target, &headers, &self.body)
    }

    /// To another target.
    fn to(self, target: &'static str) -> Self {
        Self { target, ..self }
    }

    /// With another body.
    fn content(self, body: &[u8]) -> Self {
        Self {
            body: body.to_vec(),
            ..self
        }
    }

    /// With another value of a field, or without it.
    fn but(mut self, name: &str, value: Option<&str>) -> Self {
        self.headers.retain(|(known, _)| known != name);
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

fn setup(upstream: &Upstream, signers: &str) -> Setup {
    Setup::new(CONTRACT, upstream.address)
        .with(&format!("signers: [{signers}]"))
        .with_api("security_schemes: {signed: {signers: partners}}")
        .with_api("hosts: [orders.example, other.example]")
}

fn partners(key: &Key, more: &str) -> String {
    format!(
        "{{name: partners, keys: [{{keyid: k, client: acme, jwk: {}}}]{more}}}",
        key.jwk()
    )
}

fn started(upstream: &Upstream, key: &Key, more: &str) -> Gate {
    setup(upstream, &partners(key, more)).start()
}

#[track_caller]
fn is_refused(answer: &Answer, what: &str) {
    answer.is_refused_as(what, 401, "authentication.required");
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Signature realm=\"api\""),
        "{what}"
    );
}

/// Why a request is refused, for operators; callers are told nothing of it.
#[track_caller]
fn reason(gate: &Gate, draft: &Draft, what: &str) -> String {
    let before = gate.log_of_requests().len();
    is_refused(&draft.send(gate), what);
    until("the refusal is logged", || gate.log_of_requests().len() > before);
    let place = gate
        .log_of_requests()
        .pop()
        .and_then(|line| line["place"].as_str().map(str::to_owned));
    place.unwrap_or_default()
}

#[test]
fn a_signed_request_goes_on_and_its_signature_ends_at_the_gate() {
    let (upstream, key) = (Upstream::with_json("{}"), Key::new());
    let gate = started(&upstream, &key, "");
    assert_eq!(Draft::order().usual(&key).send(&gate).status, 200);
    assert_eq!(Draft::new("GET", "/orders", b"").usual(&key).send(&gate).status, 200);
    let parts = ["@method", "@authority", "@path", "@query", "content-digest"];
    let parameters = format!(";created={};keyid=\"k\";alg=\"ed25519\"", now());
    assert_eq!(Draft::order().signed(&key, &parts, &parameters).send(&gate).status, 200);
    let target = [
        "@authority",
        "@request-target",
        "@method",
        "content-type",
        "content-digest",
    ];
    assert_eq!(
        Draft::order().signed(&key, &target, &parameters).send(&gate).status,
        200
    );
    let seen = upstream.seen();
    assert_eq!(seen.len(), 4);
    for seen in &seen {
        assert!(seen.header("signature").is_none() && seen.header("signature-input").is_none());
    }
    assert_eq!(seen[0].header("content-digest"), Some(content_digest(ORDER).as_str()));
    assert_eq!(seen[0].body, ORDER);
    // The key does not have the scope.
    let delete = Draft::new("DELETE", "/orders", b"").usual(&key).send(&gate);
    delete.is_refused(403, "authorization.scope");
    is_refused(&Draft::new("GET", "/orders", b"").send(&gate), "not signed");
}

/// Every one of these is refused, and the log says why.
#[track_caller]
fn are_refused(gate: &Gate, cases: &[(&str, Draft, &str)]) {
    for (what, changed, why) in cases {
        assert_eq!(reason(gate, changed, what), *why, "{what}");
    }
}

#[test]
fn nothing_that_was_signed_can_be_changed() {
    let (upstream, key) = (Upstream::with_json("{}"), Key::new());
    let gate = started(&upstream, &key, "");
    let good = || Draft::order().usual(&key);
    let digest = content_digest(OTHER);
    let put = Draft {
        method: "PUT",
        ..good()
    };
    let elsewhere = Draft {
        host: "other.example",
        ..good()
    };
    let swapped = good().but("content-digest", Some(&digest));
    let cases = [
        ("the method", put, "signature-invalid"),
        ("the path", good().to("/blobs?page=1"), "signature-invalid"),
        ("the query", good().to("/orders?page=2"), "signature-invalid"),
        ("the query, gone", good().to("/orders"), "signature-invalid"),
        ("the host", elsewhere, "signature-invalid"),
        ("the body", good().content(OTHER), "content-digest"),
        ("no body", good().content(b""), "content-digest"),
        ("the digest", swapped.clone(), "signature-invalid"),
        ("both", swapped.content(OTHER), "signature-invalid"),
    ];
    are_refused(&gate, &cases);
    let without = good().but("content-digest", None);
    let second = good().with("content-digest", "sha-512=:AAAA:");
    let token = good().with("authorization", "Bearer abc");
    let cases = [
        ("the digest, gone", without, "signature-component-missing"),
        ("a second digest", second, "signature-invalid"),
        ("a token is added", token, "signature-uncovered"),
    ];
    are_refused(&gate, &cases);
    upstream.saw_nothing("changed requests");
}

#[test]
fn the_fields_of_a_signature_are_read_in_one_way_only() {
    let (upstream, key) = (Upstream::with_json("{}"), Key::new());
    let gate = started(&upstream, &key, "");
    let good = || Draft::order().usual(&key);
    let other = good().but("signature", Some("sig=:AAAA:"));
    let cases = [
        ("another signature", other, "signature-invalid"),
        ("no signature", good().but("signature", None), "unreadable"),
        ("no input", good().but("signature-input", None), "unreadable"),
        (
            "a signature twice",
            good().with("signature", "sig=:AAAA:"),
            "unreadable",
        ),
        ("an input twice", good().with("signature-input", "sig=()"), "unreadable"),
        ("another's, alone", good().with("signature", "two=:AAAA:"), "unreadable"),
    ];
    are_refused(&gate, &cases);
    upstream.saw_nothing("signatures that are not one");
    // What somebody else adds on the way does not count.
    let others = "two=(\"@method\");created=1;keyid=\"proxy\"";
    let added = good().with("signature-input", others).with("signature", "two=:AAAA:");
    assert_eq!(added.send(&gate).status, 200);
}

#[test]
fn what_has_to_be_covered_and_when_it_was_made() {
    let (upstream, key) = (Upstream::with_json("{}"), Key::new());
    let gate = started(&upstream, &key, "");
    let made = |components: &[&str], parameters: &str| Draft::order().signed(&key, components, parameters);
    let in_time = format!(";created={};keyid=\"k\"", now());
    for fewer in [
        &["@target-uri", "content-digest"][..],
        &["@method", "content-digest"],
        &["@method", "@target-uri"],
        &["@method", "@authority", "@path", "content-digest"],
        &[],
    ] {
        let why = reason(&gate, &made(fewer, &in_time), "fewer");
        assert_eq!(why, "signature-uncovered", "{fewer:?}");
    }
    for (parameters, why) in [
        (";keyid=\"k\"".to_owned(), "signature-created-missing"),
        (format!(";created={};keyid=\"k\"", now() - 100), "signature-too-old"),
        (format!(";created={};keyid=\"k\"", now() + 60), "signature-not-yet"),
        (
            format!(";created={};expires={};keyid=\"k\"", now() - 50, now() - 40),
            "signature-expired",
        ),
        (
            format!(";created={};keyid=\"somebody\"", now()),
            "signature-key-unknown",
        ),
        (format!(";created={}", now()), "signature-key-unknown"),
        (
            format!(";created={};keyid=\"k\";alg=\"rsa-pss-sha512\"", now()),
            "signature-algorithm",
        ),
        (format!(";created={};keyid=\"k\";who=1", now()), "unreadable"),
        (
            format!(";created={};created={};keyid=\"k\"", now(), now()),
            "unreadable",
        ),
    ] {
        assert_eq!(
            reason(&gate, &made(USUAL, &parameters), &parameters),
            why,
            "{parameters}"
        );
    }
    // A required field that the request has.
    let token = Draft::order().with("authorization", "Bearer abc");
    let all = ["@method", "@target-uri", "content-digest", "authorization"];
    assert_eq!(token.signed(&key, &all, &in_time).send(&gate).status, 200);
}

#[test]
fn the_key_decides_the_algorithm() {
    let (upstream, key, other) = (Upstream::with_json("{}"), Key::new(), Key::new());
    let gate = started(&upstream, &key, "");
    // Its line is awaited, so that it is not taken for the next one's.
    assert_eq!(
        reason(&gate, &Draft::order().usual(&other), "another key"),
        "signature-invalid"
    );
    // The public key, as if it were a shared secret.
    let public = URL_SAFE_NO_PAD.decode(key.jwk()["x"].as_str().unwrap()).unwrap();
    let forged = Key::shared(MacKey::new(&SecretBytes::new(public), None).unwrap());
    let why = reason(&gate, &Draft::order().usual(&forged), "HMAC with the public key");
    assert_eq!(why, "signature-invalid");
    let named = format!(";created={};keyid=\"k\";alg=\"hmac-sha256\"", now());
    let why = reason(&gate, &Draft::order().signed(&forged, USUAL, &named), "and its name");
    assert_eq!(why, "signature-algorithm");
    upstream.saw_nothing("forged signatures");
}

/// A nonce that no other has.
fn nonce() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!(
        ";created={};keyid=\"k\";nonce=\"n{}\"",
        now(),
        NUMBER.fetch_add(1, Ordering::Relaxed)
    )
}

#[test]
fn a_nonce_is_used_once_whichever_worker_is_asked() {
    let (upstream, key) = (Upstream::with_json("{}"), Key::new());
    let gate = setup(&upstream, &partners(&key, ", nonce_required: true"))
        .with("workers: 4")
        .start();
    let why = reason(&gate, &Draft::order().usual(&key), "no nonce");
    assert_eq!(why, "signature-nonce-missing");
    for _ in 0..5 {
        let signed = Draft::order().signed(&key, USUAL, &nonce());
        let good: usize = std::thread::scope(|scope| {
            let senders: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| usize::from(signed.send(&gate).status == 200)))
                .collect();
            senders.into_iter().map(|sender| sender.join().unwrap()).sum()
        });
        assert_eq!(good, 1);
        assert_eq!(reason(&gate, &signed, "again"), "signature-replayed");
    }
    assert_eq!(upstream.seen().len(), 5);
}

#[test]
fn content_is_held_against_its_digest_before_any_of_it_goes_on() {
    let (upstream, key) = (Upstream::with_json("{}"), Key::new());
    let gate = setup(&upstream, &partners(&key, ""))
        .with_api("policy: {body_bytes_max: 4096}")
        .start();
    // Of a media type that nobody judges, streamed otherwise.
    let blob = |body: &[u8]| Draft::new("POST", "/blobs", body).but("content-type", Some("application/octet-stream"));
    assert_eq!(blob(b"abc").usual(&key).send(&gate).status, 200);
    let swapped = Draft {
        body: b"abd".to_vec(),
        ..blob(b"abc").usual(&key)
    };
    is_refused(&swapped.send(&gate), "another blob");
    blob(&[7; 5000])
        .usual(&key)
        .send(&gate)
        .is_refused(413, "http.body_too_large");
    assert_eq!(upstream.seen().len(), 1);
    // Chunked, whole and with another chunk.
    let chunked = |last: &str| {
        let signed = blob(b"abcdef").usual(&key);
        let fields = signed
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        let head = fields.collect::<String>();
        let request = format!(
            "POST /blobs HTTP/1.1\r\nHost: {HOST}\r\n{head}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\n{last}\r\n0\r\n\r\n"
        );
        gate.raw(request.as_bytes())
    };
    assert_eq!(chunked("def").status, 200);
    is_refused(&chunked("deg"), "another chunk");
    assert_eq!(upstream.seen().pop().unwrap().body, b"abcdef");
    assert_eq!(upstream.seen().len(), 2);
}

#[test]
fn the_digest_is_of_what_was_sent_in_its_coding() {
    let (upstream, key) = (Upstream::with_json("{}"), Key::new());
    let gate = started(&upstream, &key, "");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(ORDER).unwrap();
    let packed = encoder.finish().unwrap();
    let compressed = Draft::new("POST", "/orders", &packed).with("content-encoding", "gzip");
    assert_eq!(compressed.clone().usual(&key).send(&gate).status, 200);
    let seen = upstream.one();
    assert_eq!(seen.body, ORDER);
    assert!(seen.header("content-digest").is_none(), "it was of other bytes");
    let of_decoded = compressed.but("content-digest", Some(&content_digest(ORDER)));
    is_refused(&of_decoded.usual(&key).send(&gate), "a digest of the decoded bytes");
}

#[test]
fn over_http_2_as_well() {
    let (upstream, key) = (Upstream::with_json("{}"), Key::new());
    let gate = setup(&upstream, &partners(&key, ""))
        .listening("{address: '127.0.0.1:0', h2c: true}")
        .start();
    let request = |draft: &Draft| {
        let uri = format!("http://{}{}", draft.host, draft.target);
        let mut request = http::Request::builder().method(draft.method).uri(uri);
        for (name, value) in &draft.headers {
            request = request.header(name, value);
        }
        request.body(()).unwrap()
    };
    let good = Draft::order().usual(&key);
    let target = ["@method", "@authority", "@request-target", "content-digest"];
    let by_target = Draft::order().signed(&key, &target, &format!(";created={};keyid=\"k\"", now()));
    let bodiless = Draft::new("GET", "/orders", b"").usual(&key);
    let statuses = over_h2c(gate.address, async |requests| {
        let mut statuses = Vec::new();
        for (draft, body) in [(&good, ORDER), (&by_target, ORDER), (&bodiless, b""), (&good, OTHER)] {
            let answer = send(&requests, request(draft), body).await.unwrap();
            statuses.push(answer.status.as_u16());
        }
        let elsewhere = Draft {
            target: "/orders?page=2",
            ..good.clone()
        };
        statuses.push(
            send(&requests, request(&elsewhere), ORDER)
                .await
                .unwrap()
                .status
                .as_u16(),
        );
        statuses
    });
    assert_eq!(statuses, [200, 200, 200, 401, 401]);
    assert_eq!(upstream.seen().len(), 3);
}

#[test]
fn a_bad_signature_is_refused_where_none_is_needed() {
    let (upstream, key) = (Upstream::with_json("{}"), Key::new());
    let gate = started(&upstream, &key, "");
    let open = || Draft::new("GET", "/open", b"");
    assert_eq!(open().send(&gate).status, 200);
    assert_eq!(open().usual(&key).send(&gate).status, 200);
    is_refused(&open().usual(&Key::new()).send(&gate), "another key");
    is_refused(&open().with("signature", "nonsense").send(&gate), "nonsense");
}

#[test]
fn a_neighbour_s_bad_signatures_keep_no_key_out_that_signed_well() {
    let (upstream, key, other) = (Upstream::with_json("{}"), Key::new(), Key::new());
    let signers = format!(
        "{{name: partners, keys: [{{keyid: k, client: acme, jwk: {}}}, {{keyid: quiet, client: quiet, jwk: {}}}]}}",
        key.jwk(),
        other.jwk()
    );
    let gate = setup(&upstream, &signers)
        .with("failed_authentication_limit: {requests: 5, per: 10m}")
        .with_api("policy: {rate_limits: [{name: address, requests: 1000000, per: 1s}]}")
        .start();
    let good = |key: &Key, keyid: &str| {
        let parameters = format!(";created={};keyid=\"{keyid}\"", now());
        Draft::order().signed(key, USUAL, &parameters).send(&gate)
    };
    assert_eq!(good(&key, "k").status, 200);
    for _ in 0..5 {
        is_refused(&good(&key, "nobody"), "a key that nobody knows");
    }
    good(&key, "nobody").is_refused(429, "rate.exceeded");
    good(&other, "quiet").is_refused(429, "rate.exceeded");
    for _ in 0..10 {
        assert_eq!(good(&key, "k").status, 200, "it signed well from here");
    }
    // Nobody learns anything of a signature under its name.
    good(&other, "k").is_refused(429, "rate.exceeded");
    assert_eq!(good(&key, "k").status, 200);
}

#[test]
fn what_was_used_before_makes_nobody_known_where_it_comes_from() {
    let (upstream, key) = (Upstream::with_json("{}"), Key::new());
    let gate = setup(&upstream, &partners(&key, ", nonce_required: true"))
        .with("failed_authentication_limit: {requests: 3, per: 10m}")
        .with("trusted_proxies: ['127.0.0.1/32']")
        .start();
    let from = |draft: Draft, address: &str| draft.with("x-forwarded-for", address).send(&gate);
    let (signed, home, away) = (
        || Draft::order().signed(&key, USUAL, &nonce()),
        "192.0.2.1",
        "192.0.2.66",
    );
    let parameters = nonce();
    let captured = || Draft::order().signed(&key, USUAL, &parameters);
    assert_eq!(from(captured(), home).status, 200);
    for _ in 0..3 {
        is_refused(&from(captured(), away), "used before");
    }
    from(signed(), away).is_refused(429, "rate.exceeded");
    assert_eq!(from(signed(), home).status, 200);
}

#[test]
fn a_token_that_is_good_once_is_used_up_after_the_nonce_of_its_signature() {
    let (upstream, key, issuer) = (Upstream::with_json("{}"), Key::new(), Issuer::new("one"));
    let contract = CONTRACT
        .replacen("security: [{signed: []}]", "security: [{signed: [], bearer: []}]", 1)
        .replace(
            "securitySchemes: {",
            "securitySchemes: {bearer: {type: http, scheme: bearer}, ",
        );
    let directory = Setup::new(&contract, upstream.address)
        .with(&format!("signers: [{}]", partners(&key, "")))
        .with(
            "issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], \
             keys: {file: keys.json}, one_time: true}]",
        )
        .with_api("security_schemes: {signed: {signers: partners}, bearer: {issuers: [main]}}")
        .with_api("hosts: [orders.example]")
        .written();
    directory.write("keys.json", &key_set(&[&issuer]));
    let gate = Gate::start(directory);
    let with = |id: &str, parameters: &str| {
        let token = issuer.token_with("at+jwt", json!({ "jti": id }));
        let draft = Draft::order().with("authorization", &format!("Bearer {token}"));
        let components = [USUAL, &["authorization"]].concat();
        draft.signed(&key, &components, parameters).send(&gate).status
    };
    let used = nonce();
    assert_eq!(with("a", &used), 200);
    assert_eq!(with("b", &used), 401, "the nonce was used");
    assert_eq!(with("b", &nonce()), 200, "the token was not");
    assert_eq!(with("b", &nonce()), 401);
}

#[test]
fn keys_are_read_from_files_and_read_again() {
    let upstream = Upstream::with_json("{}");
    let (old, new) = (Key::new(), Key::new());
    let shared = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode([5; 32])}).to_string();
    let signers = "{name: partners, file: keys.json, tag: orders, required_components: ['@method'], \
                   keys: [{keyid: k, service: billing, scopes: [orders.delete]}, {keyid: s, user: olivia, secret_file: s.jwk}]}";
    let directory = setup(&upstream, signers).written();
    let set = |key: &Key| json!({"keys": [key.jwk()]}).to_string();
    directory.write("keys.json", &set(&old));
    directory.write_secret("s.jwk", &shared);
    let gate = Gate::start(directory);
    let by = |key: &Key, keyid: &str, tag: &str| {
        let parameters = format!(";created={};keyid=\"{keyid}\";tag=\"{tag}\"", now());
        Draft::new("DELETE", "/orders", b"")
            .signed(key, &["@method"], &parameters)
            .send(&gate)
            .status
    };
    let secret = Key::shared(MacKey::from_jwk(shared.as_bytes()).unwrap());
    assert_eq!(by(&old, "k", "orders"), 200);
    assert_eq!(by(&old, "k", "refunds"), 401, "meant for something else");
    assert_eq!(by(&secret, "s", "orders"), 403, "she is somebody, and has no scope");
    assert_eq!((by(&new, "k", "orders"), by(&secret, "k", "orders")), (401, 401));
    // It is used up with the first, whatever else is wrong with that, and stays so.
    let parameters = format!(";created={};keyid=\"s\";tag=\"orders\";nonce=\"once\"", now());
    let once = Draft::new("DELETE", "/orders", b"").signed(&secret, &["@method"], &parameters);
    once.send(&gate).is_refused(403, "authorization.scope");
    gate.directory.write("keys.json", &set(&new));
    until("the new key counts", || by(&new, "k", "orders") == 200);
    assert_eq!(by(&old, "k", "orders"), 401);
    assert_eq!(reason(&gate, &once, "after a reload"), "signature-replayed");
    gate.directory.write("keys.json", "{\"keys\": []}");
    until("a broken file is told", || {
        gate.log().iter().any(|line| line.contains("has no key"))
    });
    assert_eq!(by(&new, "k", "orders"), 200, "what was in force stays");
}

#[test]
fn who_wants_signatures_upstream_says_so() {
    let (upstream, key) = (Upstream::with_json("{}"), Key::new());
    let by_field = CONTRACT.replace(
        "{type: http, scheme: signature}",
        "{type: apiKey, in: header, name: Signature}",
    );
    for (contract, forward) in [(CONTRACT, true), (by_field.as_str(), false)] {
        let gate = Setup::new(contract, upstream.address)
            .with(&format!("signers: [{}]", partners(&key, "")))
            .with_api(&format!(
                "security_schemes: {{signed: {{signers: partners, forward: {forward}}}}}"
            ))
            .with_api("hosts: [orders.example]")
            .start();
        assert_eq!(
            Draft::order()
                .with("authorization", "Basic YTpi")
                .usual(&key)
                .send(&gate)
                .status,
            401
        );
        let signed = Draft::order().usual(&key);
        assert_eq!(signed.send(&gate).status, 200);
        let seen = upstream.seen().pop().unwrap();
        let sent = signed
            .headers
            .iter()
            .find(|(name, _)| name == "signature-input")
            .unwrap();
        assert_eq!(seen.header("signature-input"), forward.then_some(sent.1.as_str()));
        assert_eq!(seen.header("signature").is_some(), forward);
    }
}

/// What `check` says of a configuration that it does not accept.
#[track_caller]
fn is_an_error(setup: &Setup, key: &Key, expected: &str) {
    let directory = setup.written();
    directory.write("keys.json", &json!({"keys": [key.jwk()]}).to_string());
    directory.write_secret("short.jwk", r#"{"kty":"oct","k":"AAAA"}"#);
    let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
    let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let is_told = !output.status.success() && told.contains(expected);
    assert!(is_told, "{expected} in {told}");
}

#[test]
fn keys_that_cannot_be_used_are_errors_before_anything_is_served() {
    let (upstream, key) = (Upstream::with_json("{}"), Key::new());
    let check = |keys: &str, expected: &str| {
        let signers = format!("{{name: partners, {keys}}}");
        is_an_error(&setup(&upstream, &signers), &key, expected);
    };
    let check_one = |one: &str, expected: &str| check(&format!("file: keys.json, keys: [{one}]"), expected);
    check("keys: [{keyid: k, client: a}]", "nothing says what the key `k` is");
    check("file: none.json, keys: [{keyid: k, client: a}]", "cannot read the keys");
    check_one("{keyid: other, client: a}", "has no key of this name");
    check_one("{keyid: '', client: a}", "a name of 1 to 256 bytes");
    check_one("{keyid: k, client: ''}", "one of `client`, `service` and `user`");
    check_one("{keyid: k}", "one of `client`, `service` and `user`");
    check_one(
        "{keyid: k, client: a, user: b}",
        "one of `client`, `service` and `user`",
    );
    check_one("{keyid: k, client: a}, {keyid: k, client: b}", "`keyid` `k`");
    check_one("{keyid: k, client: a, secret_file: short.jwk}", "too short");
    check_one("{keyid: k, client: a, jwk: {kty: oct, k: AAAA}}", "cannot be used");
    check_one("{keyid: k, client: a, scopes: ['a b']}", "`a b` is no scope");
    let rsa = Signer::generate(SigningAlgorithm::Rs256, None).unwrap();
    let jwk = Value::from(rsa.public_jwk());
    check_one(&format!("{{keyid: k, client: a, jwk: {jwk}}}"), "RSASSA-PKCS1-v1_5");
    let one = "file: keys.json, keys: [{keyid: k, client: a}]";
    check(&format!("{one}, tag: ''"), "a tag has 1 to 256 bytes");
    check(
        &format!("{one}, required_components: ['@status']"),
        "`@status` is no component",
    );
}

#[test]
fn schemes_that_are_not_for_signatures_are_errors() {
    let (upstream, key) = (Upstream::with_json("{}"), Key::new());
    let with = |contract: &str, named: &str| {
        Setup::new(contract, upstream.address)
            .with(&format!("signers: [{}]", partners(&key, "")))
            .with_api(&format!("security_schemes: {{signed: {{signers: {named}}}}}"))
    };
    let bearer = CONTRACT.replace("scheme: signature", "scheme: bearer");
    is_an_error(&with(&bearer, "partners"), &key, "does not verify access tokens");
    is_an_error(&with(CONTRACT, "partner"), &key, "did you mean `partners`?");
}

#[test]
fn signatures_of_two_at_once_are_an_error() {
    let (upstream, key) = (Upstream::with_json("{}"), Key::new());
    let contract = CONTRACT
        .replace("security: [{signed: []}]", "security: [{signed: [], other: []}]")
        .replace(
            "{signed: {type",
            "{other: {type: http, scheme: signature}, signed: {type",
        );
    let one = partners(&key, "");
    let setup = |other: &str| {
        let others = one.replace("partners", "others");
        Setup::new(&contract, upstream.address)
            .with(&format!("signers: [{one}, {others}]"))
            .with_api(&format!(
                "security_schemes: {{signed: {{signers: partners}}, other: {{{other}}}}}"
            ))
    };
    let expected = "asks for signatures of two `signers` at once";
    is_an_error(&setup("signers: others"), &key, expected);
    let directory = setup("dangerous_unverified: true").written();
    assert!(run(&directory.0, &["check", "-c", "gate.yaml"]).status.success());
}

#[test]
fn a_page_may_send_what_a_signature_needs() {
    let (upstream, key) = (Upstream::with_json("{}"), Key::new());
    let gate = setup(&upstream, &partners(&key, ""))
        .with_api("policy: {cors: {origins: ['https://app.example']}}")
        .start();
    let asked = [
        ("Origin", "https://app.example"),
        ("Access-Control-Request-Method", "PUT"),
        (
            "Access-Control-Request-Headers",
            "signature,signature-input,content-digest",
        ),
    ];
    let answer = gate.client().host(HOST).send("OPTIONS", "/orders", &asked, b"");
    let allowed = answer.header("access-control-allow-headers").unwrap();
    let allowed: Vec<&str> = allowed.split(", ").collect();
    for name in ["signature", "signature-input", "content-digest", "content-type"] {
        assert!(allowed.contains(&name), "{name} in {allowed:?}");
    }
}
