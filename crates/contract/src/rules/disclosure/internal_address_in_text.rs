//! A text tells an internal address
//!
//! A description, a summary or a title holds a URL with a host that only exists inside: below `.internal`, `.corp`,
//! `.lan` or the like. Private addresses are not looked at: most of them are examples.
//!
//! # Why
//!
//! Whoever reads the contract learns how machines inside are called and where they are: what to ask for once a
//! request can be made from there, what to register in a public place so that it is taken for the inner one, which
//! wiki or build server is worth a visit.
//!
//! # Incident
//!
//! In 2021 Alex Birsan showed what names are worth: he found names of internal packages in public files, published
//! packages of these names, and his code ran at Apple, Microsoft, PayPal and others.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       description: How it works is told at https://wiki.shop.corp/orders # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       description: How it works is told at https://docs.example.com/orders; to try it, http://localhost:8080.
//!       responses: {}
//!   /stores:
//!     get:
//!       summary: Hosts such as http://this.corp.example.com and http://192.168.1.10 are told.
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Leave the address out, or say it where only those read it who need it: in a file of your own, or in an overlay
//! that is not published.
//!
//! # At the gate
//!
//! The gate sends contracts to nobody.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::texts;
use crate::rules::found::Found;
use crate::rules::survey::{At, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};
use memchr::memmem;

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "internal-address-in-text",
        category: "disclosure",
        severity: Severity::Low,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[200, 497],
            asvs: &["13.4.5"],
            nist: &[],
        },
        text: include_str!("internal_address_in_text.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Contract(check),
};

/// What ends the names of hosts inside (RFC 6762 appendix G, RFC 8375, and `internal`, which ICANN keeps free).
const INSIDE: [&str; 8] = [
    ".internal",
    ".corp",
    ".lan",
    ".intranet",
    ".intra",
    ".private",
    ".home.arpa",
    ".svc.cluster.local",
];

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for root in survey.document.files() {
        texts(root, "", &mut |under, node, text| {
            if matches!(under, "description" | "summary" | "title")
                && let Some(host) = inner_host(text)
            {
                found.contract(At::value(node), format!("`{host}` is a host inside"));
            }
        });
    }
}

/// The first host in a URL of a text that only exists inside.
fn inner_host(text: &str) -> Option<&str> {
    let places = memmem::find_iter(text.as_bytes(), b"://");
    let hosts = places.filter_map(|at| {
        let rest = text.get(at + 3..)?;
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_'));
        rest.get(..end.unwrap_or(rest.len()))
    });
    hosts
        .map(|host| host.trim_end_matches('.'))
        .find(|host| INSIDE.iter().any(|end| host.len() > end.len() && host.ends_with(end)))
}
