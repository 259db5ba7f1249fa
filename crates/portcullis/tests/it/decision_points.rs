//! Decisions that wait: attributes that are fetched, and decision points elsewhere; what they answer, for how long it counts, and what
//! happens when they do not.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::gate::{Directory, Gate, Setup, run, until};
use crate::identity_upstream::{events_at, streaming};
use crate::tokens::{Issuer, key_set};
use crate::upstream::{Seen, Upstream, answer, ok};
use crate::wire::Answer;

pub(crate) const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Bank, version: '1'}
security: [{bearer: []}]
paths:
  /accounts/{account}:
    get:
      operationId: readAccount
      parameters: [{name: account, in: path, required: true, schema: {type: string}}]
      x-portcullis: {resources: [{type: Account, path: account}]}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /events:
    get:
      operationId: watchAccount
      parameters: [{name: account, in: query, required: true, schema: {type: string}}]
      x-portcullis: {resources: [{type: Account, query: account}]}
      responses: {'200': {description: events, content: {text/event-stream: {schema: {type: string}}}}}
  /transfers:
    post:
      operationId: transfer
      x-portcullis: {resources: [{type: Account, body: /from}, {type: Account, body: /to}]}
      requestBody: {content: {application/json: {schema: {type: object, properties: {from: {type: string}, to: {type: string}}}}}}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /overview:
    get: {operationId: readOverview, responses: {'200': {$ref: '#/components/responses/any'}}}
