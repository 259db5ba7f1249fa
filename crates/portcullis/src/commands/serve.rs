//! `portcullis serve`: the gate.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use clap::Args;
use portcullis_contract::document::Problem;
use portcullis_gateway::routes::{Api, Hosts};
use tokio::signal::unix::{SignalKind, signal};

use super::{ConfigFile, Failure, Outcome, Shared, configuration};
use crate::assemble::{self, Reloaded, Running, StartError};
use crate::config::checked::Configuration;
use crate::config::listen::{Listener, Tls};
use crate::contracts::Loaded;
use crate::observations::Recorder;
use crate::refresh::{News, Refresh};
use crate::watched::Watched;
use crate::{config, logging};

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
    /// TLS with a certificate that is made now and that nobody trusts, at every address that has no TLS
    #[arg(long)]
    pub(super) dev_tls: bool,
}

/// Where the configuration comes from; a reload reads it again.
#[derive(Debug)]
enum Origin {
    File(ConfigFile),
    Arguments {
        listen: String,
        contract: String,
        upstream: String,
        overlays: Vec<PathBuf>,
    },
}

impl Arguments {
    fn origin(&self) -> Origin {
        match (&self.contract, &self.upstream) {
            (Some(contract), Some(upstream)) => Origin::Arguments {
                listen: self.listen.clone().unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
                contract: contract.to_string_lossy().into_owned(),
                upstream: upstream.clone(),
                overlays: self.overlays.clone(),
            },
            _ => {
                let config = self.config.clone().unwrap_or_else(|| PathBuf::from("portcullis.yaml"));
                Origin::File(ConfigFile { config })
            }
        }
    }
}

impl Origin {
    fn read(&self) -> Result<Configuration, Failure> {
        match self {
            Self::File(file) if !file.config.exists() => Err(Failure::unusable(format!(
                "there is no configuration `{}`: name one with `--config`, or say what to serve with `--contract` and `--upstream`",
                file.config.display()
            ))),
            Self::File(file) => file.load(),
            Self::Arguments {
                listen,
                contract,
                upstream,
                overlays,
            } => {
                let mut configuration = configuration::settled(config::from_arguments(listen, contract, upstream))?;
                for api in &mut configuration.apis {
                    api.overlays.clone_from(overlays);
                }
                Ok(configuration)
            }
        }
    }

    fn location(&self) -> Cow<'_, str> {
        match self {
            Self::File(file) => file.config.to_string_lossy(),
            Self::Arguments { .. } => Cow::Borrowed("command line"),
        }
    }

    /// The configuration and its contracts, ready to be put in force.
    fn load(&self, dev_tls: bool) -> Result<(Configuration, Vec<Loaded>), Failure> {
        let mut configuration = self.read()?;
        if dev_tls {
            let plain = configuration
                .listen
                .iter_mut()
                .filter(|listener| listener.tls.is_none());
            plain.for_each(|listener| listener.tls = Some(Tls::for_development()));
        }
        let apis = assemble::load(&configuration, &self.location()).map_err(failed)?;
        Ok((configuration, apis))
    }

    /// Every file whose change is a reason to reload.
    fn files(&self, configuration: &Configuration, apis: &[Loaded]) -> Vec<PathBuf> {
        let own = match self {
            Self::File(file) => Some(file.config.clone()),
            Self::Arguments { .. } => None,
        };
        let certificates = configuration.listen.iter().flat_map(Listener::files);
        let contracts = apis.iter().flat_map(Loaded::files);
        let lists = configuration.address_files().map(Path::to_owned);
        own.into_iter()
            .chain(certificates)
            .chain(contracts)
            .chain(lists)
            .collect()
    }
}

/// Serves until it is told to stop.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    let origin = arguments.origin();
    let (configuration, apis) = origin.load(arguments.dev_tls)?;
    logging::start(&configuration.log, shared.color);
    let files = origin.files(&configuration, &apis);
    for warning in apis.iter().flat_map(|api| &api.warnings) {
        tracing::warn!("{warning}");
    }
    let recorder = configuration.observe.clone();
    let refresh = Refresh::of(&apis);
    let running = Running::start(configuration, apis).map_err(failed)?;
    tell_started(&running);
    let recorder = recorder.map(|observe| Recorder::start(observe, running.observations()));
    let mut gate = Reloading {
        origin,
        dev_tls: arguments.dev_tls,
        running,
        watched: Watched::new(files),
        refresh,
    };
    gate.until_stopped()?;
    let drained = gate
        .running
        .stop()
        .map_err(|error| Failure::unusable(format!("a worker failed: {error}")))?;
    drop(recorder);
    tracing::info!(connections_cut = drained.connections_cut, "stopped");
    Ok(Outcome::Clean)
}

