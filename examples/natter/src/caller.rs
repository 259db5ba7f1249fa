//! Who a request says it is. An honest service would ask whoever verified it; this one reads the credential and believes it.
//!
//! Weakness `unverified-token`: a JWT is read and not verified, so that whoever writes a name into one has it (a library that is told
//! not to verify, or that takes `alg: none`: CVE-2015-9235). Type, issuer, audience, dates and scopes are not looked at either.
//! Weakness `unverified-password`: of `Basic` the name is believed, with any password.
//! Weakness `any-caller`: most operations ask for nobody at all.

use axum::http::HeaderMap;
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use crate::database::{Record, Store};
use crate::failure::Failure;
use crate::input;

/// base64url with padding or without, and with bits left over.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The user that a request says it comes from, if there is one of that name. Of two `Authorization` fields the first counts.
pub(crate) fn caller(store: &Store, headers: &HeaderMap) -> Result<Option<Record>, Failure> {
    let (scheme, credential) = credential(headers);
    if let Some(name) = claimed_name(scheme, credential) {
        return store.first("SELECT * FROM users WHERE username = ?1", [name]);
    }
    store.first(
        "SELECT users.* FROM sessions JOIN users USING (username) WHERE token = ?1",
        [credential],
    )
}

/// The name of [`caller`], or else what the body says, or else nobody.
pub(crate) fn caller_name(store: &Store, headers: &HeaderMap, claimed: Option<&str>) -> Result<String, Failure> {
    let user = caller(store, headers)?;
    let known = user
        .as_ref()
        .and_then(|user| user.get("username"))
        .and_then(Value::as_str);
    Ok(claimed.or(known).unwrap_or("anonymous").to_owned())
}

fn credential(headers: &HeaderMap) -> (&str, &str) {
    let field = input::header_text(headers, "authorization");
    field.split_once(' ').unwrap_or(("", field))
}

fn claimed_name(scheme: &str, credential: &str) -> Option<String> {
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(decoded(credential)?).ok()?;
        return Some(pair.split(':').next().unwrap_or_default().to_owned());
    }
    let claims: Value = serde_json::from_slice(&decoded(&payload(credential)?)?).ok()?;
    claims.get("sub")?.as_str().map(str::to_owned)
}

/// The second part of a token, or the payload of one in JSON serialization.
fn payload(token: &str) -> Option<String> {
    if let Ok(Value::Object(token)) = serde_json::from_str(token) {
        return token.get("payload")?.as_str().map(str::to_owned);
    }
    token.split('.').nth(1).map(str::to_owned)
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text.trim().replace('+', "-").replace('/', "_")).ok()
}

#[cfg(test)]
mod tests {
    use super::claimed_name;

    #[test]
    fn whatever_is_claimed_is_believed() {
        let check = |scheme: &str, credential: &str, name: Option<&str>| {
            assert_eq!(claimed_name(scheme, credential).as_deref(), name, "{credential}");
        };
        check("Bearer", "e30.eyJzdWIiOiJkZW1vIn0.", Some("demo"));
        check("Bearer", "any.eyJzdWIiOiJkZW1vIn0=.thing.at.all", Some("demo"));
        check("Bearer", r#"{"payload":"eyJzdWIiOiJkZW1vIn0"}"#, Some("demo"));
        check("Basic", "ZGVtbzp3cm9uZw==", Some("demo"));
        check("Bearer", "natter-session-1", None);
        check("Bearer", "e30.e30.", None);
    }
}
