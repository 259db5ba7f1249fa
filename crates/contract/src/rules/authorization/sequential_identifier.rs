//! An object is named by a number that can be counted
//!
//! The identifier of an object is an integer, and the object is not for everybody.
//!
//! # Why
//!
//! Whoever holds number 1041 knows 1040 and 1042. Where one check of ownership is missing, a loop fetches
//! everything, and even where none is, the numbers tell how many customers there are and how many came this week.
//! An identifier that cannot be guessed does not replace the check; it turns a disaster into a mistake.
//!
//! # Incident
//!
//! In May 2019 the title insurer First American closed a site on which about 885 million documents could be read by
//! changing a number in the address.
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
//!     get:
//!       parameters:
//!         - name: invoiceId
//!           in: path
//!           required: true
//!           schema: # <-
//!             type: integer
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
//!       parameters:
//!         - {name: invoiceId, in: path, required: true, schema: {type: string, format: uuid}}
//!         - {name: page, in: query, schema: {type: integer}}
//!       responses: {'200': {description: An invoice.}}
//!   /accounts/{accountId}:
//!     get:
//!       x-portcullis: {resources: [{type: Account, path: accountId}]}
//!       parameters:
//!         - {name: accountId, in: path, required: true, schema: {type: integer}}
//!       responses: {'200': {description: An account.}}
//!   /stations/{stationId}:
//!     get:
//!       security: []
//!       parameters:
//!         - {name: stationId, in: path, required: true, schema: {type: integer}}
//!       responses: {'200': {description: A station for everybody.}}
//! ```
//!
//! # Fix
//!
//! Give objects random identifiers, such as UUIDs of version 4, and show those to callers. The numbers may stay
//! inside.
//!
//! # At the gate
//!
//! The gate judges the number by its schema. With `resources` in the contract it decides for each object who may
//! name it, and rate limits slow down whoever counts.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::names_resources;
use crate::rules::found::Found;
use crate::rules::survey::keyword::Type;
use crate::rules::survey::{Operation, Parameter, Survey};
use crate::rules::words::words;
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "sequential-identifier",
        category: "authorization",
        severity: Severity::Low,
        confidence: Confidence::Low,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[1],
            owasp_2019: &[1],
            cwe: &[340, 639],
            asvs: &[],
            nist: &[],
        },
        text: include_str!("sequential_identifier.rs"),
    },
    cost: Cost::Security(Area::Authorization, 5),
    fold: Fold::Contract,
    check: Check::Parameter(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, parameter: &Parameter<'d>, found: &mut Found<'d>) {
    let Some(value) = parameter.schema.map(|id| survey.value(id)) else {
        return;
    };
    if parameter.location != "path" || !value.is(Type::Integer) || value.is_closed() {
        return;
    }
    let is_id = words(parameter.name).last().is_some_and(|word| word == "id");
    if is_id && !survey.lets_anybody_in(operation) && !names_resources(survey, operation) {
        let message = format!("`{}` is an integer, so that others can be counted", parameter.name);
        found.parameter(operation, parameter, value.schema.at, message);
    }
}
