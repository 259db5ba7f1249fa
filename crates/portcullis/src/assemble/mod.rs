//! The composition root: from a checked configuration to a running gate. The only place that knows all the parts.

mod access;
mod deciders;
mod fixed;
mod identity;
mod learning;
pub(crate) mod limits;
mod offline;
pub(crate) mod proof;
mod recording;
mod routes;
pub(crate) mod tls;
mod upstreams;
pub(crate) mod versions;
mod workers;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use portcullis_contract::document::Problem;
use portcullis_gateway::admin::{self, Admin, AdminError, Readiness, Ready};
use portcullis_gateway::codes;
use portcullis_gateway::dpop;
use portcullis_gateway::forward::balance::{Fleet, Upkeep};
use portcullis_gateway::gate::Shared;
use portcullis_gateway::lately::Lately;
use portcullis_gateway::limit::key::Keyer;
use portcullis_gateway::limit::memory::MemoryStore;
use portcullis_gateway::limit::{LimitError, Limiter};
use portcullis_gateway::listen::{Drained, Listener, Sockets, Workers, unix_time};
use portcullis_gateway::metrics::{Registry, Reload, Setup};
use portcullis_gateway::networks::AddressList;
use portcullis_gateway::observe::Observations;
use portcullis_gateway::replay::{self, Replay};
use portcullis_gateway::routes::Routes;
use portcullis_gateway::upstream_identity::SigningKeys;
use thiserror::Error;

use crate::acme::Orders;
use crate::address_files::AddressFiles;
use crate::audit_log;
use crate::config::checked::Configuration;
use crate::config::contract::Source;
use crate::config::listen;
use crate::contracts::Loaded;
use crate::decision_points::DecisionPoints;
use crate::lifecycle::listening::{Given, ListenError, Listening};
use crate::relations;
use crate::signing::Signing;
use crate::traces::Exporter;
use crate::verifiers::{Keepers, Settled};
use deciders::{asked, related};
use fixed::{fixed_settings, now_of};
use identity::Signs;
pub(crate) use offline::{Looked, Offline, look, offline};
use routes::Site;
use upstreams::Upstreams;
use workers::{gates, settings, tracing};

/// The most keys that rate limits remember at once: 16 bytes each.
const KEYS_MAX: usize = 1_000_000;

/// Why a gate does not start.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// A contract, or a list of addresses, cannot be used.
    #[error("a contract or a list of addresses cannot be used")]
    Unusable(Vec<Problem>),
    /// Rate limits that contradict each other.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Limits(Vec<LimitError>),
    /// A setting that cannot be put in force.
    #[error("{0}")]
    Setting(String),
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A certificate or a key cannot be used.
    #[error("{0}")]
    Tls(String),
    /// The admin surface does not start.
    #[error(transparent)]
    Admin(#[from] admin::AdminError),
    /// The system gives no random numbers or no threads.
    #[error("the system fails: {0}")]
    System(String),
}

/// A running gate.
pub(crate) struct Running {
    configuration: Configuration,
    shared: Arc<Shared>,
    registry: Arc<Registry>,
    observations: Arc<Observations>,
    readiness: Arc<Readiness>,
    upstreams: Upstreams,
    keepers: Keepers,
    decision_points: DecisionPoints,
    relations: relations::Keeper,
    signing: Signing,
    workers: Workers,
    listeners: Vec<Listener>,
    /// Ends with the gate.
    orders: Orders,
    admin: Option<Admin>,
    /// Ends with the gate.
    _upkeep: Upkeep,
    /// The sockets once more, to be handed over.
    listening: Listening,
    /// Delivers what is left when the workers have ended.
    exporter: Option<Exporter>,
    /// Writes what is left when the workers have ended.
    audit_log: Option<audit_log::Keeper>,
}

/// What became of a reload.
pub(crate) struct Reloaded {
    /// Settings that changed but only count after a restart.
    pub(crate) restart_needed: Vec<String>,
}

