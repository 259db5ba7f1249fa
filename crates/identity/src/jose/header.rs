//! The JOSE header: what it says, and what it must not say.
//!
//! A header is read before anything is verified, so it may only ever narrow: it names a key that must be known already and
//! an algorithm that the key must be for. `jku`, `x5u`, `x5c` and `x5t` are not read at all: some issuers send them in every
//! token, and a place that nobody goes to harms nobody. `jwk` is refused outside of [`super::proof`]: no access token has a
//! use for it. `crit`, `b64` and `zip` would change what the token means, and are refused.

use serde_json::Value;

use super::Refusal;
use super::algorithm::Named;
use super::compact::Part;
use super::key::Kid;
use super::media_type::MediaType;
use super::object::{self, Object};
use super::refusal;

/// The longest `typ` or `cty` that is read, in bytes.
const TYPE_BYTES_MAX: usize = 128;

/// Parameters that the standards themselves define, which `crit` must therefore not name (RFC 7515 §4.1, RFC 7516 §4.1,
/// RFC 7518 §4).
const STANDARD: &[&str] = &[
    "alg", "enc", "zip", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "typ", "cty", "crit", "epk", "apu",
    "apv", "iv", "tag", "p2s", "p2c",
];

/// What a header says that this crate understands. `A` is what its `alg` may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<A> {
    algorithm: A,
    kid: Option<Kid>,
    typ: Option<MediaType>,
    cty: Option<MediaType>,
}

/// Whether `jwk` may stand in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EmbeddedKey {
    Refused,
    Expected,
}

impl<A: Copy> Header<A> {
    /// `alg`.
    pub fn algorithm(&self) -> A {
        self.algorithm
    }

    /// `kid`: the name of a key, which may be anything that a stranger thought of.
    pub fn kid(&self) -> Option<&Kid> {
        self.kid.as_ref()
    }

    /// `typ`: what kind of token this is.
    pub fn typ(&self) -> Option<&MediaType> {
        self.typ.as_ref()
    }

    /// `cty`: what kind of content this is.
    pub fn cty(&self) -> Option<&MediaType> {
        self.cty.as_ref()
    }
}

impl<A: Named> Header<A> {
    /// Reads the common parameters; `alg` first, so that an algorithm without a name costs nothing.
    pub(super) fn read(parameters: &Object, embedded: EmbeddedKey) -> Result<Self, Refusal> {
        let algorithm = algorithm(parameters)?;
        check_extensions(parameters)?;
        if embedded == EmbeddedKey::Refused && parameters.contains_key("jwk") {
            return Err(Refusal::KeyEmbedded);
        }
        Ok(Self {
            algorithm,
            kid: kid(parameters)?,
            typ: media_type(parameters, "typ")?,
            cty: media_type(parameters, "cty")?,
        })
    }
}

/// The header's parameters, whatever they are.
pub(super) fn parameters(part: Part<'_>) -> Result<Object, Refusal> {
    let octets = part.decode()?;
    object::read(&octets).map_err(|fault| Refusal::Json(refusal::Part::Header, fault))
}

/// A parameter that is a string; `None` when it is not there.
pub(super) fn text<'o>(parameters: &'o Object, name: &'static str) -> Result<Option<&'o str>, Refusal> {
    match parameters.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::HeaderParameter(name)),
    }
}

fn algorithm<A: Named>(parameters: &Object) -> Result<A, Refusal> {
    let name = text(parameters, "alg")?.ok_or(Refusal::HeaderParameter("alg"))?;
    if name.eq_ignore_ascii_case("none") {
        return Err(Refusal::AlgorithmNone);
    }
    A::named(name).ok_or(Refusal::AlgorithmUnsupported)
}

fn kid(parameters: &Object) -> Result<Option<Kid>, Refusal> {
    let text = text(parameters, "kid")?;
    text.map(|text| Kid::new(text).ok_or(Refusal::HeaderParameter("kid")))
        .transpose()
}

fn media_type(parameters: &Object, name: &'static str) -> Result<Option<MediaType>, Refusal> {
    match text(parameters, name)? {
        Some(text) if text.len() > TYPE_BYTES_MAX => Err(Refusal::HeaderParameter(name)),
        text => Ok(text.map(MediaType::new)),
    }
}

/// Refuses what would change the meaning of the token.
fn check_extensions(parameters: &Object) -> Result<(), Refusal> {
    if let Some(crit) = parameters.get("crit") {
        return Err(crit_refusal(crit, parameters));
    }
    if parameters.contains_key("b64") {
        return Err(Refusal::PayloadUnencoded);
    }
    if parameters.contains_key("zip") {
        return Err(Refusal::Compressed);
    }
    Ok(())
}

