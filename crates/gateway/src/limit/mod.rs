//! Rate limits: the generic cell rate algorithm over a bounded table of keys.
//!
//! A [`Limiter`] holds what outlives a reload: the counters, the secret of their keys, the origin of their time. A
//! [`Limits`] is the immutable list of one route, compiled against it. This module never reads a clock and never
//! sees an answer: when it is, and whether an answer was a failure, are arguments.

mod decimal;
pub mod gcra;
pub mod key;
pub mod memory;
pub mod store;
pub mod target;

use gcra::{Moment, Quota, retry_after_seconds};
use http::{HeaderMap, StatusCode};
use key::{Facts, Keyer, Part, Recipe, Scope};
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Instant;
use store::{Ask, Charge, LimitStore, Taken};
use thiserror::Error;

/// The most limits of one list.
pub const LIMITS_MAX: usize = 16;
/// The most parts of one key.
pub const PARTS_MAX: usize = 8;

/// When a limit is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Before routing, so that unknown paths count too. Only the address and headers are known.
    Arrival,
    /// As soon as the operation is known, before a credential is verified. Address and headers.
    Routed,
    /// As soon as the caller is known, before the contract is asked: hostile bodies count too.
    Identified,
    /// After the request conforms to the contract: path, query and body values are known as well.
    Target,
}

/// Which requests use up a quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Counts {
    /// Every one.
    #[default]
    All,
    /// Those that fail. Each is charged when it comes and given back when it has succeeded, so that guesses sent at once
    /// are refused as those sent one by one; so are successes, where more than the burst are on their way at once.
    Failures,
}

/// What is done with a request beyond the quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It is refused.
    #[default]
    Enforce,
    /// It passes, and is reported in [`Charges::would_refuse`].
    Observe,
    /// Nothing: it is not counted.
    Off,
}

/// Whether an answer was a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The caller got what they asked for.
    Success,
    /// They did not.
    Failure,
}

/// A declared limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name in the configuration, unique within its scope.
    pub name: Arc<str>,
    /// What its counters are shared by.
    pub scope: Scope,
    /// What it counts by; 1 to [`PARTS_MAX`] parts.
    pub parts: Vec<Part>,
    /// How much.
    pub quota: Quota,
    /// Which requests use it up.
    pub counts: Counts,
    /// When it is counted.
    pub stage: Stage,
    /// What is done beyond it.
    pub mode: Mode,
}

/// Why a list of limits cannot be used. Each names the limit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LimitError {
    /// The limit counts by nothing.
    #[error("the limit `{0}` has no key; count by `address`, a header or a request value")]
    NoParts(Arc<str>),
    /// More than [`PARTS_MAX`] parts.
    #[error("the limit `{0}` has more than 8 key parts; leave some out")]
    TooManyParts(Arc<str>),
    /// A part that is not known at its stage.
    #[error("the limit `{0}` counts by what is not known yet where it is counted")]
    TooEarly(Arc<str>),
    /// Two limits would charge one counter twice.
    #[error("the limit `{0}` is there twice in one list; give each its own name")]
    Twice(Arc<str>),
    /// More than [`LIMITS_MAX`] limits.
    #[error("the limit `{0}` is the seventeenth of one list; a request takes from at most 16")]
    TooMany(Arc<str>),
}

/// What all limits of a process share, and what outlives a reload.
#[derive(Clone)]
pub struct Limiter {
    store: Arc<dyn LimitStore>,
    keyer: Keyer,
    origin: Instant,
}

/// The limits of one route, ready to be taken from.
#[derive(Clone)]
pub struct Limits {
    limiter: Limiter,
    compiled: Box<[Compiled]>,
}

/// What the limits say of a request.
#[must_use]
#[derive(Debug)]
pub enum Verdict {
    /// It may go on. The charges are to be settled with its outcome.
    Admitted(Charges),
    /// It is refused (429), and nothing was charged.
    Exceeded(Exceeded),
}

/// Which limit refuses, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// The name of the limit with the longest wait.
    pub limit: Arc<str>,
    /// For Retry-After (RFC 9110, section 10.2.3): whole seconds, at least 1.
    pub retry_after_seconds: u64,
}

/// What an admitted request was charged and may get back. Dropped without [`Limiter::settle`] it stays charged, as it
/// must where the caller hung up before the answer.
#[must_use]
#[derive(Debug, Default)]
pub struct Charges {
    refundable: Vec<Charge>,
    would_refuse: Vec<Exceeded>,
}

#[derive(Clone)]
struct Compiled {
    name: Arc<str>,
    recipe: Recipe,
    quota: Quota,
    counts: Counts,
    stage: Stage,
    observed: bool,
}

impl Limits {
    /// Takes a request from all limits of a stage: from all that are enforced, or from none. Observed limits are taken one
    /// by one after that, and refuse nothing.
    ///
    /// `now` must come from the clock of the limiter's origin. With an in-process store this never waits.
    pub async fn take(&self, stage: Stage, facts: &impl Facts, now: Instant) -> Verdict {
        let mut charges = Charges::default();
        let due = || self.compiled.iter().filter(|limit| limit.stage == stage);
        if due().next().is_none() {
            return Verdict::Admitted(charges);
        }
        let now = self.limiter.moment(now);
        let mut asked = Asked::default();
        due()
            .filter(|limit| !limit.observed)
            .for_each(|limit| asked.add(limit, facts));
        if let Err(exceeded) = self.charge(&asked, now, &mut charges).await {
            return Verdict::Exceeded(exceeded);
        }
        for limit in due().filter(|limit| limit.observed) {
            let mut asked = Asked::default();
            asked.add(limit, facts);
            if let Err(exceeded) = self.charge(&asked, now, &mut charges).await {
                charges.would_refuse.push(exceeded);
            }
        }
        Verdict::Admitted(charges)
    }

