//! A type is none of JSON Schema
//!
//! `type` says a word that is no type: `date`, `float`, `int`, `any`. Validators refuse the schema as a whole, or
//! pass over the keyword, and then any value fits.
//!
//! # Why
//!
//! A field that is meant to be a number or a day takes objects, arrays and strings of any length. That is how
//! operators of a query language come into a query, and how a program that calculates with the value ends. The
//! tools that made the contract saw nothing wrong.
//!
//! # Incident
//!
//! In 2021 Rocket.Chat fixed CVE-2021-22911: where a token was expected as a string, an object was taken, too. With
//! a query operator in it callers without any account could read what the database held, up to taking over an
//! administrator.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - name: day
//!           in: query
//!           schema:
//!             type: date # <-
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
//!         - {name: day, in: query, schema: {type: string, format: date}}
//!         - {name: size, in: query, schema: {type: [integer, 'null'], minimum: 1, maximum: 9}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Use null, boolean, integer, number, string, array or object, and say the rest with `format`: `type: string` with
//! `format: date`, `type: number` with `format: float`. Where anything may stand, leave `type` out.
//!
//! # At the gate
//!
//! `portcullis check` refuses such a contract with the line of the word; a gate that runs keeps the one before.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{graded, schemas};
use crate::document::Version;
use crate::rules::found::Found;
use crate::rules::survey::keyword::Keyword;
use crate::rules::survey::{At, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "type-unknown",
        category: "conformance",
        severity: Severity::High,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7, 8],
            cwe: &[1173, 20],
            asvs: &["2.1.1", "2.2.1"],
            nist: &[],
        },
        text: include_str!("type_unknown.rs"),
    },
    cost: Cost::Data(100),
    fold: Fold::Cause,
    check: Check::Contract(check),
};

const TYPES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    // In OpenAPI 2.0 a file is a type.
    let is_old = survey.document.version() == Version::V2_0;
    for value in schemas(survey).filter(|value| value.schema.keywords.has(Keyword::Type)) {
        let Some(said) = value.node().get("type") else { continue };
        let one = said.as_str().map(|word| (word, said));
        let several = said.as_array().unwrap_or_default().iter();
        let words = one
            .into_iter()
            .chain(several.filter_map(|item| Some((item.as_str()?, item))));
        for (word, node) in words {
            let is_known = TYPES.contains(&word) || (is_old && word == "file");
            if !is_known {
                let message = format!("`{word}` is no type, so any value fits {}", value.label());
                let spot = found.value_at(&value, At::value(node), message);
                spot.severity(graded(&value, Severity::High));
            }
        }
    }
}
