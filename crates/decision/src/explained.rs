//! Why a question was decided as it was, engine by engine: the rules that could have decided, what became of their conditions, and what
//! was missing. For people; never on the path of a request.

use serde::Serialize;

use crate::decision::{Opinion, Reason, Rule, Verdict};
use crate::problem::Place;

/// What became of a rule or of one of its conditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Held {
    /// It held.
    Held,
    /// It did not.
    NotHeld,
    /// It could not be evaluated.
    Failed {
        /// Why not.
        message: String,
    },
}

/// One of the conditions of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// As it is written, or in words.
    pub text: String,
    /// What became of it, by itself.
    pub held: Held,
}

/// A rule that could have decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Considered {
    /// Which one.
    pub rule: Rule,
    /// Whether it forbids; it permits otherwise.
    pub forbids: bool,
    /// Where it is written, if that is known.
    pub place: Option<Place>,
    /// What became of it.
    pub held: Held,
    /// What became of its conditions.
    pub conditions: Vec<Condition>,
    /// What its conditions ask for and nobody has, such as `principal.department`.
    pub missing: Vec<String>,
}

/// What one engine thinks, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Which engine.
    pub engine: &'static str,
    /// What it thinks.
    pub verdict: Verdict,
    /// Every rule that is about such a question.
    pub considered: Vec<Considered>,
    /// How many others there are.
    pub others: usize,
    /// Why it cannot tell, if that is so.
    pub indeterminate: Option<String>,
}

impl Held {
    /// What became of something that can be evaluated.
    #[must_use]
    pub fn of(held: bool) -> Self {
        match held {
            true => Self::Held,
            false => Self::NotHeld,
        }
    }
}

impl Explanation {
    /// What an opinion says itself: the rules that decided or failed.
    #[must_use]
    pub fn of(engine: &'static str, opinion: Opinion) -> Self {
        let mut explained = Self {
            engine,
            verdict: opinion.verdict,
            considered: Vec::new(),
            others: 0,
            indeterminate: None,
        };
        for reason in opinion.reasons {
            let (rule, forbids, held) = match reason {
                Reason::Permits { rule } => (rule, false, Held::Held),
                Reason::Forbids { rule } => (rule, true, Held::Held),
                Reason::Failed { rule, message } => (rule, false, Held::Failed { message }),
                Reason::Indeterminate { message, .. } => {
                    explained.indeterminate = Some(message);
                    continue;
                }
                Reason::NothingPermits | Reason::NoRole { .. } => continue,
            };
            explained.considered.push(Considered {
                rule,
                forbids,
                place: None,
                held,
                conditions: Vec::new(),
                missing: Vec::new(),
            });
        }
        explained
    }
}