    /// Whether a stage has limits at all.
    #[must_use]
    pub fn any(&self, stage: Stage) -> bool {
        self.compiled.iter().any(|limit| limit.stage == stage)
    }

    /// The header fields that limits of later stages count by: what stands in a request then is no longer what came.
    #[must_use]
    pub fn counted_later(&self, headers: &HeaderMap) -> HeaderMap {
        let mut counted = HeaderMap::new();
        let later = self.compiled.iter().filter(|limit| limit.stage > Stage::Routed);
        for name in later.flat_map(|limit| limit.recipe.headers()) {
            if !counted.contains_key(name) {
                counted.extend(headers.get_all(name).iter().map(|value| (name.clone(), value.clone())));
            }
        }
        counted
    }

    async fn charge(&self, asked: &Asked<'_>, now: Moment, charges: &mut Charges) -> Result<(), Exceeded> {
        if asked.asks.is_empty() {
            return Ok(());
        }
        match self.limiter.store.take(&asked.asks, now).get().await {
            Taken::All(taken) if taken.is_empty() => Ok(()),
            Taken::All(taken) => {
                charges.refundable.extend(taken);
                Ok(())
            }
            Taken::None { ask, wait_nanoseconds } => {
                let limit = asked
                    .limits
                    .get(ask)
                    .map(|limit| limit.name.clone())
                    .unwrap_or_default();
                Err(Exceeded {
                    limit,
                    retry_after_seconds: retry_after_seconds(wait_nanoseconds),
                })
            }
        }
    }
}

/// What to ask of the store, and for which limits: two lists side by side.
#[derive(Default)]
struct Asked<'l> {
    asks: SmallVec<[Ask; 2]>,
    limits: SmallVec<[&'l Compiled; 2]>,
}

impl<'l> Asked<'l> {
    fn add(&mut self, limit: &'l Compiled, facts: &impl Facts) {
        self.asks.push(Ask {
            key: limit.recipe.key(facts),
            quota: limit.quota,
            refundable: limit.counts == Counts::Failures,
        });
        self.limits.push(limit);
    }
}

impl Limiter {
    /// A limiter whose time starts at `origin`.
    #[must_use]
    pub fn new(store: Arc<dyn LimitStore>, keyer: Keyer, origin: Instant) -> Self {
        Self { store, keyer, origin }
    }

    /// Compiles a list of limits. Those that are off are left out.
    ///
    /// # Errors
    /// Every limit of the list that cannot be used.
    pub fn compile(&self, limits: Vec<Limit>) -> Result<Limits, Vec<LimitError>> {
        let mut errors = Vec::new();
        for (index, limit) in limits.iter().enumerate() {
            errors.extend(limit.check());
            let before = limits.iter().take(index);
            if before
                .into_iter()
                .any(|other| other.name == limit.name && other.scope == limit.scope)
            {
                errors.push(LimitError::Twice(limit.name.clone()));
            }
        }
        if let Some(limit) = limits.get(LIMITS_MAX) {
            errors.push(LimitError::TooMany(limit.name.clone()));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let counted = limits.into_iter().filter(|limit| limit.mode != Mode::Off);
        Ok(Limits {
            limiter: self.clone(),
            compiled: counted.map(|limit| limit.compile(&self.keyer)).collect(),
        })
    }

    /// Gives back what a request need not have been charged, once its outcome is known.
    pub async fn settle(&self, charges: Charges, outcome: Outcome, now: Instant) {
        if outcome == Outcome::Success && !charges.refundable.is_empty() {
            self.store.refund(&charges.refundable, self.moment(now)).get().await;
        }
    }

    /// The store, for its metrics.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn LimitStore> {
        &self.store
    }

    fn moment(&self, now: Instant) -> Moment {
        let since = now.saturating_duration_since(self.origin);
        Moment(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Charges {
    /// Whether the outcome matters at all.
    #[must_use]
    pub fn may_be_refunded(&self) -> bool {
        !self.refundable.is_empty()
    }

    /// What observed limits would have refused.
    #[must_use]
    pub fn would_refuse(&self) -> &[Exceeded] {
        &self.would_refuse
    }

    /// These charges and those of a later stage.
    pub fn and(mut self, later: Self) -> Self {
        self.refundable.extend(later.refundable);
        self.would_refuse.extend(later.would_refuse);
        self
    }
}

impl Outcome {
    /// A final answer below 400 is a success. Upstream errors are failures too: an error that a guess provokes must
    /// not make the guess free.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        if status.as_u16() < 400 {
            Self::Success
        } else {
            Self::Failure
        }
    }
}

impl Stage {
    /// The first after routing at which all of these are known.
    #[must_use]
    pub fn of(parts: &[Part]) -> Self {
        let latest = parts.iter().map(|part| part.source.known_at()).max();
        latest.map_or(Self::Routed, |stage| stage.max(Self::Routed))
    }
}

impl Limit {
    fn check(&self) -> Option<LimitError> {
        let early = |part: &Part| part.source.known_at() > self.stage;
        let name = || self.name.clone();
        if self.parts.is_empty() {
            Some(LimitError::NoParts(name()))
        } else if self.parts.len() > PARTS_MAX {
            Some(LimitError::TooManyParts(name()))
        } else if self.parts.iter().any(early) {
            Some(LimitError::TooEarly(name()))
        } else {
            None
        }
    }

    fn compile(self, keyer: &Keyer) -> Compiled {
        Compiled {
            recipe: keyer.recipe(&self.scope, &self.name, &self.quota, self.parts),
            name: self.name,
            quota: self.quota,
            counts: self.counts,
            stage: self.stage,
            observed: self.mode == Mode::Observe,
        }
    }
}

#[cfg(test)]
mod tests;
