//! An object may have any members
//!
//! Nothing says which members an object has, nor what their values are.
//!
//! # Why
//!
//! A free-form object carries members that the program never expected: `__proto__`, `$where`, `role`. What merges it
//! into an object of its own, or hands it to a database, does with them what they ask.
//!
//! # Incident
//!
//! In 2019 lodash fixed CVE-2019-10744: merging an object that a caller chose could change the prototype of all
//! objects of the program, through members called `constructor` and `prototype`.
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
//!                 options: # <-
//!                   type: object
//!                 labels: # <-
//!                   type: object
//!                   additionalProperties: true
//!                 extra: # <-
//!                   type: object
//!                   additionalProperties: {}
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
//!                 options:
//!                   type: object
//!                   additionalProperties: false
//!                   properties: {colour: {type: string, maxLength: 10}}
//!                 labels:
//!                   type: object
//!                   maxProperties: 8
//!                   additionalProperties: {type: string, maxLength: 10}
//!                 owner: {allOf: [{$ref: '#/components/schemas/Owner'}], type: object}
//!                 choice: {type: object, oneOf: [{$ref: '#/components/schemas/Owner'}]}
//!       responses: {}
//! components:
//!   schemas:
//!     Owner: {type: [object, 'null'], properties: {name: {type: string}}}
//! ```
//!
//! # Fix
//!
//! Name its members in `properties`. Where callers choose the names, give the values a schema with
//! `additionalProperties`.
//!
//! # At the gate
//!
//! Where an object declares no members and does not say that it allows others, the gate lets none pass, and
//! `portcullis check` warns. With `additionalProperties: true` it lets all of them pass.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::shape;
use crate::rules::found::Found;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::survey::{Role, Value};
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "object-without-properties",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[3, 8],
            owasp_2019: &[6, 8],
            cwe: &[20, 915, 1287],
            asvs: &["2.2.1", "15.3.3"],
            nist: &[],
        },
        text: include_str!("object_without_properties.rs"),
    },
    cost: Cost::Data(100),
    fold: Fold::Cause,
    check: Check::Value(Travels::Either, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    const SAID: [Keyword; 4] = [
        Keyword::Properties,
        Keyword::PatternProperties,
        Keyword::Not,
        Keyword::If,
    ];
    if !value.is(Type::Object) || value.has_any(&SAID) || value.is_closed() || shape::has_branches(value) {
        return;
    }
    let others = value.children(Role::OtherProperties);
    if !shape::lets_others_in(value) || value.smallest(Keyword::MaxProperties) == Some(0.0) {
        return;
    }
    let message = format!("{} is an object of any members", value.label());
    found.value(value, message.as_str());
    // What is inside of it is as open as it is.
    for other in others {
        found.value_at(&other, value.schema.at, message.as_str());
    }
}
