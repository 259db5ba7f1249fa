//! Nobody says whose API it is
//!
//! `info` has no `contact` with an address: nothing tells whom to ask, or to tell of a hole.
//!
//! # Why
//!
//! Whoever finds a weakness wants to tell somebody. Whoever finds an API in a network wants to know whose it is
//! before it is switched off. Without an address the finder gives up, or tells the public.
//!
//! # Incident
//!
//! In August 2017 Dylan Houlihan told the bakery chain Panera Bread that its API gave out the data of customers. He
//! had trouble to find anybody to tell, and was taken for a swindler when he did. The data stayed open until he
//! told the public in April 2018.
//!
//! # Bad
//!
//! ```yaml
//! info: # <-
//!   title: Orders
//!   version: 1.0.0
//! paths: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! info:
//!   title: Orders
//!   version: 1.0.0
//!   contact: {name: The team of orders, email: orders@example.com}
//! paths: {}
//! ```
//!
//! # Fix
//!
//! Add `contact` with the address of a team, not of a person: `email` or `url`.
//!
//! # At the gate
//!
//! Nothing. The gate does not show the contract to callers.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::{At, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "owner-unknown",
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
        text: include_str!("owner_unknown.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let contact = survey.root().node.get("info").and_then(|info| info.get("contact"));
    let says = |name: &str| contact.and_then(|contact| contact.get(name)).and_then(Node::as_str);
    if ["email", "url"]
        .into_iter()
        .all(|name| says(name).is_none_or(str::is_empty))
    {
        found.contract(
            At::member(survey.root().node, "info"),
            "`info` has no `contact` to tell of a hole",
        );
    }
}
