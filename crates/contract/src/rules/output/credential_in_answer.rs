//! A credential is answered
//!
//! An answer holds, by its name, a password, a secret, a key or a token, and the operation is not one that gives out
//! credentials.
//!
//! # Why
//!
//! A credential that can be read can be stolen: by whoever may read the record, by logs and caches on the way, by a script
//! in the page. A list of users with their password hashes is a list of passwords after a weekend. What a service holds to
//! let others in, or to get in elsewhere, never needs to leave it again.
//!
//! # Incident
//!
//! In March 2023 MinIO mended CVE-2023-28432: an operation made for checking a cluster answered the settings of the
//! process, the root password and the secret key among them, to anybody. A month later the authority CISA listed it
//! among the weaknesses that attackers use.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /users/{id}:
//!     get:
//!       responses:
//!         '200':
//!           description: A user.
//!           content:
//!             application/json:
//!               schema:
//!                 type: object
//!                 properties:
//!                   name: {type: string}
//!                   passwordHash: {type: string} # <-
//!                   apiKey: {type: [string, 'null']} # <-
//!   /login:
//!     post:
//!       responses:
//!         '200':
//!           description: Who you are.
//!           content:
//!             application/json:
//!               schema: {type: object, properties: {password: {type: string}}} # <-
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /users/{id}:
//!     get:
//!       responses:
//!         '200':
//!           description: A user.
//!           content:
//!             application/json:
//!               schema:
//!                 type: object
//!                 properties:
//!                   password: {type: string, writeOnly: true}
//!                   password_expires_at: {type: string}
//!                   apiKeyId: {type: string}
//!                   has_password: {type: boolean}
//!                   next_page_token: {type: string}
//!   /tokens:
//!     post:
//!       responses:
//!         '201':
//!           description: A token.
//!           content:
//!             application/json:
//!               schema: {type: object, properties: {access_token: {type: string}}}
//! ```
//!
//! # Fix
//!
//! Leave it out of the answer: a schema of its own for answers, or `writeOnly: true`. Show that there is one, when it was made,
//! and its last four characters.
//!
//! # At the gate
//!
//! A member that the schema of an answer does not declare is left out, and one that is `writeOnly` is refused or left out.
//! JWTs with sensitive claims do not pass in answers (`contract.response.jwt`).

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{bodies, inside, is_datum, issues_credentials};
use crate::rules::found::Found;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::survey::{Role, Survey, Value};
use crate::rules::words::{DataClass, data_class, says, says_any};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};
use std::collections::HashSet;

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "credential-in-answer",
        category: "output",
        severity: Severity::High,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[3],
            owasp_2019: &[3],
            cwe: &[201, 522],
            asvs: &["14.2.6", "15.3.1"],
            nist: &[],
        },
        text: include_str!("credential_in_answer.rs"),
    },
    cost: Cost::Security(Area::Exposure, 50),
    fold: Fold::Cause,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let (issuing, others): (Vec<_>, Vec<_>) = survey.operations.iter().partition(|one| issues_credentials(one));
    let mut seen = HashSet::new();
    let roots = others
        .into_iter()
        .flat_map(|operation| bodies(operation.answers.iter()));
    for value in inside(survey, roots, &mut seen) {
        if is_credential(&value) {
            let spot = found.value(&value, format!("{} is a credential, and is answered", value.label()));
            // What is called so is as often the name of a session as the key to it.
            if says(value.name(), &["session", "id"]) {
                spot.severity(Severity::Medium).confidence(Confidence::Low);
            } else {
                spot.confidence(Confidence::Medium);
            }
        }
    }
    // What is given out on purpose is no finding, but nobody is given a password.
    let roots = issuing
        .into_iter()
        .flat_map(|operation| bodies(operation.answers.iter()));
    for value in inside(survey, roots, &mut seen) {
        if is_credential(&value) && says_any(value.name(), &[&["password"], &["passwd"], &["pwd"]]) {
            let spot = found.value(&value, format!("{} is answered", value.label()));
            spot.severity(Severity::Medium);
        }
    }
}

fn is_credential(value: &Value<'_, '_>) -> bool {
    // What names a credential, or hides it, lets nobody in.
    const ABOUT: [&[&str]; 22] = [
        &["masked"],
        &["last4"],
        &["redacted"],
        &["scanning"],
        &["include"],
        &["require"],
        &["requires"],
        &["rule"],
        &["rules"],
        &["strength"],
        &["namespace"],
        &["file"],
        &["min"],
        &["max"],
        &["link"],
        &["reset"],
        &["id"],
        &["arn"],
        &["prefix"],
        &["version"],
        &["has"],
        &["is"],
    ];
    let is_text = value.schema.role == Role::Property && value.is(Type::String) && is_datum(value);
    let format = value.text(Keyword::Format).unwrap_or_default();
    is_text
        && !matches!(format, "uri" | "url" | "date" | "date-time")
        && data_class(value.name()) == Some(DataClass::Credential)
        && (!says_any(value.name(), &ABOUT) || says_any(value.name(), &[&["session", "id"], &["id", "token"]]))
}
