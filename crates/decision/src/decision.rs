//! Opinions of engines, and the one decision that is made of them: denied unless something permits, nothing forbids, nothing failed.
//!
//! There is no other way to a permit than [`Decision::of`].

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::explained::Explanation;
use crate::lint::Lint;
use crate::listed::Listed;
use crate::time::UnixTime;
use crate::words::{Action, Evaluation, Resource, Subject};

/// A rule that somebody wrote: a policy, a role, a relation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Rule {
    /// The engine that knows it.
    pub engine: &'static str,
    /// Its name: what `@id` says, or the file and its number there.
    pub id: Arc<str>,
}

impl Rule {
    /// A rule of an engine, by its name.
    #[must_use]
    pub fn new(engine: &'static str, id: &str) -> Self {
        let id = id.into();
        Self { engine, id }
    }
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
    /// Nothing permits, and this would have: one of these roles.
    NoRole {
        /// Their names. None where no role may.
        roles: Vec<Arc<str>>,
    },
}

impl Reason {
    /// Whether it says no more than that nothing permits.
    fn is_nothing(&self) -> bool {
        matches!(self, Self::NothingPermits | Self::NoRole { .. })
    }
}

/// How much is told of what failed, in bytes.
pub const FAILURES_BYTES_MAX: usize = 1_024;
/// How many roles are named to operators in one line.
const ROLES_NAMED_MAX: usize = 8;

/// As operators read it: which rule, or who. What failed and how is told by the message alone, which may name values.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permits { rule } | Self::Forbids { rule } => write!(f, "{rule}"),
            Self::Failed { rule, .. } => write!(f, "{rule} failed"),
            Self::Indeterminate { engine, .. } => write!(f, "{engine} cannot tell"),
            Self::NothingPermits => f.write_str("nothing-permits"),
            Self::NoRole { roles } if roles.is_empty() => f.write_str("no-role: none may do it"),
            Self::NoRole { roles } => {
                let named: Vec<&str> = roles.iter().take(ROLES_NAMED_MAX).map(|role| &**role).collect();
                write!(f, "no-role: {}", named.join(" or "))?;
                match roles.len() - named.len() {
                    0 => Ok(()),
                    others => write!(f, " or {others} more"),
                }
            }
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.engine, self.id)
    }
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

    /// The decision that these opinions make together with those that made this one.
    #[must_use]
    pub fn with(&self, opinions: impl IntoIterator<Item = Opinion>) -> Self {
        let verdict = match (self.permit, self.reasons.iter().any(Reason::is_nothing)) {
            (true, _) => Verdict::Permits,
            (false, true) => Verdict::Silent,
            (false, false) => Verdict::Forbids,
        };
        let reasons = self.reasons.iter().filter(|reason| !reason.is_nothing()).cloned();
        let own = Opinion {
            verdict,
            reasons: reasons.collect(),
        };
        Self::of(std::iter::once(own).chain(opinions))
    }

    /// Whether it is denied whatever anybody else thinks: something forbids, or cannot tell.
    #[must_use]
    pub fn is_final_deny(&self) -> bool {
        !self.permit && !self.reasons.iter().any(Reason::is_nothing)
    }

    /// The same, and what would have permitted it where nothing does: for each engine that was asked, if it can say.
    fn wanting(mut self, wanted: impl Iterator<Item = Option<Reason>>) -> Self {
        let Some(nothing) = self.reasons.iter().position(|reason| *reason == Reason::NothingPermits) else {
            return self;
        };
        let wanted: Vec<Option<Reason>> = wanted.collect();
        // Of the others nobody knows what would have permitted it.
        if !wanted.is_empty() && wanted.iter().all(Option::is_some) {
            self.reasons.remove(nothing);
        }
        self.reasons.extend(wanted.into_iter().flatten());
        self
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

    /// Why it is this decision and not the other, as operators read it: the rules that permit, or everything that speaks against.
    #[must_use]
    pub fn why(&self) -> String {
        let speaks = |reason: &&Reason| self.permit == matches!(reason, Reason::Permits { .. });
        let told: Vec<String> = self.reasons.iter().filter(speaks).map(ToString::to_string).collect();
        told.join(", ")
    }

    /// What failed, and how, where somebody could not tell: for the log, since it may name attributes and values. At most
    /// [`FAILURES_BYTES_MAX`].
    #[must_use]
    pub fn failures(&self) -> Option<String> {
        let told = self.reasons.iter().filter_map(|reason| match reason {
            Reason::Failed { rule, message } => Some(format!("{rule}: {message}")),
            Reason::Indeterminate { engine, message } => Some(format!("{engine}: {message}")),
            Reason::Permits { .. } | Reason::Forbids { .. } | Reason::NothingPermits | Reason::NoRole { .. } => None,
        });
        let mut told = told.collect::<Vec<_>>().join("; ");
        if told.len() > FAILURES_BYTES_MAX {
            let end = (0..=FAILURES_BYTES_MAX).rev().find(|end| told.is_char_boundary(*end));
            told.truncate(end.unwrap_or_default());
        }
        (!told.is_empty()).then_some(told)
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

    /// What would have permitted this, where nothing does; none where that cannot be said in short.
    fn wanted(&self, _evaluation: &Evaluation) -> Option<Reason> {
        None
    }

    /// Whether an opinion may depend on `at`.
    fn reads_time(&self) -> bool;

    /// How often what opinions depend on has changed since the engine was made; never less than before, and 0 for ever if nothing can.
    fn changes(&self) -> u64;

    /// The subjects of a type that it knows and that may be permitted this; none where it can list none of that type, whatever is asked for.
    fn subjects(&self, _kind: &str, _action: &Action, _resource: &Resource) -> Option<Listed> {
        None
    }

    /// The resources of a type that it knows and that this may be permitted on; none where it can list none of that type, whatever is
    /// asked for.
    fn resources(&self, _kind: &str, _subject: &Subject, _action: &Action) -> Option<Listed> {
        None
    }

    /// Why it thinks what it thinks, for people.
    fn explain(&self, evaluation: &Evaluation, at: UnixTime) -> Explanation {
        Explanation::of(self.name(), self.opinion(evaluation, at))
    }

    /// Its rules that are most likely not meant; with the rules that decided in cases, those that never did as well.
    fn lint(&self, _decided: Option<&BTreeSet<Rule>>) -> Vec<Lint> {
        Vec::new()
    }
}

/// What a decision depends on besides the question and the time. A decision that was made under one is as good as new while there is no
/// other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// No other decision point of this process has this number.
    point: u64,
    changes: u64,
}

