//! Tokens and keys, by how they begin.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::{Found, Kind, at, before};

/// How known kinds of tokens and keys begin, and how many characters follow at the least.
pub const TOKENS: [(&str, usize); 25] = [
    // The header of a JWT or JWE, which is an object.
    ("eyJ", 24),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("ya29.", 20),
    ("ptc_", 30),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghu_", 30),
    ("ghs_", 30),
    ("ghr_", 30),
    ("github_pat_", 30),
    ("glpat-", 20),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("xoxa-", 16),
    ("xoxr-", 16),
    ("xoxs-", 16),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("sk_test_", 16),
    ("npm_", 30),
    ("pypi-", 30),
    ("SG.", 30),
    ("shpat_", 30),
];
/// A private key as a text has it (RFC 7468), up to its end if that is there.
const PEM: &str = "-----BEGIN ";
const PEM_PRIVATE: &str = "PRIVATE KEY-----";
const PEM_END: &str = "-----END ";

/// Without it nothing could be told from a token, so that all of a text would have to go: it is built from constants, and tested.
static BEGINNINGS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let beginnings = TOKENS.iter().map(|(beginning, _)| *beginning).chain([PEM]);
    let builder = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(beginnings);
    builder.ok()
});

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let kind = Kind::Token;
    let Some(beginnings) = &*BEGINNINGS else {
        found.push(Found {
            place: 0..text.len(),
            kind,
        });
        return;
    };
    for begins in beginnings.find_iter(text) {
        let start = begins.start();
        let end = match TOKENS.get(begins.pattern().as_usize()) {
            None => end_of_private_key(text, begins.end()),
            Some(_) if before(text, start).is_some_and(|byte| byte.is_ascii_alphanumeric()) => None,
            Some((_, least)) => Some(end_of_token(text, begins.end())).filter(|end| end - begins.end() >= *least),
        };
        found.extend(end.map(|end| Found {
            place: start..end,
            kind,
        }));
    }
}

fn end_of_token(text: &str, from: usize) -> usize {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'=' | b'+' | b'/');
    let mut end = from;
    while at(text, end).is_some_and(is_token) {
        end += 1;
    }
    end
}

/// Behind the last line of a private key, or the end of the text where that is not there.
fn end_of_private_key(text: &str, from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let label = rest.get(..rest.find("-----")? + "-----".len())?;
    if !label.ends_with(PEM_PRIVATE) {
        return None;
    }
    let body = from + label.len();
    let Some(end) = text.get(body..)?.find(PEM_END) else {
        return Some(text.len());
    };
    let behind = body + end + PEM_END.len();
    let closed = text
        .get(behind..)?
        .find("-----")
        .map(|dashes| behind + dashes + "-----".len());
    Some(closed.unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::super::masked;
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(masked(text), expected, "{text}");
    }

    #[test]
    fn every_kind_is_found() {
        assert!(BEGINNINGS.is_some());
        for (beginning, least) in TOKENS {
            let token = format!(
                "{beginning}{}",
                "a1_-"
                    .repeat(8)
                    .get(..least)
                    .unwrap_or("a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1")
            );
            check(&format!("/x?t={token}&y=1"), "/x?t=[token]&y=1");
            check(&token, "[token]");
            let short = token.get(..token.len() - 1).unwrap();
            check(short, short);
            check(&format!("x{token}"), &format!("x{token}"));
        }
    }

    #[test]
    fn a_jwt_goes_whole() {
        let jwt = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJqZWFuIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ";
        check(&format!("Bearer {jwt}, and more"), "Bearer [token], and more");
    }

    #[test]
    fn a_private_key_goes_whole_and_a_public_one_stays() {
        let key = |label: &str| format!("-----BEGIN {label}-----\nMIIB\nAAAA\n-----END {label}-----");
        check(&format!("a {} b", key("PRIVATE KEY")), "a [token] b");
        check(&format!("a {} b", key("EC PRIVATE KEY")), "a [token] b");
        check(&key("PUBLIC KEY"), &key("PUBLIC KEY"));
        check("-----BEGIN RSA PRIVATE KEY-----\nMIIB", "[token]");
        check("-----BEGIN ", "-----BEGIN ");
    }
}
