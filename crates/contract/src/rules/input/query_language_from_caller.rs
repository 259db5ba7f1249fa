//! A caller may send code or a query
//!
//! A value of a request is, by its name, SQL, a script, a command, an expression or a regular expression, and may be any
//! text.
//!
//! # Why
//!
//! A language that callers write is run by the service with the rights of the service. Where it is SQL or a shell, that is
//! all of its data or the whole machine; where it is an expression or a regular expression, a loop without an end is enough.
//! No escaping helps, because the text is meant to be run.
//!
//! # Incident
//!
//! In 2014 attackers took over servers with Elasticsearch (CVE-2014-3120): a search could hold a `script`, which was run, and
//! was not confined.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /searches:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 sql: {type: string, maxLength: 4000} # <-
//!                 script: {anyOf: [{type: string}, {type: 'null'}]} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /searches:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 command: {type: string, enum: [start, stop]}
//!                 expression: {type: object, properties: {field: {type: string, enum: [name]}}}
//!                 query: {type: string, maxLength: 100}
//!                 scripted: {type: string}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Offer the filters and actions that callers need as fields of their own, with lists of values. Where a language is the
//! purpose, run it confined: read-only, with limits of time and memory, and with the caller's rights.
//!
//! # At the gate
//!
//! The gate bounds and judges the text by its schema. It does not read languages inside of it.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{called, is_free_text};
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::Keyword;
use crate::rules::words::plain;
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "query-language-from-caller",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::Low,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[94, 89, 943],
            asvs: &["1.2.4", "1.2.5", "1.3.2"],
            nist: &[],
        },
        text: include_str!("query_language_from_caller.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

/// Names of texts that are run, at most 16 long.
const NAMES: [&str; 20] = [
    "sql",
    "sqlquery",
    "rawsql",
    "sqlstatement",
    "script",
    "shellcommand",
    "shell",
    "command",
    "cmd",
    "commandline",
    "expression",
    "filterexpression",
    "formula",
    "xpath",
    "jsonpath",
    "jmespath",
    "whereclause",
    "regex",
    "regexp",
    "cypherquery",
];

/// Those that seldom are anything but a way to the database or the machine.
const GRAVE: [&str; 9] = [
    "sql",
    "sqlquery",
    "rawsql",
    "sqlstatement",
    "script",
    "shellcommand",
    "shell",
    "cmd",
    "commandline",
];

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    let name = called(value);
    if name.len() > 20 || !value.in_request() || !is_free_text(value) || value.has(Keyword::Format) {
        return;
    }
    let plain = plain(name);
    if NAMES.contains(&&*plain) {
        let spot = found.value(value, format!("`{name}` may be any code or query"));
        if !GRAVE.contains(&&*plain) {
            spot.severity(Severity::Low);
        }
    }
}
