//! What upstreams are told of who calls, what callers cannot say in the gate's place, and streams that end with their token.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use portcullis_identity::jose::jws::Unverified;
use portcullis_identity::jose::key::{JwkRules, Kid};
use portcullis_identity::jose::key_set::KeySet;
use portcullis_identity::jose::object::Object;
use portcullis_secrets::{Signer, SigningAlgorithm};
use serde_json::{Value, json};

use crate::gate::{Directory, Gate, Setup, run, until};
use crate::http::THING;
use crate::http2::over_h2c;
use crate::upstream::{Seen, Upstream, ok};
use crate::websocket::{self, switch};
use crate::wire::{Answer, Client};

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Things, version: '1'}
security: [{bearer: []}]
paths:
  /things:
    get: {responses: {'200': {$ref: '#/components/responses/things'}}}
    post:
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: {'200': {$ref: '#/components/responses/things'}}
  /open:
    get: {security: [{}, {bearer: []}], responses: {'200': {$ref: '#/components/responses/things'}}}
  /public:
    get: {security: [], responses: {'200': {$ref: '#/components/responses/things'}}}
  /events:
    get: {responses: {'200': {description: events, content: {text/event-stream: {schema: {type: string}}}}}}
  /chat:
    get: {x-portcullis: {websocket: {}}, responses: {'101': {description: A WebSocket.}}}
components:
  responses:
    things: {description: all, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  securitySchemes: {bearer: {type: http, scheme: bearer}}
";

/// An issuer of access tokens.
struct Issuer(Signer);

impl Issuer {
    fn new() -> Self {
        Self(Signer::generate(SigningAlgorithm::Es256, Kid::new("theirs")).unwrap())
    }

    /// A token of alice's that is good for so many seconds.
    fn token_for(&self, seconds: u64) -> String {
        let claims = json!({
            "iss": "https://id.example", "aud": "https://things.example", "sub": "alice", "client_id": "app",
            "iat": unix_seconds(), "exp": unix_seconds() + seconds, "scope": "things.read", "email": "alice@example.com",
            "groups": ["staff", "night shift"],
        });
        let claims: Object = claims.as_object().unwrap().clone();
        self.0.sign_compact("at+jwt", &claims).unwrap()
    }

    fn keys(&self) -> String {
        json!({ "keys": [self.0.public_jwk()] }).to_string()
    }
}

#[expect(clippy::disallowed_methods, reason = "the gate reads the clock as well")]
fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A gate that believes an issuer, and tells the upstream so.
fn setup(upstream: &Upstream, identity: &str) -> Setup {
    Setup::new(CONTRACT, upstream.address)
        .listening("{address: '127.0.0.1:0', h2c: true}")
        .with(
            "issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {file: keys.json}}]",
        )
        .with_api("security_schemes: {bearer: {issuers: [main]}}")
        .with("arrival_limit: {requests: 1000000, per: 1s}")
        .with_api("policy: {modes: {contract_in: 'off', rate_limits: 'off'}}")
        .with_api(&format!("upstream_identity: {identity}"))
}

fn start(setup: &Setup, issuer: &Issuer) -> Gate {
    let directory = setup.written();
    directory.write("keys.json", &issuer.keys());
    Gate::start(directory)
}

/// Writes a new private key that only its owner can read; in one step, since files are watched.
fn write_key(directory: &Directory, name: &str) {
    let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let new = directory.write(&format!("{name}.new"), &pem);
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(new, directory.0.join(name)).unwrap();
}

fn get(gate: &Gate, target: &str, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    gate.client()
        .send("GET", target, &[("Authorization", &authorization)], b"")
}

/// What is published now.
fn published(gate: &Gate) -> KeySet {
    let answer = gate.admin("/jwks.json");
    assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
    KeySet::from_jwks(&answer.body, &JwkRules::default()).unwrap().0
}

/// The claims of a token, if it verifies.
fn verified(token: &str, keys: &KeySet) -> Result<Value, String> {
    let token = Unverified::parse(token).map_err(|refusal| refusal.to_string())?;
    let verified = token.verify(keys).map_err(|refusal| refusal.to_string())?;
    Ok(serde_json::from_slice(verified.payload()).unwrap())
}

fn bearer(seen: &Seen) -> &str {
    seen.header("authorization").unwrap().strip_prefix("Bearer ").unwrap()
}

#[test]
fn an_upstream_gets_a_token_of_the_gate_and_no_other() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new());
    let told = setup(
        &upstream,
        "{jwt: {audience: orders, claims: [email], lifetime_seconds: 100}}",
    )
    .with("upstream_tokens: {issuer: 'https://gate.example'}");
    let gate = start(&told, &issuer);
    let theirs = issuer.token_for(300);
    assert_eq!(get(&gate, "/things", &theirs).status, 200);
    let ours = bearer(&upstream.one()).to_owned();
    assert_ne!(ours, theirs);
    let mut claims = verified(&ours, &published(&gate)).unwrap();
    let now = unix_seconds();
    assert!(claims["iat"].take().as_u64().unwrap().abs_diff(now) <= 2);
    assert!(claims["exp"].take().as_u64().unwrap().abs_diff(now + 100) <= 2);
    assert!(claims["jti"].take().as_str().unwrap().len() > 20);
    let expected = json!({
        "email": "alice@example.com", "iss": "https://gate.example", "sub": "user:main:alice", "aud": "orders", "iat": null,
        "exp": null, "jti": null, "client_id": "app", "scope": "things.read",
    });
    assert_eq!(claims, expected);
    // A key that was made is told aloud, and its tokens are worth nothing here.
    assert!(gate.log().iter().any(|line| line.contains("was made now")));
    get(&gate, "/things", &ours).is_refused(401, "authentication.required");
    // Of those who are not known there is nothing to say.
    assert_eq!(gate.get("/open").status, 200);
    assert_eq!(get(&gate, "/public", "whatever").status, 200);
    let seen = upstream.seen();
    assert_eq!(seen.len(), 2);
    assert!(
        seen.iter().all(|seen| seen.header("authorization").is_none()),
        "{seen:?}"
    );
}

