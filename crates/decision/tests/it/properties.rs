//! Properties that hold for whatever somebody writes or asks.

use portcullis_decision::decision::Engine;
use portcullis_decision::engines::cedar::{Cedar, Source, Text};
use portcullis_decision::time::UnixTime;
use portcullis_decision::words::{Action, Evaluation, Resource, Subject};
use proptest::prelude::*;
use serde_json::json;

use crate::random::{Random, World, question, quoted};

const AT: UnixTime = UnixTime(0);

fn compiled(policies: &str, entities: &serde_json::Value) -> Cedar {
    let source = Source {
        policies: vec![Text {
            name: "p",
            text: policies,
        }],
        entities: Some(Text {
            name: "e",
            text: &entities.to_string(),
        }),
        ..Source::default()
    };
    Cedar::compile(&source)
        .unwrap_or_else(|problems| panic!("{problems:#?}"))
        .0
}

fn world(seed: u64, more: &str) -> (Cedar, Random) {
    let mut random = Random(seed);
    let mut world = World::new(&mut random);
    world.policies.push_str(more);
    (compiled(&world.policies, &world.entities.into()), random)
}

/// Ids that a careless comparison would take for others.
fn ids() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("a".to_owned()),
        Just("A".to_owned()),
        Just("*".to_owned()),
        Just("a*".to_owned()),
        Just("a\"".to_owned()),
        Just("a::b".to_owned()),
        Just("a\u{0}".to_owned()),
        Just("a ".to_owned()),
        Just("Tenant::\"a\"".to_owned()),
        "[a*\\\\\"]{1,3}",
    ]
}

proptest! {
    #[test]
    fn one_forbid_overrides_every_permit(seed in any::<u64>()) {
        let (cedar, mut random) = world(seed, "forbid(principal, action, resource);");
        prop_assert!(!cedar.answer(&question(&mut random), AT).unwrap().permits);
    }

    #[test]
    fn without_a_permit_everything_is_denied(seed in any::<u64>()) {
        let mut random = Random(seed);
        let world = World::new(&mut random);
        let policies = world.policies.replace("permit(", "forbid(");
        let cedar = compiled(&policies, &world.entities.into());
        prop_assert!(!cedar.answer(&question(&mut random), AT).unwrap().permits);
    }

    #[test]
    fn nobody_crosses_from_tenant_to_tenant(of_subject in ids(), of_resource in ids(), others in prop::collection::vec(ids(), 0..4)) {
        let mut tenants = vec![of_subject.clone(), of_resource.clone()];
        tenants.extend(others);
        let policies: String = tenants
            .iter()
            .map(|tenant| {
                let tenant = quoted(tenant);
                format!("permit(principal in Tenant::{tenant}, action, resource in Tenant::{tenant});\n")
            })
            .collect();
        let entities = json!([
            {"uid": {"type": "User", "id": "u"}, "attrs": {}, "parents": [{"type": "Tenant", "id": of_subject}]},
            {"uid": {"type": "Doc", "id": "d"}, "attrs": {}, "parents": [{"type": "Tenant", "id": of_resource}]},
        ]);
        let cedar = compiled(&policies, &entities);
        let mut evaluation = Evaluation::new(Subject::new("User", "u"), Action::new("read"), Resource::new("Doc", "d"));
        // What the caller says of itself changes nothing.
        evaluation.subject.properties.insert("tenant", of_resource.clone());
        evaluation.resource.properties.insert("tenant", of_subject.clone());
        evaluation.context.insert("tenant", of_resource.clone());
        prop_assert_eq!(cedar.answer(&evaluation, AT).unwrap().permits, of_subject == of_resource);
    }

    #[test]
    fn ids_match_themselves_alone(named in ids(), asked in ids()) {
        let text = format!(
            "permit(principal == User::{0}, action == Action::{0}, resource == Doc::{0});",
            quoted(&named)
        );
        let cedar = compiled(&text, &json!([]));
        for (subject, action, resource) in [(&asked, &named, &named), (&named, &asked, &named), (&named, &named, &asked)] {
            let evaluation = Evaluation::new(
                Subject::new("User", subject.as_str()),
                Action::new(action.as_str()),
                Resource::new("Doc", resource.as_str()),
            );
            prop_assert_eq!(cedar.answer(&evaluation, AT).unwrap().permits, named == asked);
        }
    }

    #[test]
    fn explanations_agree_with_answers(seed in any::<u64>()) {
        let (cedar, mut random) = world(seed, "");
        let question = question(&mut random);
        let (answer, explanation) = (cedar.answer(&question, AT).unwrap(), cedar.explain(&question, AT).unwrap());
        prop_assert_eq!(explanation.permits, answer.permits);
        let held = explanation.in_scope.iter().filter(|one| one.held == portcullis_decision::explained::Held::Held);
        let deciding: Vec<_> = held.filter(|one| one.forbids != answer.permits).map(|one| one.rule.clone()).collect();
        let forbidden = !answer.permits && !answer.determining.is_empty();
        if answer.permits || forbidden {
            prop_assert_eq!(deciding, answer.determining);
        } else {
            prop_assert!(deciding.is_empty());
        }
        let _ = cedar.opinion(&question, AT);
    }
}
