//! Sensitive data is answered, and nothing says that it is meant
//!
//! An answer holds, by its name, a government number, a card or an account, an illness or another special category of
//! personal data, and the contract does not classify it.
//!
//! # Why
//!
//! Data that is answered whole is copied into browsers, caches, logs and the databases of others. Most callers need to know
//! that there is a number, or its last four digits. Where it is needed, a word in the contract says that somebody decided so,
//! and logs know what to hide.
//!
//! # Incident
//!
//! The nearest is First American Financial in 2019: about 885 million records could be read by anybody who counted up a number
//! in a link, and they held social security numbers and bank accounts in full.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /people/{id}:
//!     get:
//!       responses:
//!         '200':
//!           description: A person.
//!           content:
//!             application/json:
//!               schema:
//!                 type: object
//!                 properties:
//!                   ssn: {type: string} # <-
//!                   card_number: {type: string} # <-
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /people/{id}:
//!     get:
//!       responses:
//!         '200':
//!           description: A person.
//!           content:
//!             application/json:
//!               schema:
//!                 type: object
//!                 properties:
//!                   name: {type: string}
//!                   ssn: {type: string, x-portcullis: {sensitivity: personal}}
//!                   card_number_last4: {type: string}
//!                   passport_verified: {type: boolean}
//!                   iban: {type: string, writeOnly: true}
//! ```
//!
//! # Fix
//!
//! Leave it out, or answer a masked form of it. Where it has to be answered, say so with `x-portcullis: {sensitivity: personal}`
//! at the schema.
//!
//! # At the gate
//!
//! Members that the schema does not declare are left out of answers. Bodies are not written to the audit log; card numbers,
//! IBANs and national numbers are masked in what is.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{bodies, inside, is_datum};
use crate::rules::found::Found;
use crate::rules::survey::{Role, Survey, Value};
use crate::rules::words::{DataClass, data_class, says, says_any};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};
use std::collections::HashSet;

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "sensitive-data-in-answer",
        category: "output",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[3],
            owasp_2019: &[3],
            cwe: &[201, 359],
            asvs: &["14.1.1", "14.2.6", "15.3.1"],
            nist: &[],
        },
        text: include_str!("sensitive_data_in_answer.rs"),
    },
    cost: Cost::Security(Area::Exposure, 10),
    fold: Fold::Cause,
    check: Check::Contract(check),
};

fn check<'d>(survey: &Survey<'d>, found: &mut Found<'d>) {
    let roots = survey
        .operations
        .iter()
        .flat_map(|operation| bodies(operation.answers.iter()));
    for value in inside(survey, roots, &mut HashSet::new()) {
        if value.schema.role != Role::Property || !is_datum(&value) || is_classified(&value) {
            continue;
        }
        let Some(class) = data_class(value.name()).filter(|_| !is_part(value.name())) else {
            continue;
        };
        // Customers have account numbers, too.
        let is_vague = says(value.name(), &["account", "number"]) && !says(value.name(), &["bank"]);
        let confidence = match class {
            DataClass::Payment if is_vague => Confidence::Low,
            DataClass::GovernmentId | DataClass::Payment => Confidence::Medium,
            DataClass::Health | DataClass::Special => Confidence::Low,
            DataClass::Credential | DataClass::Location | DataClass::Contact => continue,
        };
        let message = format!("{} is {}, and is answered", value.label(), class.name());
        let spot = found.value(&value, message);
        spot.confidence(confidence);
        if confidence == Confidence::Low {
            spot.severity(Severity::Low);
        }
    }
}

/// Whether the contract says how sensitive it is.
fn is_classified(value: &Value<'_, '_>) -> bool {
    let said = value.node().get("x-portcullis");
    said.is_some_and(|said| said.get("sensitivity").is_some())
}

/// Whether a name is of what is left of a number, or about it.
fn is_part(name: &str) -> bool {
    const PARTS: [&[&str]; 37] = [
        &["last", "4"],
        &["last4"],
        &["last", "four"],
        &["last", "digits"],
        &["masked"],
        &["truncated"],
        &["redacted"],
        &["brand"],
        &["country"],
        &["holder"],
        &["id"],
        &["token"],
        &["fee"],
        &["format"],
        // The number of a bank is no secret; what was checked, paid or withheld is another number.
        &["routing"],
        &["sort", "code"],
        &["check"],
        &["result"],
        &["exists"],
        &["registrar"],
        &["encrypted"],
        &["wages"],
        &["tips"],
        &["withheld"],
        &["deduction"],
        &["accounting"],
        &["gl"],
        &["suffix"],
        &["mask"],
        &["expiration"],
        &["month"],
        &["year"],
        &["state"],
        &["city"],
        &["postal"],
        &["address1"],
        &["address2"],
    ];
    says_any(name, &PARTS) && !says_any(name, &[&["national", "id"], &["tax", "id"], &["patient", "id"]])
}