#[test]
fn an_upstream_gets_header_fields_where_they_are_asked_for_and_nothing_else() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new());
    let identity = "{headers: {subject: X-Caller, client: X-Client, scopes: X-Scopes, claims: {groups: X-Groups, phone: X-Phone}}}";
    let gate = start(&setup(&upstream, identity), &issuer);
    assert_eq!(get(&gate, "/things", &issuer.token_for(300)).status, 200);
    let seen = upstream.one();
    for (name, expected) in [
        ("x-caller", Some("user:main:alice")),
        ("x-client", Some("app")),
        ("x-scopes", Some("things.read")),
        ("x-groups", Some("staff night%20shift")),
        ("x-phone", None),
        ("authorization", None),
    ] {
        assert_eq!(seen.header(name), expected, "{name}");
    }
    assert_eq!(gate.health("/jwks.json"), 404);
    let plain = start(&setup(&upstream, "{}"), &issuer);
    assert_eq!(get(&plain, "/things", &issuer.token_for(300)).status, 200);
    let names: BTreeSet<String> = upstream.one().headers.into_iter().map(|(name, _)| name).collect();
    assert!(
        names
            .iter()
            .all(|name| !name.contains("caller") && name != "authorization"),
        "{names:?}"
    );
}

/// Every way to write a name that some server takes for the gate's.
const FORGED: [&str; 18] = [
    "X-Caller",
    "x-caller",
    "X_Caller",
    "x_caller",
    "X-CALLER",
    "X-Groups",
    "x_Groups",
    "X-Phone",
    "X-User",
    "X_User",
    "X-Remote-User",
    "Remote-User",
    "REMOTE_USER",
    "X-Forwarded-User",
    "X_Forwarded_Email",
    "X-Auth-Request-User",
    "X-Webauth-User",
    "Client-Cert",
];

