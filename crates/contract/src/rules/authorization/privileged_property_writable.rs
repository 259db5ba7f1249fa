//! A caller may write its own privileges
//!
//! A request that carries somebody's account, or anything else, may set a role, a flag of an administrator, a
//! verification or a balance.
//!
//! # Why
//!
//! Whoever registers or changes a profile adds `"role": "admin"` to the body. The contract declares the property,
//! so nothing on the way refuses it; whether the service leaves it out for ordinary callers is one line of its
//! code. If it forgets, every user is an administrator.
//!
//! # Incident
//!
//! In September 2019 the registry Harbor was found to let anybody register as an administrator: the body of `POST
//! /api/users` had a property `has_admin_role`, and the service took it (CVE-2019-16097).
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /users:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {$ref: '#/components/schemas/User'}
//!       responses: {'201': {description: Made.}}
//! components:
//!   schemas:
//!     Role: {type: string, enum: [user, admin]}
//!     User:
//!       type: object
//!       properties:
//!         email: {type: string, format: email}
//!         role: {$ref: '#/components/schemas/Role'} # <-
//!         isAdmin: # <-
//!           type: boolean
//!         emailVerified: {type: boolean} # <-
//! ```
//!
//! # Good
//!
//! ```yaml
//! paths:
//!   /users:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {$ref: '#/components/schemas/User'}
//!       responses: {'201': {description: Made., content: {application/json: {schema: {$ref: '#/components/schemas/User'}}}}}
//!   /admin/users/{id}:
//!     put:
//!       parameters:
//!         - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {type: object, properties: {isAdmin: {type: boolean}}}
//!       responses: {'204': {description: Done.}}
//!   /films:
//!     post:
//!       requestBody:
//!         content:
//!           application/json:
//!             schema: {type: object, properties: {actor: {type: string}, role: {type: string}}}
//!       responses: {'201': {description: Made.}}
//! components:
//!   schemas:
//!     User:
//!       type: object
//!       properties:
//!         email: {type: string, format: email}
//!         role: {type: string, enum: [user, admin], readOnly: true}
//!         emailVerified: {allOf: [{type: boolean}], readOnly: true}
//! ```
//!
//! # Fix
//!
//! Take the property out of what ordinary callers send, or mark it `readOnly: true`. Give the change of privileges
//! an operation of its own that asks for more.
//!
//! # At the gate
//!
//! The gate refuses a property that is `readOnly` in a request, and by default one that the contract does not
//! declare. One that is declared and writable passes.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::{is_called, is_marked_admin, properties, sounds_like_admin};
use crate::rules::found::Found;
use crate::rules::survey::keyword::Keyword;
use crate::rules::survey::{UnitKind, Value};
use crate::rules::{Area, Check, ContractRule, Cost, Fold, Travels};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "privileged-property-writable",
        category: "authorization",
        severity: Severity::High,
        confidence: Confidence::Medium,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[3],
            owasp_2019: &[6],
            cwe: &[915, 269],
            asvs: &["8.2.3", "15.3.3"],
            nist: &["MS-SS-2"],
        },
        text: include_str!("privileged_property_writable.rs"),
    },
    cost: Cost::Security(Area::Authorization, 40),
    fold: Fold::Cause,
    check: Check::Value(Travels::InRequests, check),
};

/// Privileges, whatever object has them.
const ALWAYS: [&str; 12] = [
    "isadmin",
    "isadministrator",
    "issuperuser",
    "issuperadmin",
    "superuser",
    "superadmin",
    "hasadminrole",
    "isstaff",
    "isroot",
    "adminuser",
    "siteadmin",
    "issiteadmin",
];

/// What is a privilege of an account, and of another thing may be anything.
const OF_ACCOUNTS: [&str; 22] = [
    "role",
    "roles",
    "userrole",
    "userroles",
    "roleid",
    "roleids",
    "admin",
    "permission",
    "permissions",
    "privileges",
    "scopes",
    "authorities",
    "accesslevel",
    "verified",
    "isverified",
    "emailverified",
    "isemailverified",
    "kycstatus",
    "accountstatus",
    "isapproved",
    "balance",
    "credits",
];

const ACCOUNT: [&str; 15] = [
    "email",
    "emailaddress",
    "username",
    "userid",
    "login",
    "loginname",
    "password",
    "firstname",
    "lastname",
    "givenname",
    "familyname",
    "surname",
    "nickname",
    "dateofbirth",
    "birthdate",
];

fn check<'d>(value: &Value<'_, 'd>, found: &mut Found<'d>) {
    let is_sent = value.has(Keyword::Properties) && value.in_request() && value.parameter().is_none();
    if !is_sent || is_for_administrators(value) {
        return;
    }
    let properties = properties(value);
    let is_account = properties.iter().any(|property| is_called(property.name, &ACCOUNT));
    for property in properties.iter().filter(|property| !property.is_read_only) {
        let is_always = is_called(property.name, &ALWAYS);
        let is_privilege = is_always || is_account && is_called(property.name, &OF_ACCOUNTS);
        if is_privilege && !property.value.has(Keyword::Const) {
            let message = format!(
                "`{}` is a privilege, and whoever sends the request writes it",
                property.name
            );
            let spot = found.value_at(&property.owner(value), property.at, message);
            if !is_always {
                spot.confidence(Confidence::Low);
            }
        }
    }
}

/// Whether only administrators send it, as far as the operation that it stands in tells.
fn is_for_administrators(value: &Value<'_, '_>) -> bool {
    let UnitKind::Body(operation) = value.unit().kind else {
        return false;
    };
    let operation = value.survey.operations.get(operation);
    operation.is_some_and(|operation| sounds_like_admin(operation) || is_marked_admin(value.survey, operation))
}
