//! What stands in entries in clear, and how everything else does.

use std::path::Path;

use portcullis_contract::document::Span;
use portcullis_gateway::audit_log::{Recorded, Treatment};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::problems::Problems;
use crate::config::spanned::{NamedFile, Spanned};
use crate::config::text::Location;

/// How a value is written.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TreatmentWritten {
    /// As it is, but for what looks like a token, a card or a person's number in it.
    Clear,
    /// That there was one.
    Masked,
    /// As a digest under `hash_key`, alike for values that are alike.
    Hashed,
    /// Sealed for the auditor.
    Encrypted,
    /// As a commitment; the value lies beside the log, until `portcullis log erase` deletes it.
    Erasable,
}

/// How values are written that are about persons, or secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedactionWritten {
    /// The names of principals. Default: clear.
    pub(crate) principals: Option<TreatmentWritten>,
    /// The addresses of callers. Default: clear.
    pub(crate) addresses: Option<TreatmentWritten>,
    /// Parameters that the contract calls personal: `x-portcullis: {sensitivity: personal}`. Those that it calls secret are masked.
    /// Default: hashed, where there is a key, else masked.
    pub(crate) personal: Option<TreatmentWritten>,
    /// What looks like a token, a key, an e-mail address, a card, an account or a person's number, wherever it stands: masked, hashed or
    /// encrypted. Default: hashed, where there is a key, else masked.
    pub(crate) found: Option<TreatmentWritten>,
    /// How much of decisions is recorded: `rules`, `digested` or `whole`. Default: rules.
    pub(crate) decisions: Option<RecordedWritten>,
    /// Records what clients call themselves (`User-Agent`). Default: false.
    pub(crate) user_agents: Option<bool>,
    /// The file of the key for digests, 32 octets or more in base64, relative to the configuration. `portcullis log init` makes it.
    pub(crate) hash_key: Option<Spanned<Location>>,
    /// The file of the auditor's public key (X25519, PEM), relative to the configuration.
    pub(crate) auditor_key: Option<Spanned<Location>>,
}

/// How much of decisions is recorded.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecordedWritten {
    /// By which rules they were made.
    Rules,
    /// That, and what was asked, with digests under `hash_key` in the place of properties: `portcullis policy explain` tells of them.
    Digested,
    /// That, and what was asked, properties in clear: `portcullis policy replay` makes them again.
    Whole,
}

/// How values are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redaction {
    /// The names of principals.
    pub(crate) principals: Treatment,
    /// The addresses of callers.
    pub(crate) addresses: Treatment,
    /// Parameters that are personal.
    pub(crate) personal: Treatment,
    /// What looks like something that must not be logged.
    pub(crate) found: Treatment,
    /// How much of decisions is recorded.
    pub(crate) decisions: Recorded,
    /// Whether `User-Agent` is recorded.
    pub(crate) user_agents: bool,
    /// The key for digests.
    pub(crate) hash_key: Option<NamedFile>,
    /// The auditor's public key.
    pub(crate) auditor_key: Option<NamedFile>,
}

impl TreatmentWritten {
    pub(super) fn settle(self) -> Treatment {
        match self {
            Self::Clear => Treatment::Clear,
            Self::Masked => Treatment::Masked,
            Self::Hashed => Treatment::Hashed,
            Self::Encrypted => Treatment::Encrypted,
            Self::Erasable => Treatment::Erasable,
        }
    }
}

impl Redaction {
    pub(super) fn lower(raw: &RedactionWritten, directory: &Path, near: Span, problems: &mut Problems<'_>) -> Self {
        let treated = [raw.principals, raw.addresses, raw.personal, raw.found];
        let asks = |treatment| treated.contains(&Some(treatment));
        let digests = raw.decisions == Some(RecordedWritten::Digested);
        if (asks(TreatmentWritten::Hashed) || digests) && raw.hash_key.is_none() {
            let help = "name the file of a key in `redaction: {hash_key: ...}`; `portcullis log init` makes it";
            problems.error(near, "values are to be hashed, and there is no key for that", help);
        }
        if asks(TreatmentWritten::Encrypted) && raw.auditor_key.is_none() {
            let help = "name the file of the auditor's public key in `redaction: {auditor_key: ...}`";
            problems.error(near, "values are to be encrypted, and there is no key for that", help);
        }
        if matches!(raw.found, Some(TreatmentWritten::Clear | TreatmentWritten::Erasable)) {
            let help = "write `masked`, `hashed` or `encrypted`";
            problems.error(near, "what looks like a secret is never written like this", help);
        }
        let usual = match raw.hash_key {
            Some(_) => Treatment::Hashed,
            None => Treatment::Masked,
        };
        let settle = |written: Option<TreatmentWritten>, usual| written.map_or(usual, TreatmentWritten::settle);
        let file = |written: &Option<Spanned<Location>>| written.clone().map(|file| file.file(directory));
        Self {
            principals: settle(raw.principals, Treatment::Clear),
            addresses: settle(raw.addresses, Treatment::Clear),
            personal: settle(raw.personal, usual),
            found: settle(raw.found, usual),
            decisions: match raw.decisions {
                None | Some(RecordedWritten::Rules) => Recorded::Rules,
                Some(RecordedWritten::Digested) => Recorded::Digested,
                Some(RecordedWritten::Whole) => Recorded::Whole,
            },
            user_agents: raw.user_agents.unwrap_or(false),
            hash_key: file(&raw.hash_key),
            auditor_key: file(&raw.auditor_key),
        }
    }
}
