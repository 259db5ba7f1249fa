//! A page may be of any size
//!
//! A parameter says how many records are answered at once, and its number has no `maximum`.
//!
//! # Why
//!
//! One request with `limit=100000000` makes the database read a whole table, the service hold it in memory, and the line
//! carry it. It is the cheapest way to stop an API, and the fastest way to copy what is in it. Rate limits count requests,
//! and this is one.
//!
//! # Incident
//!
//! In 2023 the Docker registry mended CVE-2023-2253: the parameter `n` of its catalogue said how many names were to be
//! answered, was not bounded, and one large number made the registry run out of memory.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: limit, in: query, schema: {type: integer, minimum: 1}} # <-
//!         - {name: page, in: query, schema: {type: integer}}
//!       responses: {}
//!   /searches:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 pageSize: {type: [integer, 'null']} # <-
//!       responses: {}
//! ```
//!
//! ```yaml
//! swagger: '2.0'
//! info: {title: Example, version: 1.0.0}
//! host: api.example.com
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: per_page, in: query, type: integer} # <-
//!       responses: {'200': {description: Done.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: limit, in: query, schema: {type: integer, maximum: 100}}
//!         - {name: page_size, in: query, schema: {type: integer, enum: [10, 50]}}
//!         - {name: count, in: query, schema: {type: boolean}}
//!       responses: {}
//!   /cards:
//!     post:
//!       requestBody:
//!         content:
//!           application/json: {schema: {type: object, properties: {limit: {type: integer}}}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Add `maximum` with the largest page that the service can afford, such as 100.
//!
//! # At the gate
//!
//! `maximum` is enforced before a request is forwarded. Without it the gate cannot know what is too much.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::called;
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::Keyword;
use crate::rules::words::plain;
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "pagination-without-maximum",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[770, 1284],
            asvs: &["2.2.1", "15.2.2"],
            nist: &[],
        },
        text: include_str!("pagination_without_maximum.rs"),
    },
    cost: Cost::Data(20),
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

/// Names that say so in a query; in a body they are as often of something else, such as the limit of a card.
const IN_QUERY: [&str; 11] = [
    "limit", "count", "first", "last", "top", "take", "size", "rows", "n", "max", "num",
];

/// Names that say so anywhere.
const ANYWHERE: [&str; 16] = [
    "pagesize",
    "perpage",
    "pagelimit",
    "pagelength",
    "itemsperpage",
    "resultsperpage",
    "recordsperpage",
    "numresults",
    "numitems",
    "maxresults",
    "maxitems",
    "maxrecords",
    "maxrows",
    "maxpagesize",
    "maxentries",
    "resultlimit",
];

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    let is_open = value.schema.types.is_numeric()
        && !value.has_any(&[Keyword::Maximum, Keyword::ExclusiveMaximum])
        && !value.is_closed()
        && !value.has_branches();
    if is_open && is_page_size(value) {
        let message = format!(
            "`{}` has no `maximum`, so that a page may be of any size",
            called(value)
        );
        found.value(value, message);
    }
}

/// Whether a value says how many records are answered at once.
fn is_page_size(value: &Value<'_, '_>) -> bool {
    let name = called(value);
    let fits = |names: &[&str], longest: usize| name.len() <= longest && names.contains(&&*plain(name));
    match value.parameter() {
        Some(("query", whole)) if whole == name && fits(&IN_QUERY, 8) => true,
        Some(_) | None => fits(&ANYWHERE, 20),
    }
}