impl Running {
    /// Listens where the configuration says, and serves these APIs.
    ///
    /// # Errors
    /// See [`StartError`]. Nothing is left running then.
    pub(crate) fn start(configuration: Configuration, apis: Vec<Loaded>) -> Result<Self, StartError> {
        let listening = Listening::open(&configuration, Given::default())?;
        Self::start_on(listening, configuration, apis)
    }

    /// Serves these APIs on sockets that listen already.
    ///
    /// # Errors
    /// See [`StartError`]. Nothing is left running then.
    pub(crate) fn start_on(
        listening: Listening,
        configuration: Configuration,
        apis: Vec<Loaded>,
    ) -> Result<Self, StartError> {
        let (callers, operators) = listening.duplicate().map_err(system)?.into_parts();
        let sockets = Sockets::spread(callers, configuration.workers).map_err(system)?;
        let (limiter, registry) = counters(configuration.workers, KEYS_MAX)?;
        let (registry, readiness) = (Arc::new(registry), Arc::new(Readiness::default()));
        let files = AddressFiles::read(&configuration).map_err(StartError::Unusable)?;
        let mut keepers = Keepers::start().map_err(system)?;
        let settled = keepers.settle(&configuration, &configuration.listen);
        let Settled { verifiers, pending, .. } = settled.map_err(StartError::Unusable)?;
        let mut decision_points = DecisionPoints::start().map_err(system)?;
        let asked = asked(&decision_points, &apis, &configuration)?;
        let mut relations = relations::Keeper::default();
        let related = related(&relations, &configuration, &apis)?;
        let signing = signing(&configuration)?;
        let listeners = tls::listeners(&configuration.listen, &files)?;
        let may_operate = configuration.admin.as_ref().map(|admin| files.list(&admin.addresses));
        let serve = |listener| surface(listener, may_operate, &registry, &readiness, signing.keys());
        let admin = operators.map(serve).transpose()?;
        let settings = settings(&configuration, listeners.clone());
        let site = Site {
            listeners: &configuration.listen,
            addresses: sockets.addresses(),
            files: &files,
            verifiers: &verifiers,
            asked: &asked,
            signs: Signs::of(&configuration, signing.keys()),
            audit_log: configuration.audit_log.as_ref(),
        };
        let ages = written(&apis);
        let fleet = Fleet::new(configuration.workers.get());
        registry.tell_of(Arc::clone(&fleet));
        let mut upstreams = Upstreams::new(Arc::clone(&fleet));
        let table = routes::table(&configuration, site, apis, &limiter, &registry, &mut upstreams)?;
        upstreams.finish();
        keepers.put_in_force(pending);
        registry.relations(related.meter());
        relations.put_in_force(related);
        let shared = Arc::new(shared(table, limiter, &fleet).map_err(system)?);
        let upkeep = Upkeep::start(fleet).map_err(system)?;
        let observations = Arc::new(Observations::default());
        let (exporter, tracing) = tracing(&configuration, &registry)?;
        let audit_log = recording::keeper(&configuration, &registry)?;
        let kept = (tracing, audit_log.as_ref());
        let make = gates(&shared, &registry, &observations, &configuration, kept);
        let workers = Workers::start(sockets, settings, make).map_err(system)?;
        registry.contracts(ages);
        registry.issuers(verifiers.issuers.values().cloned().collect());
        decision_points.put_in_force(asked, &registry);
        readiness.set(Ready::Serving);
        registry.reloaded(Reload::Applied, unix_seconds());
        let orders = Orders::start(&configuration.listen, &listeners).map_err(system)?;
        Ok(Self {
            configuration,
            shared,
            registry,
            observations,
            readiness,
            upstreams,
            keepers,
            decision_points,
            relations,
            signing,
            workers,
            listeners,
            orders,
            admin,
            _upkeep: upkeep,
            listening,
            exporter,
            audit_log,
        })
    }

