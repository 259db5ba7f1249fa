//! API keys and opaque tokens of the gate's own: issued by the command, verified at the gate, gone within a second.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use portcullis_identity::credentials::{ApiKey, CredentialId, Prefix};
use portcullis_identity::jose::key::Kid;
use portcullis_secrets::{Signer, SigningAlgorithm};
use serde_json::{Value, json};

use crate::gate::{Directory, Gate, Setup, program, run, until};
use crate::http::THING;
use crate::identity_upstream::{events_with, streaming};
use crate::timing::{T_MAX, largest_t};
use crate::tokens::{Issuer, key_set};
use crate::upstream::Upstream;
use crate::wire::Answer;

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Things, version: '1'}
security: [{key: []}]
paths:
  /things:
    get: {responses: {'200': {$ref: '#/components/responses/things'}}}
    delete: {security: [{key: [things.delete]}], responses: {'200': {$ref: '#/components/responses/things'}}}
  /cookie:
    get:
      security: [{cookie: []}]
      parameters: [{name: theme, in: cookie, schema: {type: string}}]
      responses: {'200': {$ref: '#/components/responses/things'}}
  /open:
    get: {security: [{}, {key: []}], responses: {'200': {$ref: '#/components/responses/things'}}}
  /any:
    get: {security: [{bearer: []}, {key: []}, {cookie: []}, {key: [all]}], responses: {'200': {$ref: '#/components/responses/things'}}}
  /tokens:
    get: {security: [{bearer: []}], responses: {'200': {$ref: '#/components/responses/things'}}}
