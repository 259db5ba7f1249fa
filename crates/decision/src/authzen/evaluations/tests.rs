use std::cell::Cell;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::decision::{Decision, Opinion, Verdict, Version};

/// Permits resources whose id is `yes`, and counts what it is asked.
struct Yes(Cell<usize>);

impl DecisionPoint for Yes {
    fn evaluate(&self, evaluation: &Evaluation, _: UnixTime) -> Decision {
        self.0.set(self.0.get() + 1);
        let verdict = if evaluation.resource.id == "yes" {
            Verdict::Permits
        } else {
            Verdict::Silent
        };
        Decision::of([Opinion {
            verdict,
            reasons: vec![],
        }])
    }

    fn reads_time(&self) -> bool {
        false
    }

    fn version(&self) -> Option<Version> {
        None
    }
}

fn respond(request: serde_json::Value) -> serde_json::Value {
    let request: EvaluationsRequest = serde_json::from_value(request).unwrap();
    serde_json::to_value(evaluate(&Yes(Cell::new(0)), &request, UnixTime(0))).unwrap()
}

#[test]
fn defaults_are_replaced_part_by_part() {
    let answer = respond(json!({
        "subject": {"type": "user", "id": "a"},
        "action": {"name": "read"},
        "resource": {"type": "doc", "id": "yes", "properties": {"x": 1}},
        "evaluations": [{}, {"resource": {"type": "doc", "id": "no"}}, {"subject": {"type": "user", "id": "b"}}],
    }));
    assert_eq!(
        answer,
        json!({"evaluations": [{"decision": true}, {"decision": false}, {"decision": true}]})
    );
    let request = EvaluationsRequest {
        resource: Some(serde_json::from_value(json!({"type": "doc", "id": "1", "properties": {"x": 1}})).unwrap()),
        subject: Some(Subject::new("user", "a")),
        action: Some(Action::new("read")),
        ..EvaluationsRequest::default()
    };
    let partial = Partial {
        resource: Some(Resource::new("doc", "2")),
        ..Partial::default()
    };
    assert!(merged(&request, &partial).unwrap().resource.properties.is_empty());
}

#[test]
fn without_evaluations_it_is_one() {
    let whole = json!({"subject": {"type": "user", "id": "a"}, "action": {"name": "r"}, "resource": {"type": "d", "id": "yes"}});
    assert_eq!(respond(whole.clone()), json!({"decision": true}));
    let mut empty = whole;
    empty["evaluations"] = json!([]);
    assert_eq!(respond(empty), json!({"decision": true}));
}

#[test]
fn what_is_incomplete_is_denied_and_said() {
    let answer = respond(json!({"evaluations": [{"subject": {"type": "user", "id": "a"}}]}));
    let error = &answer["evaluations"][0]["context"]["error"];
    assert_eq!(
        (&answer["evaluations"][0]["decision"], &error["message"]),
        (&json!(false), &json!("the action is missing"))
    );
}

#[test]
fn there_is_a_bound() {
    let request = json!({"evaluations": vec![json!({}); EVALUATIONS_MAX + 1]});
    let error = serde_json::from_value::<EvaluationsRequest>(request).unwrap_err();
    assert!(error.to_string().contains("more than 1000"), "{error}");
}

proptest! {
    /// What is executed is always a prefix of all, and it ends where the semantic says.
    #[test]
    fn semantics(wanted in prop::collection::vec(any::<bool>(), 1..12), which in 0..3_usize) {
        let semantic = [Semantic::ExecuteAll, Semantic::DenyOnFirstDeny, Semantic::PermitOnFirstPermit][which];
        let evaluations = wanted.iter().map(|yes| Partial {
            subject: Some(Subject::new("user", "a")),
            action: Some(Action::new("read")),
            resource: Some(Resource::new("doc", if *yes { "yes" } else { "no" })),
            context: None,
        });
        let request = EvaluationsRequest {
            evaluations: evaluations.collect(),
            options: Options { evaluations_semantic: semantic },
            ..EvaluationsRequest::default()
        };
        let point = Yes(Cell::new(0));
        let EvaluationsResponse::Several { evaluations } = evaluate(&point, &request, UnixTime(0)) else {
            panic!("one answer");
        };
        let found: Vec<bool> = evaluations.iter().map(|one| one.decision).collect();
        let end = match semantic {
            Semantic::ExecuteAll => None,
            Semantic::DenyOnFirstDeny => wanted.iter().position(|yes| !yes),
            Semantic::PermitOnFirstPermit => wanted.iter().position(|yes| *yes),
        };
        let expected = &wanted[..end.map_or(wanted.len(), |end| end + 1)];
        prop_assert_eq!(&found[..], expected);
        prop_assert_eq!(point.0.get(), expected.len());
    }
}
