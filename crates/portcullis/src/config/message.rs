//! Settings that are parts of HTTP messages, each parsed once into a type of its own; their formats are listed in `text.rs`.

use http::{HeaderValue, Uri};
use schemars::JsonSchema;
use serde::Deserialize;

/// A path to ask for, with a query where it needs one (RFC 9112 section 3.2.1).
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "String")]
#[schemars(extend("format" = "target-path", "examples" = ["/healthz"]))]
pub(crate) struct TargetPath(#[schemars(with = "String")] pub(crate) Uri);

impl TryFrom<String> for TargetPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a path to ask for");
        if !text.starts_with('/') || text.starts_with("//") || text.contains('#') {
            return Err(wrong());
        }
        text.parse().map(Self).map_err(|_| wrong())
    }
}

/// The value of a header.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "String")]
#[schemars(extend("format" = "header-value", "examples" = ["yes"]))]
pub(crate) struct HeaderText(pub(crate) String);

impl TryFrom<String> for HeaderText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match HeaderValue::from_str(&text) {
            Ok(_) if !text.is_empty() && text.trim() == text => Ok(Self(text)),
            _ => Err(format!("`{text}` is not the value of a header")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_messages_are_parsed() {
        let path = |text: &str| TargetPath::try_from(text.to_owned()).is_ok();
        for good in ["/", "/healthz", "/health?deep=1"] {
            assert!(path(good), "{good}");
        }
        for bad in ["", "healthz", "//healthz", "http://a/", "/a b", "/a#b"] {
            assert!(!path(bad), "{bad}");
        }
        let value = |text: &str| HeaderText::try_from(text.to_owned()).is_ok();
        assert!(value("yes") && value("a b"));
        assert!(!value("") && !value(" yes") && !value("a\nb"));
    }
}