components:
  responses:
    things: {description: all, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  securitySchemes:
    key: {type: apiKey, in: header, name: X-API-Key}
    cookie: {type: apiKey, in: cookie, name: key}
    bearer: {type: http, scheme: bearer}
";

const KEPT: &str = "credentials: {store: credentials.db, secret: credentials.jwks}";
const SCHEMES: &str = "security_schemes: {key: {api_keys: true}, cookie: {api_keys: true}, bearer: {own_tokens: true}}";

fn setup(upstream: &Upstream) -> Setup {
    Setup::new(CONTRACT, upstream.address)
        .with(KEPT)
        .with("log: {requests: all}")
        .with_api(SCHEMES)
}

/// Runs a verb that has to work; what it prints on standard output.
fn told(directory: &Directory, verb: &str) -> String {
    let arguments: Vec<&str> = verb.split(' ').chain(["-c", "gate.yaml"]).collect();
    let output = run(&directory.0, &arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{verb}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn json_of(directory: &Directory, verb: &str) -> Value {
    serde_json::from_str(&told(directory, &format!("{verb} --json"))).unwrap()
}

/// Runs a verb that has to fail; what it says.
fn fails(directory: &Directory, verb: &str) -> String {
    let arguments: Vec<&str> = verb.split(' ').chain(["-c", "gate.yaml"]).collect();
    let output = run(&directory.0, &arguments);
    assert!(!output.status.success(), "{verb}");
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

fn issue(directory: &Directory, more: &str) -> String {
    told(directory, &format!("key issue --owner service:billing{more}"))
        .trim()
        .to_owned()
}

fn id_of(key: &str) -> &str {
    key.split('_').nth(1).unwrap()
}

/// A gate with a key that has no scopes.
fn gate(upstream: &Upstream) -> (Gate, String) {
    let directory = setup(upstream).written();
    let key = issue(&directory, "");
    (Gate::start(directory), key)
}

fn with(gate: &Gate, method: &str, target: &str, field: (&str, &str)) -> Answer {
    gate.client().send(method, target, &[field], b"")
}

fn get(gate: &Gate, key: &str) -> Answer {
    with(gate, "GET", "/things", ("X-API-Key", key))
}

fn bearer(gate: &Gate, token: &str) -> Answer {
    with(gate, "GET", "/tokens", ("Authorization", &format!("Bearer {token}")))
}

/// Why the last request was refused, as the log has it.
fn why(gate: &Gate) -> Vec<String> {
    let lines = gate.log_of_requests();
    let places = lines.iter().filter_map(|line| line["place"].as_str());
    places.map(str::to_owned).collect()
}

#[test]
fn a_key_lets_in_from_its_place_and_ends_at_the_gate() {
    let upstream = Upstream::with_json(THING);
    let (gate, key) = gate(&upstream);
    assert_eq!(get(&gate, &key).status, 200);
    assert_eq!(
        with(&gate, "GET", "/cookie", ("Cookie", &format!("key={key}; theme=dark"))).status,
        200
    );
    assert_eq!(gate.get("/open").status, 200);
    assert_eq!(with(&gate, "GET", "/open", ("X-API-Key", &key)).status, 200);
    for seen in upstream.seen() {
        assert_eq!(seen.header("x-api-key"), None);
        assert!(
            seen.header("cookie").is_none_or(|cookie| cookie == "theme=dark"),
            "{seen:?}"
        );
    }
    assert!(upstream.seen().iter().any(|seen| seen.header("cookie").is_some()));
    let before = upstream.seen().len();
    // Nothing, the wrong place, another form, two: each is refused, also where none is needed.
    gate.get("/things").is_refused(401, "authentication.required");
    with(&gate, "GET", "/cookie", ("X-API-Key", &key)).is_refused(401, "authentication.required");
    with(&gate, "GET", "/things", ("Authorization", &format!("Bearer {key}")))
        .is_refused(401, "authentication.required");
    with(&gate, "GET", "/open", ("X-API-Key", "nonsense")).is_refused(401, "authentication.required");
    with(&gate, "GET", "/open", ("X-API-Key", "")).is_refused(401, "authentication.required");
    let twice = [("X-API-Key", key.as_str()), ("X-API-Key", key.as_str())];
    gate.client()
        .send("GET", "/things", &twice, b"")
        .is_refused(401, "authentication.required");
    with(&gate, "GET", "/cookie", ("Cookie", &format!("key={key}; key={key}")))
        .is_refused(401, "authentication.required");
    assert_eq!(upstream.seen().len(), before);
}

/// What a caller is told to present.
fn challenges(answer: &Answer) -> Vec<&str> {
    let fields = answer.headers.iter().filter(|(name, _)| name == "www-authenticate");
    fields.map(|(_, value)| value.as_str()).collect()
}

#[test]
fn a_scope_that_no_operation_asks_for_is_warned_of() {
    let upstream = Upstream::with_json(THING);
    let directory = setup(&upstream).written();
    let said = |verb: &str| {
        let arguments: Vec<&str> = verb.split(' ').chain(["-c", "gate.yaml"]).collect();
        let output = run(&directory.0, &arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let mistyped = said("key issue --owner alice --scope things.delete --scope thing.delete");
    let warning = "no operation asks for the scope `thing.delete` of an API key: did you mean `things.delete`?";
    assert_eq!(mistyped.matches("no operation asks").count(), 1, "{mistyped}");
    assert!(mistyped.contains(warning), "{mistyped}");
    assert!(!said("key issue --owner alice").contains("no operation asks"));
    let of_token = said("token issue --owner alice --scope things.delete");
    assert!(
        of_token.contains("no operation asks for the scope `things.delete` of an opaque token\n"),
        "{of_token}"
    );
    let broken = directory
        .read("gate.yaml")
        .replace("bearer: {own_tokens: true}", "bearer: {}");
    directory.write("gate.yaml", &broken);
    assert!(said("key issue --owner alice --scope a").contains("its scopes were not held against the contracts"));
}

#[test]
fn each_scheme_has_its_challenge_and_only_that_of_a_presented_token_an_error() {
    let upstream = Upstream::with_json(THING);
    let (gate, key) = gate(&upstream);
    let id = CredentialId::parse(id_of(&key)).unwrap();
    let known = ApiKey::compose(&Prefix::parse("ptc").unwrap(), id, &[7; 32]);
    let (bearer, invalid) = ("Bearer realm=\"api\"", "Bearer realm=\"api\", error=\"invalid_token\"");
    let in_header = "ApiKey realm=\"api\", in=\"header\", name=\"x-api-key\"";
    let in_cookie = "ApiKey realm=\"api\", in=\"cookie\", name=\"key\"";
    // Nothing, nonsense, and a name that there is with another secret: nobody learns which keys there are.
    for answer in [gate.get("/things"), get(&gate, "nonsense"), get(&gate, &known)] {
        answer.is_refused(401, "authentication.required");
        assert_eq!(challenges(&answer), [in_header]);
    }
    let wider = with(&gate, "DELETE", "/things", ("X-API-Key", &key));
    wider.is_refused(403, "authorization.scope");
    assert_eq!(challenges(&wider), [format!("{in_header}, scope=\"things.delete\"")]);
    let any = |field| with(&gate, "GET", "/any", field);
    for (field, expected) in [
        (("X-Other", "nothing"), bearer),
        (("X-API-Key", "nonsense"), bearer),
        (("Cookie", "key=nonsense"), bearer),
        (("Authorization", "Basic YTpi"), bearer),
        (("Authorization", "Bearer nonsense"), invalid),
    ] {
        assert_eq!(challenges(&any(field)), [expected, in_header, in_cookie], "{field:?}");
    }
}

#[test]
fn a_good_credential_of_another_kind_is_told_so_to_the_operator() {
    let upstream = Upstream::with_json(THING);
    let signer = Signer::generate(SigningAlgorithm::Es256, Kid::new("k")).unwrap();
    let issuers = "issuers: [{name: main, issuer: 'https://id.example', audiences: [things], keys: {file: keys.json}}]";
    let started = |bearer: &str| {
        let schemes = SCHEMES.replace("own_tokens: true", bearer);
        let setup = Setup::new(CONTRACT, upstream.address).with(KEPT).with(issuers);
        let directory = setup.with("log: {requests: all}").with_api(&schemes).written();
        directory.write("keys.json", &json!({ "keys": [signer.public_jwk()] }).to_string());
        let token = told(&directory, "token issue --owner alice").trim().to_owned();
        let key = issue(&directory, "");
        (Gate::start(directory), token, key)
    };
    // The log comes a little later.
    let are_told = |gate: &Gate| {
        let places = || {
            let mut places = why(gate);
            places.retain(|place| !place.is_empty());
            places
        };
        until("three places in the log", || places().len() == 3);
        assert_eq!(places(), ["kind-not-accepted", "kind-not-accepted", "token-part-count"]);
    };
    let (gate, token, key) = started("issuers: [main]");
    assert_eq!(bearer(&gate, &jwt(&signer)).status, 200);
    for bad in [&token, &key, "nonsense"] {
        bearer(&gate, bad).is_refused(401, "authentication.required");
    }
    are_told(&gate);
    let (gate, token, key) = started("own_tokens: true");
    assert_eq!(bearer(&gate, &token).status, 200);
    for bad in [&jwt(&signer), &key, "nonsense"] {
        bearer(&gate, bad).is_refused(401, "authentication.required");
    }
    are_told(&gate);
    assert_eq!(upstream.seen().len(), 2);
}

#[test]
fn capability_6_a_checksum_is_no_authentication_and_names_that_collide_are_not_mixed_up() {
    let upstream = Upstream::with_json(THING);
    let (gate, key) = gate(&upstream);
    let other = issue(&gate.directory, "");
    until("the other key is known", || get(&gate, &other).status == 200);
    let before = upstream.seen().len();
    let id = |key: &str| CredentialId::parse(id_of(key)).unwrap();
    let prefix = |text: &str| Prefix::parse(text).unwrap();
    let secret = key.split('_').nth(2).unwrap();
    let moved = other.replace(other.split('_').nth(2).unwrap(), secret);
    for (what, forged, reason) in [
        (
            "a checksum that is right",
            ApiKey::compose(&prefix("ptc"), id(&key), &[7; 32]),
            "credential-unknown",
        ),
        (
            "a name that nobody has",
            ApiKey::compose(&prefix("ptc"), CredentialId::of([7; 8]), &[7; 32]),
            "credential-unknown",
        ),
        (
            "the name behind another prefix",
            ApiKey::compose(&prefix("abc"), id(&key), &[7; 32]),
            "credential-unknown",
        ),
        ("one's secret in the other's place", moved, "credential-checksum"),
        ("a part of it", key[..key.len() - 7].to_owned(), "credential-malformed"),
    ] {
        get(&gate, &forged).is_refused_as(what, 401, "authentication.required");
        gate.logs_place(reason);
    }
    assert_eq!(upstream.seen().len(), before);
}

/// The largest Welch's t between refused keys whose name somebody has and those whose name nobody has, or whose owner's was revoked.
fn timed(tries: usize) -> f64 {
    let upstream = Upstream::with_json(THING);
    let endless = "{requests: 1000000, per: 1s}";
    let directory = setup(&upstream)
        .with(&format!(
            "failed_authentication_limit: {endless}\narrival_limit: {endless}\nworkers: 1"
        ))
        .with_api("policy: {rate_limits: [{name: address, requests: 1000000, per: 1s}]}")
        .written();
    let (key, revoked) = (issue(&directory, ""), issue(&directory, ""));
    told(&directory, &format!("key revoke {}", id_of(&revoked)));
    let gate = Gate::start(directory);
    let prefix = Prefix::parse("ptc").unwrap();
    let guessed = |id| ApiKey::compose(&prefix, id, &[7; 32]);
    let keys = [
        guessed(CredentialId::parse(id_of(&key)).unwrap()),
        guessed(CredentialId::of([7; 8])),
        guessed(CredentialId::parse(id_of(&revoked)).unwrap()),
    ];
    let mut client = gate.client();
    let mut present = |kind: usize| {
        let answer = client.send("GET", "/things", &[("X-API-Key", &keys[kind])], b"");
        assert_eq!(answer.status, 401);
    };
    (0..50).for_each(|_| present(0));
    largest_t(&["a known key", "an unknown one", "a revoked one"], tries, present)
}

#[test]
fn capability_6_the_time_of_an_answer_tells_nothing_of_which_keys_there_are() {
    let t = timed(500);
    assert!(t < T_MAX, "{t}");
}

/// `bench/README.md` says when and how.
#[test]
#[ignore = "measures, and wants a machine to itself"]
fn capability_6_the_time_of_ten_thousand_answers_tells_nothing_of_which_keys_there_are() {
    let t = timed(10_000);
    assert!(t < T_MAX, "{t}");
}

#[test]
fn capability_6_a_key_in_the_query_is_an_error_unless_the_operator_says_so() {
    let upstream = Upstream::with_json(THING);
    let contract = CONTRACT.replace("in: header, name: X-API-Key", "in: query, name: api_key");
    let setup = |scheme: &str| {
        Setup::new(&contract, upstream.address)
            .with(KEPT)
            .with_api(&SCHEMES.replace("key: {api_keys: true}, c", &format!("key: {{{scheme}}}, c")))
            .written()
    };
    let directory = setup("api_keys: true");
    issue(&directory, "");
    let said = fails(&directory, "check");
    assert!(
        said.contains("stands in the query") && said.contains("dangerous_query"),
        "{said}"
    );
    let directory = setup("api_keys: true, dangerous_query: true");
    let key = issue(&directory, "");
    let gate = Gate::start(directory);
    assert_eq!(gate.get(&format!("/things?api_key={key}")).status, 200);
    assert_eq!(gate.get(&format!("/things?api%5Fkey={key}")).status, 200);
    for seen in upstream.seen() {
        assert!(seen.line.starts_with("GET /things HTTP"), "{}", seen.line);
    }
    gate.get("/things").is_refused(401, "authentication.required");
    gate.get(&format!("/things?api_key={key}&api%5Fkey={key}"))
        .is_refused(401, "authentication.required");
    // Where a key belongs into a header, one in the query proves nothing.
    let (plain, key) = self::gate(&upstream);
    assert_ne!(plain.get(&format!("/things?X-API-Key={key}")).status, 200);
}

#[test]
fn capability_6_scopes_are_those_that_were_given_and_rotation_widens_none() {
    let upstream = Upstream::with_json(THING);
    let (gate, narrow) = gate(&upstream);
    let wide = issue(&gate.directory, " --scope things.delete --scope things.read");
    let delete = |key: &str| with(&gate, "DELETE", "/things", ("X-API-Key", key));
    until("the wide key is known", || delete(&wide).status == 200);
    delete(&narrow).is_refused(403, "authorization.scope");
    let rotated = told(&gate.directory, &format!("key rotate {}", id_of(&narrow)));
    until("the rotated key is known", || get(&gate, rotated.trim()).status == 200);
    delete(rotated.trim()).is_refused(403, "authorization.scope");
    fails(&gate.directory, "key issue --owner a --scope \"things.delete\"");
}

#[test]
fn capability_6_what_has_expired_or_was_rotated_ends_in_time() {
    let upstream = Upstream::with_json(THING);
    let directory = setup(&upstream).written();
    let brief = issue(&directory, " --lifetime 10s");
    let old = issue(&directory, "");
    let gate = Gate::start(directory);
    assert_eq!(get(&gate, &brief).status, 200);
    let new = told(&gate.directory, &format!("key rotate {} --overlap 6s", id_of(&old)));
    let new = new.trim();
    until("the new secret is known", || get(&gate, new).status == 200);
    assert_eq!(get(&gate, &old).status, 200, "both are good for a while");
    assert_eq!(id_of(new), id_of(&old));
    until("the old secret is over", || get(&gate, &old).status == 401);
    until("the brief key is over", || get(&gate, &brief).status == 401);
    assert_eq!(get(&gate, new).status, 200);
    gate.logs_place("expired");
    let ended = fails(&gate.directory, &format!("key rotate {}", id_of(&brief)));
    assert!(ended.contains("is not brought back"), "{ended}");
    let at_once = told(&gate.directory, &format!("key rotate {} --overlap 0s", id_of(new)));
    until("there is no overlap", || get(&gate, new).status == 401);
    assert_eq!(get(&gate, at_once.trim()).status, 200);
}

/// No answer lets in whose request was sent a second or more after the order.
#[track_caller]
fn ends_within_a_second(mut send: impl FnMut() -> Answer) {
    let ordered = Instant::now();
    loop {
        let sent = ordered.elapsed();
        let status = send().status;
        if status == 401 {
            return;
        }
        assert_eq!(status, 200);
        assert!(sent < Duration::from_millis(1000), "still let in after {sent:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn capability_6_what_is_revoked_is_let_in_no_more_within_a_second() {
    let upstream = Upstream::with_json(THING);
    let (gate, one) = gate(&upstream);
    let [two, three] = [issue(&gate.directory, ""), issue(&gate.directory, "")];
    let other = told(&gate.directory, "key issue --owner alice").trim().to_owned();
    let all = [&one, &two, &three, &other];
    until("all are known", || all.iter().all(|key| get(&gate, key).status == 200));
    told(&gate.directory, &format!("key revoke {}", id_of(&one)));
    ends_within_a_second(|| get(&gate, &one));
    assert_eq!(get(&gate, &two).status, 200);
    let count = json_of(&gate.directory, "key revoke --owner service:billing");
    assert_eq!(count["revoked"], 2);
    ends_within_a_second(|| get(&gate, &three));
    assert_eq!((get(&gate, &two).status, get(&gate, &other).status), (401, 200));
    // Whoever finds a key somewhere has its name in it.
    told(&gate.directory, &format!("key revoke {other}"));
    ends_within_a_second(|| get(&gate, &other));
    gate.logs_place("credential-revoked");
}

#[test]
fn own_tokens_are_bearer_tokens_and_are_told_from_others_by_their_form() {
    let upstream = Upstream::with_json(THING);
    let signer = Signer::generate(SigningAlgorithm::Es256, Kid::new("k")).unwrap();
    let directory = Setup::new(CONTRACT, upstream.address)
        .with(KEPT)
        .with("log: {requests: all}")
        .with("issuers: [{name: main, issuer: 'https://id.example', audiences: [things], keys: {file: keys.json}}]")
        .with_api(&SCHEMES.replace("own_tokens: true", "issuers: [main], own_tokens: true"))
        .written();
    directory.write("keys.json", &json!({ "keys": [signer.public_jwk()] }).to_string());
    let token = told(&directory, "token issue --owner alice --client app")
        .trim()
        .to_owned();
    let key = issue(&directory, "");
    let gate = Gate::start(directory);
    assert_eq!(bearer(&gate, &token).status, 200);
    assert_eq!(bearer(&gate, &jwt(&signer)).status, 200);
    assert!(
        upstream
            .seen()
            .iter()
            .all(|seen| seen.header("authorization").is_none())
    );
    let before = upstream.seen().len();
    let mut tampered = token.clone();
    let digit = if tampered.pop() == Some('0') { '1' } else { '0' };
    tampered.push(digit);
    for bad in [tampered.as_str(), &key, "nonsense", &token[..token.len() - 1]] {
        bearer(&gate, bad).is_refused(401, "authentication.required");
    }
    // A token is no key, whoever asks for one.
    get(&gate, &token).is_refused(401, "authentication.required");
    assert_eq!(upstream.seen().len(), before);
    gate.logs_place("credential-tag");
    assert_eq!(json_of(&gate.directory, "key revoke --all")["revoked"], 1);
    assert_eq!(bearer(&gate, &token).status, 200, "keys are not tokens");
    assert_eq!(json_of(&gate.directory, "token revoke --owner alice")["revoked"], 1);
    ends_within_a_second(|| bearer(&gate, &token));
    assert_eq!(bearer(&gate, &jwt(&signer)).status, 200);
}

#[expect(clippy::disallowed_methods, reason = "the gate reads the clock as well")]
fn jwt(signer: &Signer) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "iss": "https://id.example", "aud": "things", "sub": "bob", "iat": now, "exp": now + 300 });
    signer.sign_compact("at+jwt", claims.as_object().unwrap()).unwrap()
}

#[test]
fn capability_6_no_secret_gets_into_logs_metrics_or_the_store() {
    let upstream = Upstream::with_json(THING);
    let directory = setup(&upstream).written();
    let key = issue(&directory, " --label laptop");
    let token = told(&directory, "token issue --owner alice").trim().to_owned();
    let gate = Gate::start(directory);
    let wrong = ApiKey::compose(
        &Prefix::parse("ptc").unwrap(),
        CredentialId::parse(id_of(&key)).unwrap(),
        &[5; 32],
    );
    for (field, value) in [("X-API-Key", &key), ("X-API-Key", &wrong), ("X-Other", &key)] {
        with(&gate, "GET", "/things", (field, value));
    }
    bearer(&gate, &token);
    gate.get(&format!("/open?api_key={key}")).is_refused(400, "url.secret");
    gate.get(&format!("/{key}"));
    told(&gate.directory, &format!("key revoke {key}"));
    let mut places = vec![
        ("the log", gate.log_so_far().join("\n")),
        ("the metrics", gate.metrics()),
    ];
    places.push(("a list", told(&gate.directory, "key list --json")));
    places.push((
        "an account",
        told(&gate.directory, &format!("key show {}", id_of(&key))),
    ));
    for name in ["credentials.db", "credentials.db-wal", "credentials.jwks"] {
        let bytes = fs::read(gate.directory.0.join(name)).unwrap_or_default();
        places.push((name, String::from_utf8_lossy(&bytes).into_owned()));
    }
    let secrets = [
        key.split('_').nth(2).unwrap(),
        &token[15..58],
        wrong.split('_').nth(2).unwrap(),
    ];
    for (place, text) in places {
        assert!(!text.is_empty() || place.ends_with("wal"), "{place}");
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} in {place}");
        }
    }
    // What names the key is in the lists: it is no secret.
    assert!(told(&gate.directory, "key list").contains(id_of(&key)));
}

#[test]
fn without_its_store_a_gate_lets_nobody_in_and_says_so() {
    let upstream = Upstream::with_json(THING);
    let (gate, key) = gate(&upstream);
    let paths = ["", "-wal", "-shm"].map(|ending| gate.directory.0.join(format!("credentials.db{ending}")));
    let aside = |path: &Path| path.with_extension("aside");
    assert_eq!(get(&gate, &key).status, 200);
    fs::rename(&paths[0], aside(&paths[0])).unwrap();
    let lost = Instant::now();
    until("the store is missed", || get(&gate, &key).status == 503);
    assert!(lost.elapsed() < Duration::from_secs(10));
    get(&gate, &key).is_refused(503, "authentication.unavailable");
    // What needs no store is served, and what has not the form is refused.
    assert_eq!(gate.get("/open").status, 200);
    get(&gate, "nonsense").is_refused(401, "authentication.required");
    until("it is told", || {
        gate.log()
            .iter()
            .any(|line| line.contains("let nobody in until it can"))
    });
    fs::rename(aside(&paths[0]), &paths[0]).unwrap();
    until("the store is back", || get(&gate, &key).status == 200);
}

#[test]
fn what_is_good_once_is_not_used_up_while_the_store_cannot_be_read() {
    let (upstream, issuer) = (Upstream::with_json(THING), Issuer::new("one"));
    let both = "  /both:\n    get: {security: [{key: [], jwt: []}], responses: {'200': {$ref: '#/components/responses/things'}}}\n";
    let contract = CONTRACT
        .replace("  /open:\n", &format!("{both}  /open:\n"))
        .replace("    bearer: {", "    jwt: {type: http, scheme: bearer}\n    bearer: {");
    let described = "{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {file: keys.json}, one_time: true}";
    let directory = Setup::new(&contract, upstream.address)
        .with(KEPT)
        .with(&format!("issuers: [{described}]"))
        .with_api(&SCHEMES.replace("bearer: {", "jwt: {issuers: [main]}, bearer: {"))
        .written();
    directory.write("keys.json", &key_set(&[&issuer]));
    let key = issue(&directory, "");
    let gate = Gate::start(directory);
    let once = format!("Bearer {}", issuer.token_with("at+jwt", json!({"jti": "a"})));
    let both = |key: &str| {
        let fields = [("Authorization", once.as_str()), ("X-API-Key", key)];
        gate.client().send("GET", "/both", &fields, b"")
    };
    both("nonsense").is_refused(401, "authentication.required");
    let store = gate.directory.0.join("credentials.db");
    fs::rename(&store, store.with_extension("aside")).unwrap();
    until("the store is missed", || get(&gate, &key).status == 503);
    both(&key).is_refused(503, "authentication.unavailable");
    fs::rename(store.with_extension("aside"), &store).unwrap();
    until("the store is back", || get(&gate, &key).status == 200);
    assert_eq!(both(&key).status, 200);
    both(&key).is_refused(401, "authentication.required");
}

#[test]
fn http_11_streams_end_soon_after_what_opened_them_was_revoked() {
    let upstream = Upstream::start(streaming);
    let events = "  /events:\n    get: {security: [{key: []}, {bearer: []}], responses: {'200': {description: all, content: {text/event-stream: {schema: {type: string}}}}}}\n";
    let contract = CONTRACT.replace("  /open:\n", &format!("{events}  /open:\n"));
    let directory = Setup::new(&contract, upstream.address)
        .with(KEPT)
        .with_api(SCHEMES)
        .written();
    let (key, rotated, other) = (issue(&directory, ""), issue(&directory, ""), issue(&directory, ""));
    let token = told(&directory, "token issue --owner alice").trim().to_owned();
    let authorization = format!("Bearer {token}");
    let gate = Gate::start(directory);
    let of_key = |key: &str| events_with(&gate, &[("X-API-Key", key)]);
    std::thread::scope(|scope| {
        let streams = [
            scope.spawn(|| of_key(&key)),
            scope.spawn(|| of_key(&rotated)),
            scope.spawn(|| events_with(&gate, &[("Authorization", &authorization)])),
        ];
        let on = scope.spawn(|| of_key(&other));
        std::thread::sleep(Duration::from_secs(6));
        assert!(
            streams.iter().all(|stream| !stream.is_finished()),
            "nothing was revoked yet"
        );
        told(&gate.directory, &format!("key revoke {}", id_of(&key)));
        told(&gate.directory, &format!("key rotate {} --overlap 0s", id_of(&rotated)));
        told(&gate.directory, "token revoke --owner alice");
        for stream in streams {
            let (whole, seconds) = stream.join().unwrap();
            assert!(!whole && seconds < 14.0, "{seconds}");
        }
        assert!(!on.is_finished(), "another's is good");
        told(&gate.directory, &format!("key revoke {}", id_of(&other)));
        on.join().unwrap();
    });
}

#[test]
fn the_last_use_is_written_down_by_the_gate_that_ends() {
    let upstream = Upstream::with_json(THING);
    let (mut gate, key) = gate(&upstream);
    let show = |gate: &Gate| json_of(&gate.directory, &format!("key show {}", id_of(&key)));
    assert_eq!(show(&gate)["last_used"], Value::Null);
    assert_eq!(get(&gate, &key).status, 200);
    gate.signal("-TERM");
    gate.wait();
    assert!(show(&gate)["last_used"].is_string(), "{}", show(&gate));
}

#[test]
fn a_secret_is_replaced_while_the_old_one_is_kept_for_what_it_made() {
    let upstream = Upstream::with_json(THING);
    let (gate, old) = gate(&upstream);
    let before = gate.directory.read("credentials.jwks");
    let first: Value = serde_json::from_str(&before).unwrap();
    let new = json!({"kty": "oct", "kid": "next", "k": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"});
    let write = |keys: Value| {
        let path = gate.directory.write("credentials.new", &keys.to_string());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(path, gate.directory.0.join("credentials.jwks")).unwrap();
    };
    write(json!({"keys": [new, first["keys"][0]]}));
    let young = issue(&gate.directory, "");
    assert_eq!(
        json_of(&gate.directory, &format!("key show {}", id_of(&young)))["kept_under"],
        "next"
    );
    until("both are good", || {
        (get(&gate, &young).status, get(&gate, &old).status) == (200, 200)
    });
    write(json!({"keys": [new]}));
    until("what the old secret made is over", || get(&gate, &old).status == 401);
    assert_eq!(get(&gate, &young).status, 200);
}

#[test]
fn the_commands_tell_what_they_do_and_what_is_wrong() {
    let upstream = Upstream::with_json(THING);
    let directory = setup(&upstream).written();
    assert!(fails(&directory, "key list").contains("nothing was issued yet"));
    let check = fails(&directory, "check");
    assert!(
        check.contains("cannot use the secret") && check.contains("portcullis key issue"),
        "{check}"
    );
    let output = run(&directory.0, &["key", "issue", "--owner", "alice", "-c", "gate.yaml"]);
    let (out, errors) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(
        errors.contains("made the secret") && errors.contains("the only time"),
        "{errors}"
    );
    assert!(
        !errors.contains(out.trim().split('_').nth(2).unwrap()),
        "a key is told once"
    );
    for name in ["credentials.db", "credentials.jwks"] {
        let mode = fs::metadata(directory.0.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let issued = json_of(
        &directory,
        "key issue --owner device:meter --label cellar --scope a --scope b --lifetime 1h",
    );
    assert!(issued["credential"].as_str().unwrap().starts_with("ptc_"));
    let listed = json_of(&directory, "key list --owner device:meter");
    let [one] = listed["credentials"].as_array().unwrap().as_slice() else {
        panic!("{listed}")
    };
    assert_eq!(
        (&one["id"], &one["state"], &one["scopes"]),
        (&issued["id"], &json!("good"), &json!(["a", "b"]))
    );
    assert!(one.get("credential").is_none());
    let table = told(&directory, "key list");
    assert!(
        table.contains("cellar") && table.contains("user:alice") && table.lines().count() == 3,
        "{table}"
    );
    for (verb, expected) in [
        ("key show 00000000000", "there is no API key"),
        ("key rotate 00000000000", "there is no API key"),
        ("key revoke nonsense", "is neither the name of a credential"),
        (
            "key revoke zzzzzzzzzzz",
            "looks like the name of a credential, and none is called so",
        ),
        ("token revoke 00000000000", "there is no token"),
    ] {
        let said = fails(&directory, verb);
        assert!(said.contains(expected), "{verb}: {said}");
    }
    assert_eq!(told(&directory, "token list"), "no tokens\n");
    assert_eq!(told(&directory, "check"), "no problems\n");
}

#[test]
fn a_secret_that_others_can_read_or_that_is_lost_is_an_error() {
    let upstream = Upstream::with_json(THING);
    let directory = setup(&upstream).written();
    issue(&directory, "");
    let secret = directory.0.join("credentials.jwks");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let exposed = "others on this machine can get at it (mode 644): run `chmod g-w,o= credentials.jwks`";
    for verb in ["key issue --owner alice", "check"] {
        let said = fails(&directory, verb);
        assert!(
            said.contains(exposed) && !said.contains("issue the first"),
            "{verb}: {said}"
        );
    }
    // A secret that was lost is not replaced unseen: what is kept would be worth nothing.
    fs::remove_file(&secret).unwrap();
    for verb in ["key issue --owner alice", "check"] {
        let said = fails(&directory, verb);
        assert!(said.contains("there is no such file"), "{verb}: {said}");
        assert!(said.contains("put your copy of it back"), "{verb}: {said}");
    }
}

#[test]
fn a_list_with_no_room_for_a_line_has_a_block_for_each_key() {
    let upstream = Upstream::with_json(THING);
    let directory = setup(&upstream).written();
    issue(&directory, "");
    told(
        &directory,
        "key issue --owner device:meter --label cellar --scope a --scope b",
    );
    // Nothing that one might copy is cut in two.
    let narrow = program(&directory.0, &["key", "list", "-c", "gate.yaml"])
        .env("COLUMNS", "60")
        .output()
        .unwrap();
    let narrow = String::from_utf8(narrow.stdout).unwrap();
    assert!(
        narrow.contains("     owner  device:meter\n") && narrow.contains("     label  cellar\n"),
        "{narrow}"
    );
    assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
}

#[test]
fn a_key_is_revoked_whatever_else_is_wrong_in_the_configuration() {
    let upstream = Upstream::with_json(THING);
    let directory = setup(&upstream).written();
    let key = issue(&directory, "");
    let broken = format!(
        "colour: red\n{}",
        directory.read("gate.yaml").replace("listen:", "lisen:")
    );
    directory.write("gate.yaml", &broken);
    assert!(told(&directory, &format!("key revoke {}", id_of(&key))).contains("revoked 1 API key"));
    // Revoked already is as good as revoked now.
    assert!(told(&directory, &format!("key revoke {key}")).contains("nothing to revoke"));
    directory.write("gate.yaml", &broken.replace("secret: credentials.jwks", "secrets: x"));
    assert!(fails(&directory, &format!("key revoke {}", id_of(&key))).contains("`secrets`"));
}

#[test]
fn an_owner_who_has_none_is_a_mistake_that_is_told() {
    let upstream = Upstream::with_json(THING);
    let directory = setup(&upstream).written();
    issue(&directory, "");
    let said = fails(&directory, "key revoke --owner billing");
    assert!(
        said.contains("nothing to revoke") && said.contains("write `--owner service:billing`"),
        "{said}"
    );
    assert!(!fails(&directory, "key revoke --owner nobody").contains("write"));
    assert!(told(&directory, "key revoke --owner service:billing").contains("revoked 1"));
    let usage = fails(&directory, "key revoke");
    assert!(usage.contains("<ID|--owner <[KIND:]NAME>|--all>"), "{usage}");
}

#[test]
fn the_second_rotation_in_an_overlap_ends_the_first_secret_and_says_so() {
    let upstream = Upstream::with_json(THING);
    let directory = setup(&upstream).written();
    let key = issue(&directory, "");
    let rotate = || {
        let output = run(&directory.0, &["key", "rotate", id_of(&key), "-c", "gate.yaml"]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(!rotate().contains("has ended now"));
    let said = rotate();
    assert!(
        said.contains("has ended now: two are good at once, not three"),
        "{said}"
    );
}

#[test]
fn what_is_not_said_or_cannot_be_kept_is_an_error() {
    let upstream = Upstream::with_json(THING);
    let issuer =
        "issuers: [{name: own, issuer: 'https://id.example', audiences: [a], keys: {url: 'https://id.example/jwks'}}]";
    let check = |setup: Setup, expected: &str| {
        let said = fails(&setup.written(), "check");
        assert!(said.contains(expected), "{expected} in {said}");
    };
    let plain = || Setup::new(CONTRACT, upstream.address);
    check(plain().with_api(SCHEMES), "it is not said where they are kept");
    check(setup(&upstream).with(issuer), "`own` is what the gate's own");
    check(
        plain()
            .with(KEPT)
            .with_api("security_schemes: {key: {own_tokens: true}}"),
        "does not verify API keys",
    );
    check(
        plain()
            .with(KEPT)
            .with_api("security_schemes: {bearer: {api_keys: true}}"),
        "does not verify access tokens",
    );
    check(
        plain()
            .with(KEPT)
            .with_api("security_schemes: {bearer: {own_tokens: true, dangerous_query: true}}"),
        "`dangerous_query`",
    );
    check(
        plain()
            .with("credentials: {store: a, secret: b, prefix: A-B}")
            .with_api(SCHEMES),
        "is no prefix",
    );
    let both = CONTRACT.replace("[{cookie: []}]", "[{cookie: [], key: []}]");
    let both = Setup::new(&both, upstream.address).with(KEPT).with_api(SCHEMES);
    check(both, "asks for two API keys at once");
    let directory = setup(&upstream).written();
    issue(&directory, "");
    directory.write("credentials.db", "no database at all, and not an empty file either");
    assert!(fails(&directory, "check").contains("it is no store of portcullis"));
}
