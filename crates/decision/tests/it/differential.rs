//! Random worlds, decided by our index and by `cedar_policy::Authorizer`, which looks at every policy: the same decisions, the same
//! determining policies, the same errors.
//!
//! `PORTCULLIS_WORLDS=100000` decides so many; a failure names the seed of its world.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, PolicyId,
    PolicySet, Request, SlotId,
};
use portcullis_decision::engines::cedar::{Cedar, Membership, Source, Text};
use portcullis_decision::properties::Properties;
use portcullis_decision::time::UnixTime;
use portcullis_decision::words::Evaluation;
use serde_json::{Map, Value, json};

use crate::random::{Random, World, question};

const AT: UnixTime = UnixTime(1_795_426_200);
const WORLDS: u64 = 600;
const QUESTIONS: usize = 6;
const THREADS: usize = 2;

/// What both say of a question.
#[derive(Debug, PartialEq)]
struct Said {
    permits: bool,
    determining: BTreeSet<String>,
    errors: BTreeMap<String, String>,
}

fn ours(world: &World) -> Cedar {
    let entities = Value::from(world.entities.clone()).to_string();
    let source = Source {
        policies: vec![Text {
            name: "world.cedar",
            text: &world.policies,
        }],
        links: world.links.clone(),
        entities: Some(Text {
            name: "entities.json",
            text: &entities,
        }),
        subject_memberships: vec![Membership {
            property: "groups".to_owned(),
            kind: "Group".to_owned(),
        }],
        ..Source::default()
    };
    Cedar::compile(&source)
        .unwrap_or_else(|problems| panic!("{problems:#?}\n{}", world.policies))
        .0
}

fn ours_says(cedar: &Cedar, question: &Evaluation) -> Said {
    let answer = cedar.answer(question, AT).unwrap();
    Said {
        permits: answer.permits,
        determining: answer.determining.iter().map(|rule| rule.id.to_string()).collect(),
        errors: answer
            .errors
            .iter()
            .map(|(rule, message)| (rule.id.to_string(), message.clone()))
            .collect(),
    }
}

fn plain(world: &World) -> PolicySet {
    let mut policies: PolicySet = world.policies.parse().unwrap();
    for link in &world.links {
        let mut values = HashMap::new();
        values.extend(
            link.principal
                .as_ref()
                .map(|uid| (SlotId::principal(), uid.parse().unwrap())),
        );
        values.extend(
            link.resource
                .as_ref()
                .map(|uid| (SlotId::resource(), uid.parse().unwrap())),
        );
        policies
            .link(PolicyId::new(&link.template), PolicyId::new(&link.id), values)
            .unwrap();
    }
    policies
}

fn uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.parse::<EntityTypeName>().unwrap(), EntityId::new(id))
}

/// The entities of the world with what the question says of its own, which never overrides what is configured.
fn merged(world: &World, question: &Evaluation) -> Entities {
    let mut entities = world.entities.clone();
    let mut merge = |kind: &str, id: &str, properties: &Properties, groups: Option<&Value>| {
        let known = entities
            .iter()
            .position(|one| one["uid"] == json!({"type": kind, "id": id}));
        let index = known.unwrap_or_else(|| {
            entities.push(json!({"uid": {"type": kind, "id": id}, "attrs": {}, "parents": []}));
            entities.len() - 1
        });
        let one = &mut entities[index];
        let mut attributes: Map<String, Value> = (**properties).clone();
        attributes.extend(one["attrs"].as_object().unwrap().clone());
        one["attrs"] = Value::Object(attributes);
        for group in groups.and_then(Value::as_array).into_iter().flatten() {
            one["parents"]
                .as_array_mut()
                .unwrap()
                .push(json!({"type": "Group", "id": group}));
        }
    };
    let (subject, resource) = (&question.subject, &question.resource);
    merge(
        &subject.kind,
        &subject.id,
        &subject.properties,
        subject.properties.get("groups"),
    );
    merge(&resource.kind, &resource.id, &resource.properties, None);
    Entities::from_json_value(Value::from(entities), None).unwrap()
}

fn plain_says(policies: &PolicySet, world: &World, question: &Evaluation) -> Said {
    let mut context = (**question.context).clone();
    context.insert(
        "clock".to_owned(),
        json!({"minute": 570, "seconds": AT.0, "weekday": 1}),
    );
    let request = Request::new(
        uid(&question.subject.kind, &question.subject.id),
        uid("Action", &question.action.name),
        uid(&question.resource.kind, &question.resource.id),
        Context::from_json_value(Value::Object(context), None).unwrap(),
        None,
    )
    .unwrap();
    let response = Authorizer::new().is_authorized(&request, policies, &merged(world, question));
    let diagnostics = response.diagnostics();
    let errors = diagnostics
        .errors()
        .map(|AuthorizationError::PolicyEvaluationError(error)| {
            (error.policy_id().to_string(), error.inner().to_string())
        });
    Said {
        permits: response.decision() == Decision::Allow,
        determining: diagnostics.reason().map(ToString::to_string).collect(),
        errors: errors.collect(),
    }
}

/// Decides one world, and counts what came of its questions: permits, forbids, silence, errors.
fn decide(seed: u64, seen: &[AtomicU64; 4]) {
    let mut random = Random(seed);
    let world = World::new(&mut random);
    let (cedar, policies) = (ours(&world), plain(&world));
    for _ in 0..QUESTIONS {
        let question = question(&mut random);
        let expected = plain_says(&policies, &world, &question);
        let found = ours_says(&cedar, &question);
        assert_eq!(found, expected, "world {seed}: {question:?}\n{}", world.policies);
        let kinds = [
            expected.permits,
            !expected.permits && !expected.determining.is_empty(),
            expected.determining.is_empty(),
            !expected.errors.is_empty(),
        ];
        for (is, seen) in kinds.into_iter().zip(seen) {
            seen.fetch_add(u64::from(is), Ordering::Relaxed);
        }
    }
}

#[test]
fn worlds_are_decided_as_by_the_plain_engine() {
    let wanted = std::env::var("PORTCULLIS_WORLDS").map_or(WORLDS, |number| number.parse().unwrap());
    let seen: [AtomicU64; 4] = Default::default();
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= wanted {
                        break;
                    }
                    decide(seed, &seen);
                }
            });
        }
    });
    // Worlds in which nothing ever happens would prove nothing.
    let questions = wanted * QUESTIONS as u64;
    let [permits, forbids, silent, failed] = seen.map(AtomicU64::into_inner);
    for (what, number, of) in [
        ("permits", permits, 50),
        ("forbids", forbids, 10),
        ("silent", silent, 10),
        ("failed", failed, 10),
    ] {
        assert!(number > questions / of, "{what}: {number} of {questions}");
    }
}
