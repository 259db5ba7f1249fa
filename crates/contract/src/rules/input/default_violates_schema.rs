//! A default breaks the bounds of its own value
//!
//! `default` is of a type that the value cannot have, or outside of its bounds.
//!
//! # Why
//!
//! What stands in for a value that was not sent is put there by the program, after the checks. Then the program
//! works with a value that the contract says cannot be. Either the default or the bound is wrong.
//!
//! # Incident
//!
//! From December 2016 on, tens of thousands of MongoDB databases were emptied for ransom. They asked for no password,
//! which is so unless it is set otherwise, and stood open on the Internet; packages before version 2.6 listened on
//! every address by default. It is the nearest we know of: a default that nobody had held against what was wanted.
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
//!                 limit:
//!                   type: integer
//!                   minimum: 1
//!                   maximum: 100
//!                   default: 1000 # <-
//!                 size:
//!                   type: integer
//!                   default: '10' # <-
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
//!                 limit: {type: integer, minimum: 1, maximum: 100, default: 20}
//!                 size: {type: number, default: 10}
//!                 owner: {type: string, default: null}
//!                 open: {default: 10}
//!                 code: {type: string, minLength: 2, default: ab}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Make the default a value that the bounds allow, or correct the bound.
//!
//! # At the gate
//!
//! The gate checks what is sent, and never puts defaults in.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::shape;
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::Keyword;
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "default-violates-schema",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[1188, 1284],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("default_violates_schema.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.schema.keywords.has(Keyword::Default) {
        return;
    }
    let refusal = value
        .node()
        .get("default")
        .and_then(|default| shape::refusal(value, default));
    if let Some(refusal) = refusal {
        found.keyword(
            value,
            Keyword::Default,
            format!("the default of {} {refusal}", value.label()),
        );
    }
}
