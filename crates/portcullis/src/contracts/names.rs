//! Places where a request names a resource, or says a value: declared by its operation, and with one of them each.

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::json::{SchemaId, TypeSet};
use portcullis_contract::conform::media_type::Kind;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::parameter::{Encoding, Parameter, Style};
use portcullis_contract::document::{Document, Problem};

use crate::assemble::limits::{in_body, names_of};
use crate::config::authorization::{Place, Resource};

/// A place that an operation does not declare, or where more than one value may stand.
pub(super) fn problem(
    document: &Document,
    contract: &Contract,
    declared: &Operation,
    resource: &Resource,
) -> Option<Problem> {
    let at = |message: String, help: &str| Some(document.problem(resource.kind.span, message).help(help));
    let undeclared = |what: &str, name: &str| {
        let message = format!("`{}` has no {what} `{name}`", declared.name());
        at(message, "name what the operation declares")
    };
    match (&resource.place, resource.place.parameter(declared)) {
        (Place::Body(path), _) if in_body(contract, declared, &of_first_items(path)).is_some() => None,
        (Place::Body(path), _) => undeclared("JSON body or form with", path),
        (Place::Path(name), None) => undeclared("path parameter", name),
        (Place::Query(name), None) => undeclared("query parameter", name),
        (Place::Header(name), None) => undeclared("header field", name.as_str()),
        (_, Some(parameter)) if is_one_name(contract, parameter) => None,
        (_, Some(parameter)) => {
            let message = format!("more than one value may stand in `{}`", parameter.name);
            at(
                message,
                "declare it as one value, such as a string or an integer, in the style `simple` or `form`",
            )
        }
    }
}

/// A resource that a request has to name, where the contract lets it leave the name out: whoever does is denied.
pub(super) fn unrequired(
    document: &Document,
    contract: &Contract,
    declared: &Operation,
    resource: &Resource,
) -> Option<Problem> {
    if resource.optional {
        return None;
    }
    let (is_required, place) = match (&resource.place, resource.place.parameter(declared)) {
        (Place::Body(path), _) => (is_required_in_body(contract, declared, path), path.as_str()),
        (_, Some(parameter)) => (parameter.required, &*parameter.name),
        (_, None) => return None,
    };
    let kind = &resource.kind;
    let message = format!(
        "the contract lets requests of `{}` leave out `{place}`, and whoever does not name a `{}` is denied",
        declared.name(),
        kind.value
    );
    let help = "require it in the contract, or write `optional: true` if it is decided on without one as well";
    let told = || Problem::warning(document.location(kind.span.file), kind.span, message).help(help);
    (!is_required).then(told)
}

/// Whether every body that may be sent has what the path leads to.
fn is_required_in_body(contract: &Contract, declared: &Operation, path: &str) -> bool {
    let Some(body) = &declared.body else { return true };
    let program = &contract.program;
    let names: Vec<String> = names_of(&of_first_items(path)).collect();
    let has_all = |mut schema: SchemaId| {
        for name in &names {
            let item = name.parse().ok().and_then(|index| program.item(schema, index));
            match (program.property(schema, name), item) {
                // What may be an array is told of by how many items it has to have.
                (None, Some(item)) => schema = item,
                (Some(property), _) if program.requires(schema, name) => schema = property,
                _ => return false,
            }
        }
        true
    };
    let judged = |kind: Kind| matches!(kind, Kind::Json | Kind::Form | Kind::Multipart);
    let mut entries = body.contents.entries().iter().filter(|entry| judged(entry.kind()));
    body.required && entries.all(|entry| has_all(entry.schema))
}

/// Whether what stands there is one name as it stands.
fn is_one_name(contract: &Contract, parameter: &Parameter) -> bool {
    let compound = TypeSet::ARRAY.union(TypeSet::OBJECT);
    match parameter.encoding {
        Encoding::Style {
            style: Style::Simple | Style::Form,
            schema,
            ..
        } => !contract.program.types(schema).intersects(compound),
        Encoding::Style { .. } | Encoding::Json(_) | Encoding::Unjudged => false,
    }
}

/// The pointer to the first of the values to which a path leads.
pub(super) fn of_first_items(path: &str) -> String {
    let tokens = path.split('/').map(|token| if token == "*" { "0" } else { token });
    tokens.collect::<Vec<_>>().join("/")
}