impl Version {
    /// The same bytes for the same version only.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.point) << 64 | u128::from(self.changes)).to_le_bytes()
    }
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

    /// Why each of them thinks what it thinks.
    #[must_use]
    pub fn explain(&self, evaluation: &Evaluation, at: UnixTime) -> Vec<Explanation> {
        self.engines
            .iter()
            .map(|engine| engine.explain(evaluation, at))
            .collect()
    }

    /// What any of them finds; see [`Engine::lint`].
    #[must_use]
    pub fn lint(&self, decided: Option<&BTreeSet<Rule>>) -> Vec<Lint> {
        self.engines.iter().flat_map(|engine| engine.lint(decided)).collect()
    }

    /// Everything that any of them lists; see [`Engine::subjects`].
    #[must_use]
    pub fn subjects(&self, kind: &str, action: &Action, resource: &Resource) -> Option<Listed> {
        together(
            self.engines
                .iter()
                .filter_map(|engine| engine.subjects(kind, action, resource)),
        )
    }

    /// Everything that any of them lists; see [`Engine::resources`].
    #[must_use]
    pub fn resources(&self, kind: &str, subject: &Subject, action: &Action) -> Option<Listed> {
        together(
            self.engines
                .iter()
                .filter_map(|engine| engine.resources(kind, subject, action)),
        )
    }
}

fn together(listed: impl Iterator<Item = Listed>) -> Option<Listed> {
    listed.reduce(|mut all, one| {
        all.extend(&one);
        all
    })
}

impl DecisionPoint for Engines {
    fn evaluate(&self, evaluation: &Evaluation, at: UnixTime) -> Decision {
        let decision = Decision::of(self.engines.iter().map(|engine| engine.opinion(evaluation, at)));
        decision.wanting(self.engines.iter().map(|engine| engine.wanted(evaluation)))
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
    fn opinions_that_come_later_count_as_those_before() {
        use Verdict::{Forbids, Indeterminate, Permits, Silent};
        let all = [Permits, Forbids, Silent, Indeterminate];
        let sets = all.into_iter().flat_map(|one| all.map(|other| [one, other]));
        for set in sets {
            let first = Decision::of(set.map(opinion));
            for later in all {
                let [one, other] = set.map(opinion);
                let whole = Decision::of([one, other, opinion(later)]);
                assert_eq!(first.with([opinion(later)]), whole, "{set:?} {later:?}");
                assert!(!first.is_final_deny() || !whole.permits(), "{set:?} {later:?}");
            }
            let [one, other] = set;
            let objects = [one, other]
                .iter()
                .any(|verdict| matches!(verdict, Forbids | Indeterminate));
            assert_eq!(first.is_final_deny(), objects, "{set:?}");
        }
    }

    #[test]
    fn what_failed_is_told_within_bounds() {
        assert_eq!(Decision::of([opinion(Verdict::Forbids)]).failures(), None);
        let decision = Decision::of([
            opinion(Verdict::Indeterminate),
            Opinion::indeterminate("other", "ü".repeat(FAILURES_BYTES_MAX)),
        ]);
        let told = decision.failures().unwrap();
        assert!(told.starts_with("test: down; other: üü"), "{told}");
        assert!((FAILURES_BYTES_MAX - 1..=FAILURES_BYTES_MAX).contains(&told.len()));
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
