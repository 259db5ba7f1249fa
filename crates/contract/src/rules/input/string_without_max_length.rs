//! A string has no longest length
//!
//! A caller may send a string of any length: nothing in the contract says where it ends.
//!
//! # Why
//!
//! Every program behind an API has a length at which a string hurts it: a database column that cuts or fails, a
//! regular expression that takes minutes, a buffer that grows until the process is ended, a password hash that is
//! computed over megabytes. A caller finds that length by trying. `maxLength` ends the search: it is checked before
//! anything else sees the value. A `pattern` does not do the same, unless it ends at a bounded number of characters.
//!
//! # Incident
//!
//! In 2013 the Django project fixed a denial of service (CVE-2013-1443): passwords had no longest length, so that one
//! request with a password of a megabyte kept a server hashing for about a minute.
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
//!                 text: # <-
//!                   type: string
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
//!                 text:
//!                   type: string
//!                   maxLength: 4000
//!                 day:
//!                   type: string
//!                   format: date
//!                 size:
//!                   type: string
//!                   enum: [small, large]
//!                 code:
//!                   allOf:
//!                     - type: string
//!                     - maxLength: 8
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Add `maxLength` with the longest value that the API can use, in characters.
//!
//! # At the gate
//!
//! The gate bounds the whole body (`body_bytes_max`), the URL and the headers, so that no value is larger than those;
//! it enforces `maxLength` before a request is forwarded.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::{Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "string-without-max-length",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::High,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[4],
            owasp_2019: &[4],
            cwe: &[770, 1284],
            asvs: &["2.2.1"],
            nist: &[],
        },
        text: include_str!("string_without_max_length.rs"),
    },
    cost: Cost::Data(40),
    fold: Fold::Cause,
    check: Check::Value(Travels::Either, check),
};

/// Formats whose values have a longest length of their own.
const BOUNDED: [&str; 9] = [
    "date",
    "date-time",
    "time",
    "uuid",
    "ipv4",
    "ipv6",
    "email",
    "hostname",
    "duration",
];

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    let is_open = value.is(Type::String) && !value.is_closed() && !value.has(Keyword::MaxLength);
    let format = value.text(Keyword::Format).unwrap_or_default();
    // Files have a rule of their own.
    if is_open && !value.has_branches() && !BOUNDED.contains(&format) && format != "binary" {
        found.value(value, format!("{} is a string without `maxLength`", value.label()));
    }
}
