//! A callback goes to no URL that can be read
//!
//! The name of a callback is to be the URL that is called, with runtime expressions such as `{$request.body#/url}`
//! (OpenAPI 3.1 §4.8.20.4). This one holds an expression that cannot be read.
//!
//! # Why
//!
//! A callback makes the API send a request to where the caller says. Whoever wants to guard that, a gate, a proxy
//! or a reviewer, has to know which value says where. If the expression cannot be read, the value goes unseen, and
//! with it addresses that only the API can reach.
//!
//! # Incident
//!
//! No incident is known that such an expression made alone: it is documentation that cannot be used (CWE-1059). What a
//! destination of a request that nobody checks can do was seen in 2019 at Capital One: a request that a caller made a
//! server send reached the address where the cloud gives out credentials, and data of about 106 million people were
//! taken with them.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /jobs:
//!     post:
//!       responses: {}
//!       callbacks:
//!         done:
//!           '{$request.body.url}': # <-
//!             post: {responses: {}}
//!           '$request.params.url': # <-
//!             post: {responses: {}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /jobs:
//!     post:
//!       responses: {}
//!       callbacks:
//!         done:
//!           '{$request.body#/url}?at={$response.header.Date}':
//!             post: {responses: {}}
//!           '$request.query.url':
//!             post: {responses: {}}
//!           'https://hooks.example.com/{$method}':
//!             post: {responses: {}}
//! ```
//!
//! # Fix
//!
//! Write `$request.` or `$response.` and then `header.NAME`, `query.NAME`, `path.NAME` or `body#/POINTER`; in
//! braces where there is text around it.
//!
//! # At the gate
//!
//! Callbacks are requests of the upstream: they do not pass the gate.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::survey::operation::captures;
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "callback-expression-invalid",
        category: "conformance",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[7, 8],
            owasp_2019: &[7],
            cwe: &[1059],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("callback_expression_invalid.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let mut last = None;
    for callback in survey.callbacks.iter().filter(|callback| callback.of.is_some()) {
        let url = &callback.operation;
        if last.replace(url.path_at) != Some(url.path_at)
            && let Some(expression) = unreadable(url.path)
        {
            let message = format!("`{expression}` is no runtime expression");
            found.contract(url.path_at, message);
        }
    }
}

/// The first expression that cannot be read.
fn unreadable(url: &str) -> Option<&str> {
    let whole = Some(url).filter(|url| url.starts_with('$'));
    // Braces without a dollar sign are for whoever fills in templates.
    let inner = captures(url).filter(|inner| inner.starts_with('$'));
    whole
        .into_iter()
        .chain(inner)
        .find(|expression| !is_expression(expression))
}

/// The grammar of OpenAPI 3.1 §4.8.20.4.
fn is_expression(text: &str) -> bool {
    let source = text
        .strip_prefix("$request.")
        .or_else(|| text.strip_prefix("$response."));
    let Some(source) = source else {
        return matches!(text, "$url" | "$method" | "$statusCode");
    };
    let named = ["header.", "query.", "path."];
    let has_name = named
        .iter()
        .any(|kind| source.strip_prefix(kind).is_some_and(|name| !name.is_empty()));
    let pointer = source.strip_prefix("body#");
    has_name || source == "body" || pointer.is_some_and(|pointer| pointer.is_empty() || pointer.starts_with('/'))
}
