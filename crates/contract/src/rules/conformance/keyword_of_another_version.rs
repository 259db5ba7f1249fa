//! A keyword is not of this version of OpenAPI
//!
//! A schema has a keyword that the contract's version of OpenAPI does not know, or knows in another form: `const`
//! in 3.0, a truth value as `exclusiveMinimum` in 3.1, `nullable` in 3.1. Programs that keep to the version pass
//! over it.
//!
//! # Why
//!
//! What the keyword forbids is let through by whoever does not know it, and refused by whoever does: a test tool
//! says that all is well, and the validator in production checks nothing. Contracts come into this state when they
//! are converted, or when parts are copied from another.
//!
//! # Incident
//!
//! The nearest is CVE-2017-11427 of 2018: two readers of one signed SAML document disagreed about a comment inside
//! a name, so that a user could sign in as another.
//!
//! # Bad
//!
//! ```yaml
//! openapi: 3.0.3
//! paths:
//!   /offers:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 kind:
//!                   type: string
//!                   const: public # <-
//!                 price:
//!                   type: number
//!                   exclusiveMinimum: 0 # <-
//!                 note:
//!                   type: [string, 'null'] # <-
//!               propertyNames: {maxLength: 10} # <-
//!       responses: {}
//! ```
//!
//! ```yaml
//! openapi: 3.1.0
//! paths:
//!   /offers:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 price:
//!                   type: number
//!                   minimum: 0
//!                   exclusiveMinimum: true # <-
//!                 note:
//!                   type: string
//!                   nullable: true # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! openapi: 3.1.0
//! paths:
//!   /offers:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 kind: {const: public}
//!                 price: {type: number, exclusiveMinimum: 0, maximum: 1000}
//!                 note: {type: [string, 'null'], maxLength: 100, example: Cheap}
//!       responses: {}
//! ```
//!
//! ```yaml
//! openapi: 3.0.3
//! paths:
//!   /offers:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 kind: {type: string, enum: [public]}
//!                 price: {type: number, minimum: 0, exclusiveMinimum: true}
//!                 note: {type: string, nullable: true, maxLength: 100}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Write it as the version does: `enum` with one value for `const`, `type: [string, 'null']` for `nullable`, a
//! number as `exclusiveMinimum` in 3.1. Or say `openapi: 3.1.0`, if the whole contract is written so.
//!
//! # At the gate
//!
//! The gate judges by the version that the contract says. `portcullis coverage` names keywords that have no effect
//! in it, and `portcullis check` refuses those whose form is wrong.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{graded, schemas};
use crate::document::{Node, Value as Spoken, Version};
use crate::rules::found::Found;
use crate::rules::survey::{At, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "keyword-of-another-version",
        category: "conformance",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[436, 1173],
            asvs: &["2.1.1"],
            nist: &[],
        },
        text: include_str!("keyword_of_another_version.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Contract(check),
};

/// Keywords of JSON Schema 2020-12 that OpenAPI 2.0 and 3.0 do not have, as far as they forbid something.
const MODERN: [&str; 14] = [
    "const",
    "if",
    "then",
    "else",
    "contains",
    "prefixItems",
    "patternProperties",
    "propertyNames",
    "dependentSchemas",
    "dependentRequired",
    "unevaluatedProperties",
    "unevaluatedItems",
    "contentEncoding",
    "contentMediaType",
];
/// Keywords of OpenAPI 3.0 that 2.0 does not have.
const LATER: [&str; 5] = ["oneOf", "anyOf", "not", "writeOnly", "nullable"];
/// Keywords of earlier versions that 3.1 does not have.
const EARLIER: [&str; 2] = ["nullable", "dependencies"];

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let version = survey.document.version();
    for value in schemas(survey) {
        let members = value.node().as_object().into_iter().flat_map(|object| &object.members);
        for (name, member) in members {
            // A member whose name stands nowhere was made while the document was lowered.
            let is_made = member.name_span == member.value.span;
            if let Some((message, severity)) = foreign(version, name, &member.value).filter(|_| !is_made) {
                let spot = found.value_at(&value, At::name(member.name_span), message);
                spot.severity(graded(&value, severity));
            }
        }
    }
}

/// What is wrong with this keyword in this version.
fn foreign(version: Version, name: &str, said: &Node) -> Option<(String, Severity)> {
    let is_modern = version == Version::V3_1;
    match (name, &said.value) {
        ("exclusiveMinimum" | "exclusiveMaximum", Spoken::Bool(_)) if is_modern => {
            let message = format!("`{name}` is true or false, and in OpenAPI 3.1 it has to be a number");
            Some((message, Severity::Medium))
        }
        ("exclusiveMinimum" | "exclusiveMaximum", Spoken::Number(_)) if !is_modern => {
            let message = format!(
                "`{name}` is a number, and {} knows it as true or false",
                written(version)
            );
            Some((message, Severity::Medium))
        }
        ("type", Spoken::Array(_)) if !is_modern => {
            let message = format!("`type` is a list, and {} knows one type only", written(version));
            Some((message, Severity::Low))
        }
        ("type", Spoken::Array(_)) => None,
        _ => {
            let is_unknown = match version {
                Version::V3_1 => EARLIER.contains(&name),
                Version::V3_0 => MODERN.contains(&name),
                Version::V2_0 => MODERN.contains(&name) || LATER.contains(&name),
            };
            let is_idle = matches!(said.value, Spoken::Bool(false)) && matches!(name, "nullable" | "writeOnly");
            let severity = match name {
                "nullable" | "writeOnly" | "contentEncoding" | "contentMediaType" => Severity::Low,
                _ => Severity::Medium,
            };
            let told = || (format!("{} does not know `{name}`", written(version)), severity);
            (is_unknown && !is_idle).then(told)
        }
    }
}

fn written(version: Version) -> &'static str {
    match version {
        Version::V2_0 => "OpenAPI 2.0",
        Version::V3_0 => "OpenAPI 3.0",
        Version::V3_1 => "OpenAPI 3.1",
    }
}
