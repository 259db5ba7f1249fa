//! What a token is bound to (`cnf`, RFC 7800), held against what its caller shows to have on this very request: the certificate
//! of the connection (RFC 8705 §3), or the key of a proof (RFC 9449 §6).
//!
//! It is never remembered that a binding held: the next caller with the same token may be a thief.

use serde_json::Value;

use crate::jose::claims::Claims;
use crate::thumbprint::Thumbprint;

/// What the tokens of an issuer have to be bound to. A token that is bound is held against it whatever stands here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Binding {
    /// They need not be bound.
    #[default]
    None,
    /// A client certificate.
    Certificate,
    /// A key that DPoP proofs are signed with.
    Dpop,
    /// Either.
    Any,
}

/// What a token is bound to: at least one of them, and where it is both, both have to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// `x5t#S256`
    certificate: Option<Thumbprint>,
    /// `jkt`
    key: Option<Thumbprint>,
}

/// What a request shows its caller to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Possession {
    /// The certificate of its connection.
    pub certificate: Option<Thumbprint>,
    /// The key of its proof, presented with the scheme `DPoP`.
    pub key: Option<Thumbprint>,
}

/// Why a caller is not believed to be the one whom a token was given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unconfirmed {
    /// `cnf` is not understood, in whole or in part: what it asks for, nobody could check.
    NotUnderstood,
    /// The token is not bound to what its issuer's tokens have to be bound to.
    Unbound,
    /// It is bound to another certificate, or there is none.
    Certificate,
    /// It is bound to another key, or to none, and came with a proof.
    Key,
    /// It is bound to a key, and came without a proof.
    ProofMissing,
}

impl Unconfirmed {
    /// A stable code for logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotUnderstood => "confirmation-not-understood",
            Self::Unbound => "token-unbound",
            Self::Certificate => "certificate-not-of-token",
            Self::Key => "key-not-of-token",
            Self::ProofMissing => "proof-missing",
        }
    }
}

impl Binding {
    /// What a token is bound to, if anything, where that is what it has to be.
    ///
    /// # Errors
    /// [`Unconfirmed::NotUnderstood`], [`Unconfirmed::Unbound`].
    pub fn keep(self, claims: &Claims) -> Result<Option<Confirmation>, Unconfirmed> {
        let confirmation = Confirmation::of(claims)?;
        let is_kept = self.is_kept(confirmation.as_ref());
        is_kept.then_some(confirmation).ok_or(Unconfirmed::Unbound)
    }

    fn is_kept(self, confirmation: Option<&Confirmation>) -> bool {
        match self {
            Self::None => true,
            Self::Any => confirmation.is_some(),
            Self::Certificate => confirmation.is_some_and(|it| it.certificate.is_some()),
            Self::Dpop => confirmation.is_some_and(|it| it.key.is_some()),
        }
    }
}

impl Confirmation {
    /// What the claims of a token bind it to, if anything.
    ///
    /// # Errors
    /// [`Unconfirmed::NotUnderstood`]: RFC 7800 §3.1 lets unknown members be passed over, but a token that is bound by one of
    /// them would then be good for anybody.
    pub fn of(claims: &Claims) -> Result<Option<Self>, Unconfirmed> {
        match claims.get("cnf") {
            None => Ok(None),
            Some(value) => Self::read(value).map(Some).ok_or(Unconfirmed::NotUnderstood),
        }
    }

    /// The certificate that has to be that of the connection.
    pub fn certificate(&self) -> Option<Thumbprint> {
        self.certificate
    }

    /// The key that a proof has to be signed with.
    pub fn key(&self) -> Option<Thumbprint> {
        self.key
    }

    fn read(value: &Value) -> Option<Self> {
        let (mut certificate, mut key) = (None, None);
        for (name, value) in value.as_object()? {
            let place = match name.as_str() {
                "x5t#S256" => &mut certificate,
                "jkt" => &mut key,
                _ => return None,
            };
            *place = Some(Thumbprint::of_value(value)?);
        }
        (certificate.is_some() || key.is_some()).then_some(Self { certificate, key })
    }

    fn check(&self, shown: &Possession) -> Result<(), Unconfirmed> {
        if self.certificate.is_some() && self.certificate != shown.certificate {
            return Err(Unconfirmed::Certificate);
        }
        match (self.key, shown.key) {
            (None, None) => Ok(()),
            (Some(bound), Some(shown)) if bound == shown => Ok(()),
            (Some(_), None) => Err(Unconfirmed::ProofMissing),
            (_, Some(_)) => Err(Unconfirmed::Key),
        }
    }
}

