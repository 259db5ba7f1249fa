//! The rules that a contract is audited by: one rule, one file. The doc comment of the file is the rule's page in the
//! encyclopedia, and the examples in it are its tests.
//!
//! A rule looks at the [`survey`], tells what it [`found`], and knows nothing of reports and scores.

mod accepted;
mod audit;
mod authentication;
mod authorization;
mod conformance;
mod contract_rule;
mod cost;
mod disclosure;
pub mod found;
mod input;
mod inventory;
mod output;
pub mod survey;
#[cfg(test)]
mod tests;
mod transport;
mod words;

pub use accepted::{accepted, is_day};
pub use audit::{Audit, audit};
pub use contract_rule::{Area, Check, ContractRule, Cost, Fold, Part, Travels};
pub use cost::{AREAS, SECURITY_AREAS};

/// Every rule, by category and then by name.
pub fn registry() -> Vec<ContractRule> {
    [
        authentication::RULES,
        authorization::RULES,
        conformance::RULES,
        disclosure::RULES,
        input::RULES,
        inventory::RULES,
        output::RULES,
        transport::RULES,
    ]
    .concat()
}
