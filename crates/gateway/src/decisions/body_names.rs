//! Names and other plain values in a JSON body, read strictly: along the way a member that is there twice makes what it leads to unreadable, whatever the contract's
//! control would let pass. Twice is also what differs in the case of letters alone: there are readers that take one for the other (Go's and .NET's
//! among them), and which of two counts is theirs to say.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::named::{RESOURCES_MAX, Unreadable};
use super::values::Scalar;
use crate::limit::target::{POINTER_TOKENS_MAX, PointerError, unescaped};

/// The token that stands for every item of an array.
const EVERY_ITEM: &str = "*";

/// A way to values of a JSON body: a JSON pointer (RFC 6901) in which `*` stands for every item of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Box<[Box<str>]>);

impl Path {
    /// Reads a path such as `/from` or `/payments/*/account`.
    ///
    /// # Errors
    /// It does not begin with a slash, or has more than [`POINTER_TOKENS_MAX`] tokens.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        if text.is_empty() {
            return Ok(Self(Box::default()));
        }
        let tokens = text.strip_prefix('/').ok_or(PointerError::NoSlash)?.split('/');
        let tokens: Box<[Box<str>]> = tokens.map(unescaped).collect::<Result<_, _>>()?;
        match tokens.len() {
            ..=POINTER_TOKENS_MAX => Ok(Self(tokens)),
            _ => Err(PointerError::TooDeep),
        }
    }

    /// The names that stand there; none where there is no value, or null. One too many at most.
    pub(crate) fn names(&self, json: &[u8]) -> Result<Vec<Cow<'static, str>>, Unreadable> {
        self.scalars(json)?.into_iter().map(Scalar::name).collect()
    }

    /// The plain values that stand there, as [`Path::names`] finds them.
    pub(super) fn scalars(&self, json: &[u8]) -> Result<Vec<Scalar<'static>>, Unreadable> {
        let mut found = Vec::new();
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let way = Way {
            left: &self.0,
            found: &mut found,
        };
        let read = way.deserialize(&mut deserializer).and_then(|()| deserializer.end());
        read.map(|()| found).map_err(|_| Unreadable)
    }

    /// Whether several values may stand there.
    #[must_use]
    pub fn is_of_items(&self) -> bool {
        self.0.iter().any(|token| **token == *EVERY_ITEM)
    }
}

/// What is left of the way, and what was found at its end.
struct Way<'p, 'f> {
    left: &'p [Box<str>],
    found: &'f mut Vec<Scalar<'static>>,
}

