//! The words of AuthZEN (Authorization API 1.0, section 5): Subject, Action, Resource, Context, Evaluation, as its JSON has them.
//!
//! What is read of JSON is within bounds. Nothing here decides.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::properties::Properties;
use crate::shared::Shared;

/// How long a type, an id and the name of an action may be, in bytes.
pub const IDENTIFIER_BYTES_MAX: usize = 1_024;

/// Who asks (section 5.1). Its properties are what is *known* of it: verified claims, never what it says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// The kind of subject, such as `user`.
    #[serde(rename = "type", deserialize_with = "identifier")]
    pub kind: String,
    /// Unique among subjects of its type.
    #[serde(deserialize_with = "identifier")]
    pub id: String,
    /// What is known of it.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub properties: Properties,
}

/// What is asked for (section 5.3). At a gateway: an operation of a contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// The name of the action.
    #[serde(deserialize_with = "identifier")]
    pub name: String,
    /// More about the action.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub properties: Properties,
}

/// What it is asked for (section 5.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// The kind of resource, such as `account`.
    #[serde(rename = "type", deserialize_with = "identifier")]
    pub kind: String,
    /// Unique among resources of its type.
    #[serde(deserialize_with = "identifier")]
    pub id: String,
    /// What is known of it.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub properties: Properties,
}

/// One question (section 6.1): may this subject do this action to this resource, in this context?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Who: often the same for many questions.
    pub subject: Shared<Subject>,
    /// Does what.
    pub action: Action,
    /// To what.
    pub resource: Resource,
    /// Under which circumstances (section 5.4): often the same for many questions, too.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub context: Shared<Properties>,
}

impl Subject {
    /// A subject of which nothing more is known.
    #[must_use]
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            id: id.into(),
            properties: Properties::new(),
        }
    }
}

impl Action {
    /// An action by its name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            properties: Properties::new(),
        }
    }
}

impl Resource {
    /// A resource of which nothing more is known.
    #[must_use]
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            id: id.into(),
            properties: Properties::new(),
        }
    }
}

impl Evaluation {
    /// A question without circumstances.
    #[must_use]
    pub fn new(subject: impl Into<Shared<Subject>>, action: Action, resource: Resource) -> Self {
        Self {
            subject: subject.into(),
            action,
            resource,
            context: Shared::default(),
        }
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} `{}` {} {} `{}`",
            self.subject.kind, self.subject.id, self.action.name, self.resource.kind, self.resource.id
        )
    }
}

fn is_empty(properties: &Properties) -> bool {
    properties.is_empty()
}

/// A string of at least one and at most [`IDENTIFIER_BYTES_MAX`] bytes.
pub(crate) fn identifier<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Err(serde::de::Error::custom("an empty identifier"));
    }
    if text.len() > IDENTIFIER_BYTES_MAX {
        let message = format!("an identifier of more than {IDENTIFIER_BYTES_MAX} bytes");
        return Err(serde::de::Error::custom(message));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_that_of_the_specification() {
        let text = r#"{"subject":{"type":"user","id":"alice@acmecorp.com"},"action":{"name":"can_read","properties":{"method":"GET"}},"resource":{"type":"account","id":"123"},"context":{"time":"1985-10-26T01:22-07:00"}}"#;
        let evaluation: Evaluation = serde_json::from_str(text).unwrap();
        assert_eq!(evaluation.subject.kind, "user");
        assert_eq!(evaluation.action.properties.get("method").unwrap(), "GET");
        assert_eq!(serde_json::to_string(&evaluation).unwrap(), text);
    }

    #[test]
    fn what_is_missing_or_too_long_is_refused() {
        let long = "x".repeat(IDENTIFIER_BYTES_MAX + 1);
        for (text, words) in [
            (r#"{"id":"a"}"#.to_owned(), "`type`"),
            (r#"{"type":"user"}"#.to_owned(), "`id`"),
            (r#"{"type":"user","id":""}"#.to_owned(), "empty"),
            (r#"{"type":"user","id":7}"#.to_owned(), "string"),
            (r#"{"type":"user","id":"a","id":"b"}"#.to_owned(), "duplicate"),
            (format!(r#"{{"type":"user","id":"{long}"}}"#), "more than 1024 bytes"),
        ] {
            let error = serde_json::from_str::<Subject>(&text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
