//! An operation for administrators asks for no more than any other
//!
//! An operation whose path or tag says that it is for administrators asks for exactly what ordinary operations ask
//! for.
//!
//! # Why
//!
//! The contract tells everybody where the administrators' doors are, and that the key of any user turns in them.
//! Whoever has an account tries them first. If a check stands behind the door, it stands in code that nobody can
//! see from here, and one forgotten line opens it.
//!
//! # Incident
//!
//! In October 2023 Atlassian told that anybody who reached a Confluence server could call operations that were
//! meant for setting it up, and make an account for an administrator (CVE-2023-22515).
//!
//! # Bad
//!
//! ```yaml
//! security:
//!   - token: []
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! paths:
//!   /orders:
//!     get:
//!       responses: {'200': {description: Orders.}}
//!   /admin/users:
//!     get: # <-
//!       responses: {'200': {description: Everybody.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security:
//!   - login: ['orders:read']
//! components:
//!   securitySchemes:
//!     login:
//!       type: oauth2
//!       flows:
//!         clientCredentials: {tokenUrl: 'https://id.example.com/token', scopes: {'orders:read': Read orders., admin: Run the API.}}
//! paths:
//!   /orders:
//!     get:
//!       responses: {'200': {description: Orders.}}
//!   /admin/users:
//!     get:
//!       security: [{login: [admin]}]
//!       responses: {'200': {description: Everybody.}}
//!   /admin/settings:
//!     get:
//!       x-portcullis: {admin: true}
//!       responses: {'200': {description: Settings.}}
//! ```
//!
//! # Fix
//!
//! Ask for a scope or a scheme of their own at operations for administrators; or say with `x-portcullis: {admin:
//! true}` what they are. Better still, give them a contract and an address of their own.
//!
//! # At the gate
//!
//! `admin_operations` asks for a role, a certificate, a network or a listener at all operations that `x-portcullis:
//! {admin: true}` or a tag marks.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{is_marked_admin, requirement, sounds_like_admin};
use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};
use std::collections::HashSet;

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "admin-operation-not-apart",
        category: "authorization",
        severity: Severity::Medium,
        confidence: Confidence::Low,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[5],
            owasp_2019: &[5],
            cwe: &[285, 862],
            asvs: &["8.2.1", "8.4.2"],
            nist: &["MS-SS-2"],
        },
        text: include_str!("admin_operation_not_apart.rs"),
    },
    cost: Cost::Security(Area::Authorization, 30),
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let (admin, ordinary): (Vec<_>, Vec<_>) = survey.operations.iter().partition(|one| sounds_like_admin(one));
    // Where most of it is for administrators, so is the API.
    if admin.len() > ordinary.len() {
        return;
    }
    let ordinary: HashSet<_> = ordinary.into_iter().map(|one| requirement(survey, one)).collect();
    for operation in admin {
        let asked = requirement(survey, operation);
        let is_apart = is_marked_admin(survey, operation)
            || ["listeners", "addresses"]
                .iter()
                .any(|name| survey.extension(operation, name).is_some());
        // One that asks for nothing is found for that.
        if !asked.is_empty() && !is_apart && ordinary.contains(&asked) {
            let message = format!("`{}` asks for what every other operation asks for", operation.name());
            found.operation(operation, operation.at, message);
        }
    }
}
