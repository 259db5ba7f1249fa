//! A GET changes something
//!
//! An operation of the method `GET` or `HEAD` is called after something that changes the state of the API.
//!
//! # Why
//!
//! Everybody may repeat a `GET` without asking: browsers fetch ahead, mail programs open links to look for malware,
//! crawlers follow them, caches answer in the place of the service. An image on a foreign page sends one with the
//! cookies of whoever looks at it. What it deletes is deleted, and what it does stands in logs and histories of
//! browsers, with its parameters.
//!
//! # Incident
//!
//! In May 2005 Google's Web Accelerator fetched the links on a page ahead of their being clicked. In the
//! applications of 37signals, where links deleted things by `GET`, it deleted them.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /users/{id}/delete:
//!     get: # <-
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'204': {description: Gone.}}
//!   /cache:
//!     get: # <-
//!       operationId: purgeCache
//!       responses: {'204': {description: Empty.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /users/{id}:
//!     get:
//!       operationId: getUser
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'200': {description: A user.}}
//!     delete:
//!       operationId: deleteUser
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'204': {description: Gone.}}
//!   /updates:
//!     get:
//!       operationId: listUpdates
//!       responses: {'200': {description: News.}}
//!   /users/create:
//!     get:
//!       responses: {'200': {description: A form., content: {text/html: {schema: {type: string}}}}}
//! ```
//!
//! # Fix
//!
//! Use `POST`, `PUT`, `PATCH` or `DELETE`, by what the operation does (RFC 9110 section 9.2.1).
//!
//! # At the gate
//!
//! The gate serves the methods that the contract declares, and no others. It forwards a declared `GET` whatever it
//! does.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::words::words;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "unsafe-get",
        category: "authorization",
        severity: Severity::Medium,
        confidence: Confidence::Low,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[],
            owasp_2019: &[],
            cwe: &[352, 650],
            asvs: &["3.5.3"],
            nist: &[],
        },
        text: include_str!("unsafe_get.rs"),
    },
    cost: Cost::Security(Area::Authorization, 30),
    fold: Fold::Cause,
    check: Check::Operation(check),
};

const VERBS: [&str; 20] = [
    "delete",
    "remove",
    "create",
    "update",
    "reset",
    "purge",
    "destroy",
    "erase",
    "revoke",
    "disable",
    "deactivate",
    "activate",
    "cancel",
    "approve",
    "reject",
    "restart",
    "reboot",
    "shutdown",
    "unsubscribe",
    "impersonate",
];

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    if !matches!(operation.method, "GET" | "HEAD") || is_page(operation) {
        return;
    }
    let said = words(operation.id().unwrap_or_default()).into_iter().next();
    let last = operation.path.rsplit('/').next().map(str::to_ascii_lowercase);
    let verb = [said, last].into_iter().flatten().find(|word| VERBS.contains(&&**word));
    if let Some(verb) = verb.filter(|_| !asks(operation)) {
        let message = format!("`{}` is to {verb} something", operation.name());
        found.operation(operation, operation.at, message);
    }
}

/// Whether it answers pages, such as a form, and nothing else.
fn is_page(operation: &Operation<'_>) -> bool {
    let mut contents = operation.answers_of('2').flat_map(|answer| &answer.contents).peekable();
    contents.peek().is_some() && contents.all(|content| content.essence() == "text/html")
}

/// Whether its name says that it only asks after such things.
fn asks(operation: &Operation<'_>) -> bool {
    const ASKING: [&str; 20] = [
        "get", "list", "read", "show", "find", "fetch", "search", "query", "view", "status", "history", "info",
        "details", "check", "form", "options", "config", "log", "logs", "reasons",
    ];
    words(operation.id().unwrap_or_default())
        .iter()
        .any(|word| ASKING.contains(&&**word))
}
