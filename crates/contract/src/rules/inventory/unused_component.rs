//! A component is used by nothing
//!
//! A schema, a parameter, a response, a body or a header of `components` is one that nothing refers to.
//!
//! # Why
//!
//! What is left over is read, generated into code and reviewed as if it counted. Often it is what remains of an
//! operation that was taken out of the contract and not out of the service, and tells what it took. And a schema
//! with all bounds that nothing uses looks like protection.
//!
//! # Incident
//!
//! The nearest is Log4Shell of December 2021 (CVE-2021-44228): a feature to look values up by name, which hardly
//! anybody used and few knew to be there, let anybody who could write a log line run code.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses: {'200': {description: Orders., content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}}
//! components:
//!   parameters:
//!     Page: {name: page, in: query, schema: {type: integer}} # <-
//!   schemas:
//!     Order: {type: object}
//!     Refund: {type: object} # <-
//! ```
//!
//! ```yaml
//! swagger: '2.0'
//! info: {title: Orders, version: 1.0.0}
//! paths:
//!   /orders:
//!     get:
//!       responses: {'200': {description: Orders., schema: {$ref: '#/definitions/Order'}}}
//! definitions:
//!   Order: {type: object}
//!   Refund: {type: object} # <-
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /pets:
//!     get:
//!       parameters:
//!         - {$ref: '#/components/parameters/Page'}
//!       responses:
//!         '200':
//!           description: Pets.
//!           content:
//!             application/json:
//!               schema: {type: array, items: {$ref: '#/components/schemas/Pet'}}
//!         '404': {$ref: '#/components/responses/Missing'}
//! components:
//!   parameters:
//!     Page: {name: page, in: query, schema: {type: integer}}
//!   responses:
//!     Missing: {description: There is none.}
//!   schemas:
//!     Pet: {type: object, discriminator: {propertyName: kind}, properties: {kind: {type: string}}}
//!     Cat:
//!       allOf: [{$ref: '#/components/schemas/Pet'}]
//!       properties: {owner: {$ref: '#/components/schemas/Owner'}}
//!     Owner: {type: object, properties: {name: {$ref: '#/components/schemas/Names/properties/first'}}}
//!     Names: {type: object, properties: {first: {type: string}}}
//! ```
//!
//! # Fix
//!
//! Remove it, after a look whether the operation that it was for is still served.
//!
//! # At the gate
//!
//! What nothing uses is never enforced. The gate serves the operations that are declared, and nothing of what once
//! was.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::document::Node;
use crate::document::Version;
use crate::rules::found::Found;
use crate::rules::survey::keyword::Keyword;
use crate::rules::survey::{At, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "unused-component",
        category: "inventory",
        severity: Severity::Info,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[9],
            owasp_2019: &[9],
            cwe: &[1164],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("unused_component.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Contract(check),
};

const KINDS: [(&str, &str); 4] = [
    ("parameters", "parameter"),
    ("responses", "response"),
    ("requestBodies", "request body"),
    ("headers", "header"),
];

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    // A library of components is used by other files.
    if survey.operations.is_empty() {
        return;
    }
    for (name, node) in survey.document.named_schemas() {
        // A reference through a discriminator is by name alone.
        let is_left = survey.schema_at(node).is_some_and(|id| {
            let value = survey.value(id);
            survey.is_unused(id) && !value.has(Keyword::Discriminator) && std::ptr::eq(value.node(), node)
        });
        if is_left && !is_referenced_within(survey, node) {
            let at = survey.schema_at(node).map(|id| survey.schema(id).at);
            found.contract(
                at.unwrap_or(At::value(node)),
                format!("nothing uses the schema `{name}`"),
            );
        }
    }
    // Those of OpenAPI 2.0 have other names and are lowered one by one.
    let components = survey
        .root()
        .node
        .get("components")
        .filter(|_| survey.document.version() != Version::V2_0);
    for (kind, label) in KINDS {
        let all = components
            .and_then(|components| components.get(kind))
            .and_then(Node::as_object);
        for (name, member) in all.into_iter().flat_map(|all| &all.members) {
            if !name.starts_with("x-") && !is_referenced_within(survey, &member.value) {
                found.contract(At::name(member.name_span), format!("nothing uses the {label} `{name}`"));
            }
        }
    }
}

/// Whether a reference leads to it or into it.
fn is_referenced_within(survey: &Survey<'_>, node: &Node) -> bool {
    let mut waiting = vec![node];
    while let Some(node) = waiting.pop() {
        if survey.is_referenced(node) {
            return true;
        }
        let members = node
            .as_object()
            .into_iter()
            .flat_map(|object| object.iter().map(|(_, node)| node));
        waiting.extend(members.chain(node.as_array().unwrap_or_default()));
    }
    false
}
