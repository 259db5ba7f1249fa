//! The interop cases that the AuthZEN working group publishes, with policies of our own in Cedar.

use std::sync::Arc;

use portcullis_decision::authzen::evaluations::{EvaluationsRequest, EvaluationsResponse, evaluate};
use portcullis_decision::authzen::search::{Extent, ResourceSearch, SubjectSearch, resources, subjects};
use portcullis_decision::decision::{DecisionPoint, Engines};
use portcullis_decision::engines::cedar::{Cedar, Source, Text};
use portcullis_decision::time::UnixTime;
use portcullis_decision::words::{Evaluation, Resource, Subject};
use serde_json::{Value, json};

const AT: UnixTime = UnixTime(0);

const TODO: &str = include_str!("../vectors/authzen/todo-decisions-1_0-02.json");
const SUBJECTS: &str = include_str!("../vectors/authzen/search-subject.json");
const RESOURCES: &str = include_str!("../vectors/authzen/search-resource.json");
const USERS: &str = include_str!("../vectors/authzen/search-users.json");
const RECORDS: &str = include_str!("../vectors/authzen/search-records.json");

fn point(policies: &str, entities: &Value) -> Engines {
    let source = Source {
        policies: vec![Text {
            name: "interop.cedar",
            text: policies,
        }],
        entities: Some(Text {
            name: "entities.json",
            text: &entities.to_string(),
        }),
        ..Source::default()
    };
    let (cedar, _) = Cedar::compile(&source).unwrap_or_else(|problems| panic!("{problems:#?}"));
    Engines::new(vec![Arc::new(cedar)])
}

fn todo() -> Engines {
    let policies = r#"
        permit(principal in role::"viewer", action == Action::"can_read_user", resource is user);
        permit(principal in role::"viewer", action == Action::"can_read_todos", resource is todo);
        permit(principal in role::"editor", action == Action::"can_create_todo", resource is todo);
        permit(principal in role::"editor", action in [Action::"can_update_todo", Action::"can_delete_todo"], resource is todo)
            when { resource.ownerID == principal.email };
        permit(principal in role::"evil_genius", action == Action::"can_update_todo", resource is todo);
        permit(principal in role::"admin", action == Action::"can_delete_todo", resource is todo);
    "#;
    let user = |letter: &str, email: &str, roles: &[&str]| {
        let parents: Vec<Value> = roles.iter().map(|role| json!({"type": "role", "id": role})).collect();
        let id = format!("CiRmZD{letter}2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs");
        json!({"uid": {"type": "user", "id": id}, "attrs": {"email": email}, "parents": parents})
    };
    let role = |id: &str, above: &[&str]| {
        let parents: Vec<Value> = above.iter().map(|role| json!({"type": "role", "id": role})).collect();
        json!({"uid": {"type": "role", "id": id}, "attrs": {}, "parents": parents})
    };
    let entities = json!([
        role("viewer", &[]),
        role("editor", &["viewer"]),
        role("admin", &["editor"]),
        role("evil_genius", &["editor"]),
        user("A", "rick@the-citadel.com", &["admin", "evil_genius"]),
        user("E", "morty@the-citadel.com", &["editor"]),
        user("I", "summer@the-smiths.com", &["editor"]),
        user("M", "beth@the-smiths.com", &["viewer"]),
        user("Q", "jerry@the-smiths.com", &["viewer"]),
    ]);
    point(policies, &entities)
}

fn members<'a>(document: &'a Value, name: &str) -> &'a Vec<Value> {
    document[name].as_array().unwrap()
}

#[test]
fn todo_decisions() {
    let point = todo();
    let document: Value = serde_json::from_str(TODO).unwrap();
    let cases = members(&document, "evaluation");
    assert_eq!(cases.len(), 40);
    for case in cases {
        let evaluation: Evaluation = serde_json::from_value(case["request"].clone()).unwrap();
        let decision = point.evaluate(&evaluation, AT);
        assert_eq!(
            Value::from(decision.permits()),
            case["expected"],
            "{evaluation}: {:?}",
            decision.reasons()
        );
    }
}

#[test]
fn todo_decisions_several_at_once() {
    let point = todo();
    let document: Value = serde_json::from_str(TODO).unwrap();
    let cases = members(&document, "evaluations");
    assert_eq!(cases.len(), 3);
    for case in cases {
        let request: EvaluationsRequest = serde_json::from_value(case["request"].clone()).unwrap();
        let EvaluationsResponse::Several { evaluations } = evaluate(&point, &request, AT) else {
            panic!("one answer: {case}");
        };
        assert_eq!(serde_json::to_value(evaluations).unwrap(), case["expected"], "{case}");
    }
}

/// Everybody sees their department and what they own, managers see everything; owners edit and delete, managers of the department edit.
const LIBRARY: &str = r#"
    permit(principal is user, action == Action::"view", resource is record)
        when { principal.role == "manager" || principal.department == resource.department };
    permit(principal is user, action, resource is record) when { principal.name == resource.owner };
    permit(principal is user, action == Action::"edit", resource is record)
        when { principal.role == "manager" && principal.department == resource.department };
"#;

fn users() -> Vec<Subject> {
    let users: Vec<Value> = serde_json::from_str(USERS).unwrap();
    let subject = |user: &Value| {
        let id = user["id"].as_str().unwrap();
        let mut subject = Subject::new("user", id);
        subject.properties.insert("name", id);
        subject.properties.insert("role", user["role"].clone());
        subject.properties.insert("department", user["department"].clone());
        subject
    };
    users.iter().map(subject).collect()
}

fn records() -> Vec<Resource> {
    let records: Vec<Value> = serde_json::from_str(RECORDS).unwrap();
    let resource = |record: &Value| {
        let mut resource = Resource::new("record", record["id"].to_string());
        resource.properties.insert("owner", record["owner"].clone());
        resource.properties.insert("department", record["department"].clone());
        resource
    };
    records.iter().map(resource).collect()
}

#[test]
fn subject_search() {
    let point = point(LIBRARY, &json!([]));
    let (users, records) = (users(), records());
    let document: Value = serde_json::from_str(SUBJECTS).unwrap();
    assert_eq!(members(&document, "evaluation").len(), 60);
    for case in members(&document, "evaluation") {
        let mut search: SubjectSearch = serde_json::from_value(case["request"].clone()).unwrap();
        search.resource = records
            .iter()
            .find(|record| record.id == search.resource.id)
            .unwrap()
            .clone();
        let answer = subjects(&point, &search, users.iter(), Extent::Complete, AT).unwrap();
        assert_eq!(
            Value::from(answer.results),
            case["expected"]["results"],
            "{}",
            case["request"]
        );
    }
}

#[test]
fn resource_search() {
    let point = point(LIBRARY, &json!([]));
    let (users, records) = (users(), records());
    let document: Value = serde_json::from_str(RESOURCES).unwrap();
    assert_eq!(members(&document, "evaluation").len(), 18);
    for case in members(&document, "evaluation") {
        let mut search: ResourceSearch = serde_json::from_value(case["request"].clone()).unwrap();
        search.subject = users.iter().find(|user| user.id == search.subject.id).unwrap().clone();
        let answer = resources(&point, &search, records.iter(), Extent::Complete, AT).unwrap();
        assert_eq!(
            Value::from(answer.results),
            case["expected"]["results"],
            "{}",
            case["request"]
        );
    }
}
