//! Opinions of engines, and the one decision that is made of them: denied unless something permits, nothing forbids, nothing failed.
//!
//! There is no other way to a permit than [`Decision::of`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::time::UnixTime;
use crate::words::Evaluation;

/// A rule that somebody wrote: a policy, a role, a relation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Rule {
    /// The engine that knows it.
    pub engine: &'static str,
    /// Its name: what `@id` says, or the file and its number there.
    pub id: Arc<str>,
}

/// What one engine makes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A rule permits, and none forbids.
    Permits,
    /// A rule forbids.
    Forbids,
    /// No rule of this engine has anything to say.
    Silent,
    /// The engine cannot tell. Counts as a deny, whatever the others say.
    Indeterminate,
}

/// Why a decision is what it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Reason {
    /// This rule permits.
    Permits {
        /// Which one.
        rule: Rule,
    },
    /// This rule forbids.
    Forbids {
        /// Which one.
        rule: Rule,
    },
    /// This rule could not be evaluated, and was passed over or counted as the engine says.
    Failed {
        /// Which one.
        rule: Rule,
        /// What happened, for the log: it may name attributes and values.
        message: String,
    },
    /// This engine could not tell.
    Indeterminate {
        /// Which one.
        engine: &'static str,
        /// What happened, for the log.
        message: String,
    },
    /// Nothing permits: the default.
    NothingPermits,
}

/// What one engine thinks, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// What.
    pub verdict: Verdict,
    /// Why: the rules that decided, and those that failed.
    pub reasons: Vec<Reason>,
}

impl Opinion {
    /// Nothing to say.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            verdict: Verdict::Silent,
            reasons: Vec::new(),
        }
    }

    /// Cannot tell, with the reason.
    #[must_use]
    pub fn indeterminate(engine: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            verdict: Verdict::Indeterminate,
            reasons: vec![Reason::Indeterminate { engine, message }],
        }
    }
}

/// Permitted or denied, and why. Only engines' opinions make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    permit: bool,
    reasons: Vec<Reason>,
}

impl Decision {
    /// The decision that these opinions make together.
    #[must_use]
    pub fn of(opinions: impl IntoIterator<Item = Opinion>) -> Self {
        let (mut permitted, mut denied) = (false, false);
        let mut reasons = Vec::new();
        for opinion in opinions {
            match opinion.verdict {
                Verdict::Permits => permitted = true,
                Verdict::Forbids | Verdict::Indeterminate => denied = true,
                Verdict::Silent => {}
            }
            reasons.extend(opinion.reasons);
        }
        if !permitted && !denied {
            reasons.push(Reason::NothingPermits);
        }
        Self {
            permit: permitted && !denied,
            reasons,
        }
    }

    /// A deny because somebody could not tell.
    #[must_use]
    pub fn indeterminate(engine: &'static str, message: impl Into<String>) -> Self {
        Self::of([Opinion::indeterminate(engine, message)])
    }

    /// Whether it is permitted.
    #[must_use]
    pub fn permits(&self) -> bool {
        self.permit
    }

    /// Why, in the order of the engines.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// The rules that made the decision: those that permit if it is a permit, those that forbid otherwise. None where nothing permits, or
    /// somebody could not tell and nothing forbids.
    pub fn determining(&self) -> impl Iterator<Item = &Rule> {
        self.reasons.iter().filter_map(|reason| match reason {
            Reason::Permits { rule } if self.permit => Some(rule),
            Reason::Forbids { rule } if !self.permit => Some(rule),
            _ => None,
        })
    }
}

/// One way to judge questions. Immutable and shared by all workers.
pub trait Engine: Send + Sync {
    /// What it is called in reasons.
    fn name(&self) -> &'static str;

    /// What it thinks. `at` is the time that counts; what the context says of the time is somebody's claim.
    fn opinion(&self, evaluation: &Evaluation, at: UnixTime) -> Opinion;

    /// Whether an opinion may depend on `at`.
    fn reads_time(&self) -> bool;

    /// How often what opinions depend on has changed since the engine was made; never less than before, and 0 for ever if nothing can.
    fn changes(&self) -> u64;
}

/// What a decision depends on besides the question and the time. A decision that was made under one is as good as new while there is no
/// other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// No other decision point of this process has this number.
    point: u64,
    changes: u64,
}

