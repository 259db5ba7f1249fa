//! The command line: exit codes, reports, completions, manual pages.

use std::net::TcpListener;
use std::process::Output;

use serde_json::Value;

use crate::gate::{Directory, Setup, run};
use crate::http::THINGS;

fn setup() -> Directory {
    Setup::new(THINGS, "127.0.0.1:9".parse().unwrap()).written()
}

fn told(output: &Output) -> String {
    [output.stdout.as_slice(), output.stderr.as_slice()]
        .map(String::from_utf8_lossy)
        .concat()
}

#[track_caller]
fn check(directory: &Directory, arguments: &str, code: i32) -> Output {
    let output = run(&directory.0, &arguments.split_whitespace().collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(code), "`{arguments}`: {}", told(&output));
    output
}

#[test]
fn check_tells_every_problem_and_its_place() {
    let directory = setup();
    check(&directory, "check -c gate.yaml", 0);
    let bad = directory
        .read("gate.yaml")
        .replace("listen: 127.0.0.1:0\n", "listen: nowhere\nworkers: 0\ncolour: red\n");
    directory.write("bad.yaml", &bad);
    let output = check(&directory, "check -c bad.yaml", 1);
    for place in ["bad.yaml:1:", "bad.yaml:2:", "bad.yaml:3:"] {
        assert!(told(&output).contains(place), "{place} in {}", told(&output));
    }
    let report: Value = serde_json::from_slice(&check(&directory, "check -c bad.yaml --json", 1).stdout).unwrap();
    assert!(report.to_string().contains("\"line\":3"), "{report}");
    directory.write("api.yaml", &THINGS.replace("type: number", "type: numbre"));
    let output = check(&directory, "check -c gate.yaml", 1);
    assert!(told(&output).contains("api.yaml:95:"), "{}", told(&output));
}

#[test]
fn the_schema_is_json_and_knows_the_settings() {
    let directory = setup();
    for arguments in ["config schema", "config schema --extension"] {
        let output = run(&directory.0, &arguments.split_whitespace().collect::<Vec<_>>());
        if output.status.code() == Some(2) {
            continue;
        }
        let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(schema.get("properties").is_some(), "{schema}");
    }
    let schema: Value = serde_json::from_slice(&check(&directory, "config schema", 0).stdout).unwrap();
    for setting in ["listen", "admin", "apis", "trusted_proxies"] {
        assert!(schema["properties"].get(setting).is_some(), "{setting}");
    }
}

#[test]
fn completions_and_manual_pages() {
    let directory = setup();
    for shell in ["bash", "zsh", "fish"] {
        let output = check(&directory, &format!("completions {shell}"), 0);
        assert!(told(&output).contains("observe-report"), "{shell}");
    }
    assert!(told(&check(&directory, "man", 0)).contains(".TH"));
    assert!(told(&check(&directory, "man key revoke", 0)).contains("portcullis-key-revoke"));
    assert!(told(&check(&directory, "man keys", 2)).contains("there is no verb `keys`"));
    check(&directory, "man --dir pages", 0);
    for page in ["portcullis.1", "portcullis-serve.1", "portcullis-check.1"] {
        assert!(directory.read(&format!("pages/{page}")).contains(".TH"), "{page}");
    }
}

#[test]
fn wrong_arguments_end_with_2_and_taken_addresses_with_3() {
    let directory = setup();
    for arguments in [
        "",
        "--nonsense",
        "serve --nonsense",
        "check -c missing.yaml",
        "serve -c missing.yaml",
        "completions tcl",
        "fly",
    ] {
        check(&directory, arguments, 2);
    }
    check(&directory, "--version", 0);
    check(&directory, "--help", 0);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let arguments = format!("serve --contract api.yaml --upstream http://127.0.0.1:9 --listen {address}");
    let output = check(&directory, &arguments, 3);
    assert!(told(&output).contains(&address.to_string()), "{}", told(&output));
    let configuration = directory.read("gate.yaml").replace(
        "admin: {listen: '127.0.0.1:0'}",
        &format!("admin: {{listen: '{address}'}}"),
    );
    directory.write("taken.yaml", &configuration);
    check(&directory, "serve -c taken.yaml", 3);
}

#[test]
fn what_ends_a_gate_is_a_line_of_its_log() {
    let directory = setup();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let configuration = directory.read("gate.yaml");
    let listening = configuration.replace("listen: 127.0.0.1:0\n", &format!("listen: '{address}'\n"));
    directory.write("taken.yaml", &listening);
    directory.write("text.yaml", &format!("log: {{format: text}}\n{listening}"));
    directory.write("broken.yaml", &configuration.replace("api.yaml", "none.yaml"));
    let check_json = |file: &str, code: i32, words: &str| {
        let output = check(&directory, &format!("serve -c {file}"), code);
        let log = String::from_utf8(output.stderr).unwrap();
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        let lines: Vec<Value> = log.lines().map(parse).collect();
        let told = |line: &Value| line["level"] == "ERROR" && line["message"].as_str().unwrap().contains(words);
        assert!(lines.iter().any(told), "{log}");
    };
    check_json("taken.yaml", 3, &address.to_string());
    check_json("broken.yaml", 2, "cannot read the contract `none.yaml`");
    let output = check(&directory, "serve -c text.yaml", 3);
    assert!(told(&output).contains("error: cannot listen"), "{}", told(&output));
}

#[test]
fn under_json_everything_is_json() {
    let directory = setup();
    let check_json = |arguments: &str, code: i32| -> Value {
        let output = check(&directory, arguments, code);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments}: {error}"))
    };
    let report = check_json("check --jsn --json", 2);
    assert!(report["error"].as_str().unwrap().contains("--jsn"), "{report}");
    assert_eq!(check_json("--json fly", 2)["errors"], 0);
    assert!(check_json("health --json --admin 127.0.0.1:9", 3)["error"].is_string());
    let upstream = crate::upstream::Upstream::with_json(crate::http::THING);
    let gate = Setup::new(THINGS, upstream.address).start();
    let report = check_json(&format!("health --json --admin {}", gate.admin), 0);
    assert_eq!(
        report,
        serde_json::json!({"ready": true, "address": gate.admin.to_string()})
    );
    assert!(check(&directory, "check --jsn", 2).stdout.is_empty());
}

#[test]
fn the_demo_stops_every_attack_that_is_the_gates() {
    let directory = Directory::new();
    let output = check(&directory, "demo --attacks --json", 0);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let counts = &report["counts"];
    assert!(counts["attacks"].as_u64().unwrap() >= 90, "{counts}");
    assert_eq!(counts["stopped"], counts["the_gates"], "{counts}");
    let of_tokens = |attack: &&Value| attack["weakness"] == "unverified-token";
    let of_tokens = report["attacks"].as_array().unwrap().iter().filter(of_tokens);
    assert!(of_tokens.count() >= 35);
    assert!(counts["objects"].as_u64().unwrap() >= 50, "{counts}");
    assert!(counts["functions"].as_u64().unwrap() >= 5, "{counts}");
    assert!(counts["properties"].as_u64().unwrap() >= 10, "{counts}");
    let policies = check(&directory, "demo --policies", 0);
    assert_eq!(String::from_utf8(policies.stdout).unwrap(), natter::POLICIES);
    assert_eq!(
        std::fs::read_dir(&directory.0).unwrap().count(),
        0,
        "it leaves nothing behind"
    );
}
