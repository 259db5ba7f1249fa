//! What an operation accepts as proof of who calls: the contract's `security`, each scheme with what verifies it here.

use std::sync::Arc;

use http::HeaderName;
use portcullis_contract::conform::security::KeyPlace;
use portcullis_identity::access_token::Kind;
use portcullis_identity::challenge::{self, BearerError, DpopError};
use portcullis_identity::confirmation::{self, Binding, Possession, Unconfirmed};
use portcullis_identity::jose::Refusal;
use portcullis_identity::principal::{Credential, Identity};
use portcullis_identity::signatures::Signers;
use portcullis_identity::time::UnixTime;
use smallvec::SmallVec;

use crate::certificates::{Certificates, Forwarded};
use crate::dpop::Terms;
use crate::issuer::{Issuer, TokenDigest};
use crate::keyring::Keyring;
use crate::passwords::Passwords;

/// What an operation accepts.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// What challenges call the API (RFC 9110 §11.5).
    pub realm: Arc<str>,
    /// Any of these. None: nothing has to be proved.
    pub alternatives: Vec<Alternative>,
    /// The header fields of credentials that end here.
    pub withheld: Box<[HeaderName]>,
    /// The cookies and query parameters of credentials that end here.
    pub withheld_keys: Box<[KeyPlace]>,
    /// Where trusted proxies forward the certificates of callers.
    pub forwarded: Option<Arc<Forwarded>>,
    /// What is asked of proofs of possession.
    pub dpop: Terms,
}

/// One way in: all of it is needed. Without any need, anonymous callers are let in.
pub type Alternative = Vec<Need>;

/// What one scheme of the contract needs.
#[derive(Clone, Debug)]
pub struct Need {
    /// Who verifies it.
    pub verifier: Verifier,
    /// The scopes that the caller needs.
    pub scopes: Vec<Box<str>>,
}

/// Who verifies what a scheme asks for.
#[derive(Clone, Debug)]
pub enum Verifier {
    /// The gate: access tokens.
    Tokens {
        /// What is known of opaque ones of its own, where they are accepted.
        own: Option<Arc<Keyring>>,
        /// Whose others are.
        issuers: Arc<[Arc<Issuer>]>,
    },
    /// The gate: API keys of its own.
    ApiKeys(ApiKeys),
    /// The gate: passwords of these users (RFC 7617).
    Passwords(Arc<Passwords>),
    /// The gate: signatures of requests by these callers.
    Signatures(Arc<Signers>),
    /// The gate: client certificates, by these rules.
    Certificates(Arc<Certificates>),
    /// Nobody anywhere: no credential meets it.
    Nobody,
    /// Nobody here. The operator said so aloud.
    Unverified,
}

/// API keys in one place of a request.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    /// What is known of them.
    pub keyring: Arc<Keyring>,
    /// Where they stand.
    pub place: KeyPlace,
}

/// Whom a request's credentials speak of: one identity for each that was presented and is good.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proven {
    identities: SmallVec<[Arc<Identity>; 1]>,
    /// From when on the certificate of whoever sent it is no longer good, also where it names nobody.
    certificate_ends: Option<UnixTime>,
}

/// Where a caller stands with an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// What was presented is enough.
    Admitted,
    /// Something has to be presented, and nothing was.
    Missing,
    /// What was presented is good, and no way in asks for that alone: something else has to come with it.
    Incomplete,
    /// What was presented is good, and lacks one of these scopes.
    Insufficient(Vec<Box<str>>),
}

impl Proven {
    /// One more credential is good.
    pub(crate) fn add(&mut self, identity: Arc<Identity>) {
        self.identities.push(identity);
        self.identities.sort_unstable_by_key(|identity| identity.credential());
    }

    /// Nothing of it holds for longer than the certificate of whoever sent it.
    pub(crate) fn end_with_certificate(&mut self, not_after: UnixTime) {
        self.certificate_ends = Some(not_after);
    }

    /// From when on one of the credentials is no longer good; none: none ends by itself.
    pub(crate) fn ends(&self) -> Option<UnixTime> {
        let identities = self.identities.iter().filter_map(|identity| identity.expires());
        identities.chain(self.certificate_ends).min()
    }

    /// The identity that this kind of credential proved.
    pub(crate) fn by(&self, credential: Credential) -> Option<&Arc<Identity>> {
        self.identities
            .iter()
            .find(|identity| identity.credential() == credential)
    }

