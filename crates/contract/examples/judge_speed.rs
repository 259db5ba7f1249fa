//! What judging costs, in time on the wall of many short rounds, beside a tree and the `jsonschema` crate.
//!
//! Usage: `cargo run --release -p portcullis-contract --example judge_speed`

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a tool that measures; nothing of it is in the product"
)]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::time::Instant;

use portcullis_contract::conform::json::{Compiler, Direction, Limits, Program, SchemaId, Scratch, Undeclared};
use portcullis_contract::document::{self, Fetch};
use serde_json::{Value, json};

const CONTRACT: &str = "bench/orders.openapi.yaml";

/// Short rounds per case, so that some of them run undisturbed: the least and the middle of their means are printed.
const ROUNDS: usize = 500;

fn main() {
    let (program, schema) = compiled();
    let validator = oracle();
    println!("us per document: least [median] of {ROUNDS} rounds");
    for (name, documents) in cases() {
        let bytes = documents.iter().map(String::len).sum::<usize>() / documents.len();
        let mut scratch = Scratch::default();
        let mut line = format!("{name:<16} {bytes:>7} B ");
        for (mode, undeclared) in [("refuse", Undeclared::Refuse), ("strip", Undeclared::Strip)] {
            let time = measured(&documents, |text| {
                let cuts = program.judge(schema, text.as_bytes(), undeclared, &Limits::default(), &mut scratch);
                cuts.unwrap_or_else(|violation| panic!("{name}: {violation:?}"));
            });
            write!(line, " {mode} {time}").expect("a string");
        }
        let tree = measured(&documents, |text| {
            let value: Value = serde_json::from_str(text).expect("JSON");
            assert!(validator.is_valid(&value), "{name} is valid");
        });
        println!("{line} tree {tree}");
    }
}

fn measured(documents: &[String], mut judge: impl FnMut(&str)) -> String {
    let bytes: usize = documents.iter().map(String::len).sum();
    let turns = (200_000 / bytes.max(1)).max(1);
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            for _ in 0..turns {
                documents.iter().for_each(|text| judge(black_box(text)));
            }
            started.elapsed().as_secs_f64() * 1e6 / (turns * documents.len()) as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    let least = rounds.first().copied().unwrap_or_default();
    let median = rounds.get(ROUNDS / 2).copied().unwrap_or_default();
    format!("{least:8.3} [{median:8.3}]")
}

fn compiled() -> (Program, SchemaId) {
    let document =
        document::load(CONTRACT, &mut Files).expect("the contract of the benchmark, from the root of the repository");
    let place = document
        .resolve(document.root(), "#/components/schemas/Order")
        .expect("orders");
    let mut compiler = Compiler::new(&document);
    let schema = compiler.schema(place, Direction::Request);
    let (program, _, problems) = compiler.finish();
    assert!(problems.is_empty(), "{problems:?}");
    (program, schema)
}

