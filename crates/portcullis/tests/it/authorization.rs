//! What callers may do: roles and policies about operations, and about the resources that requests name.

use std::time::Duration;

use serde_json::{Value, json};

use crate::gate::{Directory, Gate, Setup, run, until};
use crate::identity_upstream::{events_at, streaming};
use crate::tokens::{Issuer, key_set};
use crate::upstream::Upstream;
use crate::wire::Answer;

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Bank, version: '1'}
security: [{bearer: []}]
paths:
  /accounts:
    get: {operationId: listAccounts, tags: [overview], responses: {'200': {$ref: '#/components/responses/any'}}}
  /accounts/{account}:
    parameters: [{name: account, in: path, required: true, schema: {type: string}}]
    x-portcullis: {resources: [{type: Account, path: account}]}
    get: {operationId: readAccount, responses: {'200': {$ref: '#/components/responses/any'}}}
    put: {operationId: editAccount, requestBody: {$ref: '#/components/requestBodies/account'}, responses: {'200': {$ref: '#/components/responses/any'}}}
    delete: {operationId: deleteAccount, responses: {'200': {$ref: '#/components/responses/any'}}}
  /events:
    get:
      operationId: watchAccount
      parameters: [{name: account, in: query, required: true, schema: {type: string}}]
      x-portcullis: {resources: [{type: Account, query: account}]}
      responses: {'200': {description: events, content: {text/event-stream: {schema: {type: string}}}}}
  /payments:
    post:
      operationId: pay
      x-portcullis: {resources: [{type: Account, body: /from}, {type: Approval, query: approval, optional: true}]}
      parameters: [{name: approval, in: query, schema: {type: string}}]
      requestBody: {content: {application/json: {schema: {type: object, properties: {from: {type: string}, to: {type: string}}}}}}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /rates:
    get: {operationId: readRates, security: [], responses: {'200': {$ref: '#/components/responses/any'}}}
  /audit:
    get: {operationId: readAudit, responses: {'200': {$ref: '#/components/responses/any'}}}
  /batches:
    post:
      operationId: payAll
      x-portcullis: {resources: [{type: Account, body: /payments/*/from}]}
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties: {payments: {type: array, items: {type: object, properties: {from: {type: [string, integer]}}}}}
      responses: {'200': {$ref: '#/components/responses/any'}}
  /vaults/{vault}:
    parameters: [{name: vault, in: path, required: true, schema: {type: integer}}]
    x-portcullis: {resources: [{type: Vault, path: vault}]}
    get: {operationId: openVault, responses: {'200': {$ref: '#/components/responses/any'}}}
components:
  requestBodies:
    account: {content: {application/json: {schema: {type: object, properties: {limit: {type: integer}}}}}}
  responses:
    any: {description: any, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  securitySchemes: {bearer: {type: http, scheme: bearer}}
";
const POLICIES: &str = r#"
@id("owners") permit (principal, action in [Action::"readAccount", Action::"pay", Action::"payAll"], resource is Account)
when { resource has owner && resource.owner == principal };
@id("jean") permit (principal == User::"jean", action == Action::"readAccount", resource == Account::"123");
@id("frozen") forbid (principal, action == Action::"pay", resource is Account)
when { resource has frozen && resource.frozen };
@id("vaults") permit (principal, action == Action::"openVault", resource);
@id("sealed") forbid (principal, action == Action::"openVault", resource == Vault::"7");
@id("tellers") permit (principal in Group::"tellers", action in Action::"tag:overview", resource is Api);
@id("auditors") permit (principal, action == Action::"readAudit", resource is Api)
when { principal has department && principal.department == "audit" && context.address.isLoopback() };
"#;
const AUTHORIZATION: &str = "authorization: {policies: [bank.cedar], entities: entities.json, claims: {department: string}, \
                             groups_claim: groups, resources: {Account: {owner: User, frozen: boolean}}}";

struct Bank {
    gate: Gate,
    issuer: Issuer,
}

fn entities() -> Value {
    let account =
        |id: &str, attributes: Value| json!({"uid": {"type": "Account", "id": id}, "attrs": attributes, "parents": []});
    let alice = json!({"__entity": {"type": "User", "id": "alice"}});
    json!([
        account("1", json!({"owner": alice})),
        account("2", json!({"owner": alice, "frozen": true})),
        account("123", json!({"frozen": false})),
    ])
}

fn setup(upstream: &Upstream, authorization: &str) -> Setup {
    Setup::new(CONTRACT, upstream.address)
        .with(
            "issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], \
             keys: {file: keys.json}}]",
        )
        .with_api("security_schemes: {bearer: {issuers: [main]}}")
        .with_api(authorization)
}

fn written(setup: &Setup, issuer: &Issuer) -> Directory {
    let directory = setup.written();
    directory.write("keys.json", &key_set(&[issuer]));
    directory.write("bank.cedar", POLICIES);
    directory.write("entities.json", &entities().to_string());
    directory
}

impl Bank {
    fn start(upstream: &Upstream, authorization: &str) -> Self {
        let issuer = Issuer::new("one");
        let gate = Gate::start(written(&setup(upstream, authorization), &issuer));
        Self { gate, issuer }
    }

    fn send(&self, caller: &Value, method: &str, target: &str, body: &Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send_text(caller, method, target, &body)
    }

    fn send_text(&self, caller: &Value, method: &str, target: &str, body: &str) -> Answer {
        let authorization = format!("Bearer {}", self.issuer.token_with("at+jwt", caller.clone()));
        let mut fields = vec![("Authorization", authorization.as_str())];
        if !body.is_empty() {
            fields.push(("Content-Type", "application/json"));
        }
        self.gate.client().send(method, target, &fields, body.as_bytes())
    }

    #[track_caller]
    fn may(&self, who: &str, method: &str, target: &str, body: &Value) {
        let answered = self.send(&json!({ "sub": who }), method, target, body);
        assert_eq!(
            answered.status,
            200,
            "{who} {method} {target} {body}: {}",
            answered.text()
        );
    }

    /// Why, for operators.
    #[track_caller]
    fn may_not(&self, who: &Value, method: &str, target: &str, body: &Value) -> String {
        let before = self.gate.log_of_requests().len();
        let what = format!("{who} {method} {target} {body}");
        let answered = self.send(who, method, target, body);
        answered.is_refused_as(&what, 403, "authorization.denied");
        assert!(
            answered.header("www-authenticate").is_none(),
            "no other credential would help"
        );
        until("the refusal is logged", || self.gate.log_of_requests().len() > before);
        let line = self.gate.log_of_requests().pop().unwrap();
        line["place"].as_str().unwrap().to_owned()
    }
}

#[test]
fn d4_whoever_may_read_an_account_may_neither_edit_nor_delete_it() {
    let upstream = Upstream::with_json("{}");
    let bank = Bank::start(&upstream, AUTHORIZATION);
    let (jean, none) = (json!({"sub": "jean"}), Value::Null);
    bank.may("jean", "GET", "/accounts/123", &none);
    assert_eq!(upstream.seen().len(), 1);
    for (method, target, body) in [
        ("PUT", "/accounts/123", json!({"limit": 1})),
        ("DELETE", "/accounts/123", Value::Null),
        ("GET", "/accounts/1", Value::Null),
        ("GET", "/accounts/0123", Value::Null),
        ("GET", "/accounts/unknown", Value::Null),
        ("GET", "/accounts", Value::Null),
    ] {
        assert_eq!(bank.may_not(&jean, method, target, &body), "nothing-permits");
    }
    // A name is written in one way.
    let odd = bank.send(&jean, "GET", "/accounts/%3123", &none);
    odd.is_refused(400, "http.path");
    assert_eq!(upstream.seen().len(), 1, "nothing of it went on");
}

#[test]
fn d4_a_resource_that_the_body_names_is_decided_on_like_any_other() {
    let upstream = Upstream::with_json("{}");
    let bank = Bank::start(&upstream, AUTHORIZATION);
    let (alice, mallory) = (json!({"sub": "alice"}), json!({"sub": "mallory"}));
    let from = |account: &str| json!({"from": account, "to": "9"});
    bank.may("alice", "POST", "/payments", &from("1"));
    assert_eq!(bank.may_not(&alice, "POST", "/payments", &from("2")), "cedar:frozen");
    assert_eq!(
        bank.may_not(&mallory, "POST", "/payments", &from("1")),
        "nothing-permits"
    );
    assert_eq!(
        bank.may_not(&alice, "POST", "/payments", &json!({"to": "9"})),
        "resource-missing"
    );
    let null = json!({"from": null});
    assert_eq!(
        bank.send(&alice, "POST", "/payments", &null).status,
        400,
        "the contract goes before"
    );
    // What may be left out is decided on where it is there.
    assert_eq!(
        bank.may_not(&alice, "POST", "/payments?approval=7", &from("1")),
        "nothing-permits"
    );
    assert_eq!(
        bank.may_not(&alice, "POST", "/payments?approval=", &from("1")),
        "resource-unreadable"
    );
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn d4_every_item_of_a_list_is_decided_on() {
    let upstream = Upstream::with_json("{}");
    let bank = Bank::start(&upstream, AUTHORIZATION);
    let alice = json!({"sub": "alice"});
    let all = |accounts: &[Value]| {
        let payments: Vec<Value> = accounts.iter().map(|account| json!({ "from": account })).collect();
        json!({ "payments": payments })
    };
    bank.may("alice", "POST", "/batches", &all(&[json!("1"), json!(1), json!("1")]));
    for (accounts, why) in [
        (vec![json!("1"), json!("123"), json!("1")], "nothing-permits"),
        (vec![json!("1"), json!(1.0)], "resource-unreadable"),
        (vec![], "resource-missing"),
        ((1..=101).map(Value::from).collect(), "resources-too-many"),
    ] {
        assert_eq!(bank.may_not(&alice, "POST", "/batches", &all(&accounts)), why);
    }
    let one_without = json!({"payments": [{"from": "1"}, {}]});
    assert_eq!(
        bank.may_not(&alice, "POST", "/batches", &one_without),
        "resource-unreadable"
    );
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn authz_1_a_resource_has_one_name() {
    let upstream = Upstream::with_json("{}");
    for mode in ["enforce", "observe"] {
        let issuer = Issuer::new("one");
        let policy = format!("policy: {{modes: {{contract_in: {mode}}}}}");
        let gate = Gate::start(written(&setup(&upstream, AUTHORIZATION).with_api(&policy), &issuer));
        let bank = Bank { gate, issuer };
        let get = |target: &str| bank.send(&json!({"sub": "eve"}), "GET", target, &Value::Null).status;
        assert_eq!((get("/vaults/8"), get("/vaults/7")), (200, 403));
        for odd in ["7.0", "70e-1", "07", "%37", "+7"] {
            let status = get(&format!("/vaults/{odd}"));
            assert!(matches!(status, 400 | 403), "{odd}: {status}");
        }
        for odd in [
            "account=1&account=1",
            "account=1&x=;account=2",
            "account=1&account[]=2",
            "account=1&Account=2",
        ] {
            let target = format!("/events?{odd}");
            if mode == "enforce" {
                assert_eq!(get(&target), 400, "{odd}");
                continue;
            }
            // Whoever may watch nothing is denied anyway: what counts is why.
            let why = bank.may_not(&json!({"sub": "eve"}), "GET", &target, &Value::Null);
            assert_eq!(why, "resource-unreadable", "{odd}");
        }
        for odd in [
            r#"{"from":"2","from":"1"}"#,
            r#"{"from":"1","fr\u006fm":"2"}"#,
            r#"{"from":["1"]}"#,
            r#"{"from":"1"}{"from":"2"}"#,
        ] {
            let status = bank
                .send_text(&json!({"sub": "alice"}), "POST", "/payments", odd)
                .status;
            assert!(matches!(status, 400 | 403), "{odd}: {status}");
        }
        assert!(upstream.one().line.contains("/vaults/8"), "nothing else went on");
    }
}

#[test]
fn d3_claims_groups_and_addresses_are_attributes() {
    let upstream = Upstream::with_json("{}");
    let bank = Bank::start(&upstream, AUTHORIZATION);
    let status = |claims: Value, target: &str| bank.send(&claims, "GET", target, &Value::Null).status;
    assert_eq!(status(json!({"sub": "t", "groups": ["tellers"]}), "/accounts"), 200);
    assert_eq!(status(json!({"sub": "t", "groups": "tellers"}), "/accounts"), 200);
    assert_eq!(status(json!({"sub": "t", "groups": ["tellers "]}), "/accounts"), 403);
    assert_eq!(status(json!({"sub": "t"}), "/accounts"), 403);
    assert_eq!(status(json!({"sub": "a", "department": "audit"}), "/audit"), 200);
    assert_eq!(status(json!({"sub": "a", "department": "sales"}), "/audit"), 403);
    // A claim of another type than it is said to be tells nothing.
    assert_eq!(status(json!({"sub": "a", "department": ["audit"]}), "/audit"), 403);
    // Nobody becomes somebody else by a claim that the gate writes itself.
    assert_eq!(
        status(
            json!({"sub": "a", "authority": "other", "scopes": ["x"], "credentials": ["certificate"]}),
            "/audit"
        ),
        403
    );
    // Whoever proves nothing may do what the contract asks nothing for.
    assert_eq!(bank.gate.client().send("GET", "/rates", &[], b"").status, 200);
    bank.gate
        .client()
        .send("GET", "/audit", &[], b"")
        .is_refused(401, "authentication.required");
}

const ROLES: &str = "\
roles:
  teller: {operations: [listAccounts, readAccount]}
  auditor: {inherits: [teller], operations: [readAudit]}
assignments:
  - {role: teller, group: tellers}
  - {role: auditor, subject: ada, when: {networks: [127.0.0.0/8]}}
  - {role: auditor, subject: eve, when: {networks: [192.0.2.0/24]}}
  - {role: auditor, subject: bot, subject_type: Client}
";

#[test]
fn http_11_a_stream_ends_soon_after_policies_permit_it_no_more() {
    const WATCH: &str = "permit (principal, action == Action::\"watchAccount\", resource == Account::\"1\");\n\
                         permit (principal, action == Action::\"watchAccount\", resource == Account::\"2\");\n";
    let (upstream, issuer) = (Upstream::start(streaming), Issuer::new("one"));
    let directory = written(&setup(&upstream, AUTHORIZATION), &issuer);
    directory.write("bank.cedar", WATCH);
    let gate = Gate::start(directory);
    let authorization = format!("Bearer {}", issuer.token());
    let watch = |account: &str| {
        events_at(
            &gate,
            &format!("/events?account={account}"),
            &[("Authorization", &authorization)],
        )
    };
    std::thread::scope(|scope| {
        let (one, two) = (scope.spawn(|| watch("1")), scope.spawn(|| watch("2")));
        std::thread::sleep(Duration::from_millis(500));
        let (_, other) = WATCH.split_once('\n').unwrap();
        gate.directory.write("bank.cedar", other);
        let (whole, seconds) = one.join().unwrap();
        assert!(!whole && seconds < 9.0, "{seconds}");
        std::thread::sleep(Duration::from_secs(1));
        assert!(!two.is_finished(), "another account is still permitted");
        gate.directory.write("bank.cedar", POLICIES);
        two.join().unwrap();
    });
}

#[test]
fn d2_roles_are_needed_for_an_operation_and_never_enough_for_a_resource() {
    let upstream = Upstream::with_json("{}");
    let (issuer, authorization) = (
        Issuer::new("one"),
        AUTHORIZATION.replace("{policies", "{roles: roles.yaml, policies"),
    );
    let directory = written(&setup(&upstream, &authorization), &issuer);
    directory.write("roles.yaml", ROLES);
    let gate = Gate::start(directory);
    let bank = Bank { gate, issuer };
    let status = |claims: Value, target: &str| bank.send(&claims, "GET", target, &Value::Null).status;
    assert_eq!(status(json!({"sub": "t", "groups": ["tellers"]}), "/accounts"), 200);
    assert_eq!(status(json!({"sub": "ada"}), "/audit"), 200);
    assert_eq!(
        status(json!({"sub": "ada"}), "/accounts"),
        200,
        "an auditor is a teller as well"
    );
    assert_eq!(status(json!({"sub": "eve"}), "/audit"), 403, "from elsewhere only");
    // Whoever registers a client may call it ada: it is no user of that name.
    assert_eq!(status(json!({"sub": "ada", "client_id": "ada"}), "/audit"), 403);
    assert_eq!(status(json!({"sub": "bot", "client_id": "bot"}), "/audit"), 200);
    assert_eq!(
        status(json!({"sub": "bot"}), "/audit"),
        403,
        "nor is the user the client"
    );
    // Roles let ask about accounts; which ones, policies say.
    assert_eq!(
        status(json!({"sub": "alice", "groups": ["tellers"]}), "/accounts/1"),
        200
    );
    assert_eq!(status(json!({"sub": "t", "groups": ["tellers"]}), "/accounts/1"), 403);
    assert_eq!(
        status(json!({"sub": "alice"}), "/accounts/1"),
        403,
        "an owner without a role"
    );
    // Operators are told which role is wanted, callers nothing.
    let why = |claims: Value, target: &str| bank.may_not(&claims, "GET", target, &Value::Null);
    assert_eq!(
        why(json!({"sub": "alice"}), "/accounts/1"),
        "no-role: auditor or teller"
    );
    assert_eq!(
        why(json!({"sub": "t", "groups": ["tellers"]}), "/accounts/1"),
        "nothing-permits"
    );
    assert_eq!(
        why(json!({"sub": "eve"}), "/audit"),
        "nothing-permits, no-role: auditor"
    );
    assert_eq!(why(json!({"sub": "ada"}), "/vaults/7"), "no-role: none may do it");
}

#[test]
fn d2_roles_need_no_claim_to_be_named_twice() {
    let upstream = Upstream::with_json("{}");
    let issuer = Issuer::new("one");
    let directory = written(
        &setup(&upstream, "authorization: {roles: roles.yaml, policies: [all.cedar]}"),
        &issuer,
    );
    directory.write("roles.yaml", ROLES);
    directory.write("all.cedar", "permit (principal, action, resource is Account);");
    let gate = Gate::start(directory);
    let bank = Bank { gate, issuer };
    let status = |claims: Value| bank.send(&claims, "GET", "/accounts", &Value::Null).status;
    assert_eq!(status(json!({"sub": "t", "groups": ["tellers"]})), 200);
    assert_eq!(status(json!({"sub": "t", "groups": ["others"]})), 403);
}

#[test]
fn d6_observing_tells_what_would_be_denied_and_a_reload_puts_policies_in_force() {
    let upstream = Upstream::with_json("{}");
    let issuer = Issuer::new("one");
    let setup = setup(&upstream, AUTHORIZATION).with_api("policy: {modes: {authorization: observe}}");
    let gate = Gate::start(written(&setup, &issuer));
    let bank = Bank { gate, issuer };
    bank.may("jean", "DELETE", "/accounts/123", &Value::Null);
    let observed = ["portcullis_would_refuse_total", "authorization.denied"];
    until("it is counted", || bank.gate.metric(&observed) >= 1.0);
    let directory = &bank.gate.directory;
    directory.write(
        "gate.yaml",
        &directory
            .read("gate.yaml")
            .replace("authorization: observe", "authorization: enforce"),
    );
    bank.gate.signal("-HUP");
    let status = |who: &str| {
        bank.send(&json!({ "sub": who }), "DELETE", "/accounts/123", &Value::Null)
            .status
    };
    until("it is enforced", || status("jean") == 403);
    // A change of the policies is a reason to reload; one that cannot be used changes nothing.
    directory.write(
        "bank.cedar",
        &POLICIES.replace("readAccount\", resource ==", "deleteAccount\", resource =="),
    );
    until("the new policies are in force", || status("jean") == 200);
    directory.write(
        "bank.cedar",
        "permit (principal, action, resource) when { principal.rank > 3 };",
    );
    until("it is told", || {
        bank.gate.log().iter().any(|line| line.contains("rank"))
    });
    assert_eq!((status("jean"), status("alice")), (200, 403));
}

#[track_caller]
fn is_an_error(authorization: &str, change: impl Fn(&Directory), expected: &[&str]) {
    let upstream = Upstream::with_json("{}");
    let directory = written(&setup(&upstream, authorization), &Issuer::new("one"));
    directory.write("roles.yaml", ROLES);
    change(&directory);
    let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
    let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    for words in expected {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn d5_what_cannot_be_decided_is_an_error_before_anything_is_served() {
    let as_it_is = |_: &Directory| {};
    is_an_error("authorization: {}", as_it_is, &["every request would be denied"]);
    is_an_error(
        "dangerous_unverified_schemes: false",
        as_it_is,
        &["nobody decides who may touch a `Account`", "api.yaml:9"],
    );
    is_an_error(
        "authorization: {policies: [none.cedar]}",
        as_it_is,
        &["cannot read `none.cedar`", "gate.yaml"],
    );
    is_an_error(
        &AUTHORIZATION.replace("department: string", "scopes: strings"),
        as_it_is,
        &["`scopes` is what the gate itself knows"],
    );
    let policy = |text: &'static str| move |directory: &Directory| drop(directory.write("bank.cedar", text));
    is_an_error(AUTHORIZATION, policy("permit (principal, action"), &["bank.cedar:1"]);
    let misspelt = "permit (principal, action == Action::\"readAcount\", resource);";
    is_an_error(AUTHORIZATION, policy(misspelt), &["bank.cedar:1", "readAcount"]);
    let unknown = "permit (principal, action, resource) when { principal.rank == 1 };";
    is_an_error(AUTHORIZATION, policy(unknown), &["bank.cedar:1", "rank"]);
    let roles = AUTHORIZATION.replace("{policies", "{roles: roles.yaml, policies");
    let role = |from: &'static str, to: &'static str| {
        move |directory: &Directory| drop(directory.write("roles.yaml", &ROLES.replace(from, to)))
    };
    is_an_error(&roles, role("readAudit", "readAudits"), &["roles.yaml", "readAudits"]);
    is_an_error(&roles, role("inherits", "inherit"), &["roles.yaml:3", "inherit"]);
    let contract = |from: &'static str, to: &'static str| {
        move |directory: &Directory| drop(directory.write("api.yaml", &CONTRACT.replace(from, to)))
    };
    is_an_error(
        AUTHORIZATION,
        contract("body: /from", "body: /form"),
        &["api.yaml:22", "/form"],
    );
    is_an_error(
        AUTHORIZATION,
        contract("path: account}]", "path: acount}]"),
        &["api.yaml:9", "acount"],
    );
    is_an_error(
        AUTHORIZATION,
        contract("{type: Account, body: /from}", "{type: Account}"),
        &["is named in one place"],
    );
    let lists = "schema: {type: array, items: {type: string}}}]\n    x-portcullis";
    is_an_error(
        AUTHORIZATION,
        contract("schema: {type: string}}]\n    x-portcullis", lists),
        &["api.yaml:9", "more than one value may stand in `account`"],
    );
    is_an_error(
        AUTHORIZATION,
        contract("type: Account, body", "type: 'My Account', body"),
        &["My Account"],
    );
}

#[test]
fn d5_roles_that_are_wrong_are_told_where_they_stand() {
    let roles = AUTHORIZATION.replace("{policies", "{roles: roles.yaml, policies");
    let role = |from: &'static str, to: &'static str| {
        move |directory: &Directory| drop(directory.write("roles.yaml", &ROLES.replace(from, to)))
    };
    for (from, to, expected) in [
        (
            "[readAudit]",
            "[readRates, readAudt]",
            ["roles.yaml:3:57", "may do `readAudt`", "did you mean `readAudit`?"],
        ),
        (
            "inherits: [teller]",
            "inherits: [tellr]",
            ["roles.yaml:3:24", "inherits from `tellr`", "did you mean `teller`?"],
        ),
        (
            "operations: [readAudit]",
            "tags: [overvew]",
            ["roles.yaml:3:40", "tagged `overvew`", "did you mean `overview`?"],
        ),
        (
            "role: auditor, subject: ada",
            "role: auditr, subject: ada",
            ["roles.yaml:6:12", "gives `auditr`", "did you mean `auditor`?"],
        ),
        (
            "group: tellers",
            "claim: tellers",
            ["roles.yaml:5:5", "assignment 1 has to name one of", ""],
        ),
        (
            "subject_type: Client",
            "subject_type: Clint",
            ["roles.yaml:8:49", "no caller is a `Clint`", "did you mean `Client`?"],
        ),
        (
            "teller: {operations",
            "teller: {inherits: [auditor], operations",
            ["roles.yaml:2:3", "role `teller` inherits from itself", "roles.yaml:3:3"],
        ),
    ] {
        is_an_error(&roles, role(from, to), &expected);
    }
}

#[test]
fn d5_what_is_said_of_types_that_nothing_is_of_is_an_error() {
    let as_it_is = |_: &Directory| {};
    // Of a type that nothing is of, nobody reads what is said.
    for (from, to, expected) in [
        (
            "{Account: {owner: User",
            "{Acount: {owner: User",
            ["no request names a `Acount`", "did you mean `Account`?"],
        ),
        (
            "{owner: User",
            "{owner: Usr",
            ["there is no type `Usr`", "did you mean `User`?"],
        ),
        (
            "{department: string}",
            "{department: string, boss: Set<Usr>}",
            ["there is no type `Usr`", "did you mean `User`?"],
        ),
        (
            "{Account: {owner: User",
            "{Branch: {city: string}, Account: {owner: User",
            ["no request names a `Branch`", "there are `Account`"],
        ),
    ] {
        assert!(AUTHORIZATION.contains(from), "{from}");
        let [first, second] = expected;
        is_an_error(
            &AUTHORIZATION.replace(from, to),
            as_it_is,
            &["gate.yaml:", first, second],
        );
    }
}

#[test]
fn d5_entities_that_are_wrong_are_told_where_they_stand() {
    let entity = |attributes: &'static str| {
        let text = format!(
            "[\n  {{\"uid\": {{\"type\": \"Account\", \"id\": \"1\"}},\n   \"attrs\": {{{attributes}}}, \"parents\": []}}\n]"
        );
        move |directory: &Directory| drop(directory.write("entities.json", &text))
    };
    is_an_error(AUTHORIZATION, entity("\"ownr\": 7"), &["entities.json:3:14", "`ownr`"]);
    is_an_error(
        AUTHORIZATION,
        entity("\"owner\": 7"),
        &["entities.json:3:14", "`owner`"],
    );
    is_an_error(
        AUTHORIZATION,
        entity("\"owner\": }"),
        &["entities.json:3:23", "no JSON"],
    );
}

/// Whoever leaves out what has to be named is denied, and the contract should say so before.
#[test]
fn d5_a_name_that_the_contract_lets_requests_leave_out_is_told() {
    let upstream = Upstream::with_json("{}");
    let directory = written(&setup(&upstream, AUTHORIZATION), &Issuer::new("one"));
    let told = |contract: &str| {
        directory.write("api.yaml", contract);
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(0), "{told}");
        told.lines()
            .filter(|line| line.contains("leave out"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let found = told(CONTRACT);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].contains("warning: the contract lets requests of `pay` leave out `/from`, and whoever does not name a `Account` is denied")
            && found[0].contains("api.yaml:22:"),
        "{found:?}"
    );
    assert!(found[1].contains("`payAll` leave out `/payments/*/from`"), "{found:?}");
    let required = CONTRACT
        .replace(
            "requestBody: {content: {application/json: {schema: {type: object, properties: {from",
            "requestBody: {required: true, content: {application/json: {schema: {type: object, required: [from], properties: {from",
        )
        .replace("requestBody:\n        content:", "requestBody:\n        required: true\n        content:")
        .replace("type: object\n              properties: {payments", "type: object\n              required: [payments]\n              properties: {payments")
        .replace("items: {type: object, properties: {from", "items: {type: object, required: [from], properties: {from");
    assert_eq!(told(&required), Vec::<String>::new());
    let body = required.replace("requestBody: {required: true, ", "requestBody: {");
    assert_eq!(told(&body).len(), 1, "a body that may be left out names nothing");
    let query = required.replace("name: account, in: query, required: true", "name: account, in: query");
    assert_eq!(told(&query).len(), 1);
    let optional = query.replace(
        "{type: Account, query: account}",
        "{type: Account, query: account, optional: true}",
    );
    assert_eq!(told(&optional), Vec::<String>::new());
}

/// What there is no end of stands in a line of its own, and in no label.
#[test]
fn d6_what_somebody_could_not_tell_is_told_with_its_reason() {
    let upstream = Upstream::with_json("{}");
    let bank = Bank::start(&upstream, AUTHORIZATION);
    let odd = json!({"sub": "alice", "department": 7});
    assert_eq!(bank.may_not(&odd, "GET", "/audit", &Value::Null), "cedar cannot tell");
    bank.gate.logs(&[
        "whoever decides could not tell, and denied",
        "cedar: subject: ",
        "department",
    ]);
}

#[test]
fn d5_a_type_that_only_another_one_leads_to_has_attributes() {
    let upstream = Upstream::with_json("{}");
    let through = AUTHORIZATION.replace(
        "{Account: {owner: User",
        "{Branch: {city: string}, Account: {branch: Branch, owner: User",
    );
    let directory = written(&setup(&upstream, &through), &Issuer::new("one"));
    let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn d5_callers_that_two_vouch_for_are_told_apart() {
    let two = |directory: &Directory| {
        let configuration = directory
            .read("gate.yaml")
            .replace("issuers: [main]}", "issuers: [main, other]}")
            .replace(
                "issuers: [{",
                "issuers: [{name: other, issuer: 'https://other.example', audiences: [a], keys: {file: keys.json}}, {",
            );
        directory.write("gate.yaml", &configuration);
    };
    is_an_error(
        AUTHORIZATION,
        two,
        &["`main` and `other` may both know somebody of the same name"],
    );
    let upstream = Upstream::with_json("{}");
    let issuer = Issuer::new("one");
    let qualified = AUTHORIZATION.replace("{policies", "{subject_ids: qualified, policies");
    let directory = written(&setup(&upstream, &qualified), &issuer);
    two(&directory);
    directory.write("bank.cedar", &POLICIES.replace("User::\"jean\"", "User::\"main/jean\""));
    let gate = Gate::start(directory);
    let bank = Bank { gate, issuer };
    bank.may("jean", "GET", "/accounts/123", &Value::Null);
    assert_eq!(
        bank.may_not(&json!({"sub": "main/jean"}), "GET", "/accounts/123", &Value::Null),
        "nothing-permits"
    );
}

const CASES: &str = "\
- name: jean reads 123
  evaluation: {subject: {type: User, id: jean}, action: {name: readAccount}, resource: {type: Account, id: '123'}}
  decision: true
  determining: [jean]
- name: jean does not delete it
  evaluation: {subject: {type: User, id: jean}, action: {name: deleteAccount}, resource: {type: Account, id: '123'}}
  decision: false
- name: a teller sees the overview
  evaluation:
    subject: {type: User, id: t, properties: {groups: [tellers]}}
    action: {name: listAccounts}
    resource: {type: Api, id: api}
  decision: true
- name: alice pays from what is frozen
  evaluation: {subject: {type: User, id: alice}, action: {name: pay}, resource: {type: Account, id: '2'}}
  decision: false
  determining: [frozen]
";

#[test]
fn d5_whoever_nobody_verified_is_anonymous_and_denied() {
    let upstream = Upstream::with_json("{}");
    let setup = Setup::new(CONTRACT, upstream.address)
        .with_api("dangerous_unverified_schemes: true")
        .with_api(AUTHORIZATION);
    let directory = setup.written();
    directory.write("bank.cedar", POLICIES);
    directory.write("entities.json", &entities().to_string());
    let gate = Gate::start(directory);
    let bank = Bank {
        gate,
        issuer: Issuer::new("one"),
    };
    for target in ["/accounts", "/audit", "/accounts/1"] {
        let why = bank.may_not(
            &json!({"sub": "alice", "department": "audit"}),
            "GET",
            target,
            &Value::Null,
        );
        assert_eq!(why, "nothing-permits", "{target}");
    }
    upstream.saw_nothing("callers whom nobody verified");
}

#[test]
fn d6_policies_are_tested_without_a_gate() {
    let upstream = Upstream::with_json("{}");
    let directory = written(&setup(&upstream, AUTHORIZATION), &Issuer::new("one"));
    directory.write("cases.yaml", CASES);
    let test = |more: &[&str]| {
        let output = run(
            &directory.0,
            &[&["policy", "test", "cases.yaml", "-c", "gate.yaml"], more].concat(),
        );
        let told = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), told, String::from_utf8(output.stderr).unwrap())
    };
    let (code, told, _) = test(&[]);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains(
            "cases: 4, 4 as expected\ndecided none of them: cedar:auditors, cedar:owners, cedar:sealed, cedar:vaults\n"
        ),
        "{told}"
    );
    // What changes is told case by case.
    directory.write(
        "bank.cedar",
        &POLICIES.replace(
            "== Action::\"readAccount\", resource ==",
            "== Action::\"deleteAccount\", resource ==",
        ),
    );
    let (code, told, _) = test(&[]);
    assert_eq!(code, Some(1), "{told}");
    for line in [
        "NO  jean reads 123\n      denied, and expected to be permitted\n",
        "NO  jean does not delete it\n      permitted, and expected to be denied\n      permits: cedar:jean\n",
        "ok  a teller sees the overview\n",
        "cases: 4, 2 as expected\n",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let (code, told, _) = test(&["--json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (code, &told["passed"], &told["cases"][3]["as_expected"]),
        (Some(1), &json!(false), &json!(true))
    );
    // A case that cannot be read is no case that holds.
    directory.write("cases.yaml", &CASES.replace("decision: true", "decison: true"));
    let (code, _, error) = test(&[]);
    assert!(
        code == Some(2) && error.contains("cases.yaml:1") && error.contains("decison"),
        "{error}"
    );
    let (code, _, error) = test(&["--api", "other"]);
    assert!(
        code == Some(2) && error.contains("there is no API `other`: there is `api`"),
        "{error}"
    );
}

#[test]
fn d6_the_schema_of_policies_is_made_of_the_contract() {
    let upstream = Upstream::with_json("{}");
    let directory = written(&setup(&upstream, AUTHORIZATION), &Issuer::new("one"));
    let output = run(&directory.0, &["policy", "schema", "-c", "gate.yaml"]);
    let schema = String::from_utf8(output.stdout).unwrap();
    for words in [
        "entity Account = { \"frozen\"?: Bool, \"owner\"?: User };",
        "entity User in [Group] = {",
        "\"department\"?: String",
        "action \"listAccounts\" in [\"tag:overview\"] appliesTo {",
        "resource: [Account, Approval]",
        "resource: [Api]",
    ] {
        assert!(schema.contains(words), "{words}: {schema}");
    }
    assert!(!schema.contains("Account, Api"), "{schema}");
    // Who leaves out all that may be left out asks about the API.
    let optional = CONTRACT.replace("query: account}", "query: account, optional: true}");
    directory.write("api.yaml", &optional);
    let output = run(&directory.0, &["policy", "schema", "-c", "gate.yaml"]);
    let schema = String::from_utf8(output.stdout).unwrap();
    assert_eq!(schema.matches("resource: [Account, Api]").count(), 1, "{schema}");
    directory.write("api.yaml", CONTRACT);
    // What is not decided on says so; what is, by whom.
    let coverage = |directory: &Directory| {
        let output = run(&directory.0, &["coverage", "-c", "gate.yaml", "--json"]);
        String::from_utf8(output.stdout).unwrap()
    };
    let told = coverage(&directory);
    assert!(
        told.contains("policies decide on the `Account` that the path parameter `account` names"),
        "{told}"
    );
    assert!(!told.contains("nobody decides beyond scopes"), "{told}");
}
