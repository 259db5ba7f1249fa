//! All endpoints of a process: which are in service, and which just left.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Moment;
use super::endpoint::{Endpoint, EndpointSettings, EndpointState};
use super::group::Group;
use super::mirror::Mirror;
use super::site::Site;
use crate::forward::Upstream;

/// The most endpoints that metrics tell one by one.
const ENDPOINTS_TOLD_MAX: usize = 1024;

/// All endpoints of a process.
#[derive(Debug)]
pub struct Fleet {
    started: Instant,
    workers: usize,
    numbers: Arc<Numbers>,
    in_service: Mutex<InService>,
    /// How often endpoints left.
    changes: AtomicU64,
    /// Retries that the budget did not allow.
    retries_denied: AtomicU64,
    pub(super) changed: Notify,
}

/// What the routes lead to.
#[derive(Clone, Debug, Default)]
pub struct InService {
    /// Every entry of the configuration.
    pub sites: Vec<Arc<Site>>,
    /// Those that requests are balanced over.
    pub groups: Vec<Arc<Group>>,
    /// Where copies go.
    pub mirrors: Vec<Arc<Mirror>>,
}

impl Fleet {
    /// A fleet without endpoints, whose requests are counted by so many workers.
    #[must_use]
    pub fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            workers,
            numbers: Arc::default(),
            in_service: Mutex::default(),
            changes: AtomicU64::new(0),
            retries_denied: AtomicU64::new(0),
            changed: Notify::new(),
        })
    }

    pub(super) fn endpoint(&self, label: Box<str>, upstream: Upstream, settings: EndpointSettings) -> Arc<Endpoint> {
        let number = Numbers::take(&self.numbers);
        // What is there from the start has nothing to warm up beside.
        let now = match self.in_service.lock().sites.is_empty() {
            true => Moment::default(),
            false => self.moment(Instant::now()),
        };
        Arc::new(Endpoint::new(number, label, upstream, settings, self.workers, now))
    }

    pub(super) fn moment(&self, at: Instant) -> Moment {
        Moment(super::milliseconds(at.saturating_duration_since(self.started)))
    }

    /// How often endpoints left.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Replaces what the routes lead to. Endpoints of sites that are not among them any more let go of their connections.
    pub fn serve(&self, in_service: InService) {
        let before = std::mem::replace(&mut *self.in_service.lock(), in_service.clone());
        for gone in &before.sites {
            if !in_service.sites.iter().any(|site| Arc::ptr_eq(site, gone)) {
                gone.retire();
            }
        }
        self.endpoints_left();
        self.changed.notify_one();
    }

    pub(super) fn endpoints_left(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn in_service(&self) -> InService {
        self.in_service.lock().clone()
    }

    pub(super) fn retry_denied(&self) {
        self.retries_denied.fetch_add(1, Ordering::Relaxed);
    }

    /// Retries that the budget did not allow.
    #[must_use]
    pub fn retries_denied(&self) -> u64 {
        self.retries_denied.load(Ordering::Relaxed)
    }

    /// Copies sent to mirrors, and those that were left out for lack of room.
    #[must_use]
    pub fn mirrored(&self) -> (u64, u64) {
        let mirrors = self.in_service().mirrors;
        let told = mirrors.iter().map(|mirror| mirror.told());
        told.fold((0, 0), |sum, told| (sum.0 + told.0, sum.1 + told.1))
    }

    /// Every endpoint now, at most [`ENDPOINTS_TOLD_MAX`], in the order of their names. Endpoints of one name, which differ
    /// in their settings, are told together.
    #[must_use]
    pub fn states(&self) -> Vec<EndpointState> {
        let now = self.moment(Instant::now());
        let mut states: BTreeMap<Box<str>, EndpointState> = BTreeMap::new();
        for endpoint in self
            .in_service()
            .sites
            .iter()
            .flat_map(|site| site.endpoints().to_vec())
        {
            let state = endpoint.state(now);
            if let Some(known) = states.get_mut(&state.label) {
                known.add(&state);
            } else if states.len() < ENDPOINTS_TOLD_MAX {
                states.insert(state.label.clone(), state);
            }
        }
        states.into_values().collect()
    }

    /// The APIs of which no endpoint is in service, though requests are still sent.
    #[must_use]
    pub fn without_endpoints(&self) -> Vec<Box<str>> {
        let now = self.moment(Instant::now());
        let groups = self.in_service().groups;
        let out = groups.iter().filter(|group| !group.is_in_service(now));
        let mut names: Vec<Box<str>> = out.map(|group| group.name().into()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl EndpointState {
    /// Of one name: counts add up, and the worse of the two states is told.
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.retries += other.retries;
        self.ejections += other.ejections;
        self.in_flight = self.in_flight.saturating_add(other.in_flight);
        for (sum, failures) in self.failures.iter_mut().zip(other.failures) {
            *sum += failures;
        }
        if self.service == super::Service::Up {
            self.service = other.service;
        }
        if matches!(self.circuit, None | Some(super::Circuit::Closed)) {
            self.circuit = other.circuit.or(self.circuit);
        }
    }
}

/// The numbers of the endpoints: small ones, used again when their endpoint is gone for every worker.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    free: Mutex<(usize, Vec<usize>)>,
}

/// The number of one endpoint.
#[derive(Debug)]
pub(super) struct Number {
    number: usize,
    numbers: Arc<Numbers>,
}

impl Numbers {
    pub(super) fn take(numbers: &Arc<Self>) -> Number {
        let mut free = numbers.free.lock();
        let number = free.1.pop().unwrap_or_else(|| {
            free.0 += 1;
            free.0 - 1
        });
        Number {
            number,
            numbers: Arc::clone(numbers),
        }
    }
}

impl Number {
    pub(super) fn get(&self) -> usize {
        self.number
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        self.numbers.free.lock().1.push(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_small_and_used_again() {
        let numbers = Arc::default();
        let (one, two) = (Numbers::take(&numbers), Numbers::take(&numbers));
        assert_eq!((one.get(), two.get()), (0, 1));
        drop(one);
        assert_eq!((Numbers::take(&numbers).get(), two.get()), (0, 1));
    }
}
