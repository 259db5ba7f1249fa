//! Finds the one value of a JSON body that a limit counts by, without a tree and without a copy.
//!
//! The body was judged before: what is not JSON after all yields no value, never a panic. Where a name occurs twice
//! (which the contract refuses), the last one counts, as in most parsers.

use std::borrow::Cow;

use thiserror::Error;

use crate::json_text::{after_value, blank, string};

/// The most reference tokens of a pointer.
pub const POINTER_TOKENS_MAX: usize = 16;

/// A JSON pointer (RFC 6901), such as `/username`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    text: Box<str>,
    tokens: Box<[Box<str>]>,
}

/// Why a text is no JSON pointer that a limit can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PointerError {
    /// It neither is empty nor starts with a slash.
    #[error("a JSON pointer starts with `/`; write `/username` for the member `username`")]
    NoSlash,
    /// A tilde that is neither `~0` nor `~1`.
    #[error("a `~` in a JSON pointer is written `~0`, a `/` within a name `~1`")]
    Escape,
    /// More than [`POINTER_TOKENS_MAX`] tokens.
    #[error("the JSON pointer has more than 16 parts; point to a value nearer to the root")]
    TooDeep,
}

/// A value as it stands in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string, unescaped; `true` and `false` too.
    Text(Cow<'a, str>),
    /// The text of a JSON number.
    Number(&'a str),
    /// An object or an array, as it was written.
    Compound(&'a [u8]),
}

impl Pointer {
    /// Reads the string form of a pointer (RFC 6901, section 3).
    ///
    /// # Errors
    /// It is not a pointer, or has more than [`POINTER_TOKENS_MAX`] tokens.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        if text.is_empty() {
            return Ok(Self {
                text: text.into(),
                tokens: Box::default(),
            });
        }
        let tokens = text.strip_prefix('/').ok_or(PointerError::NoSlash)?.split('/');
        let tokens = tokens.map(unescaped).collect::<Result<Vec<_>, _>>()?;
        if tokens.len() > POINTER_TOKENS_MAX {
            return Err(PointerError::TooDeep);
        }
        Ok(Self {
            text: text.into(),
            tokens: tokens.into(),
        })
    }

    /// The pointer as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its reference tokens, unescaped.
    pub(crate) fn tokens(&self) -> &[Box<str>] {
        &self.tokens
    }

    /// The value it points to in `json`; none where there is none, where it is null, or where `json` is not JSON.
    #[must_use]
    pub fn find<'j>(&self, json: &'j [u8]) -> Option<Value<'j>> {
        let mut rest = blank(json);
        for token in &self.tokens {
            rest = match rest.split_first()? {
                (b'{', inside) => member(inside, token)?,
                (b'[', inside) => item(inside, token.parse().ok()?)?,
                _ => return None,
            };
        }
        read(rest)
    }
}

pub(crate) fn unescaped(token: &str) -> Result<Box<str>, PointerError> {
    let mut text = String::with_capacity(token.len());
    let mut characters = token.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '~' => match characters.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return Err(PointerError::Escape),
            },
            other => other,
        });
    }
    Ok(text.into())
}

/// The value that `rest` starts with.
fn read(rest: &[u8]) -> Option<Value<'_>> {
    let length = rest.len().checked_sub(after_value(rest)?.len())?;
    let raw = rest.get(..length)?;
    match raw.first()? {
        b'"' => string(raw).map(Value::Text),
        b'{' | b'[' => Some(Value::Compound(raw)),
        b'n' => None,
        b't' | b'f' => std::str::from_utf8(raw).ok().map(|text| Value::Text(text.into())),
        _ => std::str::from_utf8(raw).ok().map(Value::Number),
    }
}