/// That nothing forged arrived.
#[track_caller]
fn is_clean(what: &str, seen: &Seen) {
    let forged = seen.headers.iter().filter(|(_, value)| value.contains("mallory"));
    assert_eq!(forged.count(), 0, "{what}: {seen:?}");
    assert!(!String::from_utf8_lossy(&seen.body).contains("mallory"), "{what}");
}

#[test]
fn http_7_nobody_says_who_calls_in_the_place_of_the_gate() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new());
    let identity = "{headers: {subject: X-Caller, claims: {groups: X-Groups, phone: X-Phone}}}";
    let setup = setup(&upstream, identity);
    let gate = start(&setup, &issuer);
    let token = format!("Bearer {}", issuer.token_for(300));
    for name in FORGED {
        for (target, known) in [("/things", true), ("/open", true), ("/open", false), ("/public", false)] {
            for connection in ["keep-alive".to_owned(), name.to_owned(), format!("close, {name}")] {
                let mut fields = vec![
                    (name, "mallory"),
                    (name, "mallory2"),
                    ("Connection", &connection),
                    ("X-Mine", "kept"),
                ];
                if known {
                    fields.push(("Authorization", &token));
                }
                assert_eq!(
                    gate.client().send("GET", target, &fields, b"").status,
                    200,
                    "{name} {target}"
                );
                let seen = upstream.one();
                is_clean(name, &seen);
                assert_eq!(
                    seen.header("x-caller"),
                    known.then_some("user:main:alice"),
                    "{name} {target}"
                );
                assert_eq!(seen.header("x-mine"), Some("kept"), "only what is forged is taken out");
            }
        }
        over_h2c(gate.address, async |requests| {
            let request = crate::http2::get("/open");
            let (mut parts, ()) = request.into_parts();
            let name = http::HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes()).unwrap();
            parts.headers.insert(name, "mallory".parse().unwrap());
            let request = http::Request::from_parts(parts, ());
            crate::http2::send(&requests, request, b"").await.unwrap()
        });
        is_clean(name, &upstream.one());
    }
    // Behind the body, and cut in two as a line of its own.
    for raw in [
        "POST /things HTTP/1.1\r\nHost: HOST\r\nTOKEN\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: X-Caller\r\n\r\n2\r\n{}\r\n0\r\nX-Caller: mallory\r\n\r\n",
        "GET /things HTTP/1.1\r\nHost: HOST\r\nTOKEN\r\nX-Mine: a\r\n X-Caller: mallory\r\n\r\n",
        "GET /things HTTP/1.1\r\nHost: HOST\r\nTOKEN\r\nX-Caller : mallory\r\n\r\n",
        "GET /things HTTP/1.1\r\nHost: HOST\r\nTOKEN\r\nX-Mine: a\rX-Caller: mallory\r\n\r\n",
    ] {
        let raw = raw.replace("TOKEN", &format!("Authorization: {token}"));
        let answer = gate.raw(raw.as_bytes());
        assert!(matches!(answer.status, 200 | 400), "{raw}: {}", answer.status);
    }
    upstream
        .seen()
        .iter()
        .for_each(|seen| is_clean("written by hand", seen));
}

#[test]
fn http_7_a_forged_token_is_replaced_also_where_clients_may_name_themselves() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new());
    let identity = "{jwt: {audience: orders, header: X-User-Id}, dangerous_from_callers: [X-User, X-User-Id]}";
    let gate = start(
        &setup(&upstream, identity).with("upstream_tokens: {issuer: 'https://gate.example'}"),
        &issuer,
    );
    let token = format!("Bearer {}", issuer.token_for(300));
    let forged = [
        ("Authorization", token.as_str()),
        ("X-User-Id", "mallory"),
        ("X_User_Id", "mallory"),
        ("X-User", "aloud"),
        ("X-User-Name", "mallory"),
    ];
    assert_eq!(gate.client().send("GET", "/things", &forged, b"").status, 200);
    let seen = upstream.one();
    is_clean("a token", &seen);
    assert_eq!(seen.header("x-user"), Some("aloud"));
    let claims = verified(seen.header("x-user-id").unwrap(), &published(&gate)).unwrap();
    assert_eq!(claims["sub"], "user:main:alice");
}

