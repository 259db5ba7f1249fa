//! The contract holds a secret
//!
//! A text of the contract has the form of a secret: a key or token of a known issuer, a private key, a password in
//! a URL. It may stand in an example, a default, a description or an extension.
//!
//! # Why
//!
//! A contract is made to be given away: to partners, to portals, to repositories, to generators of clients. A
//! secret in it is one that everybody has. Examples are often copied from a real request. Who finds it needs no
//! weakness any more; programs that search for these forms run all the time.
//!
//! # Incident
//!
//! In 2022 Toyota told that an access key had stood in source code that was public on GitHub for nearly five years.
//! E-mail addresses of about 296,000 customers could be read with it.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /stores:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 url:
//!                   type: string
//!                   maxLength: 200
//!                   example: postgres://shop:9hTz3qLw7Rk2@db.internal:5432/orders # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /stores:
//!     post:
//!       description: Use `https://USER:PASSWORD@host/`, or a key such as `AKIAIOSFODNN7EXAMPLE`.
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 url: {type: string, maxLength: 200, example: 'postgres://shop:<password>@db.internal/orders'}
//!                 other: {type: string, maxLength: 200, example: 'postgres://shop:9hTz3qLw7Rk2@db.example.com/orders'}
//!                 token: {type: string, maxLength: 200, example: ghp_16C7e42F292c6912E7710c838347Ae178B4a}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Revoke the secret first: it has been read. Then put in its place what nobody can take for real, such as
//! `<token>` or a host below `example.com`, and keep real ones out of the files that contracts are made from.
//!
//! # At the gate
//!
//! The gate sends contracts to nobody, and cannot take back what others have. In traffic it masks the same forms in
//! what it writes to the audit log.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::form::{self, Certainty};
use super::texts;
use crate::rules::found::Found;
use crate::rules::survey::{At, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "secret-in-contract",
        category: "disclosure",
        severity: Severity::High,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[798, 540, 200],
            asvs: &["13.3.1"],
            nist: &[],
        },
        text: include_str!("secret_in_contract.rs"),
    },
    cost: Cost::Security(Area::Exposure, 100),
    fold: Fold::Cause,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    for root in survey.document.files() {
        texts(root, "", &mut |_, node, text| {
            let Some(secret) = form::find(text) else { return };
            let confidence = match secret.certainty {
                Certainty::Trace => return,
                Certainty::Form => Confidence::Medium,
                Certainty::Checked => Confidence::High,
            };
            let message = format!("what begins with `{}` here looks like {}", secret.begins, secret.what);
            found.contract(At::value(node), message).confidence(confidence);
        });
    }
}
