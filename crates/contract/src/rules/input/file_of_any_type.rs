//! A file in a form may be of any type
//!
//! A form takes a file, and nothing says what kind of file it is.
//!
//! # Why
//!
//! A picture that is really a page with a script attacks whoever opens it, a script that lands in a folder of the web server
//! attacks the server, and a document with macros attacks the clerk. An allow-list of media types is the first sieve: it
//! tells every check behind it what the bytes must turn out to be.
//!
//! # Incident
//!
//! In 2018 Larry Cashdollar found that the widely used jQuery File Upload took files of every type (CVE-2018-9206). Attackers
//! had known for years: they uploaded PHP, called it, and owned the server.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /avatars:
//!     post:
//!       requestBody:
//!         content:
//!           multipart/form-data:
//!             schema:
//!               type: object
//!               properties:
//!                 picture: {type: string, format: binary, maxLength: 1000000} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /avatars:
//!     post:
//!       requestBody:
//!         content:
//!           multipart/form-data:
//!             schema:
//!               type: object
//!               properties:
//!                 picture: {type: string, format: binary, maxLength: 1000000}
//!                 scan: {type: string, contentMediaType: application/pdf, maxLength: 1000000}
//!                 notes: {type: string, maxLength: 4000}
//!             encoding:
//!               picture: {contentType: 'image/png, image/jpeg'}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Say which media types the file may have: `encoding: {NAME: {contentType: 'image/png, image/jpeg'}}` beside the schema, or
//! `contentMediaType` in it (3.1).
//!
//! # At the gate
//!
//! A part of a type that is not declared is 415, and so is one whose first bytes are not those of its type, where that type
//! is well known ([coverage](../../docs/coverage.md)).

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::document::{Node, Version};
use crate::rules::found::Found;
use crate::rules::survey::keyword::Keyword;
use crate::rules::survey::{Content, Operation, Role, Survey, Value};
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "file-of-any-type",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[8],
            cwe: &[434],
            asvs: &["5.1.1", "5.2.2"],
            nist: &[],
        },
        text: include_str!("file_of_any_type.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    // 2.0 has no words for the type of a file.
    if survey.document.version() == Version::V2_0 {
        return;
    }
    for content in operation.body.iter().flat_map(|body| &body.contents) {
        let Some(schema) = content.schema.filter(|_| content.essence().starts_with("multipart/")) else {
            continue;
        };
        for (name, part) in survey.value(schema).properties() {
            let items = part.children(Role::Items);
            let file = std::iter::once(part).chain(items).find(is_any_file);
            if let Some(file) = file.filter(|_| !says_type(content, name)) {
                found.value(&file, format!("`{name}` is a file of any type"));
            }
        }
    }
}

fn is_any_file(value: &Value<'_, '_>) -> bool {
    value.text(Keyword::Format) == Some("binary") && !value.has(Keyword::ContentMediaType) && !value.is_closed()
}

/// Whether `encoding` says which types a part may have.
fn says_type(content: &Content<'_>, name: &str) -> bool {
    let encoding = content.place.node.get("encoding").and_then(|all| all.get(name));
    let said = encoding.and_then(|one| one.get("contentType")).and_then(Node::as_str);
    said.is_some_and(|said| {
        let any = ["*/*", "application/octet-stream"];
        !said.split(',').any(|one| any.contains(&one.trim()))
    })
}
