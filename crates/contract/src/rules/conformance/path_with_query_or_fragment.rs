//! A path holds a query or a fragment
//!
//! A path template has `?` or `#` in it. What follows is no part of a path (RFC 3986 §3.3), so no request ever
//! matches the template.
//!
//! # Why
//!
//! An operation that is told apart by its query or its fragment is one that routers, gateways and scanners do not
//! see: they match paths. Its rules are never asked, its tests never run, and the request goes where the path alone
//! leads.
//!
//! # Incident
//!
//! The nearest is CVE-2018-14773 of 2018: Symfony, and with it Drupal, took the path from the header
//! `X-Original-URL` where one was sent. Proxies in front decided by the path in the request line, so that a caller
//! could reach what they forbade.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders?state=open: # <-
//!     get:
//!       responses: {}
//!   /#CreateOrder: # <-
//!     post:
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: state, in: query, schema: {type: string, enum: [open, closed]}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Declare the path without what follows `?` or `#`, and what follows `?` as query parameters. Where one path has
//! several operations behind it, let the body or a parameter with `enum` say which.
//!
//! # At the gate
//!
//! `portcullis check` warns of it, and no request leads to such an operation: what is sent to the path alone is
//! judged by the path alone.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "path-with-query-or-fragment",
        category: "conformance",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[9],
            owasp_2019: &[9],
            cwe: &[436],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("path_with_query_or_fragment.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let mut last = None;
    for operation in &survey.operations {
        // An item has several operations, one after the other.
        if operation.path.contains(['?', '#']) && last != Some(operation.path_at) {
            let message = format!("`{}` is more than a path, so no request leads to it", operation.path);
            found.operation(operation, operation.path_at, message);
            last = Some(operation.path_at);
        }
    }
}
