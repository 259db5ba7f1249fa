//! Mending never lowers the score, whatever else it brings to light; and nothing depends on the order of what is written.

use std::collections::HashSet;

use portcullis_lint::rule::Profile;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::examples::loaded;
use crate::rules::survey::Survey;
use crate::rules::{audit, registry};

fn score(contract: &Value) -> f64 {
    let document = loaded(&contract.to_string());
    let rules = registry();
    audit(&Survey::of(&document), &rules, Profile::Strict).score.total()
}

/// A contract with nothing left open in what is exchanged.
fn closed() -> Value {
    let text = |max: u32| json!({ "type": "string", "minLength": 1, "maxLength": max, "pattern": "^[a-z ]+$" });
    let problem = json!({ "description": "No.", "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } });
    let inline = json!({ "description": "No.", "content": { "application/json": { "schema": {
        "type": "object", "additionalProperties": false, "properties": { "message": text(40) } } } } });
    let answers = |status: &str, schema: Value| {
        json!({
            status: { "description": "Yes.", "content": { "application/json": { "schema": schema } } },
            "400": problem, "401": inline, "403": problem, "429": inline, "500": problem,
        })
    };
    let task = json!({ "$ref": "#/components/schemas/Task" });
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Tasks", "version": "1.0.0" },
        "servers": [{ "url": "https://api.example.com/v1" }],
        "security": [{ "token": ["tasks"] }],
        "paths": {
            "/tasks": {
                "get": {
                    "operationId": "listTasks",
                    "parameters": [
                        { "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1, "maximum": 100 } },
                        { "name": "state", "in": "query", "schema": { "type": "string", "enum": ["open", "done"] } },
                    ],
                    "responses": answers("200", json!({ "type": "array", "maxItems": 100, "items": task })),
                },
                "post": {
                    "operationId": "addTask",
                    "security": [{ "token": ["tasks:write"] }],
                    "requestBody": { "required": true, "content": { "application/json": { "schema": task } } },
                    "responses": answers("201", task.clone()),
                },
            },
            "/tasks/{task}": {
                "get": {
                    "operationId": "getTask",
                    "parameters": [{ "name": "task", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid", "maxLength": 36 } }],
                    "responses": { "200": { "description": "It.", "content": { "application/json": { "schema": task.clone() } } },
                                   "400": problem, "401": problem, "403": problem, "404": inline, "429": problem, "500": inline },
                },
            },
        },
        "components": {
            "securitySchemes": {
                "token": { "type": "oauth2", "flows": { "authorizationCode": {
                    "authorizationUrl": "https://id.example.com/authorize", "tokenUrl": "https://id.example.com/token",
                    "scopes": { "tasks": "See tasks.", "tasks:write": "Change tasks." } } } },
            },
            "schemas": {
                "Task": {
                    "type": "object", "additionalProperties": false, "required": ["title"],
                    "properties": {
                        "title": text(80),
                        "tags": { "type": "array", "maxItems": 8, "items": text(20) },
                        "parent": { "$ref": "#/components/schemas/Link" },
                        "counts": { "type": "object", "maxProperties": 8, "propertyNames": { "maxLength": 8, "pattern": "^[a-z]+$" },
                                    "additionalProperties": { "type": "integer", "minimum": 0, "maximum": 9 } },
                    },
                },
                "Link": {
                    "type": "object", "additionalProperties": false,
                    "properties": { "rank": { "type": "number", "minimum": 0, "maximum": 1 }, "to": { "$ref": "#/components/schemas/Task" } },
                },
                "Problem": {
                    "type": "object", "additionalProperties": false,
                    "properties": { "title": text(100), "status": { "type": "integer", "minimum": 400, "maximum": 599 } },
                },
            },
        },
    })
}

/// Keywords whose absence is a weakness. A closed object without `properties` has none: it can only be empty.
const BOUNDS: [&str; 18] = [
    "type",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "maxItems",
    "items",
    "additionalProperties",
    "schema",
    "security",
    "maxProperties",
    "propertyNames",
    "400",
    "401",
    "403",
    "404",
    "429",
    "500",
];

/// The pointers of every member that bounds something.
fn bounds(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let below = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                if BOUNDS.contains(&&**name) && !pointer.ends_with("/properties") {
                    found.push(below.clone());
                }
                bounds(member, &below, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                bounds(item, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// The contract without these members.
fn without(contract: &Value, dropped: &[&String]) -> Value {
    let mut contract = contract.clone();
    // What is inside goes first, so that what is around is still there.
    let mut dropped = dropped.to_vec();
    dropped.sort_by_key(|pointer| std::cmp::Reverse(pointer.len()));
    for pointer in dropped {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        if let Some(Value::Object(members)) = contract.pointer_mut(parent) {
            members.remove(name);
        }
    }
    contract
}

/// The same with the members of every object in the opposite order.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .rev()
                .map(|(name, member)| (name.clone(), reversed(member)))
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(reversed).collect()),
        other => other.clone(),
    }
}

#[test]
fn a_contract_that_leaves_nothing_open_has_nearly_all_points() {
    let score = score(&closed());
    assert!(score >= 97.0, "{score}");
}

#[test]
fn what_comes_to_light_costs_no_more_than_what_hid_it() {
    let whole = closed();
    let mut all = Vec::new();
    bounds(&whole, "", &mut all);
    for hiding in &all {
        let inside: Vec<&String> = all
            .iter()
            .filter(|pointer| pointer.starts_with(&format!("{hiding}/")))
            .collect();
        let hidden = score(&without(&whole, &[hiding]));
        let shown = score(&without(&whole, &inside));
        assert!(
            shown >= hidden,
            "mending {hiding} lowered the score from {hidden} to {shown}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn mending_never_lowers_the_score(chosen in proptest::collection::vec(any::<prop::sample::Index>(), 1..12)) {
        let whole = closed();
        let mut all = Vec::new();
        bounds(&whole, "", &mut all);
        // In any order: what is around may come back before what is inside, and after it.
        let mut seen = HashSet::new();
        let mut dropped: Vec<&String> = chosen.iter().map(|index| index.get(&all)).filter(|one| seen.insert(*one)).collect();
        // Nobody is refused where nobody is asked who he is: 403 lacks only once a credential is asked for.
        dropped.sort_by_key(|pointer| pointer.ends_with("/security"));
        let mut last = score(&without(&whole, &dropped));
        prop_assert!((0.0..=100.0).contains(&last));
        while let Some(mended) = dropped.pop() {
            let now = score(&without(&whole, &dropped));
            prop_assert!(now >= last, "mending {mended} lowered the score from {last} to {now}; still open: {dropped:?}");
            last = now;
        }
    }

    #[test]
    fn the_order_of_what_is_written_is_nothing_to_the_score(chosen in proptest::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let whole = closed();
        let mut all = Vec::new();
        bounds(&whole, "", &mut all);
        let dropped: Vec<&String> = chosen.iter().map(|index| index.get(&all)).collect();
        let contract = without(&whole, &dropped);
        prop_assert_eq!(score(&reversed(&contract)), score(&contract));
    }
}
