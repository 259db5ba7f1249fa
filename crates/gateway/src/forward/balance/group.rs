//! The endpoints that stand in for each other: which of them gets a request, and which is left out for a while.

use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::Notify;

use super::choice::{Candidate, choose, weight};
use super::endpoint::{Cause, Endpoint, Outcome, Refused, Visit};
use super::health::Service;
use super::outlier::{self, OutlierSettings};
use super::site::Site;
use super::{Moment, sticky};

/// Endpoints that are looked at without asking for memory.
const INLINE: usize = 16;

/// What holds for the endpoints of a group together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSettings {
    /// How long an endpoint that is new or back gets less than its share.
    pub slow_start: Duration,
    /// The largest share of endpoints, in percent, that are left out because they failed.
    pub ejected_percent_max: u32,
    /// How endpoints are compared with each other, if they are.
    pub outlier: Option<OutlierSettings>,
}

impl Default for GroupSettings {
    fn default() -> Self {
        Self {
            slow_start: Duration::ZERO,
            ejected_percent_max: 50,
            outlier: Some(OutlierSettings::default()),
        }
    }
}

/// Endpoints that stand in for each other.
#[derive(Debug)]
pub struct Group {
    name: Box<str>,
    sites: Vec<(Arc<Site>, u32)>,
    members: ArcSwap<Vec<Member>>,
    settings: GroupSettings,
    /// Held while an endpoint is put out of service, so that two workers do not both put out the last one.
    ejecting: Mutex<()>,
    /// Told when an endpoint was put out of service, and at the end of the group.
    ejected: Arc<Notify>,
    /// Whether the upkeep follows its endpoints.
    pub(super) tended: AtomicBool,
}

#[derive(Clone, Debug)]
struct Member {
    endpoint: Arc<Endpoint>,
    weight: u32,
}

/// Who gets a request: the numbers of those that had it already do not.
pub(super) struct Wanted<'t> {
    pub(super) tried: &'t [usize],
    pub(super) sticky: Option<u64>,
    /// Whether the only endpoint of a group may have it once more.
    pub(super) again: bool,
}

/// Why no endpoint gets a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nowhere {
    /// Each has had it.
    Exhausted,
    /// Each refuses it; this one would have been taken last.
    Refused(Refused),
}

impl Group {
    /// The endpoints of these entries, with their weights; at least one. `name` is the API's.
    #[must_use]
    pub fn new(name: &str, sites: Vec<(Arc<Site>, u32)>, settings: GroupSettings) -> Arc<Self> {
        let group = Self {
            name: name.into(),
            sites,
            members: ArcSwap::default(),
            settings,
            ejecting: Mutex::new(()),
            ejected: Arc::default(),
            tended: AtomicBool::new(false),
        };
        group.gather();
        Arc::new(group)
    }

