//! Access tokens at the gate: whose are believed, what a caller is told, what goes on to the upstream.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_identity::jose::key::Kid;
use portcullis_identity::jose::object::Object;
use portcullis_secrets::{Signer, SigningAlgorithm};
use serde_json::{Value, json};

use crate::gate::{Gate, Setup, run, until};
use crate::http::THING;
use crate::upstream::{Upstream, ok};
use crate::wire::Answer;

pub(crate) const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Things, version: '1'}
security: [{bearer: []}]
paths:
  /things:
    get: {responses: {'200': {$ref: '#/components/responses/things'}}}
    delete: {security: [{bearer: [things.delete]}], responses: {'200': {$ref: '#/components/responses/things'}}}
  /events:
    get: {responses: {'200': {description: events, content: {text/event-stream: {schema: {type: string}}}}}}
  /open:
    get: {security: [{}, {bearer: []}], responses: {'200': {$ref: '#/components/responses/things'}}}
  /public:
    get: {security: [], responses: {'200': {$ref: '#/components/responses/things'}}}
components:
  responses:
    things: {description: all, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  securitySchemes: {bearer: {type: http, scheme: bearer}}
";

/// An issuer, with a key that only it has.
pub(crate) struct Issuer(pub(crate) Signer);

impl Issuer {
    pub(crate) fn new(kid: &str) -> Self {
        Self(Signer::generate(SigningAlgorithm::Es256, Kid::new(kid)).unwrap())
    }

    /// A token of alice's, with these claims in the place of the usual ones.
    #[expect(clippy::disallowed_methods, reason = "the gate reads the clock as well")]
    pub(crate) fn token_with(&self, typ: &str, more: Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut claims = object(json!({
            "iss": "https://id.example", "aud": "https://things.example", "sub": "alice", "client_id": "app",
            "iat": now, "exp": now + 300, "scope": "things.read",
        }));
        claims.extend(object(more));
        // What is null is left out.
        claims.retain(|_, value| !value.is_null());
        self.0.sign_compact(typ, &claims).unwrap()
    }

    pub(crate) fn token(&self) -> String {
        self.token_with("at+jwt", json!({}))
    }
}

pub(crate) fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        other => panic!("not an object: {other}"),
    }
}

pub(crate) fn key_set(issuers: &[&Issuer]) -> String {
    let keys: Vec<Value> = issuers.iter().map(|issuer| issuer.0.public_jwk().into()).collect();
    json!({ "keys": keys }).to_string()
}

/// A gate that believes the issuer whose keys are there.
fn setup(upstream: &Upstream, keys: &str) -> Setup {
    Setup::new(CONTRACT, upstream.address)
        .with(&format!(
            "issuers: [{{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {keys}}}]"
        ))
        .with_api("security_schemes: {bearer: {issuers: [main]}}")
}

fn gate(upstream: &Upstream, issuer: &Issuer) -> Gate {
    let directory = setup(upstream, "{file: keys.json}").written();
    directory.write("keys.json", &key_set(&[issuer]));
    Gate::start(directory)
}

pub(crate) fn with(gate: &Gate, method: &str, target: &str, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    gate.client()
        .send(method, target, &[("Authorization", &authorization)], b"")
}

pub(crate) fn get(gate: &Gate, token: &str) -> Answer {
    with(gate, "GET", "/things", token)
}

#[track_caller]
fn is_challenged(answer: &Answer, status: u16, code: &str, challenge: &str) {
    answer.is_refused(status, code);
    assert_eq!(answer.header("www-authenticate"), Some(challenge));
}

const MISSING: &str = "Bearer realm=\"api\"";
const INVALID: &str = "Bearer realm=\"api\", error=\"invalid_token\"";

#[test]
fn a_good_token_lets_in_and_ends_at_the_gate() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let gate = gate(&upstream, &issuer);
    let token = issuer.token();
    // The second time it is remembered.
    for _ in 0..2 {
        assert_eq!(get(&gate, &token).status, 200);
    }
    assert!(
        upstream
            .seen()
            .iter()
            .all(|seen| seen.header("authorization").is_none())
    );
    is_challenged(&gate.get("/things"), 401, "authentication.required", MISSING);
    let wider = with(&gate, "DELETE", "/things", &token);
    let asked = "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"things.delete\"";
    is_challenged(&wider, 403, "authorization.scope", asked);
    let wide = issuer.token_with("at+jwt", json!({"scope": "things.read things.delete"}));
    assert_eq!(with(&gate, "DELETE", "/things", &wide).status, 200);
    assert!(gate.metric(&["portcullis_control", "control=\"authorize\"", "refused"]) >= 2.0);
}

