//! Objects, subjects and tuples, and how they are written: `object#relation@subject`.

use std::fmt;

use thiserror::Error;

/// How many bytes the name of a type or a relation has at most.
pub const NAME_BYTES_MAX: usize = 64;
/// How many bytes the id of an object has at most.
pub const ID_BYTES_MAX: usize = 255;
/// What stands for every id of a type, and is none itself.
pub(super) const EVERYONE: &str = "*";

/// Why a text names no object, subject or tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The name of a type or a relation.
    #[error("a name is a letter, then letters, digits, `_` and `-`, {NAME_BYTES_MAX} bytes at most")]
    Name,
    /// The id of an object.
    #[error("an id has 1 to {ID_BYTES_MAX} bytes, without `#`, blanks and control characters, and is not `*`")]
    Id,
    /// Something is missing of `type:id`.
    #[error("an object is written `type:id`")]
    Object,
    /// Something is missing of `object#relation@subject`.
    #[error("a tuple is written `object#relation@subject`")]
    Tuple,
}

/// One thing or person: a type and an id, compared byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object<S = Box<str>> {
    kind: S,
    id: S,
}

/// Who stands in a relation to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject<S = Box<str>> {
    /// An object: `user:jean`.
    One(Object<S>),
    /// All who are in a relation to an object: `group:board#member`.
    Userset(Object<S>, S),
    /// Everyone of a type, known or not: `user:*`.
    Everyone(S),
}

/// That a subject stands in a relation to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tuple<S = Box<str>> {
    object: Object<S>,
    relation: S,
    subject: Subject<S>,
}

/// Whether a type or a relation may be called so.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text.len() <= NAME_BYTES_MAX
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(allowed)
}

fn name(text: &str) -> Result<&str, Malformed> {
    is_name(text).then_some(text).ok_or(Malformed::Name)
}

fn is_id(text: &str) -> bool {
    let forbidden = |letter: char| letter == '#' || letter.is_whitespace() || letter.is_control();
    (1..=ID_BYTES_MAX).contains(&text.len()) && text != EVERYONE && !text.contains(forbidden)
}

impl<'a> Object<&'a str> {
    /// An object of a type.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn new(kind: &'a str, id: &'a str) -> Result<Self, Malformed> {
        let kind = name(kind)?;
        is_id(id).then_some(Self { kind, id }).ok_or(Malformed::Id)
    }

    /// Reads `type:id`. The id begins behind the first colon and may have more.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        let (kind, id) = text.split_once(':').ok_or(Malformed::Object)?;
        Self::new(kind, id)
    }
}

impl<'a> Subject<&'a str> {
    /// Reads `type:id`, `type:id#relation` or `type:*`.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        if let Some((object, relation)) = text.split_once('#') {
            return Ok(Self::Userset(Object::parse(object)?, name(relation)?));
        }
        match text.split_once(':') {
            Some((kind, EVERYONE)) => name(kind).map(Self::Everyone),
            _ => Object::parse(text).map(Self::One),
        }
    }
}

impl<'a> Tuple<&'a str> {
    /// A tuple of its parts.
    ///
    /// # Errors
    /// [`Malformed::Name`] where the relation has no name.
    pub fn new(object: Object<&'a str>, relation: &'a str, subject: Subject<&'a str>) -> Result<Self, Malformed> {
        let relation = name(relation)?;
        Ok(Self {
            object,
            relation,
            subject,
        })
    }

    /// Reads `object#relation@subject`. Ids may have `@`: the first `#` ends the object, and the first `@` behind it the relation.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        let (object, rest) = text.split_once('#').ok_or(Malformed::Tuple)?;
        let (relation, subject) = rest.split_once('@').ok_or(Malformed::Tuple)?;
        Self::new(Object::parse(object)?, relation, Subject::parse(subject)?)
    }
}

impl<S: AsRef<str>> Object<S> {
    /// Its type.
    pub fn kind(&self) -> &str {
        self.kind.as_ref()
    }

    /// Its id.
    pub fn id(&self) -> &str {
        self.id.as_ref()
    }

    /// The same, borrowed.
    pub fn view(&self) -> Object<&str> {
        Object {
            kind: self.kind(),
            id: self.id(),
        }
    }

    /// The same, kept.
    pub fn keep(&self) -> Object {
        Object {
            kind: self.kind().into(),
            id: self.id().into(),
        }
    }
}

