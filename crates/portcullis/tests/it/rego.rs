//! Policies in Rego, evaluated in the gate.

use serde_json::{Value, json};

use crate::gate::{Directory, Gate, Setup, run, until};
use crate::tokens::{Issuer, key_set};
use crate::upstream::Upstream;
use crate::wire::Answer;

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Bank, version: '1'}
security: [{bearer: []}]
paths:
  /accounts:
    get:
      operationId: listAccounts
      x-portcullis: {collection: {items: '', type: Account, id: /id, action: readAccount}}
      responses: {'200': {description: all, content: {application/json: {schema: {type: array, items: {type: object, additionalProperties: true}}}}}}
  /accounts/{account}:
    parameters: [{name: account, in: path, required: true, schema: {type: string}}]
    x-portcullis: {resources: [{type: Account, path: account}]}
    get: {operationId: readAccount, responses: {'200': {$ref: '#/components/responses/any'}}}
    delete: {operationId: deleteAccount, responses: {'200': {$ref: '#/components/responses/any'}}}
  /payments:
    post:
      operationId: pay
      x-portcullis: {resources: [{type: Account, body: /from}], context: {amount: {body: /amount}}}
      requestBody: {content: {application/json: {schema: {type: object, required: [from, amount], properties: {from: {type: string}, amount: {type: integer}}}}}}
      responses: {'200': {$ref: '#/components/responses/any'}}
components:
  responses:
    any: {description: any, content: {application/json: {schema: {type: object, additionalProperties: true}}}}
  securitySchemes: {bearer: {type: http, scheme: bearer}}
";
const POLICY: &str = r#"package bank

default allow := false

allow if input.action.name == "listAccounts"

allow if {
    input.action.name in {"readAccount", "pay"}
    owns(input.subject.id, input.resource.id)
    not too_much
}

owns(who, account) if who in data.owners[account]

too_much if input.context.request.amount > data.limit
"#;
const DATA: &str = r#"{"owners": {"1": ["jean"], "2": ["mallory", "jean"], "3": ["mallory"]}, "limit": 100}"#;
const CEDAR: &str = r#"
@id("anybody") permit (principal, action, resource);
@id("frozen") forbid (principal, action == Action::"pay", resource == Account::"2");
"#;
const REGO: &str = "rego: {policies: [bank.rego], data: bank.json, query: data.bank.allow}";

struct Bank {
    gate: Gate,
    issuer: Issuer,
}

fn written(upstream: &Upstream, authorization: &str) -> (Directory, Issuer) {
    let issuer = Issuer::new("one");
    let setup = Setup::new(CONTRACT, upstream.address)
        .with(
            "issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], \
             keys: {file: keys.json}}]",
        )
        .with_api("security_schemes: {bearer: {issuers: [main]}}")
        .with_api(&format!("authorization: {{{authorization}}}"));
    let directory = setup.written();
    directory.write("keys.json", &key_set(&[&issuer]));
    directory.write("bank.rego", POLICY);
    directory.write("bank.json", DATA);
    directory.write("bank.cedar", CEDAR);
    (directory, issuer)
}

impl Bank {
    fn start(upstream: &Upstream, authorization: &str) -> Self {
        let (directory, issuer) = written(upstream, authorization);
        let gate = Gate::start(directory);
        Self { gate, issuer }
    }

    fn send(&self, who: &str, method: &str, target: &str, body: &Value) -> Answer {
        let authorization = format!("Bearer {}", self.issuer.token_with("at+jwt", json!({ "sub": who })));
        let mut fields = vec![("Authorization", authorization.as_str())];
        let mut text = String::new();
        if !body.is_null() {
            fields.push(("Content-Type", "application/json"));
            text = body.to_string();
        }
        self.gate.client().send(method, target, &fields, text.as_bytes())
    }

    fn status(&self, who: &str, method: &str, target: &str, body: &Value) -> u16 {
        self.send(who, method, target, body).status
    }

