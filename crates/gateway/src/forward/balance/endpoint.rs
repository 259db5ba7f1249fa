//! One endpoint: an address, what all workers know of it, and what each of them counts.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use http::Response;

use super::breaker::{Breaker, BreakerSettings, Circuit, Pass};
use super::fleet::Number;
use super::health::{Health, PassiveSettings, Service};
use super::probe::ProbeSettings;
use super::window::Window;
use super::{Moment, sticky};
use crate::forward::{ForwardError, Limits, Upstream};
use crate::metrics::Counter;

/// What holds for one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSettings {
    /// The bounds of each worker's connections to it.
    pub limits: Limits,
    /// How it is judged by its answers.
    pub passive: PassiveSettings,
    /// How it is asked for its health, if it is.
    pub probe: Option<ProbeSettings>,
    /// When nothing is sent to it for a while.
    pub breaker: Option<BreakerSettings>,
    /// Most requests at once, from all workers.
    pub requests_max: Option<u32>,
}

/// One endpoint of an upstream, for all workers. It lives on over reloads that do not change it.
#[derive(Debug)]
pub struct Endpoint {
    number: Number,
    label: Box<str>,
    seed: u64,
    upstream: Upstream,
    settings: EndpointSettings,
    in_flight: AtomicU32,
    pub(super) health: Health,
    breaker: Option<Breaker>,
    /// Since it was last compared with others.
    pub(super) outcomes: Window,
    counts: Box<[Counts]>,
    retired: AtomicBool,
    /// Whether the upkeep probes it.
    pub(super) tended: AtomicBool,
}

/// What one worker counts of it. Aligned so that no two workers write to one cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counts {
    requests: Counter,
    retries: Counter,
    failures: [Counter; Cause::ALL.len()],
}

/// How an endpoint failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No connection.
    Connect,
    /// No answer in time.
    Timeout,
    /// The connection closed before there was an answer.
    Closed,
    /// The answer was not HTTP.
    Malformed,
    /// The answer had a status of 500 or above.
    Status,
    /// Too many requests waited for it already.
    Overloaded,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Good,
    Failed(Cause),
    /// It says nothing about the endpoint: its own body failed, or it waited in vain among others.
    Unknown,
}

/// Why an endpoint takes no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It has as many as it may.
    Full,
    /// Its circuit is open, for this long.
    Open(Duration),
}

/// An endpoint at one moment, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointState {
    /// Its name in metrics and logs: its authority, and its address where a name has several that count.
    pub label: Box<str>,
    /// Requests sent to it, retries among them.
    pub requests: u64,
    /// Requests sent to it after another attempt had failed.
    pub retries: u64,
    /// Those that failed, in the order of [`Cause::ALL`].
    pub failures: [u64; Cause::ALL.len()],
    /// Requests that it has now, where they are counted.
    pub in_flight: u32,
    /// How often it was ejected.
    pub ejections: u64,
    /// Whether it is in service.
    pub service: Service,
    /// How its circuit stands, if it has one.
    pub circuit: Option<Circuit>,
}

impl Cause {
    /// Every cause, in the order of their counters.
    pub const ALL: [Self; 6] = [
        Self::Connect,
        Self::Timeout,
        Self::Closed,
        Self::Malformed,
        Self::Status,
        Self::Overloaded,
    ];

    /// Its name in metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Malformed => "malformed",
            Self::Status => "status",
            Self::Overloaded => "overloaded",
        }
    }
}

impl Outcome {
    pub(super) fn of<B>(sent: &Result<Response<B>, ForwardError>) -> Self {
        match sent {
            Ok(response) if response.status().is_server_error() => Self::Failed(Cause::Status),
            Ok(_) => Self::Good,
            Err(ForwardError::Connect(_)) => Self::Failed(Cause::Connect),
            Err(ForwardError::Timeout(_)) => Self::Failed(Cause::Timeout),
            Err(ForwardError::Closed) => Self::Failed(Cause::Closed),
            Err(ForwardError::Malformed(_)) => Self::Failed(Cause::Malformed),
            Err(ForwardError::Overloaded) => Self::Failed(Cause::Overloaded),
            Err(ForwardError::CircuitOpen { .. } | ForwardError::RequestBody(_) | ForwardError::Unsendable) => {
                Self::Unknown
            }
        }
    }

    /// Whether it speaks against the endpoint; none where it says nothing.
    fn failed(self) -> Option<bool> {
        match self {
            Self::Good => Some(false),
            // The queue is one worker's own.
            Self::Failed(Cause::Overloaded) | Self::Unknown => None,
            Self::Failed(_) => Some(true),
        }
    }
}

