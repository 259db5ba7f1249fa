//! An old version stands beside the new one
//!
//! The contract has the same path in two versions, and the older is not deprecated.
//!
//! # Why
//!
//! What is mended in the new version is often not mended in the old one: a check of ownership, a limit, a property
//! that is no longer answered. An attacker takes the path of the new version, writes `v1` in the place of `v2`, and
//! looks whether it still works.
//!
//! # Incident
//!
//! When Facebook introduced version 2.0 of its Graph API in April 2014, version 1.0 went on for a year beside it,
//! and with it applications read the data of their users' friends, which version 2.0 had ended.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /v1/orders:
//!     get: # <-
//!       responses: {'200': {description: Orders.}}
//!   /v2/orders:
//!     get:
//!       responses: {'200': {description: Orders.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /v1/orders:
//!     get:
//!       deprecated: true
//!       responses: {'200': {description: Orders.}}
//!   /v1/invoices:
//!     get:
//!       responses: {'200': {description: Invoices.}}
//!   /v2/orders:
//!     get:
//!       responses: {'200': {description: Orders.}}
//! ```
//!
//! # Fix
//!
//! Mark the old operation `deprecated: true`, say until when it is there, and mend in it whatever is mended in the
//! new one until then.
//!
//! # At the gate
//!
//! Versions with contracts of their own are APIs of their own, and `limits_of` lets them count together, so that
//! the old one is no way around a rate limit.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::version;
use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::{Check, ContractRule, Cost, Fold};
use std::collections::HashMap;

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "several-versions",
        category: "inventory",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[9],
            owasp_2019: &[9],
            cwe: &[1059],
            asvs: &[],
            nist: &["MS-SS-9"],
        },
        text: include_str!("several_versions.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let mut newest: HashMap<(&str, &str, &str), u32> = HashMap::new();
    let versions = survey
        .operations
        .iter()
        .filter_map(|operation| Some((operation, version(operation.path)?)));
    let versions: Vec<_> = versions.collect();
    for (operation, (before, number, behind)) in &versions {
        let known = newest.entry((operation.method, before, behind)).or_default();
        *known = (*known).max(*number);
    }
    for (operation, (before, number, behind)) in versions {
        let newest = newest
            .get(&(operation.method, before, behind))
            .copied()
            .unwrap_or_default();
        if number < newest && !operation.is_deprecated() {
            let message = format!(
                "`{}` stands beside its version {newest}, and is not deprecated",
                operation.name()
            );
            found.operation(operation, operation.at, message);
        }
    }
}
