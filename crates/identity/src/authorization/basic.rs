//! User name and password (RFC 7617), decoded in one way only: what two decoders could read differently is refused.
//!
//! Nothing is percent-decoded, folded or normalized: names and passwords are compared octet by octet, in UTF-8, as the challenge
//! says with `charset` (RFC 7617 §2.1).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Unreadable;

/// The longest user name, in octets.
pub const USER_NAME_BYTES_MAX: usize = 256;
/// The longest password, in octets.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// The longest credential in base64: a user name, a colon and a password.
const CREDENTIAL_BYTES_MAX: usize = (USER_NAME_BYTES_MAX + 1 + PASSWORD_BYTES_MAX).div_ceil(3) * 4;

/// A user name and a password, as they are presented. The password is overwritten when it goes.
pub struct Basic {
    user_name: Box<str>,
    password: Password,
}

/// A password as it is presented: never shown, overwritten when it goes.
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// What somebody typed.
    pub fn new(octets: Vec<u8>) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// Its octets, for whoever verifies or hashes it.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl Basic {
    /// Reads what follows the scheme, `token68` of RFC 9110 §11.2. The first colon ends the user name; a password may have more.
    ///
    /// # Errors
    ///
    /// [`Unreadable`]: it is longer than the bounds, not base64 in its canonical form (RFC 4648 §3.5, with its padding), not UTF-8,
    /// has no colon, or has a control character.
    pub fn decode(credential: &str) -> Result<Self, Unreadable> {
        if credential.len() > CREDENTIAL_BYTES_MAX {
            return Err(Unreadable);
        }
        let octets = Zeroizing::new(STANDARD.decode(credential).map_err(|_| Unreadable)?);
        let text = std::str::from_utf8(&octets).map_err(|_| Unreadable)?;
        let (user_name, password) = text.split_once(':').ok_or(Unreadable)?;
        let fits = user_name.len() <= USER_NAME_BYTES_MAX && password.len() <= PASSWORD_BYTES_MAX;
        if !fits || text.contains(char::is_control) {
            return Err(Unreadable);
        }
        Ok(Self {
            user_name: user_name.into(),
            password: Password::new(password.as_bytes().to_vec()),
        })
    }

    /// Who they say they are. It has no colon; it may be empty.
    pub fn user_name(&self) -> &str {
        &self.user_name
    }

    /// What they prove it with, apart from the name.
    pub fn into_password(self) -> Password {
        self.password
    }
}

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Basic")
            .field("user_name", &self.user_name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(credential: &str) -> Option<(String, Vec<u8>)> {
        let basic = Basic::decode(credential).ok()?;
        Some((basic.user_name().to_owned(), basic.into_password().octets().to_vec()))
    }

    #[track_caller]
    fn check(credential: &str, expected: Option<(&str, &str)>) {
        let expected = expected.map(|(name, password)| (name.to_owned(), password.as_bytes().to_vec()));
        assert_eq!(decoded(credential), expected, "{credential:?}");
    }

    #[track_caller]
    fn check_octets(octets: &[u8], expected: Option<(&str, &str)>) {
        check(&STANDARD.encode(octets), expected);
    }

    #[test]
    fn the_examples_of_rfc_7617() {
        check("QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some(("Aladdin", "open sesame")));
        check("dGVzdDoxMjPCow==", Some(("test", "123£")));
    }

    #[test]
    fn oauth_28_base64_has_one_spelling() {
        check("YTpi", Some(("a", "b")));
        check("YTpiYw==", Some(("a", "bc")));
        for other in [
            "YTpiYw",
            "YTpiYw=",
            "YTpiYw===",
            "YTpiYx==",
            "YTpi=",
            "YTpi====",
            "YTp-",
            "YTp_",
            "YTpi\n",
            "YT pi",
            "Y",
            "=",
            "",
            "%59Tpi",
            "YTpi.",
            "YTpi~",
        ] {
            check(other, None);
        }
    }

    #[test]
    fn oauth_28_the_first_colon_splits_and_nothing_is_decoded_further() {
        check_octets(b"alice:a:b:", Some(("alice", "a:b:")));
        check_octets(b":secret", Some(("", "secret")));
        check_octets(b"alice:", Some(("alice", "")));
        check_octets(b"alice", None);
        check_octets(b"a%3Ab:c%20d+e", Some(("a%3Ab", "c%20d+e")));
        check_octets(b" alice : secret ", Some((" alice ", " secret ")));
    }

    #[test]
    fn oauth_28_only_utf_8_without_control_characters() {
        check_octets("zoë:пароль".as_bytes(), Some(("zoë", "пароль")));
        for octets in [
            &b"al\xffice:x"[..],
            b"alice:\xc0\xaf",
            b"alice:\xed\xa0\x80",
            b"alice:\xe9",
            b"ali\0ce:x",
            b"alice:x\0",
            b"alice:x\n",
            b"al\tice:x",
            b"alice:\x7f",
            "alice:\u{85}".as_bytes(),
            "\u{9b}alice:x".as_bytes(),
        ] {
            check_octets(octets, None);
        }
    }

    #[test]
    fn names_and_passwords_are_bounded() {
        let of = |name: usize, password: usize| format!("{}:{}", "n".repeat(name), "p".repeat(password));
        let accepts = |name, password| decoded(&STANDARD.encode(of(name, password))).is_some();
        assert!(accepts(USER_NAME_BYTES_MAX, PASSWORD_BYTES_MAX));
        assert!(!accepts(USER_NAME_BYTES_MAX + 1, 1));
        assert!(!accepts(1, PASSWORD_BYTES_MAX + 1));
        assert!(!accepts(1, 1 << 20));
    }

    #[test]
    fn a_password_is_never_shown() {
        let shown = format!("{:?}", Basic::decode(&STANDARD.encode("alice:hunter2")).unwrap());
        assert!(shown.contains("alice") && !shown.contains("hunter2"), "{shown}");
    }

    proptest! {
        #[test]
        fn what_is_decoded_is_what_was_encoded(name in "[^:\\pC]{0,40}", password in "\\PC{0,200}") {
            prop_assert_eq!(
                decoded(&STANDARD.encode(format!("{name}:{password}"))),
                Some((name, password.into_bytes()))
            );
        }

        /// Two texts that are decoded to the same are the same text.
        #[test]
        fn no_credential_has_a_second_spelling(credential in "[A-Za-z0-9+/=._~ -]{0,24}") {
            if let Some((name, password)) = decoded(&credential) {
                let octets = [name.as_bytes(), b":", &password].concat();
                prop_assert_eq!(STANDARD.encode(octets), credential);
            }
        }
    }
}
