//! An answer shows something internal
//!
//! An answer holds a member that, by its name, is the service's own business: a salt, notes for the staff, debugging output,
//! the address that somebody last logged in from.
//!
//! # Why
//!
//! Objects are answered as they are kept, because it is the least work. Each member that no client needs is something that
//! an attacker learns: where a user was, what the staff thinks of him, how the database is laid out.
//!
//! # Incident
//!
//! In 2014 Include Security published that Tinder's API answered the distance to other users as a number with many digits.
//! No screen showed it, and three of them were enough to find out where somebody was to within thirty metres.
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
//!                   salt: {type: string} # <-
//!                   internalNotes: {type: string} # <-
//!                   last_login_ip: {type: string, format: ipv4} # <-
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
//!                   notes: {type: string}
//!                   salt: {type: string, writeOnly: true}
//!                   debug: {type: boolean}
//!                   ip: {type: string, format: ipv4}
//! ```
//!
//! # Fix
//!
//! Describe answers with a schema of their own that has only what clients use, and make the service fill that.
//!
//! # At the gate
//!
//! Members that the schema of an answer does not declare are left out of it.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{bodies, inside, successes};
use crate::rules::found::Found;
use crate::rules::survey::{Role, Survey};
use crate::rules::words::plain;
use crate::rules::{Check, ContractRule, Cost, Fold};
use std::collections::HashSet;

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "internal-property-in-answer",
        category: "output",
        severity: Severity::Low,
        confidence: Confidence::Low,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[3],
            owasp_2019: &[3],
            cwe: &[201, 213],
            asvs: &["15.3.1"],
            nist: &[],
        },
        text: include_str!("internal_property_in_answer.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Contract(check),
};

/// Names of what is nobody else's business, at most 20 long.
const NAMES: [&str; 21] = [
    "salt",
    "passwordsalt",
    "internalnote",
    "internalnotes",
    "internalcomment",
    "internalcomments",
    "internalremarks",
    "staffnotes",
    "adminnotes",
    "debug",
    "debuginfo",
    "debugdata",
    "lastloginip",
    "loginip",
    "lastip",
    "signupip",
    "registrationip",
    "createdip",
    "clientip",
    "remoteip",
    "fraudscore",
];

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let roots = survey
        .operations
        .iter()
        .flat_map(|operation| bodies(successes(operation)));
    for value in inside(survey, roots, &mut HashSet::new()) {
        let name = value.name();
        let is_shown = value.schema.role == Role::Property && !value.is_closed();
        if is_shown && name.len() <= 20 && NAMES.contains(&&*plain(name)) {
            found.value(&value, format!("`{name}` looks internal, and is answered"));
        }
    }
}
