//! An answer with sensitive data says nothing of caches
//!
//! A `GET` answers, by its names, credentials, payment data, government numbers or data of health, and declares no
//! `Cache-Control`.
//!
//! # Why
//!
//! What does not say otherwise may be kept: by the browser of a shared computer, by a proxy, by a content network that is
//! told that a path ends in `.css`. The next one who asks gets the answer of the one before.
//!
//! # Incident
//!
//! In 2017 Omer Gil showed web cache deception at PayPal: a link with an invented file name behind the address of a page made a
//! cache keep that page, with the data of whoever had followed the link, for anybody.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /me:
//!     get:
//!       responses:
//!         '200': # <-
//!           description: You.
//!           content:
//!             application/json:
//!               schema: {type: object, properties: {person: {type: object, properties: {iban: {type: string}}}}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /me:
//!     get:
//!       responses:
//!         '200':
//!           description: You.
//!           headers:
//!             Cache-Control: {schema: {const: no-store}}
//!           content:
//!             application/json:
//!               schema: {type: object, properties: {iban: {type: string}}}
//!   /shops:
//!     get:
//!       responses:
//!         '200':
//!           description: Shops.
//!           content:
//!             application/json:
//!               schema: {type: object, properties: {name: {type: string}}}
//! ```
//!
//! # Fix
//!
//! Send `Cache-Control: no-store` with such answers, and declare it as a header.
//!
//! # At the gate
//!
//! The gate adds `Cache-Control: no-store` where the service says nothing ([operations](../../docs/operations.md)).

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{bodies, inside, is_datum};
use crate::rules::found::Found;
use crate::rules::survey::{Role, SchemaId, Survey, Value};
use crate::rules::words::{DataClass, data_class};
use crate::rules::{Check, ContractRule, Cost, Fold};
use std::collections::HashSet;

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "sensitive-answer-cacheable",
        category: "output",
        severity: Severity::Info,
        confidence: Confidence::Medium,
        profile: Profile::Strict,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[525],
            asvs: &["14.3.2"],
            nist: &[],
        },
        text: include_str!("sensitive_answer_cacheable.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let is_sensitive = |value: &Value<'_, '_>| {
        let class = data_class(value.name());
        let is_grave = matches!(
            class,
            Some(DataClass::Credential | DataClass::Payment | DataClass::GovernmentId | DataClass::Health)
        );
        is_grave && value.schema.role == Role::Property && is_datum(value)
    };
    let sensitive: HashSet<SchemaId> = survey
        .values()
        .filter(|value| value.in_response() && is_sensitive(value))
        .map(|value| value.schema.id)
        .collect();
    if sensitive.is_empty() {
        return;
    }
    for operation in survey.operations.iter().filter(|operation| operation.method == "GET") {
        for answer in operation.answers_of('2') {
            let says = |name: &str| name.eq_ignore_ascii_case("cache-control");
            if answer.headers.iter().any(|header| says(header.name)) {
                continue;
            }
            let all = inside(survey, bodies(std::iter::once(answer)), &mut HashSet::new());
            if let Some(value) = all.iter().find(|value| sensitive.contains(&value.schema.id)) {
                let message = format!(
                    "`{}` answers {}, and no `Cache-Control`",
                    operation.name(),
                    value.label()
                );
                found.operation(operation, answer.at, message);
            }
        }
    }
}
