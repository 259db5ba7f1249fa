//! What the API sends is not signed
//!
//! The contract has callbacks or webhooks, and nothing in them shows who sent them: no security, no signature, no
//! secret.
//!
//! # Why
//!
//! Whoever takes a webhook has an address that is open to the internet and acts on what comes: it marks orders as
//! paid. Without a signature it takes the word of anybody who found the address.
//!
//! # Incident
//!
//! The nearest is CVE-2022-43411 of October 2022: the GitLab plugin of Jenkins compared the token of a webhook in a
//! way whose time tells how much of it is right. A secret that is checked badly is little better than none.
//!
//! # Bad
//!
//! ```yaml
//! paths: {}
//! webhooks:
//!   paid:
//!     post: # <-
//!       requestBody: {content: {application/json: {schema: {type: object, properties: {order: {type: string}}}}}}
//!       responses: {'204': {description: Taken.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths: {}
//! webhooks:
//!   paid:
//!     post:
//!       parameters:
//!         - {name: X-Signature, in: header, required: true, schema: {type: string}}
//!       requestBody: {content: {application/json: {schema: {type: object, properties: {order: {type: string}}}}}}
//!       responses: {'204': {description: Taken.}}
//!   sent:
//!     post:
//!       description: Signed as RFC 9421 says, with the key of your account.
//!       responses: {'204': {description: Taken.}}
//!   returned:
//!     post:
//!       security: [{token: []}]
//!       responses: {'204': {description: Taken.}}
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! ```
//!
//! # Fix
//!
//! Sign what you send (RFC 9421, or an HMAC with a secret of each receiver) with the time of sending, and declare
//! the header field.
//!
//! # At the gate
//!
//! Nothing: what the API sends does not pass the gate. Where the receiver has a gate, `signers` lets it verify
//! signatures of requests.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{description, says_signed};
use crate::document::Node;
use crate::rules::found::Found;
use crate::rules::survey::{Parameter, Survey};
use crate::rules::words::words;
use crate::rules::{Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "webhook-without-signature",
        category: "inventory",
        severity: Severity::Low,
        confidence: Confidence::Low,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[10],
            owasp_2019: &[],
            cwe: &[345, 306],
            asvs: &["4.1.5"],
            nist: &[],
        },
        text: include_str!("webhook_without_signature.rs"),
    },
    cost: Cost::Nothing,
    fold: Fold::Contract,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let about = survey
        .root()
        .node
        .get("info")
        .and_then(|info| info.get("description"))
        .and_then(Node::as_str);
    if about.is_some_and(says_signed) {
        return;
    }
    for callback in &survey.callbacks {
        let sent = &callback.operation;
        let asks = sent.security.as_ref().is_some_and(|said| !said.is_open());
        if !asks && !sent.parameters.iter().any(proves) && !says_signed(description(sent)) {
            let message = format!("nothing shows who sent `{}`", sent.path);
            found.contract(sent.at, message);
        }
    }
}

fn proves(parameter: &Parameter<'_>) -> bool {
    const WORDS: [&str; 7] = ["signature", "hmac", "token", "secret", "authorization", "digest", "sig"];
    words(parameter.name).iter().any(|word| WORDS.contains(&&**word))
}
