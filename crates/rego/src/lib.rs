//! Rego: the policies of the Open Policy Agent, evaluated in this process. Asked what OPA is asked over its Data API, they answer what OPA
//! answers, and the answer is read by the same rules ([`portcullis_decision::elsewhere`]): a permit is `true`, or an object with `allow: true`, and nothing
//! else.
//!
//! The evaluator is regorus. Nothing that it does counts as a permit unless it came to an end: what it panics on, what fails, and what
//! takes longer than [`EVALUATION_MAX`] is denied. Each question is asked of a copy of its own, which shares everything that is not written
//! to, so that no question leaves anything behind for the next.
//!
//! It is not OPA, and takes some of Rego for something else. What is known of that is refused when policies are compiled, rather than
//! evaluated otherwise (`calls.rs`, `negation.rs`), or has a function of ours (`bounded.rs`). Policies are so a part of Rego, and who moves from OPA
//! holds their cases against both.
//!
//! No policy reads the world. What would is refused when policies are compiled (`calls.rs`), as is whatever calls itself: that would
//! end in an overflow of the stack, which nothing contains. How much memory a policy takes is bounded by the time alone.

mod bounded;
mod calls;
mod compile;
mod negation;
mod rules;
#[cfg(test)]
mod tests;
mod told;
mod values;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use portcullis_decision::decision::{Engine, Opinion, Reason, Rule, Verdict};
use portcullis_decision::elsewhere::{self, Protocol, Said};
use portcullis_decision::engines::cedar::Text;
use portcullis_decision::explained::{Condition, Explanation, Held};
use portcullis_decision::time::UnixTime;
use portcullis_decision::words::Evaluation;

/// The name of this engine in reasons.
pub const NAME: &str = "rego";
/// How long an evaluation may take. It is looked at between steps: one long step, of a regular expression for example, ends first.
pub const EVALUATION_MAX: Duration = Duration::from_millis(50);

/// What policies in Rego are compiled from.
#[derive(Clone, Debug, Default)]
pub struct Source<'t> {
    /// Modules, in the first version of the language.
    pub policies: Vec<Text<'t>>,
    /// What they find below `data`: a JSON object.
    pub data: Option<Text<'t>>,
    /// The rule that decides, such as `data.bank.allow`.
    pub query: &'t str,
}

/// Compiled policies.
pub struct Rego {
    /// Never evaluates itself: its copies do.
    prepared: regorus::Engine,
    rule: Rule,
    reads_time: bool,
}

impl Rego {
    /// The rule that decides.
    #[must_use]
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// What the policies answer.
    ///
    /// # Errors
    /// Why they have no answer, for the log.
    fn ask(&self, evaluation: &Evaluation, at: UnixTime) -> Result<Said, String> {
        let input = Protocol::AuthZen
            .question(evaluation)
            .map_err(|error| error.to_string())?;
        let input = serde_json::from_str(&input).map_err(|error| error.to_string())?;
        let input = values::of_json(&input);
        let evaluate = || {
            let mut engine = self.prepared.clone();
            engine.set_input(input);
            bounded::at(at, || engine.eval_rule(self.rule.id.to_string()))
        };
        // A copy that panicked is not looked at again.
        let evaluated = catch_unwind(AssertUnwindSafe(evaluate)).map_err(|_| "the evaluator panicked".to_owned())?;
        let answer = match evaluated.map_err(|error| told::in_one_line(&error))? {
            regorus::Value::Undefined => None,
            answer => Some(serde_json::to_value(&answer).map_err(|error| error.to_string())?),
        };
        elsewhere::result(answer.as_ref()).map_err(|error| error.to_string())
    }

    fn opinion_of(&self, asked: &Result<Said, String>) -> Opinion {
        let rule = self.rule.clone();
        let (verdict, reason) = match asked {
            Err(why) => return Opinion::indeterminate(NAME, why.clone()),
            Ok(Said { permits: true, .. }) => (Verdict::Permits, Reason::Permits { rule }),
            Ok(Said { permits: false, .. }) => (Verdict::Forbids, Reason::Forbids { rule }),
        };
        let reasons = vec![reason];
        Opinion { verdict, reasons }
    }
}

impl Engine for Rego {
    fn name(&self) -> &'static str {
        NAME
    }

    fn opinion(&self, evaluation: &Evaluation, at: UnixTime) -> Opinion {
        self.opinion_of(&self.ask(evaluation, at))
    }

    fn reads_time(&self) -> bool {
        self.reads_time
    }

    fn changes(&self) -> u64 {
        0
    }

    fn explain(&self, evaluation: &Evaluation, at: UnixTime) -> Explanation {
        let asked = self.ask(evaluation, at);
        let mut explained = Explanation::of(NAME, self.opinion_of(&asked));
        let why = asked.ok().and_then(|said| said.why);
        for considered in &mut explained.considered {
            let said = why.iter().map(|why| Condition {
                text: why.to_string(),
                held: Held::Held,
            });
            considered.conditions.extend(said);
        }
        explained
    }
}

impl fmt::Debug for Rego {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rego").field("rule", &self.rule).finish_non_exhaustive()
    }
}
