//! A string may have any characters
//!
//! Callers send a string of which nothing says what it looks like: no `pattern`, no `format`, no list of values.
//!
//! # Why
//!
//! A string without a form carries whatever the next program gives a meaning to: quotes for a database, angle
//! brackets for a browser, `../` for a file system, `${` for a logging library. Most fields need none of these. A
//! pattern of the characters that a value really has takes the tool away before anybody has to remember to escape
//! it.
//!
//! Text that people write freely has no such pattern. There a bound on its length is what can be said.
//!
//! # Incident
//!
//! In 2021 a lookup in a text that was only to be logged let callers run code on servers that used Log4j 2
//! (CVE-2021-44228): names, headers and search terms of any characters reached the logger.
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
//!                 reference: # <-
//!                   type: string
//!                   maxLength: 40
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
//!                 reference: {type: string, maxLength: 40, pattern: '^[A-Z0-9-]{1,40}$'}
//!                 day: {type: string, format: date}
//!                 size: {type: string, enum: [small, large]}
//!                 code: {allOf: [{type: string}, {pattern: '^[a-z]{1,8}$'}]}
//!                 kind: {type: [string, 'null'], const: order}
//!                 file: {type: string, format: binary}
//!       responses: {}
//!       parameters:
//!         - {name: id, in: query, schema: {type: string, format: uuid}}
//! ```
//!
//! # Fix
//!
//! Add a `pattern` of the characters that the value has, anchored with `^` and `$`, or a `format` such as `uuid` or
//! `date-time`.
//!
//! # At the gate
//!
//! The gate enforces patterns, and the formats that `portcullis coverage` lists, before a request is forwarded.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::shape;
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "string-without-pattern",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[20, 1286],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("string_without_pattern.rs"),
    },
    cost: Cost::Data(15),
    // A matter of care more than a hole: one finding tells it.
    fold: Fold::Contract,
    check: Check::Value(Travels::InRequests, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    const SAID: [Keyword; 6] = [
        Keyword::Pattern,
        Keyword::Format,
        Keyword::ContentEncoding,
        Keyword::ContentMediaType,
        Keyword::Not,
        Keyword::If,
    ];
    if value.is(Type::String) && !value.has_any(&SAID) && !value.is_closed() && !shape::has_branches(value) {
        let label = value.label();
        found.value(value, format!("{label} is a string without `pattern` or `format`"));
    }
}
