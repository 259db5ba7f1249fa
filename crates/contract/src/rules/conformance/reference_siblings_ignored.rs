//! What stands beside a reference is ignored
//!
//! A schema in OpenAPI 2.0 or 3.0 has `$ref` and, beside it, keywords that bound the value. These versions ignore
//! everything beside `$ref`.
//!
//! # Why
//!
//! The author narrowed a shared schema for this one place: a longest length, a list of values, a required member.
//! Nobody checks it. A caller may send whatever the shared schema allows. In 3.1 both would hold, so that a reader
//! who knows 3.1 does not notice.
//!
//! # Incident
//!
//! The nearest is Heartbleed of 2014 (CVE-2014-0160): the length that a message said was not held against the
//! length that it had, and servers answered with their memory. A bound that is not checked is none.
//!
//! # Bad
//!
//! ```yaml
//! openapi: 3.0.3
//! paths:
//!   /notes:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 title:
//!                   $ref: '#/components/schemas/Text'
//!                   maxLength: 80 # <-
//!       responses: {}
//! components:
//!   schemas:
//!     Text: {type: string, maxLength: 100000}
//! ```
//!
//! # Good
//!
//! ```yaml
//! openapi: 3.0.3
//! paths:
//!   /notes:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 title:
//!                   allOf:
//!                     - $ref: '#/components/schemas/Text'
//!                   maxLength: 80
//!                 text:
//!                   $ref: '#/components/schemas/Text'
//!                   description: What it says.
//!       responses: {}
//! components:
//!   schemas:
//!     Text: {type: string, maxLength: 100000}
//! ```
//!
//! ```yaml
//! openapi: 3.1.0
//! paths:
//!   /notes:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {$ref: '#/components/schemas/Text', maxLength: 80}
//!       responses: {}
//! components:
//!   schemas:
//!     Text: {type: string, maxLength: 100000}
//! ```
//!
//! # Fix
//!
//! Put the reference into `allOf`, and the other keywords beside `allOf`; or write the contract in OpenAPI 3.1,
//! where they hold beside `$ref`.
//!
//! # At the gate
//!
//! The gate keeps to the version: in 2.0 and 3.0 it ignores what stands beside `$ref`, in 3.1 it judges by both.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{graded, schemas};
use crate::document::{Node, Span, Value as Spoken, Version};
use crate::rules::found::Found;
use crate::rules::survey::{At, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "reference-siblings-ignored",
        category: "conformance",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4, 8],
            owasp_2019: &[4, 7],
            cwe: &[1173],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("reference_siblings_ignored.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Contract(check),
};

/// What bounds a value. A type or a description beside a reference only repeats.
const BOUNDS: [&str; 22] = [
    "enum",
    "const",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "items",
    "minItems",
    "maxItems",
    "uniqueItems",
    "properties",
    "additionalProperties",
    "required",
    "maxProperties",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
];

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    if survey.document.version() == Version::V3_1 {
        return;
    }
    for value in schemas(survey) {
        for node in directly_inside(value.node()) {
            if let Some(at) = ignored(node) {
                let spot = found.value_at(&value, At::name(at.1), format!("`{}` beside `$ref` is ignored", at.0));
                spot.severity(graded(&value, Severity::Medium));
            }
        }
    }
    for operation in &survey.operations {
        let contents = operation.body.iter().flat_map(|body| &body.contents);
        let carriers = contents.map(|content| content.place.node);
        let carriers = carriers.chain(operation.parameters.iter().map(|parameter| parameter.place.node));
        for schema in carriers.filter_map(|carrier| carrier.get("schema")) {
            if let Some((name, at)) = ignored(schema) {
                found.operation(operation, At::name(at), format!("`{name}` beside `$ref` is ignored"));
            }
        }
    }
}

/// The first bound beside a reference.
fn ignored(schema: &Node) -> Option<(&str, Span)> {
    let object = schema.as_object()?;
    object.get("$ref")?.as_str()?;
    let mut members = object.members.iter();
    let (name, member) = members.find(|(name, _)| BOUNDS.contains(&&***name))?;
    // What is made while a document is lowered stands nowhere.
    (member.name_span != member.value.span).then_some((&**name, member.name_span))
}

/// The schemas that stand right inside of one.
fn directly_inside(schema: &Node) -> impl Iterator<Item = &Node> {
    let members = schema.as_object().into_iter().flat_map(|object| object.iter());
    members.flat_map(|(name, node)| -> Vec<&Node> {
        match (name, &node.value) {
            ("properties", Spoken::Object(map)) => map.iter().map(|(_, node)| node).collect(),
            ("allOf" | "anyOf" | "oneOf", Spoken::Array(items)) => items.iter().collect(),
            ("items" | "additionalProperties" | "not", Spoken::Object(_)) => vec![node],
            _ => Vec::new(),
        }
    })
}
