//! A number has neither a least nor a greatest value
//!
//! Callers send a number of any size and sign: there is no `minimum`, no `maximum`, and no format that implies them.
//!
//! # Why
//!
//! A quantity of minus one turns a payment round. A page of a billion entries makes the server build them. A number
//! past what its type holds becomes another number on the way. Each of these is a request that the author never
//! thought of, and that two bounds refuse.
//!
//! # Incident
//!
//! In August 2010 two outputs of a Bitcoin transaction were so large that their sum overflowed and passed the check
//! (CVE-2010-5139): 184 billion coins were made out of nothing, and the chain had to be taken back.
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
//!                 quantity: # <-
//!                   type: integer
//!                 price: # <-
//!                   type: number
//!                   format: double
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
//!                 quantity: {type: integer, minimum: 1, maximum: 1000}
//!                 price: {type: number, exclusiveMinimum: 0, exclusiveMaximum: 100000}
//!                 port: {type: integer, format: int32}
//!                 level: {type: integer, enum: [1, 2, 3]}
//!                 id: {type: integer, format: int64}
//!                 count: {allOf: [{type: integer}, {minimum: 0, maximum: 9}]}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Add `minimum` and `maximum` with the values that make sense, not those that the type can hold.
//!
//! # At the gate
//!
//! The gate enforces ranges exactly, on the digits as they are sent, before a request is forwarded.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::shape;
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::Keyword;
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "number-without-range",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[20, 1284],
            asvs: &["1.4.2", "2.2.1"],
            nist: &[],
        },
        text: include_str!("number_without_range.rs"),
    },
    cost: Cost::Data(30),
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.schema.types.is_numeric() || value.is_closed() || shape::has_branches(value) {
        return;
    }
    const BOUNDS: [Keyword; 4] = [
        Keyword::Minimum,
        Keyword::Maximum,
        Keyword::ExclusiveMinimum,
        Keyword::ExclusiveMaximum,
    ];
    let format = value.text(Keyword::Format).unwrap_or_default();
    // A range of 64 bits is one, if a wide one: see `number-range-incomplete`.
    let is_ranged = shape::INTEGERS.iter().any(|(name, ..)| *name == format);
    if !value.has_any(&BOUNDS) && !is_ranged {
        let label = value.label();
        found.value(value, format!("{label} is a number without `minimum` and `maximum`"));
    }
}
