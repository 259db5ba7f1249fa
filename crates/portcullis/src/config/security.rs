//! What verifies the security schemes of a contract, as it is written and settled.

use std::collections::BTreeMap;

use portcullis_contract::conform::security::{KeyPlace, SchemeKind};
use portcullis_contract::document::Span;
use schemars::JsonSchema;
use serde::Deserialize;

use super::client_certificates::ClientCertificates;
use super::described::Described;
use super::issuer::{Authority, Issuer};
use super::nearest::nearest;
use super::problems::Problems;
use super::signers::Signers;
use super::spanned::Spanned;
use super::text::Name;
use super::users::Users;

/// What verifies a security scheme of the contract: one of `issuers`, `own_tokens`, `api_keys`, `users`, `signers` and
/// `client_certificates`, or nobody, said aloud.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SchemeWritten {
    /// The issuers whose access tokens are accepted, by the names of `issuers`.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) issuers: Option<Vec<Spanned<Name>>>,
    /// Accepts API keys that `portcullis key issue` made, in the place that the contract names.
    #[serde(default)]
    pub(crate) api_keys: bool,
    /// Accepts bearer tokens that `portcullis token issue` made, beside those of `issuers` where there are any.
    #[serde(default)]
    pub(crate) own_tokens: bool,
    /// Takes API keys out of the query, where the contract has them: URLs end up in logs and histories. They never go on.
    #[serde(default)]
    pub(crate) dangerous_query: bool,
    /// The users whose passwords are accepted, by a name of `users`. Only operations with `login: true` take passwords.
    pub(crate) users: Option<Spanned<Name>>,
    /// The callers whose signatures of their requests are accepted (RFC 9421), by a name of `signers`. The scheme is `http` with the
    /// scheme `signature`, or `apiKey` in the header field `Signature`.
    pub(crate) signers: Option<Spanned<Name>>,
    /// The rules by which client certificates prove who calls, by the name of one of `client_certificates`.
    pub(crate) client_certificates: Option<Spanned<Name>>,
    /// Lets the credential go on to the upstream. Default: it ends at the gate, which verified it.
    #[serde(default)]
    pub(crate) forward: bool,
    /// Lets everybody in, whatever they present, which goes on to the upstream: the upstream has to verify it.
    #[serde(default)]
    pub(crate) dangerous_unverified: bool,
}

/// What verifies the schemes of one API, by the names of its contract.
pub(crate) type Schemes = BTreeMap<String, Spanned<Scheme>>;

/// What verifies a scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scheme {
    /// Who does.
    pub(crate) verifier: Verifier,
    /// Whether the credential goes on to the upstream.
    pub(crate) forward: bool,
}

/// Who verifies a scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verifier {
    /// The gate: access tokens.
    Tokens {
        /// Opaque ones of its own.
        own: bool,
        /// Those of the issuers of these names.
        issuers: Vec<String>,
    },
    /// The gate: API keys of its own.
    ApiKeys {
        /// Also where they stand in the query.
        in_query: bool,
    },
    /// The gate: passwords of the users of this name.
    Users(String),
    /// The gate: signatures of the callers of this name.
    Signers(String),
    /// The gate: client certificates, by the rules of this name.
    ClientCertificates(String),
    /// The upstream, or nobody.
    Upstream,
}

/// Who vouches for callers, as far as it is configured.
#[derive(Clone, Copy)]
pub(super) struct Authorities<'a> {
    pub(super) issuers: &'a [Issuer],
    pub(super) users: &'a [Users],
    pub(super) signers: &'a [Signers],
    pub(super) client_certificates: &'a [ClientCertificates],
    /// Whether there is anything to sign tokens for upstreams with.
    pub(super) signs: bool,
    /// Everybody of whom anything is written, also where it could not be read.
    pub(super) described: &'a Described,
}

impl<'a> Authorities<'a> {
    /// What they are called, and where that stands.
    pub(super) fn names(self) -> impl Iterator<Item = (&'a str, Span)> {
        let issuers = self.issuers.iter().map(|issuer| (&*issuer.name, issuer.span));
        let users = self.users.iter().map(|users| (&*users.name, users.span));
        let signers = self.signers.iter().map(|signers| (&*signers.name, signers.span));
        let certified = self.client_certificates.iter().map(|rules| (rules.name(), rules.span));
        issuers.chain(users).chain(signers).chain(certified)
    }

    /// Reports a name that nobody has. `what` is what they are, and the setting that describes them.
    fn check(self, name: &Spanned<Name>, [what, setting]: [&str; 2], problems: &mut Problems<'_>) {
        let called = &name.value.0;
        if self.described.has(setting, called) {
            return;
        }
        let help = match nearest(called, &self.described.names(setting)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("describe it below `{setting}`"),
        };
        problems.error(name.span, format!("no {what} called `{called}`"), help);
    }
}

