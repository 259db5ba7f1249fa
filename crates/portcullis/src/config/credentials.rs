//! Where the gate's own API keys and opaque tokens are kept, as it is written and settled.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_contract::document::Span;
use portcullis_identity::credentials::{Prefix, Record};
use portcullis_identity::jose::handle::Mac;
use schemars::JsonSchema;
use serde::Deserialize;

use super::api::Api;
use super::problems::Problems;
use super::security::{Authorities, Verifier};
use super::spanned::Spanned;
use super::text::{Location, Name};

/// What the subjects of the gate's own credentials are named under, as those of an issuer are under its name.
pub(crate) const AUTHORITY: &str = "own";
/// How credentials begin where nothing is said.
const PREFIX: &str = "ptc";

/// Where API keys and opaque tokens of the gate's own are kept. Commands issue them: `portcullis key issue`, `portcullis token issue`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialsWritten {
    /// The file of the store (SQLite), relative to the configuration. The first `issue` makes it, and two others beside it.
    pub(crate) store: Spanned<Location>,
    /// The file of the secret under which credentials are kept: a JWK Set (RFC 7517) of keys of the type `oct`, the one for new
    /// credentials first. The first `issue` makes it. Read again when it changes.
    pub(crate) secret: Spanned<Location>,
    /// How new credentials begin, for scanners of secrets: 2 to 16 lower-case letters and digits. Default: ptc.
    pub(crate) prefix: Option<Spanned<Name>>,
}

/// Where credentials are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// The file of the store.
    pub(crate) store: PathBuf,
    /// Where it is named.
    pub(crate) store_span: Span,
    /// The file of the secret.
    pub(crate) secret: PathBuf,
    /// Where it is named.
    pub(crate) secret_span: Span,
    /// How new credentials begin.
    pub(crate) prefix: String,
}

/// What keeps the gate's own credentials.
#[derive(Debug)]
pub(crate) enum Kept {
    /// A store and a secret in files.
    InFiles(Credentials),
    /// Nothing that lasts: somebody made them a moment ago. No configuration says so.
    #[cfg_attr(not(feature = "demo"), expect(dead_code, reason = "the demo makes some"))]
    InMemory(Made),
}

/// Credentials that somebody made, and the keys that they are kept under.
#[derive(Debug)]
pub(crate) struct Made {
    /// The one for new credentials first.
    pub(crate) keys: Vec<Arc<dyn Mac>>,
    /// What is kept of them, each of another name.
    pub(crate) records: Vec<Record>,
}

impl Kept {
    /// The files, if they are in some.
    pub(crate) fn in_files(&self) -> Option<&Credentials> {
        match self {
            Self::InFiles(credentials) => Some(credentials),
            Self::InMemory(_) => None,
        }
    }
}

impl Credentials {
    pub(super) fn lower(raw: CredentialsWritten, directory: &Path, problems: &mut Problems<'_>) -> Self {
        if let Some(prefix) = &raw.prefix
            && Prefix::parse(&prefix.value.0).is_none()
        {
            let message = format!("`{}` is no prefix of credentials", prefix.value.0);
            let help = "use 2 to 16 lower-case letters and digits, a letter first, such as `acme`";
            problems.error(prefix.span, message, help);
        }
        Self {
            store: directory.join(&raw.store.value.0),
            store_span: raw.store.span,
            secret: directory.join(&raw.secret.value.0),
            secret_span: raw.secret.span,
            prefix: raw.prefix.map_or_else(|| PREFIX.to_owned(), |prefix| prefix.value.0),
        }
    }
}

/// Reports schemes that need credentials of which nothing is said, and issuers and users that are called as they are.
pub(super) fn check(
    credentials: Option<&Credentials>,
    apis: &[Api],
    authorities: Authorities<'_>,
    problems: &mut Problems<'_>,
) {
    let schemes = apis.iter().flat_map(|api| &api.security_schemes);
    for (name, scheme) in schemes {
        let wanted = match &scheme.value.verifier {
            Verifier::ApiKeys { .. } => "api_keys",
            Verifier::Tokens { own: true, .. } => "own_tokens",
            _ => continue,
        };
        if credentials.is_none() && !authorities.described.credentials {
            let message = format!("`{name}` has `{wanted}`, and it is not said where they are kept");
            let help = "write `credentials: {store: credentials.db, secret: credentials.jwks}`; `portcullis key issue` makes both";
            problems.error(scheme.span, message, help);
        }
    }
    let namesake = authorities.names().find(|(name, _)| *name == AUTHORITY);
    if let (Some(_), Some((_, span))) = (credentials, namesake) {
        let message = format!("`{AUTHORITY}` is what the gate's own `credentials` are called");
        let help = "write another name: whose subject is whose could not be told";
        problems.error(span, message, help);
    }
}
