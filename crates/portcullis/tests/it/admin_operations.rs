//! The operations of administrators: denied to all but named roles, addresses, certificates and listeners.

use serde_json::{Value, json};

use crate::gate::{Gate, Setup, run, until};
use crate::tokens::{Issuer, key_set};
use crate::upstream::Upstream;
use crate::wire::Client;

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Shop, version: '1'}
security: [{bearer: []}]
paths:
  /orders:
    get: {operationId: listOrders, responses: {'200': {$ref: '#/components/responses/any'}}}
    delete: {operationId: dropOrders, x-portcullis: {admin: true}, responses: {'200': {$ref: '#/components/responses/any'}}}
  /users:
    get: {operationId: listUsers, tags: [admin], responses: {'200': {$ref: '#/components/responses/any'}}}
components:
  responses:
    any: {description: any, content: {application/json: {schema: {type: object}}}}
  securitySchemes: {bearer: {type: http, scheme: bearer}}
";
const ROLES: &str = "\
roles:
  user: {operations: [listOrders]}
  careless: {operations: ['*']}
  administrator: {operations: ['*']}
assignments:
  - {role: user, subject: bob}
  - {role: careless, subject: eve}
  - {role: administrator, subject: ada}
";

fn setup(upstream: &Upstream, admin_operations: &str) -> Setup {
    Setup::new(CONTRACT, upstream.address)
        .with(
            "issuers: [{name: main, issuer: 'https://id.example', audiences: ['https://things.example'], \
             keys: {file: keys.json}}]",
        )
        .with_api("security_schemes: {bearer: {issuers: [main]}}")
        .with_api("authorization: {roles: roles.yaml}")
        .with_api(admin_operations)
}

struct Shop {
    gate: Gate,
    issuer: Issuer,
}

impl Shop {
    fn start(setup: &Setup) -> Self {
        let issuer = Issuer::new("one");
        let directory = setup.written();
        directory.write("keys.json", &key_set(&[&issuer]));
        directory.write("roles.yaml", ROLES);
        let gate = Gate::start(directory);
        Self { gate, issuer }
    }

    fn authorization(&self, who: &str) -> String {
        format!("Bearer {}", self.issuer.token_with("at+jwt", json!({ "sub": who })))
    }

    /// With the reason where it is denied.
    fn ask(&self, who: &str, method: &str, path: &str) -> (u16, Value) {
        let authorization = self.authorization(who);
        let fields = [("Authorization", authorization.as_str())];
        let before = self.gate.log_of_requests().len();
        let status = self.gate.client().send(method, path, &fields, b"").status;
        if status == 200 {
            return (status, Value::Null);
        }
        until("it is logged", || self.gate.log_of_requests().len() > before);
        let line = self.gate.log_of_requests().pop().unwrap();
        (status, line["place"].clone())
    }
}

#[test]
fn d5_operations_of_administrators_are_theirs() {
    let upstream = Upstream::with_json("{}");
    let shop = Shop::start(&setup(
        &upstream,
        "admin_operations: {tags: [admin], roles: [administrator]}",
    ));
    assert_eq!(shop.ask("bob", "GET", "/orders").0, 200);
    for (method, path) in [("DELETE", "/orders"), ("GET", "/users")] {
        assert_eq!(shop.ask("ada", method, path).0, 200);
        for who in ["bob", "eve", "mallory"] {
            assert_eq!(shop.ask(who, method, path), (403, json!("admin-role")), "{who}");
        }
    }
    assert_eq!(shop.ask("eve", "GET", "/orders").0, 200, "it is for everybody");
}