    /// Replaces the route table whole. On an error the old one stays in force.
    ///
    /// # Errors
    /// See [`StartError`].
    pub(crate) fn reload(&mut self, configuration: Configuration, apis: Vec<Loaded>) -> Result<Reloaded, StartError> {
        let ages = written(&apis);
        let files = AddressFiles::read(&configuration).map_err(StartError::Unusable)?;
        let settled = self.keepers.settle(&configuration, &self.configuration.listen);
        let Settled { verifiers, pending, .. } = settled.map_err(StartError::Unusable)?;
        let asked = asked(&self.decision_points, &apis, &configuration)?;
        let related = related(&self.relations, &configuration, &apis)?;
        let signing = self.signing.read(&configuration).map_err(StartError::Unusable)?;
        let site = Site {
            listeners: &self.configuration.listen,
            addresses: self.workers.addresses(),
            files: &files,
            verifiers: &verifiers,
            asked: &asked,
            signs: Signs::of(&configuration, self.signing.keys()),
            // It is what it was until the next start.
            audit_log: self.configuration.audit_log.as_ref(),
        };
        let (limiter, registry) = (&self.shared.limiter, &self.registry);
        let table = routes::table(&configuration, site, apis, limiter, registry, &mut self.upstreams)?;
        tls::replace(&self.configuration.listen, &configuration.listen, &self.listeners)?;
        // Nothing fails from here on. Before the table that needs them:
        self.keepers.put_in_force(pending);
        self.registry.relations(related.meter());
        self.relations.put_in_force(related);
        self.signing.replace(signing);
        self.shared.routes.store(Arc::new(table));
        self.upstreams.finish();
        self.replace_lists(&configuration, &files);
        self.registry.contracts(ages);
        self.registry.issuers(verifiers.issuers.values().cloned().collect());
        self.decision_points.put_in_force(asked, &self.registry);
        let restart_needed = fixed_settings(&self.configuration, &configuration);
        Ok(Reloaded { restart_needed })
    }

    /// Puts the lists of the listeners and of the admin surface in force. One that the new configuration does not have keeps
    /// its list, as it keeps its socket until the restart.
    fn replace_lists(&self, configuration: &Configuration, files: &AddressFiles) {
        for (bound, running) in self.configuration.listen.iter().zip(&self.listeners) {
            if let Some(listener) = now_of(bound, &configuration.listen) {
                running.peers.store(Arc::new(files.list(&listener.addresses)));
            }
        }
        if let (Some(running), Some(admin)) = (&self.admin, &configuration.admin) {
            running.permit(files.list(&admin.addresses));
        }
    }

    /// Counts a reload.
    pub(crate) fn count(&self, reload: Reload) {
        self.registry.reloaded(reload, unix_seconds());
        if let Some(log) = &self.audit_log {
            log.note(
                "configuration",
                match reload {
                    Reload::Applied => "reloaded",
                    Reload::Refused => "a reload was refused: what is new has errors",
                },
            );
        }
    }

