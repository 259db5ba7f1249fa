//! An operation has no name
//!
//! An operation has no `operationId`.
//!
//! # Why
//!
//! Logs, metrics, policies and findings have to name operations. Without a name they take method and path, and both
//! change: a record of last year does not tell what was called, and a policy stops meaning what it meant.
//!
//! # Incident
//!
//! No incident is known that a missing name made alone: it is a gap in what is documented (CWE-1059). The nearest is
//! Optus in 2022: an API that nobody needed any more was open to the Internet for two years, as the Australian
//! authority ACMA told the court, before data of millions were taken through it.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get: # <-
//!       responses: {'200': {description: Orders.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       operationId: listOrders
//!       responses: {'200': {description: Orders.}}
//! ```
//!
//! # Fix
//!
//! Give every operation an `operationId` that is unique in the contract and never changes, such as `listOrders`.
//!
//! # At the gate
//!
//! Policies, metrics and the log name an operation by its `operationId`, and by method and path where there is
//! none.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "operation-without-id",
        category: "inventory",
        severity: Severity::Info,
        confidence: Confidence::High,
        profile: Profile::Strict,
        references: References {
            owasp_2023: &[9],
            owasp_2019: &[9],
            cwe: &[1059],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("operation_without_id.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    if operation.id().is_none_or(str::is_empty) {
        found.operation(
            operation,
            operation.at,
            format!("`{}` has no `operationId`", operation.name()),
        );
    }
}