    /// Whoever was proven, by one credential alone.
    pub(crate) fn only(&self) -> Option<&Arc<Identity>> {
        match &*self.identities {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The kinds of credentials that were good, by the names that policies have for them.
    pub(crate) fn credentials(&self) -> impl Iterator<Item = &'static str> {
        self.identities.iter().map(|identity| identity.credential().name())
    }

    /// Who calls: of several credentials the first kind in the order of [`Credential`]. None: an anonymous principal.
    pub(crate) fn first(&self) -> Option<&Arc<Identity>> {
        self.identities.first()
    }
}

impl Access {
    /// Whether the operation is for everybody, whoever they are.
    pub(crate) fn asks_for_nothing(&self) -> bool {
        self.alternatives.is_empty() || self.alternatives.iter().any(Vec::is_empty)
    }

    /// Every issuer whose tokens are accepted for any alternative.
    pub(crate) fn issuers(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.verifiers().flat_map(|verifier| match verifier {
            Verifier::Tokens { issuers, .. } => &**issuers,
            _ => &[],
        })
    }

    /// The issuer by whose word an access token counts; none for one of the gate's own.
    pub(crate) fn issuer_of(&self, identity: &Identity) -> Option<&Arc<Issuer>> {
        let authority = identity.subject().authority();
        self.issuers().find(|issuer| issuer.authority() == authority)
    }

    /// Whether a request shows what its token is bound to: asked every time, also of a token that is remembered.
    ///
    /// # Errors
    /// [`Unconfirmed`].
    pub(crate) fn confirm(&self, identity: &Identity, shown: &Possession) -> Result<(), Unconfirmed> {
        let issuer = self.issuer_of(identity);
        let binding = issuer.map_or(Binding::None, |issuer| issuer.binding());
        confirmation::check(identity.claims(), binding, shown)
    }

    /// Whether an issuer that is asked about its tokens was about this one, with success or without an answer yet.
    pub(crate) fn is_no_guess(&self, token: TokenDigest) -> bool {
        let mut asked = self.issuers().filter_map(|issuer| issuer.introspection());
        asked.any(|introspection| introspection.is_no_guess(token))
    }

    /// What the log says of a token that was refused: that no token of its kind is taken here, where its form says so, rather
    /// than what is wrong with it as one of another kind.
    pub(crate) fn refused_as(&self, token: &str, refusal: &Refusal) -> &'static str {
        let foreign = match (Kind::of(token), refusal) {
            (Kind::House | Kind::ApiKey, Refusal::PartCount) => true,
            (Kind::Jwt, Refusal::IssuerMismatch | Refusal::EncryptedUnexpectedly) => self.issuers().next().is_none(),
            _ => false,
        };
        if foreign { Kind::NOT_ACCEPTED } else { refusal.code() }
    }

    /// What is known of opaque tokens of the gate's own, where they are accepted.
    pub(crate) fn own_tokens(&self) -> Option<&Keyring> {
        self.verifiers().find_map(|verifier| match verifier {
            Verifier::Tokens { own, .. } => own.as_deref(),
            _ => None,
        })
    }

    /// Where API keys are looked for; a place that several alternatives name comes several times.
    pub(crate) fn api_keys(&self) -> impl Iterator<Item = &ApiKeys> {
        self.verifiers().filter_map(|verifier| match verifier {
            Verifier::ApiKeys(keys) => Some(keys),
            _ => None,
        })
    }

    /// Whose passwords are accepted.
    pub(crate) fn passwords(&self) -> Option<&Arc<Passwords>> {
        self.verifiers().find_map(|verifier| match verifier {
            Verifier::Passwords(passwords) => Some(passwords),
            _ => None,
        })
    }

    /// Everybody whose signatures are accepted for any alternative, each of them once.
    pub(crate) fn signers(&self) -> impl Iterator<Item = &Arc<Signers>> {
        let mut seen = SmallVec::<[&Arc<Signers>; 2]>::new();
        self.verifiers().filter_map(move |verifier| match verifier {
            Verifier::Signatures(signers) if !seen.iter().any(|known| Arc::ptr_eq(known, signers)) => {
                seen.push(signers);
                Some(signers)
            }
            _ => None,
        })
    }

