//! An aid for developers is published
//!
//! The contract has an operation that is known as an aid for debugging or for running a server: `/actuator`,
//! `/debug`, `/phpinfo`.
//!
//! # Why
//!
//! Such pages show environment variables, memory, queries and configuration, and some of them run commands.
//! Scanners try their names on every address of the internet. Here the contract even says that they are there.
//!
//! # Incident
//!
//! In December 2024 the Chaos Computer Club told that a heap dump of a service of Cariad, Volkswagen's software
//! company, could be fetched from its Spring Boot Actuator. It held keys to the cloud, and these opened the places
//! of some 800,000 electric cars.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /actuator/heapdump:
//!     get: # <-
//!       responses: {'200': {description: Memory.}}
//!   /env:
//!     get: # <-
//!       responses: {'200': {description: Variables.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /health:
//!     get:
//!       responses: {'200': {description: It lives.}}
//!   /companies/{company}/metrics:
//!     get:
//!       parameters:
//!         - {name: company, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'200': {description: Sales.}}
//!   /tests/{test}/debugging:
//!     get:
//!       parameters:
//!         - {name: test, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'200': {description: Not that.}}
//!   /debug/state:
//!     get:
//!       x-portcullis: {admin: true}
//!       responses: {'200': {description: The state.}}
//! ```
//!
//! # Fix
//!
//! Take the operation out of what is deployed for callers. What operators need belongs to an address of its own
//! that callers do not reach.
//!
//! # At the gate
//!
//! An operation that the contract does not have is not there (404 `route.unknown`). `x-portcullis: {listeners:
//! [internal]}` binds one to a listener, and `admin_operations` keeps it for administrators.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "debug-operation-published",
        category: "inventory",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8, 9],
            owasp_2019: &[7, 9],
            cwe: &[489, 215],
            asvs: &["13.4.2", "13.4.5", "15.2.3"],
            nist: &[],
        },
        text: include_str!("debug_operation_published.rs"),
    },
    cost: Cost::Security(Area::Exposure, 30),
    fold: Fold::Cause,
    check: Check::Operation(check),
};

/// Known anywhere in a path.
const WORDS: [&str; 22] = [
    "actuator",
    "debug",
    "_debug",
    "__debug__",
    "heapdump",
    "threaddump",
    "phpinfo",
    "phpinfo.php",
    "info.php",
    "graphiql",
    "pprof",
    "jolokia",
    "h2-console",
    "server-status",
    "server-info",
    "adminer",
    "phpmyadmin",
    "elmah.axd",
    "trace.axd",
    ".env",
    ".git",
    "__inspect",
];

/// Known as the whole of a path; elsewhere they are about something else.
const PATHS: [&str; 7] = [
    "/env",
    "/trace",
    "/dump",
    "/console",
    "/configprops",
    "/loggers",
    "/metrics",
];

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    let around = [operation.place.node, operation.item.node, survey.root().node];
    let mut kept = around.into_iter().filter_map(|node| node.get("x-portcullis"));
    if kept.any(|said| ["admin", "listeners"].iter().any(|name| said.get(name).is_some())) {
        return;
    }
    let known = operation.words().find(|word| WORDS.contains(&&**word));
    let whole = operation.path.trim_end_matches('/').to_ascii_lowercase();
    let known = known.or_else(|| PATHS.contains(&&*whole).then_some(whole));
    if let Some(known) = known {
        let message = format!("`{known}` is known as an aid for developers and operators");
        found.operation(operation, operation.at, message);
    }
}
