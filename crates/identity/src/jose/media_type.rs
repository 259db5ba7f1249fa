//! Media types as `typ` and `cty` spell them (RFC 7515 §4.1.9 and §4.1.10).

use std::fmt;

/// A media type, compared as RFC 7515 §4.1.9 says: without regard to case, `application/` left out where nothing else
/// has a slash. Parameters count as they are spelt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MediaType(Box<str>);

impl MediaType {
    /// `at+jwt` and `application/AT+JWT` are the same.
    pub fn new(text: &str) -> Self {
        let lower = text.to_ascii_lowercase();
        let short = lower.strip_prefix("application/").filter(|rest| !rest.contains('/'));
        Self(short.unwrap_or(&lower).into())
    }

    /// Whether it is a JWT (RFC 7519 §5.2), or one of a certain kind by the suffix of RFC 8417 §7.2, as some issuers say of what they
    /// encrypt.
    pub fn is_jwt(&self) -> bool {
        let kind = self.0.strip_suffix("+jwt");
        &*self.0 == "jwt" || kind.is_some_and(|kind| !kind.is_empty() && !kind.contains('/'))
    }

    /// The short spelling, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compared_by_rfc_7515() {
        let same = |a: &str, b: &str| MediaType::new(a) == MediaType::new(b);
        assert!(same("at+jwt", "application/AT+JWT"));
        assert!(same("JWT", "jwt"));
        assert!(!same("at+jwt", "jwt"));
        assert!(!same("x/at+jwt", "at+jwt"));
        assert!(!same("application/x/at+jwt", "x/at+jwt"));
        assert!(!same("at+jwt ", "at+jwt"));
    }
}
