//! What callers may do: scopes, objects named by callers, functions apart from others.

mod admin_operation_not_apart;
mod delete_collection;
mod identity_from_caller;
mod identity_header_trusted;
mod mass_assignment;
mod oauth2_without_scopes;
mod object_without_owner;
mod one_scope_for_everything;
mod privileged_property_writable;
mod read_scope_for_write;
mod scope_too_wide;
mod sequential_identifier;
mod undeclared_scope;
mod unsafe_get;

use super::ContractRule;
use super::survey::{Asked, At, Operation, Role, SchemeType, Survey, Value};
use super::words::words;
use crate::document::Node;
use crate::rules::survey::keyword::Keyword;

pub(super) const RULES: &[ContractRule] = &[
    admin_operation_not_apart::RULE,
    delete_collection::RULE,
    identity_from_caller::RULE,
    identity_header_trusted::RULE,
    mass_assignment::RULE,
    oauth2_without_scopes::RULE,
    object_without_owner::RULE,
    one_scope_for_everything::RULE,
    privileged_property_writable::RULE,
    read_scope_for_write::RULE,
    scope_too_wide::RULE,
    sequential_identifier::RULE,
    undeclared_scope::RULE,
    unsafe_get::RULE,
];

/// Whether the contract says which objects a request of this operation names, so that it is decided on for each.
fn names_resources(survey: &Survey<'_>, operation: &Operation<'_>) -> bool {
    survey.extension(operation, "resources").is_some()
}

/// Whether the contract says that an operation is for administrators.
fn is_marked_admin(survey: &Survey<'_>, operation: &Operation<'_>) -> bool {
    survey.extension(operation, "admin").and_then(Node::as_bool) == Some(true)
}

/// Whether an operation sounds like one for administrators, by its path and its tags.
fn sounds_like_admin(operation: &Operation<'_>) -> bool {
    const WORDS: [&str; 11] = [
        "admin",
        "_admin",
        "administration",
        "administrator",
        "administrators",
        "sysadmin",
        "superadmin",
        "superuser",
        "backoffice",
        "back-office",
        "internal",
    ];
    let tags = operation.get("tags").and_then(Node::as_array).unwrap_or_default();
    let mut tags = tags.iter().filter_map(Node::as_str);
    operation.words().any(|word| WORDS.contains(&&*word)) || tags.any(|tag| WORDS.contains(&&*tag.to_ascii_lowercase()))
}

/// The schemes that an operation asks for which have scopes: OAuth 2 and OpenID Connect.
fn tokens<'s, 'd>(survey: &'s Survey<'d>, operation: &'s Operation<'d>) -> impl Iterator<Item = &'s Asked<'d>> {
    survey.asked(operation).filter(|asked| {
        let kind = survey.scheme(asked).map(|scheme| &scheme.kind);
        matches!(kind, Some(SchemeType::OAuth2(_) | SchemeType::OpenIdConnect(_)))
    })
}

/// Every scope that an operation asks for, of whatever scheme.
fn scopes<'s, 'd>(survey: &'s Survey<'d>, operation: &'s Operation<'d>) -> impl Iterator<Item = (&'d str, At)> {
    survey.asked(operation).flat_map(|asked| asked.scopes.iter().copied())
}

/// What an operation asks for, in a form that can be compared.
fn requirement<'d>(survey: &Survey<'d>, operation: &Operation<'d>) -> Vec<Vec<(&'d str, Vec<&'d str>)>> {
    let said = survey.requirements(operation).into_iter();
    let alternatives = said.flat_map(|said| &said.alternatives).map(|one| {
        let asked = one.asked.iter().map(|asked| {
            let mut scopes: Vec<&str> = asked.scopes.iter().map(|(scope, _)| *scope).collect();
            scopes.sort_unstable();
            (asked.name, scopes)
        });
        let mut asked: Vec<_> = asked.collect();
        asked.sort_unstable();
        asked
    });
    let mut all: Vec<_> = alternatives.collect();
    all.sort_unstable();
    all
}

/// Whether a scope lets its holder do everything, by its name.
fn is_everything(scope: &str) -> bool {
    const NAMES: [&str; 12] = [
        "*",
        "*:*",
        "*.*",
        "*/*",
        "all",
        "admin",
        "full",
        "root",
        "full_access",
        "full-access",
        "fullaccess",
        "superuser",
    ];
    let name = scope.to_ascii_lowercase();
    let name = match name.split_once("://") {
        Some((_, rest)) => rest.rsplit('/').next().unwrap_or_default(),
        None => &*name,
    };
    NAMES.contains(&name)
}

/// A property of an object, with where its name stands.
struct Property<'s, 'd> {
    name: &'d str,
    at: At,
    value: Value<'s, 'd>,
    is_read_only: bool,
}

impl<'s, 'd> Property<'s, 'd> {
    /// What a finding about it is about: the schema that it is written in, if that can be told, else the object.
    fn owner(&self, object: &Value<'s, 'd>) -> Value<'s, 'd> {
        let is_inline = self.value.schema.role == Role::Property;
        if is_inline { self.value } else { *object }
    }
}

/// The properties of an object, those of `allOf` included.
fn properties<'s, 'd>(object: &Value<'s, 'd>) -> Vec<Property<'s, 'd>> {
    let written: Vec<&Node> = object.each(Keyword::Properties).collect();
    let read_only = |node: &Node| node.get("readOnly").and_then(Node::as_bool) == Some(true);
    let all = object.properties().into_iter().filter_map(|(name, value)| {
        let mut declared = written.iter().filter_map(|node| node.as_object()?.members.get(name));
        let member = declared.next()?;
        Some(Property {
            name,
            at: At::name(member.name_span),
            value,
            is_read_only: read_only(&member.value)
                || value.get(Keyword::ReadOnly).and_then(Node::as_bool) == Some(true),
        })
    });
    all.collect()
}

/// Whether a name is one of these, however it is written.
fn is_called(name: &str, names: &[&str]) -> bool {
    names.contains(&&*words(name).concat())
}
