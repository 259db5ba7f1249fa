//! A form or plain text is taken with a cookie as credential
//!
//! An operation that changes something is let in by a cookie alone, and takes a media type that any web page can send.
//!
//! # Why
//!
//! A page of any origin may send `application/x-www-form-urlencoded`, `multipart/form-data` and `text/plain` to another site
//! without asking first, and the browser adds the cookies of that site. The user only has to open the page. A JSON body, or
//! a header field that is required, makes the browser ask first.
//!
//! # Incident
//!
//! In 2008 William Zeller and Edward Felten showed that a page could open accounts at ING Direct in the name of whoever was
//! logged in, and move money to others, because the bank's forms were sent with the cookie and nothing else.
//!
//! # Bad
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     session: {type: apiKey, in: cookie, name: session}
//! security:
//!   - session: []
//! paths:
//!   /transfers:
//!     post:
//!       requestBody:
//!         content:
//!           application/json: {schema: {type: object}}
//!           application/x-www-form-urlencoded: {schema: {type: object}} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! components:
//!   securitySchemes:
//!     session: {type: apiKey, in: cookie, name: session}
//!     csrf: {type: apiKey, in: header, name: X-CSRF-Token}
//!     token: {type: http, scheme: bearer}
//! paths:
//!   /transfers:
//!     post:
//!       security: [{session: []}]
//!       requestBody: {content: {application/json: {schema: {type: object}}}}
//!       responses: {}
//!     put:
//!       security: [{session: [], csrf: []}, {token: []}]
//!       requestBody: {content: {multipart/form-data: {schema: {type: object}}}}
//!       responses: {}
//!     patch:
//!       security: [{session: []}]
//!       parameters:
//!         - {name: X-Requested-With, in: header, required: true, schema: {type: string}}
//!       requestBody: {content: {text/plain: {schema: {type: string}}}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Take JSON alone, or ask for a token in a header field beside the cookie: a second scheme in the same security
//! requirement, or a required header parameter.
//!
//! # At the gate
//!
//! With `cors` in the policy, requests of other origins' pages that would change something are 403 `cors.origin`.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Asked, Operation, SchemeType, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "simple-content-type-with-cookie",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[352],
            asvs: &["3.5.1", "3.5.2"],
            nist: &[],
        },
        text: include_str!("simple_content_type_with_cookie.rs"),
    },
    cost: Cost::Security(Area::Authentication, 20),
    fold: Fold::Cause,
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    let needs_header = |operation: &Operation<'_>| {
        let mut parameters = operation.parameters.iter();
        parameters.any(|parameter| parameter.required && parameter.location == "header")
    };
    if !operation.is_write() || !is_let_in_by_cookie(survey, operation) || needs_header(operation) {
        return;
    }
    for content in operation.body.iter().flat_map(|body| &body.contents) {
        if SIMPLE.contains(&&*content.essence()) {
            let message = format!(
                "`{}` takes `{}` with a cookie as the only credential",
                operation.name(),
                content.media_type
            );
            found.operation(operation, content.at, message);
        }
    }
}

/// What a page may send to another origin without asking (Fetch §2.2.2, CORS-safelisted request-header).
const SIMPLE: [&str; 3] = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];

/// Whether cookies alone are enough.
fn is_let_in_by_cookie(survey: &Survey<'_>, operation: &Operation<'_>) -> bool {
    let is_cookie = |asked: &Asked<'_>| {
        let scheme = survey.scheme(asked);
        scheme.is_some_and(|scheme| matches!(scheme.kind, SchemeType::ApiKey("cookie", _)))
    };
    let mut alternatives = survey
        .requirements(operation)
        .into_iter()
        .flat_map(|said| &said.alternatives);
    alternatives.any(|one| !one.asked.is_empty() && one.asked.iter().all(is_cookie))
}
