//! A credential stands in the URL
//!
//! A path or query parameter holds a credential by its name: a password, a token, a key.
//!
//! # Why
//!
//! URLs are written down everywhere: in the logs of proxies and servers, in histories of browsers, in `Referer` fields,
//! in tickets and chats, and by services that look at links. Whoever reads one of them has the credential.
//!
//! # Incident
//!
//! In 2022 Positive Security searched what the service urlscan.io publishes of the links that security tools and others
//! send it. There were links for setting passwords anew, for shared documents and for signing contracts, and URLs with
//! API keys: whoever read the list had them.
//!
//! # Bad
//!
//! ```yaml
//! paths:
//!   /login:
//!     get:
//!       parameters:
//!         - {name: user, in: query, schema: {type: string}}
//!         - {name: password, in: query, schema: {type: string}} # <-
//!       responses: {}
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: access_token, in: query, schema: {type: string}} # <-
//!       responses: {}
//!   /password-resets/{resetToken}:
//!     post:
//!       parameters:
//!         - {name: resetToken, in: path, required: true, schema: {type: string}} # <-
//!       responses: {}
//! ```
//!
//! # Good
//!
//! ```yaml
//! security: [{key: []}]
//! components:
//!   securitySchemes:
//!     key: {type: apiKey, in: query, name: api_key}
//! paths:
//!   /orders:
//!     get:
//!       parameters:
//!         - {name: page_token, in: query, schema: {type: string}}
//!         - {name: api_key, in: query, schema: {type: string}}
//!         - {name: require_password, in: query, schema: {type: boolean}}
//!         - {name: password_policy, in: query, schema: {type: string}}
//!         - {name: X-CSRF-Token, in: header, schema: {type: string}}
//!       responses: {}
//!   /secrets/{secret}/api-keys/{apiKeyId}:
//!     get:
//!       parameters:
//!         - {name: secret, in: path, required: true, schema: {type: string}}
//!         - {name: apiKeyId, in: path, required: true, schema: {type: string}}
//!       responses: {}
//! ```
//!
//! # Fix
//!
//! Send it in the body of a `POST`, or in a header field. A link in a mail may hold a token where there is no other
//! way: then one that is good once, for a short time, and that a page exchanges at once.
//!
//! # At the gate
//!
//! The gate refuses query parameters that are called like secrets, and whatever looks like a known kind of token
//! anywhere in the URL (`url.secret`), before the URL is written to any log.

use portcullis_lint::rule::{Confidence, Profile, References, Rule, Severity};

use super::ends_in;
use crate::rules::found::Found;
use crate::rules::survey::keyword::Type;
use crate::rules::survey::{Operation, Parameter, SchemeType, Survey};
use crate::rules::{Area, Check, ContractRule, Cost, Fold};

pub(super) const RULE: ContractRule = ContractRule {
    rule: Rule {
        id: "credential-in-url",
        category: "authentication",
        severity: Severity::Medium,
        confidence: Confidence::Low,
        profile: Profile::Default,
        references: References {
            owasp_2023: &[2],
            owasp_2019: &[2],
            cwe: &[598],
            asvs: &["14.2.1"],
            nist: &["MS-SS-1"],
        },
        text: include_str!("credential_in_url.rs"),
    },
    cost: Cost::Security(Area::Authentication, 30),
    fold: Fold::Cause,
    check: Check::Parameter(check),
};

/// Names that hold a credential wherever they stand.
const ANYWHERE: &[&[&str]] = &[
    &["password"],
    &["passwd"],
    &["passphrase"],
    &["client", "secret"],
    &["access", "token"],
    &["refresh", "token"],
    &["id", "token"],
    &["auth", "token"],
    &["bearer", "token"],
    &["session", "token"],
    &["reset", "token"],
    &["api", "token"],
    &["jwt"],
];

/// Names that hold a credential in a query; in a path they call a thing that has such a name.
const IN_QUERY: &[&[&str]] = &[
    &["api", "key"],
    &["apikey"],
    &["secret"],
    &["secret", "key"],
    &["private", "key"],
    &["pwd"],
];

fn check<'d>(survey: &Survey<'d>, operation: &Operation<'d>, parameter: &Parameter<'d>, found: &mut Found<'d>) {
    let is_telling = match parameter.location {
        "path" => ends_in(parameter.name, ANYWHERE),
        "query" => ends_in(parameter.name, ANYWHERE) || ends_in(parameter.name, IN_QUERY),
        _ => false,
    };
    if !is_telling {
        return;
    }
    let is_declared = survey.schemes.iter().any(|scheme| match scheme.kind {
        SchemeType::ApiKey(place, name) => place == parameter.location && name == parameter.name,
        _ => false,
    });
    let may_be_text = parameter.schema.is_none_or(|id| {
        let value = survey.value(id);
        !value.is_closed() && value.schema.types.may_be(Type::String)
    });
    if !is_declared && may_be_text {
        let message = format!(
            "the {} parameter `{}` puts a credential into the URL",
            parameter.location, parameter.name
        );
        found.parameter(operation, parameter, parameter.at, message);
    }
}
