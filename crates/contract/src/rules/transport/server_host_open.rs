//! Anything may be the host of the API
//!
//! The host of a server is a variable without `enum`, or ends with one, so that whoever fills it in decides where
//! requests go.
//!
//! # Why
//!
//! Documentation pages and generated clients fill the variable in with what they are given: from a form, a link, a
//! setting. Whoever has a say in that gets the requests, and the credentials in them. A variable in front of a fixed
//! domain is another matter, as in `{tenant}.example.com`.
//!
//! # Incident
//!
//! The nearest that really happened: Swagger UI up to version 4.1.2 loaded whatever contract a link named
//! (CVE-2018-25031). Somebody who followed a link to the real page was shown the attacker's contract there, and what he
//! tried went to the servers that it named.
//!
//! # Bad
//!
//! ```yaml
//! servers:
//!   - url: https://{host}/v1 # <-
//!     variables: {host: {default: api.example.com}}
//!   - url: https://api.{domain} # <-
//!     variables: {domain: {default: example.com}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! servers:
//!   - url: https://{tenant}.example.com:{port}/{version}
//!     variables: {tenant: {default: www}, port: {default: '443'}, version: {default: v1}}
//!   - url: https://{host}/v1
//!     variables: {host: {default: eu.example.com, enum: [eu.example.com, us.example.com]}}
//! ```
//!
//! # Fix
//!
//! List the hosts that there are with `enum`, or write the domain and leave only its first part open. Clients of an API
//! that every customer runs should ask for the host once, and keep it.
//!
//! # At the gate
//!
//! The gate sends requests to the upstreams of its configuration. The host of a server is only held against the `Host`
//! of callers.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::survey::operation::host;
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "server-host-open",
        category: "transport",
        severity: Severity::Low,
        confidence: Confidence::Medium,
        profile: Profile::Strict,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[610],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("server_host_open.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let of_operations = survey.operations.iter().flat_map(|operation| &operation.servers);
    for server in survey.servers.iter().chain(of_operations) {
        let host = host(server.url);
        let last = host.rsplit('.').next().unwrap_or_default();
        let Some((_, name)) = last.strip_suffix('}').and_then(|last| last.rsplit_once('{')) else {
            continue;
        };
        let variables = server.place.node.get("variables").and_then(Node::as_object);
        let mut named = variables
            .into_iter()
            .flat_map(|variables| variables.iter())
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        if !named.any(|(_, variable)| variable.get("enum").is_some()) {
            found.contract(
                server.at,
                format!("the host ends with `{{{name}}}`, which may be anything"),
            );
        }
    }
}