fn tell_started(running: &Running) {
    for (address, listener) in running.addresses().iter().zip(running.listeners()) {
        let listener = listener.name.as_deref().unwrap_or_default();
        tracing::info!(%address, listener, "listening");
    }
    if let Some(address) = running.admin_address() {
        tracing::info!(%address, "admin surface: /metrics, /healthz, /readyz");
    }
    running.routes().apis().iter().for_each(tell_served);
}

/// What an API answers to: the first thing to look at when a request ends with `http.host` or `route.unknown`.
fn tell_served(api: &Api) {
    let hosts = match &api.hosts {
        Hosts::Any => "any".to_owned(),
        Hosts::Only(hosts) => hosts.join(", "),
    };
    let mut paths: Vec<&str> = api
        .contract
        .servers
        .iter()
        .map(|server| if server.base.is_empty() { "/" } else { &*server.base })
        .collect();
    paths.sort_unstable();
    paths.dedup();
    tracing::info!(api = &*api.name, hosts, below = paths.join(", "), "serving");
}

fn failed(error: StartError) -> Failure {
    match error {
        StartError::Unusable(problems) => Failure::of_problems(problems),
        StartError::Limits(_) | StartError::Tls(_) => Failure::unusable(error.to_string()),
        StartError::Listen { .. } | StartError::Admin(_) | StartError::System(_) => {
            Failure::unreachable(error.to_string())
        }
    }
}

/// What a serving gate waits for.
enum Event {
    Stop,
    Reload,
    News(News),
}

/// A gate that reloads when it is told to, or when a file or another source of a contract changes.
struct Reloading {
    origin: Origin,
    dev_tls: bool,
    running: Running,
    watched: Watched,
    refresh: Refresh,
}

impl Reloading {
    /// Waits for SIGHUP and what changes, which reload, and for SIGTERM or SIGINT, which end it.
    fn until_stopped(&mut self) -> Result<(), Failure> {
        let signals = |error: std::io::Error| Failure::unusable(format!("cannot wait for signals: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(signals)?;
        let entered = runtime.enter();
        let (mut hangup, mut terminate, mut interrupt) = (
            signal(SignalKind::hangup()).map_err(signals)?,
            signal(SignalKind::terminate()).map_err(signals)?,
            signal(SignalKind::interrupt()).map_err(signals)?,
        );
        drop(entered);
        loop {
            let event = runtime.block_on(async {
                tokio::select! {
                    _ = terminate.recv() => Event::Stop,
                    _ = interrupt.recv() => Event::Stop,
                    _ = hangup.recv() => Event::Reload,
                    () = self.watched.changed() => Event::Reload,
                    news = self.refresh.news() => Event::News(news),
                }
            });
            // Outside the runtime: loading may fetch, and that blocks.
            match event {
                Event::Stop => {
                    tracing::info!("stopping: no new connections, requests under way are finished");
                    return Ok(());
                }
                Event::Reload => self.reload(),
                Event::News(News::Changed { api }) => {
                    tracing::info!(api, "the contract has changed where it comes from");
                    self.reload();
                }
                Event::News(News::Unreachable { api, reason }) => {
                    self.running.reload_refused();
                    tracing::error!(
                        api,
                        "the contract cannot be refreshed, what was in force stays: {reason}"
                    );
                }
            }
        }
    }

    /// Puts what the files say now in force, or keeps what is.
    fn reload(&mut self) {
        let reloaded = self.origin.load(self.dev_tls).and_then(|(configuration, apis)| {
            self.watched.watch(self.origin.files(&configuration, &apis));
            let refresh = Refresh::of(&apis);
            let reloaded = self.running.reload(configuration, apis).map_err(failed)?;
            self.refresh = refresh;
            Ok(reloaded)
        });
        match reloaded {
            Ok(Reloaded {
                warnings,
                restart_needed,
            }) => {
                warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                for setting in restart_needed {
                    tracing::warn!(setting, "changed, but only a restart puts it in force");
                }
                tracing::info!("reloaded");
                self.running.routes().apis().iter().for_each(tell_served);
            }
            Err(failure) => {
                self.running.reload_refused();
                for Problem {
                    location,
                    span,
                    message,
                    help,
                    ..
                } in failure.problems()
                {
                    let (line, column, help) = (span.line, span.column, help.as_str());
                    tracing::error!(location = %location, line, column, help, "{message}");
                }
                tracing::error!("not reloaded, what was in force stays: {failure}");
            }
        }
    }
}
