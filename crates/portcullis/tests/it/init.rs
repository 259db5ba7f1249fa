//! `portcullis init`: from a contract or a running service to a gate that serves.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::Output;

use serde_json::{Value, json};

use crate::gate::{Directory, Gate, run};
use crate::http::{THING, THINGS};
use crate::upstream::{Upstream, answer, ok};

/// A contract that nothing is to be said against.
const DESK: &str = "\
openapi: 3.1.0
info: {title: Order Desk, version: '1'}
servers: [{url: 'https://desk.example/v1'}]
paths:
  /things:
    get:
      responses:
        '200':
          description: A thing.
          content: {application/json: {schema: {type: object, properties: {name: {type: string}}}}}
";

#[track_caller]
fn init(directory: &Directory, arguments: &[&str], code: i32) -> Output {
    let output = run(&directory.0, &[&["init"], arguments].concat());
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", told(&output));
    output
}

fn told(output: &Output) -> String {
    [output.stdout.as_slice(), output.stderr.as_slice()]
        .map(String::from_utf8_lossy)
        .concat()
}

/// A service that publishes a contract at one place, and answers everything else with 404.
fn service(place: &'static str, contract: &str) -> Upstream {
    let published = ok("application/json", contract);
    Upstream::start(move |request, stream| {
        let missing = answer("404 Not Found", &[("Content-Type", "text/html")], b"<p>openapi: no</p>");
        let is_there = request.line == format!("GET {place} HTTP/1.1");
        stream.write_all(if is_there { &published } else { &missing }).is_ok()
    })
}

#[test]
fn from_a_contract_to_a_gate_that_serves() {
    let upstream = Upstream::with_json(THING);
    let directory = Directory::new();
    directory.write("openapi.yaml", DESK);
    let url = format!("http://{}", upstream.address);
    let arguments = ["--upstream", &url, "--listen", "127.0.0.1:0", "-c", "gate.yaml"];
    let output = init(&directory, &arguments, 0);
    assert!(
        told(&output).contains("portcullis check -c gate.yaml"),
        "{}",
        told(&output)
    );
    let checked = run(&directory.0, &["check", "-c", "gate.yaml"]);
    assert_eq!(checked.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&checked.stdout), "no problems\n");
    // A port that is surely free.
    let drafted = directory.read("gate.yaml").replace("127.0.0.1:9901", "127.0.0.1:0");
    directory.write("gate.yaml", &drafted);
    let gate = Gate::start(directory);
    assert_eq!(gate.get("/v1/things").status, 200);
    assert_eq!(upstream.one().line, "GET /v1/things HTTP/1.1");
    gate.get("/no-such-path").is_refused(404, "route.unknown");
}

#[test]
fn from_a_running_service() {
    let contract = json!({
        "openapi": "3.1.0",
        "info": {"title": "Order Desk", "version": "1"},
        "paths": {"/orders": {"get": {"responses": {"200": {"description": "ok"}}}}},
    })
    .to_string();
    for place in ["/openapi.json", "/v3/api-docs", "/docs/openapi.json", "/mine/spec"] {
        let service = service(place, &contract);
        let directory = Directory::new();
        let origin = format!("http://{}", service.address);
        let from = if place == "/mine/spec" {
            format!("{origin}{place}")
        } else {
            origin.clone()
        };
        let output = init(&directory, &["--from", &from, "--json"], 0);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["upstream"], origin, "{place}");
        assert_eq!(report["contract"], "order-desk.openapi.json", "{place}");
        assert_eq!(report["operations"], 1, "{place}");
        assert_eq!(directory.read("order-desk.openapi.json"), contract, "{place}");
        let checked = run(&directory.0, &["check"]);
        assert_eq!(String::from_utf8_lossy(&checked.stdout), "no problems\n", "{place}");
        let again = init(&directory, &["--from", &from, "-c", "other.yaml"], 2);
        assert!(
            told(&again).contains("`order-desk.openapi.json` is there already"),
            "{}",
            told(&again)
        );
    }
}

