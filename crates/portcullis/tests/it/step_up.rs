//! Step-up authentication at the gate (RFC 9470): good tokens that are not enough for every operation.

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_identity::jose::key::Kid;
use portcullis_secrets::{Signer, SigningAlgorithm};
use serde_json::{Value, json};

use crate::gate::{Gate, Setup, run};
use crate::upstream::Upstream;
use crate::wire::Answer;

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Accounts, version: '1'}
security: [{bearer: []}]
paths:
  /balance:
    get: {responses: {'200': {$ref: '#/components/responses/any'}}}
  /transfer:
    get:
      x-portcullis: {step_up: {acr: ['urn:example:gold', 'urn:example:silver'], max_age_seconds: 300}}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /card:
    x-portcullis: {step_up: {max_age_seconds: 60}}
    get: {responses: {'200': {$ref: '#/components/responses/any'}}}
    delete: {x-portcullis: {step_up: {}}, responses: {'200': {$ref: '#/components/responses/any'}}}
components:
  responses:
    any: {description: any, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  securitySchemes: {bearer: {type: http, scheme: bearer}}
";

const ISSUERS: &str = "issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://bank.example'], keys: {file: keys.json}}]";

#[expect(clippy::disallowed_methods, reason = "the gate reads the clock as well")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn token(signer: &Signer, more: Value) -> String {
    let mut claims = json!({
        "iss": "https://id.example", "aud": "https://bank.example", "sub": "alice", "iat": now(), "exp": now() + 300,
    });
    let (Value::Object(claims), Value::Object(more)) = (&mut claims, more) else {
        panic!("claims are an object");
    };
    claims.extend(more);
    signer.sign_compact("at+jwt", claims).unwrap()
}

fn key_set(signer: &Signer) -> String {
    json!({"keys": [Value::from(signer.public_jwk())]}).to_string()
}

fn gate(upstream: &Upstream, signer: &Signer) -> Gate {
    let directory = Setup::new(CONTRACT, upstream.address)
        .with(ISSUERS)
        .with_api("security_schemes: {bearer: {issuers: [main]}}")
        .written();
    directory.write("keys.json", &key_set(signer));
    Gate::start(directory)
}

fn ask(gate: &Gate, method: &str, target: &str, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    gate.client()
        .send(method, target, &[("Authorization", &authorization)], b"")
}

const INSUFFICIENT: &str = "Bearer realm=\"api\", error=\"insufficient_user_authentication\"";

#[track_caller]
fn is_asked_for_more(answer: &Answer, asked: &str) {
    answer.is_refused(401, "authentication.step_up");
    assert_eq!(
        answer.header("www-authenticate"),
        Some(format!("{INSUFFICIENT}, {asked}").as_str())
    );
}

#[test]
fn an_operation_asks_for_a_better_or_more_recent_authentication() {
    let signer = Signer::generate(SigningAlgorithm::Es256, Kid::new("one")).unwrap();
    let upstream = Upstream::with_json("{}");
    let gate = gate(&upstream, &signer);
    let asked = "acr_values=\"urn:example:gold urn:example:silver\", max_age=\"300\"";
    let with = |target: &str, claims: Value| ask(&gate, "GET", target, &token(&signer, claims));
    for (what, claims) in [
        ("nothing", json!({})),
        ("no time", json!({"acr": "urn:example:gold"})),
        ("no class", json!({"auth_time": now()})),
        ("too old", json!({"acr": "urn:example:gold", "auth_time": now() - 400})),
        (
            "from the future",
            json!({"acr": "urn:example:gold", "auth_time": now() + 300}),
        ),
        (
            "another class",
            json!({"acr": "urn:example:bronze", "auth_time": now()}),
        ),
        (
            "a list of classes",
            json!({"acr": ["urn:example:gold"], "auth_time": now()}),
        ),
    ] {
        let answer = with("/transfer", claims.clone());
        assert_eq!(answer.status, 401, "{what}");
        is_asked_for_more(&answer, asked);
        assert_eq!(with("/balance", claims).status, 200, "{what}: it is enough for others");
    }
    for class in ["urn:example:gold", "urn:example:silver"] {
        assert_eq!(
            with("/transfer", json!({"acr": class, "auth_time": now() - 200})).status,
            200
        );
    }
    // The nearest to the operation says what is asked for.
    is_asked_for_more(&with("/card", json!({"auth_time": now() - 200})), "max_age=\"60\"");
    assert_eq!(ask(&gate, "DELETE", "/card", &token(&signer, json!({}))).status, 200);
    // A bad token is a bad token.
    let answer = ask(&gate, "GET", "/transfer", "a.b.c");
    answer.is_refused(401, "authentication.required");
    gate.get("/transfer").is_refused(401, "authentication.required");
    assert!(gate.metric(&["portcullis_refusals", "authentication.step_up"]) >= 8.0);
}

