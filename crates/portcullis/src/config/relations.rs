//! Where relations between callers and objects are kept, and what there can be: as it is written and settled.

use std::path::{Path, PathBuf};

use portcullis_contract::document::Span;
use schemars::JsonSchema;
use serde::Deserialize;

use super::api::Api;
use super::authorization::Rules;
use super::problems::Problems;
use super::spanned::{NamedFile, Spanned};
use super::text::Location;

/// Who stands in which relation to what: the file of the tuples, and the model that says what they give. One for all APIs, each of
/// which says in its `authorization` what relations permit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelationsWritten {
    /// The file of the tuples (SQLite), relative to the configuration. `portcullis relation init` makes it, and two others beside it.
    pub(crate) store: Spanned<Location>,
    /// The file of the model: types, their relations, and what gives each; relative to the configuration. Read again when it changes.
    pub(crate) model: Spanned<Location>,
}

/// Where relations are kept, and what there can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relations {
    /// The file of the tuples.
    pub(crate) store: NamedFile,
    /// The file of the model.
    pub(crate) model: NamedFile,
}

impl Relations {
    pub(super) fn lower(raw: RelationsWritten, directory: &Path) -> Self {
        Self {
            store: raw.store.file(directory),
            model: raw.model.file(directory),
        }
    }

    /// The file whose change is a reason to reload. The store is followed.
    pub(crate) fn file(&self) -> &PathBuf {
        &self.model.value
    }
}

/// Settles the relations of all APIs, and reports APIs that ask for them where nothing is said of any; `is_described`: something is,
/// rightly or not.
pub(super) fn settle(
    written: Option<RelationsWritten>,
    is_described: bool,
    apis: &[Api],
    directory: &Path,
    problems: &mut Problems<'_>,
) -> Option<Relations> {
    if !is_described {
        undescribed(apis, problems);
    }
    written.map(|written| Relations::lower(written, directory))
}

fn undescribed(apis: &[Api], problems: &mut Problems<'_>) {
    let asked = apis
        .iter()
        .filter_map(|api| api.authorization.as_ref()?.relations.as_ref());
    let mut spans: Vec<Span> = asked.filter_map(Rules::span).collect();
    spans.dedup();
    for span in spans {
        let help = "write `relations: {store: relations.db, model: relations.model.yaml}` beside `apis`";
        problems.error(
            span,
            "relations permit here, and it is not said where they are kept",
            help,
        );
    }
}
