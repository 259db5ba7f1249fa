//! What people look at policies with: `policy explain`, `lint` and `replay`, as the program answers.

use std::process::Output;

use serde_json::{Value, json};

use crate::gate::{Directory, run};

const CONTRACT: &str = "\
openapi: 3.1.0
info: {title: Bank, version: '1'}
paths:
  /accounts:
    get: {operationId: listAccounts, responses: {'200': {description: ok}}}
  /accounts/{account}:
    parameters: [{name: account, in: path, required: true, schema: {type: string}}]
    x-portcullis: {resources: [{type: Account, path: account}]}
    get: {operationId: readAccount, responses: {'200': {description: ok}}}
    delete: {operationId: deleteAccount, responses: {'200': {description: ok}}}
";
const POLICIES: &str = r#"
@id("owners") permit (principal, action == Action::"readAccount", resource is Account)
when { resource has owner && resource.owner == principal };
@id("teller") permit (principal, action == Action::"readAccount", resource is Account)
when { principal has department && principal.department == "tellers" };
"#;
const ROLES: &str = "\
roles:
  teller: {operations: [listAccounts, readAccount]}
  cleaner: {operations: [deleteAccount]}
  root: {operations: ['*']}
  nobody: {operations: [listAccounts]}
assignments:
  - {role: teller, subject: jean, when: {networks: [10.0.0.0/8]}}
  - {role: cleaner, group: cleaners}
  - {role: root, subject: root}
  - {role: teller, subject: alice}
";

fn bank(policies: &str) -> Directory {
    let directory = Directory::new();
    directory.write("api.yaml", CONTRACT);
    directory.write("bank.cedar", policies);
    directory.write("roles.yaml", ROLES);
    let owner = json!({"owner": {"__entity": {"type": "User", "id": "alice"}}});
    let entities = json!([{"uid": {"type": "Account", "id": "1"}, "attrs": owner, "parents": []}]);
    directory.write("entities.json", &entities.to_string());
    directory.write(
        "gate.yaml",
        "listen: 127.0.0.1:0\napis:\n  - {name: bank, contract: api.yaml, upstream: 'http://127.0.0.1:9', authorization: {policies: \
         [bank.cedar], roles: roles.yaml, entities: entities.json, claims: {department: string}, groups_claim: groups, resources: \
         {Account: {owner: User}}}}\n",
    );
    directory
}

fn asks(directory: &Directory, arguments: &[&str]) -> (Output, String) {
    let arguments = [&["policy"], arguments, &["-c", "gate.yaml"]].concat();
    let output = run(&directory.0, &arguments);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(!text.contains('\u{1b}'), "colours are for terminals: {text:?}");
    (output, text)
}

#[track_caller]
fn ends(directory: &Directory, arguments: &[&str], code: i32) -> String {
    let (output, text) = asks(directory, arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}{errors}");
    text + &errors
}

#[track_caller]
fn json_of(directory: &Directory, arguments: &[&str], code: i32) -> Value {
    let told = ends(directory, &[arguments, &["--json"]].concat(), code);
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"))
}

fn reads(who: &str, account: &str) -> Value {
    json!({"subject": {"type": "User", "id": who}, "action": {"name": "readAccount"}, "resource": {"type": "Account", "id": account}})
}

#[test]
fn d6_a_decision_is_explained_by_its_rules_their_conditions_and_what_was_missing() {
    let bank = bank(POLICIES);
    let asked = [
        "explain",
        "--subject",
        "User::alice",
        "--action",
        "readAccount",
        "--resource",
        "Account::\"1\"",
    ];
    let told = ends(&bank, &asked, 0);
    for expected in [
        "User `alice` readAccount Account `1`: permitted\nbecause: cedar:owners\n",
        "\nroles permits\n",
        "\n  ok   teller permits\n",
        "       ok   given to User `alice`",
        "       no   given to User `jean`",
        "       -    principal.department == \"tellers\"\n",
        "\n  2 others are about something else\n",
        "cedar permits\n  ok   owners permits (",
        "bank.cedar:2:",
        "       ok   resource.owner == principal",
        "  no   teller permits",
        "       missing: principal.department",
    ] {
        assert!(told.contains(expected), "{expected:?} in {told}");
    }
}

