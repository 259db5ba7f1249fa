//! A required member is not declared
//!
//! `required` names a member that `properties` does not have, while other members are allowed: it has to be there,
//! and may be anything.
//!
//! # Why
//!
//! The name is misspelt, or the member was moved and its schema forgotten. Either way a member on which the program
//! relies comes unchecked; and where it is misspelt, the one that was meant may be missing.
//!
//! # Incident
//!
//! In 2017 CouchDB closed CVE-2017-12635: one of its parsers judged one member called `roles`, another used a second
//! one of the same name, and callers made themselves administrators. It is the nearest we know of: the member that
//! is checked is not the one that is used.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 owner:
//!                   type: object
//!                   properties: {name: {type: string, maxLength: 9}}
//!                   required: [name, adress] # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 owner:
//!                   type: object
//!                   properties: {name: {type: string, maxLength: 9}}
//!                   required: [name]
//!                 base:
//!                   allOf: [{$ref: '#/components/schemas/Base'}]
//!                   required: [id]
//!                 map: {type: object, properties: {b: {type: string}}, required: [a], additionalProperties: {type: string}}
//!                 either:
//!                   type: object
//!                   properties: {a: {type: string}}
//!                   required: [a, b]
//!                   oneOf: [{properties: {b: {type: string}}}, {properties: {b: {type: integer}}}]
//!       responses: {}
//! components:
//!   schemas:
//!     Base: {type: object, properties: {id: {type: string}}}
//! ```
//!
//! # Fix
//!
//! Declare the member in `properties`, or correct the name in `required`.
//!
//! # At the gate
//!
//! The gate asks for members that are required, and refuses members that nobody declared: with both, no request
//! passes.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use std::collections::HashSet;

use super::shape;
use crate::document::Node;
use crate::rules::survey::keyword::Keyword;
use crate::rules::survey::{Role, SchemaId, Survey, Value};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "required-property-undeclared",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[20, 1287],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("required_property_undeclared.rs"),
    },
    cost: Cost::Data(5),
    fold: Fold::Cause,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let edges = survey.schemas().flat_map(|schema| &schema.edges);
    let bases: HashSet<SchemaId> = edges
        .filter(|edge| edge.role == Role::Conjunct)
        .map(|edge| edge.target)
        .collect();
    for value in survey.values() {
        let is_asked = value.in_request() || survey.is_unused(value.schema.id);
        let is_plain = value.schema.keywords.has(Keyword::Required) && value.has(Keyword::Properties);
        if is_asked && is_plain && !bases.contains(&value.schema.id) {
            look(&value, found);
        }
    }
}

fn look<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    let has_schema = |role| value.children(role).iter().any(|other| !shape::says_nothing(other));
    if !shape::is_object(value) || has_schema(Role::OtherProperties) || has_schema(Role::PatternProperty) {
        return;
    }
    let mut declared: HashSet<&str> = value.properties().into_iter().map(|(name, _)| name).collect();
    let mut inside = shape::branches(value);
    for _ in 0..4 {
        let names = inside.iter().flat_map(|branch| branch.properties());
        declared.extend(names.map(|(name, _)| name));
        inside = inside.iter().flat_map(shape::branches).take(64).collect();
    }
    let required = value
        .node()
        .get("required")
        .and_then(Node::as_array)
        .unwrap_or_default();
    let missing = required
        .iter()
        .filter_map(Node::as_str)
        .find(|name| !declared.contains(name));
    if let Some(name) = missing {
        let message = format!("`{name}` is required of {} and nowhere declared", value.label());
        found.keyword(value, Keyword::Required, message);
    }
}
