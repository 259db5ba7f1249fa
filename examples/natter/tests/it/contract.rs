//! The contract and the service agree: every declared operation is served, and what it refuses is refused there too.

use std::collections::HashSet;

use natter::CONTRACT;
use serde_json::Value;

use crate::client::Stage;

const VERBS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn contract() -> Value {
    serde_saphyr::from_str(CONTRACT).unwrap()
}

#[tokio::test]
async fn every_declared_operation_is_served() {
    let contract = contract();
    let stage = Stage::set().await;
    let mut names = HashSet::new();
    for (template, item) in contract["paths"].as_object().unwrap() {
        for (verb, operation) in item
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| VERBS.contains(&key.as_str()))
        {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} twice");
            if name == "streamMessages" {
                continue;
            }
            let path = template.replace("{spaceId}", "1").replace("{userId}", "1");
            let path = path.replace("{messageId}", "1").replace("{username}", "bob");
            let answer = stage.send(&verb.to_uppercase(), &path, &[], "{}").await;
            assert_ne!(answer.status, 405, "{verb} {path}");
            assert!(
                answer.status != 404 || !answer.body.is_empty(),
                "{verb} {path} is not routed"
            );
        }
    }
    assert_eq!(names.len(), 22, "{names:?}");
}

#[test]
fn left_overs_are_in_no_contract() {
    let contract = contract();
    assert!(contract["paths"]["/debug/users"].is_null());
    assert!(contract["paths"]["/users/{userId}"]["put"].is_null());
}