#[test]
fn what_is_presented_has_to_be_good_also_where_nothing_is_needed() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let gate = gate(&upstream, &issuer);
    assert_eq!(gate.get("/open").status, 200);
    assert_eq!(with(&gate, "GET", "/open", &issuer.token()).status, 200);
    is_challenged(
        &with(&gate, "GET", "/open", "nonsense"),
        401,
        "authentication.required",
        INVALID,
    );
    // Where nothing is accepted, nothing is looked at, and nothing goes on.
    assert_eq!(with(&gate, "GET", "/public", "nonsense").status, 200);
    assert!(
        upstream
            .seen()
            .iter()
            .all(|seen| seen.header("authorization").is_none())
    );
}

#[test]
fn jose_21_oauth_14_tokens_for_something_else_are_refused_alike() {
    let (upstream, issuer, other) = (Upstream::with_json(THING), Issuer::new("one"), Issuer::new("one"));
    let gate = gate(&upstream, &issuer);
    let with_claims = |claims| issuer.token_with("at+jwt", claims);
    for (what, token) in [
        ("of an ID token's type", issuer.token_with("JWT", json!({}))),
        (
            "for another audience",
            with_claims(json!({"aud": "https://other.example"})),
        ),
        (
            "of another issuer's name",
            with_claims(json!({"iss": "https://evil.example"})),
        ),
        ("signed by another key", other.token()),
        ("expired", with_claims(json!({"exp": 1_700_000_000}))),
        ("without a subject", with_claims(json!({"sub": null}))),
        ("not a token", "a.b.c".to_owned()),
    ] {
        let answer = get(&gate, &token);
        answer.is_refused_as(what, 401, "authentication.required");
        assert_eq!(answer.header("www-authenticate"), Some(INVALID), "{what}");
    }
    upstream.saw_nothing("tokens for something else");
    // Callers are told nothing of why; operators are.
    for why in [
        "type-mismatch",
        "audience-mismatch",
        "issuer-mismatch",
        "signature-invalid",
        "expired",
    ] {
        gate.logs_place(why);
    }
}

#[test]
fn several_credentials_are_none() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let gate = gate(&upstream, &issuer);
    let good = format!("Bearer {}", issuer.token());
    let twice = [("Authorization", good.as_str()), ("Authorization", "Basic YTpi")];
    let answer = gate.client().send("GET", "/things", &twice, b"");
    let asked = "Bearer realm=\"api\", error=\"invalid_request\"";
    is_challenged(&answer, 401, "authentication.required", asked);
    let other = gate
        .client()
        .send("GET", "/things", &[("Authorization", "Basic YTpi")], b"");
    // What is no token has no error of one (RFC 6750, section 3.1).
    is_challenged(&other, 401, "authentication.required", MISSING);
    upstream.saw_nothing("several credentials");
}

#[test]
fn jose_23_a_key_that_is_gone_from_its_file_is_gone_for_tokens_that_were_believed() {
    let (upstream, old, new) = (Upstream::with_json(THING), Issuer::new("old"), Issuer::new("new"));
    let gate = gate(&upstream, &old);
    let (before, after) = (old.token(), new.token());
    assert_eq!((get(&gate, &before).status, get(&gate, &after).status), (200, 401));
    gate.directory.write("keys.json", &key_set(&[&old, &new]));
    until("both are believed", || {
        (get(&gate, &before).status, get(&gate, &after).status) == (200, 200)
    });
    gate.directory.write("keys.json", &key_set(&[&new]));
    until("the old one is not believed", || get(&gate, &before).status == 401);
    assert_eq!(get(&gate, &after).status, 200);
    gate.directory.write("keys.json", "{\"keys\": []}");
    until("a broken file is told", || {
        gate.log().iter().any(|line| line.contains("has no key"))
    });
    assert_eq!(get(&gate, &after).status, 200, "what was in force stays");
}

/// Serves keys, or fails while there are none, and counts how often it is asked.
fn key_server() -> (Upstream, Arc<Mutex<Option<String>>>, Arc<AtomicUsize>) {
    let (served, asked) = (Arc::new(Mutex::new(None::<String>)), Arc::new(AtomicUsize::new(0)));
    let (known, count) = (Arc::clone(&served), Arc::clone(&asked));
    let server = Upstream::start(move |_, stream| {
        count.fetch_add(1, Ordering::AcqRel);
        let answer = match &*known.lock().unwrap() {
            Some(keys) => ok("application/json", keys),
            None => crate::upstream::answer("503 Service Unavailable", &[], b""),
        };
        std::io::Write::write_all(stream, &answer).is_ok()
    });
    (server, served, asked)
}

