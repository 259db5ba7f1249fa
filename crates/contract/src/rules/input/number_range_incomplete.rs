//! A number is bounded at one end only, or by its 64 bits only
//!
//! One of `minimum` and `maximum` is missing, or the only bound is the range of 64 bits that the format implies.
//!
//! # Why
//!
//! The end that is missing is the one that a caller tries. A limit of at least one, with no most, makes the server
//! build whatever is asked for; an amount of at most a thousand, with no least, can be negative.
//!
//! # Incident
//!
//! In 2018 a token called BeautyChain checked that the value of a transfer was above zero, and not that it was small
//! enough to be multiplied (CVE-2018-10299). A product that overflowed gave two accounts more tokens than there
//! were.
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
//!                 limit: # <-
//!                   type: integer
//!                   minimum: 1
//!                 amount: # <-
//!                   type: number
//!                   maximum: 1000
//!                 offset: # <-
//!                   type: integer
//!                   format: int64
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
//!                 limit: {type: integer, minimum: 1, maximum: 100}
//!                 amount: {type: number, minimum: 0, exclusiveMaximum: 1000}
//!                 port: {type: integer, format: int32}
//!                 count: {type: integer, format: int32, minimum: 0}
//!                 free: {type: number}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Add the bound that is missing, with the value that makes sense for the API.
//!
//! # At the gate
//!
//! The gate enforces the bounds that there are, and the ranges of `int32` and `int64`.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::shape;
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::Keyword;
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "number-range-incomplete",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[20, 1284],
            asvs: &["1.4.2", "2.2.1"],
            nist: &[],
        },
        text: include_str!("number_range_incomplete.rs"),
    },
    cost: Cost::Data(15),
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.schema.types.is_numeric() || value.is_closed() || shape::has_branches(value) {
        return;
    }
    let format = value.text(Keyword::Format).unwrap_or_default();
    let of_format = shape::INTEGERS.iter().find(|(name, ..)| *name == format);
    let is_narrow = of_format.is_some_and(|(_, _, most)| *most <= f64::from(u32::MAX));
    let low = is_narrow || value.has_any(&[Keyword::Minimum, Keyword::ExclusiveMinimum]);
    let high = is_narrow || value.has_any(&[Keyword::Maximum, Keyword::ExclusiveMaximum]);
    let missing = match (low, high) {
        (true, false) => "has no `maximum`",
        (false, true) => "has no `minimum`",
        (false, false) if of_format.is_some() => "has no bounds but its 64 bits",
        _ => return,
    };
    found.value(value, format!("{} {missing}", value.label()));
}