components:
  responses:
    any: {description: any, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  securitySchemes: {bearer: {type: http, scheme: bearer}}
";
pub(crate) const POLICIES: &str = r#"
@id("owners") permit (principal, action, resource is Account)
when { resource has owner && resource.owner == principal };
@id("frozen") forbid (principal, action, resource is Account)
when { resource has frozen && resource.frozen };
"#;
/// Says what the answer to a request is; nothing: it hangs.
type Says = Arc<Mutex<Box<dyn Fn(&Seen) -> Vec<u8> + Send>>>;

/// Somebody who can be asked.
pub(crate) struct Elsewhere {
    pub(crate) server: Upstream,
    says: Says,
}

impl Elsewhere {
    pub(crate) fn start(says: impl Fn(&Seen) -> Vec<u8> + Send + 'static) -> Self {
        let says: Says = Arc::new(Mutex::new(Box::new(says)));
        let known = Arc::clone(&says);
        let server = Upstream::start(move |seen, stream| {
            let said = known.lock().unwrap()(seen);
            if said.is_empty() {
                std::thread::sleep(Duration::from_secs(1));
                return false;
            }
            stream.write_all(&said).is_ok()
        });
        Self { server, says }
    }

    pub(crate) fn say(&self, says: impl Fn(&Seen) -> Vec<u8> + Send + 'static) {
        *self.says.lock().unwrap() = Box::new(says);
    }

    pub(crate) fn say_json(&self, said: &Value) {
        let said = json_answer(said);
        self.say(move |_| said.clone());
    }

    pub(crate) fn asked(&self) -> usize {
        self.server.seen().len()
    }

    /// A lookup of accounts.
    pub(crate) fn lookup(&self, more: &str) -> String {
        format!(
            "lookups: [{{resource: Account, url: 'http://{}/accounts/{{id}}/attributes', attributes: {{owner: /owner/id, frozen: /frozen}}, \
             dangerous_plain_http: true, dangerous_private_address: true{more}}}]",
            self.server.address
        )
    }

    /// A decision point of this kind.
    pub(crate) fn point(&self, kind: &str, more: &str) -> String {
        let path = match kind {
            "opa" => "v1/data/bank/allow",
            _ => "access/v1/evaluation",
        };
        format!(
            "decision_points: [{{name: main, kind: {kind}, url: 'http://{}/{path}', dangerous_plain_http: true, \
             dangerous_private_address: true{more}}}]",
            self.server.address
        )
    }
}

struct Bank {
    gate: Gate,
    issuer: Issuer,
}

pub(crate) fn json_answer(said: &Value) -> Vec<u8> {
    ok("application/json", &said.to_string())
}

/// The attributes of an account.
pub(crate) fn account(owner: &str, frozen: bool) -> Value {
    json!({"owner": {"id": owner}, "frozen": frozen, "more": [1, 2]})
}

pub(crate) const WITH_POLICIES: &str = "policies: [bank.cedar], resources: {Account: {owner: User, frozen: boolean}}";

fn written(upstream: &Upstream, issuer: &Issuer, authorization: &str) -> Directory {
    let directory = Setup::new(CONTRACT, upstream.address)
        .with(
            "issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {file: keys.json}}]",
        )
        .with("workers: 2")
        .with("arrival_limit: {requests: 1000000, per: 1s}")
        .with_api("security_schemes: {bearer: {issuers: [main]}}")
        .with_api("policy: {rate_limits: [{name: address, requests: 1000000, per: 1s}]}")
        .with_api(&format!("authorization: {{{authorization}}}"))
        .written();
    directory.write("keys.json", &key_set(&[issuer]));
    directory.write("bank.cedar", POLICIES);
    directory.write_secret("secret", "s3cret\n");
    directory
}

impl Bank {
    fn start(upstream: &Upstream, authorization: &str) -> Self {
        let issuer = Issuer::new("one");
        let gate = Gate::start(written(upstream, &issuer, authorization));
        Self { gate, issuer }
    }

    fn bearer(&self, who: &str) -> String {
        format!("Bearer {}", self.issuer.token_with("at+jwt", json!({ "sub": who })))
    }

    fn get(&self, who: &str, target: &str) -> Answer {
        let bearer = self.bearer(who);
        self.gate
            .client()
            .send("GET", target, &[("Authorization", &bearer)], b"")
    }

    fn transfer(&self, who: &str, from: &str, to: &str) -> Answer {
        let fields = [
            ("Authorization", self.bearer(who)),
            ("Content-Type", "application/json".to_owned()),
        ];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let body = json!({"from": from, "to": to}).to_string();
        self.gate.client().send("POST", "/transfers", &fields, body.as_bytes())
    }

    /// Why a request was denied, for operators.
    #[track_caller]
    fn denied(&self, send: impl FnOnce() -> Answer) -> String {
        let before = self.gate.log_of_requests().len();
        let answered = send();
        assert_eq!(answered.status, 403, "{answered:?}");
        answered.is_refused(403, "authorization.denied");
        until("the refusal is logged", || self.gate.log_of_requests().len() > before);
        let line = self.gate.log_of_requests().pop().unwrap();
        line["place"].as_str().unwrap().to_owned()
    }
}

#[test]
fn d4_fetched_attributes_decide_and_what_they_do_not_say_denies() {
    let upstream = Upstream::with_json("{}");
    let accounts = Elsewhere::start(|seen| match seen.line.split(' ').nth(1) {
        Some("/accounts/1/attributes") => json_answer(&account("alice", false)),
        Some("/accounts/2/attributes") => json_answer(&account("alice", true)),
        Some("/accounts/3/attributes") => json_answer(&json!({"owner": {"id": "alice"}})),
        Some("/accounts/4/attributes") => json_answer(&json!({"owner": {"id": "alice"}, "frozen": "false"})),
        Some("/accounts/5/attributes") => ok(
            "application/json",
            r#"{"owner":{"id":"alice"},"frozen":true,"frozen":false}"#,
        ),
        Some("/accounts/6/attributes") => answer("500 Internal Server Error", &[], b""),
        _ => answer("404 Not Found", &[], b""),
    });
    let lookup = accounts.lookup(", credentials: {bearer_file: secret}");
    let bank = Bank::start(&upstream, &format!("{WITH_POLICIES}, {lookup}"));
    assert_eq!(bank.get("alice", "/accounts/1").status, 200);
    assert_eq!(accounts.server.one().header("authorization"), Some("Bearer s3cret"));
    for (who, target, why) in [
        ("mallory", "/accounts/1", "nothing-permits"),
        ("alice", "/accounts/2", "cedar:frozen"),
        (
            "alice",
            "/accounts/3",
            "attributes-unknown: no answer that says anything",
        ),
        (
            "alice",
            "/accounts/4",
            "attributes-unknown: no answer that says anything",
        ),
        (
            "alice",
            "/accounts/5",
            "attributes-unknown: no answer that says anything",
        ),
        (
            "alice",
            "/accounts/6",
            "attributes-unknown: no answer that says anything",
        ),
        ("alice", "/accounts/7", "resource-unknown"),
    ] {
        assert_eq!(bank.denied(|| bank.get(who, target)), why, "{target}");
    }
    // Every account has to be permitted.
    assert_eq!(bank.transfer("alice", "1", "1").status, 200);
    assert_eq!(bank.denied(|| bank.transfer("alice", "1", "2")), "cedar:frozen");
    assert_eq!(upstream.seen().len(), 2);
    let count = |outcome| {
        bank.gate
            .metric(&["portcullis_attribute_lookups_total", "Account", outcome])
    };
    assert!(count("found") >= 2.0 && count("unknown") >= 1.0 && count("failed") >= 4.0 && count("known") >= 1.0);
    assert!(!bank.gate.log_so_far().join("\n").contains("s3cret"));
}

#[test]
fn d4_no_id_steers_where_attributes_come_from() {
    let upstream = Upstream::with_json("{}");
    let accounts = Elsewhere::start(|_| json_answer(&account("alice", false)));
    let bank = Bank::start(&upstream, &format!("{WITH_POLICIES}, {}", accounts.lookup("")));
    for (id, asked) in [
        ("../users", Some("/accounts/..%2Fusers/attributes")),
        ("1/../../x", Some("/accounts/1%2F..%2F..%2Fx/attributes")),
        ("1?x=#", Some("/accounts/1%3Fx%3D%23/attributes")),
        ("%2e%2e", Some("/accounts/%252e%252e/attributes")),
        ("a b", Some("/accounts/a%20b/attributes")),
        (".", None),
        ("..", None),
    ] {
        let before = accounts.asked();
        match asked {
            Some(path) => {
                assert_eq!(bank.transfer("alice", id, id).status, 200, "{id}");
                assert_eq!(accounts.server.one().line, format!("GET {path} HTTP/1.1"));
            }
            None => {
                assert_eq!(bank.denied(|| bank.transfer("alice", id, id)), "resource-unknown");
                assert_eq!(accounts.asked(), before, "{id}");
            }
        }
    }
    let id = "1\r\nX: y";
    assert_eq!(bank.denied(|| bank.transfer("alice", id, id)), "resource-unreadable");
}

#[test]
fn d7_a_point_of_authzen_is_asked_by_its_words_and_joins_the_others() {
    let upstream = Upstream::with_json("{}");
    let point = Elsewhere::start(|_| json_answer(&json!({"decision": true})));
    let credentials = ", credentials: {username: gate, password_file: secret}, answer_seconds_max: 0";
    let elsewhere = point.point("authzen", credentials);
    let bank = Bank::start(&upstream, &format!("{WITH_POLICIES}, {elsewhere}"));
    assert_eq!(
        bank.get("alice", "/accounts/1").status,
        200,
        "policies have nothing against it"
    );
    let asked = point.server.one();
    assert_eq!(asked.line, "POST /access/v1/evaluation HTTP/1.1");
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.header("authorization"), Some("Basic Z2F0ZTpzM2NyZXQ="));
    let question: Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(
        question,
        json!({
            "subject": {"type": "User", "id": "alice", "properties": {
                "authority": "main", "credentials": ["access_token"], "scopes": ["things.read"], "client": "app"}},
            "action": {"name": "readAccount"},
            "resource": {"type": "Account", "id": "1"},
            "context": {"address": "127.0.0.1"},
        })
    );
    assert_eq!(bank.get("alice", "/overview").status, 200);
    let question: Value = serde_json::from_slice(&point.server.one().body).unwrap();
    assert_eq!(question["resource"], json!({"type": "Api", "id": "api"}));
    point.say_json(&json!({"decision": false, "context": {"reason_admin": {"en": "policy C076"}}}));
    assert_eq!(bank.denied(|| bank.get("alice", "/accounts/1")), "authzen:main");
    until("the reason is told", || {
        bank.gate.log().iter().any(|line| line.contains("policy C076"))
    });
    // One of two accounts.
    point.say(|seen| {
        let question: Value = serde_json::from_slice(&seen.body).unwrap();
        json_answer(&json!({"decision": question["resource"]["id"] == "1"}))
    });
    assert_eq!(bank.transfer("alice", "1", "1").status, 200);
    assert_eq!(bank.denied(|| bank.transfer("alice", "1", "2")), "authzen:main");
}

