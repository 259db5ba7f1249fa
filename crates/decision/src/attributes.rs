//! Attributes of a resource as somebody elsewhere tells them: a JSON object, out of which the declared ones are read, each of the kind
//! that it is declared to be. Where one is missing or of another kind, nothing of the answer counts.

use serde_json::Value;

use crate::properties::Properties;
use crate::strict::{self, Unreadable};
use crate::words::IDENTIFIER_BYTES_MAX;

/// How large an answer may be, in bytes.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;
/// How large the attributes that are read out of it may be together, in bytes of their JSON: they are remembered.
pub const ATTRIBUTES_BYTES_MAX: usize = 8 << 10;

/// What an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeKind {
    /// A text.
    String,
    /// An integer of 64 bits.
    Integer,
    /// A boolean.
    Boolean,
    /// Several texts.
    Strings,
    /// The id of somebody or something.
    Id,
}

/// An attribute, and where in an answer it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: Box<str>,
    /// Where it stands: a JSON pointer (RFC 6901).
    pub pointer: Box<str>,
    /// What it is.
    pub kind: AttributeKind,
    /// Whether an answer may leave it out, or say `null`.
    pub optional: bool,
}

/// The attributes that answers have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes(Box<[Attribute]>);

impl Attributes {
    /// These.
    #[must_use]
    pub fn new(attributes: impl IntoIterator<Item = Attribute>) -> Self {
        Self(attributes.into_iter().collect())
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|attribute| &*attribute.name)
    }

    /// The attributes that an answer has.
    ///
    /// # Errors
    /// It is no strict JSON object, one is missing that is not optional, one is of another kind, or they are too large together.
    pub fn read(&self, octets: &[u8]) -> Result<Properties, Unreadable> {
        let answer = Value::Object(strict::object(octets)?.into());
        let mut read = Properties::new();
        let mut bytes = 0;
        for attribute in &self.0 {
            let Attribute { name, pointer, .. } = attribute;
            match answer.pointer(pointer) {
                None | Some(Value::Null) if attribute.optional => {}
                None | Some(Value::Null) => return Err(Unreadable::new(format!("`{name}` is missing (`{pointer}`)"))),
                Some(value) if attribute.kind.fits(value) => {
                    bytes += name.len() + value.to_string().len();
                    read.insert(&**name, value.clone());
                }
                Some(_) => return Err(Unreadable::new(format!("`{name}` is not {}", attribute.kind.told()))),
            }
        }
        if bytes > ATTRIBUTES_BYTES_MAX {
            return Err(Unreadable::new(format!(
                "its attributes have more than {ATTRIBUTES_BYTES_MAX} bytes"
            )));
        }
        Ok(read)
    }
}

impl AttributeKind {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => value.as_i64().is_some(),
            Self::Boolean => value.is_boolean(),
            Self::Strings => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
            Self::Id => value
                .as_str()
                .is_some_and(|id| !id.is_empty() && id.len() <= IDENTIFIER_BYTES_MAX),
        }
    }

    fn told(self) -> &'static str {
        match self {
            Self::String => "a text",
            Self::Integer => "an integer of 64 bits",
            Self::Boolean => "a boolean",
            Self::Strings => "a list of texts",
            Self::Id => "the id of somebody or something",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attributes() -> Attributes {
        let attribute = |name: &str, pointer: &str, kind, optional| Attribute {
            name: name.into(),
            pointer: pointer.into(),
            kind,
            optional,
        };
        Attributes::new([
            attribute("owner", "/owner/id", AttributeKind::Id, false),
            attribute("frozen", "/frozen", AttributeKind::Boolean, false),
            attribute("level", "/levels/0", AttributeKind::Integer, true),
            attribute("tags", "/tags", AttributeKind::Strings, true),
            attribute("name", "/name", AttributeKind::String, true),
        ])
    }

    #[track_caller]
    fn check(answer: &str, expected: Result<Value, &str>) {
        match (attributes().read(answer.as_bytes()), expected) {
            (Ok(read), Ok(expected)) => assert_eq!(serde_json::to_value(&read).unwrap(), expected, "{answer}"),
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{answer}: {error}"),
            (read, _) => panic!("{answer}: {read:?}"),
        }
    }

    #[test]
    fn only_what_is_declared_is_read_and_only_as_it_is_declared() {
        check(
            r#"{"owner":{"id":"alice"},"frozen":false,"more":{"frozen":true}}"#,
            Ok(json!({"owner": "alice", "frozen": false})),
        );
        check(
            r#"{"owner":{"id":"alice"},"frozen":true,"levels":[7,8],"tags":["a"],"name":null}"#,
            Ok(json!({"owner": "alice", "frozen": true, "level": 7, "tags": ["a"]})),
        );
        for (answer, words) in [
            ("", "not JSON"),
            ("[]", "no object"),
            ("true", "no object"),
            (r#"{"owner":{"id":"a"},"frozen":false}x"#, "not JSON"),
            (r#"{"owner":{"id":"a"},"frozen":false"#, "not JSON"),
            (r#"{"owner":{"id":"a"},"frozen":true,"frozen":false}"#, "twice"),
            (r#"{"owner":{"id":"a","id":"b"},"frozen":false}"#, "twice"),
            (r#"{"owner":{"id":"a"}}"#, "`frozen` is missing"),
            (r#"{"owner":{"id":"a"},"frozen":null}"#, "`frozen` is missing"),
            (r#"{"owner":{"id":"a"},"frozen":"false"}"#, "`frozen` is not a boolean"),
            (r#"{"owner":{"id":"a"},"frozen":0}"#, "`frozen` is not a boolean"),
            (r#"{"owner":{"id":""},"frozen":false}"#, "`owner` is not"),
            (r#"{"owner":{"id":7},"frozen":false}"#, "`owner` is not"),
            (r#"{"owner":"a","frozen":false}"#, "`owner` is missing"),
            (
                r#"{"owner":{"id":"a"},"frozen":false,"levels":[1.5]}"#,
                "`level` is not",
            ),
            (r#"{"owner":{"id":"a"},"frozen":false,"tags":["a",1]}"#, "`tags` is not"),
        ] {
            check(answer, Err(words));
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let answer = |bytes: usize| {
            let name = "x".repeat(bytes);
            json!({"owner": {"id": "a"}, "frozen": false, "name": name}).to_string()
        };
        assert!(attributes().read(answer(ATTRIBUTES_BYTES_MAX / 2).as_bytes()).is_ok());
        check(&answer(ATTRIBUTES_BYTES_MAX), Err("more than 8192 bytes"));
    }
}
