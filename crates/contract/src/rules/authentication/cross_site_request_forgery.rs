//! A page of another site can make a user change something
//!
//! A `POST` lets callers in by a cookie alone, and takes a body that any page may send, or none.
//!
//! # Why
//!
//! A browser sends the cookie of a site with every request to it, whichever page the request comes from. A page of the
//! attacker holds a form that sends itself; whoever opens it while logged in pays, deletes or changes a password
//! without seeing anything. A body of JSON makes the browser ask first (CORS); a form, plain text or no body at all
//! does not. `SameSite` on the cookie helps, but a contract cannot say it, and pages of neighbouring hosts count as the
//! same site.
//!
//! # Incident
//!
//! In 2008 Zeller and Felten of Princeton showed that a page could open accounts in the name of a customer of ING
//! Direct who was logged in, and transfer money out of theirs: the bank knew its customers by their cookies alone.
//!
//! # Bad
//!
//! ```yaml
//! security: [{session: []}]
//! components:
//!   securitySchemes:
//!     session: {type: apiKey, in: cookie, name: __Host-session}
//! paths:
//!   /orders/{id}/cancel:
//!     post: # <-
//!       responses: {}
//!   /transfers:
//!     post: # <-
//!       parameters: [{name: Accept-Language, in: header, required: true, schema: {type: string}}]
//!       requestBody:
//!         content:
//!           application/x-www-form-urlencoded: {schema: {type: object}}
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security: [{session: []}]
//! components:
//!   securitySchemes:
//!     session: {type: apiKey, in: cookie, name: __Host-session}
//!     csrf: {type: apiKey, in: header, name: X-CSRF-Token}
//! paths:
//!   /orders:
//!     post:
//!       requestBody:
//!         required: true
//!         content:
//!           application/json: {schema: {type: object}}
//!       responses: {}
//!   /orders/{id}:
//!     delete:
//!       responses: {}
//!   /orders/{id}/cancel:
//!     post:
//!       parameters: [{name: X-XSRF-TOKEN, in: header, required: true, schema: {type: string}}]
//!       responses: {}
//!   /transfers:
//!     post:
//!       security: [{session: [], csrf: []}]
//!       requestBody:
//!         content:
//!           application/x-www-form-urlencoded: {schema: {type: object}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Ask for a header field beside the cookie that a page of another origin cannot send, such as `X-CSRF-Token`: as a
//! required parameter, or as a second scheme in the same requirement.
//!
//! # At the gate
//!
//! Where `cors` is set in a policy, the gate refuses every request that changes something and comes from a page of an
//! origin that is not in the list (`cors.origin`). A required header field is enforced like every parameter.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Alternative, Operation, SchemeType, Survey};
use crate::rules::words::says_any;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "cross-site-request-forgery",
        category: "authentication",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[352],
            asvs: &["3.5.1"],
            nist: &[],
        },
        text: include_str!("cross_site_request_forgery.rs"),
    },
    cost: Cost::Security(Area::Authentication, 30),
    fold: Fold::Cause,
    check: Check::Operation(check),
};

/// What any page may send without asking (the Fetch standard, CORS-safelisted request headers).
const SENT_BY_ANY_PAGE: [&str; 3] = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];

/// Header fields that any page may send without asking (the same).
const FIELDS_OF_ANY_PAGE: [&str; 4] = ["accept", "accept-language", "content-language", "content-type"];

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    if operation.method != "POST" || !any_page_may_send(operation) {
        return;
    }
    let Some(said) = survey.requirements(operation) else {
        return;
    };
    let Some(cookie) = said.alternatives.iter().find_map(|one| only_cookie(survey, one)) else {
        return;
    };
    let message = format!(
        "`{}` is let in by the cookie `{cookie}` alone, which any page can make a browser send",
        operation.name()
    );
    found.operation(operation, operation.at, message);
}

/// Whether a browser sends it for a page of another site without asking.
fn any_page_may_send(operation: &Operation<'_>) -> bool {
    let asks_first = operation.parameters.iter().any(|parameter| {
        let name = parameter.name.to_ascii_lowercase();
        parameter.required && parameter.location == "header" && !FIELDS_OF_ANY_PAGE.contains(&&*name)
    });
    let body = operation.body.as_ref();
    let is_simple = body.is_none_or(|body| {
        !body.required && !body.contents.iter().any(|content| content.is_json())
            || body
                .contents
                .iter()
                .any(|content| SENT_BY_ANY_PAGE.contains(&&*content.essence()))
    });
    !asks_first && is_simple
}

/// The cookie that is all that is asked for, where it is more than a token against just this.
fn only_cookie<'d>(survey: &Survey<'d>, one: &Alternative<'d>) -> Option<&'d str> {
    let mut only = None;
    for asked in &one.asked {
        match survey.scheme(asked)?.kind {
            SchemeType::ApiKey("cookie", name) => only = only.or(Some(name)),
            _ => return None,
        }
    }
    only.filter(|name| !says_any(name, &[&["csrf"], &["xsrf"]]))
}