    /// The API's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn outlier(&self) -> Option<OutlierSettings> {
        self.settings.outlier
    }

    /// Takes over the endpoints that the entries stand for now.
    pub(super) fn gather(&self) {
        let of_site = |(site, weight): &(Arc<Site>, u32)| {
            let endpoints = site.endpoints();
            let member = |endpoint: &Arc<Endpoint>| Member {
                endpoint: Arc::clone(endpoint),
                weight: *weight,
            };
            endpoints.iter().map(member).collect::<Vec<_>>()
        };
        self.members
            .store(Arc::new(self.sites.iter().flat_map(of_site).collect()));
    }

    /// Whether it has endpoints of this entry.
    pub(super) fn has(&self, site: &Arc<Site>) -> bool {
        self.sites.iter().any(|(own, _)| Arc::ptr_eq(own, site))
    }

    /// Whether any endpoint is in service.
    pub(super) fn is_in_service(&self, now: Moment) -> bool {
        let members = self.members.load();
        members
            .iter()
            .any(|member| member.endpoint.health.service(now) == Service::Up)
    }

    /// How many endpoints are so.
    #[cfg(test)]
    pub(super) fn count(&self, service: Service, now: Moment) -> usize {
        let members = self.members.load();
        members
            .iter()
            .filter(|member| member.endpoint.health.service(now) == service)
            .count()
    }

    /// A place at an endpoint that is in service. Where none is, at any: sending to an endpoint that seems to be down is
    /// better than sending nowhere. A circuit that is open stays so.
    ///
    /// # Errors
    /// There is none that did not have the request, or none that takes it.
    pub(super) fn pick(&self, wanted: &Wanted<'_>, now: Moment, random: impl Fn() -> u64) -> Result<Visit, Nowhere> {
        let members = self.members.load();
        let mut candidates = self.candidates(&members, wanted, now);
        let mut nowhere = Nowhere::Exhausted;
        while let Some(place) = self.chosen(&members, &candidates, wanted, &random) {
            let index = candidates.swap_remove(place).index;
            let Some(member) = members.get(index) else { continue };
            match member.endpoint.visit(now) {
                Ok(visit) => return Ok(visit),
                Err(refused) => nowhere = Nowhere::Refused(refused),
            }
        }
        Err(nowhere)
    }

    fn candidates(&self, members: &[Member], wanted: &Wanted<'_>, now: Moment) -> SmallVec<[Candidate; INLINE]> {
        let candidate = |(index, member): (usize, &Member)| Candidate {
            index,
            weight: self.weight_of(member, now),
            load: member.endpoint.load(),
        };
        let again = wanted.again && members.len() == 1;
        let is_new = |member: &Member| again || !wanted.tried.contains(&member.endpoint.number());
        let is_up = |member: &Member| member.endpoint.health.service(now) == Service::Up;
        let any_up = members.iter().any(is_up);
        let all = members.iter().enumerate();
        all.filter(|(_, member)| is_new(member) && (is_up(member) || !any_up))
            .map(candidate)
            .collect()
    }

    fn weight_of(&self, member: &Member, now: Moment) -> u64 {
        let health = &member.endpoint.health;
        let up_for = if self.settings.slow_start.is_zero() || health.is_seasoned() {
            Duration::MAX
        } else {
            health.up_for(now)
        };
        weight(member.weight, up_for, self.settings.slow_start)
    }

    fn chosen(
        &self,
        members: &[Member],
        candidates: &[Candidate],
        wanted: &Wanted<'_>,
        random: impl Fn() -> u64,
    ) -> Option<usize> {
        let Some(value) = wanted.sticky else {
            return choose(candidates, random);
        };
        let scored = candidates.iter().enumerate().filter_map(|(place, candidate)| {
            let member = members.get(candidate.index)?;
            Some((place, sticky::score(value, member.endpoint.seed(), member.weight)))
        });
        let best = scored.max_by(|(_, one), (_, other)| one.partial_cmp(other).unwrap_or(Ordering::Equal));
        best.map(|(place, _)| place)
    }

    /// Tells what came of a request, and leaves the endpoint out where that was one failure too many.
    pub(super) fn ended(&self, visit: &Visit, outcome: Outcome, now: Moment) {
        if self.settings.outlier.is_some() && outcome != Outcome::Unknown {
            visit.endpoint().outcomes.count(0, outcome != Outcome::Good);
        }
        if visit.ended(outcome, now) {
            let cause = match outcome {
                Outcome::Failed(cause) => Some(cause),
                Outcome::Good | Outcome::Unknown => None,
            };
            self.eject(visit.endpoint(), now, "it failed too often in a row", cause);
        }
    }

    /// Compares the endpoints by what they were counted for since the last time, and leaves out the worst.
    pub(super) fn compare(&self, now: Moment) {
        let Some(settings) = self.settings.outlier else { return };
        let members = self.members.load();
        let tallies: Vec<_> = members.iter().map(|member| member.endpoint.outcomes.take(0)).collect();
        if let Some(member) = outlier::worst(&tallies, settings).and_then(|worst| members.get(worst)) {
            self.eject(&member.endpoint, now, "it fails more often than the others", None);
        }
    }

    /// Leaves an endpoint out for a while, if enough others stay. Never waits: while another one is being put out, this
    /// one's next failure comes soon enough. `cause`: how it failed last.
    fn eject(&self, endpoint: &Endpoint, now: Moment, why: &'static str, cause: Option<Cause>) {
        let Some(_ejecting) = self.ejecting.try_lock() else {
            return;
        };
        let members = self.members.load();
        let is_out = |member: &&Member| member.endpoint.health.service(now) != Service::Up;
        let out = members.iter().filter(is_out).count();
        let most = members.len() * usize::try_from(self.settings.ejected_percent_max).unwrap_or(0) / 100;
        if out >= most || endpoint.health.service(now) != Service::Up {
            return;
        }
        let time = endpoint.health.eject(now, &endpoint.settings().passive);
        tracing::warn!(
            api = &*self.name,
            endpoint = endpoint.label(),
            milliseconds = super::milliseconds(time),
            why,
            cause = cause.map(Cause::label),
            "the endpoint is left out"
        );
        self.ejected.notify_one();
    }

    /// Told when an endpoint was put out of service, and at the end of the group.
    pub(super) fn ejected(&self) -> Arc<Notify> {
        Arc::clone(&self.ejected)
    }

    /// Tells of the endpoints that are back after an ejection, and how long it is until the next one is.
    pub(super) fn tell_back(&self, now: Moment) -> Option<Duration> {
        let members = self.members.load();
        let waits = members.iter().filter_map(|member| {
            let endpoint = &member.endpoint;
            let left = endpoint.health.until_back(now)?;
            if left.is_zero() && endpoint.health.service(now) == Service::Up {
                tracing::info!(
                    api = &*self.name,
                    endpoint = endpoint.label(),
                    "the endpoint is tried again"
                );
            }
            Some(left).filter(|left| !left.is_zero())
        });
        waits.min()
    }
}

impl Drop for Group {
    /// Whoever waits for it has to see that it is gone.
    fn drop(&mut self) {
        self.ejected.notify_one();
    }
}
