//! What a caller is told to present: `WWW-Authenticate` (RFC 9110 §11.6.1) for bearer tokens (RFC 6750 §3),
//! for tokens with proofs (RFC 9449 §7.1) and for passwords (RFC 7617 §2). For API keys, signatures and client
//! certificates no scheme is registered; theirs are named here, and never have the `error` of RFC 6750.
//!
//! It never says why a credential was refused: a caller who guesses learns nothing, and an operator reads the log.

use crate::dpop;

/// What is wrong, as RFC 6750 §3.1 names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerError {
    /// The credential cannot be read in one way only.
    InvalidRequest,
    /// The token is refused, for whatever cause.
    InvalidToken,
    /// The token is good, and not for this.
    InsufficientScope,
}

/// What is wrong with a token or a proof that came with the scheme `DPoP` (RFC 9449 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpopError {
    /// As for bearer tokens.
    Token(BearerError),
    /// The proof is missing, stands twice, or does not prove what it should.
    InvalidProof,
    /// The proof needs the nonce that comes with the challenge (RFC 9449 §9).
    UseNonce,
}

impl From<BearerError> for DpopError {
    fn from(error: BearerError) -> Self {
        Self::Token(error)
    }
}

impl DpopError {
    fn name(self) -> &'static str {
        match self {
            Self::Token(error) => error.name(),
            Self::InvalidProof => "invalid_dpop_proof",
            Self::UseNonce => "use_dpop_nonce",
        }
    }
}

impl BearerError {
    fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
        }
    }
}

/// The challenge of a protected resource. Without an error nothing was presented, and nothing more is said.
pub fn bearer<'s>(realm: &str, error: Option<BearerError>, scopes: impl IntoIterator<Item = &'s str>) -> String {
    of_scheme("Bearer", realm, error.map(BearerError::name), scopes)
}

/// The challenge of a resource that takes tokens with proofs: with the algorithms that proofs may be signed with.
pub fn dpop<'s>(realm: &str, error: Option<DpopError>, scopes: impl IntoIterator<Item = &'s str>) -> String {
    let challenge = of_scheme("DPoP", realm, error.map(DpopError::name), scopes);
    format!("{challenge}, algs=\"{}\"", dpop::algorithms())
}

fn of_scheme<'s>(scheme: &str, realm: &str, error: Option<&str>, scopes: impl IntoIterator<Item = &'s str>) -> String {
    let mut challenge = format!("{scheme} realm=\"{}\"", quoted(realm));
    if let Some(error) = error {
        challenge.push_str(&format!(", error=\"{error}\""));
    }
    with_scopes(challenge, scopes)
}

fn with_scopes<'s>(mut challenge: String, scopes: impl IntoIterator<Item = &'s str>) -> String {
    let scopes: Vec<String> = scopes.into_iter().map(quoted).collect();
    if !scopes.is_empty() {
        challenge.push_str(&format!(", scope=\"{}\"", scopes.join(" ")));
    }
    challenge
}

/// The challenge of an operation that takes a user name and a password (RFC 7617 §2), in UTF-8 (§2.1).
pub fn basic(realm: &str) -> String {
    format!("Basic realm=\"{}\", charset=\"UTF-8\"", quoted(realm))
}

/// The challenge of a resource that asks for a better authentication (RFC 9470 §3): any of these classes, and none longer ago
/// than so many seconds.
pub fn step_up(realm: &str, acr: &[Box<str>], max_age_seconds: Option<u64>) -> String {
    let mut challenge = format!(
        "Bearer realm=\"{}\", error=\"insufficient_user_authentication\"",
        quoted(realm)
    );
    if !acr.is_empty() {
        let classes: Vec<String> = acr.iter().map(|class| quoted(class)).collect();
        challenge.push_str(&format!(", acr_values=\"{}\"", classes.join(" ")));
    }
    if let Some(seconds) = max_age_seconds {
        challenge.push_str(&format!(", max_age=\"{seconds}\""));
    }
    challenge
}