#[test]
fn d7_what_policies_forbid_no_point_permits_and_what_a_point_forbids_no_policy_permits() {
    let upstream = Upstream::with_json("{}");
    let accounts = Elsewhere::start(|seen| json_answer(&account("alice", seen.line.contains("/2/"))));
    let point = Elsewhere::start(|_| json_answer(&json!({"result": {"allow": true}})));
    let both = format!(
        "{}, {}",
        accounts.lookup(""),
        point.point("opa", ", answer_seconds_max: 0")
    );
    let bank = Bank::start(&upstream, &format!("{WITH_POLICIES}, {both}"));
    assert_eq!(bank.denied(|| bank.get("alice", "/accounts/2")), "cedar:frozen");
    assert_eq!(point.asked(), 0, "it could not change anything");
    assert_eq!(bank.get("bob", "/accounts/1").status, 200, "the point permits");
    let question: Value = serde_json::from_slice(&point.server.one().body).unwrap();
    // It is told what was fetched.
    assert_eq!(
        question["input"]["resource"],
        json!({"type": "Account", "id": "1", "properties": {"owner": "alice", "frozen": false}})
    );
    for (said, why) in [
        (json!({"result": false}), "opa:main"),
        (json!({"result": {"allow": false}}), "opa:main"),
        (json!({}), "opa:main"),
        (json!({"result": {}}), "opa:main"),
        (json!({"result": "true"}), "opa cannot tell"),
        (json!({"result": {"allow": 1}}), "opa cannot tell"),
        (json!([true]), "opa cannot tell"),
    ] {
        point.say_json(&said);
        assert_eq!(bank.denied(|| bank.get("alice", "/accounts/1")), why, "{said}");
    }
    let (permitted, denied, failed) = (
        bank.gate
            .metric(&["portcullis_decision_point_questions_total", "main", "permitted"]),
        bank.gate
            .metric(&["portcullis_decision_point_questions_total", "main", "denied"]),
        bank.gate
            .metric(&["portcullis_decision_point_questions_total", "main", "failed"]),
    );
    assert_eq!((permitted, denied, failed), (1.0, 4.0, 3.0));
}

