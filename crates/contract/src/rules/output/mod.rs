//! What is answered: answers that nobody describes, and what they show that nobody should see.

mod answer_of_any_media_type;
mod answer_without_schema;
mod cors_any_origin;
mod credential_in_answer;
mod empty_success_with_body;
mod error_leaks_internals;
mod error_not_problem_details;
mod error_without_schema;
mod errors_not_declared;
mod html_answer_from_api;
mod internal_property_in_answer;
mod rate_limit_headers_not_declared;
mod sensitive_answer_cacheable;
mod sensitive_data_in_answer;
mod server_banner_header;
mod success_not_declared;
mod too_many_requests_not_declared;
mod unauthorized_not_declared;

use std::collections::HashSet;

use super::ContractRule;
use super::survey::keyword::Type;
use super::survey::{Answer, Content, Operation, Role, SchemaId, Survey, Value};
use super::words::words;

pub(super) const RULES: &[ContractRule] = &[
    answer_of_any_media_type::RULE,
    answer_without_schema::RULE,
    cors_any_origin::RULE,
    credential_in_answer::RULE,
    empty_success_with_body::RULE,
    error_leaks_internals::RULE,
    error_not_problem_details::RULE,
    error_without_schema::RULE,
    errors_not_declared::RULE,
    html_answer_from_api::RULE,
    internal_property_in_answer::RULE,
    rate_limit_headers_not_declared::RULE,
    sensitive_answer_cacheable::RULE,
    sensitive_data_in_answer::RULE,
    server_banner_header::RULE,
    success_not_declared::RULE,
    too_many_requests_not_declared::RULE,
    unauthorized_not_declared::RULE,
];

/// The answers of an operation that are errors; a `default` that stands alone is also what is answered when all goes well.
fn errors<'s, 'd>(operation: &'s Operation<'d>) -> impl Iterator<Item = &'s Answer<'d>> {
    let has_success = operation.answers.iter().any(Answer::is_success);
    let all = operation.answers.iter();
    all.filter(move |answer| answer.is_error() && (has_success || answer.status != "default"))
}

/// The answers of an operation when all goes well.
fn successes<'s, 'd>(operation: &'s Operation<'d>) -> impl Iterator<Item = &'s Answer<'d>> {
    let has_success = operation.answers.iter().any(Answer::is_success);
    let all = operation.answers.iter();
    all.filter(move |answer| answer.is_success() || (answer.status == "default" && !has_success))
}

/// The schemas of the bodies of answers.
fn bodies<'s, 'd: 's>(answers: impl Iterator<Item = &'s Answer<'d>>) -> impl Iterator<Item = SchemaId> {
    let contents = answers.flat_map(|answer| &answer.contents);
    contents.filter_map(|content| content.schema)
}

/// Every value that these schemas lead to and that is answered, each once, as far as `seen` has not met it.
fn inside<'s, 'd>(
    survey: &'s Survey<'d>,
    roots: impl Iterator<Item = SchemaId>,
    seen: &mut HashSet<SchemaId>,
) -> Vec<Value<'s, 'd>> {
    let mut found = Vec::new();
    let mut waiting: Vec<SchemaId> = roots.collect();
    while let Some(id) = waiting.pop() {
        let value = survey.value(id);
        if !value.in_response() || !seen.insert(id) {
            continue;
        }
        let edges = value.schema.edges.iter().filter(|edge| edge.role != Role::Condition);
        waiting.extend(edges.map(|edge| edge.target));
        found.push(value);
    }
    found
}

/// Whether a value holds data of its own: a text or a number that is not one of a list.
fn is_datum(value: &Value<'_, '_>) -> bool {
    (value.is(Type::String) || value.schema.types.is_numeric()) && !value.is_closed() && !value.has_branches()
}

/// Whether an operation is there to give out a credential, by its path or its identifier.
fn issues_credentials(operation: &Operation<'_>) -> bool {
    const WORDS: [&str; 34] = [
        "auth",
        "authenticate",
        "authentication",
        "authorize",
        "authorization",
        "oauth",
        "oauth2",
        "login",
        "logins",
        "signin",
        "signup",
        "register",
        "registration",
        "session",
        "sessions",
        "token",
        "tokens",
        "jwt",
        "key",
        "keys",
        "apikey",
        "apikeys",
        "credential",
        "credentials",
        "secret",
        "secrets",
        "password",
        "passwords",
        "otp",
        "mfa",
        "totp",
        "sts",
        "rotate",
        "refresh",
    ];
    let says = |name: &str| words(name).iter().any(|word| WORDS.contains(&&**word));
    operation.words().any(|segment| says(&segment)) || operation.id().is_some_and(says)
}

/// Whether a media type has parts that a schema can describe.
fn is_structured(content: &Content<'_>) -> bool {
    let essence = content.essence();
    content.is_json() || matches!(&*essence, "application/xml" | "text/xml" | "application/x-ndjson")
}
