//! A value may be anything
//!
//! Nothing is said of a value: no type, no list of values, no reference, no alternatives. Every JSON value passes.
//!
//! # Why
//!
//! What has no type is taken by the program as it comes. A caller sends an object where a string was expected, and
//! the object becomes a query operator; or a list, and the comparison that guards a password is one between other
//! things than the author had in mind. Nothing in front of the program can tell an attack from a value.
//!
//! # Incident
//!
//! In 2021 Rocket.Chat closed CVE-2021-22911: an operation took its `token` whatever its type was, and a caller who
//! sent an object with a database operator instead of a text could guess password reset tokens without being logged
//! in.
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
//!                 token: {} # <-
//!                 reason: # <-
//!                   description: Why it was ordered.
//!                 lines:
//!                   type: array
//!                   maxItems: 10
//!                   items: {} # <-
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
//!                 token: {type: string, maxLength: 40}
//!                 size: {enum: [small, large]}
//!                 owner: {$ref: '#/components/schemas/Owner'}
//!                 note: {anyOf: [{type: string, maxLength: 10}, {type: 'null'}]}
//!                 kind: {allOf: [{$ref: '#/components/schemas/Kind'}], description: What it is.}
//!                 labels: {type: object, additionalProperties: true}
//!       responses: {}
//!   /pings:
//!     get:
//!       responses: {'204': {description: Nothing., content: {application/json: {schema: {}}}}}
//! components:
//!   schemas:
//!     Owner: {type: [object, 'null'], additionalProperties: false}
//!     Kind: {const: order}
//! ```
//!
//! # Fix
//!
//! Say what the value is with `type` and its bounds, or refer to a schema that does. Where it may be one of several
//! things, list them with `oneOf`.
//!
//! # At the gate
//!
//! Nothing can be checked that is not said. The gate still refuses JSON that is not well-formed, that repeats a
//! member, or that nests deeper than 64. The gate bounds the whole body (`body_bytes_max`, 1 MiB unless said
//! otherwise), the URL and the headers.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::shape;
use crate::rules::found::Found;
use crate::rules::survey::{Role, UnitKind, Value};
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "untyped-value",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[20, 1287],
            asvs: &["2.2.1", "15.3.5"],
            nist: &[],
        },
        text: include_str!("untyped_value.rs"),
    },
    cost: Cost::Data(100),
    fold: Fold::Cause,
    check: Check::Value(Travels::Either, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    // An empty branch undoes the others, and whatever else an object may have makes it open: those have rules of their own.
    let elsewhere = matches!(
        value.schema.role,
        Role::Branch | Role::OtherProperties | Role::OtherItems
    );
    // These answers have no body (RFC 9110 §15.3.5, §15.3.6, §15.4.5), whatever is written of it.
    let is_bodiless = matches!(value.unit().kind, UnitKind::Answer(_, "204" | "205" | "304"));
    if value.schema.types.is_any() && !elsewhere && !is_bodiless && shape::says_nothing(value) {
        let spot = found.value(value, format!("{} has no type: anything passes", value.label()));
        if value.is_root() && matches!(value.unit().kind, UnitKind::Body(_)) {
            spot.severity(Severity::High);
        }
    }
}