/// Reads until it is denied; for how long it was permitted.
fn permitted_for(bank: &Bank, target: &str) -> Duration {
    let revoked = Instant::now();
    let mut last = Duration::ZERO;
    while revoked.elapsed() < Duration::from_secs(3) {
        let began = revoked.elapsed();
        if bank.get("alice", target).status == 200 {
            last = began;
        }
    }
    last
}

#[test]
fn what_is_taken_back_elsewhere_permits_for_a_second_at_most() {
    let upstream = Upstream::with_json("{}");
    let accounts = Elsewhere::start(|_| json_answer(&account("alice", false)));
    let bank = Bank::start(&upstream, &format!("{WITH_POLICIES}, {}", accounts.lookup("")));
    for _ in 0..20 {
        assert_eq!(bank.get("alice", "/accounts/1").status, 200);
    }
    assert!(accounts.asked() <= 2, "an answer counts for a second");
    accounts.say_json(&account("bob", false));
    let lasted = permitted_for(&bank, "/accounts/1");
    assert!(lasted < Duration::from_millis(1050), "{lasted:?}");
    let point = Elsewhere::start(|_| json_answer(&json!({"decision": true})));
    let bank = Bank::start(&upstream, &point.point("authzen", ""));
    for _ in 0..20 {
        assert_eq!(bank.get("alice", "/accounts/1").status, 200);
    }
    assert!(point.asked() <= 2, "an answer counts for a second");
    point.say_json(&json!({"decision": false}));
    let lasted = permitted_for(&bank, "/accounts/1");
    assert!(lasted < Duration::from_millis(1050), "{lasted:?}");
}