#[test]
fn keys_change_under_load_and_every_token_verifies_with_keys_that_were_fetched_before() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new());
    let told = setup(&upstream, "{jwt: {audience: orders, lifetime_seconds: 5}}")
        .with("upstream_tokens: {issuer: 'https://gate.example', keys: [signing.pem], publish_ahead_seconds: 3}");
    let directory = told.written();
    directory.write("keys.json", &issuer.keys());
    write_key(&directory, "signing.pem");
    let gate = Gate::start(directory);
    let printed = run(&gate.directory.0, &["token", "jwks", "-c", "gate.yaml"]);
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(printed, gate.admin("/jwks.json").json());
    let token = issuer.token_for(300);
    let mut client = gate.client();
    let authorization = format!("Bearer {token}");
    let (mut known, mut fetched) = (published(&gate), Instant::now());
    let (start, mut signers, mut asked, mut changed) = (Instant::now(), BTreeSet::new(), 0, 0);
    while signers.len() < 3 {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{signers:?} after {asked} requests"
        );
        // An upstream that fetches keys once in two seconds.
        if fetched.elapsed() > Duration::from_secs(2) {
            (known, fetched) = (published(&gate), Instant::now());
        }
        if changed < 2 && signers.len() > changed {
            changed += 1;
            write_key(&gate.directory, "signing.pem");
        }
        let answer = client.send("GET", "/things", &[("Authorization", &authorization)], b"");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let ours = bearer(&upstream.one()).to_owned();
        assert_eq!(
            verified(&ours, &known).map(|claims| claims["sub"].clone()),
            Ok("user:main:alice".into())
        );
        signers.insert(
            Unverified::parse(&ours)
                .unwrap()
                .header()
                .kid()
                .unwrap()
                .as_str()
                .to_owned(),
        );
        asked += 1;
    }
    assert!(asked > 100, "{asked} requests");
}

