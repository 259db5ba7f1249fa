//! What a contract tells those who should not know: secrets, and how things are called inside.

mod credential_like_example;
mod form;
mod internal_address_in_text;
mod noise;
mod secret_in_contract;

use super::ContractRule;
use crate::document::{Node, Value};

pub(super) const RULES: &[ContractRule] = &[
    credential_like_example::RULE,
    internal_address_in_text::RULE,
    secret_in_contract::RULE,
];

/// Sees every text of a file once, each with the name that it stands under. The depth of a document is bounded.
fn texts<'d>(node: &'d Node, under: &'d str, see: &mut impl FnMut(&'d str, &'d Node, &'d str)) {
    match &node.value {
        Value::String(text) => see(under, node, text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, under, see)),
        Value::Object(object) => {
            // A parameter is called by a member of its own.
            let own = object.get("in").and(object.get("name")).and_then(Node::as_str);
            let around = own.unwrap_or(under);
            for (name, member) in object.iter() {
                let tells_nothing = matches!(
                    name,
                    "example" | "examples" | "default" | "const" | "enum" | "value" | "schema"
                );
                texts(member, if tells_nothing { around } else { name }, see);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
