//! Tokens that are bound to a key, and the proofs that come with them (DPoP, RFC 9449), over both versions of HTTP.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_identity::jose::encode_base64url;
use portcullis_identity::thumbprint::Thumbprint;
use portcullis_secrets::{Signer, SigningAlgorithm};
use serde_json::{Value, json};

use crate::gate::{Gate, Setup};
use crate::http::THING;
use crate::http2::over_h2c;
use crate::identity_upstream::{events_with, streaming};
use crate::introspection;
use crate::tokens::{Issuer, key_set, object};
use crate::upstream::Upstream;
use crate::wire::Answer;

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Things, version: '1'}
security: [{bearer: []}]
paths:
  /things:
    get: {parameters: [{name: q, in: query, schema: {type: string}}], responses: {'200': {$ref: '#/components/responses/things'}}}
    delete: {responses: {'200': {$ref: '#/components/responses/things'}}}
  /events:
    get: {responses: {'200': {description: events, content: {text/event-stream: {schema: {type: string}}}}}}
  /public:
    get: {security: [], responses: {'200': {$ref: '#/components/responses/things'}}}
components:
  responses:
    things: {description: all, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  securitySchemes: {bearer: {type: http, scheme: bearer}}
";

const ALGS: &str = "algs=\"ES256 ES384 RS256 RS384 RS512 PS256 PS512 Ed25519 EdDSA\"";

/// A caller with a key, and a token that is bound to it.
struct Caller {
    key: Signer,
    token: String,
    /// What the gate is called in proofs.
    origin: String,
}

#[expect(clippy::disallowed_methods, reason = "the gate reads the clock as well")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn key() -> Signer {
    Signer::generate(SigningAlgorithm::Es256, None).unwrap()
}

fn thumbprint(key: &Signer) -> String {
    Thumbprint::of_jwk(&key.public_jwk()).unwrap().to_string()
}

impl Caller {
    fn new(gate: &Gate, issuer: &Issuer) -> Self {
        let key = key();
        let token = issuer.token_with("at+jwt", json!({"cnf": {"jkt": thumbprint(&key)}}));
        let origin = format!("http://{}", gate.address);
        Self { key, token, origin }
    }

    /// A proof for `GET /things`, with these claims in the place of the usual ones.
    fn proof_with(&self, more: Value) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.token.as_bytes());
        let mut claims = object(json!({
            "jti": identifier(), "htm": "GET", "htu": format!("{}/things", self.origin), "iat": now(),
            "ath": encode_base64url(digest.as_ref()),
        }));
        claims.extend(object(more));
        claims.retain(|_, value| !value.is_null());
        signed(
            &self.key,
            &json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.public_jwk()}),
            &claims.into(),
        )
    }

    fn proof(&self) -> String {
        self.proof_with(json!({}))
    }
}

/// A new name for a proof.
fn identifier() -> String {
    let mut octets = [0; 16];
    aws_lc_rs::rand::fill(&mut octets).unwrap();
    encode_base64url(&octets)
}

fn signed(key: &Signer, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| encode_base64url(value.to_string().as_bytes());
    let input = format!("{}.{}", part(header), part(claims));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", encode_base64url(&signature))
}

fn gate_with(upstream: &Upstream, issuer: &Issuer, binding: &str, more: &str) -> Gate {
    let directory = Setup::new(CONTRACT, upstream.address)
        .listening("{address: '127.0.0.1:0', h2c: true}")
        .with(&format!(
            "issuers: [{{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {{file: keys.json}}, \
             binding: {binding}}}]"
        ))
        .with(more)
        .with_api("security_schemes: {bearer: {issuers: [main]}}")
        .written();
    directory.write("keys.json", &key_set(&[issuer]));
    Gate::start(directory)
}

fn gate(upstream: &Upstream, issuer: &Issuer) -> Gate {
    gate_with(upstream, issuer, "any", "")
}

/// A request with this scheme and these proofs.
fn send(gate: &Gate, target: &str, scheme: &str, token: &str, proofs: &[&str]) -> Answer {
    let authorization = format!("{scheme} {token}");
    let mut fields = vec![("Authorization", authorization.as_str())];
    fields.extend(proofs.iter().map(|proof| ("DPoP", *proof)));
    gate.client().send("GET", target, &fields, b"")
}

