//! A bound lies outside of what the format can hold
//!
//! `minimum` or `maximum` of an integer lies beyond the range of its own `format`, such as a `maximum` of four
//! billion for `int32`.
//!
//! # Why
//!
//! One of the two is wrong, and programs choose differently: a server that was generated from the contract reads 32
//! bits, a validator in front of it lets larger numbers pass. What passes the one overflows in the other.
//!
//! # Incident
//!
//! In 1996 the first Ariane 5 rocket was lost because a number of 64 bits was put into 16 bits that could not hold it.
//! It is the nearest we know of: the range that was expected and the type that had to hold it were never compared.
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
//!                 quantity:
//!                   type: integer
//!                   format: int32
//!                   minimum: 0
//!                   maximum: 4294967295 # <-
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
//!                 quantity: {type: integer, format: int32, minimum: 0, maximum: 2147483647}
//!                 serial: {type: integer, format: int64, maximum: 4294967295}
//!                 small: {type: integer, format: int32, exclusiveMaximum: 2147483648}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Make the bound one that the format can hold, or choose a wider format.
//!
//! # At the gate
//!
//! The gate enforces both: the bounds and the range of `int32` or `int64`, whichever is narrower.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::shape;
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::Keyword;
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "integer-range-beyond-format",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[],
            owasp_2019: &[],
            cwe: &[190, 681],
            asvs: &["1.4.2"],
            nist: &[],
        },
        text: include_str!("integer_range_beyond_format.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.has(Keyword::Format) || !value.has_any(&[Keyword::Minimum, Keyword::Maximum]) {
        return;
    }
    let format = value.text(Keyword::Format).unwrap_or_default();
    let Some((_, least, most)) = shape::INTEGERS.iter().find(|(name, ..)| *name == format) else {
        return;
    };
    for (keyword, bound) in [
        (Keyword::Minimum, value.largest(Keyword::Minimum)),
        (Keyword::Maximum, value.smallest(Keyword::Maximum)),
    ] {
        if let Some(bound) = bound.filter(|bound| bound < least || bound > most) {
            let name = keyword.name();
            found.keyword(
                value,
                keyword,
                format!("`{name}` is {bound}, which `{format}` cannot hold"),
            );
        }
    }
}
