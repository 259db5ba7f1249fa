//! The request says who its caller is
//!
//! A body or a parameter has a value whose name says that it is the caller: who asks, in whose name, for which
//! tenant.
//!
//! # Why
//!
//! Who calls is known from the credential. Where the request says it as well, sooner or later some code believes
//! the request: a caller writes another name into it, and acts, is logged and is billed as somebody else. Names
//! such as `requestedBy` are told apart here from those of other people that a request is about.
//!
//! # Incident
//!
//! The nearest is Coinbase's of February 2022: an operation to trade did not check the account that the request
//! named as its source, so that a user could sell what he did not have. The researcher was paid 250,000 dollars.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /payments:
//!     post:
//!       parameters:
//!         - name: X-Tenant-Id
//!           in: header
//!           schema: # <-
//!             type: string
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 amount: {type: integer}
//!                 requestedBy: # <-
//!                   type: string
//!                 onBehalfOf: {$ref: '#/components/schemas/UserId'} # <-
//!       responses: {'201': {description: Made.}}
//! components:
//!   schemas:
//!     UserId: {type: string, format: uuid}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /payments:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema:
//!               type: object
//!               properties:
//!                 amount: {type: integer}
//!                 recipientId: {type: string, format: uuid}
//!                 requestedBy: {type: string, readOnly: true}
//!       responses: {'201': {description: Made.}}
//! ```
//!
//! # Fix
//!
//! Take it out of the request and read it from the credential. Where somebody may act for others, such as support,
//! give that an operation and a scope of its own.
//!
//! # At the gate
//!
//! The gate tells the upstream who calls (`upstream_identity`), from the credential that it verified. A policy can
//! hold a value of the request (`context` in `x-portcullis`) against the caller.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{is_called, properties};
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::{Keyword, Type};
use crate::rules::{Area, Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "identity-from-caller",
        category: "authorization",
        severity: Severity::Medium,
        confidence: Confidence::Low,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[1],
            owasp_2019: &[1],
            cwe: &[639, 290],
            asvs: &["8.2.2", "8.3.1"],
            nist: &["MS-SS-2"],
        },
        text: include_str!("identity_from_caller.rs"),
    },
    cost: Cost::Security(Area::Authorization, 15),
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

const CALLER: [&str; 27] = [
    "caller",
    "callerid",
    "callinguser",
    "callinguserid",
    "requester",
    "requesterid",
    "requestedby",
    "requestorid",
    "requestinguser",
    "requestinguserid",
    "actinguser",
    "actinguserid",
    "actorid",
    "performedby",
    "submittedby",
    "onbehalfof",
    "onbehalfofuser",
    "onbehalfofuserid",
    "runas",
    "runasuser",
    "impersonate",
    "impersonateuser",
    "impersonateduser",
    "impersonateduserid",
    "currentuser",
    "currentuserid",
    "loggedinuserid",
];

const TENANT: [&str; 8] = [
    "xtenant",
    "xtenantid",
    "xaccountid",
    "xcustomerid",
    "xorgid",
    "xorganizationid",
    "xorganisationid",
    "xcompanyid",
];

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.in_request() {
        return;
    }
    if let Some((location, name)) = value.parameter().filter(|_| value.is_root()) {
        let says = is_called(name, &CALLER) || location == "header" && is_called(name, &TENANT);
        if says && location != "path" {
            found.value(value, message(name));
        }
    } else if value.has(Keyword::Properties) {
        for property in properties(value) {
            let is_plain = property.value.is(Type::String) || property.value.is(Type::Integer);
            if is_plain && !property.is_read_only && is_called(property.name, &CALLER) {
                found.value_at(&property.owner(value), property.at, message(property.name));
            }
        }
    }
}

fn message(name: &str) -> String {
    format!("`{name}` lets the request say who its caller is")
}
