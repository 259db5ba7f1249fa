//! A server is called by its address
//!
//! The host of a server is an IP address of the Internet and not a name.
//!
//! # Why
//!
//! Hardly any certificate is for an address, so that clients are told not to look at it, and then talk to anybody. An
//! address also belongs to somebody else tomorrow: what is given back to a cloud is given to the next customer, who
//! gets the requests of all clients that still have it.
//!
//! # Incident
//!
//! The nearest that really happened: in 2022 Pauley and others (IEEE Symposium on Security and Privacy) rented
//! addresses of a public cloud one after the other, and received messages meant for those who had had them before,
//! personal data and financial ones among them.
//!
//! # Bad
//!
//! ```yaml
//! servers:
//!   - url: https://8.8.4.4/v1 # <-
//!   - url: 'https://[2606:4700::1111]/v1' # <-
//! ```
//!
//! # Good
//!
//! ```yaml
//! servers:
//!   - url: https://api.example.com/v1
//!   - url: http://127.0.0.1:8080
//!   - url: 'http://[::1]:8080'
//!   - url: https://192.168.0.10/v1
//!   - url: https://192.0.2.1/v1
//! ```
//!
//! # Fix
//!
//! Give the server a name that you own, with a certificate for it, and write that.
//!
//! # At the gate
//!
//! The gate gets certificates for names by itself (`tls.acme`), and renews them.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use core::net::IpAddr;

use super::is_public;
use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::survey::operation::host;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "server-by-address",
        category: "transport",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[295],
            asvs: &[],
            nist: &["MS-SS-4"],
        },
        text: include_str!("server_by_address.rs"),
    },
    cost: Cost::Security(Area::Transport, 10),
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let of_operations = survey.operations.iter().flat_map(|operation| &operation.servers);
    for server in survey.servers.iter().chain(of_operations) {
        let host = host(server.url);
        if host.parse::<IpAddr>().is_ok_and(is_public) {
            found.contract(server.at, format!("`{host}` is an address, not a name"));
        }
    }
}
