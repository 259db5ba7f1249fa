//! Nothing says how often a password or code may be guessed
//!
//! An operation takes a password or a code, by its name and its body, and the contract knows no limit: no answer 429,
//! no header field that tells of one.
//!
//! # Why
//!
//! A code of six digits is one of a million: at a thousand guesses a second it is found in 17 minutes. Lists of stolen
//! passwords have billions of lines, and some of them fit. An operation that answers each guess as fast as it can is a
//! tool for that. A limit that the contract does not know may be there all the same; then callers do not know how to
//! behave when they meet it.
//!
//! # Incident
//!
//! In 2016 Anand Prakash found that a test version of Facebook's site did not limit guesses of the six digits that set
//! a password anew: he could have taken over any account. The main site had a limit.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /login:
//!     post: # <-
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties: {user: {type: string}, password: {type: string}}
//!       responses: {'200': {description: A token.}, '401': {description: Wrong.}}
//!   /sessions:
//!     post: # <-
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {$ref: '#/components/schemas/Login'}
//!       responses: {'201': {description: A token.}}
//! components:
//!   schemas:
//!     Login:
//!       allOf:
//!         - type: object
//!           properties: {mail: {type: string}, password: {type: string}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /login:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties: {user: {type: string}, password: {type: string}}
//!       responses: {'200': {description: A token.}, '429': {description: Too often.}}
//!   /verify-otp:
//!     post:
//!       x-portcullis: {authentication: true}
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {type: object, properties: {otp: {type: string}}}
//!       responses: {'200': {description: Right.}}
//!   /password-reset:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {type: object, properties: {token: {type: string}, password: {type: string}}}
//!       responses: {'200': {description: Done.}, 4XX: {description: No.}}
//!   /sessions:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {type: object, properties: {title: {type: string}}}
//!       responses: {'201': {description: A session of a conference.}}
//!   /users:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {type: object, properties: {password: {type: string}}}
//!       responses: {'201': {description: Made.}}
//! ```
//!
//! # Fix
//!
//! Limit guesses by user and by address, and declare the answer 429 with `Retry-After`. With `x-portcullis:
//! {authentication: true}` the gate limits them.
//!
//! # At the gate
//!
//! With `x-portcullis: {authentication: true}` at the operation the gate lets an address try ten times a minute;
//! `rate_limits` with `count: failures` and a key of the body limits guesses by user. `portcullis init` suggests both.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{LOGINS, REGISTRATIONS, ends_in, last_segment};
use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::words::says_any;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "login-without-limit",
        category: "authentication",
        severity: Severity::Medium,
        confidence: Confidence::Low,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2, 4],
            owasp_2019: &[2, 4],
            cwe: &[307],
            asvs: &["6.3.1"],
            nist: &["MS-SS-8", "MS-SS-11"],
        },
        text: include_str!("login_without_limit.rs"),
    },
    cost: Cost::Security(Area::Authentication, 20),
    fold: Fold::Cause,
    check: Check::Operation(check),
};

/// What is guessed.
const GUESSED: &[&[&str]] = &[
    &["password"],
    &["passwd"],
    &["pwd"],
    &["passcode"],
    &["otp"],
    &["totp"],
    &["pin"],
    &["one", "time", "code"],
    &["verification", "code"],
    &["mfa", "code"],
    &["reset", "code"],
    &["recovery", "code"],
];

/// Where it is guessed, beside logins.
const VERIFICATIONS: &[&[&str]] = &[
    &["verify"],
    &["verification"],
    &["confirm"],
    &["mfa"],
    &["2fa"],
    &["unlock"],
];

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    if !matches!(operation.method, "POST" | "PUT" | "PATCH") || is_limited(survey, operation) {
        return;
    }
    let Some(segment) = last_segment(operation) else { return };
    let lists = [LOGINS, VERIFICATIONS, REGISTRATIONS];
    // Whoever registers chooses a password; nothing is guessed there.
    let registers = says_any(
        segment,
        &[&["register"], &["registration"], &["registrations"], &["sign", "up"]],
    );
    if registers || !lists.iter().any(|list| says_any(segment, list)) {
        return;
    }
    if let Some(name) = guessed(survey, operation) {
        let message = format!(
            "`{}` takes `{name}` and knows no limit: no answer 429",
            operation.name()
        );
        found.operation(operation, operation.at, message);
    }
}

/// The member of the body that can be guessed.
fn guessed<'d>(survey: &Survey<'d>, operation: &Operation<'d>) -> Option<&'d str> {
    let contents = operation.body.iter().flat_map(|body| &body.contents);
    let members = contents
        .filter_map(|content| content.schema)
        .flat_map(|id| survey.value(id).properties());
    let mut names = members.map(|(name, _)| name);
    names.find(|name| ends_in(name, GUESSED))
}

fn is_limited(survey: &Survey<'_>, operation: &Operation<'_>) -> bool {
    let levels = [operation.place.node, operation.item.node, survey.root().node];
    let said = levels.iter().filter_map(|level| level.get("x-portcullis"));
    let has_setting = said.into_iter().any(|said| {
        said.get("rate_limits").is_some()
            || ["authentication", "login"]
                .iter()
                .any(|name| said.get(name).and_then(Node::as_bool) == Some(true))
    });
    let mut headers = operation.answers.iter().flat_map(|answer| &answer.headers);
    has_setting
        || operation.answers_with("429")
        || headers.any(|header| {
            let name = header.name.to_ascii_lowercase();
            name == "retry-after" || name.contains("ratelimit") || name.contains("rate-limit")
        })
}