    /// The rules of every client certificate that is accepted for any alternative.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = &Arc<Certificates>> {
        self.verifiers().filter_map(|verifier| match verifier {
            Verifier::Certificates(certificates) => Some(certificates),
            _ => None,
        })
    }

    /// Whether this kind of credential is looked at.
    pub(crate) fn accepts(&self, credential: Credential) -> bool {
        self.verifiers()
            .any(|verifier| verifier.credential() == Some(credential))
    }

    fn verifiers(&self) -> impl Iterator<Item = &Verifier> {
        self.alternatives.iter().flatten().map(|need| &need.verifier)
    }

    /// Where somebody stands who proved this. Whoever is let in is known by nothing but what let them in: a credential that is
    /// good, and not good enough for this operation, says nothing of who calls. Of several ways in, the one that asks for most
    /// counts, and of those the first.
    pub(crate) fn admit(&self, proven: &mut Proven) -> Standing {
        let met = |alternative: &&Alternative| alternative.iter().all(|need| need.is_met(proven, Need::is_in_scope));
        let way_in = self.alternatives.iter().filter(met).rev().max_by_key(|way| way.len());
        if let Some(way_in) = way_in {
            let counts = |identity: &Identity| way_in.iter().any(|need| need.is_met_by(identity));
            proven.identities.retain(|identity| counts(identity));
            return Standing::Admitted;
        }
        if self.alternatives.is_empty() {
            proven.identities.clear();
            return Standing::Admitted;
        }
        if proven.identities.is_empty() {
            return Standing::Missing;
        }
        let known = |alternative: &&Alternative| alternative.iter().all(|need| need.is_met(proven, |_, _| true));
        match self.alternatives.iter().find(known) {
            Some(nearly) => Standing::Insufficient(nearly.iter().flat_map(|need| need.scopes.clone()).collect()),
            None => Standing::Incomplete,
        }
    }

    /// The challenges of every scheme that is accepted (RFC 9110 §11.6.1); `error` is of a token that was presented, and of
    /// nothing else (RFC 6750 §3.1). Of keys, passwords, signatures and certificates nothing is said but how to present one.
    pub(crate) fn challenges(&self, error: Option<BearerError>, scopes: &[Box<str>]) -> Vec<String> {
        let mut challenges = Vec::new();
        let scopes = || scopes.iter().map(|scope| &**scope);
        if self.own_tokens().is_some() || self.issuers().any(|issuer| issuer.binding() != Binding::Dpop) {
            challenges.push(challenge::bearer(&self.realm, error, scopes()));
        }
        let proofs = |issuer: &Arc<Issuer>| matches!(issuer.binding(), Binding::Dpop | Binding::Any);
        if self.issuers().any(proofs) {
            challenges.push(challenge::dpop(&self.realm, error.map(DpopError::from), scopes()));
        }
        if self.accepts(Credential::Password) {
            challenges.push(challenge::basic(&self.realm));
        }
        if self.accepts(Credential::Signature) {
            challenges.push(challenge::signature(&self.realm, scopes()));
        }
        for place in self.key_places() {
            let (place, name) = located(place);
            challenges.push(challenge::api_key(&self.realm, place, name, scopes()));
        }
        if self.accepts(Credential::Certificate) {
            challenges.push(challenge::client_certificate(&self.realm, scopes()));
        }
        if challenges.is_empty() {
            // A 401 needs at least one (RFC 9110 §15.5.2), also where nobody could meet any.
            challenges.push(challenge::bearer(&self.realm, None, scopes()));
        }
        challenges
    }

    /// Where API keys are looked for, each place once.
    fn key_places(&self) -> Vec<&KeyPlace> {
        let mut places: Vec<&KeyPlace> = Vec::new();
        for keys in self.api_keys() {
            if !places.contains(&&keys.place) {
                places.push(&keys.place);
            }
        }
        places
    }

    /// The challenge for a caller that presented a token with the scheme `DPoP` (RFC 9449 §7.1).
    pub(crate) fn challenges_of_dpop(&self, error: DpopError) -> Vec<String> {
        vec![challenge::dpop(&self.realm, Some(error), [])]
    }
}

/// A place as OpenAPI writes it: `in` and `name`.
fn located(place: &KeyPlace) -> (&'static str, &str) {
    match place {
        KeyPlace::Header(name) => ("header", name.as_str()),
        KeyPlace::Cookie(name) => ("cookie", name),
        KeyPlace::Query(name) => ("query", name),
    }
}

impl Need {
    fn is_met(&self, proven: &Proven, and: impl Fn(&Self, &Identity) -> bool) -> bool {
        let meets = |identity: &Arc<Identity>| self.verifier.vouches_for(identity) && and(self, identity);
        matches!(self.verifier, Verifier::Unverified) || proven.identities.iter().any(meets)
    }

