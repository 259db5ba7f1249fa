//! Errors are not problem details
//!
//! Errors are answered as JSON of the API's own making, and not as `application/problem+json` (RFC 9457).
//!
//! # Why
//!
//! Every API that makes up its own errors makes up its own mistakes: a member for whatever the exception said, a text that is
//! different in each operation, a status of 200 with an error inside, which no monitor counts. One form that all operations
//! share is easier to keep free of secrets, and to count.
//!
//! # Incident
//!
//! The nearest is CVE-2016-4977 of 2016: the error page that Spring Security OAuth made itself ran parts of the request as
//! expressions, so that whoever caused an error could run code.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         '400': # <-
//!           description: Wrong.
//!           content: {application/json: {schema: {type: object}}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         '200':
//!           description: Orders.
//!           content: {application/json: {schema: {type: object}}}
//!         '400':
//!           description: Wrong.
//!           content: {application/problem+json: {schema: {type: object}}}
//!         '404': {description: None.}
//! ```
//!
//! # Fix
//!
//! Declare errors as `application/problem+json` with `type`, `title`, `status` and nothing that is about the inside of the service.
//!
//! # At the gate
//!
//! The gate's own refusals are problem details; those of the service are judged as declared.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::errors;
use crate::rules::found::Found;
use crate::rules::survey::{Content, Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "error-not-problem-details",
        category: "output",
        severity: Severity::Info,
        confidence: Confidence::High,
        profile: Profile::Strict,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[544],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("error_not_problem_details.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    for answer in errors(operation) {
        let is_json = answer.contents.iter().any(Content::is_json);
        let is_problem = |content: &Content<'_>| content.essence().starts_with("application/problem+");
        if is_json && !answer.contents.iter().any(is_problem) {
            let message = format!("{} of `{}` is not a problem document", answer.status, operation.name());
            found.operation(operation, answer.at, message);
        }
    }
}