/// The same over HTTP/2.
fn by_http2(gate: &Gate, token: &str, proof: &str) -> u16 {
    over_h2c(gate.address, async |requests| {
        let request = http::Request::get(format!("http://{}/things", gate.address))
            .header("authorization", format!("DPoP {token}"))
            .header("dpop", proof);
        let answer = crate::http2::send(&requests, request.body(()).unwrap(), b"")
            .await
            .unwrap();
        answer.status.as_u16()
    })
}

fn challenges(answer: &Answer) -> Vec<&str> {
    let fields = answer.headers.iter().filter(|(name, _)| name == "www-authenticate");
    fields.map(|(_, value)| value.as_str()).collect()
}

fn of_dpop(error: &str) -> String {
    format!("DPoP realm=\"api\", error=\"{error}\", {ALGS}")
}

#[track_caller]
fn is_challenged(what: &str, answer: &Answer, error: &str) {
    answer.is_refused_as(what, 401, "authentication.required");
    assert_eq!(challenges(answer), [of_dpop(error)], "{what}");
}

#[test]
fn oauth_15_a_proof_is_good_for_one_request() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let gate = gate(&upstream, &issuer);
    let caller = Caller::new(&gate, &issuer);
    let proof = caller.proof();
    assert_eq!(send(&gate, "/things?q=1", "DPoP", &caller.token, &[&proof]).status, 200);
    is_challenged(
        "again",
        &send(&gate, "/things", "DPoP", &caller.token, &[&proof]),
        "invalid_dpop_proof",
    );
    assert_eq!(by_http2(&gate, &caller.token, &proof), 401);
    let proof = caller.proof();
    assert_eq!(by_http2(&gate, &caller.token, &proof), 200);
    assert_eq!(by_http2(&gate, &caller.token, &proof), 401);
    is_challenged(
        "after HTTP/2",
        &send(&gate, "/things", "DPoP", &caller.token, &[&proof]),
        "invalid_dpop_proof",
    );
    assert_eq!(
        send(&gate, "/things", "dpop", &caller.token, &[&caller.proof()]).status,
        200
    );
    // A caller may name proofs as another did.
    let named = json!({"jti": "the same"});
    for caller in [&caller, &Caller::new(&gate, &issuer)] {
        let proof = caller.proof_with(named.clone());
        assert_eq!(send(&gate, "/things", "DPoP", &caller.token, &[&proof]).status, 200);
    }
    // Token and proof end at the gate, also where nobody looks at them.
    assert_eq!(
        send(&gate, "/public", "DPoP", &caller.token, &[&caller.proof()]).status,
        200
    );
    for seen in upstream.seen() {
        assert_eq!((seen.header("authorization"), seen.header("dpop")), (None, None));
    }
}

#[test]
fn oauth_15_of_many_at_once_one_is_the_first() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let gate = gate_with(&upstream, &issuer, "dpop", "workers: 4");
    let caller = Caller::new(&gate, &issuer);
    let proof = caller.proof();
    let good = std::thread::scope(|scope| {
        let send = || send(&gate, "/things", "DPoP", &caller.token, &[&proof]).status;
        let callers: Vec<_> = (0..24).map(|_| scope.spawn(send)).collect();
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .filter(|status| *status == 200)
            .count()
    });
    assert_eq!(good, 1);
}

/// Proofs that say something else than they should.
fn of_something_else(caller: &Caller) -> Vec<(&'static str, String)> {
    let with = |claims: Value| caller.proof_with(claims);
    let port = caller.origin.trim_start_matches("http://");
    vec![
        ("for another method", with(json!({"htm": "POST"}))),
        (
            "for another path",
            with(json!({"htu": format!("{}/public", caller.origin)})),
        ),
        (
            "for another scheme",
            with(json!({"htu": format!("https://{port}/things")})),
        ),
        ("for another host", with(json!({"htu": "http://evil.example/things"}))),
        ("for another port", with(json!({"htu": "http://127.0.0.1:1/things"}))),
        ("for another token", with(json!({"ath": encode_base64url(&[0; 32])}))),
        ("for no token", with(json!({"ath": null}))),
        ("without a name", with(json!({"jti": null}))),
        ("without a method", with(json!({"htm": null}))),
        ("without a target", with(json!({"htu": null}))),
        ("without a time", with(json!({"iat": null}))),
        ("of long ago", with(json!({"iat": now() - 3600}))),
        ("of the future", with(json!({"iat": now() + 3600}))),
        ("with a time that is none", with(json!({"iat": "now"}))),
    ]
}

