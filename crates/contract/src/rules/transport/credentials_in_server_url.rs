//! The URL of a server has a password in it
//!
//! The URL of a server names a user with a password, as in `https://user:password@host`.
//!
//! # Why
//!
//! A contract is handed to everybody who is to call the API, lies in repositories and on pages of documentation, and
//! stays in their histories. The password in it is known to all of them, and works until somebody changes it. Programs
//! that follow the URL show it in logs and messages, too.
//!
//! # Incident
//!
//! The nearest that really happened: in 2016 attackers found credentials in a repository of Uber, and with them took
//! data of 57 million riders and drivers.
//!
//! # Bad
//!
//! ```yaml
//! servers:
//!   - url: https://partner:8f3a2c@api.example.com/v1 # <-
//! ```
//!
//! # Good
//!
//! ```yaml
//! servers:
//!   - url: https://api.example.com/v1
//!   - url: https://api.example.com/users/me@example.com
//!   - url: 'https://{user}:{password}@api.example.com'
//!     variables: {user: {default: ''}, password: {default: ''}}
//! ```
//!
//! # Fix
//!
//! Take the credential out of the URL and end it: it counts as stolen. Declare how callers prove who they are in
//! `components.securitySchemes`.
//!
//! # At the gate
//!
//! The gate reads hosts and paths from the servers, and never sends what stands before `@`.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::Survey;
use crate::rules::survey::operation::authority;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "credentials-in-server-url",
        category: "transport",
        severity: Severity::High,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[798],
            asvs: &["13.3.1"],
            nist: &[],
        },
        text: include_str!("credentials_in_server_url.rs"),
    },
    cost: Cost::Security(Area::Exposure, 50),
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let of_operations = survey.operations.iter().flat_map(|operation| &operation.servers);
    for server in survey.servers.iter().chain(of_operations) {
        let Some((user, host)) = authority(server.url).rsplit_once('@') else {
            continue;
        };
        let password = user.split_once(':').map_or("", |(_, password)| password);
        if !password.is_empty() && !password.contains('{') {
            // The password is not said again.
            found.contract(server.at, format!("a password stands in the URL of `{host}`"));
        }
    }
}
