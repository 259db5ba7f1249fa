//! A member is read-only and write-only at once
//!
//! A schema says `readOnly: true` and `writeOnly: true`. It may neither be sent nor answered; OpenAPI forbids to
//! say both.
//!
//! # Why
//!
//! One of the two is a mistake, and programs choose which: a validator that keeps to `writeOnly` lets callers set
//! what only the API should set, one that keeps to `readOnly` answers with what should never leave it.
//!
//! # Incident
//!
//! The nearest is of 2012: GitHub took members of a form that nobody should have been able to send, and a user
//! added his key to the project Ruby on Rails.
//!
//! # Bad
//!
//! ```yaml
//! openapi: 3.0.3
//! paths:
//!   /users:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 role: # <-
//!                   type: string
//!                   readOnly: true
//!                   writeOnly: true
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! openapi: 3.0.3
//! paths:
//!   /users:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 role: {type: string, readOnly: true, maxLength: 20}
//!                 password: {type: string, writeOnly: true, readOnly: false, maxLength: 200}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Keep `readOnly` where the API sets the value, `writeOnly` where callers send it and must never get it back, and
//! neither where both may.
//!
//! # At the gate
//!
//! The gate keeps to both: such a member is refused in requests and left out of answers.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{graded, schemas};
use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::survey::keyword::Keyword;
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "read-only-and-write-only",
        category: "conformance",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[3],
            owasp_2019: &[6],
            cwe: &[436],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("read_only_and_write_only.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for value in schemas(survey) {
        let keywords = value.schema.keywords;
        let says = |keyword: Keyword| value.node().get(keyword.name()).and_then(Node::as_bool) == Some(true);
        let both = [Keyword::ReadOnly, Keyword::WriteOnly];
        if both.iter().all(|keyword| keywords.has(*keyword) && says(*keyword)) {
            let message = format!("{} is read-only and write-only", value.label());
            found.value(&value, message).severity(graded(&value, Severity::Low));
        }
    }
}