/// Proofs that are not made as they should be.
fn misshapen(caller: &Caller) -> Vec<(&'static str, String)> {
    let thief = key();
    let header = |typ: &str, alg: &str, jwk: Value| json!({"typ": typ, "alg": alg, "jwk": jwk});
    let public: Value = caller.key.public_jwk().into();
    let usual = object(serde_json::from_slice(&payload(&caller.proof())).unwrap());
    let with_header = |header: Value| signed(&caller.key, &header, &usual.clone().into());
    let private = {
        let mut private = object(public.clone());
        private.insert("d".to_owned(), "AQAB".into());
        private
    };
    let unsigned = caller.proof().rsplit_once('.').unwrap().0.to_owned() + ".";
    vec![
        ("unsigned", unsigned),
        (
            "of the type of a token",
            with_header(header("at+jwt", "ES256", public.clone())),
        ),
        ("of no type", with_header(json!({"alg": "ES256", "jwk": public}))),
        ("without a key", with_header(json!({"typ": "dpop+jwt", "alg": "ES256"}))),
        (
            "with a private key",
            with_header(header("dpop+jwt", "ES256", private.into())),
        ),
        (
            "with a shared key",
            with_header(header("dpop+jwt", "HS256", json!({"kty": "oct", "k": "AAAA"}))),
        ),
        (
            "with no algorithm",
            with_header(header("dpop+jwt", "none", public.clone())),
        ),
        (
            "with another algorithm",
            with_header(header("dpop+jwt", "ES384", public.clone())),
        ),
        (
            "signed by another",
            signed(
                &thief,
                &header("dpop+jwt", "ES256", public.clone()),
                &usual.clone().into(),
            ),
        ),
        (
            "critical",
            with_header(json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": public, "crit": ["x"], "x": 1})),
        ),
        ("the token", caller.token.clone()),
        ("nonsense", "a.b.c".to_owned()),
        ("empty", String::new()),
    ]
}

#[test]
fn oauth_15_a_proof_is_for_its_request_and_of_its_key() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let gate = gate(&upstream, &issuer);
    let (caller, thief) = (Caller::new(&gate, &issuer), key());
    let proofs = of_something_else(&caller).into_iter().chain(misshapen(&caller));
    for (what, proof) in proofs {
        let answer = send(&gate, "/things", "DPoP", &caller.token, &[&proof]);
        is_challenged(what, &answer, "invalid_dpop_proof");
        assert_eq!(by_http2(&gate, &caller.token, &proof), 401, "{what}");
    }
    let proofs = [caller.proof(), caller.proof()];
    for (what, proofs) in [("none", &[][..]), ("two", &[&*proofs[0], &*proofs[1]])] {
        is_challenged(
            what,
            &send(&gate, "/things", "DPoP", &caller.token, proofs),
            "invalid_dpop_proof",
        );
    }
    // A good proof of another key: whoever stole the token.
    let thief = Caller {
        key: thief,
        token: caller.token.clone(),
        origin: caller.origin.clone(),
    };
    is_challenged(
        "stolen",
        &send(&gate, "/things", "DPoP", &thief.token, &[&thief.proof()]),
        "invalid_token",
    );
    let bad = send(&gate, "/things", "DPoP", "a.b.c", &[&caller.proof()]);
    is_challenged("a bad token", &bad, "invalid_token");
    upstream.saw_nothing("proofs for something else");
    assert_eq!(
        send(&gate, "/things", "DPoP", &caller.token, &[&caller.proof()]).status,
        200
    );
}

fn payload(token: &str) -> Vec<u8> {
    let part = token.split('.').nth(1).unwrap();
    portcullis_identity::jose::decode_base64url(part).unwrap()
}

