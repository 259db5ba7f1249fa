//! Policies in Rego that are evaluated in the gate: as they are written, and settled.

use std::path::Path;

use portcullis_contract::document::Span;
use schemars::JsonSchema;
use serde::Deserialize;

use super::authorization::Rules;
use super::problems::Problems;
use super::spanned::Spanned;
use super::text::Location;

/// Policies in Rego, evaluated in this process. Whoever they do not permit is denied, whatever else permits.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegoWritten {
    /// Files of modules; relative to the configuration.
    #[schemars(length(min = 1, max = 256))]
    policies: Vec<Spanned<Location>>,
    /// A file with the JSON object that is `data`; relative to the configuration. Default: none.
    data: Option<Spanned<Location>>,
    /// The rule that decides, such as `data.bank.allow`.
    query: Spanned<String>,
}

/// Policies in Rego.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rego {
    /// Where they are configured.
    pub(crate) span: Span,
    /// Modules.
    pub(crate) policies: Vec<Rules>,
    /// What they find below `data`.
    pub(crate) data: Option<Rules>,
    /// The rule that decides.
    pub(crate) query: Spanned<String>,
}

impl Rego {
    pub(super) fn lower(written: Spanned<RegoWritten>, directory: &Path, problems: &mut Problems<'_>) -> Self {
        let Spanned { value: raw, span } = written;
        if !raw.query.value.starts_with("data.") {
            let message = format!("`{}` is no rule", raw.query.value);
            problems.error(raw.query.span, message, "write its whole name, as in `data.bank.allow`");
        }
        let rules = |file: Spanned<Location>| Rules::File(file.file(directory));
        Self {
            span,
            policies: raw.policies.into_iter().map(rules).collect(),
            data: raw.data.map(rules),
            query: raw.query,
        }
    }

    /// What it is read from.
    pub(super) fn rules(&self) -> impl Iterator<Item = &Rules> {
        self.policies.iter().chain(&self.data)
    }
}
