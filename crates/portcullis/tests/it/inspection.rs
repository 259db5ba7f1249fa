//! `portcullis token inspect`: what it tells of every kind of token, and that it never tells a secret.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use portcullis_identity::credentials::{ApiKey, CredentialId, Prefix};
use serde_json::{Value, json};

use crate::gate::{Directory, Setup, program, run};
use crate::http::THING;
use crate::introspection::{authority, good, say, written};
use crate::tokens::{Issuer, key_set};
use crate::upstream::Upstream;

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Things, version: '1'}
security: [{bearer: []}, {key: []}]
paths:
  /things:
    get: {responses: {'200': {$ref: '#/components/responses/any'}}}
    delete: {operationId: deleteThings, security: [{bearer: [things.delete]}], responses: {'200': {$ref: '#/components/responses/any'}}}
  /both:
    get: {security: [{bearer: [], key: []}], responses: {'200': {$ref: '#/components/responses/any'}}}
  /transfer:
    get:
      security: [{bearer: []}]
      x-portcullis: {step_up: {acr: ['urn:example:gold'], max_age_seconds: 300}}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /public:
    get: {security: [], responses: {'200': {$ref: '#/components/responses/any'}}}
components:
  responses:
    any: {description: any, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  securitySchemes:
    bearer: {type: http, scheme: bearer}
    key: {type: apiKey, in: header, name: X-API-Key}
";

const KEPT: &str = "credentials: {store: credentials.db, secret: credentials.jwks}";

/// A configuration with one issuer, which has `more` settings, and credentials of the gate's own.
fn configured(issuer: &Issuer, more: &str) -> Directory {
    let upstream = Upstream::with_json(THING);
    let directory = Setup::new(CONTRACT, upstream.address)
        .with(KEPT)
        .with(&format!(
            "issuers: [{{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], \
             keys: {{file: keys.json}}{more}}}]"
        ))
        .with_api("security_schemes: {bearer: {issuers: [main], own_tokens: true}, key: {api_keys: true}}")
        .written();
    directory.write("keys.json", &key_set(&[issuer]));
    directory
}

/// What is told of a token; the last part of it never is.
#[track_caller]
fn inspect(directory: &Directory, token: &str, more: &[&str]) -> (Option<i32>, String) {
    let arguments = [&["token", "inspect", token, "-c", "gate.yaml"], more].concat();
    let output = run(&directory.0, &arguments);
    let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    // A signature may have the character that divides the parts of own credentials.
    if let Some((_, secret)) = token.rsplit_once('.').or_else(|| token.rsplit_once('_')) {
        assert!(secret.is_empty() || !told.contains(secret), "{told}");
    }
    (output.status.code(), told)
}

#[track_caller]
fn check(directory: &Directory, token: &str, more: &[&str], code: i32, lines: &[&str]) {
    let (exit, told) = inspect(directory, token, more);
    assert_eq!(exit, Some(code), "{told}");
    for line in lines {
        assert!(told.contains(line), "`{line}` in\n{told}");
    }
}

fn issue(directory: &Directory, verb: &str) -> String {
    let arguments: Vec<&str> = verb.split(' ').chain(["-c", "gate.yaml"]).collect();
    let output = run(&directory.0, &arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_signed_token_is_told_check_by_check() {
    let issuer = Issuer::new("one");
    let directory = configured(&issuer, "");
    check(
        &directory,
        &issuer.token(),
        &[],
        0,
        &[
            "a signed token (JWS)\n",
            "ok   key: `one`, ES256",
            "ok   audience (`aud`): `https://things.example`",
            "ok   binding (`cnf`): none: whoever has the token can use it",
            "ok   scheme that takes it: `bearer` of api",
            "       client: app\n       scopes: things.read\n",
            "\naccepted (asked of no operation): user:main:alice\n",
        ],
    );
    // Every check is told, not only the first that does not hold, with what would do and what is there.
    let wrong = issuer.token_with(
        "JWT",
        json!({"aud": ["https://other.example", "x"], "exp": 1_700_000_000}),
    );
    check(
        &directory,
        &wrong,
        &[],
        1,
        &[
            "ok   signature",
            "NO   type (`typ`): `typ` is not the expected type (expected `at+jwt`; found `jwt`)",
            "(expected `https://things.example`; found `https://other.example`, `x`)",
            "NO   not expired (`exp`): the token is expired (expected after 2",
            "found 2023-11-14T22:13:20Z)",
            "\nnot accepted\n",
        ],
    );
    check(
        &directory,
        &Issuer::new("two").token(),
        &[],
        1,
        &["NO   key: no key fits the token (found `two`, ES256)"],
    );
    let evil = issuer.token_with("at+jwt", json!({"iss": "https://evil.example\u{1b}[2J"}));
    check(
        &directory,
        &evil,
        &[],
        1,
        &[
            "NO   issuer: no issuer is called so (expected `https://id.example`; found `https://evil.example\\u{1b}[2J`)",
        ],
    );
    let unsaid = issuer.token_with("at+jwt", json!({"aud": null}));
    check(
        &directory,
        &unsaid,
        &[],
        1,
        &["NO   audience (`aud`): the claim `aud` is missing (expected"],
    );
}

#[test]
fn programs_are_told_the_same() {
    let issuer = Issuer::new("one");
    let directory = configured(&issuer, "");
    let token = issuer.token_with("JWT", json!({"acr": "urn:example:gold", "auth_time": 1_700_000_000}));
    let (code, told) = inspect(&directory, &format!("Bearer {token}"), &["--json"]);
    let report: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &report["accepted"]), (Some(1), &json!(false)));
    let checks = report["checks"].as_array().unwrap();
    let typ = checks.iter().find(|check| check["check"] == "type (`typ`)").unwrap();
    assert_eq!(
        (&typ["holds"], &typ["expected"], &typ["found"]),
        (&json!(false), &json!("`at+jwt`"), &json!("`jwt`"))
    );
    assert_eq!(report["claims"]["acr"], "urn:example:gold");
    assert_eq!(report["claims"]["auth_time"], 1_700_000_000);
}

#[test]
fn what_a_token_is_bound_to_has_to_be_shown_and_is_told() {
    const ONE: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    let issuer = Issuer::new("one");
    let bound = |cnf: Value| issuer.token_with("at+jwt", json!({ "cnf": cnf }));
    let directory = configured(&issuer, "");
    let by_key = "if   binding (`cnf`): the request comes with a DPoP proof by the key";
    check(
        &directory,
        &bound(json!({"jkt": ONE})),
        &[],
        0,
        &[
            by_key,
            "accepted, if that is so (asked of no operation): user:main:alice",
        ],
    );
    let by_certificate = "if   binding (`cnf`): the request comes over a connection with the certificate";
    check(&directory, &bound(json!({"x5t#S256": ONE})), &[], 0, &[by_certificate]);
    check(
        &directory,
        &bound(json!({"jwk": {}})),
        &[],
        1,
        &["NO   binding (`cnf`): it names something else"],
    );
    let malformed = "NO   binding (`cnf`): `jkt` is no SHA-256 digest in base64url";
    check(&directory, &bound(json!({"jkt": &ONE[1..]})), &[], 1, &[malformed]);
    let directory = configured(&issuer, ", binding: dpop");
    let unbound = "NO   binding (`cnf`): the tokens of its issuer have to be bound to the key of DPoP proofs (`jkt`)";
    for token in [issuer.token(), bound(json!({"x5t#S256": ONE}))] {
        check(&directory, &token, &[], 1, &[unbound]);
    }
}

#[test]
fn a_token_that_is_good_once_needs_a_name_and_only_the_gate_knows_the_rest() {
    let issuer = Issuer::new("one");
    let directory = configured(&issuer, ", one_time: true");
    check(
        &directory,
        &issuer.token(),
        &[],
        1,
        &["NO   `jti` is there", "if   presented once (`jti`)"],
    );
    let named = issuer.token_with("at+jwt", json!({"jti": "a"}));
    check(
        &directory,
        &named,
        &[],
        0,
        &[
            "ok   `jti` is there",
            "if   presented once (`jti`): nobody presented it before",
        ],
    );
}

#[test]
fn an_operation_is_asked_whether_the_token_is_enough() {
    let issuer = Issuer::new("one");
    let (directory, token) = (without_own_tokens(&issuer), issuer.token());
    check(&directory, &token, &at("GET /things"), 0, &["ok   scopes: things.read"]);
    for operation in ["DELETE /things", "deleteThings"] {
        let missing =
            "NO   scopes: one that the operation asks for is missing (expected things.delete; found things.read)";
        check(&directory, &token, &at(operation), 1, &[missing]);
    }
    check(
        &directory,
        &token,
        &at("GET /public"),
        0,
        &["nothing: no credential is looked at"],
    );
    check(
        &directory,
        &token,
        &at("GET /both"),
        0,
        &["if   together with: the request has what `key` asks for, too"],
    );
    check(
        &directory,
        &token,
        &at("GET /transfer"),
        1,
        &[
            "NO   class of authentication (`acr`): the operation asks for a better authentication (`step_up`) \
             (expected `urn:example:gold`)",
            "NO   time of authentication (`auth_time`)",
        ],
    );
    let better = issuer.token_with(
        "at+jwt",
        json!({"acr": "urn:example:gold", "auth_time": 4_000_000_000_u64}),
    );
    check(
        &directory,
        &better,
        &at("GET /transfer"),
        1,
        &["ok   class of", "found 2096-10-02T07:06:40Z"],
    );
    check(
        &directory,
        &token,
        &at("GET /nowhere"),
        2,
        &["no contract has an operation `GET /nowhere`"],
    );
}

/// One that takes tokens of its issuer, and none of the gate's own.
fn without_own_tokens(issuer: &Issuer) -> Directory {
    let directory = configured(issuer, "");
    let configuration = directory.read("gate.yaml").replace(", own_tokens: true", "");
    directory.write("gate.yaml", &configuration);
    directory
}

fn at(operation: &str) -> [&str; 2] {
    ["--operation", operation]
}

#[test]
fn an_operation_is_found_by_what_people_write_and_named() {
    let issuer = Issuer::new("one");
    let (directory, token) = (without_own_tokens(&issuer), issuer.token());
    let asked = [
        "ok   scopes: things.read",
        "\nfor `GET /things` of api\n",
        "not looked at: from where and how often it comes",
        "\naccepted: user:main:alice\n",
    ];
    check(&directory, &token, &at("GET /things"), 0, &asked);
    check(&directory, &token, &at(" get   /things "), 0, &asked);
    check(
        &directory,
        &token,
        &at("deleteThings"),
        1,
        &["\nfor `DELETE /things` (`deleteThings`) of api\n"],
    );
    for (astray, meant) in [
        ("deletethings", "deleteThings"),
        ("GET /thing", "GET /things"),
        ("GET things", "GET /things"),
        ("/transfer", "GET /transfer"),
    ] {
        check(
            &directory,
            &token,
            &at(astray),
            2,
            &[&format!("did you mean `{meant}`?")],
        );
    }
}

#[test]
fn an_operation_that_takes_no_such_credential_says_what_the_log_says() {
    let issuer = Issuer::new("one");
    let (directory, token) = (without_own_tokens(&issuer), issuer.token());
    let key = issue(&directory, "key issue --owner alice");
    let refused = |place: &str| {
        format!(
            "NO   asked for by the operation: it takes no such credential, and the log says `{place}` (expected `bearer`)"
        )
    };
    check(&directory, &key, &at("DELETE /things"), 1, &[&refused("missing")]);
    let own = issue(&directory, "token issue --owner alice");
    check(
        &directory,
        &own,
        &at("DELETE /things"),
        1,
        &[&refused("kind-not-accepted")],
    );
    let own_alone = directory
        .read("gate.yaml")
        .replace("issuers: [main]", "own_tokens: true");
    directory.write("gate.yaml", &own_alone);
    // Own tokens say nothing of how their subject proved itself.
    let step_up = "      x-portcullis: {step_up: {acr: ['urn:example:gold'], max_age_seconds: 300}}\n";
    directory.write("api.yaml", &CONTRACT.replace(step_up, ""));
    check(
        &directory,
        &token,
        &at("DELETE /things"),
        1,
        &[&refused("kind-not-accepted")],
    );
}

#[test]
fn credentials_of_the_gate_s_own_are_told_by_form_and_record() {
    let issuer = Issuer::new("one");
    let directory = configured(&issuer, "");
    let token = issue(&directory, "token issue --owner alice --scope things.read");
    let good = &[
        "an opaque token in the form of the gate's own\n",
        "ok   tag",
        "ok   secret",
        "ok   not expired: good until 2",
        "       owner: user:alice\n",
        "       scopes: things.read\n",
        "accepted (asked of no operation): user:own:alice\n",
    ];
    check(&directory, &token, &[], 0, good);
    let forged = format!("{}{}", &token[..token.len() - 43], "0".repeat(43));
    check(
        &directory,
        &forged,
        &[],
        1,
        &["NO   tag: nobody with this secret made it", "not accepted"],
    );
}

#[test]
fn an_api_key_is_told_from_a_mistyped_an_invented_and_an_ended_one() {
    let issuer = Issuer::new("one");
    let directory = configured(&issuer, "");
    let key = issue(&directory, "key issue --owner service:billing --dangerous-no-expiry");
    let good = &[
        "ok   checksum",
        "ok   not expired: good until it is revoked",
        "accepted (asked of no operation): service:own:billing\n",
    ];
    check(&directory, &key, &[], 0, good);
    let id = key.split('_').nth(1).unwrap();
    let named = |id: &str| {
        ApiKey::compose(
            &Prefix::parse("ptc").unwrap(),
            CredentialId::parse(id).unwrap(),
            &[7; 32],
        )
    };
    check(
        &directory,
        &named(id),
        &[],
        1,
        &["ok   record", "NO   secret: it is not the one that is kept"],
    );
    let unknown = CredentialId::of([7; 8]).to_string();
    check(
        &directory,
        &named(&unknown),
        &[],
        1,
        &["NO   record: there is none of the name"],
    );
    let cut = &key[..key.len() - 1];
    check(
        &directory,
        cut,
        &[],
        1,
        &[
            "begins like a credential of the gate's own\n",
            "NO   form: it has not the form",
        ],
    );
    let mut mistyped = key.clone();
    mistyped.replace_range(20..21, if &key[20..21] == "0" { "1" } else { "0" });
    check(
        &directory,
        &mistyped,
        &[],
        1,
        &["NO   checksum: it is another: the key is cut or mistyped"],
    );
    let rotated = issue(&directory, &format!("key rotate {id} --overlap 1h"));
    check(&directory, &key, &[], 0, &["ok   replaced: good until 2"]);
    issue(&directory, &format!("key revoke {id}"));
    check(
        &directory,
        &rotated,
        &[],
        1,
        &["ok   secret", "NO   not revoked: it was, at 2"],
    );
}

#[test]
fn a_credential_that_nothing_here_keeps_or_takes_is_told_so() {
    let issuer = Issuer::new("one");
    let directory = configured(&issuer, "");
    let token = issue(&directory, "token issue --owner alice");
    let configuration = directory.read("gate.yaml").replace(", own_tokens: true", "");
    directory.write("gate.yaml", &configuration);
    check(
        &directory,
        &token,
        &[],
        1,
        &["NO   scheme that takes it: none of `security_schemes` has `own_tokens: true`"],
    );
    let without = configuration.replace(KEPT, "").replace(", key: {api_keys: true}", "");
    directory.write("gate.yaml", &without);
    check(
        &directory,
        &token,
        &[],
        1,
        &["NO   issuer that knows it: it is no JWT by its form, and no issuer has `introspection`"],
    );
    let key = ApiKey::compose(&Prefix::parse("ptc").unwrap(), CredentialId::of([7; 8]), &[7; 32]);
    check(
        &directory,
        &key,
        &[],
        1,
        &["NO   kept here: the configuration has no `credentials`"],
    );
}

#[test]
fn what_is_no_token_at_all_is_bad_input() {
    let issuer = Issuer::new("one");
    let directory = configured(&issuer, "");
    check(
        &directory,
        "nonsense",
        &[],
        1,
        &["it is no JWT by its form", "not accepted"],
    );
    check(&directory, "", &[], 2, &["there is no token: what is written is empty"]);
    check(&directory, "two words", &[], 2, &["what is written is several words"]);
    directory.write("found", &issuer.token());
    check(&directory, "Basic YTpi", &[], 2, &["`Basic` carries no token"]);
    check(
        &directory,
        "found",
        &[],
        2,
        &["`found` is a file, and a token is expected"],
    );
    check(
        &directory,
        "a.b.zzz",
        &[],
        1,
        &["it has the parts of a JWT, of which the first is no JSON object"],
    );
    let header = format!("Authorization: Bearer {}", issuer.token());
    check(
        &directory,
        &header,
        &[],
        0,
        &["accepted (asked of no operation): user:main:alice\n"],
    );
    check(&directory, "Bearer a b", &[], 2, &["what is written is no token"]);
    check(&directory, "schl\u{fc}ssel", &[], 2, &["what is written is no token"]);
    let long = ["NO   length: it has 20000 bytes", "not accepted"];
    check(&directory, &"a".repeat(20_000), &[], 1, &long);
    let typed = |text: &str| {
        let mut child = program(&directory.0, &["token", "inspect", "-", "-c", "gate.yaml"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait().unwrap().code()
    };
    assert_eq!(typed(&format!("{}\n", issuer.token())), Some(0));
    assert_eq!(typed(""), Some(2));
}

#[test]
fn an_issuer_is_asked_only_where_that_is_wanted() {
    let (upstream, (authority, says)) = (Upstream::with_json(THING), authority(Duration::ZERO));
    let directory = written(&upstream, &authority, "");
    say(&says, "good", good(json!({})));
    say(&says, "late", good(json!({"exp": 1})));
    check(&directory, "good", &[], 1, &["asked with `--introspect`"]);
    authority.saw_nothing("a look without asking");
    let asking = &["--introspect"];
    check(
        &directory,
        "good",
        asking,
        0,
        &["accepted (asked of no operation): user:main:alice\n"],
    );
    check(&directory, "late", asking, 1, &["NO   not expired"]);
    check(&directory, "unknown", asking, 1, &["NO   active"]);
}
