//! A deprecated operation asks for no credential
//!
//! An operation that is `deprecated` lets everybody in, while others of the same API ask for a credential.
//!
//! # Why
//!
//! Old operations are often open because they were made before there was a login. They answer with today's data.
//! Nobody of the team calls them any more, so nobody sees who does.
//!
//! # Incident
//!
//! In 2022 data of about 9.5 million customers of the Australian carrier Optus were taken through an API without access
//! control. The authority ACMA told the court in 2024 that a coding error had broken the control in 2018, and that the
//! API was left in place although nobody needed it any more.
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
//!   /customers/lookup:
//!     get: # <-
//!       deprecated: true
//!       security: []
//!       responses: {'200': {description: A customer.}}
//! ```
//!
//! # Good
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
//!       deprecated: true
//!       responses: {'200': {description: Orders.}}
//!   /prices:
//!     get:
//!       deprecated: true
//!       security: []
//!       x-portcullis: {public: the price list of the shop}
//!       responses: {'200': {description: Prices.}}
//! ```
//!
//! # Fix
//!
//! Switch it off. Until then ask for a credential, as its successor does, or say with `x-portcullis: {public:
//! REASON}` why it is for everybody.
//!
//! # At the gate
//!
//! `authenticate: true` in the policy of an API makes the gate ask for a credential whatever the contract says.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "deprecated-and-open",
        category: "inventory",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2, 9],
            owasp_2019: &[2, 9],
            cwe: &[306, 1059],
            asvs: &["8.2.1"],
            nist: &["MS-SS-1"],
        },
        text: include_str!("deprecated_and_open.rs"),
    },
    cost: Cost::Security(Area::Exposure, 20),
    fold: Fold::Cause,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    if survey
        .operations
        .iter()
        .all(|operation| survey.lets_anybody_in(operation))
    {
        return;
    }
    for operation in survey.operations.iter().filter(|operation| operation.is_deprecated()) {
        if survey.lets_anybody_in(operation) && operation.public.is_none() {
            let message = format!("`{}` is deprecated and asks for no credential", operation.name());
            found.operation(operation, operation.at, message);
        }
    }
}
