//! An example looks like a real credential
//!
//! A text looks taken from a real system: a signed token, the id of an access key, or a value drawn by lot under
//! the name of a password, a secret or a key. Whether it ever let somebody in, the contract cannot say.
//!
//! # Why
//!
//! Examples are copied from what worked. A token that has ended by now still tells names, issuers and identifiers;
//! one without an end still works. The id of a key says whose account it is and is half of a pair, and the other
//! half may be in the next example.
//!
//! # Incident
//!
//! The nearest is of 2016: keys that developers of Uber had put into a repository let strangers into its storage,
//! where data of 57 million people lay.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /sessions:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 client_secret:
//!                   type: string
//!                   maxLength: 64
//!                   example: 9fK2mQ7xLw4Rt8Zb3Hn6Vc1Yd5Jg0Ps2 # <-
//!                 key:
//!                   type: string
//!                   maxLength: 64
//!                   example: AKIAIP77Y7MMX3ITZMFB # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /sessions:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 client_secret: {type: string, maxLength: 64, example: your-client-secret-0000-0000-0000}
//!                 secret: {type: string, maxLength: 64, description: 'What 9fK2mQ7xLw4Rt8Zb3Hn6Vc1Yd5Jg0Ps2 is made of.'}
//!                 password: {type: string, maxLength: 64, example: correct horse battery staple 7}
//!                 id: {type: string, maxLength: 64, example: 9fK2mQ7xLw4Rt8Zb3Hn6Vc1Yd5Jg0Ps2}
//!                 next_token: {type: string, maxLength: 64, example: 9fK2mQ7xLw4Rt8Zb3Hn6Vc1Yd5Jg0Ps2}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Find out whether it was ever real; if so, revoke it. Write examples that cannot be: `<secret>`, or a token whose
//! payload says that it is an example.
//!
//! # At the gate
//!
//! The gate does not look at examples.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::form::{self, Certainty};
use super::noise::{is_drawn, is_placeholder};
use super::texts;
use crate::rules::found::Found;
use crate::rules::survey::{At, Survey};
use crate::rules::words::words;
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "credential-like-example",
        category: "disclosure",
        severity: Severity::Low,
        confidence: Confidence::Low,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[798, 540],
            asvs: &["13.3.1"],
            nist: &[],
        },
        text: include_str!("credential_like_example.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Cause,
    check: Check::Contract(check),
};

/// Names of what lets its holder in.
const NAMES: [&[&str]; 9] = [
    &["password"],
    &["secret"],
    &["client", "secret"],
    &["api", "key"],
    &["api", "secret"],
    &["private", "key"],
    &["access", "key"],
    &["auth", "token"],
    &["access", "token"],
];
/// Shorter ones are words as often as not.
const BYTES_MIN: usize = 20;
const BYTES_MAX: usize = 200;

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for root in survey.document.files() {
        texts(root, "", &mut |under, node, text| {
            let message = match form::find(text) {
                Some(secret) if secret.certainty == Certainty::Trace => format!("this holds {}", secret.what),
                // Another rule tells of these.
                Some(_) => return,
                None if is_credential(under, text) => format!("the value of `{under}` looks drawn by lot"),
                None => return,
            };
            found.contract(At::value(node), message);
        });
    }
}

/// Whether a value looks drawn by lot and stands under the name of a credential.
fn is_credential(under: &str, text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_' | b'.');
    (BYTES_MIN..=BYTES_MAX).contains(&text.len())
        && text.bytes().all(is_plain)
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && text
            .bytes()
            .filter(|byte| matches!(byte, b'-' | b'_' | b'.' | b'/'))
            .count()
            < 3
        && ends_with_any(under)
        && is_drawn(text)
        && !is_placeholder(text)
}

/// Whether a name ends with one of these: `api_key`, not `api_key_id`.
fn ends_with_any(name: &str) -> bool {
    let words = words(name);
    NAMES.iter().any(|phrase| {
        let joined = phrase.concat();
        words.ends_with(&phrase.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
            || words.last() == Some(&joined)
    })
}