/// Settles what is written; `authorities` are those that there are.
pub(super) fn lower(
    written: BTreeMap<String, Spanned<SchemeWritten>>,
    authorities: Authorities<'_>,
    problems: &mut Problems<'_>,
) -> Schemes {
    check_asked(&written, authorities.issuers, problems);
    let settle = |(name, Spanned { value, span }): (String, Spanned<SchemeWritten>)| {
        let value = value.lower(&name, span, authorities, problems);
        (name, Spanned { value, span })
    };
    written.into_iter().map(settle).collect()
}

/// What only its issuer can read does not say who that is: of the issuers of an API, one at most is asked.
fn check_asked(written: &BTreeMap<String, Spanned<SchemeWritten>>, issuers: &[Issuer], problems: &mut Problems<'_>) {
    let asked = |name: &str| {
        let mut known = issuers.iter().filter(|issuer| &*issuer.name == name);
        known.any(|issuer| matches!(issuer.authority, Authority::Introspection(_)))
    };
    let named = written.values().filter_map(|scheme| scheme.value.issuers.as_ref());
    let mut named = named.flatten().filter(|name| asked(&name.value.0));
    let Some(first) = named.next() else { return };
    for other in named.filter(|name| name.value.0 != first.value.0) {
        let message = format!(
            "`{}` and `{}` are both asked about tokens: an opaque token does not say which of them knows it",
            first.value.0, other.value.0
        );
        problems.error(other.span, message, "name one issuer with `introspection` for an API");
    }
}

impl SchemeWritten {
    fn lower(self, name: &str, span: Span, authorities: Authorities<'_>, problems: &mut Problems<'_>) -> Scheme {
        let named = self.issuers.map(|names| {
            let what = ["issuer is", "issuers"];
            names.iter().for_each(|name| authorities.check(name, what, problems));
            names.into_iter().map(|name| name.value.0).collect::<Vec<_>>()
        });
        let own = self.own_tokens;
        let tokens = (own || named.is_some()).then(|| Verifier::Tokens {
            own,
            issuers: named.unwrap_or_default(),
        });
        let in_query = self.dangerous_query;
        if in_query && !self.api_keys {
            let message = format!("`{name}` has `dangerous_query`, and no `api_keys` that it could be about");
            problems.error(span, message, "take it out, or write `api_keys: true`");
        }
        let keys = self.api_keys.then_some(Verifier::ApiKeys { in_query });
        let users = self.users.map(|name| {
            authorities.check(&name, ["users are", "users"], problems);
            Verifier::Users(name.value.0)
        });
        let signing = self.signers.map(|name| {
            authorities.check(&name, ["signers are", "signers"], problems);
            Verifier::Signers(name.value.0)
        });
        let certified = self.client_certificates.map(|name| {
            let what = ["rules for client certificates are", "client_certificates"];
            authorities.check(&name, what, problems);
            Verifier::ClientCertificates(name.value.0)
        });
        let upstream = self.dangerous_unverified.then_some(Verifier::Upstream);
        // One member for each way; exactly one has to be written.
        let mut said = [tokens, keys, users, signing, certified, upstream]
            .into_iter()
            .flatten();
        match (said.next(), said.next()) {
            (Some(verifier), None) => Scheme {
                forward: self.forward || verifier == Verifier::Upstream,
                verifier,
            },
            _ => {
                let message = format!(
                    "`{name}` needs one of `issuers`, `own_tokens`, `api_keys`, `users`, `signers`, `client_certificates` and \
                     `dangerous_unverified`"
                );
                let help = "name whose tokens are accepted, such as `{issuers: [main]}`";
                problems.error(span, message, help);
                Scheme::UNVERIFIED
            }
        }
    }
}

impl Scheme {
    /// One that nobody here verifies.
    pub(crate) const UNVERIFIED: Self = Self {
        verifier: Verifier::Upstream,
        forward: true,
    };
}

impl Verifier {
    /// Whether it takes tokens of issuers, which say more of their subject than those of the gate's own.
    pub(crate) fn takes_issuers(&self) -> bool {
        matches!(self, Self::Tokens { issuers, .. } if !issuers.is_empty())
    }

    /// Whether it can verify what a scheme of this kind asks for.
    pub(crate) fn is_for(&self, kind: &SchemeKind) -> bool {
        match self {
            Self::ApiKeys { in_query } => match kind {
                SchemeKind::ApiKey(KeyPlace::Query(_)) => *in_query,
                SchemeKind::ApiKey(KeyPlace::Header(_) | KeyPlace::Cookie(_)) => true,
                _ => false,
            },
            Self::Tokens { .. } => matches!(
                kind,
                SchemeKind::Bearer | SchemeKind::OAuth2 | SchemeKind::OpenIdConnect(_)
            ),
            Self::Users(_) => matches!(kind, SchemeKind::Basic),
            Self::Signers(_) => match kind {
                SchemeKind::Http(scheme) => **scheme == *"signature",
                SchemeKind::ApiKey(KeyPlace::Header(name)) => name == "signature",
                _ => false,
            },
            Self::ClientCertificates(_) => matches!(kind, SchemeKind::MutualTls),
            Self::Upstream => true,
        }
    }
}
