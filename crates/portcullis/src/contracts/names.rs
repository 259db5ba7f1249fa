//! Places where a request names a resource, or says a value: declared by its operation, and with one of them each.

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::json::TypeSet;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::parameter::{Encoding, Parameter, Style};
use portcullis_contract::document::{Document, Problem};

use crate::assemble::limits::in_body;
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
