//! Cedar: policies over principals, actions and resources, decided exactly as Cedar's own authorizer decides, but looking only at policies
//! whose scope holds.
//!
//! The public crate evaluates every policy of a set; with thousands that takes milliseconds. Here the index decides scopes, exactly, and
//! what remains of a policy is its condition, which is compiled; Cedar's core evaluates it where that says nothing, errors above all. A
//! smaller set for each list of candidates, cached, was the other way: it would evaluate the scopes again, and the cache would be shared or
//! grow per worker.
//! `tests/it/differential.rs` holds the answers against `cedar_policy::Authorizer`.

mod bare;
mod compile;
mod decide;
mod entities;
mod explain;
mod index;
mod known;
mod lint;
mod listing;
mod needs;
mod nesting;
mod question;
mod read;
mod scene;
mod shape;
mod term;
mod unknown;
mod written;

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy_core::ast::{Expr, SlotEnv};

pub use self::decide::{Answer, Failure};
pub use self::explain::{Explanation, InScope};
use self::index::Index;
use self::known::Known;
use self::needs::{Names, Needs};
use self::term::Term;
pub use self::written::{FailedForbid, Link, Membership, Source, Text};
use crate::decision::{Engine, Opinion, Reason, Rule, Verdict};
use crate::explained;
use crate::lint::Lint;
use crate::listed::Listed;
use crate::problem::Place;
use crate::time::UnixTime;
use crate::words::{Action, Evaluation, Resource, Subject};

/// The name of this engine in reasons.
pub const NAME: &str = "cedar";

/// Compiled policies.
#[derive(Debug)]
pub struct Cedar {
    policies: Vec<Compiled>,
    index: Index,
    known: Known,
    names: Names,
    failed_forbid: FailedForbid,
    reads_time: bool,
}

/// What a policy does when it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Permit,
    Forbid,
}

#[derive(Debug)]
struct Compiled {
    rule: Rule,
    effect: Effect,
    /// Nothing if the scope is all there is.
    condition: Option<Conditional>,
    place: Place,
    /// The policy as it is written, for people.
    source: cedar_policy_core::ast::Policy,
}

#[derive(Debug)]
struct Conditional {
    term: Term,
    /// `true && condition`, so that a condition that is no boolean fails as it does in the whole policy; without places.
    expression: Expr,
    slots: SlotEnv,
    needs: Needs,
}

impl Cedar {
    /// The ids of all policies and links, in the order in which they were given.
    pub fn ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.policies.iter().map(|policy| &policy.rule.id)
    }

    /// Where a policy is written.
    #[must_use]
    pub fn place_of(&self, id: &str) -> Option<&Place> {
        let found = self.policies.iter().find(|policy| &*policy.rule.id == id);
        found.map(|policy| &policy.place)
    }
}

impl Engine for Cedar {
    fn name(&self) -> &'static str {
        NAME
    }

    fn opinion(&self, evaluation: &Evaluation, at: UnixTime) -> Opinion {
        match self.answer(evaluation, at) {
            Ok(answer) => self.opinion_of(answer),
            Err(failure) => Opinion::indeterminate(NAME, failure.to_string()),
        }
    }

    fn reads_time(&self) -> bool {
        self.reads_time
    }

    fn changes(&self) -> u64 {
        0
    }

    fn explain(&self, evaluation: &Evaluation, at: UnixTime) -> explained::Explanation {
        self.explained(evaluation, at)
    }

    fn lint(&self, decided: Option<&BTreeSet<Rule>>) -> Vec<Lint> {
        self.linted(decided)
    }

    fn subjects(&self, kind: &str, _: &Action, _: &Resource) -> Option<Listed> {
        self.listed(kind)
    }

    fn resources(&self, kind: &str, _: &Subject, _: &Action) -> Option<Listed> {
        self.listed(kind)
    }
}

impl Cedar {
    fn opinion_of(&self, answer: Answer) -> Opinion {
        let mut verdict = match (answer.permits, answer.determining.is_empty()) {
            (true, _) => Verdict::Permits,
            (false, false) => Verdict::Forbids,
            (false, true) => Verdict::Silent,
        };
        if answer.forbid_failed && verdict != Verdict::Forbids && self.failed_forbid == FailedForbid::Denies {
            verdict = Verdict::Indeterminate;
        }
        let permits = answer.permits;
        let decided = answer.determining.into_iter().map(|rule| match permits {
            true => Reason::Permits { rule },
            false => Reason::Forbids { rule },
        });
        let failed = answer
            .errors
            .into_iter()
            .map(|(rule, message)| Reason::Failed { rule, message });
        Opinion {
            verdict,
            reasons: decided.chain(failed).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
