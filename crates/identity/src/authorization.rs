//! The `Authorization` field of a request (RFC 9110 §11.6.2), read strictly: one credential, in one spelling.

mod basic;

pub use basic::{Basic, PASSWORD_BYTES_MAX, Password, USER_NAME_BYTES_MAX};

/// What a caller presents in `Authorization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization<'r> {
    /// `Bearer`: a token, of the form of RFC 6750 §2.1.
    Bearer(&'r str),
    /// `Basic` (RFC 7617): what [`Basic::decode`] reads.
    Basic(&'r str),
    /// `DPoP`: a token in the same form, with a proof in a field of its own (RFC 9449 §7.1).
    Dpop(&'r str),
    /// Another scheme.
    Other,
}

/// The field cannot be read in one way only: it stands twice, or its credential has not the form of its scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl<'r> Authorization<'r> {
    /// The credential in the values of the field, if there is one.
    ///
    /// # Errors
    ///
    /// [`Unreadable`]. Of several credentials none is chosen, since somebody behind may choose another.
    pub fn read(values: impl IntoIterator<Item = &'r [u8]>) -> Result<Option<Self>, Unreadable> {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(_), Some(_)) => Err(Unreadable),
            (Some(value), None) => Self::of(value).map(Some).ok_or(Unreadable),
        }
    }

    fn of(value: &'r [u8]) -> Option<Self> {
        let value = std::str::from_utf8(value).ok()?;
        let (scheme, credential) = value.split_once(' ')?;
        let token68: fn(&'r str) -> Self = match scheme {
            bearer if bearer.eq_ignore_ascii_case("bearer") => Self::Bearer,
            dpop if dpop.eq_ignore_ascii_case("dpop") => Self::Dpop,
            basic if basic.eq_ignore_ascii_case("basic") => Self::Basic,
            other => return is_token(other).then_some(Self::Other),
        };
        let credential = credential.trim_start_matches(' ');
        is_token68(credential).then(|| token68(credential))
    }
}

/// `b64token`, which RFC 9110 §11.2 calls `token68`.
///
/// Every token passes here, even one that is remembered: without a branch for each octet, many are compared at once.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let letter = |byte: u8| (byte | 0x20).wrapping_sub(b'a') < 26;
    let digit_or_mark = |byte: u8| (byte.wrapping_sub(b'-') < 13) | (byte == b'+') | (byte == b'_') | (byte == b'~');
    let allowed = |all, byte| all & (letter(byte) | digit_or_mark(byte));
    !body.is_empty() && body.bytes().fold(true, allowed)
}

/// RFC 9110 §5.6.2
fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token68_is_of_exactly_the_characters_that_it_may_have() {
        let marks = "-._~+/";
        for character in (0..=0x7ff).filter_map(char::from_u32) {
            let allowed = character.is_ascii_alphanumeric() || marks.contains(character);
            assert_eq!(is_token68(&format!("a{character}b")), allowed, "{character:?}");
        }
    }

    #[track_caller]
    fn check(values: &[&str], expected: Result<Option<Authorization<'_>>, Unreadable>) {
        let read = Authorization::read(values.iter().map(|value| value.as_bytes()));
        assert_eq!(read, expected, "{values:?}");
    }

    #[test]
    fn one_credential_in_one_spelling() {
        check(&[], Ok(None));
        check(
            &["Bearer a.b-c_d~e+f/g=="],
            Ok(Some(Authorization::Bearer("a.b-c_d~e+f/g=="))),
        );
        check(&["bEARER  abc"], Ok(Some(Authorization::Bearer("abc"))));
        check(&["DPoP abc"], Ok(Some(Authorization::Dpop("abc"))));
        check(&["dpop abc"], Ok(Some(Authorization::Dpop("abc"))));
        check(&["Basic YTpi"], Ok(Some(Authorization::Basic("YTpi"))));
        check(&["BASIC  YTpi"], Ok(Some(Authorization::Basic("YTpi"))));
        check(&["Digest username=\"a\""], Ok(Some(Authorization::Other)));
        for unreadable in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer =",
            "Bearer a b",
            "Bearer a,b",
            "Bearer a=b",
            "Bearer a\tb",
            "DPoP",
            "DPoP a b",
            "DPoP a, DPoP b",
            "Bearer\tabc",
            "Basic",
            "Basic YTpi YTpi",
            "Basic YTpi, Basic YTpi",
            "Basic a:b",
            "Bearer \"a\"",
            " Bearer a",
            "B(arer a",
        ] {
            check(&[unreadable], Err(Unreadable));
        }
        check(&["Bearer a", "Bearer a"], Err(Unreadable));
        check(&["Basic YTpi", "Bearer a"], Err(Unreadable));
    }
}