/// The challenge of a resource that takes signed requests. RFC 9421 registers no scheme for it; the name is the one by which
/// contracts call it here.
pub fn signature<'s>(realm: &str, scopes: impl IntoIterator<Item = &'s str>) -> String {
    of_scheme("Signature", realm, None, scopes)
}

/// The challenge of a resource that takes API keys, with the place where one is looked for: `in` and `name` as in OpenAPI
/// (3.1 §4.8.27), both of which the contract says to everybody.
pub fn api_key<'s>(realm: &str, place: &str, name: &str, scopes: impl IntoIterator<Item = &'s str>) -> String {
    let challenge = format!(
        "ApiKey realm=\"{}\", in=\"{place}\", name=\"{}\"",
        quoted(realm),
        quoted(name)
    );
    with_scopes(challenge, scopes)
}

/// The challenge of a resource that takes client certificates. It is not called `Mutual`, which is a scheme of passwords
/// (RFC 8120).
pub fn client_certificate<'s>(realm: &str, scopes: impl IntoIterator<Item = &'s str>) -> String {
    of_scheme("ClientCertificate", realm, None, scopes)
}

/// The content of a quoted string (RFC 9110 §5.6.4); what may not stand in one is left out.
fn quoted(text: &str) -> String {
    let allowed = text.chars().filter(|letter| (' '..='~').contains(letter));
    allowed.fold(String::with_capacity(text.len()), |mut quoted, letter| {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
        quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_asked_for_in_utf_8() {
        assert_eq!(basic("or\"ders\n"), "Basic realm=\"or\\\"ders\", charset=\"UTF-8\"");
    }

    #[test]
    fn challenges_are_those_of_rfc_9449() {
        let algs = "algs=\"ES256 ES384 RS256 RS384 RS512 PS256 PS512 Ed25519 EdDSA\"";
        assert_eq!(dpop("orders", None, []), format!("DPoP realm=\"orders\", {algs}"));
        for (error, name) in [
            (BearerError::InvalidToken.into(), "invalid_token"),
            (DpopError::InvalidProof, "invalid_dpop_proof"),
            (DpopError::UseNonce, "use_dpop_nonce"),
        ] {
            let expected = format!("DPoP realm=\"orders\", error=\"{name}\", {algs}");
            assert_eq!(dpop("orders", Some(error), []), expected);
        }
    }

    #[test]
    fn challenges_are_those_of_rfc_6750() {
        assert_eq!(bearer("orders", None, []), "Bearer realm=\"orders\"");
        assert_eq!(
            bearer("orders", Some(BearerError::InsufficientScope), ["read", "write"]),
            "Bearer realm=\"orders\", error=\"insufficient_scope\", scope=\"read write\""
        );
        assert_eq!(
            bearer("a\"b\\c\r\nd", Some(BearerError::InvalidToken), []),
            "Bearer realm=\"a\\\"b\\\\cd\", error=\"invalid_token\""
        );
    }

    #[test]
    fn schemes_that_nobody_registered_say_what_to_present() {
        assert_eq!(signature("orders", []), "Signature realm=\"orders\"");
        assert_eq!(
            api_key("orders", "header", "X-API-Key", []),
            "ApiKey realm=\"orders\", in=\"header\", name=\"X-API-Key\""
        );
        assert_eq!(
            api_key("orders", "query", "a\"b", ["read", "write"]),
            "ApiKey realm=\"orders\", in=\"query\", name=\"a\\\"b\", scope=\"read write\""
        );
        assert_eq!(
            client_certificate("orders", ["read"]),
            "ClientCertificate realm=\"orders\", scope=\"read\""
        );
    }

    /// The example of RFC 9470 §3, without its description.
    #[test]
    fn challenges_for_a_better_authentication_are_those_of_rfc_9470() {
        let insufficient = "Bearer realm=\"orders\", error=\"insufficient_user_authentication\"";
        let classes = ["myACR".into(), "other".into()];
        assert_eq!(
            step_up("orders", &classes, Some(5)),
            format!("{insufficient}, acr_values=\"myACR other\", max_age=\"5\"")
        );
        assert_eq!(
            step_up("orders", &[], Some(5)),
            format!("{insufficient}, max_age=\"5\"")
        );
    }
}
