//! One entry of the configuration: an endpoint, or each address of its name as one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::endpoint::{Endpoint, EndpointSettings};
use super::fleet::Fleet;
use crate::forward::Upstream;

/// One entry of the configuration, with the endpoints that it stands for; at least one.
#[derive(Debug)]
pub struct Site {
    upstream: Upstream,
    settings: EndpointSettings,
    /// Whether each address is an endpoint.
    each: bool,
    /// How long addresses are used before the name is looked up again.
    resolve_time_max: Duration,
    endpoints: ArcSwap<Vec<Arc<Endpoint>>>,
    /// Whether the upkeep looks its name up.
    pub(super) tended: AtomicBool,
}

impl Site {
    /// An entry. With `each` every address of the name will be an endpoint; until it is looked up, the name is.
    #[must_use]
    pub fn new(
        fleet: &Fleet,
        upstream: Upstream,
        settings: EndpointSettings,
        each: bool,
        resolve_time_max: Duration,
    ) -> Arc<Self> {
        let label = upstream.authority().to_str().unwrap_or_default().into();
        let endpoint = fleet.endpoint(label, upstream.clone(), settings.clone());
        Arc::new(Self {
            each: each && upstream.name().is_some(),
            upstream,
            settings,
            resolve_time_max,
            endpoints: ArcSwap::from_pointee(vec![endpoint]),
            tended: AtomicBool::new(false),
        })
    }

    /// Its endpoints now; at least one.
    #[must_use]
    pub fn endpoints(&self) -> Arc<Vec<Arc<Endpoint>>> {
        self.endpoints.load_full()
    }

    /// Whether its endpoints change with the addresses of its name.
    #[must_use]
    pub fn is_each(&self) -> bool {
        self.each
    }

    pub(super) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    pub(super) fn resolve_time_max(&self) -> Duration {
        self.resolve_time_max
    }

    /// The name has these addresses now: those that are new become endpoints, those that are gone leave, the others stay as
    /// they are. Whether anything changed. Only the upkeep calls it.
    pub(super) fn moved(&self, fleet: &Fleet, addresses: &[SocketAddr]) -> bool {
        if !self.each || addresses.is_empty() {
            return false;
        }
        let before = self.endpoints();
        let label = |address: &SocketAddr| {
            let authority = self.upstream.authority().to_str().unwrap_or_default();
            format!("{authority}/{}", address.ip()).into_boxed_str()
        };
        let after: Vec<_> = addresses
            .iter()
            .map(|address| {
                let label = label(address);
                let known = before.iter().find(|endpoint| *endpoint.label() == *label);
                known.map_or_else(
                    || fleet.endpoint(label, self.upstream.at(*address), self.settings.clone()),
                    Arc::clone,
                )
            })
            .collect();
        let stays = |endpoint: &Arc<Endpoint>| after.iter().any(|other| Arc::ptr_eq(endpoint, other));
        let gone: Vec<_> = before.iter().filter(|endpoint| !stays(endpoint)).collect();
        if gone.is_empty() && after.len() == before.len() {
            return false;
        }
        gone.iter().for_each(|endpoint| endpoint.retire());
        drop(gone);
        self.endpoints.store(Arc::new(after));
        fleet.endpoints_left();
        true
    }

    /// No route leads to it any more.
    pub(super) fn retire(&self) {
        self.endpoints().iter().for_each(|endpoint| endpoint.retire());
    }
}
