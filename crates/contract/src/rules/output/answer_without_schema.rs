//! An answer has no schema
//!
//! An operation answers JSON, XML or text when all goes well, and the contract does not say what is in it.
//!
//! # Why
//!
//! Services answer what their objects hold. A field that is added to a table for something else is in the answer the same
//! day, and nobody notices, because nothing says what should be there. What no screen shows is still read by whoever looks
//! at the answers.
//!
//! # Incident
//!
//! In 2021 Pen Test Partners published that the API of Peloton answered age, weight, place and training of users, those with
//! private profiles among them, to whoever asked. The application showed less than it was answered.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders/{id}:
//!     get:
//!       responses:
//!         '200':
//!           description: An order.
//!           content:
//!             application/json: {} # <-
//! ```
//!
//! # Good
//!
//! ```yaml
//! components:
//!   responses:
//!     order:
//!       description: An order.
//!       content:
//!         application/json: {schema: {type: object, properties: {amount: {type: integer}}}}
//! paths:
//!   /orders/{id}:
//!     get:
//!       responses:
//!         '200': {$ref: '#/components/responses/order'}
//!         '204': {description: Nothing.}
//!         '404': {description: None., content: {application/json: {}}}
//!   /pictures/{id}:
//!     get:
//!       responses:
//!         '200': {description: A picture., content: {image/png: {}}}
//! ```
//!
//! # Fix
//!
//! Describe the answer with a `schema`: which members it has, and that there are no others.
//!
//! # At the gate
//!
//! Members that the schema does not declare are left out of answers, or the answer is 502, as `response.action` says. Without a
//! schema everything passes.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::is_structured;
use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold, Part};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "answer-without-schema",
        category: "output",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[3],
            owasp_2019: &[3],
            cwe: &[213, 1059],
            asvs: &["15.3.1"],
            nist: &[],
        },
        text: include_str!("answer_without_schema.rs"),
    },
    cost: Cost::Part(Part::Success, 100),
    fold: Fold::Cause,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    for answer in operation.answers_of('2').filter(|answer| !answer.is_empty()) {
        for content in answer.contents.iter().filter(|content| content.schema.is_none()) {
            if is_structured(content) {
                let message = format!("the answer {} as `{}` has no schema", answer.status, content.media_type);
                found.operation(operation, content.at, message);
            }
        }
    }
}
