//! Passwords may be too short, or not long enough
//!
//! A password that users choose has no `minLength` of at least 8, or a `maxLength` under 64.
//!
//! # Why
//!
//! Short passwords are guessed, or computed from their stolen hashes within hours. An upper bound of some twenty
//! characters keeps out passphrases and what password managers make, and makes people think that passwords are kept as
//! they are. Without any upper bound a hash is computed over megabytes; that is the business of
//! `string-without-max-length`.
//!
//! # Incident
//!
//! In 2009 some 32 million passwords of RockYou were stolen, which had let users choose five characters. Imperva
//! counted: for about 30 per cent, six or fewer were enough, and the most common was `123456`.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /users:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 password: {type: string, maxLength: 128} # <-
//!       responses: {}
//!   /users/me/password:
//!     put:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 oldPassword: {type: string, maxLength: 128}
//!                 newPassword: # <-
//!                   type: string
//!                   minLength: 6
//!                   maxLength: 128
//!                 passwordConfirmation: # <-
//!                   type: string
//!                   minLength: 8
//!                   maxLength: 16
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /users:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 password:
//!                   allOf:
//!                     - {type: string, minLength: 12}
//!                     - {maxLength: 128}
//!                 smtpPassword: {type: string}
//!                 passwordHint: {type: string}
//!       responses: {}
//!   /login:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 password: {type: string, maxLength: 128}
//!       responses: {}
//!   /tokens:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {$ref: '#/components/schemas/Credentials'}
//!       responses: {}
//! components:
//!   schemas:
//!     Credentials:
//!       type: object
//!       properties:
//!         password: {type: string, maxLength: 128}
//! ```
//!
//! # Fix
//!
//! Write `minLength: 8` at least (15 is better) and a `maxLength` of 64 at least, such as 128.
//!
//! # At the gate
//!
//! The gate enforces `minLength` and `maxLength`, counted in characters, before the upstream sees the password.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{LOGINS, is_login};
use crate::rules::found::Found;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::survey::{UnitKind, Value};
use crate::rules::words::{says_any, words};
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "weak-password-bounds",
        category: "authentication",
        severity: Severity::Low,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[521],
            asvs: &["6.2.1", "6.2.9"],
            nist: &[],
        },
        text: include_str!("weak_password_bounds.rs"),
    },
    cost: Cost::Data(5),
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

/// Names of passwords that users choose for themselves; those for other services are none of theirs.
const CHOSEN: [&[&str]; 8] = [
    &["password"],
    &["new", "password"],
    &["user", "password"],
    &["account", "password"],
    &["password", "confirmation"],
    &["password", "confirm"],
    &["confirm", "password"],
    &["new", "password", "confirmation"],
];

const SHORTEST: f64 = 8.0;
const LONGEST: f64 = 64.0;

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.is(Type::String) || value.is_closed() || value.has(Keyword::Pattern) || value.name().is_empty() {
        return;
    }
    let words = words(value.name());
    if !CHOSEN.contains(&&*words.iter().map(String::as_str).collect::<Vec<_>>()) || is_of_login(value) {
        return;
    }
    let problem = match (value.largest(Keyword::MinLength), value.smallest(Keyword::MaxLength)) {
        (_, Some(longest)) if longest < LONGEST => format!("may have {longest} characters at most"),
        (Some(shortest), _) if shortest >= SHORTEST => return,
        (Some(shortest), _) => format!("may have {shortest} characters"),
        (None, _) => "has no `minLength`".to_owned(),
    };
    found.value(value, format!("the password {} {problem}", value.label()));
}

/// Whether it is presented and not chosen, as far as names tell.
fn is_of_login(value: &Value<'_, '_>) -> bool {
    const PRESENTED: &[&[&str]] = &[
        &["credential"],
        &["credentials"],
        &["auth"],
        &["authentication"],
        &["connection"],
    ];
    match &value.unit().kind {
        UnitKind::Named(label) => says_any(label, LOGINS) || says_any(label, PRESENTED),
        UnitKind::Body(operation) => value.survey.operations.get(*operation).is_none_or(|operation| {
            is_login(operation) || says_any(operation.path, LOGINS) || says_any(operation.path, PRESENTED)
        }),
        // A password in a URL has a rule of its own.
        _ => true,
    }
}
