//! A format is not known to any validator
//!
//! The `format` of a string stands neither in JSON Schema nor in the OpenAPI format registry, and there is no
//! `pattern`. It is a remark to readers: any string passes.
//!
//! # Why
//!
//! A reader takes `format: iban` for a check. A validator that does not know the name lets everything through and
//! says nothing, as the specification tells it to. So the one who relies on the contract checks no more, and nobody
//! does.
//!
//! # Incident
//!
//! In 2021 the package netmask read `010.0.0.1` as another address than the systems behind it (CVE-2021-28918), so
//! that filters by address could be passed. It is the nearest we know of: a form that everybody believed to be
//! checked, and each program took for something else.
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
//!                 account:
//!                   type: string
//!                   maxLength: 34
//!                   format: iban # <-
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
//!                 account: {type: string, format: iban, pattern: '^[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}$'}
//!                 secret: {type: string, format: password, maxLength: 64}
//!                 day: {type: string, format: date}
//!                 size: {type: string, format: size, enum: [small, large]}
//!                 number: {type: string, format: int64}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Say the form with `pattern` too, and keep `format` for readers.
//!
//! # At the gate
//!
//! The gate lets any string pass where it does not know the format, and `portcullis coverage` lists these places.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "string-format-unknown",
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
        text: include_str!("string_format_unknown.rs"),
    },
    cost: Cost::Data(10),
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

/// JSON Schema 2020-12 (Validation §7.3) and the OpenAPI format registry.
const KNOWN: [&str; 42] = [
    "base64url",
    "binary",
    "byte",
    "char",
    "commonmark",
    "date",
    "date-time",
    "date-time-local",
    "decimal",
    "decimal128",
    "double",
    "double-int",
    "duration",
    "email",
    "float",
    "hostname",
    "html",
    "http-date",
    "idn-email",
    "idn-hostname",
    "int16",
    "int32",
    "int64",
    "int8",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "media-range",
    "password",
    "regex",
    "relative-json-pointer",
    "sf-string",
    "time",
    "time-local",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
    "unixtime",
    "uri",
];
/// The others of these.
const URIS: [&str; 3] = ["uri-reference", "uri-template", "uuid"];

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    let is_bare = value.has(Keyword::Format) && !value.has(Keyword::Pattern) && !value.is_closed();
    if !is_bare || !value.is(Type::String) {
        return;
    }
    let format = value.text(Keyword::Format).unwrap_or_default();
    if !format.is_empty() && !KNOWN.contains(&format) && !URIS.contains(&format) {
        found.keyword(
            value,
            Keyword::Format,
            format!("no validator knows the format `{format}`"),
        );
    }
}