#[test]
fn what_cannot_be_signed_or_is_said_twice_is_an_error_before_anything_is_served() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new());
    let check = |identity: &str, tokens: &str, mode: u32, expected: &str| {
        let directory = setup(&upstream, identity).with(tokens).written();
        directory.write("keys.json", &issuer.keys());
        write_key(&directory, "one.pem");
        directory.write("two.pem", &directory.read("one.pem"));
        directory.write(
            "rsa.pem",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        );
        directory.write("none.pem", "nothing");
        for name in ["two.pem", "rsa.pem", "none.pem"] {
            fs::set_permissions(directory.0.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        fs::set_permissions(directory.0.join("one.pem"), fs::Permissions::from_mode(mode)).unwrap();
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let is_told = match expected {
            "" => output.status.success(),
            _ => !output.status.success() && told.contains(expected),
        };
        assert!(is_told, "{expected} in {told}");
        assert!(!told.contains("BEGIN"), "{told}");
    };
    let jwt = "{jwt: {audience: orders}}";
    let keys = |files: &str| format!("upstream_tokens: {{issuer: 'https://gate.example', keys: [{files}]}}");
    check(jwt, &keys("one.pem"), 0o600, "");
    check(jwt, &keys("one.pem"), 0o640, "");
    check(jwt, &keys("one.pem"), 0o644, "mode 644");
    check(jwt, &keys("one.pem"), 0o660, "mode 660");
    check(jwt, &keys("one.pem, two.pem"), 0o600, "stands in another file");
    check(jwt, &keys("rsa.pem"), 0o600, "another kind than P-256 and Ed25519");
    check(jwt, &keys("none.pem"), 0o600, "is not one private key");
    check(jwt, &keys("absent.pem"), 0o600, "cannot be read");
    check(jwt, "", 0o600, "there are no `upstream_tokens`");
    check(
        "{jwt: {audience: orders, claims: [sub]}}",
        &keys("one.pem"),
        0o600,
        "the claim `sub` is not passed on",
    );
    check(
        "{jwt: {audience: orders}, headers: {subject: X-A}}",
        &keys("one.pem"),
        0o600,
        "not by both",
    );
    check("{headers: {}}", "", 0o600, "names no field");
    check("{headers: {subject: X-A, client: x-a}}", "", 0o600, "named twice");
    check(
        "{dangerous_from_callers: [X-Real-Thing]}",
        "",
        0o600,
        "may be allowed to send",
    );
    check("{headers: {subject: Host}}", "", 0o600, "has a meaning of its own");
    check("{headers: {subject: Authorization}}", "", 0o600, "is for credentials");
}

#[test]
fn a_token_in_the_place_of_one_that_goes_on_is_an_error() {
    let upstream = Upstream::with_json(THING);
    let check = |identity: &str, expected: bool| {
        let directory = Setup::new(CONTRACT, upstream.address)
            .with("upstream_tokens: {issuer: 'https://gate.example'}")
            .with_api("dangerous_unverified_schemes: true")
            .with_api(&format!("upstream_identity: {identity}"))
            .written();
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        assert_eq!(
            output.status.success(),
            expected,
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    };
    check("{jwt: {audience: orders}}", false);
    check("{jwt: {audience: orders, header: X-Caller-Token}}", true);
}

#[test]
fn a_contract_that_has_callers_say_who_they_are_is_warned_of() {
    let upstream = Upstream::with_json(THING);
    let contract = "\
openapi: 3.1.0
info: {title: Things, version: '1'}
paths:
  /things:
    get:
      parameters: [{name: X-User-Id, in: header, schema: {type: string}}, {name: X-Page, in: header, schema: {type: string}}]
      responses: {'200': {description: all}}
";
    let told = |more: &str| {
        let directory = Setup::new(contract, upstream.address).with_api(more).written();
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        assert!(output.status.success());
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let warned = "the upstream never gets `x-user-id` from callers";
    assert!(told("upstream_identity: {}").contains(warned));
    assert!(!told("upstream_identity: {}").contains("x-page"));
    assert!(!told("upstream_identity: {dangerous_from_callers: [X-User-Id]}").contains(warned));
    assert!(told("upstream_identity: {headers: {subject: X-Page}}").contains("`x-page`"));
}

/// Sends events for ever, and opens WebSockets that echo.
pub(crate) fn streaming(seen: &Seen, stream: &mut std::net::TcpStream) -> bool {
    if seen.line.contains("/chat") {
        return stream.write_all(switch(seen, "").as_bytes()).is_ok() && websocket::echo_frames(stream);
    }
    if !seen.line.contains("/events") {
        return stream.write_all(&ok("application/json", THING)).is_ok();
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut sent = stream.write_all(head.as_bytes());
    while sent.is_ok() {
        sent = stream.write_all(b"9\r\ndata: a\n\n\r\n");
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// Reads events until they end, or for so long; whether they ended well, and after how many seconds.
fn events(gate: &Gate, token: &str) -> (bool, f64) {
    events_with(gate, &[("Authorization", &format!("Bearer {token}"))])
}

pub(crate) fn events_with(gate: &Gate, fields: &[(&str, &str)]) -> (bool, f64) {
    events_at(gate, "/events", fields)
}

pub(crate) fn events_at(gate: &Gate, target: &str, fields: &[(&str, &str)]) -> (bool, f64) {
    let mut client: Client = gate.client();
    let request = client.request("GET", target, fields, b"");
    client.write(&request);
    let start = Instant::now();
    assert_eq!(client.head().unwrap().status, 200);
    loop {
        match client.chunk() {
            Some(chunk) if chunk.is_empty() => return (true, start.elapsed().as_secs_f64()),
            Some(_) => assert!(start.elapsed() < Duration::from_secs(20), "the events never end"),
            None => return (false, start.elapsed().as_secs_f64()),
        }
    }
}

fn events_over_http2(gate: &Gate, token: &str) -> f64 {
    over_h2c(gate.address, async |requests| {
        let (mut parts, ()) = crate::http2::get("/events").into_parts();
        parts
            .headers
            .insert("authorization", format!("Bearer {token}").parse().unwrap());
        let mut requests = requests.clone().ready().await.unwrap();
        let start = Instant::now();
        let (response, _) = requests
            .send_request(http::Request::from_parts(parts, ()), true)
            .unwrap();
        let mut body = response.await.unwrap().into_body();
        while let Some(data) = body.data().await {
            let Ok(data) = data else {
                // The connection goes on without the stream.
                let other = crate::http2::send(&requests, crate::http2::get("/public"), b"").await;
                assert_eq!(other.unwrap().status, 200);
                return start.elapsed().as_secs_f64();
            };
            body.flow_control().release_capacity(data.len()).unwrap();
        }
        panic!("the events ended as if they were whole");
    })
}

#[test]
fn http_11_streams_end_with_the_token_that_opened_them() {
    const SECONDS: u64 = 7;
    let (upstream, issuer) = (Upstream::start(streaming), Issuer::new());
    let gate = start(&setup(&upstream, "{}"), &issuer);
    let (short, long) = (issuer.token_for(SECONDS), issuer.token_for(300));
    let in_time = |seconds: f64| (5.0..9.5).contains(&seconds);
    std::thread::scope(|scope| {
        let http1 = scope.spawn(|| events(&gate, &short));
        let http2 = scope.spawn(|| events_over_http2(&gate, &short));
        let chat = scope.spawn(|| websocket::closes(&gate, "/chat", &short));
        let on = scope.spawn(|| websocket::outlives(&gate, "/chat", &long, Duration::from_secs(SECONDS + 3)));
        let (whole, seconds) = http1.join().unwrap();
        assert!(!whole && in_time(seconds), "over HTTP/1.1: {whole} {seconds}");
        let seconds = http2.join().unwrap();
        assert!(in_time(seconds), "over HTTP/2: {seconds}");
        let (code, seconds) = chat.join().unwrap();
        assert!(code == 3000 && in_time(seconds), "a WebSocket: {code} {seconds}");
        assert!(on.join().unwrap(), "whose token is good goes on");
    });
    until("both are told", || {
        let log = gate.log();
        let told = |what: &str| {
            log.iter()
                .any(|line| line.contains(what) && line.contains("credential ended"))
        };
        told("an answer was ended") && told("a WebSocket was ended")
    });
}

#[test]
fn http_11_streams_end_soon_after_the_keys_of_their_token_were_taken_back() {
    let (upstream, issuer, other) = (Upstream::start(streaming), Issuer::new(), Issuer::new());
    let gate = start(&setup(&upstream, "{}"), &issuer);
    let token = issuer.token_for(300);
    std::thread::scope(|scope| {
        let events = scope.spawn(|| events(&gate, &token));
        let chat = scope.spawn(|| websocket::closes(&gate, "/chat", &token));
        std::thread::sleep(Duration::from_secs(1));
        // Other keys beside it change nothing; others in its place do.
        let both = json!({ "keys": [issuer.0.public_jwk(), renamed(&other)] }).to_string();
        gate.directory.write("keys.json", &both);
        std::thread::sleep(Duration::from_secs(6));
        assert!(
            !events.is_finished() && !chat.is_finished(),
            "a key that is still there is good"
        );
        gate.directory.write("keys.json", &other.keys());
        let (whole, seconds) = events.join().unwrap();
        assert!(!whole && seconds < 14.0, "{seconds}");
        let (code, seconds) = chat.join().unwrap();
        assert!(code == 3000 && seconds < 14.0, "{code} {seconds}");
    });
}

/// The public key under another name.
fn renamed(issuer: &Issuer) -> Value {
    let mut key = issuer.0.public_jwk();
    key.insert("kid".to_owned(), "other".into());
    key.into()
}
