//! Text of issuers and callers as it stands in a header field: read in one way only, whatever it was.

use std::borrow::Cow;
use std::fmt::Write as _;

use portcullis_identity::principal::{Identity, Scopes};
use serde_json::Value;

/// Percent-encodes (RFC 3986 §2.1) every octet that is not a letter, a digit or one of `-._~:/@|`. What is left can neither
/// end a field nor a member of a list, and no two texts become the same.
pub(super) fn encoded(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _written = write!(encoded, "%{byte:02X}");
        }
    }
    Cow::Owned(encoded)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/@|".contains(&byte)
}

/// Who it is, in the names of who vouches for them: `user:main:alice`. Of the three parts only the last can have a colon.
pub(super) fn subject(identity: &Identity) -> String {
    encoded(&identity.subject().to_string()).into_owned()
}

/// The scopes that can be written so that nobody reads others, divided by spaces (RFC 6749 §3.3); none where there are none.
pub(super) fn scope(scopes: &Scopes) -> Option<String> {
    let readable = scopes.iter().filter(|scope| Scopes::is_one(scope));
    let scope = readable.collect::<Vec<_>>().join(" ");
    (!scope.is_empty()).then_some(scope)
}

/// The same in a header field, where a comma could end one.
pub(super) fn scope_field(scopes: &Scopes) -> Option<String> {
    let scope = scope(scopes)?;
    let scopes: Vec<_> = scope.split(' ').map(encoded).collect();
    Some(scopes.join(" "))
}

/// A claim in a header field: text, a number, a boolean, or a list of them divided by spaces. None for what has no such form.
pub(super) fn claim(value: &Value) -> Option<String> {
    match value {
        Value::Array(list) => {
            let parts: Option<Vec<String>> = list.iter().map(scalar).collect();
            Some(parts?.join(" "))
        }
        one => scalar(one),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(encoded(text).into_owned()),
        Value::Number(number) => Some(encoded(&number.to_string()).into_owned()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn http_7_nothing_in_a_text_ends_its_field_or_stands_for_another() {
        for (text, expected) in [
            ("alice", "alice"),
            ("auth0|64fe", "auth0|64fe"),
            ("https://id.example/u/1", "https://id.example/u/1"),
            ("alice@example.com", "alice@example.com"),
            ("", ""),
            ("a b", "a%20b"),
            ("a,b;c=d", "a%2Cb%3Bc%3Dd"),
            ("%41", "%2541"),
            ("a+b", "a%2Bb"),
            ("a\r\nX-Admin: 1", "a%0D%0AX-Admin:%201"),
            ("\0\u{7f}\t", "%00%7F%09"),
            ("Zoë", "Zo%C3%AB"),
            ("\"'\\", "%22%27%5C"),
        ] {
            assert_eq!(encoded(text), expected, "{text:?}");
        }
    }

    #[test]
    fn claims_are_told_where_they_have_one_form() {
        let check = |value: Value, expected: Option<&str>| {
            assert_eq!(claim(&value).as_deref(), expected, "{value}");
        };
        check(json!("a b"), Some("a%20b"));
        check(json!(""), Some(""));
        check(json!(42), Some("42"));
        check(json!(1.5e30), Some("1.5e%2B30"));
        check(json!(true), Some("true"));
        check(json!(["a", "b c", 1]), Some("a b%20c 1"));
        check(json!([]), Some(""));
        check(json!(null), None);
        check(json!({"a": 1}), None);
        check(json!([["a"]]), None);
        check(json!(["a", null]), None);
    }

    #[test]
    fn scopes_that_could_be_read_as_others_are_left_out() {
        let scopes = ["things.read", "a b", "say\"", "back\\", "tab\t", "é", "", "urn:x/y,z"];
        let scopes = Scopes::new(scopes.into_iter().map(Into::into).collect());
        assert_eq!(scope(&scopes).as_deref(), Some("things.read urn:x/y,z"));
        assert_eq!(scope_field(&scopes).as_deref(), Some("things.read urn:x/y%2Cz"));
        assert_eq!(scope(&Scopes::default()), None);
    }
}
