//! An API key stands in the URL
//!
//! A security scheme of the type `apiKey` puts the key into the query.
//!
//! # Why
//!
//! URLs are written down everywhere: in the logs of proxies and servers, in histories of browsers, in bookmarks, in
//! `Referer` fields, in tickets and chats. Whoever reads one of them has the key, and nobody notices. Headers are kept
//! out of most of these.
//!
//! # Incident
//!
//! In 2011 Symantec reported that applications on Facebook had leaked access tokens for years: the tokens stood in
//! URLs, and browsers told those to advertisers and others in `Referer`. Symantec spoke of about 100,000 applications.
//!
//! # Bad
//!
//! ```yaml
//! security: [{key: []}]
//! components:
//!   securitySchemes:
//!     key: {type: apiKey, in: query, name: api_key} # <-
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security: [{key: []}]
//! components:
//!   securitySchemes:
//!     key: {type: apiKey, in: header, name: X-API-Key}
//!     old: {type: apiKey, in: query, name: api_key}
//! paths:
//!   /orders:
//!     get:
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Take the key in a header field (`in: header`), and end all keys that were sent in URLs.
//!
//! # At the gate
//!
//! The gate refuses query parameters that are called like secrets (`url.secret`), and takes its own API keys in the
//! query only with `dangerous_query: true`; such a key never goes on to the upstream.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::asking;
use crate::rules::found::Found;
use crate::rules::survey::{Scheme, SchemeType, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "api-key-in-query",
        category: "authentication",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[598],
            asvs: &["14.2.1"],
            nist: &["MS-SS-1"],
        },
        text: include_str!("api_key_in_query.rs"),
    },
    cost: Cost::Security(Area::Authentication, 40),
    fold: Fold::Cause,
    check: Check::Scheme(check),
};

fn check<'d>(survey: &Survey<'d>, scheme: &Scheme<'d>, found: &mut Found<'d>) {
    if let SchemeType::ApiKey("query", name) = scheme.kind
        && asking(survey, scheme).next().is_some()
    {
        let message = format!("`{}` puts the key into the query, as `{name}`", scheme.name);
        found.scheme(scheme, scheme.at, message);
    }
}
