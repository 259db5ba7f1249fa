//! A scope is asked for that no flow declares
//!
//! An operation asks for a scope of an OAuth 2 scheme that none of the scheme's flows knows.
//!
//! # Why
//!
//! Either the scope is misspelt, or nobody ever wrote down what it grants. A check that compares exactly lets
//! nobody in; then somebody in a hurry takes the check out. And what a scope grants cannot be reviewed where it has
//! no description.
//!
//! # Incident
//!
//! No public incident is known that a misspelt scope made alone. The nearest is Facebook's of September 2018: a
//! feature to view a profile as somebody else issued access tokens with other permissions than anybody had meant,
//! and attackers took those of some 30 million people.
//!
//! # Bad
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     login:
//!       type: oauth2
//!       flows:
//!         clientCredentials: {tokenUrl: 'https://id.example.com/token', scopes: {'orders:write': Change orders.}}
//! paths:
//!   /orders:
//!     post:
//!       security:
//!         - login:
//!             - orders:wirte # <-
//!       responses: {'201': {description: Made.}}
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
//!         clientCredentials: {tokenUrl: 'https://id.example.com/token', scopes: {'orders:write': Change orders.}}
//!         authorizationCode:
//!           authorizationUrl: https://id.example.com/authorize
//!           tokenUrl: https://id.example.com/token
//!           scopes: {'orders:read': Read orders.}
//!     provider: {type: openIdConnect, openIdConnectUrl: 'https://id.example.com/.well-known/openid-configuration'}
//! paths:
//!   /orders:
//!     get:
//!       security:
//!         - login: ['orders:read']
//!         - provider: [whatever the provider has]
//!       responses: {'200': {description: Orders.}}
//!     post:
//!       security:
//!         - login: ['orders:write']
//!       responses: {'201': {description: Made.}}
//! ```
//!
//! # Fix
//!
//! Spell the scope as the flow does, or add it to `scopes` of the flow with a sentence of what it grants.
//!
//! # At the gate
//!
//! The gate asks for the scope as `security` spells it, and answers 403 `authorization.scope` to whoever lacks it.
//! A scope that the issuer does not know lets nobody in.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::tokens;
use crate::rules::found::Found;
use crate::rules::survey::{Operation, SchemeType, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "undeclared-scope",
        category: "authorization",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[5],
            owasp_2019: &[5],
            cwe: &[863],
            asvs: &["8.1.1"],
            nist: &["MS-SS-2"],
        },
        text: include_str!("undeclared_scope.rs"),
    },
    cost: Cost::Security(Area::Authorization, 10),
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    for asked in tokens(survey, operation) {
        let Some(SchemeType::OAuth2(flows)) = survey.scheme(asked).map(|scheme| &scheme.kind) else {
            continue;
        };
        for (scope, at) in &asked.scopes {
            let is_declared = flows
                .iter()
                .flat_map(|flow| &flow.scopes)
                .any(|(known, _)| known == scope);
            if !is_declared && !flows.is_empty() {
                let name = asked.name;
                found.operation(
                    operation,
                    *at,
                    format!("no flow of `{name}` declares the scope `{scope}`"),
                );
            }
        }
    }
}
