//! An ordinary operation asks for a scope of everything
//!
//! An operation that is not for administrators asks for a scope such as `*`, `all`, `admin` or `full_access`.
//!
//! # Why
//!
//! Whoever is to call this one operation has to be given a token for all of them. So every client holds such
//! tokens, also the ones that only read, and the theft of any of them is the theft of the whole API. Consent
//! screens become worthless too: they all say the same.
//!
//! # Incident
//!
//! In May 2017 a worm called itself "Google Docs" and asked for permission to read, send and delete mail and to manage
//! contacts. Whoever granted it sent it on to all of their contacts; Google spoke of fewer than 0.1 % of its users,
//! which were up to a million. A wide permission is given as easily as a narrow one.
//!
//! # Bad
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     login:
//!       type: oauth2
//!       flows:
//!         clientCredentials: {tokenUrl: 'https://id.example.com/token', scopes: {full_access: Everything.}}
//! paths:
//!   /orders:
//!     get:
//!       security:
//!         - login: [full_access] # <-
//!       responses: {'200': {description: Orders.}}
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
//!         clientCredentials: {tokenUrl: 'https://id.example.com/token', scopes: {'orders:*': All of orders., admin: Run the API.}}
//! paths:
//!   /orders:
//!     get:
//!       security:
//!         - login: ['orders:*']
//!       responses: {'200': {description: Orders.}}
//!   /admin/settings:
//!     get:
//!       security:
//!         - login: [admin]
//!       responses: {'200': {description: Settings.}}
//! ```
//!
//! # Fix
//!
//! Ask for a scope of the thing that the operation is about and of what it does with it, such as `orders:read`.
//!
//! # At the gate
//!
//! The gate enforces the scope as it stands, and cannot narrow it. Roles, policies and relations (`authorization`)
//! hold beside it, and say what the holder of a wide token may do.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{is_everything, is_marked_admin, scopes, sounds_like_admin};
use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "scope-too-wide",
        category: "authorization",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[5],
            owasp_2019: &[5],
            cwe: &[250, 1220],
            asvs: &["8.2.1"],
            nist: &["MS-SS-2"],
        },
        text: include_str!("scope_too_wide.rs"),
    },
    cost: Cost::Security(Area::Authorization, 25),
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    if sounds_like_admin(operation) || is_marked_admin(survey, operation) {
        return;
    }
    for (scope, at) in scopes(survey, operation).filter(|(scope, _)| is_everything(scope)) {
        let message = format!("the scope `{scope}` is asked for, which grants everything by its name");
        found.operation(operation, at, message);
    }
}
