//! Loading the contract of an API: its files, its compiled form, and the policy of each of its operations.

pub(crate) mod admin;
mod advice;
mod anonymous;
mod authorization;
mod callers;
mod decision_points;
mod folder;
mod limits;
mod logins;
mod names;
mod rego;
mod relations;
mod roles;
mod rules;
mod security;
mod step_up;
mod together;
mod types;
pub(crate) mod values;
pub(crate) mod websockets;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_contract::conform::contract::{Compiled, Contract, compile};
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::document::{self, Document, FileId, Problem, Severity, Span};
use portcullis_decision::askable::Askable;
use portcullis_decision::schema::Description;
use portcullis_gateway::decision_point::Point;
use portcullis_gateway::decisions::Decisions;
use portcullis_gateway::forward::tls::Tls;

use self::authorization::Compiling;
use crate::commands::Failure;
use crate::config::api::{Api, Behind};
use crate::config::checked::Configuration;
use crate::config::contract::Source;
use crate::config::policy::{self, Policy};
use crate::config::problems::Problems;
use crate::config::upstream_tls::Tls as Configured;
use crate::config::{extensions, raw};
use crate::files::Files;
use crate::relations::Kept;
use crate::upstream_tls;
pub(crate) use folder::is_named_like_one;
pub(crate) use relations::Granted;

/// An API with its contract, ready to be served or looked at.
pub(crate) struct Loaded {
    /// The API as it is configured.
    pub(crate) api: Api,
    /// The contract's files.
    pub(crate) document: Arc<Document>,
    /// The compiled contract.
    pub(crate) contract: Contract,
    /// For each operation of the contract, its policy.
    pub(crate) policies: Vec<Policy>,
    /// Who decides what callers may do; none: whatever the contract lets them in for.
    pub(crate) decisions: Option<Arc<Decisions>>,
    /// As what the gate answers itself, where it does.
    pub(crate) point: Option<Arc<Point>>,
    /// What relations permit; none: nothing.
    pub(crate) granted: Option<Granted>,
    /// For each endpoint of its upstream, in the order of [`all`](crate::config::api::Upstream::all), TLS to it where that is
    /// spoken.
    pub(crate) tls: Vec<Option<Tls>>,
    /// What holds for a path without an operation.
    pub(crate) outer_policy: Policy,
    /// What could be better.
    pub(crate) warnings: Vec<Problem>,
    /// The files and folders on disk that it comes from.
    read: Vec<PathBuf>,
    /// The commit or the digest of what was read; none for files.
    pub(crate) revision: Option<String>,
}

/// A place of a contract as people and editors read it: `file:line:column`.
pub(crate) fn place(document: &Document, span: Span) -> String {
    format!("{}:{}:{}", document.location(span.file), span.line, span.column)
}

impl Loaded {
    /// Where the contract comes from on disk and the certificates for its upstream, for watching.
    pub(crate) fn files(&self) -> impl Iterator<Item = PathBuf> {
        let spoken = self.api.behind.endpoints().filter_map(|endpoint| endpoint.tls.as_ref());
        let certificates = spoken.flat_map(|tls| tls.files());
        let rules = self
            .api
            .authorization
            .iter()
            .flat_map(|authorization| authorization.files());
        let certificates = certificates.map(PathBuf::from);
        self.read.iter().cloned().chain(certificates).chain(rules.cloned())
    }
}

/// Loads every contract of a configuration, and holds them against each other. `location` is the configuration's.
///
/// # Errors
/// The problems of all contracts, warnings among them, where one at least is an error.
pub(crate) fn load_all(configuration: &Configuration, location: &str) -> Result<Vec<Loaded>, Vec<Problem>> {
    let mut apis = Vec::new();
    let mut problems = Vec::new();
    let kept = configuration
        .relations
        .as_ref()
        .map(|relations| Kept::read(relations, location));
    // For all APIs the same.
    let kept = kept
        .and_then(|read| read.map_err(|found| problems.extend(found)).ok())
        .map(Arc::new);
    for api in folder::expanded(&configuration.apis, location, &mut problems) {
        match load(&api, location, kept.as_ref()) {
            Ok(api) => apis.push(api),
            Err(found) => problems.extend(found),
        }
    }
    problems.extend(decision_points::join(&mut apis, configuration, location));
    for (later, warning) in together::warnings(&apis, location) {
        if let Some(api) = apis.get_mut(later) {
            api.warnings.push(warning);
        }
    }
    if problems.is_empty() {
        return Ok(apis);
    }
    problems.extend(apis.into_iter().flat_map(|api| api.warnings));
    Err(problems)
}