    /// Why, for operators.
    #[track_caller]
    fn may_not(&self, who: &str, method: &str, target: &str, body: &Value) -> String {
        let before = self.gate.log_of_requests().len();
        let answered = self.send(who, method, target, body);
        answered.is_refused_as(&format!("{who} {method} {target}"), 403, "authorization.denied");
        until("the refusal is logged", || self.gate.log_of_requests().len() > before);
        self.gate.log_of_requests()[before]["place"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

fn payment(from: &str, amount: i64) -> Value {
    json!({"from": from, "amount": amount})
}

#[test]
fn d7_policies_in_rego_decide_by_their_data_and_by_values_of_requests() {
    let upstream = Upstream::with_json("{}");
    let bank = Bank::start(&upstream, REGO);
    let none = Value::Null;
    assert_eq!(bank.status("jean", "GET", "/accounts/1", &none), 200);
    assert_eq!(bank.status("mallory", "GET", "/accounts/2", &none), 200);
    assert_eq!(bank.status("jean", "POST", "/payments", &payment("1", 100)), 200);
    let seen = upstream.seen().len();
    let denies = "rego:data.bank.allow";
    assert_eq!(bank.may_not("mallory", "GET", "/accounts/1", &none), denies);
    assert_eq!(bank.may_not("jean", "GET", "/accounts/9", &none), denies);
    assert_eq!(bank.may_not("jean", "DELETE", "/accounts/1", &none), denies);
    assert_eq!(bank.may_not("jean", "POST", "/payments", &payment("1", 101)), denies);
    assert_eq!(bank.may_not("jean", "POST", "/payments", &payment("3", 1)), denies);
    assert_eq!(upstream.seen().len(), seen, "nothing of it went on");
}

#[test]
fn d7_neither_rego_nor_cedar_permits_what_the_other_forbids() {
    let upstream = Upstream::with_json("{}");
    let bank = Bank::start(&upstream, &format!("policies: [bank.cedar], {REGO}"));
    assert_eq!(bank.status("jean", "POST", "/payments", &payment("1", 1)), 200);
    assert_eq!(
        bank.may_not("mallory", "POST", "/payments", &payment("2", 1)),
        "cedar:frozen"
    );
    assert_eq!(
        bank.may_not("mallory", "GET", "/accounts/1", &Value::Null),
        "rego:data.bank.allow"
    );
}

#[test]
fn d7_a_list_is_reduced_to_what_rego_permits() {
    let upstream = Upstream::with_json(r#"[{"id": "1"}, {"id": "2"}, {"id": "3"}]"#);
    let bank = Bank::start(&upstream, REGO);
    let listed = |who: &str| bank.send(who, "GET", "/accounts", &Value::Null).json();
    assert_eq!(listed("jean"), json!([{"id": "1"}, {"id": "2"}]));
    assert_eq!(listed("mallory"), json!([{"id": "2"}, {"id": "3"}]));
    assert_eq!(listed("eve"), json!([]));
}

#[test]
fn d7_what_rego_cannot_tell_is_denied() {
    let upstream = Upstream::with_json("{}");
    let (directory, issuer) = written(&upstream, &format!("policies: [bank.cedar], {REGO}"));
    // A name that is no number fails, and `not` makes no permit of that.
    directory.write(
        "bank.rego",
        "package bank\nallow if not odd\nodd if to_number(input.resource.id) % 2 == 1\n",
    );
    let bank = Bank {
        gate: Gate::start(directory),
        issuer,
    };
    assert_eq!(bank.status("jean", "GET", "/accounts/2", &Value::Null), 200);
    assert_eq!(
        bank.may_not("jean", "GET", "/accounts/1", &Value::Null),
        "rego:data.bank.allow"
    );
    let why = bank.may_not("jean", "GET", "/accounts/x", &Value::Null);
    assert_eq!(why, "rego cannot tell");
}

#[test]
fn d7_changed_policies_and_data_count_and_broken_ones_change_nothing() {
    let upstream = Upstream::with_json("{}");
    let bank = Bank::start(&upstream, REGO);
    let may = |who: &str| bank.status(who, "GET", "/accounts/1", &Value::Null) == 200;
    assert!(may("jean") && !may("mallory"));
    bank.gate.directory.write("bank.rego", "package bank\nallow if {\n");
    bank.gate.logs(&["\"location\":\"bank.rego\",\"line\":3"]);
    bank.gate.logs(&["not reloaded"]);
    assert!(may("jean") && !may("mallory"));
    bank.gate.directory.write("bank.rego", POLICY);
    bank.gate
        .directory
        .write("bank.json", &DATA.replace("[\"jean\"]", "[\"mallory\"]"));
    until("the data count", || may("mallory"));
    assert!(!may("jean"));
    bank.gate.directory.write(
        "bank.rego",
        &POLICY.replace("if who in", "if who != \"mallory\"\nknows(who, account) if who in"),
    );
    until("the policies count", || !may("mallory"));
}

#[test]
fn d7_what_is_wrong_with_policies_in_rego_is_told_by_its_place() {
    let upstream = Upstream::with_json("{}");
    let check = |authorization: &str, policy: &str, expected: &str| {
        let (directory, _) = written(&upstream, authorization);
        directory.write("bank.rego", policy);
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(expected), "{expected}: {told}");
    };
    check(REGO, "package bank\nallow if input.\n", "bank.rego:");
    check(
        REGO,
        &format!("{POLICY}\nsends if http.send({{}})\n"),
        "bank.rego:17:10: error: there is no function `http.send`",
    );
    check(
        REGO,
        &format!("{POLICY}\nf(x) := f(x)\n"),
        "`data.bank.f` leads to itself",
    );
    check(
        &REGO.replace("bank.allow", "bank.alow"),
        POLICY,
        "there is no rule `data.bank.alow`",
    );
    check(
        &REGO.replace("data.bank.allow", "allow"),
        POLICY,
        "write its whole name",
    );
    check(
        "rego: {policies: [], query: data.bank.allow}",
        POLICY,
        "`policies` has 0 elements",
    );
    check(&REGO.replace("bank.rego", "other.rego"), POLICY, "cannot read");
}

#[test]
fn d7_policies_in_rego_are_tested_and_explained_without_a_gate() {
    let upstream = Upstream::with_json("{}");
    let (directory, _) = written(&upstream, REGO);
    directory.write(
        "cases.yaml",
        "\
- name: jean reads 1
  evaluation: {subject: {type: User, id: jean}, action: {name: readAccount}, resource: {type: Account, id: '1'}}
  decision: true
  determining: [data.bank.allow]
- name: mallory does not
  evaluation: {subject: {type: User, id: mallory}, action: {name: readAccount}, resource: {type: Account, id: '1'}}
  decision: false
",
    );
    let output = run(&directory.0, &["policy", "test", "cases.yaml", "-c", "gate.yaml"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("cases: 2, 2 as expected"), "{told}");
    let question = [
        "--subject",
        "User::mallory",
        "--action",
        "readAccount",
        "--resource",
        "Account::1",
    ];
    let output = run(
        &directory.0,
        &[&["policy", "explain", "-c", "gate.yaml"], &question[..]].concat(),
    );
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("rego:data.bank.allow"), "{told}");
}
