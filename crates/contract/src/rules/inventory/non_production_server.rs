//! A test system is published beside production
//!
//! The servers of the contract are those of production and, by their names, others that are for staging, testing or
//! development.
//!
//! # Why
//!
//! A test system runs tomorrow's code with yesterday's protection: debugging is on, limits are off, passwords are
//! easy, and the data is often a copy of the real. Whoever reads the contract knows where it stands.
//!
//! # Incident
//!
//! In March 2016 Anand Prakash showed Facebook that beta.facebook.com did not limit how often the six digits could
//! be guessed that reset a password, as www.facebook.com did. Every account could be taken over. He was paid 15,000
//! dollars.
//!
//! # Bad
//!
//! ```yaml
//! servers:
//!   - url: https://api.example.com/v1
//!   - url: https://api.staging.example.com/v1 # <-
//!   - url: http://localhost:8080/v1 # <-
//! paths: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! servers:
//!   - url: https://api.example.com/v1
//!   - url: https://sandbox.example.com/v1
//!     description: For trying it out, with data that is invented.
//!   - url: https://api.devices.example.com/v1
//! paths: {}
//! ```
//!
//! # Fix
//!
//! Publish production alone, and a sandbox that is made for callers. Keep the addresses of other systems in an
//! overlay that does not leave the house.
//!
//! # At the gate
//!
//! The gate takes the hosts of `servers` for its own, unless `hosts` lists others, and refuses every other with
//! 421. An overlay with `remove` takes a server out of a contract that is not yours.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::is_private;
use crate::rules::found::Found;
use crate::rules::survey::{Server, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "non-production-server",
        category: "inventory",
        severity: Severity::Low,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[9],
            owasp_2019: &[9],
            cwe: &[668, 1059],
            asvs: &["15.2.3"],
            nist: &[],
        },
        text: include_str!("non_production_server.rs"),
    },
    cost: Cost::Security(Area::Exposure, 10),
    fold: Fold::Contract,
    check: Check::Contract(check),
};

const STAGES: [&str; 17] = [
    "staging",
    "stage",
    "stg",
    "dev",
    "devel",
    "development",
    "test",
    "testing",
    "tst",
    "qa",
    "uat",
    "preprod",
    "preproduction",
    "nonprod",
    "int",
    "acceptance",
    "beta",
];

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let known: Vec<_> = survey.servers.iter().filter(|server| !is_private(server)).collect();
    let is_production = |server: &Server<'_>| server.host().is_none_or(|host| stage(&host).is_none());
    if !known.iter().any(|server| is_production(server)) {
        return;
    }
    for server in known {
        if let Some(stage) = server.host().and_then(|host| stage(&host)) {
            found.contract(server.at, format!("`{}` is `{stage}` beside production", server.url));
        }
    }
}

/// The word of a host name that says what it is for. The registered domain does not count: `https://test.com` is a company.
fn stage(host: &str) -> Option<String> {
    if host == "localhost" || host == "::1" || host.starts_with("127.") {
        return Some(host.to_owned());
    }
    let labels: Vec<&str> = host.split('.').collect();
    let own = labels.len().saturating_sub(2);
    let mut words = labels.into_iter().take(own).flat_map(|label| label.split('-'));
    words.find(|word| STAGES.contains(word)).map(str::to_owned)
}