#[test]
fn only_a_token_is_enough() {
    let signer = Signer::generate(SigningAlgorithm::Es256, Kid::new("one")).unwrap();
    let upstream = Upstream::with_json("{}");
    // Anonymous callers are let in; what they could prove is not asked for.
    let optional = CONTRACT.replace("security: [{bearer: []}]", "security: [{}, {bearer: []}]");
    let directory = Setup::new(&optional, upstream.address)
        .with(ISSUERS)
        .with_api("security_schemes: {bearer: {issuers: [main]}}")
        .written();
    directory.write("keys.json", &key_set(&signer));
    let gate = Gate::start(directory);
    assert_eq!(gate.get("/balance").status, 200);
    gate.get("/transfer").is_refused(401, "authentication.step_up");
    let good = token(&signer, json!({"acr": "urn:example:gold", "auth_time": now()}));
    assert_eq!(ask(&gate, "GET", "/transfer", &good).status, 200);
}

#[test]
fn tokens_of_an_issuer_beside_the_gate_s_own_can_be_asked_for_more() {
    let signer = Signer::generate(SigningAlgorithm::Es256, Kid::new("one")).unwrap();
    let upstream = Upstream::with_json("{}");
    let directory = Setup::new(CONTRACT, upstream.address)
        .with(ISSUERS)
        .with("credentials: {store: credentials.db, secret: credentials.jwks}")
        .with_api("security_schemes: {bearer: {own_tokens: true, issuers: [main]}}")
        .written();
    directory.write("keys.json", &key_set(&signer));
    let issue = ["token", "issue", "--owner", "alice", "-c", "gate.yaml"];
    let issued = String::from_utf8(run(&directory.0, &issue).stdout).unwrap();
    let gate = Gate::start(directory);
    let good = token(&signer, json!({"acr": "urn:example:gold", "auth_time": now()}));
    assert_eq!(ask(&gate, "GET", "/transfer", &good).status, 200);
    // One of the gate's own says nothing of how its owner proved itself.
    assert_eq!(ask(&gate, "GET", "/balance", issued.trim()).status, 200);
    ask(&gate, "GET", "/transfer", issued.trim()).is_refused(401, "authentication.step_up");
}

#[test]
fn a_step_up_that_nobody_can_take_is_an_error() {
    let signer = Signer::generate(SigningAlgorithm::Es256, Kid::new("one")).unwrap();
    let upstream = Upstream::with_json("{}");
    let check = |contract: &str, api: &str, expected: &str| {
        let directory = Setup::new(contract, upstream.address)
            .with(ISSUERS)
            .with_api("security_schemes: {bearer: {issuers: [main]}}")
            .with_api(api)
            .written();
        directory.write("keys.json", &key_set(&signer));
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(
            !output.status.success() && told.contains(expected),
            "{expected} in {told}"
        );
    };
    let open = CONTRACT.replace("get: {responses", "get: {security: [], responses");
    check(
        &open,
        "policy: {step_up: {max_age_seconds: 60}}",
        "no access token is verified here",
    );
    let spaced = CONTRACT.replace("urn:example:gold", "gold and silver");
    check(&spaced, "policy: {}", "is no class");
    check(CONTRACT, "policy: {step_up: {max_age_seconds: 0}}", "max_age_seconds");
}
