//! A variable in the URL of a server is not defined
//!
//! The URL of a server has a name in braces that `variables` does not define, or that has no `default`, or a
//! `default` that its own `enum` does not list.
//!
//! # Why
//!
//! Nobody can say where the API is. A client that leaves the braces, or puts in something of its own, sends
//! requests and the credentials in them to another host: one that does not exist, until somebody registers it.
//!
//! # Incident
//!
//! The nearest is of 2017: a host name of Uber, `saostatic.uber.com`, pointed to a distribution of Amazon that
//! nobody owned. Arne Swinnen made it his, and could take over sessions of Uber's single sign-on.
//!
//! # Bad
//!
//! ```yaml
//! servers:
//!   - url: https://{region}.api.example.com # <-
//!   - url: https://{stage}.example.com
//!     variables:
//!       stage:
//!         enum: [live, test]
//!         default: production # <-
//! paths: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! servers:
//!   - url: https://{stage}.example.com:{port}/v1
//!     variables:
//!       stage: {enum: [live, test], default: live}
//!       port: {default: '443'}
//! paths: {}
//! ```
//!
//! # Fix
//!
//! Define each variable with a `default`, and with an `enum` that lists every value that is yours. Better still
//! write each URL out.
//!
//! # At the gate
//!
//! The gate puts the defaults in, and serves only what comes of that. `portcullis check` warns of a variable
//! without one.

use std::collections::HashSet;

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::operation::captures;
use crate::rules::survey::{At, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "server-variable-undefined",
        category: "conformance",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8, 9],
            owasp_2019: &[7, 9],
            cwe: &[1059],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("server_variable_undefined.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let own = survey.operations.iter().flat_map(|operation| &operation.servers);
    let mut seen = HashSet::new();
    for server in survey.servers.iter().chain(own) {
        // The servers of a path are those of each of its operations.
        if !seen.insert(server.at) {
            continue;
        }
        for name in captures(server.url) {
            let variable = server
                .place
                .node
                .get("variables")
                .and_then(|variables| variables.get(name));
            let default = variable.and_then(|variable| variable.get("default"));
            let listed = variable
                .and_then(|variable| variable.get("enum"))
                .and_then(Node::as_array);
            match default.map(|node| (node, node.as_str())) {
                None => {
                    let message = format!("`{name}` in `{}` has no default", server.url);
                    found.contract(server.at, message);
                }
                Some((node, Some(default))) => {
                    let is_listed = |listed: &[Node]| listed.iter().any(|one| one.as_str() == Some(default));
                    if listed.is_some_and(|listed| !is_listed(listed)) {
                        let message = format!("the default `{default}` of `{name}` is none of its `enum`");
                        found.contract(At::value(node), message);
                    }
                }
                Some((_, None)) => {}
            }
        }
    }
}