#[test]
fn oauth_15_a_bound_token_is_no_bearer_token() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let gate = gate_with(&upstream, &issuer, "none", "");
    let caller = Caller::new(&gate, &issuer);
    // Also when it is remembered.
    assert_eq!(
        send(&gate, "/things", "DPoP", &caller.token, &[&caller.proof()]).status,
        200
    );
    is_challenged(
        "downgraded",
        &send(&gate, "/things", "Bearer", &caller.token, &[]),
        "invalid_token",
    );
    let invalid = "Bearer realm=\"api\", error=\"invalid_token\"";
    let beside = send(&gate, "/things", "Bearer", &caller.token, &[&caller.proof()]);
    assert_eq!((beside.status, challenges(&beside)), (401, vec![invalid]));
    // A proof beside a token that is not bound proves nothing.
    let unbound = Caller {
        key: key(),
        token: issuer.token(),
        origin: caller.origin.clone(),
    };
    is_challenged(
        "unbound",
        &send(&gate, "/things", "DPoP", &unbound.token, &[&unbound.proof()]),
        "invalid_token",
    );
    let beside = send(&gate, "/things", "Bearer", &unbound.token, &[&unbound.proof()]);
    assert_eq!((beside.status, challenges(&beside)), (401, vec![invalid]));
    assert_eq!(send(&gate, "/things", "Bearer", &unbound.token, &[]).status, 200);
    for cnf in [
        json!({"jkt": "short"}),
        json!({"jkt": thumbprint(&caller.key), "kid": "k"}),
        json!({"kid": "k"}),
        json!([]),
    ] {
        let token = issuer.token_with("at+jwt", json!({"cnf": cnf}));
        let caller = Caller {
            key: key(),
            token,
            origin: caller.origin.clone(),
        };
        for _ in 0..2 {
            assert_eq!(
                send(&gate, "/things", "Bearer", &caller.token, &[]).status,
                401,
                "{cnf}"
            );
            let proof = caller.proof();
            assert_eq!(
                send(&gate, "/things", "DPoP", &caller.token, &[&proof]).status,
                401,
                "{cnf}"
            );
        }
    }
}

#[test]
fn oauth_15_an_issuer_may_bind_all_of_its_tokens_to_keys() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let plain = format!("DPoP realm=\"api\", {ALGS}");
    for (binding, unbound, asked) in [
        ("none", 200, vec!["Bearer realm=\"api\""]),
        ("any", 401, vec!["Bearer realm=\"api\"", &plain]),
        ("dpop", 401, vec![&*plain]),
    ] {
        let gate = gate_with(&upstream, &issuer, binding, "");
        assert_eq!(
            send(&gate, "/things", "Bearer", &issuer.token(), &[]).status,
            unbound,
            "{binding}"
        );
        assert_eq!(challenges(&gate.get("/things")), asked, "{binding}");
        let caller = Caller::new(&gate, &issuer);
        assert_eq!(
            send(&gate, "/things", "DPoP", &caller.token, &[&caller.proof()]).status,
            200,
            "{binding}"
        );
    }
}

#[test]
fn oauth_15_nonces_of_this_process_can_be_required() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let mut gate = gate_with(&upstream, &issuer, "dpop", "dpop: {nonce_required: true}");
    let caller = Caller::new(&gate, &issuer);
    let nonce_of = |answer: &Answer| {
        is_challenged("a nonce is needed", answer, "use_dpop_nonce");
        answer.header("dpop-nonce").unwrap().to_owned()
    };
    let nonce = nonce_of(&send(&gate, "/things", "DPoP", &caller.token, &[&caller.proof()]));
    let with = |nonce: &str| caller.proof_with(json!({"nonce": nonce}));
    let proof = with(&nonce);
    assert_eq!(send(&gate, "/things", "DPoP", &caller.token, &[&proof]).status, 200);
    is_challenged(
        "again",
        &send(&gate, "/things", "DPoP", &caller.token, &[&proof]),
        "invalid_dpop_proof",
    );
    // A nonce is for a while, not for one proof.
    assert_eq!(
        send(&gate, "/things", "DPoP", &caller.token, &[&with(&nonce)]).status,
        200
    );
    for other in ["", "made-up", &format!("{nonce}A")] {
        nonce_of(&send(&gate, "/things", "DPoP", &caller.token, &[&with(other)]));
    }
    // Nobody without a token that is bound to the key of the proof gets one.
    let stranger = send(&gate, "/things", "DPoP", "a.b.c", &[&caller.proof()]);
    assert_eq!(stranger.header("dpop-nonce"), None);
    // Another process knows nothing of the proofs that this one saw, nor of its nonces.
    gate.restart();
    let seen = with(&nonce);
    until_served(&gate);
    nonce_of(&send(&gate, "/things", "DPoP", &caller.token, &[&seen]));
}

fn until_served(gate: &Gate) {
    crate::gate::until("the new process serves", || gate.get("/public").status == 200);
}

#[test]
fn oauth_15_what_an_earlier_process_may_have_seen_needs_a_nonce() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let gate = gate(&upstream, &issuer);
    let caller = Caller::new(&gate, &issuer);
    let early = json!({"iat": now() - 30});
    let answer = send(
        &gate,
        "/things",
        "DPoP",
        &caller.token,
        &[&caller.proof_with(early.clone())],
    );
    is_challenged("made before", &answer, "use_dpop_nonce");
    let mut early = object(early);
    early.insert("nonce".to_owned(), answer.header("dpop-nonce").unwrap().into());
    let proof = caller.proof_with(early.into());
    assert_eq!(send(&gate, "/things", "DPoP", &caller.token, &[&proof]).status, 200);
}