#[test]
fn from_the_catalog_of_a_service() {
    let catalog = json!({"linkset": [
        {"anchor": "/a", "service-desc": [{"href": "http://127.0.0.1:1/elsewhere.json"}]},
        {"anchor": "/b", "service-desc": [{"href": "/deep/things.yaml"}, {"href": "more.yaml"}]},
    ]});
    let catalog = ok("application/linkset+json", &catalog.to_string());
    let contract = ok("application/yaml", THINGS);
    let missing = answer("404 Not Found", &[], b"");
    let service = Upstream::start(move |request, stream| {
        let bytes = match request.line.as_str() {
            "GET /.well-known/api-catalog HTTP/1.1" => &catalog,
            "GET /deep/things.yaml HTTP/1.1" => &contract,
            _ => &missing,
        };
        stream.write_all(bytes).is_ok()
    });
    let directory = Directory::new();
    let output = init(&directory, &["--from", &format!("http://{}", service.address)], 0);
    assert!(told(&output).contains("/.well-known/more.yaml"), "{}", told(&output));
    assert_eq!(directory.read("things.openapi.yaml"), THINGS);
}

#[test]
fn a_service_that_publishes_nothing_is_told_apart_from_none() {
    let directory = Directory::new();
    let elsewhere = Upstream::with_json(r#"{"openapi": "3.1.0"}"#);
    let target = format!("http://{}/openapi.json", elsewhere.address);
    let redirect = answer("302 Found", &[("Location", &target)], b"");
    let service = Upstream::answering(redirect);
    let output = init(&directory, &["--from", &format!("http://{}", service.address)], 2);
    assert!(
        told(&output).contains(&format!("it leads elsewhere, to `{target}`")),
        "{}",
        told(&output)
    );
    elsewhere.saw_nothing("a redirect to another origin");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    init(&directory, &["--from", &format!("http://{closed}")], 3);
    init(&directory, &["--from", "127.0.0.1:9000"], 2);
    init(&directory, &["--from", "http://user:password@127.0.0.1:9000"], 2);
    assert_eq!(
        std::fs::read_dir(&directory.0).unwrap().count(),
        0,
        "nothing is left behind"
    );
}

#[test]
fn what_cannot_be_used_is_told_and_nothing_is_written() {
    let directory = Directory::new();
    let said = |arguments: &[&str], expected: &str| {
        let told = told(&init(&directory, arguments, 2));
        assert!(told.contains(expected), "{arguments:?}: {told}");
        assert!(!directory.0.join("portcullis.yaml").exists(), "{arguments:?}");
    };
    said(&[], "there is no `openapi.yaml`");
    said(
        &["missing.yaml"],
        "cannot read the contract `missing.yaml`: there is no such file",
    );
    directory.write("broken.yaml", &THINGS.replace("type: number", "type: numbre"));
    said(&["broken.yaml"], "broken.yaml:95:");
    directory.write("page.yaml", "<html>");
    said(&["page.yaml"], "page.yaml:1:1: error: the document is");
    directory.write("a.openapi.yaml", THINGS);
    said(
        &["a.openapi.yaml", "--upstream", "ftp://a"],
        "`ftp://a` is not a URL of http",
    );
    directory.write("b.openapi.yaml", THINGS);
    said(&[], "several contracts here (a.openapi.yaml, b.openapi.yaml)");
}

#[test]
fn nothing_is_overwritten_unless_told_to() {
    let directory = Directory::new();
    directory.write("openapi.yaml", THINGS);
    directory.write("portcullis.yaml", "mine");
    let refused = init(&directory, &[], 2);
    assert!(
        told(&refused).contains("`portcullis.yaml` is there already"),
        "{}",
        told(&refused)
    );
    let printed = init(&directory, &["--stdout"], 0);
    assert_eq!(directory.read("portcullis.yaml"), "mine");
    init(&directory, &["--force"], 0);
    assert_eq!(directory.read("portcullis.yaml").as_bytes(), printed.stdout);
    // Nobody said where the service is, and nobody was asked.
    assert!(directory.read("portcullis.yaml").contains("TO DO"));
}
