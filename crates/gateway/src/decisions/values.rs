//! Values of a request that those who decide are told, beside the resources that it names: so that what belongs together can be demanded,
//! such as a payment in the currency of its account.
//!
//! They are read where names are, and as strictly. They are read once the request was judged, and never before: a question without
//! them is never asked about an operation that declares some.

use std::borrow::Cow;

use portcullis_decision::properties::Properties;
use serde_json::Value;

use super::Denied;
use super::named::{Naming, Place, RESOURCES_MAX, Unreadable, is_plain_integer, is_text};

/// The member of the context in which they are told, so that no name of one is ever one that the gate itself gives to something.
pub const REQUEST: &str = "request";

/// A value of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Valued {
    /// What it is called in the context.
    pub name: Box<str>,
    /// Where it stands.
    pub place: Place,
    /// What it is declared to be.
    pub kind: ValueKind,
    /// Whether a request may leave it out.
    pub optional: bool,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A text.
    Text,
    /// An integer of 64 bits.
    Integer,
    /// A boolean.
    Boolean,
}

/// Something in a request that has no parts, in the one way to read it.
pub(crate) enum Scalar<'r> {
    /// A text; of a parameter whatever it is declared to be.
    Text(Cow<'r, str>),
    /// An integer of JSON in its plain spelling.
    Integer(i128),
    /// A boolean of JSON.
    Boolean(bool),
}

impl<'r> Scalar<'r> {
    /// As the name of something.
    pub(super) fn name(self) -> Result<Cow<'r, str>, Unreadable> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Integer(number) => Ok(number.to_string().into()),
            Self::Boolean(_) => Err(Unreadable),
        }
    }
}

impl Valued {
    /// Whether it is a set of values, also where there is only one.
    fn is_several(&self) -> bool {
        matches!(&self.place, Place::Body(path) if path.is_of_items())
    }

    /// The value; none where a request may leave it out, and does.
    fn read(&self, naming: Naming<'_>) -> Result<Option<Value>, Denied> {
        let denied = |why: &str| Denied(format!("{why}: {}", self.name).into());
        let unreadable = |Unreadable| denied("value-unreadable");
        let found = self.place.scalars(naming).map_err(unreadable)?;
        if found.len() > RESOURCES_MAX {
            return Err(denied("values-too-many"));
        }
        let values = found.into_iter().map(|scalar| self.value(scalar));
        let mut values: Vec<Value> = values.collect::<Result<_, _>>().map_err(unreadable)?;
        match (values.is_empty(), self.is_several()) {
            (true, _) if self.optional => Ok(None),
            (true, _) => Err(denied("value-missing")),
            (false, true) => Ok(Some(values.into())),
            (false, false) => Ok(values.pop()),
        }
    }

    fn value(&self, scalar: Scalar<'_>) -> Result<Value, Unreadable> {
        let is_body = matches!(self.place, Place::Body(_));
        match (self.kind, scalar) {
            (ValueKind::Text, Scalar::Text(text)) if is_text(&text) => Ok(text.into_owned().into()),
            (ValueKind::Integer, Scalar::Integer(number)) => {
                i64::try_from(number).map(Value::from).map_err(|_| Unreadable)
            }
            (ValueKind::Boolean, Scalar::Boolean(value)) => Ok(value.into()),
            // A parameter is a text, whatever it is declared to be; in JSON a text that looks like another value is a text.
            (ValueKind::Integer, Scalar::Text(text)) if !is_body && is_plain_integer(&text) => {
                text.parse::<i64>().map(Value::from).map_err(|_| Unreadable)
            }
            (ValueKind::Boolean, Scalar::Text(text)) if !is_body => match &*text {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => Err(Unreadable),
            },
            _ => Err(Unreadable),
        }
    }
}

/// What a request says of these.
///
/// # Errors
/// One that may not be left out is; or one cannot be told, or is too many.
pub(super) fn read(values: &[Valued], naming: Naming<'_>) -> Result<Properties, Denied> {
    let mut told = Properties::new();
    for valued in values {
        if let Some(value) = valued.read(naming)? {
            told.insert(&*valued.name, value);
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::body_names::Path;
    use super::*;

    fn of_body(kind: ValueKind, json: &str) -> Option<Value> {
        of("/a", kind, json)
    }

    fn of(path: &str, kind: ValueKind, json: &str) -> Option<Value> {
        let path = Path::parse(path).unwrap();
        let valued = Valued {
            name: "a".into(),
            place: Place::Body(path.clone()),
            kind,
            optional: false,
        };
        let scalars = path.scalars(json.as_bytes()).ok()?;
        let values = scalars.into_iter().map(|scalar| valued.value(scalar).ok());
        values.collect::<Option<Vec<_>>>().map(Value::from)
    }

    #[test]
    fn values_of_json_are_what_they_are_declared_to_be() {
        use ValueKind::{Boolean, Integer, Text};
        for (kind, json, expected) in [
            (Text, r#"{"a":"EUR"}"#, Some(json!(["EUR"]))),
            (Text, r#"{"a":7}"#, None),
            (Text, r#"{"a":true}"#, None),
            (Text, r#"{"a":""}"#, None),
            (Text, r#"{"a":"a\nb"}"#, None),
            (Integer, r#"{"a":-7}"#, Some(json!([-7]))),
            (Integer, r#"{"a":9223372036854775807}"#, Some(json!([i64::MAX]))),
            (Integer, r#"{"a":9223372036854775808}"#, None),
            (Integer, r#"{"a":7.0}"#, None),
            (Integer, r#"{"a":"7"}"#, None),
            (Boolean, r#"{"a":false}"#, Some(json!([false]))),
            (Boolean, r#"{"a":"false"}"#, None),
            (Boolean, r#"{"a":0}"#, None),
            (Text, "{}", Some(json!([]))),
            (Text, r#"{"a":null}"#, Some(json!([]))),
            (Text, r#"{"a":["EUR"]}"#, None),
        ] {
            assert_eq!(of_body(kind, json), expected, "{kind:?} {json}");
        }
        assert_eq!(of("/a/*", Text, r#"{"a":["x","y"]}"#), Some(json!(["x", "y"])));
        assert_eq!(of("/a/*", Text, r#"{"a":["x",1]}"#), None);
    }

    #[test]
    fn authz_1_a_value_with_two_readings_has_none() {
        for json in [
            r#"{"a":"EUR","a":"EUR"}"#,
            r#"{"a":"EUR","\u0061":"USD"}"#,
            r#"{"a":null,"a":"EUR"}"#,
            r#"{"a":"EUR"} {"#,
        ] {
            assert_eq!(of_body(ValueKind::Text, json), None, "{json}");
        }
    }
}