/// Loads every contract for a verb that reports on them.
///
/// # Errors
/// One of them has errors.
pub(crate) fn for_verb(configuration: &Configuration, file: &Path) -> Result<Vec<Loaded>, Failure> {
    load_all(configuration, &file.to_string_lossy()).map_err(Failure::of_problems)
}

/// Loads the contract of an API. `location` is the configuration's, for problems that stand there.
///
/// # Errors
/// Every problem, of which one at least is an error.
fn load(api: &Api, location: &str, kept: Option<&Arc<Kept>>) -> Result<Loaded, Vec<Problem>> {
    if let Behind::DecisionPoint(point) = &api.behind {
        return of_document(api, decision_points::document(api, point)?, location, kept);
    }
    if let Source::File(path) = &api.contract
        && path.is_dir()
    {
        let message = format!("the contract `{}` is a folder", path.display());
        let help = "for every contract in it write `contract: {directory: FOLDER}`; for one of them, name its file";
        return Err(vec![Problem::error(location, api.contract_span, message).help(help)]);
    }
    let mut files = Files::of_api(api).map_err(|error| {
        let message = format!("cannot read the contract `{}`: {error}", api.contract);
        vec![Problem::error(location, api.contract_span, message)]
    })?;
    let (root, overlays) = (files.root().to_owned(), files.overlays().to_vec());
    let overlays: Vec<&str> = overlays.iter().map(String::as_str).collect();
    let document = document::load_overlaid(&root, &overlays, &mut files)?;
    let mut loaded = of_document(api, document, location, kept)?;
    (loaded.read, loaded.revision) = files.into_read();
    loaded.read.extend(api.folder.clone());
    Ok(loaded)
}

/// Compiles a contract whose files are loaded. `kept` are the relations of the configuration, where their model can be used.
///
/// # Errors
/// Every problem, of which one at least is an error.
pub(crate) fn of_document(
    api: &Api,
    document: Document,
    location: &str,
    kept: Option<&Arc<Kept>>,
) -> Result<Loaded, Vec<Problem>> {
    let Compiled {
        mut contract,
        extensions: places,
        problems,
    } = compile(&document);
    let locate = |file: FileId| document.location(file).to_owned();
    let mut found = Problems::new(&locate);
    extensions::check(&document, &api.listeners, &mut found);
    // What is wrong with an extension was said just now, once for each.
    let mut silent = Problems::new(&locate);
    let mut layer = |place: Option<document::Place<'_>>| {
        place.map_or_else(raw::Policy::default, |place| policy::written(place.node, &mut silent))
    };
    let root = layer(places.root);
    let mut policies = Vec::new();
    let mut of_operations = OfOperations::default();
    for ([path, own], operation) in places.operations.iter().zip(&contract.operations) {
        let layers = [&api.policy, &root, &layer(*path), &layer(*own)];
        let settling = Settling {
            api,
            document: &document,
            contract: &contract,
            location,
        };
        policies.push(settling.operation(operation, &layers, &mut of_operations));
    }
    let found = found.into_sorted();
    let is_error = |problem: &Problem| problem.severity == Severity::Error;
    let is_understood = !found.iter().any(is_error);
    let mut problems: Vec<Problem> = problems.into_iter().chain(found).collect();
    problems.extend(of_operations.into_problems());
    problems.extend(no_operations(&document, &contract));
    problems.extend(security::problems(api, &document, &contract, location));
    problems.extend(callers::warnings(api, &document, &contract));
    problems.extend(advice::warnings(&document, &contract, &policies));
    problems.extend(anonymous::warnings(api, &document, &contract, &policies));
    if let Some(bases) = &api.base_paths {
        contract.serve_below(bases.clone());
    }
    let compiling = Compiling {
        api,
        document: &document,
        contract: &contract,
        policies: &policies,
        location,
        relations: kept,
    };
    // What policies, roles and grants are held against is not known where an extension says what nobody understands.
    if !is_understood {
        return Err(problems);
    }
    let granted = compiling.granted(&mut problems);
    problems.extend(compiling.learning_problems(granted.as_ref()));
    let decisions = compiling.decisions(granted.as_ref(), &mut problems);
    let tls = tls(api, location, &mut problems);
    if problems.iter().any(is_error) {
        return Err(problems);
    }
    Ok(Loaded {
        tls,
        api: api.clone(),
        document: Arc::new(document),
        contract,
        policies,
        decisions,
        point: None,
        granted,
        outer_policy: policy::settle(&[&api.policy, &root]),
        warnings: problems,
        read: Vec::new(),
        revision: None,
    })
}

