//! A scope to read is enough to change something
//!
//! An operation that changes something is satisfied with scopes that are for reading by their names.
//!
//! # Why
//!
//! Whoever was granted `orders:read` was told that nothing can be changed with it, and so was the person who
//! consented. Tokens to read are handed to dashboards, partners and scripts without a second thought. Here such a
//! token writes.
//!
//! # Incident
//!
//! The nearest is one of Twitter, found by Terence Eden in 2018: when somebody logged in by PIN, the consent screen
//! said that the application could not read direct messages, and its token could. What a scope is called and what
//! it let through were two things.
//!
//! # Bad
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     login:
//!       type: oauth2
//!       flows:
//!         clientCredentials: {tokenUrl: 'https://id.example.com/token', scopes: {'orders:read': Read orders.}}
//! paths:
//!   /orders/{id}:
//!     delete:
//!       security:
//!         - login: ['orders:read'] # <-
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'204': {description: Gone.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     login:
//!       type: oauth2
//!       flows:
//!         clientCredentials:
//!           tokenUrl: https://id.example.com/token
//!           scopes: {'orders:read': Read orders., 'orders:write': Change orders., 'orders:readwrite': Both.}
//! paths:
//!   /orders/{id}:
//!     delete:
//!       security:
//!         - login: ['orders:read', 'orders:write']
//!         - login: ['orders:readwrite']
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'204': {description: Gone.}}
//!   /orders/search:
//!     post:
//!       operationId: searchOrders
//!       security:
//!         - login: ['orders:read']
//!       responses: {'200': {description: Orders.}}
//! ```
//!
//! # Fix
//!
//! Ask for a scope that says that something is changed, such as `orders:write`, and grant it to the clients that
//! need it.
//!
//! # At the gate
//!
//! The gate enforces the scope that the contract asks for. A policy (`authorization`) may forbid the operation to
//! whoever has no scope to write: `principal.scopes` holds them.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::tokens;
use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::words::words;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "read-scope-for-write",
        category: "authorization",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[5],
            owasp_2019: &[5],
            cwe: &[863],
            asvs: &["8.2.1"],
            nist: &["MS-SS-2"],
        },
        text: include_str!("read_scope_for_write.rs"),
    },
    cost: Cost::Security(Area::Authorization, 20),
    fold: Fold::Cause,
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    if !changes(operation) {
        return;
    }
    for asked in tokens(survey, operation) {
        if let Some((scope, at)) = asked.scopes.first()
            && asked.scopes.iter().all(|(scope, _)| is_to_read(scope))
        {
            let name = operation.name();
            found.operation(
                operation,
                *at,
                format!("`{scope}` is enough for `{name}`, which changes something"),
            );
        }
    }
}

/// Whether it surely changes something. Many a `POST` only asks a question that is too long for a URL.
fn changes(operation: &Operation<'_>) -> bool {
    const VERBS: [&str; 9] = [
        "create", "add", "insert", "update", "delete", "remove", "set", "replace", "patch",
    ];
    let words = || words(operation.id().unwrap_or_default());
    match operation.method {
        "PUT" | "PATCH" | "DELETE" => true,
        "POST" => words().iter().any(|word| VERBS.contains(&&**word)),
        _ => false,
    }
}

fn is_to_read(scope: &str) -> bool {
    const READING: [&str; 4] = ["read", "readonly", "view", "viewer"];
    const MORE: [&str; 15] = [
        "write",
        "edit",
        "manage",
        "update",
        "create",
        "delete",
        "modify",
        "admin",
        "all",
        "full",
        "readwrite",
        "change",
        "control",
        "execute",
        "import",
    ];
    let words = words(scope);
    let has = |some: &[&str]| words.iter().any(|word| some.contains(&&**word));
    has(&READING) && !has(&MORE)
}
