//! The resources that a request names, wherever in it their names stand; and the one reading of what stands there.
//!
//! A name counts only where there is one way to read it: a parameter that is there twice, a member that is there twice, and a number
//! that is not written as itself are no names. What the upstream would make of them nobody knows.

use std::borrow::Cow;

use http::HeaderName;
use http::request::Parts;
use portcullis_decision::words::{IDENTIFIER_BYTES_MAX, Resource};

use super::Denied;
use super::body_names::Path;
use super::values::Scalar;
use crate::routes::Route;

/// How many resources of one kind a body may name at one place.
pub const RESOURCES_MAX: usize = 100;

/// A resource that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The type of the resource.
    pub kind: Box<str>,
    /// Where its name stands.
    pub place: Place,
    /// Whether a request may leave it out.
    pub optional: bool,
    /// How its name is spelt.
    pub spelling: Spelling,
}

/// How the name of a resource is spelt, by the type that its place is declared to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// As a text: every spelling is another name.
    Text,
    /// As an integer, of which there is one spelling.
    Integer,
    /// As a text or a number: what could be a number is an integer.
    Either,
}

/// Where the name of a resource stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A path parameter.
    Path(Box<str>),
    /// A query parameter.
    Query(Box<str>),
    /// A header field.
    Header(HeaderName),
    /// Values of a JSON body.
    Body(Path),
}

/// What of a request is looked at for names.
#[derive(Clone, Copy)]
pub(crate) struct Naming<'r> {
    pub(crate) route: &'r Route<'r>,
    pub(crate) parts: &'r Parts,
    pub(crate) body: Content<'r>,
}

/// The body of a request.
#[derive(Clone, Copy)]
pub(crate) enum Content<'r> {
    /// There is none.
    None,
    /// It was judged, and is this.
    Json(&'r [u8]),
    /// It was not judged, or is no JSON: it says nothing that could be relied upon.
    Unreadable,
}

/// A name cannot be told, or is one that nothing has.
pub(crate) struct Unreadable;

impl Named {
    /// The resources that a request names here: none where it may, and does.
    ///
    /// # Errors
    /// It is missing, cannot be told, or there are too many.
    pub(crate) fn read(&self, naming: Naming<'_>) -> Result<Vec<Resource>, Denied> {
        let unreadable = |Unreadable| Denied("resource-unreadable".into());
        let found = self.place.scalars(naming).map_err(unreadable)?.into_iter();
        let names: Vec<_> = found.map(Scalar::name).collect::<Result<_, _>>().map_err(unreadable)?;
        if names.is_empty() && !self.optional {
            return Err(Denied("resource-missing".into()));
        }
        if names.len() > RESOURCES_MAX {
            return Err(Denied("resources-too-many".into()));
        }
        let mut resources: Vec<Resource> = Vec::with_capacity(names.len());
        for name in names {
            if !self.is_name(&name) {
                return Err(unreadable(Unreadable));
            }
            if resources.iter().all(|resource| *resource.id != *name) {
                resources.push(Resource::new(&*self.kind, name));
            }
        }
        Ok(resources)
    }

    fn is_name(&self, name: &str) -> bool {
        let is_number = || serde_json::from_str::<serde_json::Number>(name).is_ok();
        let is_spelt = match self.spelling {
            Spelling::Text => true,
            Spelling::Integer => is_plain_integer(name),
            Spelling::Either => is_plain_integer(name) || !is_number(),
        };
        is_spelt && is_text(name)
    }
}

/// Whether a text may be a name, or another value that is decided by. What stands for a file in a form may not: it has a control character
/// in it. Nor may an empty one, which some take for none.
pub(super) fn is_text(text: &str) -> bool {
    (1..=IDENTIFIER_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control)
}

impl Place {
    /// The plain values that stand there, as texts.
    pub(crate) fn texts<'r>(&self, naming: Naming<'r>) -> Result<Vec<Cow<'r, str>>, Unreadable> {
        let texts = self.scalars(naming)?.into_iter().map(|scalar| match scalar {
            Scalar::Text(text) => text,
            Scalar::Integer(number) => number.to_string().into(),
            Scalar::Boolean(value) => value.to_string().into(),
        });
        Ok(texts.take(RESOURCES_MAX).collect())
    }

    /// The plain values that stand there; none where there is none. One too many at most.
    pub(super) fn scalars<'r>(&self, naming: Naming<'r>) -> Result<Vec<Scalar<'r>>, Unreadable> {
        let Naming { route, parts, body } = naming;
        let one = |text: Option<Cow<'r, str>>| Ok(text.map(Scalar::Text).into_iter().collect());
        match self {
            Self::Path(of) => one(route.declared.path_value(parts.uri.path(), &route.captures, of)),
            Self::Query(of) => {
                let query = parts.uri.query();
                let has = |byte: u8| query.is_some_and(|query| query.as_bytes().contains(&byte));
                let mut values = route.declared.query_values(query, of);
                match (values.next(), values.next()) {
                    // Some take `;` for `&`.
                    _ if has(b';') => Err(Unreadable),
                    (None, _) => Ok(Vec::new()),
                    // Some take `+` for itself.
                    (Some(Some(value)), None) if !(has(b'+') && value.contains(' ')) => one(Some(value)),
                    (Some(_), _) => Err(Unreadable),
                }
            }
            Self::Header(of) => {
                let twin =
                    |name: &HeaderName| name != of && name.as_str().replace('_', "-") == of.as_str().replace('_', "-");
                if parts.headers.keys().any(twin) {
                    return Err(Unreadable);
                }
                let mut values = parts.headers.get_all(of).iter();
                match (values.next(), values.next()) {
                    (None, _) => Ok(Vec::new()),
                    (Some(value), None) => one(Some(value.to_str().map_err(|_| Unreadable)?.into())),
                    (Some(_), Some(_)) => Err(Unreadable),
                }
            }
            Self::Body(path) => match body {
                Content::None => Ok(Vec::new()),
                Content::Json(json) => path.scalars(json),
                Content::Unreadable => Err(Unreadable),
            },
        }
    }
}

/// Whether a text is an integer in its one plain spelling: `7`, and neither `07`, `7.0`, `7e0` nor `-0`.
pub(super) fn is_plain_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = match digits.as_bytes() {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    plain && digits.len() <= 40
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_has_one_spelling() {
        for (text, expected) in [
            ("7", true),
            ("-7", true),
            ("0", true),
            ("1234567890123456789012345", true),
            ("07", false),
            ("-0", false),
            ("7.0", false),
            ("7e0", false),
            ("+7", false),
            (" 7", false),
            ("-", false),
            ("", false),
        ] {
            assert_eq!(is_plain_integer(text), expected, "{text}");
        }
    }
}