/// A contract whose operations' policies are settled.
#[derive(Clone, Copy)]
struct Settling<'c> {
    api: &'c Api,
    document: &'c Document,
    contract: &'c Contract,
    location: &'c str,
}

/// What is wrong with the policies of operations.
#[derive(Default)]
struct OfOperations {
    problems: Vec<Problem>,
    of_logins: Vec<Problem>,
}

impl Settling<'_> {
    /// The policy of an operation, by its layers, of which its own is the last one.
    fn operation(self, operation: &Operation, layers: &[&raw::Policy; 4], found: &mut OfOperations) -> Policy {
        let Self {
            api,
            document,
            contract,
            location,
        } = self;
        let [.., own] = *layers;
        let mut layers = layers.to_vec();
        let mut policy = policy::settle(&layers);
        if let Some(settings) = admin::of(api, operation, &policy) {
            layers.push(&settings.layer);
            let outer = std::mem::replace(&mut policy, policy::settle(&layers));
            policy.narrow_listeners(outer.listeners);
        }
        let limits = limits::Looking {
            api,
            document,
            location,
            layers: &layers,
        };
        let OfOperations { problems, of_logins } = found;
        problems.extend(limits.problems(contract, operation, &policy));
        problems.extend(admin::problem(api, document, contract, operation, &policy));
        problems.extend(step_up::problem(api, document, contract, operation, &policy));
        let (login, websocket) = (policy.login, policy.websocket.is_some());
        problems.extend(websockets::problem(document, operation, own, websocket));
        of_logins.extend(logins::problem(api, document, contract, operation, own, login));
        policy
    }
}

impl OfOperations {
    /// What stands outside of the operations is wrong once, not once for each.
    fn into_problems(mut self) -> Vec<Problem> {
        let mut places = HashSet::new();
        self.problems
            .retain(|problem| places.insert((problem.location.clone(), problem.span)));
        self.problems.extend(self.of_logins);
        self.problems
    }
}

/// What describes an API to its policies.
pub(crate) fn description(loaded: &Loaded) -> Description {
    let compiling = Compiling {
        api: &loaded.api,
        document: &loaded.document,
        contract: &loaded.contract,
        policies: &loaded.policies,
        location: "",
        relations: None,
    };
    compiling.description()
}

/// What can be asked of those who decide for an API.
pub(crate) fn askable(loaded: &Loaded) -> Askable {
    let decisions = loaded.decisions.iter();
    let claims = decisions.flat_map(|decisions| decisions.subjects.claims.iter().map(|claim| &**claim));
    Askable::of(&description(loaded), &loaded.api.name, claims)
}

/// TLS to every endpoint. A file that several name is wrong once.
fn tls(api: &Api, location: &str, problems: &mut Vec<Problem>) -> Vec<Option<Tls>> {
    let mut load = |configured: &Configured| match upstream_tls::load(configured, location) {
        Ok(tls) => Some(tls),
        Err(found) => {
            let new = found.into_iter().filter(|problem| !problems.contains(problem));
            let new: Vec<Problem> = new.collect();
            problems.extend(new);
            None
        }
    };
    let endpoints = api.behind.endpoints();
    endpoints
        .map(|endpoint| endpoint.tls.as_ref().and_then(&mut load))
        .collect()
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
