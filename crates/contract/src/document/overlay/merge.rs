//! Merging one value into another (Overlay 1.1, Action Object).

use super::super::node::{Node, Value};
use super::super::problem::Span;

/// Two values that cannot be merged: where the newer stands, and what they are.
pub(super) struct Clash {
    pub(super) span: Span,
    pub(super) message: String,
}

/// Merges objects by member, puts the items of arrays behind each other, and replaces the rest. What is there keeps its
/// place, what is new has that of `value`.
pub(super) fn merge(into: &mut Node, value: &Node) -> Result<(), Clash> {
    let clash = format!("{} cannot be merged with {}, which is there", value.kind(), into.kind());
    match (&mut into.value, &value.value) {
        (Value::Object(known), Value::Object(members)) => {
            for (name, member) in &members.members {
                match known.members.get_mut(name) {
                    Some(known) => merge(&mut known.value, &member.value)?,
                    None => drop(known.members.insert(name.clone(), member.clone())),
                }
            }
            Ok(())
        }
        (Value::Array(known), Value::Array(items)) => {
            known.extend_from_slice(items);
            Ok(())
        }
        (Value::Object(_) | Value::Array(_), _) | (_, Value::Object(_) | Value::Array(_)) => Err(Clash {
            span: value.span,
            message: clash,
        }),
        _ => {
            *into = value.clone();
            Ok(())
        }
    }
}