/// The same schema for the other validator, formats asserted too. It has no YAML, so the schema is written again.
fn oracle() -> jsonschema::Validator {
    let cents = json!({ "type": "integer", "minimum": 0, "maximum": 100_000_000 });
    let name = json!({ "type": "string", "minLength": 1, "maxLength": 100 });
    let closed = |required: Value, properties: Value| json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties });
    let address = closed(
        json!(["street", "city", "zip", "country"]),
        json!({ "street": name, "city": name, "zip": { "type": "string", "pattern": "^[0-9A-Z -]{3,10}$" }, "country": { "type": "string", "pattern": "^[A-Z]{2}$" } }),
    );
    let customer = closed(
        json!(["id", "name", "email", "tier", "address"]),
        json!({ "id": { "type": "integer", "minimum": 1 }, "name": name, "email": { "type": "string", "format": "email", "maxLength": 254 }, "tier": { "enum": ["basic", "silver", "gold"] }, "address": address }),
    );
    let item = closed(
        json!(["sku", "name", "qty", "price_cents"]),
        json!({ "sku": { "type": "string", "pattern": "^SKU-[0-9]{4}$" }, "name": name, "qty": { "type": "integer", "minimum": 1, "maximum": 1000 }, "price_cents": cents,
            "tags": { "type": "array", "maxItems": 10, "uniqueItems": true, "items": { "type": "string", "pattern": "^[a-z]{1,20}$" } } }),
    );
    let order = closed(
        json!([
            "order_id",
            "status",
            "currency",
            "total_cents",
            "customer",
            "items",
            "created_at",
            "gift"
        ]),
        json!({ "order_id": { "type": "string", "format": "uuid" }, "status": { "enum": ["pending", "paid", "shipped", "cancelled"] },
            "currency": { "type": "string", "pattern": "^[A-Z]{3}$" }, "total_cents": cents, "customer": customer,
            "items": { "type": "array", "minItems": 1, "maxItems": 2000, "items": item },
            "created_at": { "type": "string", "format": "date-time" }, "gift": { "type": "boolean" }, "note": { "type": "string", "maxLength": 500 } }),
    );
    jsonschema::options()
        .should_validate_formats(true)
        .build(&order)
        .expect("a schema")
}

/// Documents of several sizes, and one with its members in 64 random orders.
fn cases() -> Vec<(&'static str, Vec<String>)> {
    let shuffled = (0..64)
        .map(|seed| text(&shuffle(&order(8, true), &mut (seed + 1))))
        .collect();
    vec![
        ("small", vec![text(&order(0, false))]),
        ("1 KB", vec![text(&order(8, true))]),
        ("1 KB, any order", shuffled),
        ("10 KB", vec![text(&order(95, true))]),
        ("100 KB", vec![text(&order(970, true))]),
    ]
}

fn text(value: &Value) -> String {
    value.to_string()
}

fn order(items: usize, full: bool) -> Value {
    let item = |index: usize| {
        json!({ "sku": format!("SKU-{:04}", index % 10_000), "name": format!("Item number {index}"), "qty": index % 9 + 1,
            "price_cents": 1_000 + index, "tags": ["red", "sale"] })
    };
    let small = json!({ "sku": "SKU-0001", "name": "I", "qty": 1, "price_cents": 1_000 });
    let items: Vec<Value> = if items == 0 {
        vec![small]
    } else {
        (0..items).map(item).collect()
    };
    let mut order = json!({
        "order_id": "123e4567-e89b-12d3-a456-426614174000", "status": "paid", "currency": "EUR", "total_cents": 12_345,
        "customer": { "id": 42, "name": "Ada", "email": "ada@example.org", "tier": "gold",
            "address": { "street": "1 Main", "city": "Bern", "zip": "3000", "country": "CH" } },
        "items": items, "created_at": "2026-11-22T08:00:00Z", "gift": false,
    });
    if full && let Some(members) = order.as_object_mut() {
        members.insert("note".to_owned(), "Please leave it at the door.".into());
    }
    order
}

/// The value with the members of every object in another order.
fn shuffle(value: &Value, state: &mut u64) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| shuffle(item, state)).collect(),
        Value::Object(members) => {
            let mut keyed: Vec<(u64, (String, Value))> = members
                .iter()
                .map(|(name, value)| {
                    *state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    (*state >> 33, (name.clone(), shuffle(value, state)))
                })
                .collect();
            keyed.sort_by_key(|(key, _)| *key);
            keyed.into_iter().map(|(_, member)| member).collect()
        }
        scalar => scalar.clone(),
    }
}

struct Files;

impl Fetch for Files {
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String> {
        let text = fs::read_to_string(location).map_err(|error| error.to_string())?;
        // The large documents hold more items than the benchmark's own.
        Ok(text.replace("maxItems: 100\n", "maxItems: 2000\n").into_bytes())
    }
}
