//! One request may do any number of things
//!
//! The body of a request is a list of things to do, or of records to do them to, and the list has no `maxItems`.
//!
//! # Why
//!
//! A rate limit counts requests. A batch puts a thousand tries into one of them: passwords to guess, vouchers to test,
//! telephone numbers to look up, mails to send. It also multiplies whatever a single one costs.
//!
//! # Incident
//!
//! In 2021 data of 533 million Facebook users was published. Facebook said that it had been collected before September 2019 by
//! uploading large sets of telephone numbers to the contact importer, to see which of them matched users.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /contacts:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: # <-
//!               type: array
//!               items: {type: string, maxLength: 20}
//!       responses: {}
//!   /orders/batch:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 orders: {type: array, items: {type: object}} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /contacts:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: array
//!               maxItems: 50
//!               items: {type: string, maxLength: 20}
//!       responses: {}
//!   /orders:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 ids: {allOf: [{type: array}, {maxItems: 100}], items: {type: string}}
//!                 labels: {type: array, items: {type: string}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Add `maxItems` with the largest batch that the service can afford, and count the things and not the requests where
//! guessing must be bounded.
//!
//! # At the gate
//!
//! `maxItems` is enforced before a request is forwarded. Without it, `body_bytes_max` is the only bound.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::survey::{Operation, Role, Survey, Value};
use crate::rules::words::{plain, words};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "batch-without-limit",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4, 6],
            owasp_2019: &[4],
            cwe: &[770, 799],
            asvs: &["2.4.1"],
            nist: &["MS-SS-8"],
        },
        text: include_str!("batch_without_limit.rs"),
    },
    cost: Cost::Data(10),
    fold: Fold::Cause,
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    if !operation.is_write() {
        return;
    }
    let is_batch = says_batch(operation.path) || operation.id().is_some_and(says_batch);
    for id in operation
        .body
        .iter()
        .flat_map(|body| &body.contents)
        .filter_map(|content| content.schema)
    {
        let body = survey.value(id);
        look(&body, found);
        let properties = body.properties();
        // Beside many others it is an attribute of one record.
        let is_batch = is_batch && properties.len() <= 3;
        let lists = properties
            .into_iter()
            .filter(|(name, list)| LISTS.contains(&&*plain(name)) || (is_batch && holds_objects(list)));
        lists.for_each(|(_, list)| look(&list, found));
    }
}

/// What lists of things to do are called.
const LISTS: [&str; 9] = [
    "ids",
    "operations",
    "requests",
    "batch",
    "commands",
    "queries",
    "emails",
    "recipients",
    "phonenumbers",
];

fn says_batch(name: &str) -> bool {
    words(name)
        .iter()
        .any(|word| matches!(&**word, "batch" | "bulk" | "multi" | "mass" | "multiple"))
}

fn holds_objects(list: &Value<'_, '_>) -> bool {
    list.children(Role::Items).iter().any(|item| item.is(Type::Object))
}

fn look<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    let is_endless = value.is(Type::Array) && !value.has(Keyword::MaxItems) && !value.is_closed();
    if is_endless && value.in_request() {
        let message = format!("{} may hold any number of things to do (no `maxItems`)", value.label());
        found.value(value, message);
    }
}
