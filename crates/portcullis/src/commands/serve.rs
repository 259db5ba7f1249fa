//! `portcullis serve`: the gate.

mod control;
mod origin;

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use portcullis_gateway::routes::{Api, Hosts};

use super::{Failure, Outcome, Shared};
use crate::assemble::{Running, StartError};
use crate::audit_log;
use crate::config::checked::Configuration;
use crate::config::contract::Source;
use crate::config::credentials::Kept;
use crate::config::listen::Listener;
use crate::credentials;
use crate::lifecycle::listening::{Given, Listening};
use crate::lifecycle::predecessor::{self, Predecessor};
use crate::lifecycle::sandbox::{self, Places};
use crate::lifecycle::successor::Program;
use crate::lifecycle::{account, cores, descriptors};
use crate::logging;
use crate::observations::Recorder;
use crate::refresh::Refresh;
use crate::relations;
use crate::watched::Watched;
use control::{Control, Orders};
use origin::{Origin, Ready};

/// The arguments of `serve`: a configuration, or a contract and an upstream.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration (default: portcullis.yaml)
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["contract", "upstream", "listen", "overlays"])]
    pub(super) config: Option<PathBuf>,
    /// Without a configuration: the contract
    #[arg(long, value_name = "FILE", requires = "upstream")]
    pub(super) contract: Option<PathBuf>,
    /// Without a configuration: where the service listens that implements the contract
    #[arg(long, value_name = "URL", requires = "contract")]
    pub(super) upstream: Option<String>,
    /// Without a configuration: where to listen for callers (default: 127.0.0.1:8080)
    #[arg(long, value_name = "ADDRESS", requires = "contract")]
    pub(super) listen: Option<String>,
    /// Without a configuration: an OpenAPI Overlay that changes the contract first; may be repeated
    #[arg(long = "overlay", value_name = "FILE", requires = "contract")]
    pub(super) overlays: Vec<PathBuf>,
    /// Without a configuration: credentials go on to the upstream unverified, and it has to verify them
    #[arg(long, requires = "contract")]
    pub(super) dangerous_unverified_schemes: bool,
    /// TLS with a certificate that is made now and that nobody trusts, at every address that has no TLS
    #[arg(long)]
    pub(super) dev_tls: bool,
}

/// Serves until it is told to stop, or until another process serves in its place.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    // First: later, a descriptor of this process could be taken for one that it was given.
    let (given, predecessor) = predecessor::inherited()
        .map_err(|error| Failure::unreachable(format!("the sockets that were handed over cannot be used: {error}")))?;
    let sandboxed = predecessor.as_ref().is_some_and(Predecessor::sandboxed);
    match start(arguments, shared, given, sandboxed) {
        Ok(gate) => gate.serve(predecessor),
        // One of the two says why, and it is the one whose log goes on.
        Err(failure) => Err(match predecessor {
            Some(predecessor) if predecessor.failed(&failure.to_string(), failure.problems()) => failure.told(),
            _ => failure,
        }),
    }
}

/// A gate that serves, and what belongs to it.
struct Started {
    program: Program,
    origin: Origin,
    running: Running,
    watched: Watched,
    refresh: Refresh,
    recorder: Option<Recorder>,
    sandboxed: bool,
}

