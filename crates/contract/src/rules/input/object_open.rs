//! An object takes members that nobody declared
//!
//! An object in a request declares its members, and lets any others through: `additionalProperties` is not `false`.
//!
//! # Why
//!
//! Programs often copy what they are sent into what they keep, member by member. Then a caller who adds `role`,
//! `price` or `owner` to a request sets what no form ever showed. That is mass assignment. An object that is closed
//! in the contract refuses the member before the program can copy it.
//!
//! An object that others build upon with `allOf` is left out, because closing it would close them.
//!
//! # Incident
//!
//! In March 2012 Egor Homakov added a field to a form of GitHub that the form did not have, which put his public key
//! into the Ruby on Rails organisation; with it he wrote to its repository.
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
//!             schema: # <-
//!               type: object
//!               properties:
//!                 size: {type: string, enum: [small, large]}
//!                 address: # <-
//!                   type: object
//!                   additionalProperties: true
//!                   properties: {street: {type: string}}
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
//!               additionalProperties: false
//!               properties:
//!                 size: {type: string, enum: [small, large]}
//!                 pet: {$ref: '#/components/schemas/Dog'}
//!                 labels: {type: object, properties: {a: {type: string}}, additionalProperties: {type: string}}
//!                 either:
//!                   type: object
//!                   oneOf:
//!                     - {properties: {a: {type: string}}, additionalProperties: false}
//!                     - {properties: {b: {type: string}}, additionalProperties: false}
//!       responses: {'200': {description: Done., content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}}
//! components:
//!   schemas:
//!     Pet: {type: object, properties: {name: {type: string}}}
//!     Dog:
//!       allOf: [{$ref: '#/components/schemas/Pet'}, {type: object, properties: {bark: {type: string}}}]
//!       unevaluatedProperties: false
//! ```
//!
//! # Fix
//!
//! Add `additionalProperties: false`; under `allOf`, from OpenAPI 3.1 on, `unevaluatedProperties: false` at the
//! whole.
//!
//! # At the gate
//!
//! The gate refuses members that nobody declared (`undeclared.body`), unless the contract allows them aloud with
//! `additionalProperties: true`.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use std::collections::HashSet;

use super::shape;
use crate::document::Version;
use crate::rules::survey::keyword::Keyword;
use crate::rules::survey::{Role, SchemaId, Survey, Value};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "object-open",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[3],
            owasp_2019: &[6],
            cwe: &[915, 20],
            asvs: &["15.3.3"],
            nist: &[],
        },
        text: include_str!("object_open.rs"),
    },
    cost: Cost::Data(20),
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
        if is_asked && value.has(Keyword::Properties) && !bases.contains(&value.schema.id) {
            look(&value, found);
        }
    }
}

fn look<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    let is_base = value.schema.keywords.has(Keyword::Discriminator);
    if is_base || !shape::is_object(value) || value.is_closed() || !shape::lets_others_in(value) {
        return;
    }
    // OpenAPI before 3.1 has no word to close what is put together.
    let is_modern = value.survey.document.version() == Version::V3_1;
    let is_whole = shape::parts(value).len() == 1 && value.schema.role != Role::Branch;
    if !(is_modern || is_whole) || !is_told_here(value) {
        return;
    }
    let label = value.label();
    if value.has_any(&[Keyword::AdditionalProperties, Keyword::UnevaluatedProperties]) {
        let message = format!("{label} allows members that nobody declared");
        let spot = found.value(value, message.as_str());
        spot.severity(Severity::Medium);
        for other in value.children(Role::OtherProperties) {
            found.value_at(&other, value.schema.at, message.as_str());
        }
    } else {
        found.value(value, format!("{label} does not refuse members that nobody declared"));
    }
}

/// Whether this is the place to close it: what stands around its branches where they declare nothing, else the branches.
fn is_told_here(value: &Value<'_, '_>) -> bool {
    let declares = |branch: &Value<'_, '_>| shape::says(branch, Keyword::Properties) || shape::has_branches(branch);
    let closes = |branch: &Value<'_, '_>| {
        branch
            .schema
            .keywords
            .has_any(&[Keyword::AdditionalProperties, Keyword::UnevaluatedProperties])
    };
    let says = shape::says(value, Keyword::Properties);
    says && !shape::branches(value)
        .iter()
        .any(|branch| declares(branch) || closes(branch))
}
