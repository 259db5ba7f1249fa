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
    assert!(told.contains("denied\nbecause: no-role: root or teller\n"), "{told}");
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
fn d6_what_nobody_ever_asks_is_no_question() {
    let bank = bank(POLICIES);
    let explain = |subject: &str, action: &str, resource: &str| {
        let asked = [
            "explain",
            "--subject",
            subject,
            "--action",
            action,
            "--resource",
            resource,
        ];
        ends(&bank, &asked, 2)
    };
    for (subject, action, resource, expected) in [
        (
            "User::a",
            "readAcount",
            "Account::1",
            "`readAcount` is no operation of the contract: did you mean `readAccount`?",
        ),
        (
            "user::a",
            "readAccount",
            "Account::1",
            "no caller is a `user`: did you mean `User`?",
        ),
        (
            "User::a",
            "readAccount",
            "Acount::1",
            "no request names a `Acount`: did you mean `Account`?",
        ),
        (
            "User::a",
            "readAccount",
            "Api::bank",
            "`readAccount` is never asked about a resource of type `Api`, but of `Account`",
        ),
        (
            "User::a",
            "listAccounts",
            "Account::1",
            "`listAccounts` is never asked about a resource of type `Account`, but of `Api`",
        ),
        (
            "User::a",
            "listAccounts",
            "Api::shop",
            "there is no API `shop` here: there is `bank`",
        ),
    ] {
        let told = explain(subject, action, resource);
        assert!(told.contains(expected), "{expected:?} in {told}");
    }
}

#[test]
fn d6_a_question_in_a_file_is_one_that_somebody_asks_now() {
    let bank = bank(POLICIES);
    bank.write(
        "question.yaml",
        "subject: {type: User, id: alice, properties: {departement: tellers}}\naction: {name: readAccount}\nresource: {type: Account, id: '1'}\n",
    );
    let told = ends(&bank, &["explain", "question.yaml"], 2);
    assert!(
        told.contains("question.yaml:1:47") && told.contains("a `User` has no property `departement`"),
        "{told}"
    );
    // What somebody was told then is told, and what nobody can be asked is not.
    let record = |action: &str| {
        let mut evaluation = reads("alice", "1");
        evaluation["action"]["name"] = json!(action);
        evaluation["context"] = json!({"gone": 1});
        json!({"at": 7, "api": "bank", "evaluation": evaluation, "decision": true}).to_string()
    };
    bank.write("now.json", &record("readAccount"));
    ends(&bank, &["explain", "now.json"], 0);
    bank.write("then.json", &record("showAccount"));
    let told = ends(&bank, &["explain", "then.json"], 2);
    assert!(
        told.contains("nobody asks this now: `showAccount` is no operation"),
        "{told}"
    );
}

/// What is told of a case besides one that is good.
#[track_caller]
fn of_case(bank: &Directory, more: &str, expected: &[&str]) {
    let good = "- {name: good, decision: true, evaluation: {subject: {type: User, id: alice}, action: {name: readAccount}, resource: {type: \
                    Account, id: '1'}}, determining: [owners]}\n";
    bank.write("cases.yaml", &format!("{good}{more}"));
    let told = ends(bank, &["test", "cases.yaml"], if expected.is_empty() { 0 } else { 2 });
    for words in expected {
        assert!(told.contains(words), "{words:?} in {told}");
    }
    assert_eq!(told.contains("1 error\n"), !expected.is_empty(), "{told}");
}

fn denied_case(subject: &str, action: &str, resource: &str, more: &str) -> String {
    format!(
        "- {{name: x, decision: false, evaluation: {{subject: {{{subject}}}, action: {{name: {action}}},\n    resource: {{{resource}}}}}{more}}}\n"
    )
}

const JEAN: &str = "type: User, id: jean";
const ACCOUNT: &str = "type: Account, id: '1'";

#[test]
fn d6_a_case_that_is_misspelt_tests_nothing_and_is_an_error() {
    let bank = bank(POLICIES);
    let case = |more: &str, expected: &[&str]| of_case(&bank, more, expected);
    case("", &[]);
    case(
        &denied_case(JEAN, "readAccount", ACCOUNT, ", determining: ['cedar:owners']")
            .replace("false", "true")
            .replace("jean", "alice"),
        &[],
    );
    case(
        &denied_case(JEAN, "deletAccount", ACCOUNT, ""),
        &[
            "cases.yaml:2:91",
            "`deletAccount` is no operation",
            "did you mean `deleteAccount`?",
        ],
    );
    case(
        &denied_case("type: Usr, id: jean", "readAccount", ACCOUNT, ""),
        &["cases.yaml:2:59", "no caller is a `Usr`", "did you mean `User`?"],
    );
    case(
        &denied_case(JEAN, "readAccount", "type: Acount, id: '1'", ""),
        &[
            "cases.yaml:3:22",
            "no request names a `Acount`",
            "did you mean `Account`?",
        ],
    );
    case(
        &denied_case(JEAN, "readAccount", "type: Api, id: bank", ""),
        &[
            "cases.yaml:3:22",
            "is never asked about a resource of type `Api`, but of `Account`",
        ],
    );
    case(
        &denied_case(JEAN, "listAccounts", "type: Api, id: bnk", ""),
        &["cases.yaml:3:31", "there is no API `bnk` here", "`bank`"],
    );
}

#[test]
fn d6_a_case_that_names_no_property_or_rule_is_an_error() {
    let bank = bank(POLICIES);
    let case = |more: &str, expected: &[&str]| of_case(&bank, more, expected);
    case(
        &denied_case(
            "type: User, id: jean, properties: {departmnt: x}",
            "readAccount",
            ACCOUNT,
            "",
        ),
        &[
            "cases.yaml:2:",
            "a `User` has no property `departmnt`",
            "did you mean `department`?",
        ],
    );
    case(
        &denied_case(JEAN, "readAccount", "type: Account, id: '1', properties: {ownr: x}", ""),
        &[
            "cases.yaml:3:53",
            "a `Account` has no property `ownr`",
            "did you mean `owner`?",
        ],
    );
    case(
        &denied_case(JEAN, "readAccount", ACCOUNT, ", determining: [onwers]"),
        &[
            "cases.yaml:3:56",
            "no policy, role or relation is called `onwers`",
            "did you mean `owners`?",
        ],
    );
    case(
        &denied_case(JEAN, "readAccount", ACCOUNT, ", determining: ['role:teller']"),
        &[
            "no policy, role or relation is called `role:teller`",
            "did you mean `roles:teller`?",
        ],
    );
    // Those who look for rules that no case needs are told as well.
    assert!(ends(&bank, &["lint", "cases.yaml"], 2).contains("`role:teller`"));
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
fn d6_a_record_that_does_not_say_which_rules_decided_is_told_of() {
    let bank = bank(POLICIES);
    // What a record leaves out is told, and is not taken for another rule.
    let mut bare = ["alice", "jean"]
        .map(|who| json!({"at": 7, "api": "bank", "evaluation": reads(who, "1"), "decision": true, "determining": []}));
    for record in &mut bare {
        record.as_object_mut().unwrap().remove("determining");
    }
    bank.write("bare.jsonl", &bare.map(|record| record.to_string()).join("\n"));
    let told = ends(&bank, &["replay", "bare.jsonl"], 1);
    for expected in [
        "decided again: 2, the other way: 1, the same by other rules: 0",
        "do not say by which rules they were decided (`determining`), so that only the decisions were compared: 2",
        "was permitted by rules that it does not say (`determining`), is by no-role: root or teller",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
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
