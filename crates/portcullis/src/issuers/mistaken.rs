//! What is often put in the place of a JWK Set, and what to do about it.

use serde_json::Value;

/// Something else than a set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mistaken {
    /// What it is, after its name.
    pub(super) what: &'static str,
    /// What to do about it.
    pub(super) help: &'static str,
}

const PRIVATE_PEM: Mistaken = Mistaken {
    what: "holds a private key (PEM): whoever reads it can sign tokens as this issuer",
    help: "take it away from here, and make a new key if others could read it; write the public key as a JWK Set: the commands are in \
           docs/authentication.md",
};
const PUBLIC_PEM: Mistaken = Mistaken {
    what: "is PEM, and a JWK Set (RFC 7517) is expected",
    help: "convert the public key: the commands are in docs/authentication.md; most issuers publish a set: `keys: {url: ...}`",
};
const PRIVATE_JWK: Mistaken = Mistaken {
    what: "is one private key (JWK): whoever reads it can sign tokens as this issuer",
    help: "take it away from here, and make a new key if others could read it; write only its public members, as `{\"keys\": [...]}`",
};
const PUBLIC_JWK: Mistaken = Mistaken {
    what: "is one key (JWK), and a set of keys is expected",
    help: "write `{\"keys\": [...]}` around it",
};

/// What octets are that were refused as a set of keys, where that can be told.
pub(super) fn of(octets: &[u8]) -> Option<Mistaken> {
    let text = std::str::from_utf8(octets).ok()?;
    let mut labels = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("-----BEGIN "))
        .peekable();
    if labels.peek().is_some() {
        let is_private = labels.any(|label| label.contains("PRIVATE KEY"));
        return Some(if is_private { PRIVATE_PEM } else { PUBLIC_PEM });
    }
    let key: Value = serde_json::from_str(text).ok()?;
    let key = key.as_object().filter(|key| key.contains_key("kty"))?;
    let is_private = ["d", "k"].iter().any(|secret| key.contains_key(*secret));
    Some(if is_private { PRIVATE_JWK } else { PUBLIC_JWK })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_set_is_told_for_what_it_is() {
        for (text, expected) in [
            (
                "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n",
                Some(PUBLIC_PEM),
            ),
            ("-----BEGIN CERTIFICATE-----\n", Some(PUBLIC_PEM)),
            (
                "a comment\n-----BEGIN PUBLIC KEY-----\n-----BEGIN EC PRIVATE KEY-----\n",
                Some(PRIVATE_PEM),
            ),
            ("  -----BEGIN ENCRYPTED PRIVATE KEY-----\r\n", Some(PRIVATE_PEM)),
            (r#"{"kty": "EC", "x": "AA"}"#, Some(PUBLIC_JWK)),
            (r#"{"kty": "EC", "d": "AA"}"#, Some(PRIVATE_JWK)),
            (r#"{"kty": "oct", "k": "AA"}"#, Some(PRIVATE_JWK)),
            (r#"{"keys": {}}"#, None),
            ("nonsense", None),
        ] {
            assert_eq!(of(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(of(b"\xff"), None);
    }
}
