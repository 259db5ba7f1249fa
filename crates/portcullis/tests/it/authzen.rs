//! The gate as a decision point: what AuthZEN 1.0 asks of one, over HTTP, with the interop cases that its working group publishes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::gate::{Directory, Gate, Setup, run, until};
use crate::tokens::{Issuer, key_set};
use crate::wire::{Answer, Client};

const TODO: &str = include_str!("../../../decision/tests/vectors/authzen/todo-decisions-1_0-02.json");
const SUBJECTS: &str = include_str!("../../../decision/tests/vectors/authzen/search-subject.json");
const RESOURCES: &str = include_str!("../../../decision/tests/vectors/authzen/search-resource.json");
const USERS: &str = include_str!("../../../decision/tests/vectors/authzen/search-users.json");
const RECORDS: &str = include_str!("../../../decision/tests/vectors/authzen/search-records.json");

const ISSUERS: &str = "issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], \
                       keys: {file: keys.json}}]";
const TOKENS: &str = "security_schemes: {tokens: {issuers: [main]}}, scopes: [decide]";
/// One enforcement point asks more than a caller of an API may.
const BUSY: &str = "rate_limits: [{name: address, requests: 100000, per: 1s}]";

/// A contract of nothing but operations on resources: the names of each, and the type.
fn contract(operations: &[(&str, &str)]) -> String {
    let mut text = "openapi: 3.1.0\ninfo: {title: A, version: '1'}\npaths:\n".to_owned();
    for (name, kind) in operations {
        text += &format!(
            "  /{name}/{{id}}:\n    parameters: [{{name: id, in: path, required: true, schema: {{type: string}}}}]\n    \
             x-portcullis: {{resources: [{{type: {kind}, path: id}}]}}\n    get: {{operationId: {name}, responses: {{'200': \
             {{description: ok}}}}}}\n"
        );
    }
    text
}

/// A decision point for the API, with these settings beside.
fn setup(contract: &str, authorization: &str, point: &str) -> Setup {
    let nowhere = "127.0.0.1:9".parse().unwrap();
    Setup::new(contract, nowhere)
        .with(ISSUERS)
        .with("log: {requests: all}")
        .with("arrival_limit: {requests: 100000, per: 1s}")
        .with(&format!("authzen: [{{name: pdp, for: api, {point}}}]"))
        .with_api(&format!("authorization: {{{authorization}}}"))
}

struct Asked {
    gate: Gate,
    issuer: Issuer,
}

impl Asked {
    fn start(setup: &Setup, policies: &str, entities: &Value) -> Self {
        let issuer = Issuer::new("one");
        let directory = setup.written();
        directory.write("keys.json", &key_set(&[&issuer]));
        directory.write("policies.cedar", policies);
        directory.write("entities.json", &entities.to_string());
        let gate = Gate::start(directory);
        Self { gate, issuer }
    }

    fn authorization(&self, scope: &str) -> String {
        let token = self.issuer.token_with("at+jwt", json!({"sub": "pep", "scope": scope}));
        format!("Bearer {token}")
    }

    fn asks(&self, client: &mut Client, path: &str, body: &str) -> Answer {
        let authorization = self.authorization("decide");
        let fields = [
            ("Authorization", authorization.as_str()),
            ("Content-Type", "application/json"),
        ];
        client.send("POST", path, &fields, body.as_bytes())
    }

