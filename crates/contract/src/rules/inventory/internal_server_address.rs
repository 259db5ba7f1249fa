//! A server of a private network stands beside a public one
//!
//! Beside servers that everybody reaches, one has a private address (RFC 1918, RFC 4193) or a name that only an
//! internal network knows.
//!
//! # Why
//!
//! Callers cannot reach it, so it tells only attackers something: what networks there are and how machines are
//! called. Whoever finds a way to make the API send requests needs exactly that.
//!
//! # Incident
//!
//! The nearest is that of Capital One in 2019: a firewall was made to send a request to an address that only the
//! cloud's own machines reach, that of the metadata service, and gave credentials back; with them data of about 106
//! million people were taken. Internal addresses are what such an attack aims at.
//!
//! # Bad
//!
//! ```yaml
//! servers:
//!   - url: https://api.example.com/v1
//!   - url: http://10.2.0.17:8080/v1 # <-
//!   - url: https://orders.prod.internal/v1 # <-
//! paths: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! servers:
//!   - url: https://api.example.com/v1
//!   - url: /v1
//!   - url: https://192.0.2.7/v1
//! paths: {}
//! ```
//!
//! ```yaml
//! servers:
//!   - url: https://orders.prod.internal/v1
//! paths: {}
//! ```
//!
//! # Fix
//!
//! Take it out of the contract that callers get. Name the public address, or a relative URL such as `/v1`.
//!
//! # At the gate
//!
//! Callers see the gate's address alone. Where the service stands is `upstream` in the configuration, and no part
//! of the contract.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::is_private;
use crate::rules::found::Found;
use crate::rules::survey::{Server, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "internal-server-address",
        category: "inventory",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8, 9],
            owasp_2019: &[7, 9],
            cwe: &[200],
            asvs: &["13.4.5"],
            nist: &[],
        },
        text: include_str!("internal_server_address.rs"),
    },
    cost: Cost::Security(Area::Exposure, 10),
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    // The contract of an internal API names internal servers, and nothing else.
    let is_public = |server: &Server<'_>| server.host().is_some_and(|host| host.contains('.')) && !is_private(server);
    if !survey.servers.iter().any(is_public) {
        return;
    }
    for server in survey.servers.iter().filter(|server| is_private(server)) {
        found.contract(server.at, format!("`{}` is of a private network", server.url));
    }
}
