//! An API of data answers HTML
//!
//! Most answers of the API are JSON, and some are `text/html`.
//!
//! # Why
//!
//! A browser shows HTML and runs what is in it, with the cookies of the API's own host. If anything that callers sent is in
//! that page, they may write programs for other people's browsers.
//!
//! # Incident
//!
//! In September 2010 a script in a message ran in the browser of everybody who moved the pointer over it on Twitter, and sent
//! itself on. A page was made from text that callers had written.
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
//!           content: {application/json: {schema: {type: object}}}
//!   /orders/{id}/receipt:
//!     get:
//!       responses:
//!         '200':
//!           description: A receipt.
//!           content:
//!             text/html: # <-
//!               schema: {type: string}
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
//!           content: {application/json: {schema: {type: object}}}
//!   /orders/{id}/receipt:
//!     get:
//!       responses:
//!         '200':
//!           description: A receipt.
//!           content:
//!             application/pdf: {}
//! ```
//!
//! # Fix
//!
//! Answer data, and let the page be made on another host. Where HTML is meant, send `Content-Security-Policy` with it, or
//! `Content-Disposition: attachment`.
//!
//! # At the gate
//!
//! Text is judged as one string; the gate does not read HTML.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Content, Survey};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "html-answer-from-api",
        category: "output",
        severity: Severity::Info,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[79],
            asvs: &["3.2.1"],
            nist: &[],
        },
        text: include_str!("html_answer_from_api.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let (mut json, mut pages) = (0_usize, Vec::new());
    for operation in &survey.operations {
        for answer in operation.answers_of('2') {
            json += usize::from(answer.contents.iter().any(Content::is_json));
            let is_page = |content: &&Content<'_>| content.essence() == "text/html";
            pages.extend(
                answer
                    .contents
                    .iter()
                    .find(is_page)
                    .map(|content| (operation, answer.status, content.at)),
            );
        }
    }
    // Where pages are the rule, somebody meant them.
    if pages.len() > json {
        return;
    }
    for (operation, status, at) in pages {
        found.operation(operation, at, format!("{status} of `{}` is HTML", operation.name()));
    }
}