/// Loads, listens, becomes who it should be, confines itself, serves: in this order, because each step takes away what the one before
/// needed.
fn start(arguments: &Arguments, shared: &Shared, given: Given, sandboxed: bool) -> Result<Control, Failure> {
    let system =
        |error: std::io::Error| Failure::unusable(format!("cannot find out how the program was started: {error}"));
    let program = Program::running().map_err(system)?;
    let origin = arguments.origin();
    let begun = now();
    let read = origin.read(sandboxed)?;
    // Before anything else can fail: what does is told where an operator looks for it.
    logging::start(&read.configuration.log, shared.color);
    let Ready {
        configuration,
        apis,
        warnings,
    } = origin.load(read)?;
    descriptors::raise(&configuration);
    let listening = Listening::open(&configuration, given).map_err(|error| failed(error.into()))?;
    account::assume(configuration.process.account.as_ref()).map_err(Failure::unusable)?;
    cores::none();
    let files = origin.files(&configuration, &apis);
    let places = places(&configuration, &files, &program);
    let sandboxed = sandbox::lay(configuration.process.sandbox, sandboxed, &places).map_err(Failure::unusable)?;
    warnings.iter().for_each(logging::problem);
    let watched = Watched::new(files, begun);
    // Whoever reads that the gate listens may send it a signal.
    let orders = Orders::new()?;
    let observe = configuration.observe.clone();
    let refresh = Refresh::of(&apis);
    let running = Running::start_on(listening, configuration, apis).map_err(failed)?;
    tell_started(&running);
    let recorder = observe.map(|observe| Recorder::start(observe, running.observations()));
    let gate = Started {
        program,
        origin,
        running,
        watched,
        refresh,
        recorder,
        sandboxed,
    };
    Ok(Control::new(orders, gate))
}

#[expect(clippy::disallowed_methods, reason = "the binary is where clocks are read")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Where the process reads, writes and executes from here on.
fn places(configuration: &Configuration, files: &[PathBuf], program: &Program) -> Places {
    let mut places = Places::default();
    files.iter().for_each(|file| places.read(file));
    let written = configuration.observe.iter().map(|observe| &observe.file);
    written
        .chain(&configuration.process.pid_file)
        .for_each(|file| places.write(file));
    for acme in configuration.listen.iter().filter_map(Listener::acme) {
        places.keep(&acme.storage);
        acme.root.iter().for_each(|root| places.read(&root.value));
    }
    if let Some(log) = &configuration.audit_log {
        audit_log::allow(log, &mut places);
    }
    if let Some(relations) = &configuration.relations {
        relations::allow(relations, &mut places);
    }
    if let Some(credentials) = configuration.credentials.as_ref().and_then(Kept::in_files) {
        credentials::allow(credentials, &mut places);
    }
    let repositories = configuration.apis.iter().filter_map(|api| match &api.contract {
        Source::Git(repository) => Some(repository),
        Source::File(_) | Source::Directory(_) | Source::Remote(_) | Source::Own => None,
    });
    for repository in repositories {
        places.read(&repository.path.join(".git"));
        // It is what reads them, each time they are looked at anew.
        places.git();
    }
    places.execute(program.path());
    places
}

fn tell_started(running: &Running) {
    for (address, listener) in running.addresses().iter().zip(running.listeners()) {
        let listener = listener.name.as_deref().unwrap_or_default();
        tracing::info!(%address, listener, "listening");
    }
    if let Some(address) = running.admin_address() {
        tracing::info!(%address, "admin surface: /metrics, /healthz, /readyz, /jwks.json");
    }
    running.routes().apis().iter().for_each(tell_served);
}

/// What an API answers to: the first thing to look at when a request ends with `http.host` or `route.unknown`.
fn tell_served(api: &Api) {
    let hosts = match &api.hosts {
        Hosts::Any => "any".to_owned(),
        Hosts::Only(hosts) => hosts.join(", "),
    };
    let bases = api.contract.bases();
    let mut paths: Vec<&str> = bases.map(|base| if base.is_empty() { "/" } else { base }).collect();
    paths.sort_unstable();
    tracing::info!(api = &*api.name, hosts, below = paths.join(", "), "serving");
}

fn failed(error: StartError) -> Failure {
    match error {
        StartError::Unusable(problems) => Failure::of_problems(problems),
        StartError::Limits(_) | StartError::Setting(_) | StartError::Tls(_) => Failure::unusable(error.to_string()),
        StartError::Listen(_) | StartError::Admin(_) | StartError::System(_) => Failure::unreachable(error.to_string()),
    }
}
