//! A path lets everything through
//!
//! A path stands for whatever comes: a greedy template such as `{proxy+}`, a `*`, or any method at all.
//!
//! # Why
//!
//! Behind such a path lie operations that no contract knows: old versions, debugging aids, what a colleague added
//! last night. Nobody asks what they take and whom they serve, because the gateway passes them on as declared. An
//! attacker tries names until one answers.
//!
//! # Incident
//!
//! The nearest is that of T-Mobile US: an attacker took data of about 37 million accounts through one of its APIs from
//! November 2022 on, and it was noticed in January 2023. Whether a contract named that API was not told; where a path
//! lets everything through, none does.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders/{proxy+}: # <-
//!     get:
//!       parameters:
//!         - {name: proxy+, in: path, required: true, schema: {type: string}}
//!       responses: {'200': {description: Whatever.}}
//!   /legacy:
//!     x-amazon-apigateway-any-method: {} # <-
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders/{id}:
//!     get:
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'200': {description: An order.}}
//! ```
//!
//! # Fix
//!
//! Declare the operations that there are, each with its method and path. To find them, look at what is asked for in
//! the logs of a week.
//!
//! # At the gate
//!
//! The gate serves what the contract declares; any other path is 404 `route.unknown`, and any other method 405.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::{At, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "wildcard-path",
        category: "inventory",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[9],
            owasp_2019: &[9],
            cwe: &[1059, 284],
            asvs: &["4.1.4", "13.4.5"],
            nist: &["MS-SS-12"],
        },
        text: include_str!("wildcard_path.rs"),
    },
    cost: Cost::Security(Area::Exposure, 20),
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    const ANY_METHOD: &str = "x-amazon-apigateway-any-method";
    let paths = survey.root().node.get("paths").and_then(Node::as_object);
    for (path, member) in paths.into_iter().flat_map(|paths| &paths.members) {
        let is_greedy = |segment: &str| segment.ends_with("+}") || matches!(segment, "*" | "**" | "{*}" | "{**}");
        if path.split('/').any(is_greedy) {
            found.contract(
                At::name(member.name_span),
                format!("`{path}` lets every path below it through"),
            );
        } else if member.value.get(ANY_METHOD).is_some() {
            let at = At::member(&member.value, ANY_METHOD);
            found.contract(at, format!("`{path}` takes every method, and says nothing of any"));
        }
    }
}
