//! The gate as a decision point where others have a say: they are asked as for its own requests, and whoever asks is denied where they do
//! not answer.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::decision_points::{CONTRACT, Elsewhere, POLICIES, WITH_POLICIES, account, json_answer};
use crate::gate::{Gate, Setup};
use crate::tokens::{Issuer, key_set};
use crate::upstream::{Upstream, answer};
use crate::wire::Answer;

struct Asked {
    gate: Gate,
    issuer: Issuer,
}

impl Asked {
    fn start(upstream: &Upstream, authorization: &str) -> Self {
        let issuer = Issuer::new("one");
        let directory = Setup::new(CONTRACT, upstream.address)
            .with(
                "issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], keys: {file: keys.json}}]",
            )
            .with("arrival_limit: {requests: 1000000, per: 1s}")
            .with(
                "authzen: [{name: pdp, for: api, security_schemes: {tokens: {issuers: [main]}}, scopes: [decide], reasons: true, \
                 policy: {rate_limits: [{name: address, requests: 1000000, per: 1s}]}}]",
            )
            .with_api("security_schemes: {bearer: {issuers: [main]}}")
            .with_api(&format!("authorization: {{{authorization}}}"))
            .written();
        directory.write("keys.json", &key_set(&[&issuer]));
        directory.write("bank.cedar", POLICIES);
        let gate = Gate::start(directory);
        Self { gate, issuer }
    }

    fn asks(&self, path: &str, question: &Value) -> Answer {
        let token = self
            .issuer
            .token_with("at+jwt", json!({"sub": "pep", "scope": "decide"}));
        let fields = [
            ("Authorization", format!("Bearer {token}")),
            ("Content-Type", "application/json".to_owned()),
        ];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let path = format!("/access/v1/{path}");
        self.gate
            .client()
            .send("POST", &path, &fields, question.to_string().as_bytes())
    }

    /// Whether it is permitted, and why.
    #[track_caller]
    fn decides(&self, question: &Value) -> (bool, String) {
        let answered = self.asks("evaluation", question);
        assert_eq!(answered.status, 200, "{}", answered.text());
        told(&answered.json())
    }

    #[track_caller]
    fn decide_all(&self, semantic: &str, accounts: &[&str]) -> Vec<(bool, String)> {
        let evaluations: Vec<Value> = accounts
            .iter()
            .map(|account| json!({"resource": {"type": "Account", "id": account}}))
            .collect();
        let asked = json!({
            "subject": {"type": "User", "id": "alice"},
            "action": {"name": "readAccount"},
            "evaluations": evaluations,
            "options": {"evaluations_semantic": semantic},
        });
        let answered = self.asks("evaluations", &asked);
        assert_eq!(answered.status, 200, "{}", answered.text());
        answered.json()["evaluations"]
            .as_array()
            .unwrap()
            .iter()
            .map(told)
            .collect()
    }
}

fn told(decision: &Value) -> (bool, String) {
    let why = decision["context"]["reason_admin"]["en"].as_str().unwrap_or_default();
    (decision["decision"].as_bool().unwrap(), why.to_owned())
}

fn reads(who: &str, account: &str) -> Value {
    json!({"subject": {"type": "User", "id": who}, "action": {"name": "readAccount"}, "resource": {"type": "Account", "id": account}})
}

fn denied(why: &str) -> (bool, String) {
    (false, why.to_owned())
}

fn permitted(why: &str) -> (bool, String) {
    (true, why.to_owned())
}

/// The account 1 is alice's, 2 frozen, 3 nobody's, 6 broken, and others there are not.
fn accounts() -> Elsewhere {
    Elsewhere::start(|seen| match seen.line.split(' ').nth(1) {
        Some("/accounts/1/attributes") => json_answer(&account("alice", false)),
        Some("/accounts/2/attributes") => json_answer(&account("alice", true)),
        Some("/accounts/3/attributes") => json_answer(&json!({"frozen": false})),
        Some("/accounts/6/attributes") => answer("500 Internal Server Error", &[], b""),
        _ => answer("404 Not Found", &[], b""),
    })
}

#[test]
fn d7_attributes_are_fetched_for_whoever_asks_and_nobody_says_others() {
    let (upstream, accounts) = (Upstream::with_json("{}"), accounts());
    let lookup = accounts.lookup(", optional: [owner], answer_seconds_max: 60");
    let asked = Asked::start(&upstream, &format!("{WITH_POLICIES}, {lookup}"));
    let unknown = denied("attributes-unknown: no answer that says anything");
    for (who, account, expected) in [
        ("alice", "1", permitted("cedar:owners")),
        ("mallory", "1", denied("nothing-permits")),
        ("alice", "2", denied("cedar:frozen")),
        ("alice", "3", denied("nothing-permits")),
        ("alice", "6", unknown),
        ("alice", "7", denied("resource-unknown")),
    ] {
        assert_eq!(asked.decides(&reads(who, account)), expected, "{who} {account}");
        // What is fetched, or said to be absent, whoever asks does not say.
        let mut question = reads(who, account);
        question["resource"]["properties"] = json!({"owner": who, "frozen": false});
        assert_eq!(asked.decides(&question), expected, "{question}");
    }
    // Answers count for callers of the API as well.
    let before = accounts.asked();
    let bearer = format!("Bearer {}", asked.issuer.token_with("at+jwt", json!({"sub": "alice"})));
    let answered = asked
        .gate
        .client()
        .send("GET", "/accounts/1", &[("Authorization", &bearer)], b"");
    assert_eq!((answered.status, accounts.asked()), (200, before));
}

