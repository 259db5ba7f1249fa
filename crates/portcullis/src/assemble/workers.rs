//! What the workers of a gate are started with.

use std::io;
use std::sync::Arc;

use portcullis_gateway::account::{Ledger, LogRequests};
use portcullis_gateway::gate::{Gate, Shared};
use portcullis_gateway::listen::{Http2Bounds, Listener, Settings, TrustedProxies, WorkerIndex};
use portcullis_gateway::metrics::Registry;
use portcullis_gateway::observe::Observations;
use portcullis_gateway::trace::{Sink, Tracer, Tracing};

use super::{StartError, system};
use crate::audit_log::Keeper;
use crate::config::checked::Configuration;
use crate::config::log;
use crate::traces::Exporter;

/// Makes the gate of each worker, in the worker's own thread.
pub(super) fn gates(
    shared: &Arc<Shared>,
    registry: &Arc<Registry>,
    observations: &Arc<Observations>,
    configuration: &Configuration,
    (tracing, audit_log): (Option<Arc<Tracing>>, Option<&Keeper>),
) -> impl Fn(WorkerIndex) -> io::Result<Gate> + Send + Sync + 'static {
    let log = log_requests(configuration);
    let audit_log = audit_log.map(|keeper| Arc::clone(keeper.log()));
    let held_bytes_max = configuration.connection.held_bytes_max / configuration.workers;
    let (shared, registry, observations) = (Arc::clone(shared), Arc::clone(registry), Arc::clone(observations));
    move |WorkerIndex(number)| {
        let ledger = Ledger::new(number, Arc::clone(&registry), Arc::clone(&observations), log);
        let ledger = ledger.ok_or_else(|| io::Error::other("the worker's counters are taken"))?;
        let tracer = tracing.clone().map(Tracer::new).transpose()?;
        let ledger = ledger.tracing(tracer).recording(audit_log.clone());
        Ok(Gate::new(Arc::clone(&shared), ledger, held_bytes_max))
    }
}

/// How requests are traced, where they are, and who delivers that.
pub(super) fn tracing(
    configuration: &Configuration,
    registry: &Arc<Registry>,
) -> Result<(Option<Exporter>, Option<Arc<Tracing>>), StartError> {
    let Some(traces) = &configuration.traces else {
        return Ok((None, None));
    };
    let started = Exporter::start(traces, registry);
    let (exporter, sink): (Exporter, Arc<dyn Sink>) = started.map_err(system)?;
    let tracing = Tracing {
        sample_billionths: traces.sample_billionths,
        trust_incoming: traces.trust_incoming,
        sink,
    };
    Ok((Some(exporter), Some(Arc::new(tracing))))
}

pub(super) fn settings(configuration: &Configuration, listeners: Vec<Listener>) -> Settings {
    let connection = &configuration.connection;
    Settings {
        bounds: connection.bounds,
        deadlines: connection.deadlines,
        connections_max: connection.connections_max,
        connections_per_address_max: connection.connections_per_address_max,
        trusted: TrustedProxies::new(configuration.trusted_proxies.clone(), configuration.trusted_header),
        drain_time_max: connection.drain_time_max,
        listeners,
        http2: Http2Bounds::default(),
    }
}

fn log_requests(configuration: &Configuration) -> LogRequests {
    match configuration.log.requests {
        log::LogRequests::Refused => LogRequests::Refused,
        log::LogRequests::All => LogRequests::All,
        log::LogRequests::None => LogRequests::Nothing,
    }
}
