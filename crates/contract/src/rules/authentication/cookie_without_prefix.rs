//! A cookie that lets users in has no `__Host-` prefix
//!
//! A security scheme takes a cookie whose name begins with neither `__Host-` nor `__Secure-`.
//!
//! # Why
//!
//! A cookie with this prefix is accepted by browsers only if it came by HTTPS and with `Secure`; `__Host-` also binds
//! it to one host. Without it, a page of another subdomain, or whoever answers one request in clear text in the name of
//! the site, can put a cookie of their own in its place. The user then works in the session of the attacker, or in one
//! that the attacker knows.
//!
//! # Incident
//!
//! In 2015 Zheng and others showed at USENIX Security ("Cookies Lack Integrity") that cookies which somebody put in by
//! clear text, or from a neighbouring host, worked against large sites that used HTTPS, up to taking over accounts. The
//! CERT Coordination Center warned of it in the same year.
//!
//! # Bad
//!
//! ```yaml
//! security: [{session: []}]
//! components:
//!   securitySchemes:
//!     session: {type: apiKey, in: cookie, name: session} # <-
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security: [{session: []}, {shared: []}]
//! components:
//!   securitySchemes:
//!     session: {type: apiKey, in: cookie, name: __Host-session}
//!     shared: {type: apiKey, in: cookie, name: __Secure-session}
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Call the cookie `__Host-...` and set it with `Secure`, `HttpOnly`, `SameSite` and `Path=/`; `__Secure-...` where
//! several hosts have to share it.
//!
//! # At the gate
//!
//! The gate tells browsers to come by HTTPS only (`tls.hsts_seconds`, a year by default), which keeps clear text out
//! after the first visit.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::asking;
use crate::rules::found::Found;
use crate::rules::survey::{Scheme, SchemeType, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "cookie-without-prefix",
        category: "authentication",
        severity: Severity::Low,
        confidence: Confidence::High,
        profile: Profile::Strict,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[384, 614],
            asvs: &["3.3.1", "3.3.3"],
            nist: &[],
        },
        text: include_str!("cookie_without_prefix.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Scheme(check),
};

fn check<'d>(survey: &Survey<'d>, scheme: &Scheme<'d>, found: &mut Found<'d>) {
    let SchemeType::ApiKey("cookie", name) = scheme.kind else {
        return;
    };
    let has_prefix = name.starts_with("__Host-") || name.starts_with("__Secure-");
    if !has_prefix && asking(survey, scheme).next().is_some() {
        let message = format!("the cookie `{name}` of `{}` has no `__Host-` prefix", scheme.name);
        found.scheme(scheme, scheme.at, message);
    }
}
