//! Callers name an object, and nothing says whose it is
//!
//! An operation takes the identifier of an object from its path and asks for a credential; and neither a scope, nor
//! a parent object, nor an answer 403, nor anything else tells that not everybody with a credential may have that
//! object.
//!
//! # Why
//!
//! Broken object level authorization has been the first of OWASP's API risks since there is a list: a caller puts
//! somebody else's number in the place of his own and is served. Each service has to look whose the object is, at
//! every operation, and no test of the contract sees where one does not. So the contract should say what has to
//! hold.
//!
//! # Incident
//!
//! In November 2018 the US Postal Service closed an API in which any user who was logged in could ask for the
//! account of any other: some 60 million of them.
//!
//! # Bad
//!
//! ```yaml
//! security:
//!   - token: []
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! paths:
//!   /invoices/{invoiceId}:
//!     get: # <-
//!       parameters:
//!         - {name: invoiceId, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'200': {description: An invoice.}}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security:
//!   - token: []
//! components:
//!   securitySchemes:
//!     token: {type: http, scheme: bearer}
//! paths:
//!   /invoices/{invoiceId}:
//!     get:
//!       x-portcullis: {resources: [{type: Invoice, path: invoiceId}]}
//!       parameters:
//!         - {name: invoiceId, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'200': {description: An invoice.}}
//!   /receipts/{receiptId}:
//!     get:
//!       parameters:
//!         - {name: receiptId, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'200': {description: A receipt.}, '403': {description: It is somebody else's.}}
//!   /me/cards/{card}:
//!     get:
//!       parameters:
//!         - {name: card, in: path, required: true, schema: {type: string, format: uuid}}
//!       responses: {'200': {description: A card of whoever calls.}}
//!   /currencies/{code}:
//!     get:
//!       parameters:
//!         - {name: code, in: path, required: true, schema: {type: string, enum: [CHF, EUR]}}
//!       responses: {'200': {description: A currency.}}
//! ```
//!
//! # Fix
//!
//! Look at every such operation whose object it is, and answer 403 or 404 to others. Say it in the contract:
//! declare that answer, or name the object with `x-portcullis: {resources: [{type: Invoice, path: invoiceId}]}`.
//!
//! # At the gate
//!
//! With `resources` in the contract the gate decides for each object that a request names, by policies and
//! relations; relations it can learn from answers, so that whoever made an object owns it.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{is_marked_admin, names_resources, scopes, sounds_like_admin};
use crate::rules::found::Found;
use crate::rules::survey::{Operation, Parameter, Survey};
use crate::rules::words::words;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "object-without-owner",
        category: "authorization",
        severity: Severity::Medium,
        confidence: Confidence::Low,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[1],
            owasp_2019: &[1],
            cwe: &[639],
            asvs: &["8.2.2"],
            nist: &["MS-SS-2"],
        },
        text: include_str!("object_without_owner.rs"),
    },
    cost: Cost::Security(Area::Authorization, 15),
    fold: Fold::Contract,
    check: Check::Operation(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, found: &mut Found<'d>) {
    let own = ["me", "self", "my", "mine", "current"];
    let says_whose = operation.words().any(|word| own.contains(&&*word))
        || operation.answers.iter().any(|answer| answer.status == "403")
        || names_resources(survey, operation)
        || is_marked_admin(survey, operation)
        || sounds_like_admin(operation);
    if says_whose || operation.path.matches('{').count() != 1 || survey.lets_anybody_in(operation) {
        return;
    }
    let object = operation.parameters.iter().find(|one| one.location == "path");
    if let Some(object) = object.filter(|one| is_identifier(survey, one))
        && scopes(survey, operation).next().is_none()
    {
        let message = format!("nothing says which callers may name which `{}`", object.name);
        found.operation(operation, operation.at, message);
    }
}

fn is_identifier(survey: &Survey<'_>, parameter: &Parameter<'_>) -> bool {
    let value = parameter.schema.map(|id| survey.value(id));
    let words = words(parameter.name);
    let last = words.last().map(String::as_str).unwrap_or_default();
    matches!(last, "id" | "uuid" | "guid") && value.is_some_and(|value| !value.is_closed())
}
