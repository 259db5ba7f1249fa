//! The changes as one OpenAPI Overlay 1.0 document.

use std::fmt::Write;

use serde_json::{Value, json};

use super::Cause;
use super::remedy::{Action, Change, Remedy};

/// The overlay that permits all causes that an overlay can permit, in YAML.
pub(super) fn yaml<'c>(api: &str, causes: impl Iterator<Item = &'c Cause>) -> String {
    let title = json!(format!("What observe mode saw of {api}"));
    let mut text = format!("overlay: 1.0.0\ninfo:\n  title: {title}\n  version: 1.0.0\n");
    let actions = merged(causes);
    if actions.is_empty() {
        text.push_str("actions: []\n");
        return text;
    }
    text.push_str("actions:\n");
    for (action, causes) in actions {
        // JSON is YAML; writing to a string cannot fail.
        let _ = writeln!(text, "  - target: {}", json!(action.target.to_string()));
        let _ = writeln!(text, "    description: {}", json!(causes.join("; ")));
        let _ = match &action.change {
            Change::Merge(value) | Change::Append(value) => writeln!(text, "    update: {value}"),
            Change::Remove => writeln!(text, "    remove: true"),
        };
    }
    text
}

/// The actions, those that merge into the same target made one; each with the causes it permits.
fn merged<'c>(causes: impl Iterator<Item = &'c Cause>) -> Vec<(Action, Vec<String>)> {
    let mut merged: Vec<(Action, Vec<String>)> = Vec::new();
    for cause in causes {
        let Remedy::Overlay(actions) = &cause.remedy else {
            continue;
        };
        let told = format!(
            "{} of {}, {} times",
            cause.line.code, cause.line.operation, cause.line.count
        );
        for action in actions {
            let same = merged.iter_mut().find(|(known, _)| joins(known, action));
            match same {
                Some((known, causes)) => {
                    if let (Change::Merge(into), Change::Merge(value)) = (&mut known.change, &action.change) {
                        merge(into, value);
                    }
                    causes.push(told.clone());
                }
                None => merged.push((action.clone(), vec![told.clone()])),
            }
        }
    }
    merged
}

/// Whether two actions are one.
fn joins(known: &Action, action: &Action) -> bool {
    let both_merge = matches!((&known.change, &action.change), (Change::Merge(_), Change::Merge(_)));
    known.target == action.target && (both_merge || known.change == action.change)
}

/// Merges as an overlay does: objects by member, arrays one behind the other, the rest replaced.
fn merge(into: &mut Value, value: &Value) {
    match (into, value) {
        (Value::Object(into), Value::Object(members)) => {
            for (name, value) in members {
                match into.get_mut(name) {
                    Some(known) => merge(known, value),
                    None => drop(into.insert(name.clone(), value.clone())),
                }
            }
        }
        (Value::Array(into), Value::Array(items)) => {
            let new: Vec<Value> = items.iter().filter(|item| !into.contains(item)).cloned().collect();
            into.extend(new);
        }
        (into, value) => *into = value.clone(),
    }
}
