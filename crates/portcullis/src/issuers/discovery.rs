//! Where an issuer's keys are, as its own document says (OpenID Connect Discovery 1.0 §4, RFC 8414 §3).
//!
//! The document is believed only as far as it is the issuer's: it has to name it letter by letter (§4.3 there, §3.3 here), so that
//! nobody can put the keys of one issuer in the place of another's. Where it says that the keys are is fetched like any URL, no
//! further inwards than the issuer itself.

use portcullis_identity::jose::object;
use reqwest::Url;
use serde_json::Value;

use crate::config::issuer::{Place, RemoteKeys};
use crate::config::text::is_plain;
use crate::files;

/// The longest document that is read, in bytes.
const DOCUMENT_BYTES_MAX: u64 = 128 * 1024;

/// The URL of keys, by asking the issuer where it is not known.
///
/// # Errors
/// The document cannot be fetched, or does not name a URL that may be fetched.
pub(super) fn url_of(keys: &RemoteKeys) -> Result<Url, String> {
    match &keys.place {
        Place::Named(url) => Ok(url.clone()),
        Place::Discovered {
            document,
            issuer,
            plain_http,
        } => {
            let octets = files::named(document, keys.private_address, DOCUMENT_BYTES_MAX);
            let octets = octets.map_err(|error| format!("`{document}`: {error}"))?;
            jwks_uri(&octets, issuer, *plain_http).map_err(|error| format!("`{document}` {error}"))
        }
    }
}

/// `jwks_uri` of a document that is this issuer's.
fn jwks_uri(document: &[u8], issuer: &str, plain_http: bool) -> Result<Url, String> {
    let document = object::read(document).map_err(|fault| format!("is no document of an issuer: it {fault}"))?;
    let text = |name| document.get(name).and_then(Value::as_str);
    let own = text("issuer").ok_or("has no `issuer`")?;
    if own != issuer {
        return Err("is the document of another `issuer`".to_owned());
    }
    let url = text("jwks_uri").ok_or("has no `jwks_uri`")?;
    let url = Url::parse(url).map_err(|_| "has a `jwks_uri` that is no URL")?;
    match url.scheme() {
        "https" if is_plain(&url) => Ok(url),
        "http" if is_plain(&url) && plain_http => Ok(url),
        "http" if is_plain(&url) => {
            Err("has a `jwks_uri` of http: whoever is on the way could change the keys".to_owned())
        }
        _ => Err("has a `jwks_uri` that is no URL of https, or carries a password or a fragment".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn jose_4_a_document_is_its_issuer_s_and_names_a_safe_url() {
        let check = |document: &Value, plain_http: bool, expected: Result<&str, &str>| {
            let read = jwks_uri(document.to_string().as_bytes(), "https://id.example", plain_http);
            match (read, expected) {
                (Ok(url), Ok(expected)) => assert_eq!(url.as_str(), expected),
                (Err(error), Err(expected)) => assert!(error.contains(expected), "{expected} in {error}"),
                (read, expected) => panic!("{document}: {read:?} and not {expected:?}"),
            }
        };
        let of = |issuer: &str, uri: &str| json!({"issuer": issuer, "jwks_uri": uri});
        let own = |uri: &str| of("https://id.example", uri);
        let elsewhere = "https://keys.example/jwks";
        check(&own(elsewhere), false, Ok(elsewhere));
        check(&own("http://keys.example/jwks"), true, Ok("http://keys.example/jwks"));
        check(&own("http://keys.example/jwks"), false, Err("`jwks_uri` of http"));
        for other in [
            "https://id.example/",
            "https://ID.example",
            "http://id.example",
            "https://id.example/tenant",
            "https://evil.example",
            "",
        ] {
            check(&of(other, elsewhere), true, Err("another `issuer`"));
        }
        for uri in [
            "file:///etc/passwd",
            "ftp://keys.example/jwks",
            "https://user:secret@keys.example/",
            "data:application/json,{}",
            "//keys.example/jwks",
            "jwks",
            "",
        ] {
            check(&own(uri), true, Err("`jwks_uri`"));
        }
        check(&json!({"issuer": "https://id.example"}), true, Err("no `jwks_uri`"));
        check(&json!({"jwks_uri": elsewhere}), true, Err("no `issuer`"));
        check(
            &json!({"issuer": ["https://id.example"], "jwks_uri": elsewhere}),
            true,
            Err("no `issuer`"),
        );
        check(&json!([]), true, Err("is not a JSON object"));
        let twice =
            br#"{"issuer":"https://id.example","issuer":"https://evil.example","jwks_uri":"https://k.example"}"#;
        assert!(
            jwks_uri(twice, "https://id.example", true)
                .unwrap_err()
                .contains("member name twice")
        );
    }
}
