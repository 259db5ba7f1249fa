//! `x-portcullis` in a contract: where it has effect, and that it stands nowhere else.

use std::collections::HashSet;

use portcullis_contract::conform::parameter::Sensitivity;
use portcullis_contract::document::{Document, Node, Place, Span, Value};

use super::listen;
use super::nearest::nearest;
use super::policy::{self, EXTENSION};
use super::problems::Problems;

/// The methods of a path item (OpenAPI 3.1 §4.8.9).
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// Members that hold data of the API rather than a part of the contract.
const DATA: [&str; 6] = ["example", "examples", "default", "enum", "const", "value"];
/// What parameters and schemas may say of their values.
const SENSITIVITY: &str = "sensitivity";
/// How many references one path item may lead through.
const REFERENCES_MAX: usize = 8;

/// Reports what is wrong with the policies of a contract: those that cannot be read, those that name none of these
/// listeners, and those that stand where they have no effect.
pub(crate) fn check(document: &Document, listeners: &[String], problems: &mut Problems<'_>) {
    let mut effective = HashSet::new();
    let mut told = HashSet::new();
    let mut read = |node: &Node, problems: &mut Problems<'_>| {
        if let Some(written) = node.get(EXTENSION)
            && effective.insert(written.span)
        {
            let policy = policy::extension(node, problems);
            listen::check_names(policy.listeners.as_deref(), listeners, problems);
        }
        near_misses(node, &mut told, problems);
    };
    let root = document.root();
    read(root.node, problems);
    for item in path_items(document, root) {
        read(item.node, problems);
        for operation in METHODS.iter().filter_map(|method| item.node.get(method)) {
            read(operation, problems);
        }
    }
    // What OpenAPI 2.0 says is read from another tree than the one that was written.
    let written = document.files().next().unwrap_or(root.node);
    report_strays(written, &effective, problems);
}

/// Warns of extensions that are most likely meant for the gate, each once: nothing else would say that they have no effect.
fn near_misses(node: &Node, told: &mut HashSet<Span>, problems: &mut Problems<'_>) {
    let Some(object) = node.as_object() else { return };
    for (name, member) in &object.members {
        let is_extension = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"));
        let is_near = &**name != EXTENSION && nearest(name, &[EXTENSION]).is_some();
        if is_extension && is_near && told.insert(member.name_span) {
            let help = format!("did you mean `{EXTENSION}`?");
            problems.warning(member.name_span, format!("`{name}` says nothing to the gate"), help);
        }
    }
}

/// The path items of a contract; one behind a reference stands where the reference leads, and where it is written, too.
fn path_items<'d>(document: &'d Document, root: Place<'d>) -> Vec<Place<'d>> {
    let mut found = Vec::new();
    let items = root.node.get("paths").and_then(Node::as_object);
    for (_, node) in items.into_iter().flat_map(|items| items.iter()) {
        let mut place = document.child(root, node);
        found.push(place);
        for _ in 0..REFERENCES_MAX {
            let Some(reference) = place.node.get("$ref").and_then(Node::as_str) else {
                break;
            };
            // A reference that leads nowhere is reported by the loader.
            let Ok(target) = document.resolve(place, reference) else {
                break;
            };
            place = target;
            found.push(place);
        }
    }
    found
}

fn report_strays(node: &Node, effective: &HashSet<Span>, problems: &mut Problems<'_>) {
    match &node.value {
        Value::Array(items) => items.iter().for_each(|item| report_strays(item, effective, problems)),
        Value::Object(object) => {
            for (name, member) in &object.members {
                if &**name == EXTENSION && is_of_value(&member.value) {
                    check_sensitivity(&member.value, problems);
                } else if &**name == EXTENSION && !effective.contains(&member.value.span) {
                    let help = "put it at the root, at a path or at an operation";
                    problems.error(member.name_span, format!("`{EXTENSION}` has no effect here"), help);
                } else if &**name != EXTENSION && !DATA.contains(&&**name) {
                    report_strays(&member.value, effective, problems);
                }
            }
        }
        _ => {}
    }
}

/// Whether it says how sensitive a value is, or what of it is accepted in an audit, and nothing else: so anywhere.
fn is_of_value(node: &Node) -> bool {
    let members = node.as_object().map(|object| &object.members);
    let is_known = |name: &str| name == SENSITIVITY || name == "accept";
    members.is_some_and(|members| !members.is_empty() && members.keys().all(|name| is_known(name)))
}

fn check_sensitivity(node: &Node, problems: &mut Problems<'_>) {
    let Some(said) = node.get(SENSITIVITY) else { return };
    if said.as_str().and_then(Sensitivity::named).is_none() {
        let help = format!("write one of {}", Sensitivity::WORDS.join(", "));
        problems.error(said.span, "this says nothing of how sensitive a value is", help);
    }
}
