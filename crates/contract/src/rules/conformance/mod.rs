//! Whether a contract says what its author thinks: what is read otherwise, contradicts itself or has no effect.

mod ambiguous_paths;
mod callback_expression_invalid;
mod duplicate_operation_id;
mod format_of_another_type;
mod keyword_of_another_version;
mod keyword_without_effect;
mod misspelt_keyword;
mod misspelt_member;
mod no_operations;
mod overlapping_paths;
mod parameter_declared_twice;
mod parameter_incomplete;
mod parameter_with_schema_and_content;
mod path_parameter_not_in_path;
mod path_parameter_optional;
mod path_parameter_undeclared;
mod path_trailing_slash_twins;
mod path_with_query_or_fragment;
mod read_only_and_write_only;
mod reference_siblings_ignored;
mod required_is_no_list;
mod security_scheme_incomplete;
mod server_variable_undefined;
mod type_unknown;

use portcullis_lint::rule::Severity;

use super::ContractRule;
use super::survey::{Survey, Value};
use crate::document::Place;

pub(super) const RULES: &[ContractRule] = &[
    ambiguous_paths::RULE,
    callback_expression_invalid::RULE,
    duplicate_operation_id::RULE,
    format_of_another_type::RULE,
    keyword_of_another_version::RULE,
    keyword_without_effect::RULE,
    misspelt_keyword::RULE,
    misspelt_member::RULE,
    no_operations::RULE,
    overlapping_paths::RULE,
    parameter_declared_twice::RULE,
    parameter_incomplete::RULE,
    parameter_with_schema_and_content::RULE,
    path_parameter_not_in_path::RULE,
    path_parameter_optional::RULE,
    path_parameter_undeclared::RULE,
    path_trailing_slash_twins::RULE,
    path_with_query_or_fragment::RULE,
    read_only_and_write_only::RULE,
    reference_siblings_ignored::RULE,
    required_is_no_list::RULE,
    security_scheme_incomplete::RULE,
    server_variable_undefined::RULE,
    type_unknown::RULE,
];

/// Every schema: what something conforms to, and what is only a part of that or a condition.
fn schemas<'s, 'd>(survey: &'s Survey<'d>) -> impl Iterator<Item = Value<'s, 'd>> {
    survey.schemas().map(|schema| survey.value(schema.id))
}

/// How grave something at a schema is: one step less where callers do not send it.
fn graded(value: &Value<'_, '_>, sent: Severity) -> Severity {
    if value.in_response() && !value.in_request() {
        sent.lower()
    } else {
        sent
    }
}

/// What a reference leads to; the place itself if it is none.
fn followed<'d>(survey: &Survey<'d>, place: Place<'d>) -> Place<'d> {
    survey.references(place).last().unwrap_or(place)
}
