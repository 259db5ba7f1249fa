//! An alternative lets everything through
//!
//! One branch of `anyOf` or `oneOf` says nothing, so any value satisfies it, and what the others say does not count.
//!
//! # Why
//!
//! A caller chooses the branch. Bounds that stand in one alternative are no bounds where the next has none. Such
//! branches are often meant as "or null", or are left from a merge, and readers see the strict one only.
//!
//! # Incident
//!
//! In 2015 Tim McLean found that several libraries accepted JSON Web Tokens with the algorithm `none`: of the
//! alternatives that a token could name, one checked nothing. It is the nearest we know of.
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
//!                   anyOf:
//!                     - {type: string, maxLength: 10}
//!                     - {} # <-
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
//!                 owner: {anyOf: [{type: string, maxLength: 10}, {type: 'null'}]}
//!                 kind: {oneOf: [{enum: [a]}, {const: b}]}
//!                 thing:
//!                   type: object
//!                   additionalProperties: false
//!                   properties: {a: {type: string}, b: {type: string}}
//!                   anyOf: [{required: [a]}, {required: [b]}, {}]
//!                 part: {oneOf: [{$ref: '#/components/schemas/Part'}, {type: 'null'}]}
//!       responses: {}
//! components:
//!   schemas:
//!     Part: {type: string, maxLength: 3}
//! ```
//!
//! # Fix
//!
//! Take the empty branch out, or say in it what it is for: `{type: 'null'}` for null.
//!
//! # At the gate
//!
//! The gate judges all alternatives, and lets pass what satisfies one of them.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::shape;
use crate::rules::found::Found;
use crate::rules::survey::{Role, Value};
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "vacuous-composition",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[20, 571],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("vacuous_composition.rs"),
    },
    cost: Cost::Data(100),
    fold: Fold::Cause,
    check: Check::Value(Travels::Either, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.has_branches() {
        return;
    }
    let branches = shape::branches(value);
    let is_open = |branch: &&Value<'_, '_>| branch.schema.role == Role::Branch && shape::says_nothing(branch);
    let Some(open) = branches.iter().find(is_open) else {
        return;
    };
    // Whatever the others say, this is as open as one branch is.
    let message = format!("a branch of {} says nothing: anything passes", value.label());
    found.value_at(value, open.schema.at, message.as_str());
    for branch in &branches {
        if branch.schema.role == Role::Branch {
            found.value_at(branch, open.schema.at, message.as_str());
        }
    }
}
