//! Types that a configuration names, held against those that there are: whatever is said of a type that nothing is of, never counts.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_contract::document::{Problem, Span};
use portcullis_decision::askable::{Askable, Unasked};
use portcullis_decision::schema::{API, Description, EntityType};
use portcullis_decision::words::{Action, Evaluation, Resource, Subject};

use super::authorization::Compiling;
use crate::config::authorization::{AttributeKind, Authorization};
use crate::config::nearest::nearest;
use crate::config::spanned::Spanned;

impl<'c> Compiling<'c> {
    /// Types in the attributes of `authorization` that there are not, and types with attributes of which nothing is.
    pub(super) fn type_problems(self, authorization: &Authorization) -> Vec<Problem> {
        let description = self.description();
        let entities = [&description.principals, &description.resources, &description.groups];
        let mut known: BTreeSet<&str> = entities.into_iter().flatten().map(|one| one.name.as_str()).collect();
        known.insert(API);
        let declared = authorization.resources.values();
        let kinds = declared.flat_map(|attributes| attributes.value.values());
        let kinds = kinds.chain(authorization.claims.values());
        let mut problems = Vec::new();
        for (name, span) in kinds.filter_map(of_type).filter(|(name, _)| !known.contains(name)) {
            let message = format!("there is no type `{name}`");
            problems.push(self.unknown_type(span, message, name, &known));
        }
        let met = self.met(authorization);
        for (name, attributes) in &authorization.resources {
            // The other types are told to be there twice.
            if !met.contains(name.as_str()) && !is_one(&description.principals, name) {
                let message = format!("no request names a `{name}`, and nothing has one as an attribute");
                problems.push(self.unknown_type(attributes.span, message, name, &met));
            }
        }
        problems
    }

    /// The types of what requests name and answers list, and of what these have as attributes, callers too.
    fn met<'a>(self, authorization: &'a Authorization) -> BTreeSet<&'a str>
    where
        'c: 'a,
    {
        let claims = authorization.claims.values().filter_map(of_type);
        let named = self.policies.iter().flat_map(|policy| &policy.resources);
        let named = named.map(|resource| &resource.kind);
        let listed = self.policies.iter().flat_map(|policy| &policy.collection);
        let named = named.chain(listed.map(|listed| &listed.kind));
        let named = named.map(|kind| kind.value.as_str());
        let mut waiting: Vec<&str> = named.chain(claims.map(|(name, _)| name)).collect();
        let mut met = BTreeSet::new();
        while let Some(name) = waiting.pop() {
            if met.insert(name) {
                let attributes = authorization.resources.get(name);
                let attributes = attributes.into_iter().flat_map(|attributes| attributes.value.values());
                waiting.extend(attributes.filter_map(of_type).map(|(name, _)| name));
            }
        }
        met
    }

    fn unknown_type(self, span: Span, message: String, name: &str, known: &BTreeSet<&str>) -> Problem {
        let known: Vec<&str> = known.iter().copied().collect();
        Problem::error(self.location, span, message).help(meant(name, &known))
    }
}

/// Why this action is never asked about a resource of this type; none where it is, or there is no such action.
pub(super) fn never_asked(askable: &Askable, action: &str, kind: &str) -> Option<Unasked> {
    let asked = Evaluation::new(Subject::new("", ""), Action::new(action), Resource::new(kind, ""));
    let mut unasked = askable.unasked(&asked).into_iter();
    unasked.find(|one| matches!(one, Unasked::Resource { .. } | Unasked::Pair { .. }))
}

/// What the types of those who ask a decision point stand for, and is not there.
pub(super) fn renamed(
    subject_types: &BTreeMap<String, Spanned<String>>,
    resource_types: &BTreeMap<String, Spanned<String>>,
    description: &Description,
    location: &str,
) -> Vec<Problem> {
    let names = |types: &[EntityType]| -> Vec<String> { types.iter().map(|one| one.name.clone()).collect() };
    let (subjects, mut resources) = (names(&description.principals), names(&description.resources));
    resources.push(API.to_owned());
    let of = |written: &BTreeMap<String, Spanned<String>>, known: &[String], what: &str| -> Vec<Problem> {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let unknown = written.values().filter(|to| !known.contains(&to.value.as_str()));
        let told = |to: &Spanned<String>| {
            let message = format!("{what} a `{}`", to.value);
            Problem::error(location, to.span, message).help(meant(&to.value, &known))
        };
        unknown.map(told).collect()
    };
    let mut problems = of(subject_types, &subjects, "no caller is");
    problems.extend(of(resource_types, &resources, "no request names"));
    problems
}

/// The type that something is of, if it is of one.
fn of_type(kind: &Spanned<AttributeKind>) -> Option<(&str, Span)> {
    match &kind.value {
        AttributeKind::Entity(name) | AttributeKind::Entities(name) => Some((name, kind.span)),
        AttributeKind::String | AttributeKind::Number | AttributeKind::Boolean | AttributeKind::Strings => None,
    }
}

fn is_one(types: &[EntityType], name: &str) -> bool {
    types.iter().any(|one| one.name == name)
}

/// The type that was probably meant, or those that there are.
pub(super) fn meant(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => {
            "name one in the contract: `x-portcullis: {resources: [{type: ..., path: ...}]}`".to_owned()
        }
        None => {
            let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("there are {}", known.join(", "))
        }
    }
}
