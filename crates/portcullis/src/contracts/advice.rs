//! What a contract says that does not do what its author may think: schemas that let
//! nothing through, secrets where they are refused.

use std::collections::BTreeSet;

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::document::{Document, Node, Object, Problem, Span, Value};
use portcullis_gateway::controls::url_secrets;

use crate::config::policy::Policy;
use crate::config::raw::Mode;

/// Keywords beside `type: object` that say what its members are, or that others do.
const SAYS_MEMBERS: [&str; 15] = [
    "$ref",
    "$dynamicRef",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "discriminator",
    "else",
    "enum",
    "maxProperties",
    "oneOf",
    "patternProperties",
    "properties",
    "then",
    "unevaluatedProperties",
];

/// Members of schemas and their surroundings that hold data, not schemas.
const DATA: [&str; 6] = ["const", "default", "enum", "example", "examples", "x-portcullis"];

/// Branches that speak of a value together with the schema around them.
const BRANCHES: [&str; 6] = ["allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas"];

/// The warnings, in the order of the document.
pub(super) fn warnings(document: &Document, contract: &Contract, policies: &[Policy]) -> Vec<Problem> {
    let mut warnings = secrets(document, contract, policies);
    let mut free = BTreeSet::new();
    for root in document.files() {
        find_free(root, true, &mut free);
    }
    let message = "an object without `properties` and without `additionalProperties`: none of its members is declared, so \
                   they are refused in requests and left out of answers";
    let help = "write `additionalProperties: true` if anything may stand there, or declare `properties`";
    warnings.extend(free.into_iter().map(|span| warning(document, span, message).help(help)));
    warnings.sort_by_key(|problem| problem.span);
    warnings
}

fn warning(document: &Document, span: Span, message: impl Into<String>) -> Problem {
    Problem::warning(document.location(span.file), span, message)
}

/// Query parameters, and API keys in the query, that are refused as secrets whatever the contract says.
fn secrets(document: &Document, contract: &Contract, policies: &[Policy]) -> Vec<Problem> {
    let mut found = BTreeSet::new();
    let judged = contract.operations.iter().zip(policies);
    for (operation, _) in judged.filter(|(_, policy)| policy.modes.url_secrets == Mode::Enforce) {
        let declared = operation.parameters.query.iter();
        let declared = declared.map(|parameter| (&*parameter.name, parameter.span));
        let keys = operation.parameters.security.query.iter().map(|name| {
            let scheme = scheme(document, name).unwrap_or(operation.span);
            (&**name, scheme)
        });
        found.extend(declared.chain(keys).filter(|(name, _)| url_secrets::is_telling(name)));
    }
    let told = |(name, span): (&str, Span)| {
        let message = format!(
            "the contract declares `{name}` in the query, and every request with it is refused (`url.secret`): URLs end up \
             in logs, histories and `Referer`"
        );
        let help = "declare it in a header or the body; or set `x-portcullis: {modes: {url_secrets: off}}` there";
        warning(document, span, message).help(help)
    };
    found.into_iter().map(told).collect()
}

/// Where the security scheme stands that reads this query parameter.
fn scheme(document: &Document, name: &str) -> Option<Span> {
    let components = document.root().node.get("components")?;
    let schemes = components.get("securitySchemes")?.as_object()?;
    let reads = |scheme: &&Node| {
        let text = |member: &str| scheme.get(member).and_then(Node::as_str);
        text("in") == Some("query") && text("name") == Some(name)
    };
    schemes
        .iter()
        .map(|(_, scheme)| scheme)
        .find(reads)
        .map(|scheme| scheme.span)
}

/// Looks for objects that let no member through; `whole` says that no other schema speaks of the same value.
fn find_free(node: &Node, whole: bool, found: &mut BTreeSet<Span>) {
    match &node.value {
        Value::Array(items) => items.iter().for_each(|item| find_free(item, whole, found)),
        Value::Object(object) => {
            if whole && is_free(object) {
                found.insert(node.span);
            }
            for (name, value) in object.iter().filter(|(name, _)| !DATA.contains(name)) {
                find_free(value, !BRANCHES.contains(&name), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_free(object: &Object) -> bool {
    let is_object = match object.get("type").map(|node| &node.value) {
        Some(Value::String(name)) => &**name == "object",
        Some(Value::Array(names)) => names.iter().any(|name| name.as_str() == Some("object")),
        _ => false,
    };
    is_object && !SAYS_MEMBERS.iter().any(|keyword| object.get(keyword).is_some())
}
