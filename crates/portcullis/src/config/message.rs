//! Settings that are parts of HTTP messages, each parsed once into a type of its own; their formats are listed in `text.rs`.

use http::{HeaderName, HeaderValue, Uri};
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

/// A JSON pointer (RFC 6901) to a value in a body.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "String")]
#[schemars(extend("format" = "value-pointer", "examples" = ["/username"]))]
pub(crate) struct Pointer(pub(crate) String);

impl TryFrom<String> for Pointer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let escaped = |token: &str| token.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
        match text.strip_prefix('/') {
            // The whole of it.
            None if text.is_empty() => Ok(Self(text)),
            Some(rest) if text.len() <= 256 && rest.split('/').all(|token| !token.is_empty() && escaped(token)) => {
                Ok(Self(text))
            }
            _ => Err(format!("`{text}` is not a JSON pointer")),
        }
    }
}

/// The name of a header field that the gate writes, and nobody else means anything by.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "String")]
#[schemars(extend("format" = "field-name", "examples" = ["X-Caller"]))]
pub(crate) struct FieldName(#[schemars(with = "String")] pub(crate) HeaderName);

impl FieldName {
    /// Fields of HTTP itself, and those that the gate writes for something else.
    const TAKEN: [&str; 21] = [
        "accept-encoding",
        "connection",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "http2-settings",
        "if-range",
        "keep-alive",
        "range",
        "set-cookie",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
    ];
    const TAKEN_FAMILIES: [&str; 3] = ["content-", "proxy-", "sec-"];
    const BYTES_MAX: usize = 64;
}

impl TryFrom<String> for FieldName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // Servers differ in what they make of other characters, so they would read another name.
        let readable = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let lower = text.to_ascii_lowercase();
        if text.is_empty() || text.len() > Self::BYTES_MAX || !text.bytes().all(readable) {
            return Err(format!("`{text}` is not the name of a header"));
        }
        if Self::TAKEN.contains(&&*lower) || Self::TAKEN_FAMILIES.iter().any(|family| lower.starts_with(family)) {
            return Err(format!("`{text}` has a meaning of its own"));
        }
        let name = HeaderName::from_bytes(lower.as_bytes());
        name.map(Self)
            .map_err(|_| format!("`{text}` is not the name of a header"))
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
        let name = |text: &str| FieldName::try_from(text.to_owned()).is_ok();
        for good in ["X-Caller", "authorization", "Remote-User"] {
            assert!(name(good), "{good}");
        }
        let long = "x".repeat(65);
        for bad in [
            "",
            "x_caller",
            "x caller",
            "x:y",
            "Host",
            "content-length",
            "Sec-WebSocket-Key",
            "Cookie",
            &long,
        ] {
            assert!(!name(bad), "{bad}");
        }
    }
}
