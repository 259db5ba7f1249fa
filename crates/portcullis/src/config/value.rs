//! Values of a request that those who decide are told: as it is written where they are, and settled.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::authorization::{Place, place};
use super::message::{FieldName, Pointer};
use super::problems::Problems;
use super::spanned::Spanned;
use super::text::Name;

/// How many values one level may name.
const VALUES_MAX: usize = 16;

/// A value of a request: the one place where it stands. It is what the contract declares it to be: a string, an integer or a boolean.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ValueWritten {
    /// A path parameter.
    pub(crate) path: Option<Name>,
    /// A query parameter.
    pub(crate) query: Option<Name>,
    /// A header field.
    pub(crate) header: Option<FieldName>,
    /// A value of a JSON body or of a form, by a JSON pointer such as `/currency`; with `*` for every item of an array, as in
    /// `/lines/*/currency`, it is the set of them.
    pub(crate) body: Option<Pointer>,
    /// Lets requests leave it out, which are refused otherwise.
    #[serde(default)]
    pub(crate) optional: bool,
}

/// A value of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    /// What it is called.
    pub(crate) name: Spanned<String>,
    /// Where it stands.
    pub(crate) place: Place,
    /// Whether it may be left out.
    pub(crate) optional: bool,
}

impl ValueWritten {
    /// Reports what is wrong with the values of one level: too many, or one without a place, or with two.
    pub(super) fn check(values: &BTreeMap<String, Spanned<Self>>, problems: &mut Problems<'_>) {
        if let Some(one_too_many) = values.values().nth(VALUES_MAX) {
            let message = format!("more than {VALUES_MAX} values are told");
            problems.error(one_too_many.span, message, "name those that decide");
        }
        for (name, written) in values {
            if Self::settle(name, written).is_none() {
                let message = format!("the value `{name}` stands in one place");
                let help = "write one of `path`, `query`, `header` and `body`";
                problems.error(written.span, message, help);
            }
        }
    }

    /// None where it has no place, or two.
    pub(super) fn settle(name: &str, written: &Spanned<Self>) -> Option<Value> {
        let Spanned { value, span } = written;
        Some(Value {
            name: Spanned {
                value: name.to_owned(),
                span: *span,
            },
            place: place(
                value.path.as_ref(),
                value.query.as_ref(),
                value.header.as_ref(),
                value.body.as_ref(),
            )?,
            optional: value.optional,
        })
    }
}

impl Value {
    /// Whether it is a set of values.
    pub(crate) fn is_set(&self) -> bool {
        matches!(&self.place, Place::Body(path) if path.split('/').any(|token| token == "*"))
    }
}
