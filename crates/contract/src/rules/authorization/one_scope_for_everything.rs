//! One scope is all that the whole API asks for
//!
//! Every operation that asks for a token asks for the same single scope, whether it reads or changes something.
//!
//! # Why
//!
//! A scope that everybody needs for anything separates nobody from anything. A client that only shows a list holds
//! a token that deletes it, and the person who consents cannot grant less.
//!
//! # Incident
//!
//! In August 2025 OAuth tokens of the chat service Salesloft Drift were stolen and used to export data from the
//! Salesforce accounts of more than 700 organisations. What a stolen token opens is what its scope lets it do.
//!
//! # Bad
//!
//! ```yaml
//! security:
//!   - login: [use_api] # <-
//! components:
//!   securitySchemes:
//!     login:
//!       type: oauth2
//!       flows:
//!         clientCredentials: {tokenUrl: 'https://id.example.com/token', scopes: {use_api: Use the API.}}
//! paths:
//!   /orders:
//!     get:
//!       responses: {'200': {description: Orders.}}
//!     post:
//!       responses: {'201': {description: Made.}}
//!   /orders/{id}:
//!     delete:
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'204': {description: Gone.}}
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
//!         clientCredentials:
//!           tokenUrl: https://id.example.com/token
//!           scopes: {'orders:read': Read orders., 'orders:write': Change orders.}
//! paths:
//!   /orders:
//!     get:
//!       responses: {'200': {description: Orders.}}
//!     post:
//!       security:
//!         - login: ['orders:write']
//!       responses: {'201': {description: Made.}}
//!   /orders/{id}:
//!     get:
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'200': {description: An order.}}
//! ```
//!
//! # Fix
//!
//! Have at least two scopes, one to read and one to change, and better two for every kind of thing. Ask for the
//! narrow one at each operation.
//!
//! # At the gate
//!
//! The gate enforces the scopes that the contract asks for. Where the issuer cannot be changed soon, roles and
//! policies (`authorization`) tell readers from writers by other claims.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{is_everything, tokens};
use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "one-scope-for-everything",
        category: "authorization",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[5],
            owasp_2019: &[5],
            cwe: &[1220],
            asvs: &["8.2.1"],
            nist: &["MS-SS-2"],
        },
        text: include_str!("one_scope_for_everything.rs"),
    },
    cost: Cost::Security(Area::Authorization, 15),
    fold: Fold::Contract,
    check: Check::Contract(check),
};

/// How many operations it takes until one scope for all of them is a decision.
const OPERATIONS_MIN: usize = 3;

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let (mut only, mut asking, mut reads, mut writes) = (None, Vec::new(), false, false);
    for operation in &survey.operations {
        for asked in tokens(survey, operation) {
            let [(scope, at)] = &*asked.scopes else { return };
            if *only.get_or_insert(*scope) != *scope {
                return;
            }
            asking.push((operation, *at));
        }
        let is_asking = asking.last().is_some_and(|(last, _)| last.index == operation.index);
        reads |= is_asking && operation.method == "GET";
        writes |= is_asking && operation.is_write();
    }
    let Some(scope) = only.filter(|scope| !is_everything(scope)) else {
        return;
    };
    if reads && writes && asking.len() >= OPERATIONS_MIN {
        for (operation, at) in asking {
            let message = format!("`{scope}` is the only scope of the API, to read and to change alike");
            found.operation(operation, at, message);
        }
    }
}