    #[track_caller]
    fn answers(&self, client: &mut Client, path: &str, body: &Value) -> Value {
        let answer = self.asks(client, path, &body.to_string());
        assert_eq!(answer.status, 200, "{body}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        answer.json()
    }

    fn decides(&self, body: &Value) -> Value {
        self.answers(&mut self.gate.client(), "/access/v1/evaluation", body)
    }
}

fn entity(kind: &str, id: &str, attributes: Value, groups: &[&str]) -> Value {
    let parents: Vec<Value> = groups.iter().map(|id| json!({"type": "Group", "id": id})).collect();
    json!({"uid": {"type": kind, "id": id}, "attrs": attributes, "parents": parents})
}

/// What the schema asks of everybody who could call the gate itself.
fn user(id: &str, mut attributes: Value, groups: &[&str]) -> Value {
    let members = attributes.as_object_mut().unwrap();
    members.insert("authority".to_owned(), json!("directory"));
    members.insert("credentials".to_owned(), json!([]));
    members.insert("scopes".to_owned(), json!([]));
    entity("User", id, attributes, groups)
}

fn todo() -> Asked {
    let contract = contract(&[
        ("can_read_user", "Person"),
        ("can_read_todos", "Todo"),
        ("can_create_todo", "Todo"),
        ("can_update_todo", "Todo"),
        ("can_delete_todo", "Todo"),
    ]);
    let policies = r#"
        permit(principal in Group::"viewer", action == Action::"can_read_user", resource is Person);
        permit(principal in Group::"viewer", action == Action::"can_read_todos", resource is Todo);
        permit(principal in Group::"editor", action == Action::"can_create_todo", resource is Todo);
        permit(principal in Group::"editor", action in [Action::"can_update_todo", Action::"can_delete_todo"], resource is Todo)
            when { principal has email && resource has ownerID && resource.ownerID == principal.email };
        permit(principal in Group::"evil_genius", action == Action::"can_update_todo", resource is Todo);
        permit(principal in Group::"admin", action == Action::"can_delete_todo", resource is Todo);
    "#;
    let who = |letter: &str, email: &str, groups: &[&str]| {
        let id = format!("CiRmZD{letter}2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs");
        user(&id, json!({"email": email}), groups)
    };
    let entities = json!([
        who(
            "A",
            "rick@the-citadel.com",
            &["admin", "evil_genius", "editor", "viewer"]
        ),
        who("E", "morty@the-citadel.com", &["editor", "viewer"]),
        who("I", "summer@the-smiths.com", &["editor", "viewer"]),
        who("M", "beth@the-smiths.com", &["viewer"]),
        who("Q", "jerry@the-smiths.com", &["viewer"]),
    ]);
    let authorization = "policies: [policies.cedar], entities: entities.json, claims: {email: string}, groups_claim: groups, resources: {Todo: {ownerID: string}}";
    let point = format!(
        "{TOKENS}, subject_types: {{user: User}}, resource_types: {{user: Person, todo: Todo}}, policy: {{{BUSY}}}"
    );
    Asked::start(&setup(&contract, authorization, &point), policies, &entities)
}

fn members(document: &str, name: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(document).unwrap();
    document[name].as_array().unwrap().clone()
}

#[test]
fn d7_the_todo_cases_of_the_interop_are_decided_as_published() {
    let todo = todo();
    let mut client = todo.gate.client();
    let single = members(TODO, "evaluation");
    let several = members(TODO, "evaluations");
    assert_eq!((single.len(), several.len()), (40, 3));
    for case in single {
        let answer = todo.answers(&mut client, "/access/v1/evaluation", &case["request"]);
        assert_eq!(answer, json!({"decision": case["expected"]}), "{case}");
        // Without a list it is one.
        let answer = todo.answers(&mut client, "/access/v1/evaluations", &case["request"]);
        assert_eq!(answer, json!({"decision": case["expected"]}), "{case}");
    }
    for case in several {
        let answer = todo.answers(&mut client, "/access/v1/evaluations", &case["request"]);
        assert_eq!(answer, json!({"evaluations": case["expected"]}), "{case}");
    }
}

fn library() -> Asked {
    let contract = contract(&[("view", "Document"), ("edit", "Document"), ("delete", "Document")]);
    let policies = r#"
        permit(principal is User, action == Action::"view", resource is Document)
            when { principal has role && principal.role == "manager" };
        permit(principal is User, action == Action::"view", resource is Document)
            when { principal has department && resource has department && principal.department == resource.department };
        permit(principal is User, action, resource is Document)
            when { principal has name && resource has owner && principal.name == resource.owner };
        permit(principal is User, action == Action::"edit", resource is Document)
            when { principal has role && principal.role == "manager" && principal has department && resource has department && principal.department == resource.department };
    "#;
    let (users, records): (Vec<Value>, Vec<Value>) = (
        serde_json::from_str(USERS).unwrap(),
        serde_json::from_str(RECORDS).unwrap(),
    );
    let users = users.iter().map(|one| {
        let id = one["id"].as_str().unwrap();
        user(
            id,
            json!({"name": id, "role": one["role"], "department": one["department"]}),
            &[],
        )
    });
    let records = records.iter().map(|one| {
        let attributes = json!({"owner": one["owner"], "department": one["department"]});
        entity("Document", &one["id"].to_string(), attributes, &[])
    });
    let entities = Value::from(users.chain(records).collect::<Vec<_>>());
    let authorization = "policies: [policies.cedar], entities: entities.json, claims: {name: string, role: string, department: string}, \
                         resources: {Document: {owner: string, department: string}}";
    let point = format!(
        "{TOKENS}, url: 'https://pdp.example', subject_types: {{user: User}}, resource_types: {{record: Document}}, policy: {{{BUSY}}}"
    );
    Asked::start(&setup(&contract, authorization, &point), policies, &entities)
}

fn found(answer: &Value) -> BTreeSet<String> {
    let results = answer["results"].as_array().unwrap();
    results.iter().map(ToString::to_string).collect()
}

#[test]
fn d7_the_searches_of_the_interop_find_what_is_published() {
    let library = library();
    let mut client = library.gate.client();
    for (path, cases, number) in [
        ("/access/v1/search/subject", members(SUBJECTS, "evaluation"), 60),
        ("/access/v1/search/resource", members(RESOURCES, "evaluation"), 18),
    ] {
        assert_eq!(cases.len(), number);
        for case in cases {
            let answer = library.answers(&mut client, path, &case["request"]);
            assert_eq!(found(&answer), found(&case["expected"]), "{case}");
            assert_eq!(answer["page"]["next_token"], "");
            assert!(answer.get("context").is_none(), "nothing is cut off: {answer}");
        }
    }
}

#[test]
fn d7_what_somebody_may_do_is_searched_for_and_comes_in_pages() {
    let library = library();
    let mut client = library.gate.client();
    let mut asked = json!({"subject": {"type": "user", "id": "alice"}, "resource": {"type": "record", "id": "101"}});
    let path = "/access/v1/search/action";
    let all = library.answers(&mut client, path, &asked);
    assert_eq!(
        all["results"],
        json!([{"name": "view"}, {"name": "edit"}, {"name": "delete"}])
    );
    asked["page"] = json!({"limit": 2});
    let first = library.answers(&mut client, path, &asked);
    assert_eq!(
        (
            first["page"]["count"].as_u64(),
            first["results"].as_array().unwrap().len()
        ),
        (Some(2), 2)
    );
    asked["page"]["token"] = first["page"]["next_token"].clone();
    let last = library.answers(&mut client, path, &asked);
    assert_eq!(
        (&last["results"], &last["page"]["next_token"]),
        (&json!([{"name": "delete"}]), &json!(""))
    );
    asked["page"]["token"] = json!("not ours");
    library
        .asks(&mut client, path, &asked.to_string())
        .is_refused(400, "authorization.question");
    let devices =
        json!({"subject": {"type": "Device"}, "action": {"name": "view"}, "resource": {"type": "record", "id": "101"}});
    let answer = library.asks(&mut client, "/access/v1/search/subject", &devices.to_string());
    answer.is_refused(501, "authorization.search");
}

#[test]
fn d7_metadata_says_where_everything_is_to_whoever_asks() {
    let library = library();
    let answer = library.gate.client().send(
        "GET",
        "/.well-known/authzen-configuration",
        &[("X-Request-ID", "a b")],
        b"",
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-request-id"), Some("a b"));
    let document = answer.json();
    assert_eq!(document["policy_decision_point"], "https://pdp.example");
    assert_eq!(
        document["search_subject_endpoint"],
        "https://pdp.example/access/v1/search/subject"
    );
    assert_eq!(document.as_object().unwrap().len(), 6);
    let of_others =
        library
            .gate
            .client()
            .host("other.example")
            .send("GET", "/.well-known/authzen-configuration", &[], b"");
    assert_eq!(of_others.status, 421);
    assert_eq!(
        library
            .gate
            .client()
            .host("pdp.example")
            .send("GET", "/.well-known/authzen-configuration", &[], b"")
            .status,
        200
    );
}

const BANK: &str = r#"
@id("owners") permit (principal, action == Action::"readAccount", resource is Account)
when { resource has owner && resource.owner == principal };
@id("frozen") forbid (principal, action == Action::"readAccount", resource is Account)
when { resource has frozen && resource.frozen };
@id("at-home") permit (principal, action == Action::"listAccounts", resource is Api) when { context.address.isLoopback() };
"#;

fn bank_contract() -> String {
    let list = "  /accounts:\n    get: {operationId: listAccounts, responses: {'200': {description: ok}}}\n";
    contract(&[("readAccount", "Account")]) + list
}

fn bank(point: &str) -> Asked {
    let authorization =
        "policies: [policies.cedar], entities: entities.json, resources: {Account: {owner: User, frozen: boolean}}";
    let owner = json!({"__entity": {"type": "User", "id": "alice"}});
    let entities = json!([
        entity("Account", "1", json!({"owner": owner}), &[]),
        entity("Account", "2", json!({"owner": owner, "frozen": true}), &[]),
    ]);
    Asked::start(&setup(&bank_contract(), authorization, point), BANK, &entities)
}

fn reads(who: &str, account: &str) -> Value {
    json!({"subject": {"type": "User", "id": who}, "action": {"name": "readAccount"}, "resource": {"type": "Account", "id": account}})
}

#[test]
fn d7_only_who_proves_to_be_an_enforcement_point_is_answered() {
    let bank = bank(TOKENS);
    let body = reads("alice", "1").to_string();
    let good = bank.authorization("decide");
    let check = |authorization: Option<&str>, status: u16, code: &str| {
        let mut fields = vec![("Content-Type", "application/json"), ("X-Request-ID", "bfe9eb29")];
        fields.extend(authorization.map(|value| ("Authorization", value)));
        for path in [
            "evaluation",
            "evaluations",
            "search/subject",
            "search/resource",
            "search/action",
        ] {
            let answer = bank
                .gate
                .client()
                .send("POST", &format!("/access/v1/{path}"), &fields, body.as_bytes());
            answer.is_refused_as(path, status, code);
            assert_eq!(answer.header("x-request-id"), Some("bfe9eb29"), "{path}");
            assert_eq!(
                answer.header("www-authenticate").is_some(),
                status == 401 || status == 403
            );
        }
    };
    check(None, 401, "authentication.required");
    check(Some("Bearer nonsense"), 401, "authentication.required");
    check(Some(&bank.authorization("things.read")), 403, "authorization.scope");
    let fields = [
        ("Authorization", good.as_str()),
        ("Content-Type", "application/json"),
        ("X-Request-ID", "bfe9eb29"),
    ];
    let answer = bank
        .gate
        .client()
        .send("POST", "/access/v1/evaluation", &fields, body.as_bytes());
    assert_eq!((answer.status, answer.header("x-request-id")), (200, Some("bfe9eb29")));
    // Without a URL it says nothing of itself.
    assert_eq!(bank.gate.get("/.well-known/authzen-configuration").status, 404);
    // Others answer as before, and repeat nothing.
    let other = bank
        .gate
        .client()
        .send("GET", "/accounts", &[("X-Request-ID", "1")], b"");
    assert!(other.header("x-request-id").is_none());
}

#[test]
fn d7_what_is_no_question_is_refused() {
    let bank = bank(TOKENS);
    let check = |path: &str, body: &str, status: u16, code: &str| {
        let answer = bank.asks(&mut bank.gate.client(), path, body);
        answer.is_refused_as(body, status, code);
    };
    let one = "/access/v1/evaluation";
    check(one, "{", 400, "contract.body.syntax");
    check(
        one,
        r#"{"subject":{"type":"User","id":"a"},"action":{"name":"x"}}"#,
        400,
        "contract.body.required",
    );
    check(one, &reads("", "1").to_string(), 400, "contract.body.length");
    let twice =
        r#"{"subject":{"type":"User","id":"a","id":"b"},"action":{"name":"x"},"resource":{"type":"t","id":"1"}}"#;
    check(one, twice, 400, "contract.body.duplicate");
    let twice = r#"{"subject":{"type":"User","id":"a","properties":{"x":{"y":1,"y":2}}},"action":{"name":"x"},"resource":{"type":"t","id":"1"}}"#;
    check(one, twice, 400, "contract.body.duplicate");
    let mut deep = reads("alice", "1");
    let nested = (0..20).fold(json!(1), |inner, _| json!([inner]));
    deep["context"] = json!({"x": nested});
    check(one, &deep.to_string(), 400, "authorization.question");
    check(
        one,
        &reads(&"é".repeat(1000), "1").to_string(),
        400,
        "authorization.question",
    );
    let several = "/access/v1/evaluations";
    check(several, r#"{"evaluations":[]}"#, 400, "contract.body.required");
    check(
        several,
        r#"{"subject":{"type":"User","id":"a"}}"#,
        400,
        "contract.body.required",
    );
    let semantic = json!({"evaluations": [reads("a", "1")], "options": {"evaluations_semantic": "any"}});
    check(several, &semantic.to_string(), 400, "contract.body.enum");
    let many = json!({"evaluations": vec![reads("a", "1"); 1001]});
    check(several, &many.to_string(), 400, "contract.body.count");
    check(one, &"x".repeat(2 << 20), 413, "http.body_too_large");
    let fields = [
        ("Authorization", bank.authorization("decide")),
        ("Content-Type", "text/plain".to_owned()),
    ];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let text = bank
        .gate
        .client()
        .send("POST", one, &fields, reads("alice", "1").to_string().as_bytes());
    text.is_refused(415, "contract.body.media_type");
    assert_eq!(bank.gate.client().send("GET", one, &fields[..1], b"").status, 405);
    // What AuthZEN does not know means nothing.
    let mut odd = reads("alice", "1");
    odd["other"] = json!(1);
    odd["subject"]["group"] = json!("x");
    assert_eq!(bank.decides(&odd), json!({"decision": true}));
}

#[test]
fn d7_each_semantic_ends_where_it_says() {
    let bank = bank(TOKENS);
    let asked = |semantic: &str| {
        let resource = |id: &str| json!({"resource": {"type": "Account", "id": id}});
        let mut request = reads("alice", "1");
        request["evaluations"] =
            json!([{}, resource("2"), resource("1"), {"resource": {"type": "Account", "id": "9"}}]);
        request["options"] = json!({"evaluations_semantic": semantic});
        let answer = bank.answers(&mut bank.gate.client(), "/access/v1/evaluations", &request);
        let answers = answer["evaluations"].as_array().unwrap().clone();
        answers
            .iter()
            .map(|answer| answer["decision"].as_bool().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(asked("execute_all"), [true, false, true, false]);
    assert_eq!(asked("deny_on_first_deny"), [true, false]);
    assert_eq!(asked("permit_on_first_permit"), [true]);
}

#[test]
fn d7_what_the_question_says_counts_and_why_is_told_where_that_is_wanted() {
    let bank = bank(&format!("{TOKENS}, reasons: true"));
    let mut asked = reads("alice", "2");
    assert_eq!(
        bank.decides(&asked),
        json!({"decision": false, "context": {"reason_admin": {"en": "cedar:frozen"}}})
    );
    asked = reads("mallory", "1");
    assert_eq!(bank.decides(&asked)["context"]["reason_admin"]["en"], "nothing-permits");
    // Nobody is made the owner of what has another one.
    asked["resource"]["properties"] = json!({"owner": "mallory"});
    assert_eq!(bank.decides(&asked)["decision"], false);
    asked["resource"] = json!({"type": "Account", "id": "unknown", "properties": {"owner": "mallory"}});
    assert_eq!(
        bank.decides(&asked),
        json!({"decision": true, "context": {"reason_admin": {"en": "cedar:owners"}}})
    );
    let mut lists = json!({"subject": {"type": "User", "id": "a"}, "action": {"name": "listAccounts"}, "resource": {"type": "Api", "id": "api"}});
    assert_eq!(
        bank.decides(&lists)["decision"],
        false,
        "nothing is known of the address of the caller"
    );
    lists["context"] = json!({"address": "127.0.0.1"});
    assert_eq!(bank.decides(&lists)["decision"], true);
    lists["context"] = json!({"address": "192.0.2.1"});
    assert_eq!(bank.decides(&lists)["decision"], false);
}

/// What a policy for everything permits all the same, no request can be.
#[test]
fn d7_what_nobody_ever_asks_is_denied_and_why_is_told() {
    let authorization = "policies: [policies.cedar], entities: entities.json, resources: {Account: {owner: User}}";
    let point = format!("{TOKENS}, reasons: true");
    let everything = "permit (principal, action, resource);";
    let bank = Asked::start(&setup(&bank_contract(), authorization, &point), everything, &json!([]));
    let decides = |subject: &str, action: &str, kind: &str, id: &str| {
        let asked = json!({"subject": {"type": subject, "id": "a"}, "action": {"name": action}, "resource": {"type": kind, "id": id}});
        let decided = bank.decides(&asked);
        let why = decided["context"]["reason_admin"]["en"].as_str().unwrap().to_owned();
        (decided["decision"].as_bool().unwrap(), why)
    };
    assert!(decides("User", "readAccount", "Account", "1").0);
    assert!(decides("User", "listAccounts", "Api", "api").0);
    for (subject, action, kind, id, expected) in [
        ("User", "readAccount", "Api", "api", "resource-type-not-of-action: "),
        ("User", "listAccounts", "Account", "1", "resource-type-not-of-action: "),
        ("User", "listAccounts", "Api", "other", "api-unknown: "),
        ("User", "readAccount", "Vault", "1", "resource-type-unknown: "),
        ("User", "readAcount", "Account", "1", "action-unknown: "),
        ("Robot", "readAccount", "Account", "1", "subject-type-unknown: "),
    ] {
        let (permitted, why) = decides(subject, action, kind, id);
        assert!(
            !permitted && why.starts_with(expected),
            "{subject} {action} {kind} {id}: {why}"
        );
    }
    bank.gate.logs(&["a decision point was asked what nobody asks"]);
    // Nor does a search find it.
    let asked = json!({"subject": {"type": "User", "id": "a"}, "resource": {"type": "Account", "id": "1"}});
    let found = bank.answers(&mut bank.gate.client(), "/access/v1/search/action", &asked);
    assert_eq!(found["results"], json!([{"name": "readAccount"}]));
}

#[test]
fn d7_policies_that_are_reloaded_decide_at_once() {
    let bank = bank(TOKENS);
    let mut client = bank.gate.client();
    let path = "/access/v1/evaluation";
    assert_eq!(bank.answers(&mut client, path, &reads("alice", "1"))["decision"], true);
    let applied = bank.gate.metric(&["portcullis_reloads_total", "applied"]);
    bank.gate.directory.write(
        "policies.cedar",
        &BANK.replace(
            "permit (principal, action == Action::\"readAccount\"",
            "forbid (principal, action == Action::\"readAccount\"",
        ),
    );
    until("the policies are reloaded", || {
        bank.gate.metric(&["portcullis_reloads_total", "applied"]) > applied
    });
    assert_eq!(bank.answers(&mut client, path, &reads("alice", "1"))["decision"], false);
}

#[test]
fn d7_an_api_key_asks_and_the_gate_counts_and_limits() {
    let kept = "credentials: {store: credentials.db, secret: credentials.jwks}";
    let point =
        "security_schemes: {keys: {api_keys: true}}, policy: {rate_limits: [{name: address, requests: 5, per: 1h}]}";
    let authorization =
        "policies: [policies.cedar], entities: entities.json, resources: {Account: {owner: User, frozen: boolean}}";
    let directory = setup(&bank_contract(), authorization, point).with(kept).written();
    directory.write("keys.json", &key_set(&[&Issuer::new("one")]));
    directory.write("policies.cedar", BANK);
    directory.write("entities.json", "[]");
    let issued = run(
        &directory.0,
        &["key", "issue", "--owner", "pep", "-c", "gate.yaml", "--json"],
    );
    assert!(issued.status.success(), "{}", String::from_utf8_lossy(&issued.stderr));
    let issued: Value = serde_json::from_slice(&issued.stdout).unwrap();
    let key = issued["credential"].as_str().unwrap().to_owned();
    let gate = Gate::start(directory);
    let fields = [("X-API-Key", key.as_str()), ("Content-Type", "application/json")];
    let mut client = gate.client();
    let body = reads("alice", "1").to_string();
    for _ in 0..5 {
        let answer = client.send("POST", "/access/v1/evaluation", &fields, body.as_bytes());
        assert_eq!((answer.status, answer.json()), (200, json!({"decision": false})));
    }
    client
        .send("POST", "/access/v1/evaluation", &fields, body.as_bytes())
        .is_refused(429, "rate.exceeded");
    assert!(gate.metric(&["portcullis_requests_total", "api=\"pdp\"", "operation=\"evaluation\""]) >= 6.0);
}

/// What is told of a gate with these decision points.
fn told(points: &str, listen: &str) -> String {
    let directory = Directory::new();
    directory.write("api.yaml", &bank_contract());
    directory.write("policies.cedar", "permit (principal, action, resource);");
    directory.write("keys.json", &key_set(&[&Issuer::new("one")]));
    // A file of users that has none is an error of its own.
    let users = if points.contains("users:") {
        "users: [{name: staff, file: users}]"
    } else {
        ""
    };
    directory.write_secret("users", "");
    directory.write(
        "open.yaml",
        "openapi: 3.1.0\ninfo: {title: A, version: '1'}\npaths: {/a: {get: {responses: {'200': {description: ok}}}}}\n",
    );
    let configuration = format!(
        "listen: {listen}\n{ISSUERS}\n{users}\nauthzen: [{points}]\napis:\n  - {{name: api, contract: api.yaml, upstream: \
         'http://127.0.0.1:9', authorization: {{policies: [policies.cedar]}}}}\n  - {{contract: open.yaml, upstream: \
         'http://127.0.0.1:9'}}\n"
    );
    directory.write("gate.yaml", &configuration);
    let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[test]
fn the_name_that_decision_points_of_the_gate_had_leads_to_the_one_that_they_have() {
    let told = told("]\ndecision_points: [", "127.0.0.1:8080");
    assert!(told.contains("unknown key `decision_points`"), "{told}");
    assert!(told.contains("did you mean `authzen`?"), "{told}");
}

#[test]
fn d7_a_decision_point_that_is_open_or_decides_nothing_is_an_error() {
    let check = |point: &str, listen: &str, expected: &str| {
        let told = told(&format!("{{name: pdp, {point}}}"), listen);
        assert!(told.contains(expected), "{point}: {told}");
    };
    let home = "127.0.0.1:8080";
    check("for: api", home, "nobody is asked who they are");
    let open = "for: api, dangerous_unauthenticated: true";
    check(
        open,
        "0.0.0.0:8080",
        "everybody may ask, and `0.0.0.0:8080` is not loopback",
    );
    let both = "[{address: 127.0.0.1:8080, name: own}, {address: '0.0.0.0:8081', name: all}]";
    check(open, both, "`0.0.0.0:8081` is not loopback");
    let tokens = "security_schemes: {t: {issuers: [main]}}";
    check(&format!("for: apo, {tokens}"), home, "did you mean `api`?");
    check(&format!("for: open, {tokens}"), home, "nobody decides for `open`");
    check(&format!("for: pdp, {tokens}"), home, "nobody decides for `pdp`");
    check(
        &format!("for: api, url: 'http://pdp.example', {tokens}"),
        home,
        "is not reached over TLS",
    );
    check(
        "for: api, security_schemes: {u: {users: staff}}",
        home,
        "`u` takes passwords",
    );
    check(
        "for: api, security_schemes: {u: {dangerous_unverified: true}}",
        home,
        "nobody verifies `u`",
    );
    check(
        "for: api, security_schemes: {u: {issuers: [main], forward: true}}",
        home,
        "`u` goes nowhere",
    );
    check(&format!("{open}, {tokens}"), home, "take one of the two out");
    let types = |named: &str| format!("for: api, {tokens}, {named}");
    check(&types("subject_types: {user: Usr}"), home, "no caller is a `Usr`");
    check(&types("subject_types: {user: Usr}"), home, "did you mean `User`?");
    check(
        &types("resource_types: {thing: Thing}"),
        home,
        "no request names a `Thing`",
    );
    let fine = |point: &str, listen: &str| {
        let told = told(&format!("{{name: pdp, {point}}}"), listen);
        assert!(!told.contains("error"), "{point}: {told}");
    };
    fine(open, home);
    fine(&format!("{open}, policy: {{listeners: [own]}}"), both);
    fine(&format!("for: api, {tokens}"), "0.0.0.0:8080");
    fine(&types("subject_types: {user: User}, resource_types: {api: Api}"), home);
}
