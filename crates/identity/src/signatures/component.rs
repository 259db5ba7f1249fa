//! What a signature covers: component identifiers (RFC 9421 §2), of requests.

use super::refusal::Refusal;
use crate::structured::{Bare, Item};

/// A component, as a signature names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Component {
    /// What is covered. Two components that cover the same are one that stands twice, however they are written.
    pub(super) what: What,
    /// The identifier in its only spelling, with its parameters in the order in which they came.
    pub(super) identifier: String,
}

/// What is covered of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A derived component.
    Derived(Derived),
    /// `@query-param` of this name, encoded (§2.2.8).
    QueryParam(Box<str>),
    /// A header field (§2.1).
    Field(Box<str>, Form),
}

/// The derived components of a request that have no parameters (§2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Derived {
    Method,
    TargetUri,
    Authority,
    Scheme,
    RequestTarget,
    Path,
    Query,
}

/// How much of a field is covered, and in which spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// All of it, as it came.
    Plain,
    /// All of it, in the only spelling of its structured value: `sf` (§2.1.1).
    Structured,
    /// One member of a dictionary: `key` (§2.1.2).
    Member(Box<str>),
    /// All of it, each line as bytes: `bs` (§2.1.3).
    Bytes,
}

impl Derived {
    /// Names are compared letter by letter.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "@method" => Self::Method,
            "@target-uri" => Self::TargetUri,
            "@authority" => Self::Authority,
            "@scheme" => Self::Scheme,
            "@request-target" => Self::RequestTarget,
            "@path" => Self::Path,
            "@query" => Self::Query,
            _ => return None,
        })
    }
}

impl Component {
    /// What an item of the list of covered components names.
    ///
    /// # Errors
    ///
    /// [`Refusal::Malformed`] where it is no identifier; [`Refusal::ComponentUnknown`] where it is none of a request, such as
    /// `@status`, or has a parameter that does not go with it, such as `req` (§2.4) and `tr` (§2.1.4).
    pub(super) fn read(item: &Item) -> Result<Self, Refusal> {
        let Bare::String(name) = &item.bare else {
            return Err(Refusal::Malformed);
        };
        let what = match (name.strip_prefix('@'), Derived::named(name)) {
            (_, Some(derived)) if item.parameters.is_empty() => What::Derived(derived),
            (Some("query-param"), None) => query_param(item)?,
            (Some(_), _) => return Err(Refusal::ComponentUnknown),
            (None, _) if is_field_name(name) => What::Field(name.clone(), form(item)?),
            (None, _) => return Err(Refusal::Malformed),
        };
        Ok(Self {
            what,
            identifier: item.to_string(),
        })
    }

    /// Whether it covers this derived component.
    pub(super) fn is(&self, derived: Derived) -> bool {
        self.what == What::Derived(derived)
    }

    /// Whether it covers all of this field.
    pub(super) fn is_all_of(&self, field: &str) -> bool {
        matches!(&self.what, What::Field(name, form) if **name == *field && !matches!(form, Form::Member(_)))
    }

    /// Whether it covers anything of this field.
    pub(super) fn is_of(&self, field: &str) -> bool {
        matches!(&self.what, What::Field(name, _) if **name == *field)
    }
}

fn query_param(item: &Item) -> Result<What, Refusal> {
    match (item.parameters.len(), item.parameters.get("name")) {
        (1, Some(Bare::String(name))) => Ok(What::QueryParam(name.clone())),
        _ => Err(Refusal::ComponentUnknown),
    }
}

fn form(item: &Item) -> Result<Form, Refusal> {
    let mut form = Form::Plain;
    for (name, value) in item.parameters.iter() {
        form = match (name, value, form) {
            ("sf", Bare::Boolean(true), Form::Plain) => Form::Structured,
            ("bs", Bare::Boolean(true), Form::Plain) => Form::Bytes,
            ("key", Bare::String(key), Form::Plain | Form::Structured) => Form::Member(key.clone()),
            ("sf", Bare::Boolean(true), form @ Form::Member(_)) => form,
            _ => return Err(Refusal::ComponentUnknown),
        };
    }
    Ok(form)
}

/// A field name in lower case (RFC 9110 §5.1).
pub(super) fn is_field_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed)
}
