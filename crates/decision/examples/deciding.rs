//! What a decision costs in microseconds: by our engine, by a ready small set of policies (the other way to use an index), by Cedar's
//! authorizer over all policies, and from the cache.
//!
//! `cargo run --release -p portcullis-decision --example deciding [PART OF A TITLE]`. Ours begins with the evaluation as JSON has it; the other two are given
//! requests and entities that are ready, so the comparison favours them.

use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use cedar_policy::{Authorizer, Context, Entities, EntityUid, PolicySet, Request};
use portcullis_decision::cache::DecisionCache;
use portcullis_decision::decision::Engines;
use portcullis_decision::engines::cedar::{Cedar, Source, Text};
use portcullis_decision::time::UnixTime;
use portcullis_decision::words::Evaluation;
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error>>;

const AT: UnixTime = UnixTime(1_795_426_200);
/// Many short rounds, so that most of them end before the scheduler gives the core to somebody else.
const ROUNDS: usize = 401;

fn main() -> Outcome<()> {
    println!(
        "{:34} {:>9} {:>9} {:>9} {:>9} {:>8}",
        "", "ours", "small set", "plain", "cached", "in scope"
    );
    let few = operations(100, 20);
    measure("100 policies, an operation", &few, &evaluation("op3", "Api", "shop"))?;
    measure("100 policies, an object", &few, &evaluation("op3", "Doc", "d1"))?;
    let many = operations(10_000, 625);
    measure("10,000 policies, 16 by action", &many, &evaluation("op3", "Doc", "d1"))?;
    measure(
        "10,000 policies, 16 by all three",
        &spread(),
        &evaluation("op3", "Doc", "d1"),
    )
}

/// So many policies over so many operations: by group, by type, by folder, with conditions over claims and attributes.
fn operations(policies: usize, operations: usize) -> String {
    let mut text = String::new();
    for number in 0..policies {
        let operation = number % operations;
        let kind = number / operations % 4;
        let principal = [
            "principal in Group::\"g0\"",
            "principal is User",
            "principal",
            "principal is User in Group::\"g1\"",
        ];
        let resource = ["resource", "resource is Doc", "resource in Folder::\"f0\"", "resource"];
        let condition = [
            "resource has owner && resource.owner == principal.name",
            "principal.level >= 3 && ip(context.address).isInRange(ip(\"192.168.0.0/16\"))",
            "principal.roles.contains(\"clerk\") && resource has department && resource.department == principal.department",
            "principal.email like \"*@example.org\"",
        ];
        let (principal, resource, condition) = (pick(&principal, kind), pick(&resource, kind), pick(&condition, kind));
        let _ = writeln!(
            text,
            "permit({principal}, action == Action::\"op{operation}\", {resource}) when {{ {condition} }};"
        );
    }
    text
}

fn pick<'a>(of: &[&'a str], number: usize) -> &'a str {
    of.get(number % of.len()).copied().unwrap_or_default()
}

/// 10,000 policies of which many hold in each part of their scope and 16 in all three.
fn spread() -> String {
    let mut text = String::new();
    for number in 0..10_000 {
        let (group, tag, folder) = match number {
            0..16 => (number % 4, number / 4 % 2, number / 8),
            _ => match number % 3 {
                0 => (number % 90 + 10, number % 2, number % 2),
                1 => (number % 4, number % 90 + 10, number % 2),
                _ => (number % 4, number % 2, number % 90 + 10),
            },
        };
        let _ = writeln!(
            text,
            "permit(principal in Group::\"g{group}\", action in Action::\"tag{tag}\", resource in Folder::\"f{folder}\") when {{ resource.owner == principal.name && principal.level > {number} }};"
        );
    }
    text
}

fn claims() -> Value {
    json!({"name": "jean", "email": "jean@example.com", "level": 2, "roles": ["reader", "writer"], "department": "sales",
        "tenant": "t1", "acr": "silver", "amr": ["pwd", "otp"]})
}

fn evaluation(action: &str, kind: &str, id: &str) -> Value {
    let owner = if kind == "Doc" {
        json!({"owner": "eve", "department": "law", "size": 7})
    } else {
        json!({})
    };
    json!({
        "subject": {"type": "User", "id": "jean", "properties": claims()},
        "action": {"name": action},
        "resource": {"type": kind, "id": id, "properties": owner},
        "context": {"address": "10.1.2.3", "method": "GET", "tls": true, "operation": action},
    })
}

