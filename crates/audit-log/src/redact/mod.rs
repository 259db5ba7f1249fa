//! What must not stand in a log in clear, found by its form: tokens and keys, e-mail addresses, numbers of cards, accounts and persons.
//!
//! Found wherever it stands in a text, percent-encoded or not. What a form alone cannot tell, a schema has to: an id that is a name, a
//! password that is a word. Time is linear in the text.

mod address;
mod number;
mod token;

use std::borrow::Cow;
use std::ops::Range;

pub use token::TOKENS;

/// What something looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A token or a key: a JWT, a private key, one of a known issuer.
    Token,
    /// An e-mail address (RFC 5322, addr-spec, as it is used).
    Email,
    /// A payment card (ISO/IEC 7812-1), with its check digit.
    Card,
    /// A bank account (ISO 13616, IBAN), with its check digits.
    Account,
    /// A person, by a number of their state: the United States' SSN, the United Kingdom's NINO, France's NIR.
    Person,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where, in octets; at boundaries of characters.
    pub place: Range<usize>,
    /// What it looks like.
    pub kind: Kind,
}

impl Kind {
    /// Its name in a log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Email => "e-mail",
            Self::Card => "card",
            Self::Account => "account",
            Self::Person => "person",
        }
    }
}

/// Everything in a text that looks like something that must not be logged: in its order, none over another.
#[must_use]
pub fn find(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    token::find(text, &mut found);
    address::find(text, &mut found);
    number::find(text, &mut found);
    // Of two in the same place the one that begins first counts, and of those the longer.
    found.sort_by_key(|found| (found.place.start, usize::MAX - found.place.end));
    let mut end = 0;
    found.retain(|found| {
        let is_free = found.place.start >= end;
        end = if is_free { found.place.end } else { end };
        is_free
    });
    found
}

/// The text with whatever is found replaced by what `instead` gives for it in clear.
pub fn redacted(text: &str, mut instead: impl FnMut(Kind, &str) -> String) -> Cow<'_, str> {
    let found = find(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = 0;
    for Found { place, kind } in found {
        clean.push_str(text.get(rest..place.start).unwrap_or_default());
        clean.push_str(&instead(kind, text.get(place.clone()).unwrap_or_default()));
        rest = place.end;
    }
    clean.push_str(text.get(rest..).unwrap_or_default());
    Cow::Owned(clean)
}

/// The text with whatever is found replaced by what it looks like: `[card]`.
#[must_use]
pub fn masked(text: &str) -> Cow<'_, str> {
    redacted(text, |kind, _| format!("[{}]", kind.name()))
}

/// The octet at a place; nothing behind the end.
fn at(text: &str, place: usize) -> Option<u8> {
    text.as_bytes().get(place).copied()
}

/// The octet before a place; nothing at the beginning.
fn before(text: &str, place: usize) -> Option<u8> {
    at(text, place.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(masked(text), expected, "{text}");
    }

    #[test]
    fn several_things_in_one_text_are_each_replaced() {
        check(
            "GET /users/jean@example.com/cards/4111111111111111?x=1",
            "GET /users/[e-mail]/cards/[card]?x=1",
        );
        check("", "");
        check("GET /accounts/123", "GET /accounts/123");
        assert!(matches!(masked("GET /accounts/123"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_replaces_is_told_what_it_was() {
        let clean = redacted("to a@b.example, b@b.example", |kind, clear| {
            format!("<{} {}>", kind.name(), clear.len())
        });
        assert_eq!(clean, "to <e-mail 11>, <e-mail 11>");
    }

    proptest! {
        #[test]
        fn any_text_is_cut_at_characters_and_clean_afterwards(text in r"[ \-%+@.a-z0-9äé4]{0,80}") {
            let found = find(&text);
            for pair in found.windows(2) {
                prop_assert!(pair[0].place.end <= pair[1].place.start);
            }
            for one in &found {
                prop_assert!(text.get(one.place.clone()).is_some_and(|clear| !clear.is_empty()));
            }
            let kept: usize = text.len() - found.iter().map(|one| one.place.len()).sum::<usize>();
            prop_assert_eq!(redacted(&text, |_, _| String::new()).len(), kept);
        }
    }
}
