//! What callers send: every keyword that should bound a value, and values that are dangerous whatever their size.

mod archive_upload;
mod array_without_items;
mod array_without_max_items;
mod batch_without_limit;
mod body_of_any_media_type;
mod body_optional;
mod body_without_schema;
mod collection_without_pagination;
mod default_violates_schema;
mod file_of_any_type;
mod file_without_limit;
mod get_with_body;
mod integer_range_beyond_format;
mod jwt_as_data;
mod map_without_max_properties;
mod markup_from_caller;
mod max_items_vacuous;
mod max_length_vacuous;
mod number_as_string;
mod number_range_incomplete;
mod number_without_range;
mod object_in_query;
mod object_open;
mod object_without_properties;
mod open_redirect;
mod pagination_without_maximum;
mod parameter_without_schema;
mod path_from_caller;
mod pattern_backtracks;
mod pattern_invalid;
mod pattern_not_anchored;
mod pattern_vacuous;
mod personal_data_in_url;
mod query_language_from_caller;
mod recursion_without_bound;
mod required_property_undeclared;
mod reserved_header_parameter;
mod same_name_parameters;
mod shape;
mod simple_content_type_with_cookie;
mod sort_or_field_names_from_caller;
mod string_format_unknown;
mod string_without_max_length;
mod string_without_pattern;
mod tuple_open;
mod type_left_out;
mod unsatisfiable_bounds;
mod untyped_value;
mod url_from_caller;
mod vacuous_composition;
mod xml_body;

use super::ContractRule;
use super::survey::keyword::{Keyword, Type};
use super::survey::{Role, Value};

pub(super) const RULES: &[ContractRule] = &[
    archive_upload::RULE,
    array_without_items::RULE,
    array_without_max_items::RULE,
    batch_without_limit::RULE,
    body_of_any_media_type::RULE,
    body_optional::RULE,
    body_without_schema::RULE,
    collection_without_pagination::RULE,
    default_violates_schema::RULE,
    file_of_any_type::RULE,
    file_without_limit::RULE,
    get_with_body::RULE,
    integer_range_beyond_format::RULE,
    jwt_as_data::RULE,
    map_without_max_properties::RULE,
    markup_from_caller::RULE,
    max_items_vacuous::RULE,
    max_length_vacuous::RULE,
    number_as_string::RULE,
    number_range_incomplete::RULE,
    number_without_range::RULE,
    object_in_query::RULE,
    object_open::RULE,
    object_without_properties::RULE,
    open_redirect::RULE,
    pagination_without_maximum::RULE,
    parameter_without_schema::RULE,
    path_from_caller::RULE,
    pattern_backtracks::RULE,
    pattern_invalid::RULE,
    pattern_not_anchored::RULE,
    pattern_vacuous::RULE,
    personal_data_in_url::RULE,
    query_language_from_caller::RULE,
    recursion_without_bound::RULE,
    required_property_undeclared::RULE,
    reserved_header_parameter::RULE,
    same_name_parameters::RULE,
    simple_content_type_with_cookie::RULE,
    sort_or_field_names_from_caller::RULE,
    string_format_unknown::RULE,
    string_without_max_length::RULE,
    string_without_pattern::RULE,
    tuple_open::RULE,
    type_left_out::RULE,
    unsatisfiable_bounds::RULE,
    untyped_value::RULE,
    url_from_caller::RULE,
    vacuous_composition::RULE,
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