/// A `crit` that is allowed names extensions that must be understood (RFC 7515 §4.1.11), and we understand none.
fn crit_refusal(crit: &Value, parameters: &Object) -> Refusal {
    let names: Option<Vec<&str>> = crit
        .as_array()
        .and_then(|names| names.iter().map(Value::as_str).collect());
    let Some(names) = names.filter(|names| !names.is_empty()) else {
        return Refusal::CritInvalid;
    };
    let mut distinct = names.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let is_allowed = |name: &&str| !STANDARD.contains(name) && parameters.contains_key(*name);
    if distinct.len() == names.len() && names.iter().all(is_allowed) {
        Refusal::CritNotUnderstood
    } else {
        Refusal::CritInvalid
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::algorithm::SignatureAlgorithm;

    fn read(text: &str) -> Result<Header<SignatureAlgorithm>, Refusal> {
        Header::read(&object::read(text.as_bytes()).unwrap(), EmbeddedKey::Refused)
    }

    fn check(text: &str, refusal: Option<Refusal>) {
        assert_eq!(read(text).err(), refusal, "{text}");
    }

    #[test]
    fn what_is_understood_is_read() {
        let header = read(r#"{"alg":"ES256","kid":"k","typ":"application/at+JWT","cty":"JWT","other":1}"#).unwrap();
        assert_eq!(header.algorithm(), SignatureAlgorithm::Es256);
        assert_eq!(header.kid().map(Kid::as_str), Some("k"));
        assert_eq!(header.typ().map(MediaType::as_str), Some("at+jwt"));
        assert_eq!(header.cty().map(MediaType::as_str), Some("jwt"));
        check(r#"{"alg":"ES256"}"#, None);
    }

    #[test]
    fn parameters_have_their_types() {
        check("{}", Some(Refusal::HeaderParameter("alg")));
        check(r#"{"alg":1}"#, Some(Refusal::HeaderParameter("alg")));
        check(r#"{"alg":["ES256"]}"#, Some(Refusal::HeaderParameter("alg")));
        check(r#"{"alg":"ES256","kid":null}"#, Some(Refusal::HeaderParameter("kid")));
        check(
            r#"{"alg":"ES256","typ":["JWT"]}"#,
            Some(Refusal::HeaderParameter("typ")),
        );
        check(r#"{"alg":"ES256","cty":{}}"#, Some(Refusal::HeaderParameter("cty")));
        let long = format!(r#"{{"alg":"ES256","typ":"{}"}}"#, "x".repeat(TYPE_BYTES_MAX + 1));
        check(&long, Some(Refusal::HeaderParameter("typ")));
    }

    #[test]
    fn jose_1_none_in_any_spelling() {
        for name in ["none", "None", "noNE", "nOnE", "NONE"] {
            check(&format!(r#"{{"alg":"{name}"}}"#), Some(Refusal::AlgorithmNone));
        }
        for name in ["", "es256", "ES256K", "ES521", "HS384", "RSA1_5", "dir"] {
            check(&format!(r#"{{"alg":"{name}"}}"#), Some(Refusal::AlgorithmUnsupported));
        }
    }

    #[test]
    fn jose_3_embedded_key() {
        check(r#"{"alg":"ES256","jwk":{"kty":"EC"}}"#, Some(Refusal::KeyEmbedded));
        check(r#"{"alg":"ES256","jwk":null}"#, Some(Refusal::KeyEmbedded));
    }

    #[test]
    fn jose_5_kid_is_bounded() {
        let of = |kid: String| format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#);
        check(&of("k".repeat(256)), None);
        check(&of("k".repeat(257)), Some(Refusal::HeaderParameter("kid")));
        check(&of(String::new()), Some(Refusal::HeaderParameter("kid")));
    }

    #[test]
    fn jose_6_crit() {
        let with = |crit: &str| format!(r#"{{"alg":"ES256","exp":1,"crit":{crit}}}"#);
        check(&with(r#"["exp"]"#), Some(Refusal::CritNotUnderstood));
        for invalid in [
            "[]",
            "\"exp\"",
            "null",
            "{}",
            "[1]",
            r#"["exp",1]"#,
            r#"["exp","exp"]"#,
            r#"["alg"]"#,
            r#"["absent"]"#,
            "true",
        ] {
            check(&with(invalid), Some(Refusal::CritInvalid));
        }
    }

    #[test]
    fn jose_20_unencoded_payload() {
        check(r#"{"alg":"ES256","b64":false}"#, Some(Refusal::PayloadUnencoded));
        check(r#"{"alg":"ES256","b64":true}"#, Some(Refusal::PayloadUnencoded));
        check(
            r#"{"alg":"ES256","b64":false,"crit":["b64"]}"#,
            Some(Refusal::CritNotUnderstood),
        );
    }

    #[test]
    fn jose_16_zip() {
        check(r#"{"alg":"ES256","zip":"DEF"}"#, Some(Refusal::Compressed));
    }
}
