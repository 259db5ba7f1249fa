//! Secrets do not belong into URLs: they end up in logs, histories and `Referer` fields (RFC 9700 §4.3.2). A query
//! parameter with a telling name, or a value anywhere in the target that has the shape of a known kind of token, is
//! refused before anything is forwarded or logged.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use http::Uri;
use portcullis_audit_log::redact::TOKENS;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::percent;

use crate::refusal::Refusal;

/// Names without case, `-`, `_`, `.` and brackets.
const NAMES: [&str; 26] = [
    "accesstoken",
    "apikey",
    "apisecret",
    "apitoken",
    "auth",
    "authorization",
    "authtoken",
    "bearer",
    "bearertoken",
    "clientassertion",
    "clientsecret",
    "credential",
    "credentials",
    "idtoken",
    "jwt",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "pwd",
    "refreshtoken",
    "secret",
    "secretkey",
    "sessionid",
    "sessiontoken",
    "token",
];

/// The longest of [`NAMES`], so that longer names need no look.
const NAME_BYTES_MAX: usize = 15;

static PREFIXES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let prefixes = TOKENS.iter().map(|(prefix, _)| prefix);
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(prefixes)
        .ok()
});

/// Looks through a request's target.
///
/// # Errors
/// [`Refusal::UrlSecret`], with the parameter's name if the contract declares it.
pub(crate) fn look(uri: &Uri, declared: &Operation) -> Result<(), Refusal> {
    for pair in uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
    {
        let name = decoded(pair.split_once('=').map_or(pair, |(name, _)| name));
        if is_telling(&name) {
            let mut parameters = declared.parameters.query.iter().map(|parameter| &parameter.name);
            let parameter = parameters.find(|known| ***known == *name).map(ToString::to_string);
            return Err(Refusal::UrlSecret { parameter });
        }
    }
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    if has_token(&decoded(target)) {
        Err(Refusal::UrlSecret { parameter: None })
    } else {
        Ok(())
    }
}

/// Whether a query parameter of this name is refused whatever its value, case and `-`, `_`, `.` and brackets not counted.
#[must_use]
pub fn is_telling(name: &str) -> bool {
    if name.len() > 2 * NAME_BYTES_MAX {
        return false;
    }
    let bare: String = name
        .chars()
        .filter(|char| !matches!(char, '-' | '_' | '.' | '[' | ']'))
        .map(|char| char.to_ascii_lowercase())
        .collect();
    NAMES.binary_search(&bare.as_str()).is_ok()
}

fn has_token(target: &str) -> bool {
    // Without the automaton nothing could be said of the target, and what cannot be checked is refused.
    let Some(prefixes) = &*PREFIXES else { return true };
    prefixes.find_iter(target).any(|found| {
        let (_, least) = TOKENS.get(found.pattern().as_usize()).copied().unwrap_or_default();
        let rest = target.as_bytes().get(found.end()..).unwrap_or_default();
        let token = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        rest.iter().take_while(token).count() >= least
    })
}

/// Percent-decoded as far as that goes; what is not UTF-8 then is refused elsewhere.
fn decoded(text: &str) -> Cow<'_, str> {
    match percent::decoded(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_sorted_for_the_search() {
        assert!(NAMES.is_sorted());
        assert_eq!(NAMES.iter().map(|name| name.len()).max(), Some(NAME_BYTES_MAX));
    }

    #[test]
    fn telling_names() {
        for (name, expected) in [
            ("access_token", true),
            ("Access-Token", true),
            ("apiKey", true),
            ("password", true),
            ("filter[token]", false),
            ("page", false),
            ("tokens", false),
            ("author", false),
        ] {
            assert_eq!(is_telling(name), expected, "{name}");
        }
        assert!(is_telling(&decoded("acc%65ss_token")));
    }

    #[test]
    fn shapes_of_tokens() {
        for (target, expected) in [
            ("/share/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", true),
            ("/share/%65yJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", true),
            ("/a?x=AKIAIOSFODNN7EXAMPLE", true),
            ("/a?x=ghp_0123456789abcdefghijklmnopqrstuvwxyz", true),
            ("/users/eyJack", false),
            ("/spaces/1/messages?since=2026-01-01", false),
        ] {
            assert_eq!(has_token(&decoded(target)), expected, "{target}");
        }
    }
}
