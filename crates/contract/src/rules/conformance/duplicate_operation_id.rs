//! Two operations have the same operationId
//!
//! An `operationId` is given to a second operation. It has to be unique in the whole contract.
//!
//! # Why
//!
//! The id is what others call the operation: rules of who may do what, limits, logs, alarms, generated clients.
//! Where two operations share one, a rule that was written for the harmless one holds for the other, too, and a log
//! cannot say which of them was called.
//!
//! # Incident
//!
//! The nearest is CVE-2013-4787 of 2013: an Android package could hold two files of one name. The signature was
//! checked for one of them, and the other was installed.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       operationId: orders
//!       responses: {}
//!     delete:
//!       operationId: orders # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       operationId: listOrders
//!       responses: {}
//!     delete:
//!       operationId: deleteOrders
//!       responses: {}
//!     head:
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Give every operation an `operationId` of its own. Change the one that no rule, dashboard or client uses yet.
//!
//! # At the gate
//!
//! `portcullis check` warns of it. The gate gives the id to the first of them; the others are called by method and
//! path template in logs, metrics and policies.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{At, Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "duplicate-operation-id",
        category: "conformance",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[9],
            owasp_2019: &[9],
            cwe: &[694],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("duplicate_operation_id.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let mut first: HashMap<&str, &Operation<'d>> = HashMap::new();
    for operation in &survey.operations {
        let Some(id) = operation.id() else { continue };
        match first.entry(id) {
            Entry::Vacant(free) => {
                free.insert(operation);
            }
            Entry::Occupied(taken) => {
                let message = format!("`{id}` is the operationId of `{}`, too", taken.get().name());
                found.operation(operation, At::member(operation.place.node, "operationId"), message);
            }
        }
    }
}
