//! Keys for encrypted tokens, as they are written and settled.

use std::path::Path;

use portcullis_contract::document::Span;
use schemars::JsonSchema;
use serde::Deserialize;

use super::issuer::Authority;
use super::problems::Problems;
use super::spanned::{NamedFile, Spanned};
use super::text::Location;

/// Private keys for encrypted tokens (RFC 7516): what is in one has to be signed by the issuer all the same.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecryptionWritten {
    /// The keys. A token names one by its `kid`; without, there has to be one only that it can be for.
    #[schemars(length(min = 1, max = 8))]
    pub(crate) keys: Vec<DecryptionKeyWritten>,
    /// Takes tokens that are only signed, too.
    #[serde(default)]
    pub(crate) also_unencrypted: bool,
}

/// A private key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecryptionKeyWritten {
    /// A JWK (RFC 7517), or PKCS#8 in PEM, relative to the configuration; read again when it changes.
    pub(crate) file: Spanned<Location>,
    /// What the key is for: the name of a key management algorithm such as `RSA-OAEP-256` or `ECDH-ES`, or, for a shared key, of an
    /// encryption such as `A256GCM`. A file in PEM needs it, and a JWK without `alg`.
    pub(crate) algorithm: Option<String>,
    /// What tokens call the key, for a file in PEM: a JWK says it itself.
    pub(crate) kid: Option<String>,
}

/// The same, settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decryption {
    /// At least one.
    pub(crate) keys: Vec<DecryptionKey>,
    /// Whether tokens that are only signed are refused.
    pub(crate) required: bool,
    /// Where it is written.
    pub(crate) span: Span,
}

/// A private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DecryptionKey {
    pub(crate) file: NamedFile,
    pub(crate) algorithm: Option<String>,
    pub(crate) kid: Option<String>,
}

impl Decryption {
    pub(super) fn lower(
        Spanned { value: raw, span }: Spanned<DecryptionWritten>,
        authority: &Authority,
        directory: &Path,
        problems: &mut Problems<'_>,
    ) -> Self {
        if matches!(authority, Authority::Introspection(_)) {
            let message = "an issuer that is asked reads its tokens itself: they are not decrypted here";
            problems.error(
                span,
                message,
                "take out `decryption`, or write `keys` in the place of `introspection`",
            );
        }
        let settle = |key: DecryptionKeyWritten| DecryptionKey {
            file: key.file.file(directory),
            algorithm: key.algorithm,
            kid: key.kid,
        };
        Self {
            keys: raw.keys.into_iter().map(settle).collect(),
            required: !raw.also_unencrypted,
            span,
        }
    }
}
