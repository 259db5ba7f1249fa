//! JWTs in answers: whoever holds one can read its claims (RFC 7519 §12), so they are decoded and judged like any other
//! part of the answer. A claim from the list of sensitive ones, or an unsigned token, is a violation.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use memchr::memmem;
use serde_json::Value;

/// A base64url JSON object begins like this: `{"`.
const START: &[u8] = b"eyJ";

/// The most tokens that are decoded in one answer; with more, the answer is refused as a whole.
const TOKENS_MAX: usize = 100;

/// The longest token that is decoded, in bytes; a longer one counts as a violation.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Whether a body carries a JWT that must not leave.
pub(crate) fn betray(body: &[u8], sensitive: &[Box<str>]) -> bool {
    let mut tokens = 0;
    let mut rest = body;
    while let Some(at) = memmem::find(rest, START) {
        let token = rest.get(at..).unwrap_or_default();
        let length = token.iter().take_while(|byte| is_token_byte(**byte)).count();
        let (token, after) = token.split_at(length);
        rest = after;
        for (header, claims) in pairs(token) {
            if header.len() + claims.len() > TOKEN_BYTES_MAX {
                return true;
            }
            let Some(found) = Token::decode(header, claims) else {
                continue;
            };
            tokens += 1;
            if tokens > TOKENS_MAX || found.betrays(sensitive) {
                return true;
            }
        }
    }
    false
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Two parts next to each other that may be header and claims, wherever they stand: a dot before or behind a token, or
/// more parts than three, hides nothing. The second part of an encrypted token is no JSON, which tells nothing.
fn pairs(token: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let parts = || token.split(|byte| *byte == b'.');
    parts()
        .zip(parts().skip(1))
        .filter(|(header, _)| header.starts_with(START))
}

/// Two parts that are both JSON: a JWT.
struct Token {
    header: Value,
    claims: Value,
}

impl Token {
    fn decode(header: &[u8], claims: &[u8]) -> Option<Self> {
        let decode = |part: &[u8]| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        Some(Self {
            header: decode(header)?,
            claims: decode(claims)?,
        })
    }

    /// Whether it is unsigned, or says what is sensitive.
    fn betrays(&self, sensitive: &[Box<str>]) -> bool {
        let algorithm = self.header.get("alg").and_then(Value::as_str);
        algorithm.is_none_or(|algorithm| algorithm.eq_ignore_ascii_case("none")) || names(&self.claims, sensitive)
    }
}

/// Whether an object, at any depth, has a member that is called like a sensitive claim.
fn names(claims: &Value, sensitive: &[Box<str>]) -> bool {
    match claims {
        Value::Object(members) => members.iter().any(|(name, value)| {
            sensitive.iter().any(|claim| claim.eq_ignore_ascii_case(name)) || names(value, sensitive)
        }),
        Value::Array(items) => items.iter().any(|item| names(item, sensitive)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        format!(
            "{}.{}.c2lnbmF0dXJl",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        )
    }

    #[test]
    fn tokens_are_found_and_judged() {
        let sensitive = ["email".into()];
        let check = |header: &str, claims: &str, expected: bool| {
            let body = format!(r#"{{"badge":"{}","eyJ":"eyJack"}}"#, token(header, claims));
            assert_eq!(betray(body.as_bytes(), &sensitive), expected, "{header} {claims}");
        };
        check(r#"{"alg":"ES256"}"#, r#"{"sub":"1"}"#, false);
        check(r#"{"alg":"ES256"}"#, r#"{"sub":"1","email":"jane@example.com"}"#, true);
        check(
            r#"{"alg":"ES256"}"#,
            r#"{"sub":"1","profile":{"Email":"jane@example.com"}}"#,
            true,
        );
        check(r#"{"alg":"None"}"#, r#"{"sub":"1"}"#, true);
        check(r#"{"typ":"JWT"}"#, r#"{"sub":"1"}"#, true);
        assert!(!betray(b"eyJ eyJ.eyJ eyJ.eyJ.x {}", &sensitive));
        let hidden = token(r#"{"alg":"ES256"}"#, r#"{"email":"jane@example.com"}"#);
        for body in [
            format!("{hidden}."),
            format!("{hidden}. And so on."),
            format!("eyJx.{hidden}"),
            format!("x.{hidden}.y.z"),
            format!("see.{hidden}"),
        ] {
            assert!(betray(body.as_bytes(), &sensitive), "{body}");
        }
    }

    #[test]
    fn more_tokens_than_are_decoded_are_refused() {
        let one = token(r#"{"alg":"ES256"}"#, r#"{"sub":"1"}"#);
        assert!(!betray([one.as_str(); TOKENS_MAX].join(" ").as_bytes(), &[]));
        assert!(betray([one.as_str(); TOKENS_MAX + 1].join(" ").as_bytes(), &[]));
    }
}
