//! The tree once more as plain JSON, which is what targets are looked for in; it is changed along with the tree.

use serde_json::{Map, Value as Json};

use super::super::node::{Node, Value};
use super::target::Step;

/// The same value without places. A number that is none there is `null`: no target can tell it from another.
pub(super) fn of(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Number(spelling) => serde_json::from_str(spelling).unwrap_or(Json::Null),
        Value::String(text) => Json::String(text.to_string()),
        Value::Array(items) => items.iter().map(of).collect(),
        Value::Object(object) => {
            let members = object.iter().map(|(name, node)| (name.to_owned(), of(node)));
            Json::Object(members.collect::<Map<_, _>>())
        }
    }
}

pub(super) fn at_mut<'m>(mirror: &'m mut Json, steps: &[Step]) -> Option<&'m mut Json> {
    steps.iter().try_fold(mirror, |value, step| match step {
        Step::Member(name) => value.get_mut(&**name),
        Step::Item(index) => value.get_mut(*index),
    })
}

/// What [`super::merge::merge`] has done to the tree.
pub(super) fn merge(into: &mut Json, value: Json) {
    match (into, value) {
        (Json::Object(into), Json::Object(members)) => {
            for (name, value) in members {
                match into.get_mut(&name) {
                    Some(known) => merge(known, value),
                    None => drop(into.insert(name, value)),
                }
            }
        }
        (Json::Array(into), Json::Array(items)) => into.extend(items),
        (into, value) => *into = value,
    }
}
