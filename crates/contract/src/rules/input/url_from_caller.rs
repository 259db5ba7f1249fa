//! A caller may name any URL
//!
//! A value of a request is a URL, and nothing restricts which hosts it may name.
//!
//! # Why
//!
//! If the service fetches what the URL names, it does so from inside the network: from the metadata service of the cloud,
//! which gives out credentials; from databases and consoles that trust every neighbour; from its own machine. The answer,
//! or how long it took, goes back to the caller.
//!
//! A URL that is only stored and shown is harmless to the service. Its name tells which it is more likely to be.
//!
//! # Incident
//!
//! In 2019 somebody made a firewall of Capital One ask the metadata service of the cloud for credentials, and copied the
//! data of about 106 million applicants with them.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /webhooks:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 callbackUrl: {type: string, maxLength: 2000} # <-
//!                 target: {type: string, format: uri} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /webhooks:
//!     post:
//!       parameters:
//!         - {name: return_url, in: query, schema: {type: string, format: uri}}
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 callbackUrl: {type: string, pattern: '^https://hooks[.]example[.]com/[a-z0-9/]{1,200}$'}
//!                 region_url: {enum: ['https://eu.example.com', 'https://us.example.com']}
//!                 curl: {type: string}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Where the hosts are known, list them with `enum` or a `pattern` that begins with `^https://`. Otherwise resolve the name
//! once, refuse private and link-local addresses, and connect to that very address without following redirects.
//!
//! # At the gate
//!
//! `enum` and `pattern` are enforced before a request is forwarded. What the service fetches does not pass the gate.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{called, is_free_text};
use crate::rules::found::Found;
use crate::rules::survey::keyword::Keyword;
use crate::rules::survey::{UnitKind, Value};
use crate::rules::words::words;
use crate::rules::{Area, Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "url-from-caller",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[7],
            owasp_2019: &[],
            cwe: &[918],
            asvs: &["1.3.6", "13.1.1"],
            nist: &[],
        },
        text: include_str!("url_from_caller.rs"),
    },
    cost: Cost::Security(Area::Exposure, 20),
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.in_request() || !is_free_text(value) {
        return;
    }
    let is_url = matches!(value.text(Keyword::Format), Some("uri" | "url" | "iri"));
    let name = called(value);
    let words = words(name);
    let says = |list: &[&str]| words.iter().any(|word| list.contains(&&**word));
    // `callback` in a query is as often the name of a function (JSONP).
    let is_called_url = words.last().is_some_and(|last| match &**last {
        "url" | "webhook" => true,
        // More often the name of a thing than where it is.
        "uri" => says(&FETCHED),
        "callback" => value.parameter().is_none(),
        _ => false,
    });
    // Where a browser is sent is another matter, and what identifies a namespace is no address.
    if !(is_url || is_called_url) || says(&NOT_FETCHED) {
        return;
    }
    let spot = found.value(value, format!("{} may be a URL of any host", value.label()));
    if says(&FETCHED) || (words.len() == 1 && is_of_hook(value)) {
        spot.confidence(Confidence::Medium);
    } else {
        spot.severity(Severity::Low).confidence(Confidence::Low);
    }
}

/// Whether a value stands in the body of an operation that is about webhooks, by its path.
fn is_of_hook(value: &Value<'_, '_>) -> bool {
    let UnitKind::Body(index) = value.unit().kind else {
        return false;
    };
    let operation = value.survey.operations.get(index);
    operation.is_some_and(|operation| {
        operation
            .words()
            .any(|segment| words(&segment).iter().any(|word| FETCHED.contains(&&**word)))
    })
}

/// Words of URLs that a service is there to call.
const FETCHED: [&str; 19] = [
    "webhook",
    "webhooks",
    "callback",
    "hook",
    "notify",
    "notification",
    "ping",
    "fetch",
    "import",
    "source",
    "download",
    "remote",
    "proxy",
    "feed",
    "origin",
    "upstream",
    "endpoint",
    "target",
    "crawl",
];

/// Words of URLs that a service does not fetch: a browser is sent there, or they are names.
const NOT_FETCHED: [&str; 28] = [
    "redirect",
    "return",
    "success",
    "cancel",
    "failure",
    "next",
    "continue",
    "logout",
    "login",
    "namespace",
    "canonical",
    "schema",
    "type",
    "profile",
    "website",
    "homepage",
    "license",
    "home",
    "privacy",
    "terms",
    "policy",
    "contact",
    "support",
    "survey",
    "social",
    "blog",
    "href",
    "self",
];
