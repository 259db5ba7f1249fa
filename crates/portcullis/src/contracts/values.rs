//! Values of requests that those who decide are told: what the contract declares each to be.

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::json::TypeSet;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::parameter::Encoding;
use portcullis_contract::document::Problem;
use portcullis_decision::schema::{Attribute, Kind};
use portcullis_gateway::decisions::{REQUEST, ValueKind};

use super::authorization::Compiling;
use super::names;
use crate::assemble::limits::in_bodies;
use crate::config::authorization::Resource;
use crate::config::policy::Policy;
use crate::config::value::Value;

/// What a value is; none where the contract does not say that it is one thing that policies know.
pub(crate) fn kind(contract: &Contract, declared: &Operation, value: &Value) -> Option<ValueKind> {
    let schemas = match (value.place.body(), value.place.parameter(declared)) {
        (Some(path), _) => in_bodies(contract, declared, &names::of_first_items(path)),
        (None, Some(parameter)) => match parameter.encoding {
            Encoding::Style { schema, .. } => vec![schema],
            Encoding::Json(_) | Encoding::Unjudged => Vec::new(),
        },
        (None, None) => Vec::new(),
    };
    let mut kinds = schemas
        .into_iter()
        .map(|schema| of_types(contract.program.types(schema)));
    let first = kinds.next()?;
    // Bodies of several media types have to agree.
    first.filter(|_| kinds.all(|kind| kind == first))
}

/// What null stands for is not there.
fn of_types(types: TypeSet) -> Option<ValueKind> {
    [
        (TypeSet::STRING, ValueKind::Text),
        (TypeSet::INTEGER, ValueKind::Integer),
        (TypeSet::BOOLEAN, ValueKind::Boolean),
    ]
    .into_iter()
    .find_map(|(only, kind)| (types == only || types == only.union(TypeSet::NULL)).then_some(kind))
}

impl Compiling<'_> {
    /// Values that nobody is told, and those that a request cannot say.
    pub(super) fn value_problems(self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (declared, policy) in self.contract.operations.iter().zip(self.policies) {
            for value in &policy.context {
                let name = &value.name;
                let told = |message: String, help: &str| self.document.problem(name.span, message).help(help);
                if self.api.authorization.is_none() {
                    let message = format!("nobody decides, and so nobody is told the value `{}`", name.value);
                    problems.push(told(message, "write `authorization` of the API"));
                }
                let stands = Resource {
                    kind: name.clone(),
                    place: value.place.clone(),
                    optional: value.optional,
                };
                if let Some(problem) = names::problem(self.document, self.contract, declared, &stands) {
                    problems.push(problem);
                } else if kind(self.contract, declared, value).is_none() {
                    let message = format!("the value `{}` is not of one type that policies know", name.value);
                    let help = "declare it as a string, an integer or a boolean, in every body that has it";
                    problems.push(told(message, help));
                }
            }
        }
        problems.dedup();
        problems
    }

    /// What of a request is in the context of an operation. Of the items of a list nobody is told a value, so that where a list asks
    /// about the operation none need be there.
    pub(super) fn told(self, declared: &Operation, policy: &Policy, is_listed: bool) -> Option<Attribute> {
        let member = |value: &Value| {
            let one = match kind(self.contract, declared, value)? {
                ValueKind::Text => Kind::String,
                ValueKind::Integer => Kind::Long,
                ValueKind::Boolean => Kind::Bool,
            };
            Some(Attribute {
                name: value.name.value.clone(),
                kind: if value.is_set() { Kind::Set(Box::new(one)) } else { one },
                required: !value.optional,
            })
        };
        (!policy.context.is_empty()).then(|| Attribute {
            name: REQUEST.to_owned(),
            kind: Kind::Record(policy.context.iter().filter_map(member).collect()),
            required: !is_listed,
        })
    }
}