#[test]
fn d7_points_elsewhere_are_asked_for_whoever_asks_and_deny_where_they_do_not_answer() {
    let upstream = Upstream::with_json("{}");
    let point = Elsewhere::start(|_| json_answer(&json!({"result": true})));
    let more = ", wait_seconds_max: 0.3, answer_seconds_max: 0, breaker: {requests_min: 4, failure_percent: 50, open_seconds: 60}";
    let asked = Asked::start(&upstream, &point.point("opa", more));
    assert_eq!(asked.decides(&reads("alice", "1")), permitted("opa:main"));
    let api = json!({"subject": {"type": "User", "id": "a"}, "action": {"name": "readOverview"}, "resource": {"type": "Api", "id": "api"}});
    assert_eq!(asked.decides(&api), permitted("opa:main"));
    let question: Value = serde_json::from_slice(&point.server.seen()[0].body).unwrap();
    assert_eq!(question, json!({"input": reads("alice", "1")}));
    point.say_json(&json!({"result": false}));
    assert_eq!(asked.decides(&reads("alice", "1")), denied("opa:main"));
    // Nobody searches by asking about thousands.
    for (path, search) in [
        (
            "search/subject",
            json!({"subject": {"type": "User"}, "action": {"name": "readAccount"}, "resource": {"type": "Account", "id": "1"}}),
        ),
        (
            "search/resource",
            json!({"subject": {"type": "User", "id": "a"}, "action": {"name": "readAccount"}, "resource": {"type": "Account"}}),
        ),
        (
            "search/action",
            json!({"subject": {"type": "User", "id": "a"}, "resource": {"type": "Account", "id": "1"}}),
        ),
    ] {
        asked
            .asks(path, &search)
            .is_refused_as(path, 501, "authorization.search");
    }
    assert_eq!(point.asked(), 3);
    point.say(|_| Vec::new());
    for _ in 0..8 {
        let began = Instant::now();
        let (is_permitted, why) = asked.decides(&reads("alice", "1"));
        assert!(!is_permitted && why.contains("opa cannot tell"), "{why}");
        assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    }
    let opened = asked
        .gate
        .metric(&["portcullis_decision_point_questions_total", "circuit_open"]);
    assert!(opened >= 1.0 && point.asked() < 11, "{opened} {}", point.asked());
}

#[test]
fn d7_each_semantic_ends_where_it_says_whoever_is_asked() {
    let (upstream, accounts) = (Upstream::with_json("{}"), accounts());
    let asked = Asked::start(&upstream, &format!("{WITH_POLICIES}, {}", accounts.lookup("")));
    let some = ["1", "2", "7", "1"];
    let all = [
        permitted("cedar:owners"),
        denied("cedar:frozen"),
        denied("resource-unknown"),
        permitted("cedar:owners"),
    ];
    assert_eq!(asked.decide_all("execute_all", &some), all);
    assert_eq!(asked.decide_all("deny_on_first_deny", &some), all[..2]);
    assert_eq!(
        asked.decide_all("permit_on_first_permit", &["2", "7", "1", "1"]),
        [all[1].clone(), all[2].clone(), all[0].clone()]
    );
    // What is incomplete is denied in its place, the last one as well.
    let one = json!({"resource": {"type": "Account", "id": "1"}});
    let incomplete = json!({"subject": {"type": "User", "id": "alice"}, "action": {"name": "readAccount"}, "evaluations": [{}, one, {}]});
    let answered = asked.asks("evaluations", &incomplete).json();
    let decisions: Vec<bool> = answered["evaluations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| told(one).0)
        .collect();
    assert_eq!(decisions, [false, true, false]);
}

#[test]
fn d7_many_evaluations_ask_about_some_at_once() {
    let upstream = Upstream::with_json("{}");
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (Arc::clone(&open), Arc::clone(&most));
    let accounts = Upstream::start(move |_, stream| {
        peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // Whoever is asked takes a while.
        std::thread::sleep(Duration::from_millis(50));
        now.fetch_sub(1, Ordering::SeqCst);
        stream.write_all(&json_answer(&account("alice", false))).is_ok()
    });
    let lookup = format!(
        "lookups: [{{resource: Account, url: 'http://{}/{{id}}', attributes: {{owner: /owner/id, frozen: /frozen}}, wait_seconds_max: 5, \
         dangerous_plain_http: true, dangerous_private_address: true}}]",
        accounts.address
    );
    let asked = Asked::start(&upstream, &format!("{WITH_POLICIES}, {lookup}"));
    let ids: Vec<String> = (0..60).map(|number| number.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for semantic in ["execute_all", "deny_on_first_deny"] {
        let decided = asked.decide_all(semantic, &ids);
        assert_eq!(decided.len(), 60);
        assert!(decided.iter().all(|(is_permitted, _)| *is_permitted), "{decided:?}");
    }
    let most = most.load(Ordering::SeqCst);
    assert!((2..=16).contains(&most), "{most}");
}
