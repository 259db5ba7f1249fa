//! What `strip` leaves, written again the obvious way: a tree, walked with the list of all schemas that hold for it.
//! Only for schemas joined by nothing but `$ref` and `allOf`.

use serde_json::{Map, Value};

/// The value without the members that no schema declares.
pub(crate) fn pruned(contract: &Value, component: &str, value: &Value) -> Value {
    prune(contract, &[&contract["components"]["schemas"][component]], value)
}

fn prune(contract: &Value, schemas: &[&Value], value: &Value) -> Value {
    let mut flat = Vec::new();
    schemas.iter().for_each(|schema| flatten(contract, schema, &mut flat));
    match value {
        Value::Object(members) => Value::Object(prune_members(contract, &flat, members)),
        Value::Array(items) => {
            let below: Vec<&Value> = flat.iter().filter_map(|schema| schema.get("items")).collect();
            let item = |item: &Value| {
                if below.is_empty() && !meant_for_another(&flat, speaks_of_objects, speaks_of_arrays) {
                    item.clone()
                } else if below.is_empty() {
                    emptied(item)
                } else {
                    prune(contract, &below, item)
                }
            };
            items.iter().map(item).collect()
        }
        scalar => scalar.clone(),
    }
}

fn prune_members(contract: &Value, flat: &[&Value], members: &Map<String, Value>) -> Map<String, Value> {
    let speaking: Vec<&&Value> = flat.iter().filter(|schema| speaks_of_objects(schema)).collect();
    if speaking.is_empty() {
        let strange = meant_for_another(flat, speaks_of_arrays, speaks_of_objects);
        return if strange { Map::new() } else { members.clone() };
    }
    let mut kept = Map::new();
    for (name, value) in members {
        let (mut below, mut open) = (Vec::new(), false);
        for schema in &speaking {
            match (schema["properties"].get(name), &schema["additionalProperties"]) {
                (Some(property), _) => below.push(property),
                (None, Value::Bool(true)) => open = true,
                (None, Value::Object(object)) if object.is_empty() => open = true,
                (None, additional @ Value::Object(_)) => below.push(additional),
                (None, _) => {}
            }
        }
        if !below.is_empty() {
            kept.insert(name.clone(), prune(contract, &below, value));
        } else if open {
            kept.insert(name.clone(), value.clone());
        }
    }
    kept
}

/// Whether some schema speaks of the other container, and none of this one.
fn meant_for_another(flat: &[&Value], other: fn(&Value) -> bool, this: fn(&Value) -> bool) -> bool {
    flat.iter().any(|schema| other(schema)) && !flat.iter().any(|schema| this(schema))
}

/// The value without any member.
fn emptied(value: &Value) -> Value {
    match value {
        Value::Object(_) => Value::Object(Map::new()),
        Value::Array(items) => items.iter().map(emptied).collect(),
        scalar => scalar.clone(),
    }
}

fn speaks_of_objects(schema: &Value) -> bool {
    const KEYWORDS: [&str; 5] = [
        "properties",
        "additionalProperties",
        "required",
        "minProperties",
        "maxProperties",
    ];
    speaks_of(schema, "object", &KEYWORDS)
}

fn speaks_of_arrays(schema: &Value) -> bool {
    speaks_of(schema, "array", &["items", "minItems", "maxItems", "uniqueItems"])
}

fn speaks_of(schema: &Value, name: &str, keywords: &[&str]) -> bool {
    let typed = match &schema["type"] {
        Value::Array(names) => names.iter().any(|found| found == name),
        found => found == name,
    };
    typed || keywords.iter().any(|keyword| schema.get(keyword).is_some())
}

fn flatten<'c>(contract: &'c Value, schema: &'c Value, out: &mut Vec<&'c Value>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = contract
            .pointer(reference.trim_start_matches('#'))
            .expect("it leads somewhere");
        return flatten(contract, target, out);
    }
    out.push(schema);
    let branches = schema["allOf"].as_array().into_iter().flatten();
    branches.for_each(|branch| flatten(contract, branch, out));
}
