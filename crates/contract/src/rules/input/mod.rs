//! What callers send: every keyword that should bound a value, and values that are dangerous whatever their size.

mod archive_upload;
mod batch_without_limit;
mod body_of_any_media_type;
mod body_optional;
mod body_without_schema;
mod collection_without_pagination;
mod file_of_any_type;
mod file_without_limit;
mod get_with_body;
mod jwt_as_data;
mod markup_from_caller;
mod object_in_query;
mod open_redirect;
mod pagination_without_maximum;
mod parameter_without_schema;
mod path_from_caller;
mod personal_data_in_url;
mod query_language_from_caller;
mod reserved_header_parameter;
mod same_name_parameters;
mod simple_content_type_with_cookie;
mod sort_or_field_names_from_caller;
mod string_without_max_length;
mod url_from_caller;
mod xml_body;

use super::ContractRule;
use super::survey::keyword::{Keyword, Type};
use super::survey::{Operation, Role, Survey, Value};

pub(super) const RULES: &[ContractRule] = &[
    archive_upload::RULE,
    batch_without_limit::RULE,
    body_of_any_media_type::RULE,
    body_optional::RULE,
    body_without_schema::RULE,
    collection_without_pagination::RULE,
    file_of_any_type::RULE,
    file_without_limit::RULE,
    get_with_body::RULE,
    jwt_as_data::RULE,
    markup_from_caller::RULE,
    object_in_query::RULE,
    open_redirect::RULE,
    pagination_without_maximum::RULE,
    parameter_without_schema::RULE,
    path_from_caller::RULE,
    personal_data_in_url::RULE,
    query_language_from_caller::RULE,
    reserved_header_parameter::RULE,
    same_name_parameters::RULE,
    simple_content_type_with_cookie::RULE,
    sort_or_field_names_from_caller::RULE,
    string_without_max_length::RULE,
    url_from_caller::RULE,
    xml_body::RULE,
];

/// Whether callers may write any text here: no list of values, no pattern, no format that leaves nothing open.
fn is_free_text(value: &Value<'_, '_>) -> bool {
    const TELLING: [&str; 8] = ["binary", "byte", "uuid", "date", "date-time", "time", "ipv4", "ipv6"];
    value.is(Type::String)
        && !value.is_closed()
        && !value.has(Keyword::Pattern)
        && !value.has_branches()
        && value
            .text(Keyword::Format)
            .is_none_or(|format| !TELLING.contains(&format))
}

/// What a value is called; a branch of `anyOf` or `oneOf` by what it is a branch of.
fn called<'d>(value: &Value<'_, 'd>) -> &'d str {
    let mut schema = value.schema;
    while schema.name.is_empty()
        && schema.role == Role::Branch
        && let Some(parent) = schema.parent
    {
        schema = value.survey.schema(parent);
    }
    schema.name
}

/// Whether one of these settings of `x-portcullis` holds for an operation: its own, its path's or the root's.
fn is_set(survey: &Survey<'_>, operation: &Operation<'_>, settings: &[&str]) -> bool {
    let levels = [operation.place, operation.item, survey.root()];
    let mut said = levels.into_iter().filter_map(|level| level.node.get("x-portcullis"));
    said.any(|said| settings.iter().any(|setting| said.get(setting).is_some()))
}