    fn is_met_by(&self, identity: &Identity) -> bool {
        self.verifier.vouches_for(identity) && self.is_in_scope(identity)
    }

    fn is_in_scope(&self, identity: &Identity) -> bool {
        identity.scopes().contain(self.scopes.iter().map(|scope| &**scope))
    }
}

impl Verifier {
    /// What it verifies.
    fn credential(&self) -> Option<Credential> {
        match self {
            Self::Tokens { .. } => Some(Credential::AccessToken),
            Self::ApiKeys(_) => Some(Credential::ApiKey),
            Self::Passwords(_) => Some(Credential::Password),
            Self::Signatures(_) => Some(Credential::Signature),
            Self::Certificates(_) => Some(Credential::Certificate),
            Self::Nobody | Self::Unverified => None,
        }
    }

    /// Whether it is the one that this identity was proved to.
    fn vouches_for(&self, identity: &Identity) -> bool {
        let authority = identity.subject().authority();
        self.credential() == Some(identity.credential())
            && match self {
                Self::Tokens { own, issuers } => {
                    own.as_ref().is_some_and(|keyring| keyring.authority() == authority)
                        || issuers.iter().any(|issuer| issuer.authority() == authority)
                }
                Self::ApiKeys(keys) => keys.keyring.authority() == authority,
                Self::Passwords(passwords) => passwords.authority() == authority,
                Self::Signatures(signers) => signers.authority() == authority,
                Self::Certificates(certificates) => certificates.authority() == authority,
                Self::Nobody | Self::Unverified => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_identity::access_token::AccessTokens;
    use portcullis_identity::jose::claims::Expected;
    use portcullis_identity::jose::media_type::MediaType;
    use portcullis_identity::principal::{Scopes, Subject, SubjectKind};

    use super::*;
    use crate::issuer::{Keys, Validation};

    fn tokens(authority: &str) -> Verifier {
        let expected = Expected::new("https://id.example", "https://api.example", MediaType::new("at+jwt"));
        let tokens = AccessTokens::new(authority.into(), expected);
        let issuer = Issuer::new(tokens, Validation::Keys(Keys::unknown(None)));
        Verifier::Tokens {
            own: None,
            issuers: [Arc::new(issuer)].into(),
        }
    }

    fn need(authority: &str, scopes: &[&str]) -> Need {
        Need {
            verifier: tokens(authority),
            scopes: scopes.iter().map(|scope| (*scope).into()).collect(),
        }
    }

    /// Whoever is let in by `security`, by the names of those who vouch; `presented` has authorities and scopes.
    #[track_caller]
    fn check(security: Vec<Alternative>, presented: &[(&str, &str)], standing: &Standing, known: &[&str]) {
        let access = Access {
            alternatives: security,
            ..Access::default()
        };
        let mut proven = Proven::default();
        for (authority, scope) in presented {
            let subject = Subject::new((*authority).into(), SubjectKind::User, "somebody");
            let identity = Identity::new(Credential::AccessToken, subject);
            proven.add(Arc::new(identity.with_scopes(Scopes::new(vec![(*scope).into()]))));
        }
        assert_eq!(access.admit(&mut proven), *standing);
        let left: Vec<&str> = proven.identities.iter().map(|one| one.subject().authority()).collect();
        assert_eq!(left, known, "{presented:?}");
    }

    #[test]
    fn whoever_is_let_in_is_known_by_what_let_them_in() {
        let either = || vec![vec![need("oauth", &["write"])], vec![need("keys", &[])]];
        let optional = || vec![vec![], vec![need("oauth", &["write"])]];
        let (read, write, key) = (("oauth", "read"), ("oauth", "write"), ("keys", ""));
        let admitted = &Standing::Admitted;
        check(either(), &[read, key], admitted, &["keys"]);
        check(either(), &[write, key], admitted, &["oauth"]);
        check(either(), &[key], admitted, &["keys"]);
        check(either(), &[], &Standing::Missing, &[]);
        let lacking = &Standing::Insufficient(vec!["write".into()]);
        check(either(), &[read], lacking, &["oauth"]);
        check(either(), &[("other", "write")], &Standing::Incomplete, &["other"]);
        check(optional(), &[read], admitted, &[]);
        check(optional(), &[write], admitted, &["oauth"]);
        check(optional(), &[], admitted, &[]);
        let both = vec![vec![need("oauth", &["write"]), need("keys", &[])]];
        check(both, &[write, key], admitted, &["oauth", "keys"]);
        check(vec![], &[write], admitted, &[]);
    }
}
