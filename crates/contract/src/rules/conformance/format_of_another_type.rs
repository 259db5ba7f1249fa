//! A format is for another type than the value has
//!
//! A `format` is one of strings, and the value is a number; or one of numbers, and the value is no number. It is
//! ignored then.
//!
//! # Why
//!
//! `type: integer` with `format: date-time` says to a reader that it is a point in time, and to a validator that it
//! is any number. Negative ones, or ones with thirty digits, go through to code that expects a day.
//!
//! # Incident
//!
//! On the first of January 2022 Microsoft Exchange servers stopped delivering mail: a date had been kept as the
//! number 2201010001, which a signed integer of 32 bits cannot hold.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - name: since
//!           in: query
//!           schema:
//!             type: integer
//!             format: date-time # <-
//!         - name: open
//!           in: query
//!           schema:
//!             type: boolean
//!             format: int32 # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: since, in: query, schema: {type: string, format: date-time}}
//!         - {name: id, in: query, schema: {type: string, format: int64, maxLength: 20}}
//!         - {name: at, in: query, schema: {type: integer, format: unix-time, minimum: 0, maximum: 4102444800}}
//!         - {name: secret, in: query, schema: {type: [string, integer], format: uuid}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Correct the type, or take the format away and bound the value as its type is bounded: `minimum` and `maximum`
//! for a number.
//!
//! # At the gate
//!
//! The gate asks a format only where the value is of its type, so nothing is checked by it here.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{graded, schemas};
use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::survey::{At, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "format-of-another-type",
        category: "conformance",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[1173],
            asvs: &["2.1.1"],
            nist: &[],
        },
        text: include_str!("format_of_another_type.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Contract(check),
};

/// Formats that only strings have.
const OF_STRINGS: [&str; 17] = [
    "date",
    "date-time",
    "time",
    "duration",
    "uuid",
    "email",
    "idn-email",
    "hostname",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "regex",
    "byte",
    "binary",
    "json-pointer",
];
/// Formats of numbers. Numbers that are sent as strings have them, too (OpenAPI Format Registry).
const OF_NUMBERS: [&str; 4] = ["int32", "int64", "float", "double"];

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for value in schemas(survey).filter(|value| value.schema.keywords.has(Keyword::Format)) {
        let types = value.schema.types;
        let text = types.may_be(Type::String);
        let number = types.may_be(Type::Number) || types.may_be(Type::Integer);
        let format = value.node().get("format").and_then(Node::as_str).unwrap_or_default();
        let whose = match format {
            _ if types.is_empty() || types.is_any() || text => continue,
            format if OF_STRINGS.contains(&format) => "strings",
            format if OF_NUMBERS.contains(&format) && !number => "numbers",
            _ => continue,
        };
        let message = format!("`{format}` is a format of {whose}, and {} is none", value.label());
        let spot = found.value_at(&value, At::member(value.node(), "format"), message);
        spot.severity(graded(&value, Severity::Low));
    }
}