/// Users in groups in groups, folders in folders, operations by tag.
fn entities() -> Vec<Value> {
    let one = |kind: &str, id: String, parents: Vec<(&str, String)>| {
        let parents: Vec<Value> = parents
            .iter()
            .map(|(kind, id)| json!({"type": kind, "id": id}))
            .collect();
        json!({"uid": {"type": kind, "id": id}, "attrs": {}, "parents": parents})
    };
    let mut all = Vec::new();
    for number in 0..100 {
        all.push(one("Group", format!("g{number}"), vec![]));
        all.push(one("Folder", format!("f{number}"), vec![]));
        all.push(one("Action", format!("tag{number}"), vec![]));
    }
    let groups = (0..4).map(|number| ("Group", format!("g{number}")));
    all.push(one("User", "jean".to_owned(), groups.collect()));
    all.push(one(
        "Doc",
        "d1".to_owned(),
        vec![("Folder", "f0".to_owned()), ("Folder", "f1".to_owned())],
    ));
    for number in 0..625 {
        let tags = (0..2).map(|tag| ("Action", format!("tag{tag}")));
        all.push(one("Action", format!("op{number}"), tags.collect()));
    }
    all
}

struct Plain {
    all: PolicySet,
    small: PolicySet,
    request: Request,
    entities: Entities,
}

fn measure(title: &str, policies: &str, evaluation: &Value) -> Outcome<()> {
    if std::env::args().nth(1).is_some_and(|only| !title.contains(&only)) {
        return Ok(());
    }
    let entities = Value::from(entities()).to_string();
    let source = Source {
        policies: vec![Text {
            name: "p",
            text: policies,
        }],
        entities: Some(Text {
            name: "e",
            text: &entities,
        }),
        ..Source::default()
    };
    let (cedar, _) = Cedar::compile(&source).map_err(|problems| format!("{problems:?}"))?;
    let evaluation: Evaluation = serde_json::from_value(evaluation.clone())?;
    let in_scope = cedar.explain(&evaluation, AT)?.in_scope;
    let plain = plain(policies, &evaluation, in_scope.iter().map(|one| one.place.line))?;
    let ours = microseconds(25, || drop(black_box(cedar.answer(&evaluation, AT))));
    let authorizer = Authorizer::new();
    let small = microseconds(25, || {
        drop(black_box(authorizer.is_authorized(
            &plain.request,
            &plain.small,
            &plain.entities,
        )))
    });
    let repetitions = 500 / policies.lines().count();
    let all = microseconds(repetitions, || {
        drop(black_box(authorizer.is_authorized(
            &plain.request,
            &plain.all,
            &plain.entities,
        )))
    });
    let engines = Engines::new(vec![Arc::new(cedar)]);
    let mut cache = DecisionCache::new(1_024);
    let cached = microseconds(500, || drop(black_box(cache.evaluate(&engines, &evaluation, AT))));
    println!(
        "{title:34} {ours:9.2} {small:9.2} {all:9.2} {cached:9.2} {:8}",
        in_scope.len()
    );
    Ok(())
}

fn plain(policies: &str, evaluation: &Evaluation, lines: impl Iterator<Item = usize>) -> Outcome<Plain> {
    let all: PolicySet = policies.parse()?;
    let mut small = PolicySet::new();
    let lines: Vec<usize> = lines.collect();
    for policy in all.policies() {
        let number: usize = policy.id().to_string().trim_start_matches("policy").parse()?;
        if lines.contains(&(number + 1)) {
            small.add(policy.clone())?;
        }
    }
    let mut known = entities();
    for (kind, id, properties) in [
        (
            &evaluation.subject.kind,
            &evaluation.subject.id,
            &evaluation.subject.properties,
        ),
        (
            &evaluation.resource.kind,
            &evaluation.resource.id,
            &evaluation.resource.properties,
        ),
    ] {
        let uid = json!({"type": kind, "id": id});
        match known
            .iter_mut()
            .find(|one| one.get("uid") == Some(&uid))
            .and_then(Value::as_object_mut)
        {
            Some(one) => drop(one.insert("attrs".to_owned(), Value::Object((**properties).clone()))),
            None => known.push(json!({"uid": uid, "attrs": **properties, "parents": []})),
        }
    }
    let uid = |kind: &str, id: &str| format!("{kind}::{id:?}").parse::<EntityUid>().map_err(Box::new);
    let context = Context::from_json_value(Value::Object((**evaluation.context).clone()), None)?;
    Ok(Plain {
        request: Request::new(
            uid(&evaluation.subject.kind, &evaluation.subject.id)?,
            uid("Action", &evaluation.action.name)?,
            uid(&evaluation.resource.kind, &evaluation.resource.id)?,
            context,
            None,
        )?,
        entities: Entities::from_json_value(Value::from(known), None)?,
        all,
        small,
    })
}

/// The median of rounds, each of so many repetitions.
fn microseconds(repetitions: usize, mut what: impl FnMut()) -> f64 {
    let repetitions = u32::try_from(repetitions.max(1)).unwrap_or(u32::MAX);
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..repetitions {
                what();
            }
            start.elapsed().as_secs_f64() * 1e6 / f64::from(repetitions)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds.get(ROUNDS / 2).copied().unwrap_or(f64::NAN)
}
