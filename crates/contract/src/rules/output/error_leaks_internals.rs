//! An error shows what is inside
//!
//! The schema of an error has a member for a stack trace, an exception, a query or the name of a machine.
//!
//! # Why
//!
//! A stack trace names the libraries and their versions, the paths of files, and the way a request took. A query shows
//! tables and how they are asked. With this an attacker no longer guesses: he looks up what is known of that version, and
//! sees in each answer whether an injection comes closer.
//!
//! # Incident
//!
//! In 2015 Patreon was broken into through a version of its site for debugging that was open to the Internet. Days
//! before, Detectify had told it that its error pages carried the debugger of Werkzeug, which shows the code and runs
//! what is typed into it. Gigabytes of data were published, source code and a copy of the database among them.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         '200': {description: Orders.}
//!         '500':
//!           description: Broken.
//!           content:
//!             application/json:
//!               schema:
//!                 type: object
//!                 properties:
//!                   message: {type: string}
//!                   stackTrace: {type: string} # <-
//!                   cause: {type: object, properties: {sql: {type: string}}} # <-
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
//!           content:
//!             application/json:
//!               schema: {type: object, properties: {stackTrace: {type: string}}}
//!         '500':
//!           description: Broken.
//!           content:
//!             application/problem+json:
//!               schema:
//!                 type: object
//!                 properties:
//!                   title: {type: string}
//!                   traceId: {type: string}
//!                   exception_code: {type: integer}
//! ```
//!
//! # Fix
//!
//! Answer a title, a status and an identifier that the log can be searched for, and leave the rest in the log.
//!
//! # At the gate
//!
//! An error answer that shows a stack trace is 502 (`contract.response.stack_trace`), declared or not; members that are not
//! declared are left out.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{bodies, errors, inside};
use crate::rules::found::Found;
use crate::rules::survey::{Role, Survey};
use crate::rules::words::plain;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};
use std::collections::HashSet;

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "error-leaks-internals",
        category: "output",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[209, 497],
            asvs: &["16.5.1"],
            nist: &[],
        },
        text: include_str!("error_leaks_internals.rs"),
    },
    cost: Cost::Security(Area::Exposure, 30),
    fold: Fold::Cause,
    check: Check::Contract(check),
};

/// Names of what belongs into a log.
const NAMES: [&str; 22] = [
    "stack",
    "stacktrace",
    "stackframes",
    "backtrace",
    "traceback",
    "exception",
    "exceptions",
    "exceptiontype",
    "exceptionclass",
    "exceptionname",
    "exceptionmessage",
    "innerexception",
    "rootexception",
    "sql",
    "sqlquery",
    "sqlstate",
    "sqlmessage",
    "sqlstatement",
    "debuginfo",
    "debugmessage",
    "hostname",
    "servername",
];

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let roots = survey.operations.iter().flat_map(|operation| bodies(errors(operation)));
    for value in inside(survey, roots, &mut HashSet::new()) {
        let name = value.name();
        if value.schema.role != Role::Property && value.schema.role != Role::Root || name.len() > 20 {
            continue;
        }
        let plain = plain(name);
        if !NAMES.contains(&&*plain) || value.is_closed() {
            continue;
        }
        let spot = found.value(&value, format!("an error shows `{name}`"));
        if matches!(&*plain, "hostname" | "servername") {
            spot.severity(Severity::Low).confidence(Confidence::Low);
        } else {
            spot.confidence(Confidence::Medium);
        }
    }
}
