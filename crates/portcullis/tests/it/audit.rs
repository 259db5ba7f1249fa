//! `portcullis audit` and `explain`: what is found, what passes, what is accepted, and the exit codes.

use std::process::Output;

use serde_json::Value;

use crate::gate::{Directory, Setup, run};
use crate::http::THINGS;

const OPEN: &str = "\
openapi: 3.1.0
info: {title: Notes, version: 1.0.0}
servers: [{url: 'https://api.example.com'}]
paths:
  /notes:
    post:
      requestBody:
        required: true
        content:
          application/json:
            schema:
              $ref: 'schemas/note.yaml'
      responses:
        '204': {description: Kept.}
  /mine:
    get:
      security: [{token: []}]
      responses:
        '204': {description: There are some.}
components:
  securitySchemes:
    token: {type: http, scheme: bearer}
";
const NOTE: &str = "\
type: object
additionalProperties: false
properties:
  text:
    type: string
";

fn directory() -> Directory {
    let directory = Directory::new();
    std::fs::create_dir(directory.0.join("schemas")).unwrap();
    directory.write("notes.yaml", OPEN);
    directory.write("schemas/note.yaml", NOTE);
    directory
}

#[track_caller]
fn check(directory: &Directory, arguments: &str, code: i32) -> Output {
    let output = run(&directory.0, &arguments.split_whitespace().collect::<Vec<_>>());
    let told = [&output.stdout, &output.stderr]
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .concat();
    assert_eq!(output.status.code(), Some(code), "`{arguments}`: {told}");
    output
}

#[track_caller]
fn json(directory: &Directory, arguments: &str, code: i32) -> Value {
    let output = check(directory, &format!("{arguments} --json"), code);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The finding of a rule.
fn finding<'r>(report: &'r Value, rule: &str) -> &'r Value {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["rule"] == rule);
    found.unwrap_or_else(|| panic!("no finding of {rule} in {findings:#?}"))
}

#[test]
fn findings_stand_on_their_lines_in_every_file() {
    let directory = directory();
    let report = json(&directory, "audit notes.yaml", 1);
    let write = finding(&report, "write-without-authentication");
    assert_eq!(
        (&write["severity"], &write["line"], &write["column"]),
        (&"critical".into(), &6.into(), &5.into())
    );
    assert_eq!(write["pointer"], "/paths/~1notes/post");
    let text = finding(&report, "string-without-max-length");
    let file = text["file"].as_str().unwrap();
    assert!(file.ends_with("schemas/note.yaml"), "{text}");
    assert_eq!(
        (&text["line"], &text["pointer"]),
        (&4.into(), &"/properties/text".into())
    );
    assert!(
        report["score"].as_f64().unwrap() < 100.0 && report["passed"] == false,
        "{report}"
    );
}

#[test]
fn gates() {
    let directory = directory();
    check(&directory, "audit notes.yaml", 1);
    check(&directory, "audit notes.yaml --fail-on nothing", 0);
    check(&directory, "audit notes.yaml --fail-on write-without-authentication", 1);
    check(&directory, "audit notes.yaml --min-score 100", 1);
    check(&directory, "audit notes.yaml --min-score 1", 0);
    let output = check(&directory, "audit notes.yaml --fail-on write-without-authenticaton", 2);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("did you mean `write-without-authentication`?"), "{told}");
}

#[test]
fn what_cannot_be_used_is_invalid_and_never_passes() {
    let directory = directory();
    directory.write("schemas/note.yaml", "type: [\n");
    let report = json(&directory, "audit notes.yaml --fail-on nothing", 2);
    assert_eq!((&report["score"], &report["passed"]), (&Value::Null, &false.into()));
    let contract = &report["contracts"][0];
    assert_eq!(contract["valid"], false);
    assert!(!contract["problems"].as_array().unwrap().is_empty(), "{contract}");
    check(&directory, "audit not-here.yaml", 2);
    std::fs::create_dir(directory.0.join("empty")).unwrap();
    check(&directory, "audit empty", 2);
    directory.write(
        "empty/none.yaml",
        "openapi: 3.1.0\ninfo: {title: None, version: 1.0.0}\npaths: {}\n",
    );
    check(&directory, "audit empty --fail-on nothing", 2);
}

#[test]
fn a_baseline_leaves_what_is_new() {
    let directory = directory();
    check(
        &directory,
        "audit notes.yaml --format json -o before.json --fail-on nothing",
        0,
    );
    check(&directory, "audit notes.yaml --baseline before.json --new-only", 0);
    // What was known moves, and something joins it.
    directory.write("notes.yaml", &OPEN.replace("paths:\n", "\n\npaths:\n"));
    directory.write(
        "schemas/note.yaml",
        &format!("# Notes.\n{NOTE}  title:\n    type: string\n"),
    );
    let report = json(&directory, "audit notes.yaml --baseline before.json --new-only", 0);
    assert_eq!(finding(&report, "write-without-authentication")["baseline"], "known");
    assert_eq!(finding(&report, "string-without-max-length")["baseline"], "grown");
    check(
        &directory,
        "audit notes.yaml --baseline before.json --new-only --fail-on low",
        1,
    );
    check(&directory, "audit notes.yaml --baseline notes.yaml", 2);
}