impl Way<'_, '_> {
    fn ends<E: Error>(self, at: Scalar<'static>) -> Result<(), E> {
        match self.left {
            [] if self.found.len() <= RESOURCES_MAX => self.found.push(at),
            [] => {}
            // There is nothing below a value that is no object and no array.
            [..] => return Err(E::custom("no object")),
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Way<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Way<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a plain value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.ends(Scalar::Boolean(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.ends(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.ends(Scalar::Integer(number.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.ends(Scalar::Integer(number.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Some((name, left)) = self.left.split_first() else {
            return Err(A::Error::custom("an object is no plain value"));
        };
        let mut is_there = false;
        while let Some(likeness) = members.next_key_seed(Like(name))? {
            match likeness {
                Likeness::Other => drop(members.next_value::<IgnoredAny>()?),
                Likeness::Alike => return Err(A::Error::custom("a member that may be taken for another")),
                Likeness::Same if std::mem::replace(&mut is_there, true) => {
                    return Err(A::Error::custom("a member that is there twice"));
                }
                Likeness::Same => {
                    let found = &mut *self.found;
                    members.next_value_seed(Way { left, found })?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Some((token, left)) = self.left.split_first() else {
            return Err(A::Error::custom("an array is no plain value"));
        };
        let only: Option<usize> = match &**token {
            EVERY_ITEM => None,
            index => Some(index.parse().map_err(|_| A::Error::custom("no object"))?),
        };
        for item in 0.. {
            let found = &mut *self.found;
            let before = found.len();
            let next = match only.is_none_or(|only| only == item) {
                true => items.next_element_seed(Way { left, found })?,
                false => items.next_element::<IgnoredAny>()?.map(drop),
            };
            if next.is_none() {
                break;
            }
            // Of a list every item has a name, or what is done to some of it is decided by nobody.
            if only.is_none() && self.found.len() == before && before <= RESOURCES_MAX {
                return Err(A::Error::custom("an item without a value"));
            }
        }
        Ok(())
    }
}

/// What the name of a member is to the one that is looked for.
enum Likeness {
    Same,
    /// A reader who does not look at the case of letters takes it for the same.
    Alike,
    Other,
}

/// Holds the names of members against this one.
struct Like<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Like<'_> {
    type Value = Likeness;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Likeness, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Like<'_> {
    type Value = Likeness;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Likeness, E> {
        Ok(match self.0 == name {
            true => Likeness::Same,
            false if folded(self.0).eq(folded(name)) => Likeness::Alike,
            false => Likeness::Other,
        })
    }
}

/// A name without the case of its letters. The long s is the only letter whose lower case does not tell that it is one.
fn folded(name: &str) -> impl Iterator<Item = char> {
    let letters = name.chars().flat_map(char::to_lowercase);
    letters.map(|letter| if letter == '\u{17f}' { 's' } else { letter })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, json: &str, expected: Option<&[&str]>) {
        let names = Path::parse(path).unwrap().names(json.as_bytes()).ok();
        let names = names.as_ref().map(|names| names.iter().map(|name| &**name).collect());
        assert_eq!(names, expected.map(<[&str]>::to_vec), "{path} in {json}");
    }

    #[test]
    fn finds_names() {
        check("/from", r#"{"to":"2","from":"1"}"#, Some(&["1"]));
        check("/from", r#"{"fr\u006fm":"\u0031"}"#, Some(&["1"]));
        check("/a/b", r#"{"a":{"b":7}}"#, Some(&["7"]));
        check("/a~1b", r#"{"a/b":-7}"#, Some(&["-7"]));
        check("", r#""x""#, Some(&["x"]));
        check("/1", r#"["x","y"]"#, Some(&["y"]));
        check(
            "/*/id",
            r#"[{"id":"x"},{"id":"y","z":[{"id":"n"}]}]"#,
            Some(&["x", "y"]),
        );
        check("/a/*", r#"{"a":["x","x"]}"#, Some(&["x", "x"]));
        check("/a/*/*", r#"{"a":[["x"],["y"]]}"#, Some(&["x", "y"]));
        check("/a/*", r#"{"a":{"*":"x"}}"#, Some(&["x"]));
    }

    #[test]
    fn finds_nothing() {
        for json in ["{}", r#"{"a":null}"#, r#"{"b":"a"}"#] {
            check("/a", json, Some(&[]));
        }
        check("/a/*", r#"{"a":[]}"#, Some(&[]));
        check("/a/*/b", r#"{"a":[]}"#, Some(&[]));
    }

    #[test]
    fn authz_1_what_has_two_readings_has_none() {
        for json in [
            r#"{"a":"1","a":"2"}"#,
            r#"{"a":"1","\u0061":"1"}"#,
            r#"{"a":null,"a":"1"}"#,
            r#"{"a":1.0}"#,
            r#"{"a":1e0}"#,
            r#"{"a":-0}"#,
            r#"{"a":123456789012345678901234567890}"#,
            r#"{"a":true}"#,
            r#"{"a":{}}"#,
            r#"{"a":["1"]}"#,
            r#"{"a":"1"} x"#,
            r#"{"a":"1""#,
            "\"a\"",
            "[]",
            "",
        ] {
            check("/a", json, None);
        }
        for json in [r#"{"id":"1","ID":"2"}"#, r#"{"iD":"1"}"#, r#"{"\u0049d":"1"}"#] {
            check("/id", json, None);
        }
        check("/links", r#"{"links":"1","lin\u212as":"2"}"#, None);
        check("/links", r#"{"link\u017f":"1"}"#, None);
        check("/links", r#"{"links":"1","lynx":"2"}"#, Some(&["1"]));
        check("/a/b", r#"{"A":{"b":"1"}}"#, None);
        check("/a/b", r#"{"a":{"b":"1"},"a":{}}"#, None);
        check("/a/b", r#"{"a":"1"}"#, None);
        check("/*/id", r#"[{"id":"x"},{}]"#, None);
        check("/*/id", r#"[{"id":"x"},{"id":null}]"#, None);
    }

    #[test]
    fn a_long_list_ends() {
        let json = format!("[{}1]", "1,".repeat(10_000));
        let names = Path::parse("/*").unwrap().names(json.as_bytes()).ok();
        assert_eq!(names.unwrap().len(), RESOURCES_MAX + 1);
    }
}
