//! A string has the format of a number, and no pattern
//!
//! A string is declared with a numeric format such as `int64` or `double`. Such a format says nothing of strings:
//! any string passes.
//!
//! # Why
//!
//! Numbers travel as strings for a good reason, because JavaScript loses digits beyond 53 bits. But then neither the
//! format nor `minimum` and `maximum` hold, and the server parses whatever comes: exponents, signs, spaces, a text
//! of a million digits.
//!
//! # Incident
//!
//! In 2011 PHP fixed CVE-2010-4645: turning the string `2.2250738585072011e-308` into a number never ended, so that
//! one request with it kept a server busy.
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
//!                 amount:
//!                   type: string
//!                   format: int64 # <-
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
//!                 amount: {type: string, format: int64, pattern: '^[0-9]{1,18}$'}
//!                 count: {type: integer, format: int64}
//!                 kind: {type: string, format: int32, enum: ['1', '2']}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Add a `pattern` of the digits that the number may have, such as `^[0-9]{1,18}$`.
//!
//! # At the gate
//!
//! The gate takes a numeric format of a string for a remark, and enforces `pattern`.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::shape;
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "number-as-string",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[20, 1286],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("number_as_string.rs"),
    },
    cost: Cost::Data(10),
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    let is_bare = value.has(Keyword::Format) && !value.has(Keyword::Pattern) && !value.is_closed();
    if !is_bare || !value.is(Type::String) {
        return;
    }
    let format = value.text(Keyword::Format).unwrap_or_default();
    const OTHERS: [&str; 5] = ["float", "double", "decimal", "decimal128", "double-int"];
    let of_integers = shape::INTEGERS.iter().any(|(name, ..)| *name == format);
    if of_integers || OTHERS.contains(&format) {
        let message = format!("{} is a string: `{format}` bounds only numbers", value.label());
        found.keyword(value, Keyword::Format, message);
    }
}