#[test]
fn d6_what_is_not_permitted_is_explained_too() {
    let bank = bank(POLICIES);
    let asked = [
        "explain",
        "--subject",
        "User::jean",
        "--action",
        "readAccount",
        "--resource",
        "Account::1",
        "--address",
        "192.0.2.7",
    ];
    let told = ends(&bank, &asked, 0);
    assert!(told.contains("denied\nbecause: nothing-permits"), "{told}");
    assert!(
        told.contains("ok   given to User `jean`\n       no   from 10.0.0.0/8"),
        "{told}"
    );
    let listed = json_of(
        &bank,
        &[
            "explain",
            "--subject",
            "User::x",
            "--action",
            "listAccounts",
            "--resource",
            "Api::bank",
        ],
        0,
    );
    assert_eq!(listed["decision"], false);
    assert_eq!(listed["explained"][0]["engine"], "roles");
    ends(
        &bank,
        &[
            "explain",
            "--subject",
            "alice",
            "--action",
            "readAccount",
            "--resource",
            "Account::1",
        ],
        2,
    );
    ends(&bank, &["explain", "--subject", "User::alice"], 2);
}

#[test]
fn d6_a_file_is_explained_be_it_a_question_or_a_record() {
    let bank = bank(POLICIES);
    bank.write(
        "question.yaml",
        "subject: {type: User, id: alice}\naction: {name: readAccount}\nresource: {type: Account, id: '1'}\n",
    );
    assert!(ends(&bank, &["explain", "question.yaml"], 0).contains("permitted"));
    let record = |who: &str, decision: bool, digests: Value| json!({"at": 7, "api": "bank", "evaluation": reads(who, "1"), "decision": decision, "determining": ["cedar:owners"], "digests": digests});
    bank.write("one.json", &record("alice", true, json!({})).to_string());
    let told = ends(&bank, &["explain", "one.json"], 0);
    assert!(told.contains("recorded: permitted by cedar:owners"), "{told}");
    let two = [
        record("alice", true, json!({})),
        record("jean", false, json!({"subject": "ab"})),
    ]
    .map(|record| record.to_string());
    bank.write("records.jsonl", &two.join("\n"));
    let told = ends(&bank, &["explain", "records.jsonl", "--line", "2"], 0);
    assert!(
        told.contains("`jean`") && told.contains("what it said of subject is digested"),
        "{told}"
    );
    assert!(ends(&bank, &["explain", "records.jsonl", "--line", "3"], 2).contains("has no line 3"));
    bank.write("wrong.yaml", "subject: {type: User}\n");
    ends(&bank, &["explain", "wrong.yaml"], 2);
    ends(&bank, &["explain", "missing.yaml"], 2);
}

