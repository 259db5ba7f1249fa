//! What an operation accepts as proof of who calls: the contract's `security`, each scheme with what verifies it here.

use std::sync::Arc;

use portcullis_identity::principal::Identity;

use crate::issuer::Issuer;

/// What an operation accepts.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// What challenges call the API (RFC 9110 §11.5).
    pub realm: Arc<str>,
    /// Any of these. None: nothing has to be proved.
    pub alternatives: Vec<Alternative>,
    /// Whether `Authorization` goes on to the upstream.
    pub forward_authorization: bool,
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
    /// The gate: bearer tokens (RFC 6750) of one of these issuers.
    Tokens(Arc<[Arc<Issuer>]>),
    /// Nobody here. The operator said so aloud.
    Unverified,
}

/// Where a caller stands with an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// What was presented is enough.
    Admitted,
    /// Something has to be presented, and nothing was.
    Missing,
    /// What was presented is good, and not for this operation.
    Foreign,
    /// What was presented is good, and lacks one of these scopes.
    Insufficient(Vec<Box<str>>),
}

impl Access {
    /// Every issuer whose tokens are accepted for any alternative.
    pub(crate) fn issuers(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        let needs = self.alternatives.iter().flatten();
        needs.flat_map(|need| match &need.verifier {
            Verifier::Tokens(issuers) => &**issuers,
            Verifier::Unverified => &[],
        })
    }

    /// Where somebody stands whose token was verified, or who presented none.
    pub(crate) fn standing(&self, identity: Option<&Identity>) -> Standing {
        let met = |alternative: &Alternative| {
            alternative
                .iter()
                .all(|need| need.is_met(identity) && need.is_in_scope(identity))
        };
        if self.alternatives.is_empty() || self.alternatives.iter().any(met) {
            return Standing::Admitted;
        }
        let Some(identity) = identity else {
            return Standing::Missing;
        };
        let known = |alternative: &&Alternative| alternative.iter().all(|need| need.is_met(Some(identity)));
        match self.alternatives.iter().find(known) {
            Some(nearly) => Standing::Insufficient(nearly.iter().flat_map(|need| need.scopes.clone()).collect()),
            None => Standing::Foreign,
        }
    }
}

impl Need {
    fn is_met(&self, identity: Option<&Identity>) -> bool {
        match (&self.verifier, identity) {
            (Verifier::Unverified, _) => true,
            (Verifier::Tokens(_), None) => false,
            (Verifier::Tokens(issuers), Some(identity)) => {
                let authority = identity.subject().authority();
                issuers.iter().any(|issuer| issuer.authority() == authority)
            }
        }
    }

    fn is_in_scope(&self, identity: Option<&Identity>) -> bool {
        match (&self.verifier, identity) {
            (Verifier::Unverified, _) => true,
            (Verifier::Tokens(_), Some(identity)) => {
                identity.scopes().contain(self.scopes.iter().map(|scope| &**scope))
            }
            (Verifier::Tokens(_), None) => false,
        }
    }
}
