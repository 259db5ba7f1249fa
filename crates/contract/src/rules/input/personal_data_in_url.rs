//! Personal data stands in the URL
//!
//! A parameter in the path or the query is, by its name, data about a person: a government number, a card or an account, an
//! illness, a mail address.
//!
//! # Why
//!
//! URLs are written down everywhere: in the logs of every server and proxy on the way, in the history of browsers, in
//! referrers, in tools that measure. Whoever reads one of these reads the data, years later and without any right to it. It
//! also invites a caller to change the number and look at somebody else's.
//!
//! # Incident
//!
//! In 2011 attackers logged in at Citigroup, changed the account number in the address bar, and did so with a program until
//! they had the data of about 360,000 customers.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /people/{ssn}:
//!     get:
//!       parameters:
//!         - {name: ssn, in: path, required: true, schema: {type: string}} # <-
//!         - {name: email, in: query, schema: {type: string, format: email}} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /people/{personId}:
//!     get:
//!       parameters:
//!         - {name: personId, in: path, required: true, schema: {type: string, format: uuid}}
//!         - {name: email_verified, in: query, schema: {type: boolean}}
//!         - {name: include_passport, in: query, schema: {type: boolean}}
//!         - {name: X-Passport-Number, in: header, schema: {type: string}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Name people by an identifier that means nothing elsewhere. Search for them with a `POST` whose body holds what is looked
//! for.
//!
//! # At the gate
//!
//! The audit log masks or hashes parameters with `x-portcullis: {sensitivity: personal}`, and recognises mail addresses,
//! card numbers, IBANs and national numbers by their form. The logs of others do not.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use crate::rules::found::Found;
use crate::rules::survey::{Operation, Parameter, Survey};
use crate::rules::words::{DataClass, data_class, words};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "personal-data-in-url",
        category: "input",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[8],
            owasp_2019: &[7],
            cwe: &[598, 359],
            asvs: &["14.2.1"],
            nist: &[],
        },
        text: include_str!("personal_data_in_url.rs"),
    },
    cost: Cost::Security(Area::Exposure, 30),
    fold: Fold::Cause,
    check: Check::Parameter(check),
};

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, parameter: &Parameter<'d>, found: &mut Found<'d>) {
    if !matches!(parameter.location, "path" | "query") {
        return;
    }
    let says_whether = parameter.schema.is_some_and(|id| survey.value(id).is_closed());
    // `phone_id` is no telephone number, and `email__startswith` is another way to ask for `email`.
    let names = words(parameter.name);
    let is_id = names.last().is_some_and(|last| last == "id");
    let asks_whether = names
        .first()
        .is_some_and(|first| matches!(&**first, "include" | "exclude" | "with" | "has" | "is"));
    if asks_whether || parameter.name.contains("__") {
        return;
    }
    let Some(class) = data_class(parameter.name).filter(|_| !says_whether) else {
        return;
    };
    let severity = match class {
        DataClass::Contact | DataClass::Payment if is_id => return,
        DataClass::GovernmentId | DataClass::Payment | DataClass::Health | DataClass::Special => Severity::Medium,
        DataClass::Contact => Severity::Low,
        // Credentials have rules of their own; places are asked for by maps.
        DataClass::Credential | DataClass::Location => return,
    };
    let message = format!("`{}` puts {} into the URL", parameter.name, class.name());
    let spot = found.parameter(operation, parameter, parameter.at, message);
    let is_sure = class != DataClass::Special && class != DataClass::Health;
    let confidence = if is_sure { Confidence::Medium } else { Confidence::Low };
    spot.severity(severity).confidence(confidence);
}