/// Whoever answers questions: the engines of this process, or somebody behind a network.
pub trait DecisionPoint {
    /// Permitted or denied.
    fn evaluate(&self, evaluation: &Evaluation, at: UnixTime) -> Decision;

    /// Whether a decision may depend on `at`.
    fn reads_time(&self) -> bool;

    /// What it decides by now. Who asks for it before a question knows by what the answer was made, or by what came after that. Nothing if
    /// that cannot be known: then no decision is remembered.
    fn version(&self) -> Option<Version>;
}

/// Engines that decide together. Without any, everything is denied.
pub struct Engines {
    engines: Vec<Arc<dyn Engine>>,
    number: u64,
}

impl Engines {
    /// These engines; their order is that of the reasons and means nothing else.
    #[must_use]
    pub fn new(engines: Vec<Arc<dyn Engine>>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { engines, number }
    }
}

impl DecisionPoint for Engines {
    fn evaluate(&self, evaluation: &Evaluation, at: UnixTime) -> Decision {
        Decision::of(self.engines.iter().map(|engine| engine.opinion(evaluation, at)))
    }

    fn reads_time(&self) -> bool {
        self.engines.iter().any(|engine| engine.reads_time())
    }

    fn version(&self) -> Option<Version> {
        let changes = self.engines.iter().map(|engine| engine.changes());
        Some(Version {
            point: self.number,
            // Each of them only ever grows, so their sum is another whenever one of them is.
            changes: changes.fold(0, u64::wrapping_add),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opinion(verdict: Verdict) -> Opinion {
        let rule = |id: &str| Rule {
            engine: "test",
            id: id.into(),
        };
        let reasons = match verdict {
            Verdict::Permits => vec![Reason::Permits { rule: rule("p") }],
            Verdict::Forbids => vec![Reason::Forbids { rule: rule("f") }],
            Verdict::Silent => vec![],
            Verdict::Indeterminate => return Opinion::indeterminate("test", "down"),
        };
        Opinion { verdict, reasons }
    }

    #[test]
    fn permitted_only_if_one_permits_and_none_objects() {
        use Verdict::{Forbids, Indeterminate, Permits, Silent};
        let all = [Permits, Forbids, Silent, Indeterminate];
        for first in all {
            for second in all {
                let decision = Decision::of([opinion(first), opinion(second)]);
                let expected = matches!((first, second), (Permits, Permits | Silent) | (Silent, Permits));
                assert_eq!(decision.permits(), expected, "{first:?} {second:?}");
                assert!(!decision.reasons().is_empty());
            }
        }
        let nobody = Decision::of([]);
        assert_eq!(
            (nobody.permits(), nobody.reasons()),
            (false, &[Reason::NothingPermits][..])
        );
    }

    #[test]
    fn what_determines_is_what_decided_so() {
        use Verdict::{Forbids, Indeterminate, Permits, Silent};
        for (first, second, expected) in [
            (Permits, Forbids, &["f"][..]),
            (Permits, Silent, &["p"]),
            (Permits, Indeterminate, &[]),
            (Forbids, Indeterminate, &["f"]),
            (Silent, Silent, &[]),
        ] {
            let decision = Decision::of([opinion(first), opinion(second)]);
            let ids: Vec<&str> = decision.determining().map(|rule| &*rule.id).collect();
            assert_eq!(ids, expected, "{first:?} {second:?}");
        }
    }

    /// An engine that has learnt so many things.
    struct Learning(AtomicU64);

    impl Engine for Learning {
        fn name(&self) -> &'static str {
            "learning"
        }

        fn opinion(&self, _: &Evaluation, _: UnixTime) -> Opinion {
            Opinion::silent()
        }

        fn reads_time(&self) -> bool {
            false
        }

        fn changes(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn a_version_is_another_whenever_anything_is() {
        let learning = [3, 5].map(|changes| Arc::new(Learning(AtomicU64::new(changes))));
        let engines = || Engines::new(learning.iter().map(|one| Arc::clone(one) as Arc<dyn Engine>).collect());
        let (one, other) = (engines(), engines());
        assert_ne!(one.version(), other.version());
        let mut versions = vec![one.version()];
        for engine in [0, 1, 1, 0] {
            learning[engine].0.fetch_add(1, Ordering::Relaxed);
            assert!(!versions.contains(&one.version()));
            versions.push(one.version());
        }
        assert_eq!(one.version(), one.version());
    }
}
