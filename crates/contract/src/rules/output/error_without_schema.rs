//! Errors are answered with a body that no schema describes
//!
//! An error declares JSON or XML as its content and no schema, so that it may hold anything.
//!
//! # Why
//!
//! Errors are where programs tell more than they mean to: a query that failed, the path of a file, the trace of a
//! stack, whether an account exists. Nobody reviews what is written only when something goes wrong. With a schema,
//! what an error may hold is decided once, and what is beyond that can be left out before it leaves.
//!
//! # Incident
//!
//! In 2017 attackers found the way into Equifax through a flaw of Apache Struts (CVE-2017-5638) in which the parser put what it
//! had been sent into its error message and evaluated it. It is the nearest: an error whose content nobody had bounded.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         '200': {description: None.}
//!         '400':
//!           description: No.
//!           content:
//!             application/json: {} # <-
//!         default:
//!           description: No.
//!           content:
//!             application/problem+json: {} # <-
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         '200': {description: None.}
//!         '400':
//!           description: No.
//!           content:
//!             application/problem+json:
//!               schema:
//!                 type: object
//!                 properties:
//!                   title: {type: string, maxLength: 80}
//!         '404': {description: Nothing is here.}
//!         default:
//!           description: No.
//!           content:
//!             text/plain: {}
//! ```
//!
//! # Fix
//!
//! Describe the error with a schema, best one for all: a problem of RFC 9457 with `type`, `title`, `status` and nothing
//! that is made of what failed.
//!
//! # At the gate
//!
//! The gate's own refusals are problems of RFC 9457 that repeat nothing of the request. Errors of the upstream are
//! judged by the contract like any answer: what it does not describe is not judged, and `coverage` says so.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::is_structured;
use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold, Part};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "error-without-schema",
        category: "output",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[3, 8],
            owasp_2019: &[3, 7],
            cwe: &[209],
            asvs: &["16.5.1"],
            nist: &[],
        },
        text: include_str!("error_without_schema.rs"),
    },
    cost: Cost::Part(Part::Error, 100),
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    for answer in operation.answers.iter().filter(|answer| answer.is_error()) {
        let open = answer
            .contents
            .iter()
            .filter(|content| content.schema.is_none() && is_structured(content));
        for content in open {
            let message = format!("the error {} as `{}` has no schema", answer.status, content.media_type);
            found.operation(operation, content.at, message);
        }
    }
}