impl Endpoint {
    pub(super) fn new(
        number: Number,
        label: Box<str>,
        upstream: Upstream,
        settings: EndpointSettings,
        workers: usize,
        now: Moment,
    ) -> Self {
        Self {
            number,
            seed: sticky::hash(label.as_bytes()),
            label,
            upstream,
            in_flight: AtomicU32::new(0),
            health: Health::new(now),
            breaker: settings.breaker.clone().map(Breaker::new),
            settings,
            outcomes: Window::default(),
            counts: std::iter::repeat_with(Counts::default).take(workers).collect(),
            retired: AtomicBool::new(false),
            tended: AtomicBool::new(false),
        }
    }

    /// Tells it apart from all others that there are.
    pub(super) fn number(&self) -> usize {
        self.number.get()
    }

    /// Its name in metrics and logs.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The hash of its name.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// Where it is.
    #[must_use]
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// What holds for it.
    #[must_use]
    pub fn settings(&self) -> &EndpointSettings {
        &self.settings
    }

    /// Requests that it has now, from all workers, where they are counted.
    pub(super) fn load(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether no route leads to it any more.
    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    /// Counts a request that is sent.
    pub(crate) fn sends(&self, worker: usize, is_retry: bool) {
        if let Some(counts) = self.counts.get(worker) {
            counts.requests.add(1);
            if is_retry {
                counts.retries.add(1);
            }
        }
    }

    /// Counts how it failed, if it did.
    pub(crate) fn counts<B>(&self, worker: usize, sent: &Result<Response<B>, ForwardError>) {
        if let Outcome::Failed(cause) = Outcome::of(sent)
            && let Some(counter) = self.counts.get(worker).and_then(|own| own.failures.get(cause as usize))
        {
            counter.add(1);
        }
    }

    /// Takes a place for one request.
    ///
    /// # Errors
    /// It has as many as it may, or its circuit is open.
    pub(super) fn visit(self: &Arc<Self>, now: Moment) -> Result<Visit, Refused> {
        let most = self.settings.requests_max.unwrap_or(u32::MAX);
        let more = |load: u32| (load < most).then_some(load.saturating_add(1));
        self.in_flight
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, more)
            .map_err(|_| Refused::Full)?;
        let mut visit = Visit {
            endpoint: Arc::clone(self),
            pass: Pass::Free,
            owes: Cell::new(false),
        };
        if let Some(breaker) = &self.breaker {
            visit.pass = breaker.admit(now).map_err(Refused::Open)?;
            visit.owes.set(true);
        }
        Ok(visit)
    }

    /// It at this moment.
    pub(super) fn state(&self, now: Moment) -> EndpointState {
        let sum = |of: &dyn Fn(&Counts) -> u64| self.counts.iter().map(of).fold(0, u64::wrapping_add);
        let mut failures = [0; Cause::ALL.len()];
        for counts in &self.counts {
            for (sum, counter) in failures.iter_mut().zip(&counts.failures) {
                *sum += counter.get();
            }
        }
        EndpointState {
            label: self.label.clone(),
            requests: sum(&|counts| counts.requests.get()),
            retries: sum(&|counts| counts.retries.get()),
            failures,
            in_flight: self.load(),
            ejections: self.health.ejections(),
            service: self.health.service(now),
            circuit: self.breaker.as_ref().map(|breaker| breaker.circuit(now)),
        }
    }
}

/// One request's place at an endpoint, until it is dropped: with the end of the exchange, which goes on without its client.
#[derive(Debug)]
pub(crate) struct Visit {
    endpoint: Arc<Endpoint>,
    pass: Pass,
    /// Whether the breaker has not been told yet what came of it.
    owes: Cell<bool>,
}

impl Visit {
    pub(super) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// Tells what came of the request; whether the endpoint has failed too often in a row now.
    pub(super) fn ended(&self, outcome: Outcome, now: Moment) -> bool {
        let Some(failed) = outcome.failed() else { return false };
        let endpoint = &self.endpoint;
        if let Some(breaker) = endpoint.breaker.as_ref().filter(|_| self.owes.take()) {
            breaker.ended(self.pass, failed, now);
        }
        endpoint.health.ended(failed, &endpoint.settings.passive)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.endpoint.in_flight.fetch_sub(1, Ordering::AcqRel);
        if let Some(breaker) = self.endpoint.breaker.as_ref().filter(|_| self.owes.get()) {
            breaker.given_up(self.pass);
        }
    }
}