#[test]
fn http_11_a_stream_ends_soon_after_somebody_elsewhere_denies_it_and_not_while_they_do_not_answer() {
    let upstream = Upstream::start(streaming);
    let accounts = Elsewhere::start(|_| json_answer(&account("alice", false)));
    let point = Elsewhere::start(|_| json_answer(&json!({"decision": true})));
    let both = format!("{}, {}", accounts.lookup(""), point.point("authzen", ""));
    let bank = Bank::start(&upstream, &format!("{WITH_POLICIES}, {both}"));
    let bearer = bank.bearer("alice");
    let watch = |account: &str| {
        events_at(
            &bank.gate,
            &format!("/events?account={account}"),
            &[("Authorization", &bearer)],
        )
    };
    std::thread::scope(|scope| {
        let (one, two, three) = (
            scope.spawn(|| watch("1")),
            scope.spawn(|| watch("2")),
            scope.spawn(|| watch("3")),
        );
        std::thread::sleep(Duration::from_secs(1));
        accounts.say(|seen| match seen.line.contains("/1/") {
            true => json_answer(&account("bob", true)),
            false => answer("500 Internal Server Error", &[], b""),
        });
        let (whole, seconds) = one.join().unwrap();
        assert!(!whole && seconds < 9.0, "{seconds}");
        std::thread::sleep(Duration::from_secs(1));
        assert!(!two.is_finished(), "nothing is known against it");
        accounts.say_json(&account("alice", false));
        point.say(|seen| {
            let question: Value = serde_json::from_slice(&seen.body).unwrap();
            json_answer(&json!({"decision": question["resource"]["id"] != "2"}))
        });
        let (whole, _) = two.join().unwrap();
        assert!(!whole);
        std::thread::sleep(Duration::from_secs(1));
        assert!(!three.is_finished(), "it is permitted by both");
        point.say_json(&json!({"decision": false}));
        three.join().unwrap();
    });
}

