//! Operations that are bound to a listener: through any other it is as if they did not exist.

use std::net::SocketAddr;

use serde_json::Value;

use crate::gate::{Gate, Setup};
use crate::http::{THING, THINGS};
use crate::upstream::Upstream;
use crate::wire::Client;

/// Binds the operation of this name to the listener `admin`.
fn bound(contract: &str, id: &str) -> String {
    let plain = format!("operationId: {id}\n");
    contract.replace(&plain, &format!("{plain}      x-portcullis: {{listeners: [admin]}}\n"))
}

/// A gate with a listener for everybody and one called `admin`, and the address of that.
fn start(contract: &str, upstream: &Upstream, api: &str) -> (Gate, SocketAddr) {
    let directory = Setup::new(contract, upstream.address)
        .with_api("dangerous_any_host: true")
        .with_api(api)
        .written();
    let configuration = directory.read("gate.yaml").replace(
        "listen: 127.0.0.1:0\n",
        "listen: [127.0.0.1:0, {address: 127.0.0.2:0, name: admin}]\n",
    );
    directory.write("gate.yaml", &configuration);
    let gate = Gate::start(directory);
    let lines: Vec<Value> = gate
        .log()
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let admin = lines.iter().find(|line| line["listener"] == "admin").unwrap();
    let address = admin["address"].as_str().unwrap().parse().unwrap();
    (gate, address)
}

#[test]
fn what_is_bound_to_a_listener_is_unknown_elsewhere() {
    let upstream = Upstream::with_json(THING);
    let contract = ["removeThing", "makeThing", "traced"]
        .iter()
        .fold(THINGS.to_owned(), |contract, id| bound(&contract, id));
    let (gate, admin) = start(&contract, &upstream, "policy: {modes: {contract_out: off}}");
    let json = [("Content-Type", "application/json")];
    for (method, target, body) in [("DELETE", "/things/1", ""), ("POST", "/things", THING)] {
        let answer = gate.client().send(method, target, &json, body.as_bytes());
        answer.is_refused_as(target, 405, "route.method");
        assert_eq!(answer.header("allow"), Some("GET"), "{method} {target}");
    }
    for method in ["GET", "POST", "OPTIONS", "BREW"] {
        let headers = [("X-Trace", "abc")];
        let answer = gate.client().send(method, "/traced", &headers, b"");
        answer.is_refused_as(method, 404, "route.unknown");
    }
    upstream.saw_nothing("an operation of another listener");
    assert_eq!(gate.get("/things").status, 200);
    upstream.one();
    for (method, target, body) in [
        ("DELETE", "/things/1", ""),
        ("POST", "/things", THING),
        ("GET", "/traced", ""),
        ("GET", "/things", ""),
    ] {
        let headers = [("X-Trace", "abc"), ("Content-Type", "application/json")];
        let headers = if method == "POST" { &headers[1..] } else { &headers[..1] };
        let answer = Client::connect(admin).send(method, target, headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{method} {target} {}", answer.text());
        upstream.one();
    }
}

#[test]
fn a_wider_path_does_not_stand_in_for_a_bound_one() {
    let upstream = Upstream::with_json(THING);
    let special =
        "  /things/special:\n    get:\n      operationId: special\n      responses: {'200': {description: Ours.}}\n";
    let contract = THINGS.replace("  /things/{id}:\n", &format!("{special}  /things/{{id}}:\n"));
    assert_ne!(contract, THINGS);
    let (gate, admin) = start(
        &bound(&contract, "special"),
        &upstream,
        "policy: {modes: {contract_out: off}}",
    );
    gate.get("/things/special").is_refused(404, "route.unknown");
    upstream.saw_nothing("a bound operation");
    assert_eq!(gate.get("/things/other").status, 200);
    assert_eq!(
        Client::connect(admin).send("GET", "/things/special", &[], b"").status,
        200
    );
}

#[test]
fn an_api_is_bound_as_a_whole_and_an_operation_may_be_freed() {
    let upstream = Upstream::with_json(THING);
    let freed = "operationId: getThing\n      x-portcullis: {listeners: [admin, public]}\n";
    let contract = THINGS.replace("operationId: getThing\n", freed);
    let directory = Setup::new(&contract, upstream.address)
        .with_api("dangerous_any_host: true")
        .with_api("policy: {listeners: [admin]}")
        .written();
    let configuration = directory.read("gate.yaml").replace(
        "listen: 127.0.0.1:0\n",
        "listen: [{address: 127.0.0.1:0, name: public}, {address: 127.0.0.2:0, name: admin}]\n",
    );
    directory.write("gate.yaml", &configuration);
    let gate = Gate::start(directory);
    gate.get("/things").is_refused(404, "route.unknown");
    assert_eq!(gate.get("/things/1").status, 200);
}