#[test]
fn jose_23_new_keys_are_fetched_when_a_token_names_one_and_never_more_often_than_that() {
    let (upstream, old, new) = (Upstream::with_json(THING), Issuer::new("old"), Issuer::new("new"));
    let (server, served, asked) = key_server();
    let keys = format!(
        "{{url: 'http://{}/jwks', dangerous_private_address: true}}",
        server.address
    );
    let gate = setup(&upstream, &keys)
        .with("failed_authentication_limit: {requests: 1000000, per: 1s}")
        .start();
    // Without keys nothing can be said of a token: not that it is bad either.
    get(&gate, &old.token()).is_refused(503, "authentication.unavailable");
    *served.lock().unwrap() = Some(key_set(&[&old]));
    until("the keys are there", || get(&gate, &old.token()).status == 200);
    *served.lock().unwrap() = Some(key_set(&[&old, &new]));
    until("the new key is believed", || get(&gate, &new.token()).status == 200);
    assert_eq!(get(&gate, &old.token()).status, 200);
    let before = asked.load(Ordering::Acquire);
    let stranger = Issuer::new("stranger");
    for _ in 0..50 {
        assert_eq!(get(&gate, &stranger.token()).status, 401);
    }
    assert!(
        asked.load(Ordering::Acquire) <= before + 1,
        "a flood of unknown keys is no flood there"
    );
    *served.lock().unwrap() = None;
    assert_eq!(get(&gate, &new.token()).status, 200);
}

#[test]
fn what_nobody_verifies_is_an_error_before_anything_is_served() {
    let upstream = Upstream::with_json(THING);
    let issuer = Issuer::new("one");
    let check = |setup: Setup, keys: &str, expected: &str| {
        let directory = setup.written();
        directory.write("keys.json", keys);
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8(told).unwrap();
        assert!(
            !output.status.success() && told.contains(expected),
            "{expected} in {told}"
        );
    };
    let good = key_set(&[&issuer]);
    let plain = || Setup::new(CONTRACT, upstream.address);
    check(plain(), &good, "security scheme `bearer`, and nothing verifies it");
    let misspelt = CONTRACT.replacen("[{bearer: []}]", "[{bearrer: []}]", 1);
    check(
        Setup::new(&misspelt, upstream.address).with_api("security_schemes: {bearer: {issuers: [main]}}"),
        &good,
        "did you mean `bearer`?",
    );
    check(
        setup(&upstream, "{file: keys.json}").with_api("dangerous_unverified_schemes: 1"),
        &good,
        "dangerous_unverified_schemes",
    );
    check(
        plain().with_api("security_schemes: {bearer: {issuers: [mian]}}"),
        &good,
        "no issuer is called `mian`",
    );
    check(setup(&upstream, "{file: none.json}"), &good, "cannot read the keys");
    check(setup(&upstream, "{file: keys.json}"), "[]", "no set of keys");
    let secret = json!({"keys": [{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}).to_string();
    check(setup(&upstream, "{file: keys.json}"), &secret, "holds a secret");
    check(setup(&upstream, "{url: 'ftp://id.example'}"), &good, "is no URL");
    check(setup(&upstream, "{}"), &good, "one of `file`, `url` and `discover`");
}

#[test]
fn who_says_so_aloud_passes_credentials_on() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let unverified = Setup::new(CONTRACT, upstream.address).with_api("dangerous_unverified_schemes: true");
    assert_eq!(get(&unverified.start(), "whatever").status, 200);
    assert_eq!(upstream.one().header("authorization"), Some("Bearer whatever"));
    let directory = Setup::new(CONTRACT, upstream.address)
        .with("issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {file: keys.json}}]")
        .with_api("security_schemes: {bearer: {issuers: [main], forward: true}}")
        .written();
    directory.write("keys.json", &key_set(&[&issuer]));
    let gate = Gate::start(directory);
    let token = issuer.token();
    assert_eq!(get(&gate, &token).status, 200);
    let last = upstream.seen().pop().unwrap();
    assert_eq!(last.header("authorization"), Some(format!("Bearer {token}").as_str()));
}
