//! What the server makes may be written by callers
//!
//! The same schema is sent and answered, and properties that the server makes, such as `createdAt`, are not
//! `readOnly` in it.
//!
//! # Why
//!
//! A schema that stands for a row of the database is often bound to it member by member. Whoever sends `createdAt`,
//! `createdBy` or `id` then writes history: an order that was placed before the prices changed, a message in
//! somebody else's name. And it shows an attacker that members are taken as they come, so that those which are not
//! declared are worth trying too.
//!
//! # Incident
//!
//! In March 2012 Egor Homakov showed GitHub that its forms took any member of a record: he gave his own public key
//! to a user of the Rails project and wrote to its repository.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {$ref: '#/components/schemas/Order'}
//!       responses:
//!         '201':
//!           description: Made.
//!           content:
//!             application/json:
//!               schema: {$ref: '#/components/schemas/Order'}
//! components:
//!   schemas:
//!     Order:
//!       allOf:
//!         - {$ref: '#/components/schemas/Kept'}
//!         - type: object
//!           properties:
//!             text: {type: string}
//!             created_by: {type: string} # <-
//!     Kept:
//!       type: object
//!       properties:
//!         id: {type: string, format: uuid} # <-
//!         createdAt: {type: string, format: date-time} # <-
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /orders:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {$ref: '#/components/schemas/Order'}
//!       responses:
//!         '201':
//!           description: Made.
//!           content:
//!             application/json:
//!               schema: {$ref: '#/components/schemas/Order'}
//!   /pets:
//!     put:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {$ref: '#/components/schemas/Pet'}
//!       responses: {'200': {description: A pet., content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}}
//!   /events:
//!     get:
//!       responses: {'200': {description: Events., content: {application/json: {schema: {$ref: '#/components/schemas/Event'}}}}}
//! components:
//!   schemas:
//!     Order:
//!       type: object
//!       properties:
//!         id: {type: string, format: uuid, readOnly: true}
//!         text: {type: string}
//!         createdAt: {type: string, format: date-time, readOnly: true}
//!     Pet: {type: object, properties: {id: {type: integer}, name: {type: string}}}
//!     Event: {type: object, properties: {id: {type: integer}, createdAt: {type: string, format: date-time}}}
//! ```
//!
//! # Fix
//!
//! Mark what the server makes as `readOnly: true`, or have a schema for what is sent and another for what is
//! answered.
//!
//! # At the gate
//!
//! The gate refuses a request with a property that is `readOnly`, and by default with one that is not declared.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{is_called, properties};
use crate::rules::found::Found;
use crate::rules::survey::Value;
use crate::rules::survey::keyword::Keyword;
use crate::rules::{Area, Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "mass-assignment",
        category: "authorization",
        severity: Severity::Medium,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[3],
            owasp_2019: &[6],
            cwe: &[915],
            asvs: &["8.2.3", "15.3.3"],
            nist: &[],
        },
        text: include_str!("mass_assignment.rs"),
    },
    cost: Cost::Security(Area::Authorization, 15),
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

const MADE: [&str; 25] = [
    "createdat",
    "createdon",
    "createdby",
    "createddate",
    "createdtime",
    "creationdate",
    "creationtime",
    "datecreated",
    "timecreated",
    "createtime",
    "updatedat",
    "updatedon",
    "updatedby",
    "updateddate",
    "dateupdated",
    "updatetime",
    "modifiedat",
    "modifiedon",
    "modifiedby",
    "lastmodified",
    "lastmodifiedby",
    "lastupdated",
    "lastmodifieddate",
    "deletedat",
    "deletedby",
];

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    if !value.has(Keyword::Properties) || !value.in_request() || !value.in_response() {
        return;
    }
    let mut made = properties(value);
    made.retain(|property| !property.is_read_only && !property.value.has(Keyword::Const));
    if !made.iter().any(|property| is_called(property.name, &MADE)) {
        return;
    }
    for property in made {
        if property.name == "id" || property.name == "_id" || is_called(property.name, &MADE) {
            let message = format!("`{}` is made by the server, and callers may write it", property.name);
            found.value_at(&property.owner(value), property.at, message);
        }
    }
}