    /// Where callers arrive.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        self.workers.addresses()
    }

    /// What was configured of each of these addresses.
    pub(crate) fn listeners(&self) -> &[listen::Listener] {
        &self.configuration.listen
    }

    /// The route table in force.
    pub(crate) fn routes(&self) -> Arc<portcullis_gateway::routes::Routes> {
        self.shared.routes.load_full()
    }

    /// Where operators arrive.
    pub(crate) fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// What controls in observe mode would have refused.
    pub(crate) fn observations(&self) -> &Arc<Observations> {
        &self.observations
    }

    /// The sockets, to be handed over.
    pub(crate) fn listening(&self) -> &Listening {
        &self.listening
    }

    /// The configuration that it was started with.
    pub(crate) fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Whether every worker still runs.
    pub(crate) fn alive(&self) -> bool {
        self.workers.alive()
    }

    /// Is no longer ready, and ends connections with their answers, but still accepts new ones.
    pub(crate) fn leave(&self) {
        self.readiness.set(Ready::Draining);
        self.workers.leave();
    }

    /// Finishes what is under way and ends; blocks until then. Metrics are served to the end.
    ///
    /// # Errors
    /// A worker failed.
    pub(crate) fn stop(self) -> io::Result<Drained> {
        self.leave();
        // The workers close theirs, and with these the kernel accepts nothing more.
        drop(self.listening);
        self.workers.drain();
        let drained = self.workers.join();
        drop(self.exporter);
        drop(self.audit_log);
        drained
    }

    /// Finishes what is under way, leaves everything new to the process that has the sockets now, and ends; blocks until then.
    ///
    /// # Errors
    /// A worker failed.
    pub(crate) fn hand_over(self) -> io::Result<Drained> {
        // The other process orders certificates now.
        drop(self.orders);
        let mut admin = self.admin;
        // Operators want to hear of the process that serves.
        admin.iter_mut().for_each(Admin::leave);
        drop(self.listening);
        self.workers.hand_over();
        // The other process waits for it.
        self.audit_log.iter().for_each(audit_log::Keeper::hand_over);
        let drained = self.workers.join();
        drop(self.exporter);
        drop(self.audit_log);
        drained
    }
}

fn system(error: impl ToString) -> StartError {
    StartError::System(error.to_string())
}

/// The surface for operators.
fn surface(
    listener: TcpListener,
    addresses: Option<AddressList>,
    registry: &Arc<Registry>,
    readiness: &Arc<Readiness>,
    keys: &Arc<SigningKeys>,
) -> Result<Admin, AdminError> {
    let (registry, readiness, keys) = (Arc::clone(registry), Arc::clone(readiness), Arc::clone(keys));
    Admin::serve(listener, addresses.unwrap_or_default(), registry, readiness, keys)
}

/// The keys that sign tokens for upstreams.
fn signing(configuration: &Configuration) -> Result<Signing, StartError> {
    let mut signing = Signing::new();
    let read = signing.read(configuration).map_err(StartError::Unusable)?;
    signing.replace(read);
    Ok(signing)
}

/// What all workers share, with nothing remembered yet.
///
/// # Errors
/// The system gives no random numbers.
fn shared(table: Routes, limiter: Limiter, fleet: &Arc<Fleet>) -> io::Result<Shared> {
    Ok(Shared {
        routes: ArcSwap::from_pointee(table),
        limiter,
        fleet: Arc::clone(fleet),
        replay: Replay::random(replay::ENTRIES_MAX)?,
        proofs: dpop::Memory::new(unix_time())?,
        lately: Lately::new()?,
    })
}

/// What counts: for rate limits, with so many keys at most, and for metrics.
fn counters(workers: NonZeroUsize, keys_max: usize) -> Result<(Limiter, Registry), StartError> {
    let store = Arc::new(MemoryStore::new(keys_max));
    let keyer = Keyer::random().map_err(system)?;
    let limiter = Limiter::new(Arc::clone(&store) as _, keyer, Instant::now());
    let registry = Registry::new(Setup {
        workers,
        codes: codes::all(),
        version: env!("CARGO_PKG_VERSION"),
        limits: store,
    });
    Ok((limiter, registry))
}

/// When each API's contract was written; now, where that is not known: what comes from elsewhere has just been read.
fn written(apis: &[Loaded]) -> Vec<(String, u64)> {
    let of = |api: &Loaded| {
        let modified = match &api.api.contract {
            Source::File(path) => std::fs::metadata(path).and_then(|file| file.modified()).ok(),
            Source::Directory(_) | Source::Remote(_) | Source::Git(_) | Source::Own => None,
        };
        let since = modified.and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
        (
            api.api.name.clone(),
            since.map_or_else(unix_seconds, |since| since.as_secs()),
        )
    };
    apis.iter().map(of).collect()
}

#[expect(clippy::disallowed_methods, reason = "the binary is where clocks are read")]
fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
