//! Values that stand in an entry otherwise than in clear, each as a text that says so.
//!
//! A value that may have to be erased enters as a commitment: SHA-256 over a salt and the value. The value and its salt lie beside the
//! log. Without the salt nobody can find out the value by trying, so when both are deleted nothing is left of it, while every proof
//! holds as before.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// The octets of a salt.
pub const SALT_BYTES: usize = 16;

const MASKED: &str = "masked:";
const HASHED: &str = "hmac-sha256:";
const ENCRYPTED: &str = "hpke:";
const COMMITTED: &str = "committed:";
const CLEAR: &str = "clear:";
const COMMITMENT_DOMAIN: &[u8] = b"portcullis audit log erasable value\0";

/// A value, as an entry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protected<'t> {
    /// In clear.
    Clear(Cow<'t, str>),
    /// Not at all: what it looked like, such as `card`, or `sensitive`.
    Masked(Cow<'t, str>),
    /// A keyed digest: equal values have equal ones. The key's name and the digest, with `:` between.
    Hashed(Cow<'t, str>),
    /// For an auditor's key alone (RFC 9180): the key's name and what was sealed, with `:` between.
    Encrypted(Cow<'t, str>),
    /// A commitment to a value that lies beside the log, unless it was erased.
    Committed(Cow<'t, str>),
}

impl<'t> Protected<'t> {
    /// What a text of an entry is.
    #[must_use]
    pub fn read(text: &'t str) -> Self {
        let of = |prefix| text.strip_prefix(prefix).map(Cow::Borrowed);
        None.or_else(|| of(MASKED).map(Self::Masked))
            .or_else(|| of(HASHED).map(Self::Hashed))
            .or_else(|| of(ENCRYPTED).map(Self::Encrypted))
            .or_else(|| of(COMMITTED).map(Self::Committed))
            .or_else(|| of(CLEAR).map(Self::Clear))
            .unwrap_or(Self::Clear(Cow::Borrowed(text)))
    }

    /// The text of an entry that says it. One in clear that looks like another form is marked, so that nobody can forge one.
    #[must_use]
    pub fn into_text(self) -> Cow<'t, str> {
        let prefixed = |prefix: &str, text: &str| Cow::Owned(format!("{prefix}{text}"));
        match self {
            Self::Clear(text) => {
                let forms = [MASKED, HASHED, ENCRYPTED, COMMITTED, CLEAR];
                if forms.iter().any(|form| text.starts_with(form)) {
                    prefixed(CLEAR, &text)
                } else {
                    text
                }
            }
            Self::Masked(what) => prefixed(MASKED, &what),
            Self::Hashed(what) => prefixed(HASHED, &what),
            Self::Encrypted(what) => prefixed(ENCRYPTED, &what),
            Self::Committed(what) => prefixed(COMMITTED, &what),
        }
    }
}

/// A value that can be erased, as it lies beside the log: one line of JSON each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasable<'t> {
    /// What the entry has in its place.
    #[serde(borrow)]
    pub commitment: Cow<'t, str>,
    /// Chance, in base64url.
    #[serde(borrow)]
    pub salt: Cow<'t, str>,
    /// The value.
    #[serde(borrow)]
    pub value: Cow<'t, str>,
}

impl<'t> Erasable<'t> {
    /// Commits to a value. The salt has to be chance, and another one for every value.
    #[must_use]
    pub fn new(value: &'t str, salt: &[u8; SALT_BYTES]) -> Self {
        Self {
            commitment: commitment(salt, value).into(),
            salt: URL_SAFE_NO_PAD.encode(salt).into(),
            value: value.into(),
        }
    }

    /// Whether the value is what was committed to.
    #[must_use]
    pub fn holds(&self) -> bool {
        let salt = URL_SAFE_NO_PAD.decode(&*self.salt);
        salt.is_ok_and(|salt| salt.len() == SALT_BYTES && commitment(&salt, &self.value) == self.commitment)
    }
}

/// The commitment to a value under a salt, in base64url.
#[must_use]
pub fn commitment(salt: &[u8], value: &str) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    context.update(COMMITMENT_DOMAIN);
    context.update(salt);
    context.update(value.as_bytes());
    URL_SAFE_NO_PAD.encode(context.finish())
}