#[test]
fn oauth_15_behind_a_proxy_the_target_is_the_caller_s() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let gate = gate_with(&upstream, &issuer, "dpop", "trusted_proxies: ['127.0.0.1/32']");
    let mut caller = Caller::new(&gate, &issuer);
    caller.origin = "https://127.0.0.1".to_owned();
    let ask = |proof: &str, scheme: &str| {
        let authorization = format!("DPoP {}", caller.token);
        let fields = [
            ("Authorization", authorization.as_str()),
            ("DPoP", proof),
            ("X-Forwarded-Proto", scheme),
            ("X-Forwarded-For", "192.0.2.1"),
        ];
        gate.client()
            .host("127.0.0.1")
            .send("GET", "/things", &fields, b"")
            .status
    };
    assert_eq!(ask(&caller.proof(), "https"), 200);
    assert_eq!(ask(&caller.proof(), "http"), 401);
    // From anybody else that field means nothing.
    let gate = gate_with(&upstream, &issuer, "dpop", "");
    let fields = [
        ("X-Forwarded-Proto", "https"),
        ("DPoP", &*caller.proof()),
        ("Authorization", &format!("DPoP {}", caller.token)),
    ];
    assert_eq!(
        gate.client()
            .host("127.0.0.1")
            .send("GET", "/things", &fields, b"")
            .status,
        401
    );
}

#[test]
fn oauth_15_what_an_issuer_says_of_its_opaque_tokens_binds_them_as_well() {
    let upstream = Upstream::with_json(THING);
    let (authority, says) = introspection::authority(Duration::ZERO);
    let gate = introspection::gate(&upstream, &authority, "");
    let caller = |token: &str| Caller {
        key: key(),
        token: token.to_owned(),
        origin: format!("http://{}", gate.address),
    };
    let (bound, typed, free) = (caller("bound"), caller("typed"), caller("free"));
    let confirmed = |caller: &Caller| json!({"jkt": thumbprint(&caller.key)});
    let typed_as = json!({"cnf": confirmed(&typed), "token_type": "DPoP"});
    introspection::say(&says, "bound", introspection::good(json!({ "cnf": confirmed(&bound) })));
    introspection::say(&says, "typed", introspection::good(typed_as));
    introspection::say(&says, "free", introspection::good(json!({})));
    introspection::say(&says, "odd", introspection::good(json!({"cnf": {"kid": "a"}})));
    for caller in [&bound, &typed] {
        let token = &caller.token;
        send(&gate, "/things", "Bearer", token, &[]).is_refused_as(token, 401, "authentication.required");
        let answered = send(&gate, "/things", "DPoP", token, &[&caller.proof()]);
        assert_eq!(answered.status, 200, "{token}: {answered:?}");
        let other = Caller {
            key: key(),
            token: token.clone(),
            origin: caller.origin.clone(),
        };
        let answered = send(&gate, "/things", "DPoP", token, &[&other.proof()]);
        is_challenged(token, &answered, "invalid_token");
    }
    assert_eq!(send(&gate, "/things", "Bearer", "free", &[]).status, 200);
    let answered = send(&gate, "/things", "DPoP", "free", &[&free.proof()]);
    is_challenged("free", &answered, "invalid_token");
    send(&gate, "/things", "Bearer", "odd", &[]).is_refused_as("odd", 401, "authentication.required");
}

#[test]
fn oauth_15_a_token_that_is_good_once_is_not_used_up_without_its_proof() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let gate = gate_with(&upstream, &issuer, "any, one_time: true", "");
    let mut caller = Caller::new(&gate, &issuer);
    caller.token = issuer.token_with("at+jwt", json!({"jti": "one", "cnf": {"jkt": thumbprint(&caller.key)}}));
    let token = &caller.token;
    send(&gate, "/things", "Bearer", token, &[]).is_refused(401, "authentication.required");
    let stolen = caller.proof_with(json!({"htm": "POST"}));
    is_challenged(
        "another's",
        &send(&gate, "/things", "DPoP", token, &[&stolen]),
        "invalid_dpop_proof",
    );
    let early = caller.proof_with(json!({"iat": now() - 55}));
    is_challenged(
        "early",
        &send(&gate, "/things", "DPoP", token, &[&early]),
        "use_dpop_nonce",
    );
    assert_eq!(send(&gate, "/things", "DPoP", token, &[&caller.proof()]).status, 200);
    is_challenged(
        "again",
        &send(&gate, "/things", "DPoP", token, &[&caller.proof()]),
        "invalid_token",
    );
}

