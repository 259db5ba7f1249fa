//! A map has no largest number of members
//!
//! Callers choose the names of members, and how many there are: there is no `maxProperties`.
//!
//! # Why
//!
//! A map is a list whose items have names. Each costs memory and work; and names that a caller chooses can be chosen
//! so that the table they are kept in becomes slow.
//!
//! # Incident
//!
//! In December 2011 it was shown that names of form fields which fall together in a hash table keep a server busy
//! for minutes (CVE-2011-4885 in PHP). PHP answered with a bound on their number, `max_input_vars`.
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
//!                 labels: # <-
//!                   type: object
//!                   additionalProperties: {type: string, maxLength: 10}
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
//!                 labels: {type: object, maxProperties: 8, additionalProperties: {type: string, maxLength: 10}}
//!                 flags:
//!                   type: object
//!                   propertyNames: {enum: [a, b]}
//!                   additionalProperties: {type: boolean}
//!                 order: {type: object, properties: {a: {type: string}}, additionalProperties: false}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Add `maxProperties` with the largest number of members that the API can use.
//!
//! # At the gate
//!
//! The gate enforces `maxProperties`, and lets no object have more than ten thousand members. The gate bounds the
//! whole body (`body_bytes_max`, 1 MiB unless said otherwise), the URL and the headers.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::shape;
use crate::rules::found::Found;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::survey::{Role, Value};
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "map-without-max-properties",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[770, 407],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("map_without_max_properties.rs"),
    },
    cost: Cost::Data(15),
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    const MAPS: [Keyword; 3] = [
        Keyword::AdditionalProperties,
        Keyword::UnevaluatedProperties,
        Keyword::PatternProperties,
    ];
    const BOUNDS: [Keyword; 2] = [Keyword::MaxProperties, Keyword::PropertyNames];
    if !value.has_any(&MAPS) || value.has_any(&BOUNDS) || !value.is(Type::Object) || value.is_closed() {
        return;
    }
    let is_map = |role| value.children(role).iter().any(|other| !shape::says_nothing(other));
    if is_map(Role::OtherProperties) || is_map(Role::PatternProperty) {
        found.value(value, format!("{} is a map without `maxProperties`", value.label()));
    }
}