#[test]
fn d5_operations_of_administrators_are_reached_from_where_they_are() {
    let upstream = Upstream::with_json("{}");
    let shop = Shop::start(&setup(
        &upstream,
        "admin_operations: {tags: [admin], addresses: {allow: [192.0.2.0/24]}}",
    ));
    assert_eq!(shop.ask("ada", "GET", "/orders").0, 200);
    assert_eq!(shop.ask("ada", "GET", "/users").0, 403);
    let listening = setup(&upstream, "admin_operations: {tags: [admin], listeners: [inside]}")
        .with_api("dangerous_any_host: true")
        .listening("[127.0.0.1:0, {address: 127.0.0.2:0, name: inside}]");
    let shop = Shop::start(&listening);
    assert_eq!(shop.ask("ada", "GET", "/orders").0, 200);
    assert_eq!(shop.ask("ada", "GET", "/users").0, 404, "as if it did not exist");
    let lines: Vec<Value> = shop
        .gate
        .log()
        .iter()
        .flat_map(|line| serde_json::from_str(line))
        .collect();
    let inside = lines.iter().find(|line| line["listener"] == "inside").unwrap();
    let address = inside["address"].as_str().unwrap().parse().unwrap();
    let authorization = shop.authorization("ada");
    let answered = Client::connect(address).send("GET", "/users", &[("Authorization", &authorization)], b"");
    assert_eq!(answered.status, 200);
}

#[test]
fn d5_no_trial_and_no_stand_in_opens_what_is_for_administrators() {
    let upstream = Upstream::with_json("{}");
    let observing = setup(&upstream, "admin_operations: {tags: [admin], roles: [administrator]}")
        .with_api("policy: {modes: {authorization: observe}}");
    let shop = Shop::start(&observing);
    assert_eq!(shop.ask("mallory", "GET", "/orders").0, 200, "it is observed");
    assert_eq!(shop.ask("mallory", "GET", "/users"), (403, json!("admin-role")));
    let away = setup(
        &upstream,
        "admin_operations: {tags: [admin], addresses: {allow: [192.0.2.0/24]}}",
    );
    let shop = Shop::start(&away.with_api("policy: {modes: {addresses: observe}}"));
    assert_eq!(shop.ask("ada", "GET", "/users").0, 403);
    let listening = setup(&upstream, "admin_operations: {tags: [admin], listeners: [inside]}")
        .with_api("dangerous_any_host: true")
        .with_api(&format!(
            "policy: {{}}\n  - {{name: other, contract: other.yaml, upstream: 'http://{}', dangerous_any_host: true}}",
            upstream.address
        ))
        .listening("[127.0.0.1:0, {address: 127.0.0.2:0, name: inside}]");
    let issuer = Issuer::new("one");
    let directory = listening.written();
    directory.write("keys.json", &key_set(&[&issuer]));
    directory.write("roles.yaml", ROLES);
    directory.write("other.yaml", &CONTRACT.replace("/users", "/{all}").replace("security: [{bearer: []}]\n", "").replace(", x-portcullis: {admin: true}", "").replace("get: {operationId: listUsers", "parameters: [{name: all, in: path, required: true, schema: {type: string}}]\n    get: {operationId: any"));
    let gate = Gate::start(directory);
    let shop = Shop { gate, issuer };
    assert_eq!(shop.ask("ada", "GET", "/others").0, 200, "another API");
    assert_eq!(shop.ask("ada", "GET", "/users").0, 404, "which does not stand in");
}

#[test]
fn d5_administrators_that_nobody_could_be_are_an_error() {
    let upstream = Upstream::with_json("{}");
    for (written, words) in [
        (
            "policy: {}",
            "`dropOrders` is for administrators, and nobody says who they are",
        ),
        (
            "admin_operations: {tags: [admin]}",
            "nobody is kept from the operations of administrators",
        ),
        ("admin_operations: {roles: [root]}", "there is no role `root`"),
        (
            "admin_operations: {tags: [root], roles: [administrator]}",
            "no operation has the tag `root`",
        ),
        (
            "admin_operations: {certificates: ['cn:ada']}",
            "administrators have to show a certificate",
        ),
        (
            "admin_operations: {listeners: [inside]}",
            "no listener is called `inside`",
        ),
    ] {
        let directory = setup(&upstream, written).written();
        directory.write("keys.json", &key_set(&[&Issuer::new("one")]));
        directory.write("roles.yaml", ROLES);
        let output = run(&directory.0, &["check", "-c", "gate.yaml"]);
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(
            output.status.code() == Some(1) && told.contains(words),
            "{words}: {told}"
        );
    }
}
