//! A collection is answered whole
//!
//! A `GET` answers an array of records without a longest length, and there is no parameter to ask for a part of it.
//!
//! # Why
//!
//! The answer grows with the data. What took ten milliseconds when the API was made takes a minute a year later, and every
//! caller may ask for it. Who wants a copy of everything needs one request, which no rate limit notices.
//!
//! # Incident
//!
//! The nearest is Parler in January 2021: its posts were numbered in a row and nothing bounded how many a caller
//! fetched, so that volunteers copied nearly all public posts before the site went off, videos with the places where
//! they were taken among them.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       responses:
//!         '200': # <-
//!           description: All orders.
//!           content:
//!             application/json:
//!               schema: {type: array, items: {type: object}}
//!   /customers:
//!     get:
//!       responses:
//!         '200': # <-
//!           description: All customers.
//!           content:
//!             application/json:
//!               schema: {type: object, properties: {items: {type: array, items: {type: object}}}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: page_token, in: query, schema: {type: string}}
//!       responses:
//!         '200':
//!           description: Some orders.
//!           content:
//!             application/json:
//!               schema: {type: array, items: {type: object}}
//!   /regions:
//!     get:
//!       responses:
//!         '200':
//!           description: All regions.
//!           content:
//!             application/json:
//!               schema: {type: array, maxItems: 20, items: {type: object}}
//!   /customers/{id}:
//!     get:
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string}}
//!       responses:
//!         '200':
//!           description: One customer.
//!           content:
//!             application/json:
//!               schema: {type: object, properties: {name: {type: string}, orders: {type: array, items: {type: object}}}}
//! ```
//!
//! # Fix
//!
//! Answer in pages: a parameter such as `limit` with a `maximum`, and one for the next page. Where the collection is small
//! for good, say so with `maxItems`.
//!
//! # At the gate
//!
//! `maxItems` is enforced on answers. An answer over `response.body_bytes_max` is 502 where `response.oversize` is `block`.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::survey::{Operation, Parameter, Role, Survey, Value};
use crate::rules::words::{plain, words};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "collection-without-pagination",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[770],
            asvs: &["15.2.2"],
            nist: &[],
        },
        text: include_str!("collection_without_pagination.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    if operation.method != "GET" || operation.parameters.iter().any(pages) || operation.body.is_some() {
        return;
    }
    for answer in operation.answers_of('2') {
        let contents = answer.contents.iter().filter(|content| content.is_json());
        let mut schemas = contents.filter_map(|content| content.schema);
        if schemas.any(|id| is_whole(&survey.value(id), operation)) {
            let message = format!("`{}` answers a whole collection", operation.name());
            found.operation(operation, answer.at, message);
        }
    }
}

/// Whether a parameter asks for a part of a collection.
fn pages(parameter: &Parameter<'_>) -> bool {
    const WORDS: [&str; 26] = [
        "limit",
        "page",
        "offset",
        "cursor",
        "size",
        "count",
        "first",
        "last",
        "after",
        "before",
        "top",
        "skip",
        "take",
        "start",
        "end",
        "marker",
        "continue",
        "continuation",
        "next",
        "from",
        "since",
        "until",
        "rows",
        "max",
        "per",
        "range",
    ];
    let is_ours = matches!(parameter.location, "query" | "header" | "path");
    let names = words(parameter.name);
    is_ours && (names.iter().any(|word| WORDS.contains(&&**word)) || plain(parameter.name).contains("page"))
}

/// Whether an answer is an array of records without an end, alone or in an object that holds little else.
fn is_whole(value: &Value<'_, '_>, operation: &Operation<'_>) -> bool {
    if value.is(Type::Array) {
        return is_endless(value);
    }
    // What is answered for one record may hold arrays of its own.
    let of_one = operation.path.trim_end_matches('/').ends_with('}');
    let properties = if value.is(Type::Object) && !of_one {
        value.properties()
    } else {
        Vec::new()
    };
    let mut arrays = properties.iter().filter(|(_, value)| value.is(Type::Array));
    let pages = properties.iter().any(|(name, _)| {
        let name = plain(name);
        ["next", "cursor", "page", "marker", "offset", "links", "continuation"]
            .iter()
            .any(|word| name.contains(word))
    });
    let one = arrays.next().filter(|_| arrays.next().is_none());
    properties.len() <= 2 && !pages && one.is_some_and(|(_, array)| is_endless(array))
}

fn is_endless(array: &Value<'_, '_>) -> bool {
    let mut items = array.children(Role::Items).into_iter();
    !array.has(Keyword::MaxItems) && items.any(|item| item.is(Type::Object))
}
