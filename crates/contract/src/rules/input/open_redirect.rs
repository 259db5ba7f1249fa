//! A caller says where a browser is sent
//!
//! An operation that redirects takes the place from a parameter, and nothing restricts it.
//!
//! # Why
//!
//! A link that begins with the name of a company people trust, and ends on the page of an attacker, is what phishing needs.
//! At the end of a login it is worse: codes and tokens that are put behind the address go to the attacker, too.
//!
//! # Incident
//!
//! In 2022 INKY reported phishing mails whose links began at American Express and Snapchat: both had a page that sent a
//! browser wherever a parameter said.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /logout:
//!     get:
//!       parameters:
//!         - {name: return_url, in: query, schema: {type: string, format: uri}} # <-
//!       responses:
//!         '302': {description: Elsewhere.}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /logout:
//!     get:
//!       parameters:
//!         - {name: return_url, in: query, schema: {type: string, pattern: '^/[a-z0-9][a-z0-9/]{0,100}$'}}
//!       responses:
//!         '302': {description: Elsewhere.}
//!   /payments:
//!     get:
//!       parameters:
//!         - {name: return_url, in: query, schema: {type: string, format: uri}}
//!       responses:
//!         '200': {description: Nobody is sent anywhere.}
//!   /authorize:
//!     get:
//!       parameters:
//!         - {name: client_id, in: query, schema: {type: string}}
//!         - {name: redirect_uri, in: query, schema: {type: string, format: uri}}
//!       responses:
//!         '302': {description: To what the client has registered.}
//! ```
//!
//! # Fix
//!
//! Take a path of your own instead of a URL, with a `pattern` that begins with one slash and a letter; or list the places with
//! `enum`.
//!
//! # At the gate
//!
//! `enum` and `pattern` are enforced before a request is forwarded. `Location` in answers is judged where it is declared as a
//! header with a schema.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::is_free_text;
use crate::rules::found::Found;
use crate::rules::survey::{Operation, Survey};
use crate::rules::words::plain;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "open-redirect",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[],
            owasp_2019: &[],
            cwe: &[601],
            asvs: &["3.7.2"],
            nist: &[],
        },
        text: include_str!("open_redirect.rs"),
    },
    cost: Cost::Security(Area::Exposure, 20),
    fold: Fold::Cause,
    check: Check::Operation(check),
};

/// Names of parameters that say where to, besides those that begin with `redirect` or `return`.
const NAMES: [&str; 13] = [
    "next",
    "nexturl",
    "goto",
    "continue",
    "continueurl",
    "destination",
    "desturl",
    "targeturl",
    "forwardurl",
    "backurl",
    "successurl",
    "logouturl",
    "postlogoutredirecturi",
];

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    let redirects = |status: &str| matches!(status, "301" | "302" | "303" | "307" | "308");
    // What a client of OAuth names is compared with what it has registered (RFC 9700 §4.1.3).
    let is_authorization = operation
        .parameters
        .iter()
        .any(|parameter| plain(parameter.name) == "clientid");
    if is_authorization || !operation.answers.iter().any(|answer| redirects(answer.status)) {
        return;
    }
    for parameter in operation
        .parameters
        .iter()
        .filter(|parameter| parameter.location == "query")
    {
        let is_free = parameter.schema.is_some_and(|id| is_free_text(&survey.value(id)));
        if is_free && says_where(parameter.name) {
            let message = format!("`{}` may send a browser anywhere", parameter.name);
            found.parameter(operation, parameter, parameter.at, message);
        }
    }
}

fn says_where(name: &str) -> bool {
    let plain = plain(name);
    let begins = ["redirect", "return"].iter().any(|word| {
        plain
            .strip_prefix(word)
            .is_some_and(|rest| matches!(rest, "" | "to" | "url" | "uri" | "path" | "location" | "tourl"))
    });
    begins || NAMES.contains(&&*plain)
}
