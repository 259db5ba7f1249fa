//! Who calls: operations that do not ask, schemes that prove little, and credentials in places where others see them.

mod api_key_alone;
mod api_key_in_query;
mod authentication_optional;
mod authentication_switched_off;
mod authorization_server_in_clear_text;
mod authorization_server_without_url;
mod basic_authentication;
mod contract_without_security;
mod cookie_without_prefix;
mod credential_as_parameter;
mod credential_in_url;
mod credentials_in_clear_text;
mod cross_site_request_forgery;
mod login_without_limit;
mod oauth2_implicit_flow;
mod oauth2_password_flow;
mod read_without_authentication;
mod undeclared_security_scheme;
mod unknown_security_scheme;
mod weak_http_scheme;
mod weak_password_bounds;
mod weaker_alternative;
mod write_without_authentication;

use super::ContractRule;
use super::survey::{Operation, Parameter, Requirements, Scheme, Survey};
use super::words::{says_any, words};
use crate::document::Node;

pub(super) const RULES: &[ContractRule] = &[
    api_key_alone::RULE,
    api_key_in_query::RULE,
    authentication_optional::RULE,
    authentication_switched_off::RULE,
    authorization_server_in_clear_text::RULE,
    authorization_server_without_url::RULE,
    basic_authentication::RULE,
    contract_without_security::RULE,
    cookie_without_prefix::RULE,
    credential_as_parameter::RULE,
    credential_in_url::RULE,
    credentials_in_clear_text::RULE,
    cross_site_request_forgery::RULE,
    login_without_limit::RULE,
    oauth2_implicit_flow::RULE,
    oauth2_password_flow::RULE,
    read_without_authentication::RULE,
    undeclared_security_scheme::RULE,
    unknown_security_scheme::RULE,
    weak_http_scheme::RULE,
    weak_password_bounds::RULE,
    weaker_alternative::RULE,
    write_without_authentication::RULE,
];

/// Whether these ask for a credential in one of their alternatives.
fn ask(said: &Requirements<'_>) -> bool {
    said.alternatives.iter().any(|one| !one.asked.is_empty())
}

/// Whether an operation asks for a credential, in one of its alternatives.
fn asks(survey: &Survey<'_>, operation: &Operation<'_>) -> bool {
    survey.requirements(operation).is_some_and(ask)
}

/// Whether any operation asks for a credential.
fn asks_anywhere(survey: &Survey<'_>) -> bool {
    survey.operations.iter().any(|operation| asks(survey, operation))
}

/// Whether an operation asks for no credential at all, and neither says that this is meant nor has to be so.
fn is_open(survey: &Survey<'_>, operation: &Operation<'_>) -> bool {
    !asks(survey, operation)
        && operation.public.is_none()
        && !has_to_be_open(operation)
        // That one is told of in its own words.
        && !operation.parameters.iter().any(is_credential_field)
}

/// Whether the root asks for a credential, and the operation itself says that it does not.
fn is_switched_off(survey: &Survey<'_>, operation: &Operation<'_>) -> bool {
    survey.security.as_ref().is_some_and(ask) && operation.security.as_ref().is_some_and(|said| !ask(said))
}

/// The operations that ask for a scheme.
fn asking<'s, 'd>(survey: &'s Survey<'d>, scheme: &Scheme<'d>) -> impl Iterator<Item = &'s Operation<'d>> {
    let index = scheme.index;
    survey.operations.iter().filter(move |operation| {
        let mut asked = survey.asked(operation);
        asked.any(|asked| asked.scheme == Some(index))
    })
}

/// The last segment of a path where it is no template.
fn last_segment<'d>(operation: &Operation<'d>) -> Option<&'d str> {
    let path = operation.path.trim_end_matches('/');
    path.rsplit('/').next().filter(|segment| !segment.contains('{'))
}

/// Where callers get a credential: they can have none yet.
const LOGINS: &[&[&str]] = &[
    &["log", "in"],
    &["log", "on"],
    &["sign", "in"],
    &["authenticate"],
    &["session"],
    &["sessions"],
    &["token"],
    &["tokens"],
    &["otp"],
    &["totp"],
];

/// Where callers get an account, or back into one.
const REGISTRATIONS: &[&[&str]] = &[
    &["register"],
    &["registration"],
    &["registrations"],
    &["sign", "up"],
    &["forgot", "password"],
    &["reset", "password"],
    &["password", "reset"],
    &["recover"],
    &["recovery"],
    &["verify", "email"],
    &["confirm", "email"],
];

/// What everybody reads before they have a credential, or never needs one.
const READ_BY_ALL: &[&[&str]] = &[
    &["log", "in"],
    &["log", "out"],
    &["authorize"],
    &["jwks"],
    &["health"],
    &["healthz"],
    &["healthcheck"],
    &["livez"],
    &["liveness"],
    &["readyz"],
    &["readiness"],
    &["ping"],
    &["version"],
    &["openapi"],
    &["swagger"],
];

/// Whether users log in here, by what it is called or by what it says of itself.
fn is_login(operation: &Operation<'_>) -> bool {
    let changes = matches!(operation.method, "POST" | "PUT" | "PATCH");
    let said = operation.get("x-portcullis").and_then(|said| said.get("login"));
    said.and_then(Node::as_bool) == Some(true)
        || changes && last_segment(operation).is_some_and(|segment| says_any(segment, LOGINS))
}

/// Whether an operation can ask for no credential by what it is for.
fn has_to_be_open(operation: &Operation<'_>) -> bool {
    let segment = last_segment(operation).unwrap_or_default();
    match operation.method {
        "POST" | "PUT" | "PATCH" => is_login(operation) || says_any(segment, REGISTRATIONS),
        "GET" | "HEAD" => {
            let is_one = !operation.path.contains('{');
            is_one && (operation.path.starts_with("/.well-known/") || says_any(segment, READ_BY_ALL))
        }
        _ => false,
    }
}

/// Whether the last words of a name are one of these phrases, or the phrase written as one word.
fn ends_in(name: &str, phrases: &[&[&str]]) -> bool {
    let words = words(name);
    phrases.iter().any(|phrase| {
        let is_last = words.last().is_some_and(|last| *last == phrase.concat());
        is_last || words.ends_with(&phrase.iter().map(ToString::to_string).collect::<Vec<_>>())
    })
}

/// Whether a header field or cookie is one that carries a credential, by its name.
fn is_credential_field(parameter: &Parameter<'_>) -> bool {
    const FIELDS: [&str; 9] = [
        "authorization",
        "x-authorization",
        "x-api-key",
        "api-key",
        "apikey",
        "x-auth-token",
        "x-access-token",
        "access-token",
        "x-session-token",
    ];
    const COOKIES: [&str; 7] = [
        "session",
        "sessionid",
        "session_id",
        "phpsessid",
        "jsessionid",
        "access_token",
        "jwt",
    ];
    let name = parameter.name.to_ascii_lowercase();
    match parameter.location {
        "header" => FIELDS.contains(&&*name),
        "cookie" => COOKIES.contains(&&*name),
        _ => false,
    }
}
