//! Loading the contract of an API: its files, its compiled form, and the policy of each of its operations.

use std::path::PathBuf;

use portcullis_contract::conform::contract::{Compiled, Contract, compile};
use portcullis_contract::document::{self, Document, FileId, Problem, Severity, Span};

use crate::config::api::Api;
use crate::config::policy::{self, Policy};
use crate::config::problems::Problems;
use crate::config::{extensions, raw};
use crate::files::Files;

/// An API with its contract, ready to be served or looked at.
pub(crate) struct Loaded {
    /// The API as it is configured.
    pub(crate) api: Api,
    /// The contract's files.
    pub(crate) document: Document,
    /// The compiled contract.
    pub(crate) contract: Contract,
    /// For each operation of the contract, its policy.
    pub(crate) policies: Vec<Policy>,
    /// What could be better.
    pub(crate) warnings: Vec<Problem>,
}

impl Loaded {
    /// The contract's own files, for watching; what came from elsewhere is not among them.
    pub(crate) fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.document
            .locations()
            .filter(|location| !location.contains("://"))
            .map(PathBuf::from)
    }
}

/// Loads the contract of an API. `location` is the configuration's, for problems that stand there.
///
/// # Errors
/// Every problem, of which one at least is an error.
pub(crate) fn load(api: &Api, location: &str) -> Result<Loaded, Vec<Problem>> {
    let path = api.contract.to_string_lossy();
    let mut files = Files::of(&api.contract, &api.references).map_err(|error| {
        let message = format!("cannot read the contract `{path}`: {error}");
        vec![Problem::error(location, api.contract_span, message)]
    })?;
    of_document(api, document::load(&path, &mut files)?)
}

/// Compiles a contract whose files are loaded.
///
/// # Errors
/// See [`load`].
pub(crate) fn of_document(api: &Api, document: Document) -> Result<Loaded, Vec<Problem>> {
    let Compiled {
        mut contract,
        extensions: places,
        problems,
    } = compile(&document);
    let locate = |file: FileId| document.location(file).to_owned();
    let mut found = Problems::new(&locate);
    extensions::check(&document, &mut found);
    // What is wrong with an extension was said just now, once for each.
    let mut silent = Problems::new(&locate);
    let mut layer = |place: Option<document::Place<'_>>| {
        place.map_or_else(raw::Policy::default, |place| policy::written(place.node, &mut silent))
    };
    let root = layer(places.root);
    let policies = places
        .operations
        .iter()
        .map(|[path, operation]| policy::settle(&[&api.policy, &root, &layer(*path), &layer(*operation)]))
        .collect();
    let mut problems: Vec<Problem> = problems.into_iter().chain(found.into_sorted()).collect();
    problems.extend(no_operations(&document, &contract));
    if let Some(base) = &api.base_path {
        contract.serve_below(base.trim_end_matches('/').to_owned());
    }
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(problems);
    }
    Ok(Loaded {
        api: api.clone(),
        document,
        contract,
        policies,
        warnings: problems,
    })
}

fn no_operations(document: &Document, contract: &Contract) -> Option<Problem> {
    let message = "the contract has no operation, so every request would be refused";
    contract.operations.is_empty().then(|| {
        let span = Span {
            line: 1,
            column: 1,
            ..Span::default()
        };
        Problem::warning(document.location(FileId(0)), span, message).help("declare operations below `paths`")
    })
}