#[test]
fn what_is_accepted_fails_nothing_until_its_last_day() {
    let directory = directory();
    let accepting = |until: &str| {
        let accept = format!(
            "      x-portcullis: {{accept: [{{rule: write-without-authentication, reason: a demo{until}}}]}}\n"
        );
        OPEN.replace("    post:\n", &format!("    post:\n{accept}"))
    };
    let fails = "--fail-on write-without-authentication";
    directory.write("notes.yaml", &accepting(""));
    let report = json(&directory, &format!("audit notes.yaml {fails}"), 0);
    assert_eq!(
        finding(&report, "write-without-authentication")["accepted"]["reason"],
        "a demo"
    );
    directory.write("notes.yaml", &accepting(", until: '2020-01-01'"));
    check(&directory, &format!("audit notes.yaml {fails}"), 1);
    directory.write("notes.yaml", &accepting(", until: soon"));
    check(&directory, &format!("audit notes.yaml {fails}"), 2);

    directory.write("notes.yaml", OPEN);
    let suppression = |rule: &str, rest: &str| {
        directory.write(
            "accepted.yaml",
            &format!("suppressions:\n  - {{rule: {rule}, reason: a demo{rest}}}\n"),
        );
        format!("audit notes.yaml {fails} --suppressions accepted.yaml")
    };
    check(
        &directory,
        &suppression("write-without-authentication", ", pointer: /paths/~1notes"),
        0,
    );
    check(
        &directory,
        &suppression("write-without-authentication", ", pointer: /paths/~1note"),
        1,
    );
    check(
        &directory,
        &suppression("write-without-authentication", ", file: notes.yaml"),
        0,
    );
    let output = check(
        &directory,
        &suppression("write-without-authentication", ", until: 2020-01-01"),
        1,
    );
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("accepted.yaml:2:5: warning: the suppression") && told.contains("ended on 2020-01-01"),
        "{told}"
    );
    check(&directory, &suppression("write-without-authenticaton", ""), 2);
    check(
        &directory,
        &suppression("write-without-authentication", ", untill: 2027-01-01"),
        2,
    );
}

#[test]
fn an_open_operation_says_why_and_loses_nothing() {
    let directory = directory();
    let before = json(&directory, "audit notes.yaml --fail-on nothing", 0);
    let public = "    post:\n      x-portcullis: {public: a wall that everybody writes on}\n";
    directory.write("notes.yaml", &OPEN.replace("    post:\n", public));
    let after = json(&directory, "audit notes.yaml --fail-on write-without-authentication", 0);
    assert!(
        after["security"].as_f64() > before["security"].as_f64(),
        "{before} {after}"
    );
}

/// A gate that took what is for the audit alone as its own would refuse it, as it refuses what it does not know.
#[test]
fn the_gate_leaves_to_the_audit_what_is_for_it() {
    let says = |extension: &str| {
        let contract = THINGS.replacen("paths:\n", &format!("x-portcullis: {{{extension}}}\npaths:\n"), 1);
        Setup::new(&contract, "127.0.0.1:9".parse().unwrap()).written()
    };
    check(&says("publik: why not"), "check -c gate.yaml", 1);
    check(
        &says("public: it is a demo, accept: [{rule: object-open, reason: a demo}]"),
        "check -c gate.yaml",
        0,
    );
}

#[test]
fn a_directory_is_all_of_its_contracts() {
    let directory = directory();
    std::fs::create_dir(directory.0.join("more")).unwrap();
    directory.write("more/again.json", &format!("{{\"openapi\": \"3.1.0\", {}", r#""info": {"title": "A", "version": "1"}, "paths": {"/a": {"get": {"responses": {"204": {"description": "No."}}}}}}"#));
    let report = json(&directory, "audit . --fail-on nothing", 0);
    let contracts = report["contracts"].as_array().unwrap();
    let locations: Vec<&str> = contracts
        .iter()
        .map(|contract| contract["location"].as_str().unwrap())
        .collect();
    assert_eq!(
        locations,
        ["./more/again.json", "./notes.yaml"],
        "parts are no contracts"
    );
}

#[test]
fn every_report_is_written() {
    let directory = directory();
    for (format, begins) in [
        ("terminal", ""),
        ("json", "{"),
        ("sarif", "{"),
        ("junit", "<?xml"),
        ("markdown", ""),
        ("html", "<!"),
    ] {
        check(
            &directory,
            &format!("audit notes.yaml --format {format} -o report --explain-score"),
            1,
        );
        let text = directory.read("report");
        let named = text.contains("write-without-authentication");
        assert!(
            named && text.starts_with(begins) && !text.contains('\u{1b}'),
            "{format}: {text}"
        );
    }
    check(&directory, "audit notes.yaml -o not-here/report", 3);
}

#[test]
fn rules_explain_themselves() {
    let directory = Directory::new();
    let output = check(&directory, "explain", 0);
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        list.contains("string-without-max-length") && !list.contains('\u{1b}'),
        "{list}"
    );
    let output = check(&directory, "explain string-without-max-length", 0);
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in ["Why", "Incident", "Fix", "At the gate", "CWE-770", "maxLength: 4000"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let page = json(&directory, "explain string-without-max-length", 0);
    assert_eq!(page["owasp"][0], "API4:2023");
    check(&directory, "explain string-without-max-lenght", 2);
}
