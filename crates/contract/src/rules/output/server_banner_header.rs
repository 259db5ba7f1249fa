//! Answers tell which program made them
//!
//! `Server`, `X-Powered-By` or a header like them is declared.
//!
//! # Why
//!
//! With the name and the version of the program, an attacker needs no trial: he looks up what is known of that version. When
//! the next weakness is published, whoever has collected such headers has a list of whom to visit.
//!
//! # Incident
//!
//! In October 2021 a weakness of Apache 2.4.49, and of no version before it, was published (CVE-2021-41773). By what
//! servers told in `Server`, Shodan found more than a hundred thousand of just that version, and attackers were looking
//! for them within days.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         '200':
//!           description: Orders.
//!           headers:
//!             X-Powered-By: {schema: {type: string}} # <-
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         '200':
//!           description: Orders.
//!           headers:
//!             X-Request-Id: {schema: {type: string}}
//!             Server-Timing: {schema: {type: string}}
//! ```
//!
//! # Fix
//!
//! Turn the header off in the server and the framework, and take it out of the contract.
//!
//! # At the gate
//!
//! `Server` and its like are taken out of answers ([operations](../../docs/operations.md)).

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "server-banner-header",
        category: "output",
        severity: Severity::Info,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[497],
            asvs: &["13.4.6"],
            nist: &[],
        },
        text: include_str!("server_banner_header.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Operation(check),
};

const BANNERS: [&str; 6] = [
    "server",
    "x-powered-by",
    "x-aspnet-version",
    "x-aspnetmvc-version",
    "x-generator",
    "x-server",
];

fn check<'d>(_: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    for header in operation.answers.iter().flat_map(|answer| &answer.headers) {
        if BANNERS.iter().any(|banner| header.name.eq_ignore_ascii_case(banner)) {
            let message = format!("`{}` tells which program answers", header.name);
            found.operation(operation, header.at, message);
        }
    }
}
