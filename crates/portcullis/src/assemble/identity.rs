//! How an upstream is told who calls, from what is configured.

use std::sync::Arc;

use portcullis_gateway::forward::headers::Rules;
use portcullis_gateway::upstream_identity::{SigningKeys, Tokens, UpstreamIdentity};

use crate::config::checked::Configuration;
use crate::config::upstream_identity::{Told, UpstreamIdentity as Configured, UpstreamTokens};

/// With what tokens for upstreams are signed.
#[derive(Clone, Copy)]
pub(super) struct Signs<'s> {
    /// What is configured; none where nothing signs.
    pub(super) tokens: Option<&'s UpstreamTokens>,
    /// The keys, now and later.
    pub(super) keys: &'s Arc<SigningKeys>,
}

impl<'s> Signs<'s> {
    /// What a configuration says, with the keys of the gate.
    pub(super) fn of(configuration: &'s Configuration, keys: &'s Arc<SigningKeys>) -> Self {
        Self {
            tokens: configuration.upstream_tokens.as_ref(),
            keys,
        }
    }

    /// How one upstream is told. A token that nothing signs was refused before; here it would fail each request.
    pub(super) fn told(self, configured: &Configured) -> Option<Arc<UpstreamIdentity>> {
        let told = match configured.told.as_ref()? {
            Told::Headers(headers) => UpstreamIdentity::Headers(headers.clone()),
            Told::Token(token) => {
                let tokens = Tokens {
                    issuer: self.tokens.map_or("", |tokens| &*tokens.issuer).into(),
                    audience: token.audience.as_str().into(),
                    lifetime_seconds: token.lifetime_seconds,
                    claims: token.claims.iter().map(|claim| claim.as_str().into()).collect(),
                    keys: Arc::clone(self.keys),
                };
                UpstreamIdentity::Token(token.header.clone(), tokens)
            }
        };
        Some(Arc::new(told))
    }
}

/// What of a caller's fields does not go on: those that the gate writes, and those that only a gate says.
pub(super) fn rules(configured: &Configured, told: Option<&UpstreamIdentity>) -> Rules {
    Rules {
        internal: told.map(UpstreamIdentity::names).unwrap_or_default(),
        from_clients: configured.from_callers.clone(),
        ..Rules::default()
    }
}
