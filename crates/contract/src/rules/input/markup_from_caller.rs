//! A caller may send markup
//!
//! A value of a request is HTML, SVG or Markdown.
//!
//! # Why
//!
//! Markup that one person writes and another person's browser shows runs in the other's session: it reads what they see and
//! does what they may do. Markdown is no way out, because it lets HTML and `javascript:` links through unless told
//! otherwise.
//!
//! # Incident
//!
//! In 2005 Samy Kamkar put a script into his page on MySpace past the site's filters. Everybody who looked at it carried it
//! on, and within a day a million people had added him as a friend.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /notes:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 html: {type: string, maxLength: 4000} # <-
//!                 text: {type: string, maxLength: 4000, contentMediaType: text/html} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /notes:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 text: {type: string, maxLength: 4000}
//!                 allowHtml: {type: boolean}
//!                 html_url: {type: string}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Take plain text where that will do. Otherwise clean the markup with a library made for it before it is shown, and serve
//! it with a content security policy that runs no scripts.
//!
//! # At the gate
//!
//! The gate judges the length of the text, not its markup.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{called, is_free_text};
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::Keyword;
use crate::rules::words::plain;
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "markup-from-caller",
        category: "input",
        severity: Severity::Low,
        confidence: Confidence::Low,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[79, 80],
            asvs: &["1.3.1", "1.3.5"],
            nist: &[],
        },
        text: include_str!("markup_from_caller.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

/// Names of markup, at most 16 long.
const NAMES: [&str; 16] = [
    "html",
    "htmlbody",
    "bodyhtml",
    "htmlcontent",
    "contenthtml",
    "htmltext",
    "texthtml",
    "rawhtml",
    "innerhtml",
    "messagehtml",
    "htmlmessage",
    "descriptionhtml",
    "markdown",
    "bodymarkdown",
    "contentmarkdown",
    "svg",
];

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.in_request() || !is_free_text(value) {
        return;
    }
    let name = called(value);
    let media_type = value.text(Keyword::ContentMediaType).unwrap_or_default();
    let is_declared = matches!(
        media_type,
        "text/html" | "text/markdown" | "image/svg+xml" | "application/xhtml+xml"
    ) || matches!(value.text(Keyword::Format), Some("html" | "markdown"));
    if is_declared {
        found
            .value(value, format!("{} is markup of the caller", value.label()))
            .confidence(Confidence::High);
    } else if name.len() <= 20 && NAMES.contains(&&*plain(name)) {
        found
            .value(value, format!("`{name}` is markup of the caller"))
            .confidence(Confidence::Low);
    }
}
