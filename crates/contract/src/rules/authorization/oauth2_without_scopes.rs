//! A token is asked for, and no scope
//!
//! An operation asks for a token of OAuth 2 or OpenID Connect with an empty list of scopes: every token of that
//! issuer will do.
//!
//! # Why
//!
//! A token without scopes says who somebody is, not what was granted. Where none is asked for, a token that was
//! issued to a calendar widget deletes orders as well as one that was issued for that, and a token that is stolen
//! from the weakest client is worth as much as any other.
//!
//! # Incident
//!
//! In April 2022 OAuth tokens that were issued to Heroku and Travis CI were stolen and used to download private
//! repositories of dozens of organisations from GitHub. A stolen token does what its scopes let it do, and nothing
//! bounds one that no scope is asked of.
//!
//! # Bad
//!
//! ```yaml
//! security:
//!   - login: [] # <-
//! components:
//!   securitySchemes:
//!     login:
//!       type: oauth2
//!       flows:
//!         clientCredentials: {tokenUrl: 'https://id.example.com/token', scopes: {'orders:read': Read orders.}}
//! paths:
//!   /orders:
//!     get:
//!       responses: {'200': {description: Orders.}}
//!   /invoices:
//!     get:
//!       security:
//!         - login: ['orders:read']
//!       responses: {'200': {description: Invoices.}}
//!     post:
//!       security:
//!         - login: [] # <-
//!       responses: {'201': {description: Made.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security:
//!   - login: ['orders:read']
//!   - key: []
//! components:
//!   securitySchemes:
//!     key: {type: apiKey, in: header, name: X-API-Key}
//!     login:
//!       type: oauth2
//!       flows:
//!         clientCredentials: {tokenUrl: 'https://id.example.com/token', scopes: {'orders:read': Read orders.}}
//! paths:
//!   /orders:
//!     get:
//!       responses: {'200': {description: Orders.}}
//!   /me:
//!     get:
//!       security: [{login: []}]
//!       responses: {'200': {description: Whoever calls.}}
//!   /accounts/{account}:
//!     get:
//!       security: [{login: []}]
//!       x-portcullis: {resources: [{type: Account, path: account}]}
//!       parameters:
//!         - {name: account, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'200': {description: An account.}}
//! ```
//!
//! # Fix
//!
//! Give each group of operations a scope, such as `orders:read` and `orders:write`, declare it in the flows of the
//! scheme, and ask for it in `security`.
//!
//! # At the gate
//!
//! The gate enforces the scopes that the contract asks for, and nothing where it asks for none. Roles and policies
//! (`authorization`) decide whatever scopes a token has.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{is_marked_admin, names_resources, tokens};
use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "oauth2-without-scopes",
        category: "authorization",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[1, 5],
            owasp_2019: &[1, 5],
            cwe: &[862],
            asvs: &["8.2.1", "10.3.2"],
            nist: &["MS-SS-2"],
        },
        text: include_str!("oauth2_without_scopes.rs"),
    },
    cost: Cost::Security(Area::Authorization, 60),
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    let own = ["me", "self", "userinfo", "whoami"];
    let is_about_caller = operation.words().any(|word| own.contains(&&*word));
    let is_decided = names_resources(survey, operation)
        || is_marked_admin(survey, operation)
        || survey.extension(operation, "authorization").is_some();
    if is_about_caller || is_decided {
        return;
    }
    for asked in tokens(survey, operation).filter(|asked| asked.scopes.is_empty()) {
        found.operation(
            operation,
            asked.at,
            format!("`{}` is asked for without a scope", asked.name),
        );
    }
}
