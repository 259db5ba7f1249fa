//! The compact serializations (RFC 7515 §7.1, RFC 7516 §7.1), and no other.
//!
//! The whole form is checked in one pass over the text, before anything is decoded or allocated.

use super::Refusal;
use super::base64url;

/// The longest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Dots in a signed token: header, payload, signature.
const JWS_DOTS: usize = 2;

/// Dots in an encrypted token: header, encrypted key, initialization vector, ciphertext, authentication tag.
const JWE_DOTS: usize = 4;

/// What a token is by its looks, before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A JWS: three parts, of which the first holds an object.
    Signed,
    /// A JWE: five parts, of which the first holds an object.
    Encrypted,
    /// Anything else: whoever made it knows what it is.
    Opaque,
}

impl Form {
    /// What a token looks like. One that is a JWT by its looks and is not by its content is refused, not taken for another kind.
    pub fn of(token: &str) -> Self {
        let form = match dots(token) {
            Ok(JWS_DOTS) => Self::Signed,
            Ok(JWE_DOTS) => Self::Encrypted,
            _ => return Self::Opaque,
        };
        let header = token.split_once('.').map(|(header, _)| header);
        let octets = header.and_then(base64url::decode).unwrap_or_default();
        if octets.trim_ascii_start().starts_with(b"{") {
            form
        } else {
            Self::Opaque
        }
    }
}

/// One part of a token: canonical base64url, not decoded yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a>(&'a str);

/// A signed token in its parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jws<'a> {
    pub(super) header: Part<'a>,
    pub(super) payload: Part<'a>,
    pub(super) signature: Part<'a>,
    /// Header and payload with the dot between them, as they came (RFC 7515 §5.2, step 8).
    pub(super) signing_input: &'a str,
}

/// An encrypted token in its parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jwe<'a> {
    pub(super) header: Part<'a>,
    pub(super) encrypted_key: Part<'a>,
    pub(super) iv: Part<'a>,
    pub(super) ciphertext: Part<'a>,
    pub(super) tag: Part<'a>,
    /// The header as it came: the additional authenticated data (RFC 7516 §5.1, step 14).
    pub(super) aad: &'a str,
}

impl<'a> Jws<'a> {
    pub(super) fn parse(token: &'a str) -> Result<Self, Refusal> {
        match dots(token)? {
            JWS_DOTS => {}
            JWE_DOTS => return Err(Refusal::EncryptedUnexpectedly),
            _ => return Err(Refusal::PartCount),
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(Refusal::PartCount)?;
        let (header, payload) = signing_input.split_once('.').ok_or(Refusal::PartCount)?;
        Ok(Self {
            header: Part::check(header)?,
            payload: Part::check(payload)?,
            signature: Part::check(signature)?,
            signing_input,
        })
    }
}

impl<'a> Jwe<'a> {
    pub(super) fn parse(token: &'a str) -> Result<Self, Refusal> {
        match dots(token)? {
            JWE_DOTS => {}
            JWS_DOTS => return Err(Refusal::NotEncrypted),
            _ => return Err(Refusal::PartCount),
        }
        let mut parts = token.split('.');
        let mut next = || parts.next().ok_or(Refusal::PartCount);
        let aad = next()?;
        Ok(Self {
            header: Part::check(aad)?,
            encrypted_key: Part::check(next()?)?,
            iv: Part::check(next()?)?,
            ciphertext: Part::check(next()?)?,
            tag: Part::check(next()?)?,
            aad,
        })
    }
}

impl<'a> Part<'a> {
    /// Takes a text of which [`dots`] has seen every character.
    fn check(text: &'a str) -> Result<Self, Refusal> {
        base64url::is_canonical(text)
            .then_some(Self(text))
            .ok_or(Refusal::NotCanonical)
    }

    pub(super) fn decode(self) -> Result<Vec<u8>, Refusal> {
        base64url::decode(self.0).ok_or(Refusal::NotCanonical)
    }
}

/// How many dots a token has that is short enough and made of nothing but base64url and dots.
fn dots(token: &str) -> Result<usize, Refusal> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Refusal::TooLong);
    }
    let mut dots = 0;
    for byte in token.bytes() {
        match byte {
            b'.' => dots += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {}
            _ => return Err(Refusal::ForeignCharacter),
        }
    }
    Ok(dots)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(token: &str, refusal: Option<Refusal>) {
        assert_eq!(Jws::parse(token).err(), refusal, "{token:.60}");
    }

    #[test]
    fn a_signed_token_has_three_parts() {
        check("e30.e30.AA", None);
        check("e30..", None);
        check("", Some(Refusal::PartCount));
        check("e30.e30", Some(Refusal::PartCount));
        check("e30.e30.AA.AA", Some(Refusal::PartCount));
        check("e30.e30.AA.AA.AA", Some(Refusal::EncryptedUnexpectedly));
        check(".....", Some(Refusal::PartCount));
    }

    #[test]
    fn an_encrypted_token_has_five() {
        assert!(Jwe::parse("e30.AA.AA.AA.AA").is_ok());
        assert_eq!(Jwe::parse("e30.e30.AA").err(), Some(Refusal::NotEncrypted));
        assert_eq!(Jwe::parse("e30.e30.AA.AA").err(), Some(Refusal::PartCount));
        assert_eq!(Jwe::parse("e30.AA.AB.AA.AA").err(), Some(Refusal::NotCanonical));
    }

    #[test]
    fn what_a_token_looks_like() {
        for (token, form) in [
            ("e30.e30.AA", Form::Signed),
            ("IHs.e30.AA", Form::Signed),
            ("e30.AA.AA.AA.AA", Form::Encrypted),
            ("e30.e30", Form::Opaque),
            ("AAAA.AAAA.AAAA", Form::Opaque),
            ("7Fjfp0ZBr1KtDRbnfVdmIw", Form::Opaque),
            ("a+b/c~d==", Form::Opaque),
        ] {
            assert_eq!(Form::of(token), form, "{token}");
        }
    }

    #[test]
    fn jose_10_no_other_serialization() {
        check(
            r#"{"payload":"e30","protected":"e30","signature":"AA"}"#,
            Some(Refusal::ForeignCharacter),
        );
        check(r#"e30.e30.AA{"payload":"e30"}"#, Some(Refusal::ForeignCharacter));
        check("e30.e30.AA\n", Some(Refusal::ForeignCharacter));
        check("e30.e30.\u{e9}", Some(Refusal::ForeignCharacter));
    }

    #[test]
    fn jose_18_length_and_dots_are_bounded() {
        let longest = format!("e30.{}.AAA", "A".repeat(TOKEN_BYTES_MAX - 8));
        assert_eq!(longest.len(), TOKEN_BYTES_MAX);
        check(&longest, None);
        check(&format!("{longest}A"), Some(Refusal::TooLong));
        check(&".".repeat(1_000_000), Some(Refusal::TooLong));
        check(&".".repeat(TOKEN_BYTES_MAX), Some(Refusal::PartCount));
    }

    #[test]
    fn jose_19_one_spelling_only() {
        check("e30.e30.AA==", Some(Refusal::ForeignCharacter));
        check("e30.e30.A+", Some(Refusal::ForeignCharacter));
        check("e30.e30.A/", Some(Refusal::ForeignCharacter));
        check("e30. e30.AA", Some(Refusal::ForeignCharacter));
        check("e30.e30.AB", Some(Refusal::NotCanonical));
        check("e31.e30.AA", Some(Refusal::NotCanonical));
        check("e30.e31.AA", Some(Refusal::NotCanonical));
        check("e30.e30.A", Some(Refusal::NotCanonical));
    }
}
