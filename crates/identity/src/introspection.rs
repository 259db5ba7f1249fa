//! Answers of an introspection endpoint (RFC 7662 §2.2): what an authority says of a token now.
//!
//! An answer that cannot be read in one way says nothing: it is neither a yes nor a no.

use std::fmt;

use serde_json::Value;

use crate::jose::Refusal;
use crate::jose::claims::Claims;
use crate::jose::object::{self, Fault, Object};

/// The longest answer that is read, in bytes.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The type of tokens that come with a proof of possession (RFC 9449 §5).
const DPOP: &str = "DPoP";

/// What an authority says of a token.
#[derive(Clone, Debug)]
pub enum Introspected {
    /// It is good, and this is what it says.
    Active(Active),
    /// It is not, and nobody is told why.
    Inactive,
}

/// What an authority says of a token that is good.
#[derive(Clone, Debug)]
pub struct Active(Object);

/// An answer that says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Longer than [`ANSWER_BYTES_MAX`].
    TooLong,
    /// Not a strict JSON object.
    Json(Fault),
    /// `active` is missing, or no boolean.
    Active,
}

impl Introspected {
    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// [`Unreadable`].
    pub fn read(octets: &[u8]) -> Result<Self, Unreadable> {
        if octets.len() > ANSWER_BYTES_MAX {
            return Err(Unreadable::TooLong);
        }
        let all = object::read(octets).map_err(Unreadable::Json)?;
        match all.get("active") {
            Some(Value::Bool(true)) => Ok(Self::Active(Active(all))),
            Some(Value::Bool(false)) => Ok(Self::Inactive),
            _ => Err(Unreadable::Active),
        }
    }
}

impl Active {
    /// The claims of an access token. What says that it is of another kind is none: authorities know their refresh tokens and ID
    /// tokens as well, and some call the kind by other names than RFC 7662.
    ///
    /// # Errors
    ///
    /// [`Refusal::TypeMismatch`], and a registered claim of the wrong type.
    pub fn into_claims(self) -> Result<Claims, Refusal> {
        let Self(mut all) = self;
        check_kind(&all, "token_type", &["Bearer", DPOP])?;
        check_kind(&all, "typ", &["Bearer", "at+jwt", DPOP])?;
        check_kind(&all, "token_use", &["access_token", "access"])?;
        check_bound(&all)?;
        // A token that a client got for itself need not name a subject here (RFC 7662 §2.2): that is the client.
        if !all.contains_key("sub")
            && let Some(client) = all.get("client_id").cloned()
        {
            all.insert("sub".to_owned(), client);
        }
        Claims::introspected(all)
    }
}

/// A token of the type `DPoP` is bound to a key, which stands in `cnf` (RFC 9449 §6.2): without it, it would be good for anybody.
fn check_bound(answer: &Object) -> Result<(), Refusal> {
    let is_dpop = |name| matches!(answer.get(name), Some(Value::String(said)) if said.eq_ignore_ascii_case(DPOP));
    let is_bound = || answer.get("cnf").is_some_and(|cnf| cnf.get("jkt").is_some());
    if (is_dpop("token_type") || is_dpop("typ")) && !is_bound() {
        return Err(Refusal::ClaimMissing("cnf".into()));
    }
    Ok(())
}

/// A member that, where it stands, is one of these words.
fn check_kind(answer: &Object, name: &'static str, kinds: &[&str]) -> Result<(), Refusal> {
    match answer.get(name) {
        None => Ok(()),
        Some(Value::String(said)) if kinds.iter().any(|kind| said.eq_ignore_ascii_case(kind)) => Ok(()),
        Some(Value::String(_)) => Err(Refusal::TypeMismatch),
        Some(_) => Err(Refusal::ClaimInvalid(name)),
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the answer has more than {ANSWER_BYTES_MAX} bytes"),
            Self::Json(fault) => write!(f, "the answer {fault}"),
            Self::Active => f.write_str("the answer has no `active` that is true or false"),
        }
    }
}

impl std::error::Error for Unreadable {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oauth_19_active_is_a_boolean_or_the_answer_says_nothing() {
        let check = |text: &str, expected: Result<bool, Unreadable>| {
            let read = Introspected::read(text.as_bytes());
            let read = read.map(|said| matches!(said, Introspected::Active(_)));
            assert_eq!(read, expected, "{text:.60}");
        };
        check(r#"{"active":true}"#, Ok(true));
        check(r#"{"active":false,"scope":"admin"}"#, Ok(false));
        for said in [r#""true""#, "1", "null", "[]", "{}", r#"[true]"#] {
            check(&format!(r#"{{"active":{said}}}"#), Err(Unreadable::Active));
        }
        check("{}", Err(Unreadable::Active));
        check(r#"{"Active":true}"#, Err(Unreadable::Active));
        check(
            r#"{"active":false,"active":true}"#,
            Err(Unreadable::Json(Fault::DuplicateMember)),
        );
        check("true", Err(Unreadable::Json(Fault::NotAnObject)));
        check("", Err(Unreadable::Json(Fault::Malformed)));
        let long = format!(r#"{{"active":true,"more":"{}"}}"#, "x".repeat(ANSWER_BYTES_MAX));
        check(&long, Err(Unreadable::TooLong));
    }

    fn claims(more: &str) -> Result<Claims, Refusal> {
        let answer = format!(r#"{{"active":true{more}}}"#);
        match Introspected::read(answer.as_bytes()).unwrap() {
            Introspected::Active(active) => active.into_claims(),
            Introspected::Inactive => panic!("{answer} is active"),
        }
    }

    #[test]
    fn jose_21_another_kind_of_token_is_no_access_token() {
        for (more, refusal) in [
            ("", None),
            (r#","token_type":"bearer""#, None),
            (r#","typ":"Bearer""#, None),
            (r#","token_use":"access_token""#, None),
            (
                r#","token_type":"DPoP","cnf":{"jkt":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}"#,
                None,
            ),
            (r#","token_type":"DPoP""#, Some(Refusal::ClaimMissing("cnf".into()))),
            (
                r#","typ":"dpop","cnf":{"x5t#S256":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}"#,
                Some(Refusal::ClaimMissing("cnf".into())),
            ),
            (r#","token_type":"N_A""#, Some(Refusal::TypeMismatch)),
            (r#","typ":"Refresh""#, Some(Refusal::TypeMismatch)),
            (r#","typ":"ID""#, Some(Refusal::TypeMismatch)),
            (r#","token_use":"refresh_token""#, Some(Refusal::TypeMismatch)),
            (r#","token_type":["Bearer"]"#, Some(Refusal::ClaimInvalid("token_type"))),
            (r#","exp":"soon""#, Some(Refusal::ClaimInvalid("exp"))),
            (r#","aud":[]"#, Some(Refusal::ClaimInvalid("aud"))),
        ] {
            assert_eq!(claims(more).err(), refusal, "{more}");
        }
    }

    #[test]
    fn a_token_without_a_subject_is_its_client_s() {
        assert_eq!(claims(r#","client_id":"app""#).unwrap().subject(), Some("app"));
        assert_eq!(
            claims(r#","client_id":"app","sub":"alice""#).unwrap().subject(),
            Some("alice")
        );
        assert_eq!(claims("").unwrap().subject(), None);
    }
}