/// Whether a request shows what its token is bound to, and the token is bound as those of its issuer have to be.
///
/// # Errors
/// [`Unconfirmed`]. A proof beside a token that is not bound to its key is refused as well (RFC 9449 §7.1): it proves nothing,
/// and its caller believes that it does.
pub fn check(claims: &Claims, binding: Binding, shown: &Possession) -> Result<(), Unconfirmed> {
    match binding.keep(claims)? {
        Some(confirmation) => confirmation.check(shown),
        None if shown.key.is_some() => Err(Unconfirmed::Key),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ONE: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    const OTHER: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";

    fn thumbprint(text: &str) -> Option<Thumbprint> {
        Some(Thumbprint::from_base64url(text).unwrap())
    }

    #[test]
    fn oauth_15_a_confirmation_is_understood_whole_or_not_at_all() {
        let read = |value: Value| Confirmation::read(&value);
        let both = read(json!({"jkt": ONE, "x5t#S256": OTHER})).unwrap();
        assert_eq!((both.key, both.certificate), (thumbprint(ONE), thumbprint(OTHER)));
        for not_understood in [
            json!(null),
            json!("jkt"),
            json!([]),
            json!({}),
            json!({"kid": "k"}),
            json!({"jwk": {"kty": "EC"}}),
            json!({"jkt": ONE, "jwk": {"kty": "EC"}}),
            json!({"x5t": ONE}),
            json!({"jkt": null}),
            json!({"jkt": [ONE]}),
            json!({"jkt": ""}),
            json!({"jkt": format!("{ONE}=")}),
            json!({"JKT": ONE}),
        ] {
            assert_eq!(read(not_understood.clone()), None, "{not_understood}");
        }
    }

    #[test]
    fn what_a_token_is_bound_to_has_to_be_shown() {
        let check = |certificate: Option<&str>, key: Option<&str>, shown: (Option<&str>, Option<&str>)| {
            let of = |text: Option<&str>| text.and_then(thumbprint);
            let confirmation = Confirmation {
                certificate: of(certificate),
                key: of(key),
            };
            confirmation.check(&Possession {
                certificate: of(shown.0),
                key: of(shown.1),
            })
        };
        let (one, other) = (Some(ONE), Some(OTHER));
        for (certificate, key, shown, expected) in [
            (one, None, (one, None), Ok(())),
            (one, None, (other, None), Err(Unconfirmed::Certificate)),
            (one, None, (None, None), Err(Unconfirmed::Certificate)),
            (one, None, (None, one), Err(Unconfirmed::Certificate)),
            (one, None, (one, one), Err(Unconfirmed::Key)),
            (None, one, (None, one), Ok(())),
            (None, one, (other, one), Ok(())),
            (None, one, (None, other), Err(Unconfirmed::Key)),
            (None, one, (None, None), Err(Unconfirmed::ProofMissing)),
            (None, one, (one, None), Err(Unconfirmed::ProofMissing)),
            (one, other, (one, other), Ok(())),
            (one, other, (one, None), Err(Unconfirmed::ProofMissing)),
            (one, other, (None, other), Err(Unconfirmed::Certificate)),
        ] {
            assert_eq!(
                check(certificate, key, shown),
                expected,
                "{certificate:?} {key:?} {shown:?}"
            );
        }
    }

    #[test]
    fn oauth_15_an_issuer_may_ask_for_bound_tokens() {
        let bound = |certificate: bool, key: bool| Confirmation {
            certificate: thumbprint(ONE).filter(|_| certificate),
            key: thumbprint(ONE).filter(|_| key),
        };
        let (by_certificate, by_key) = (bound(true, false), bound(false, true));
        for (binding, none, certificate, key) in [
            (Binding::None, true, true, true),
            (Binding::Any, false, true, true),
            (Binding::Certificate, false, true, false),
            (Binding::Dpop, false, false, true),
        ] {
            let kept = [None, Some(&by_certificate), Some(&by_key)].map(|confirmation| binding.is_kept(confirmation));
            assert_eq!(kept, [none, certificate, key], "{binding:?}");
        }
    }
}