#[test]
fn oauth_15_bad_proofs_are_limited_by_address() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let limit = "failed_authentication_limit: {requests: 5, per: 10m}\nworkers: 1";
    let gate = gate_with(&upstream, &issuer, "any", limit);
    let caller = Caller::new(&gate, &issuer);
    // Good ones are charged for nothing, and one that lacks a nonce is no guess.
    for _ in 0..10 {
        let proof = caller.proof();
        assert_eq!(send(&gate, "/things", "DPoP", &caller.token, &[&proof]).status, 200);
        let old = caller.proof_with(json!({"iat": now() - 55}));
        let answered = send(&gate, "/things", "DPoP", &caller.token, &[&old]);
        is_challenged("made before the start", &answered, "use_dpop_nonce");
    }
    for number in 0..5 {
        let other = caller.proof_with(json!({"htm": "POST"}));
        let token = &caller.token;
        // A bound token without its proof is one as well.
        let answered = match number {
            0 => send(&gate, "/things", "Bearer", token, &[]),
            _ => send(&gate, "/things", "DPoP", token, &[&other]),
        };
        answered.is_refused(401, "authentication.required");
    }
    let bad = caller.proof_with(json!({"htm": "POST"}));
    send(&gate, "/things", "DPoP", &caller.token, &[&bad]).is_refused(429, "rate.exceeded");
    // Whoever proved to have the key of a token lately is not kept out by it, and others are.
    for _ in 0..10 {
        let answered = send(&gate, "/things", "DPoP", &caller.token, &[&caller.proof()]);
        assert_eq!(answered.status, 200);
    }
    let other = Caller::new(&gate, &issuer);
    send(&gate, "/things", "DPoP", &other.token, &[&other.proof()]).is_refused(429, "rate.exceeded");
}

#[test]
fn http_11_streams_end_soon_after_their_tokens_have_to_be_bound() {
    let (upstream, issuer) = (Upstream::start(streaming), Issuer::new("one"));
    let gate = gate_with(&upstream, &issuer, "none", "");
    let caller = Caller::new(&gate, &issuer);
    let proof = caller.proof_with(json!({"htu": format!("{}/events", caller.origin)}));
    let (bound, free) = (format!("DPoP {}", caller.token), format!("Bearer {}", issuer.token()));
    std::thread::scope(|scope| {
        let bound = scope.spawn(|| events_with(&gate, &[("Authorization", &bound), ("DPoP", &proof)]));
        let free = scope.spawn(|| events_with(&gate, &[("Authorization", &free)]));
        std::thread::sleep(Duration::from_secs(1));
        let configuration = gate.directory.read("gate.yaml");
        gate.directory
            .write("gate.yaml", &configuration.replace("binding: none", "binding: dpop"));
        gate.signal("-HUP");
        let (whole, seconds) = free.join().unwrap();
        assert!(!whole && seconds < 9.0, "{seconds}");
        assert!(!bound.is_finished(), "it is bound, and was proved to be its caller's");
        gate.directory.write("keys.json", &key_set(&[&Issuer::new("two")]));
        bound.join().unwrap();
    });
}

#[test]
fn http_11_a_stream_with_a_proof_ends_with_the_keys_of_its_token() {
    let (upstream, issuer, other) = (Upstream::start(streaming), Issuer::new("one"), Issuer::new("two"));
    let gate = gate(&upstream, &issuer);
    let caller = Caller::new(&gate, &issuer);
    let proof = caller.proof_with(json!({"htu": format!("{}/events", caller.origin)}));
    let authorization = format!("DPoP {}", caller.token);
    std::thread::scope(|scope| {
        let events = scope.spawn(|| events_with(&gate, &[("Authorization", &authorization), ("DPoP", &proof)]));
        std::thread::sleep(Duration::from_secs(1));
        gate.directory.write("keys.json", &key_set(&[&issuer, &other]));
        std::thread::sleep(Duration::from_secs(6));
        assert!(!events.is_finished(), "its key is still there");
        gate.directory.write("keys.json", &key_set(&[&other]));
        let (whole, seconds) = events.join().unwrap();
        assert!(!whole && seconds < 14.0, "{seconds}");
    });
}