#[test]
fn who_hangs_keeps_nobody_else_waiting_and_who_keeps_failing_is_left_alone() {
    let upstream = Upstream::with_json("{}");
    let point = Elsewhere::start(|_| json_answer(&json!({"result": true})));
    let more =
        ", wait_seconds_max: 0.3, questions_max: 2, answer_seconds_max: 0, breaker: {requests_min: 4, open_seconds: 1}";
    let bank = Bank::start(&upstream, &point.point("opa", more));
    assert_eq!(bank.get("alice", "/accounts/1").status, 200);
    point.say(|_| Vec::new());
    let waited: Vec<Duration> = std::thread::scope(|scope| {
        let bank = &bank;
        let ask = |number: usize| {
            move || {
                let began = Instant::now();
                assert_eq!(bank.get("alice", &format!("/accounts/{number}")).status, 403);
                began.elapsed()
            }
        };
        let callers: Vec<_> = (0..6).map(|number| scope.spawn(ask(number))).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert!(
        waited.iter().all(|waited| *waited < Duration::from_millis(900)),
        "{waited:?}"
    );
    let count = |outcome| {
        bank.gate
            .metric(&["portcullis_decision_point_questions_total", outcome])
    };
    assert!(count("full") >= 3.0, "{}", count("full"));
    let is = |state| bank.gate.metric(&["portcullis_decision_point_circuit", state]) > 0.5;
    until("the circuit opens", || {
        assert_eq!(bank.get("alice", "/accounts/9").status, 403);
        is("\"open\"")
    });
    point.say_json(&json!({"result": true}));
    let (asked, began) = (point.asked(), Instant::now());
    assert_eq!(bank.denied(|| bank.get("alice", "/accounts/1")), "opa cannot tell");
    if began.elapsed() < Duration::from_millis(500) {
        assert_eq!(point.asked(), asked, "it is left alone");
        assert!(count("circuit_open") >= 1.0);
    }
    until("it is asked again", || bank.get("alice", "/accounts/1").status == 200);
    assert!(is("closed"));
    bank.gate.logs(&["it cannot be asked what callers may do"]);
    bank.gate.logs(&["it can be asked what callers may do again"]);
}

#[test]
fn a_reload_goes_on_counting_and_takes_another_secret() {
    let upstream = Upstream::with_json("{}");
    let point = Elsewhere::start(|_| json_answer(&json!({"decision": true})));
    let more = ", answer_seconds_max: 0, credentials: {header: X-Key, value_file: secret}";
    let bank = Bank::start(&upstream, &point.point("authzen", more));
    assert_eq!(bank.get("alice", "/accounts/1").status, 200);
    assert_eq!(point.server.one().header("x-key"), Some("s3cret"));
    let applied = || bank.gate.metric(&["portcullis_reloads_total", "applied"]);
    let before = applied();
    bank.gate.signal("-HUP");
    until("a reload", || applied() > before);
    assert_eq!(bank.get("alice", "/accounts/1").status, 200);
    let permitted = bank
        .gate
        .metric(&["portcullis_decision_point_questions_total", "permitted"]);
    assert!(permitted > 1.5, "{permitted}");
    bank.gate.directory.write_secret("secret", "another\n");
    until("it is asked with the other secret", || {
        assert_eq!(bank.get("alice", "/accounts/1").status, 200);
        let last = point.server.seen().pop().unwrap();
        last.header("x-key") == Some("another")
    });
}

#[track_caller]
fn is_an_error(authorization: &str, expected: &str) {
    is_an_error_with(authorization, ("", ""), expected);
}

/// With something in the contract written in another way.
#[track_caller]
fn is_an_error_with(authorization: &str, (text, other): (&str, &str), expected: &str) {
    let upstream = Upstream::with_json("{}");
    let directory = written(&upstream, &Issuer::new("one"), authorization);
    let contract = directory.read("api.yaml");
    assert!(contract.contains(text), "{text}");
    directory.write("api.yaml", &contract.replacen(text, other, 1));
    let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
    let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(
        !output.status.success() && told.contains(expected),
        "{authorization}: {expected} in {}",
        told.chars().take(3_000).collect::<String>()
    );
}

#[test]
fn what_cannot_be_asked_is_an_error_before_anything_is_served() {
    let lookup = |text: &str| format!("{WITH_POLICIES}, lookups: [{{{text}}}]");
    let good = "resource: Account, url: 'https://a.example/{id}', attributes: {owner: /owner}";
    for (change, expected) in [
        (("https:", "http:"), "`dangerous_plain_http: true`"),
        (("/{id}", "/x"), "is no URL of https"),
        (("/{id}", "/a-{id}"), "is no URL of https"),
        (
            ("resource: Account", "resource: Invoice"),
            "`Invoice` is none of `resources`",
        ),
        (("owner: /owner", "color: /owner"), "`Account` has no attribute `color`"),
        (
            ("owner: /owner}", "owner: /owner}, optional: [frozen]"),
            "`frozen` is none of the lookup's `attributes`",
        ),
        (
            ("owner: /owner}", "owner: /owner}, wait_seconds_max: 60"),
            "30 seconds at most",
        ),
        (
            ("owner: /owner}", "owner: /owner}, credentials: {bearer_file: none}"),
            "cannot use the secret",
        ),
        (
            ("owner: /owner}", "owner: /owner}, credentials: {username: a}"),
            "in one way who asks",
        ),
        (("a.example", "127.0.0.1"), "is not a public address"),
    ] {
        assert!(good.contains(change.0), "{change:?}");
        is_an_error(&lookup(&good.replace(change.0, change.1)), expected);
    }
    let twice = format!("{WITH_POLICIES}, lookups: [{{{good}}}, {{{good}}}]");
    is_an_error(&twice, "`Account` is there twice");
    let point = "name: main, kind: opa, url: 'https://a.example/v1/data/a'";
    is_an_error(
        &format!("decision_points: [{{{}}}]", point.replace("/v1/data/a", "/v0/data/a")),
        "is no URL of https",
    );
    is_an_error(
        &format!("decision_points: [{{{point}}}, {{{point}}}]"),
        "`main` is there twice",
    );
    is_an_error("resources: {Account: {owner: User}}", "nobody decides");
    let listing = (
        "{operationId: readOverview, responses: {'200': {$ref: '#/components/responses/any'}}}",
        "{operationId: readOverview, x-portcullis: {collection: {items: /accounts, type: Account, id: /id}}, responses: {'200': {description: \
         any, content: {application/json: {schema: {type: object, properties: {accounts: {type: array, items: {type: object, properties: \
         {id: {type: string}}}}}}}}}}}",
    );
    is_an_error_with(
        &format!("decision_points: [{{{point}}}]"),
        listing,
        "is asked elsewhere, and not about lists",
    );
    is_an_error_with(&lookup(good), listing, "is asked elsewhere, and not about lists");
}

/// What comes by chance, from a seed.
struct Chance(AtomicU64);

impl Chance {
    fn below(&self, bound: u64) -> u64 {
        // SplitMix64.
        let mut word = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % bound
    }
}

/// The wait that requests are allowed in the test of faults.
const WAIT: Duration = Duration::from_millis(150);

/// Answers honestly a third of the time, and otherwise fails, hangs, is late or lies in form; whatever it says then would permit.
/// `true`: the connection goes on.
fn misbehave(chance: &Chance, stream: &mut TcpStream, honest: &Value, permitting: &Value, elsewhere: &str) -> bool {
    let (honest, yes) = (honest.to_string(), permitting.to_string());
    let honestly = ok("application/json", &honest);
    let (text, goes_on): (Vec<u8>, bool) = match chance.below(36) {
        0..12 => (honestly, true),
        12 => return false,
        13 => {
            std::thread::sleep(WAIT * 3);
            return false;
        }
        14 => {
            // Late, and as policies have it.
            std::thread::sleep(WAIT + WAIT / 4);
            (honestly, true)
        }
        // An answer that nobody asked for comes after the honest one.
        15 => ([honestly, ok("application/json", &yes)].concat(), true),
        lie @ 16..26 => (lie_in_the_head(lie, &yes, elsewhere), true),
        26 => (answer("302 Found", &[("Location", elsewhere)], b""), true),
        lie @ 27..31 => (cut_short(lie, &yes), false),
        lie => (ok("application/json", &lie_in_the_body(lie, &honest, &yes)), true),
    };
    stream.write_all(&text).is_ok() && goes_on
}

fn lie_in_the_head(lie: u64, yes: &str, elsewhere: &str) -> Vec<u8> {
    let json = ("Content-Type", "application/json");
    let with = |status: &str, headers: &[(&str, &str)]| answer(status, headers, yes.as_bytes());
    match lie {
        16 => with("500 Internal Server Error", &[json]),
        17 => with("503 Service Unavailable", &[json]),
        18 => with("404 Not Found", &[json]),
        19 => with("201 Created", &[json]),
        20 => with("206 Partial Content", &[json]),
        21 => with("200 OK", &[("Content-Type", "text/html")]),
        22 => with("200 OK", &[]),
        23 => with("200 OK", &[json, ("Content-Type", "text/plain")]),
        24 => with(
            "200 OK",
            &[
                json,
                ("Content-Encoding", "x-unknown"),
                ("Content-Type", "application/json"),
            ],
        ),
        _ => with("307 Temporary Redirect", &[("Location", elsewhere)]),
    }
}

/// All of the JSON is there, and not all of the answer.
fn cut_short(lie: u64, yes: &str) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let bytes = yes.len();
    match lie {
        27 => format!("{head}Content-Length: {}\r\n\r\n{yes}", bytes + 9).into_bytes(),
        28 => format!("{head}Transfer-Encoding: chunked\r\n\r\n{bytes:x}\r\n{yes}\r\n").into_bytes(),
        29 => format!("{head}Content-Length: {bytes}\r\nContent-Length: 1\r\n\r\n{yes}").into_bytes(),
        _ => b"\x16\x03\x01\x00\x05hello".to_vec(),
    }
}

fn lie_in_the_body(lie: u64, honest: &str, yes: &str) -> String {
    // Both, of which one permits.
    let both = |first: &str, second: &str| {
        let (first, second) = (first.strip_suffix('}').unwrap(), second.strip_prefix('{').unwrap());
        format!("{first},{second}")
    };
    match lie {
        31 => format!("{}{yes}", " ".repeat(70_000)),
        32 => format!("{yes}{yes}"),
        33 => yes.replace("true", "\"true\"").replace("\"id\"", "\"uid\""),
        34 => both(honest, yes),
        _ => both(yes, honest),
    }
}

/// How many decisions are made while somebody elsewhere misbehaves so, who owns an account being what policies have to say. Returns
/// permits that were right, and how often somebody was asked.
fn decide_under_faults(
    decisions: usize,
    seed: u64,
    authorization: impl Fn(&Elsewhere) -> String,
    said: fn(&Seen) -> (Value, Value),
) -> (usize, usize) {
    let upstream = Upstream::with_json("{}");
    // Whoever follows a redirect finds somebody who permits.
    let elsewhere = Upstream::start(move |seen, stream| {
        let (_, permitting) = said(seen);
        stream.write_all(&json_answer(&permitting)).is_ok()
    });
    let (chance, away) = (
        Arc::new(Chance(seed.into())),
        format!("http://{}/away", elsewhere.address),
    );
    let known = Arc::clone(&chance);
    let server = Upstream::start(move |seen, stream| {
        let (honest, permitting) = said(seen);
        misbehave(&known, stream, &honest, &permitting, &away)
    });
    let asked = Elsewhere {
        server,
        says: Arc::new(Mutex::new(Box::new(|_| Vec::new()))),
    };
    let bank = Bank::start(&upstream, &authorization(&asked));
    let bearers: Vec<String> = (0..5).map(|user| bank.bearer(&format!("user-{user}"))).collect();
    let (bank, bearers) = (&bank, &bearers);
    let right: usize = std::thread::scope(|scope| {
        let callers = (0..16).map(|caller| {
            let chance = Chance((seed ^ (caller + 1)).into());
            scope.spawn(move || {
                let mut right = 0;
                let mut client = bank.gate.client();
                for _ in 0..decisions / 16 {
                    let (user, account) = (chance.below(5), chance.below(25));
                    let target = format!("/accounts/{account}");
                    let answered = client.send(
                        "GET",
                        &target,
                        &[("Authorization", &bearers[usize::try_from(user).unwrap()])],
                        b"",
                    );
                    let owns = account % 5 == user;
                    match answered.status {
                        200 if owns => right += 1,
                        200 => panic!("user-{user} was let at {account}, which is not theirs"),
                        status => assert_eq!(status, 403, "{answered:?}"),
                    }
                }
                right
            })
        });
        let callers: Vec<_> = callers.collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    });
    elsewhere.saw_nothing("a redirect");
    assert_eq!(upstream.seen().len(), right, "nothing else went on");
    (right, asked.asked())
}

const NEVER_OPEN: &str = ", answer_seconds_max: 0, wait_seconds_max: 0.15, questions_max: 1024, breaker: {failure_percent: 100, requests_min: 100000}";

#[test]
fn in_10_000_decisions_nobody_who_fails_hangs_lies_or_is_late_permits_what_policies_do_not() {
    let of_authzen = |seen: &Seen| -> (Value, Value) {
        let question: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
        (json!({"decision": owns(&question)}), json!({"decision": true}))
    };
    let of_opa = |seen: &Seen| -> (Value, Value) {
        let question: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
        (
            json!({"result": {"allow": owns(&question["input"])}}),
            json!({"result": {"allow": true}}),
        )
    };
    // Whoever asks for attributes does not say for whom: that everybody owns it cannot be said, but of one caller it can.
    let of_lookup = |seen: &Seen| -> (Value, Value) {
        let id = seen
            .line
            .split('/')
            .nth(2)
            .and_then(|id| id.parse::<u64>().ok())
            .unwrap_or(0);
        let owner = |number: u64| format!("user-{}", number % 5);
        (account(&owner(id), false), account(&owner(id + 1), false))
    };
    let mut sums = (0, 0);
    let mut add = |(right, asked): (usize, usize)| {
        assert!(
            right * 30 > 3_400 && asked > 1_600,
            "{right} permits, {asked} questions"
        );
        sums = (sums.0 + right, sums.1 + asked);
    };
    add(decide_under_faults(
        3_400,
        1,
        |asked| asked.point("authzen", NEVER_OPEN),
        of_authzen,
    ));
    add(decide_under_faults(
        3_400,
        2,
        |asked| asked.point("opa", NEVER_OPEN),
        of_opa,
    ));
    let with_lookup = |asked: &Elsewhere| format!("{WITH_POLICIES}, {}", asked.lookup(NEVER_OPEN));
    add(decide_under_faults(3_400, 3, with_lookup, of_lookup));
    assert!(sums.1 > 6_000, "{sums:?}");
}

fn owns(question: &Value) -> bool {
    let account = question["resource"]["id"]
        .as_str()
        .and_then(|id| id.parse::<u64>().ok());
    let user = question["subject"]["id"].as_str();
    account.is_some_and(|account| user == Some(&format!("user-{}", account % 5)))
}