impl<S: AsRef<str>> Subject<S> {
    /// The same, borrowed.
    pub fn view(&self) -> Subject<&str> {
        match self {
            Self::One(object) => Subject::One(object.view()),
            Self::Userset(object, relation) => Subject::Userset(object.view(), relation.as_ref()),
            Self::Everyone(kind) => Subject::Everyone(kind.as_ref()),
        }
    }

    /// The same, kept.
    pub fn keep(&self) -> Subject {
        match self {
            Self::One(object) => Subject::One(object.keep()),
            Self::Userset(object, relation) => Subject::Userset(object.keep(), relation.as_ref().into()),
            Self::Everyone(kind) => Subject::Everyone(kind.as_ref().into()),
        }
    }

    /// The object that it is, or whose userset it is.
    pub fn object(&self) -> Option<Object<&str>> {
        match self {
            Self::One(object) | Self::Userset(object, _) => Some(object.view()),
            Self::Everyone(_) => None,
        }
    }

    /// How it is kept in an index: the type, the id or `*`, and the relation.
    pub(super) fn parts(&self) -> (&str, &str, Option<&str>) {
        match self {
            Self::One(object) => (object.kind(), object.id(), None),
            Self::Userset(object, relation) => (object.kind(), object.id(), Some(relation.as_ref())),
            Self::Everyone(kind) => (kind.as_ref(), EVERYONE, None),
        }
    }
}

impl<S: AsRef<str>> Tuple<S> {
    /// Whom or what it is about.
    pub fn object(&self) -> Object<&str> {
        self.object.view()
    }

    /// In which relation the subject stands to the object.
    pub fn relation(&self) -> &str {
        self.relation.as_ref()
    }

    /// Who stands in it.
    pub fn subject(&self) -> Subject<&str> {
        self.subject.view()
    }

    /// The same, borrowed.
    pub fn view(&self) -> Tuple<&str> {
        Tuple {
            object: self.object(),
            relation: self.relation(),
            subject: self.subject(),
        }
    }

    /// The same, kept.
    pub fn keep(&self) -> Tuple {
        Tuple {
            object: self.object.keep(),
            relation: self.relation().into(),
            subject: self.subject.keep(),
        }
    }

    /// Whether an object is in it, on either side.
    pub fn names(&self, object: Object<&str>) -> bool {
        self.object() == object || self.subject().object() == Some(object)
    }
}

impl<S: AsRef<str>> fmt::Display for Object<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.kind(), self.id())
    }
}

impl<S: AsRef<str>> fmt::Display for Subject<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id, relation) = self.parts();
        write!(formatter, "{kind}:{id}")?;
        relation.map_or(Ok(()), |relation| write!(formatter, "#{relation}"))
    }
}

impl<S: AsRef<str>> fmt::Display for Tuple<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}#{}@{}", self.object(), self.relation(), self.subject())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        for text in [
            "account:1#owner@user:jean",
            "mailbox:a@b.example#reader@user:jean@example.com",
            "doc:a:b#reader@group:board#member",
            "doc:é#reader@user:*",
        ] {
            let tuple = Tuple::parse(text).unwrap();
            assert_eq!(tuple.to_string(), text);
            assert_eq!(tuple.keep().to_string(), text);
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let (long, longer) = ("x".repeat(ID_BYTES_MAX), "x".repeat(ID_BYTES_MAX + 1));
        assert!(Object::new("a", &long).is_ok());
        for (text, expected) in [
            ("account:1", Malformed::Tuple),
            ("account:1#owner", Malformed::Tuple),
            ("account#owner@user:jean", Malformed::Object),
            ("account:#owner@user:jean", Malformed::Id),
            ("account:*#owner@user:jean", Malformed::Id),
            ("account:1#owner@user", Malformed::Object),
            ("account:1#owner@user:a b", Malformed::Id),
            ("account:1#owner@user:*#member", Malformed::Id),
            ("account:1#owner@user:a#member#x", Malformed::Name),
            ("account:1#o wner@user:a", Malformed::Name),
            ("1ccount:1#owner@user:a", Malformed::Name),
            ("account:1#@user:a", Malformed::Name),
            ("account:1\u{0}#owner@user:a", Malformed::Id),
            (&format!("account:{longer}#owner@user:a"), Malformed::Id),
        ] {
            assert_eq!(Tuple::parse(text), Err(expected), "{text}");
        }
    }
}
