//! A scheme of HTTP authentication is outdated
//!
//! A security scheme is one whose cryptography or design is outdated: Digest, NTLM, Negotiate, OAuth 1.0 or
//! SCRAM-SHA-1.
//!
//! # Why
//!
//! Digest makes its proof with MD5 wherever one side knows nothing newer, and asks the server to keep what is as good
//! as the password. NTLM hands out hashes that can be cracked or passed on to another server; Negotiate falls back to
//! it, and both vouch for a connection and not for a request, so that requests of others on the same connection of a
//! proxy come in, too. OAuth 1.0 and SCRAM-SHA-1 sign with SHA-1.
//!
//! # Incident
//!
//! In 2023 Microsoft fixed CVE-2023-23397: a message in Outlook made the program send its user's NTLM hash to a server
//! of the attacker, who passed it on and came in as the user. In 2024 Microsoft declared NTLM deprecated.
//!
//! # Bad
//!
//! ```yaml
//! security: [{old: []}, {windows: []}]
//! components:
//!   securitySchemes:
//!     old: {type: http, scheme: Digest} # <-
//!     windows: {type: http, scheme: negotiate} # <-
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security: [{token: []}, {signed: []}]
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: Bearer}
//!     signed: {type: http, scheme: signature}
//!     unused: {type: http, scheme: digest}
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Take access tokens (`bearer`, `oauth2`, `openIdConnect`) or client certificates (`mutualTLS`). Users of a Windows
//! domain get such tokens from an OpenID provider that logs them in by Kerberos.
//!
//! # At the gate
//!
//! The gate verifies none of these schemes. A contract that asks for one is an error of `portcullis check`, unless the
//! scheme is left to the upstream with `dangerous_unverified: true`.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::asking;
use crate::rules::found::Found;
use crate::rules::survey::{Scheme, SchemeType, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "weak-http-scheme",
        category: "authentication",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[1390, 327],
            asvs: &[],
            nist: &["MS-SS-1"],
        },
        text: include_str!("weak_http_scheme.rs"),
    },
    cost: Cost::Security(Area::Authentication, 30),
    fold: Fold::Cause,
    check: Check::Scheme(check),
};

const OUTDATED: [&str; 5] = ["digest", "ntlm", "negotiate", "oauth", "scram-sha-1"];

fn check<'d>(survey: &Survey<'d>, scheme: &Scheme<'d>, found: &mut Found<'d>) {
    let SchemeType::Http(name) = &scheme.kind else { return };
    if OUTDATED.contains(&&**name) && asking(survey, scheme).next().is_some() {
        let message = format!("`{}` is the outdated scheme `{name}`", scheme.name);
        found.scheme(scheme, scheme.at, message);
    }
}