#[test]
fn d6_rules_that_are_hardly_meant_are_found() {
    let odd = format!(
        "{POLICIES}\n@id(\"all\") permit (principal, action, resource);\n@id(\"again\") permit (principal, action, resource);\n@id(\"never\") \
         permit (principal, action == Action::\"deleteAccount\", resource is Account) when {{ 1 > 2 }};\n"
    );
    let bank = bank(&odd);
    let found = json_of(&bank, &["lint"], 1);
    let found: Vec<(&str, &str)> = found["found"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lint| (lint["rule"]["id"].as_str().unwrap(), lint["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            ("nobody", "unreachable"),
            ("root", "too_wide"),
            ("all", "too_wide"),
            ("again", "too_wide"),
            ("again", "identical"),
            ("never", "unreachable"),
        ]
    );
    let told = ends(&bank, &["lint"], 1);
    assert!(
        told.contains("bank.cedar:7:1: warning: `all` permits everything"),
        "{told}"
    );
    bank.write("cases.yaml", "- {name: a, evaluation: {subject: {type: User, id: alice}, action: {name: readAccount}, resource: {type: Account, id: '1'}}, decision: true}\n");
    let told = ends(&bank, &["lint", "cases.yaml"], 1);
    assert!(
        told.contains("`teller` decides none of the cases") && !told.contains("`owners` decides none"),
        "{told}"
    );
}

#[test]
fn d6_equal_names_of_a_role_and_a_policy_are_two_rules() {
    let bank = bank(POLICIES);
    bank.write(
        "cases.yaml",
        "- {name: a, evaluation: {subject: {type: User, id: alice}, action: {name: listAccounts}, resource: {type: Api, id: bank}}, \
         decision: true, determining: ['roles:teller']}\n",
    );
    let told = json_of(&bank, &["test", "cases.yaml"], 0);
    let unused = told["rules_that_decided_none"].to_string();
    assert!(unused.contains(r#"{"engine":"cedar","id":"teller"}"#), "{unused}");
    assert!(!unused.contains(r#"{"engine":"roles","id":"teller"}"#), "{unused}");
}

#[test]
fn d6_recorded_decisions_are_made_again_and_what_changes_is_told() {
    let record = |who: &str, department: &str, decision: bool, determining: &[&str]| {
        let mut evaluation = reads(who, "1");
        if !department.is_empty() {
            evaluation["subject"]["properties"] = json!({"department": department});
        }
        evaluation["context"] = json!({"address": "10.0.0.1"});
        json!({"at": 7, "api": "bank", "evaluation": evaluation, "decision": decision, "determining": determining})
    };
    let mut digested = record("alice", "", true, &["cedar:owners"]);
    digested["digests"] = json!({"subject": "ab"});
    let mut other = record("alice", "", true, &[]);
    other["api"] = json!("shop");
    let records = [
        record("alice", "", true, &["cedar:owners"]),
        record("alice", "", true, &["cedar:gone"]),
        record("jean", "tellers", true, &["cedar:teller"]),
        record("jean", "", true, &["cedar:gone"]),
        record("jean", "", true, &["cedar:gone"]),
        record("alice", "", false, &["cedar:frozen"]),
        digested,
        other,
    ];
    let lines: Vec<String> = records.iter().map(ToString::to_string).collect();
    let bank = bank(POLICIES);
    bank.write("records.jsonl", &(lines.join("\n") + "\n\n"));
    let told = json_of(&bank, &["replay", "records.jsonl"], 1);
    for (name, expected) in [
        ("replayed", 6),
        ("changed", 3),
        ("other_rules", 1),
        ("digested", 1),
        ("of_other_apis", 1),
    ] {
        assert_eq!(told[name], expected, "{name} in {told}");
    }
    assert_eq!(
        told["by_subject_and_action"],
        json!([
            {"subject": "User::jean", "action": "readAccount", "now_permitted": 0, "now_denied": 2},
            {"subject": "User::alice", "action": "readAccount", "now_permitted": 1, "now_denied": 0},
        ])
    );
    let first = &told["changes"][0];
    assert_eq!(
        (&first["line"], &first["now"], &first["was_by"], &first["now_by"]),
        (
            &json!(4),
            &json!(false),
            &json!("cedar:gone"),
            &json!("nothing-permits")
        )
    );
    let text = ends(&bank, &["replay", "records.jsonl"], 1);
    assert!(
        text.contains("decided again: 6, the other way: 3, the same by other rules: 1"),
        "{text}"
    );
    assert!(
        text.contains("cannot be decided again, because what they said is digested: 1"),
        "{text}"
    );
    bank.write("same.jsonl", &lines[..1].concat());
    let told = ends(&bank, &["replay", "same.jsonl"], 0);
    assert!(told.starts_with("decided again: 1, the other way: 0"), "{told}");
    bank.write("wrong.jsonl", &format!("{}\n{{\"at\": 1}}\n", lines[0]));
    assert!(ends(&bank, &["replay", "wrong.jsonl"], 2).contains("line 2 of `wrong.jsonl` is no record"));
    ends(&bank, &["replay", "missing.jsonl"], 2);
}