/// The last member of this name, given what follows the opening brace.
fn member<'j>(inside: &'j [u8], name: &str) -> Option<&'j [u8]> {
    let (mut rest, mut found) = (blank(inside), None);
    while rest.first() == Some(&b'"') {
        let after = after_value(rest)?;
        let key = rest.get(..rest.len().checked_sub(after.len())?)?;
        let value = blank(blank(after).strip_prefix(b":")?);
        if string(key)? == name {
            found = Some(value);
        }
        rest = blank(after_value(value)?);
        let Some(next) = rest.strip_prefix(b",") else { break };
        rest = blank(next);
    }
    found
}

/// The element at this index, given what follows the opening bracket.
fn item(inside: &[u8], index: usize) -> Option<&[u8]> {
    let mut rest = blank(inside);
    for _ in 0..index {
        rest = blank(blank(after_value(rest)?).strip_prefix(b",")?);
    }
    (!matches!(rest.first(), None | Some(b']'))).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_values() {
        let check = |pointer: &str, json: &str, expected: Option<Value<'_>>| {
            assert_eq!(
                Pointer::parse(pointer).unwrap().find(json.as_bytes()),
                expected,
                "{pointer} in {json}"
            );
        };
        let text = |text: &'static str| Some(Value::Text(text.into()));
        check(
            "/username",
            r#" { "password" : "x\"}" , "username" : "ann" } "#,
            text("ann"),
        );
        check("/username", r#"{"\u0075sername":"\u0061nn"}"#, text("ann"));
        check(
            "/username",
            r#"{"user":{"username":"bob"},"username":"ann"}"#,
            text("ann"),
        );
        check("/username", r#"{"username":"ann","username":"bob"}"#, text("bob"));
        check(
            "/user/0/na~1me",
            r#"{"user":[{"x":[1,{"}":"]"}],"na/me":"ann"}]}"#,
            text("ann"),
        );
        check("/id", r#"{"id":4.2e1}"#, Some(Value::Number("4.2e1")));
        check("/1", "[10, 20]", Some(Value::Number("20")));
        check("", "\"ann\"", text("ann"));
        check("/on", r#"{"on":true}"#, text("true"));
        check(
            "/list",
            r#"{"list":[1,{"a":2}] }"#,
            Some(Value::Compound(br#"[1,{"a":2}]"#)),
        );
        for nothing in [
            "",
            "{}",
            "[]",
            "{\"a\":null}",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":}",
            "{\"a\":\"",
            "\"a\"",
            "{a:1}",
            "7",
        ] {
            check("/a", nothing, None);
        }
        check("/2", "[1,2]", None);
    }

    #[test]
    fn refuses_what_is_no_pointer() {
        let check = |text: &str, expected| assert_eq!(Pointer::parse(text).unwrap_err(), expected);
        check("username", PointerError::NoSlash);
        check("/a~2", PointerError::Escape);
        check("/a~", PointerError::Escape);
        check(&"/a".repeat(17), PointerError::TooDeep);
    }

    #[test]
    fn deep_bodies_take_no_stack() {
        let deep = format!("{{\"x\":{},\"a\":1}}", "[".repeat(100_000) + &"]".repeat(100_000));
        assert_eq!(
            Pointer::parse("/a").unwrap().find(deep.as_bytes()),
            Some(Value::Number("1"))
        );
    }

    proptest! {
        #[test]
        fn agrees_with_a_tree(names in prop::collection::vec("[a-c\"\\\\é]{1,2}", 1..6), values in prop::collection::vec(".{0,6}", 6)) {
            let object: serde_json::Map<_, _> =
                names.iter().cloned().zip(values.into_iter().map(serde_json::Value::from)).collect();
            let json = serde_json::to_vec_pretty(&object).unwrap();
            for (name, value) in &object {
                let found = Pointer::parse(&format!("/{name}")).unwrap().find(&json);
                prop_assert_eq!(found, value.as_str().map(|text| Value::Text(text.to_owned().into())));
            }
        }

        #[test]
        fn any_bytes_end(json in prop::collection::vec(prop::sample::select(b"{}[]\",:\\ a1n".to_vec()), 0..60)) {
            let _ = Pointer::parse("/a/0").unwrap().find(&json);
            let _ = Pointer::parse("").unwrap().find(&json);
        }
    }
}
