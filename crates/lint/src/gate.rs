//! What passes: a least score, and findings that must not be there.

use crate::report::{Checked, Outcome, Standing};
use crate::rule::Severity;

/// What has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// Every document has at least so many points, 0 to 100.
    pub score_min: Option<u32>,
    /// No finding of these is open.
    pub fail_on: Vec<FailOn>,
    /// Only findings count that a baseline does not know.
    pub new_only: bool,
}

/// Which findings fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// Those that are at least so grave.
    Severity(Severity),
    /// Those of this rule.
    Rule(String),
}

impl Gate {
    /// What does not pass, in words; empty where all does. What was accepted fails nothing.
    pub fn failures(&self, documents: &[Checked<'_>]) -> Vec<String> {
        let mut failures = Vec::new();
        for document in documents {
            let Outcome::Judged { score, .. } = &document.outcome else {
                failures.push(format!("{}: it cannot be used", document.location));
                continue;
            };
            if let Some(least) = self.score_min.filter(|least| score.total() < f64::from(*least)) {
                let total = score.total();
                failures.push(format!(
                    "{}: the score is {total:.1}, and {least} is asked for",
                    document.location
                ));
            }
            failures.extend(
                self.fail_on
                    .iter()
                    .filter_map(|fail_on| self.failure(document, fail_on)),
            );
        }
        failures
    }

    fn failure(&self, document: &Checked<'_>, fail_on: &FailOn) -> Option<String> {
        let counts = |told: &&crate::report::Told<'_>| {
            let is_meant = match fail_on {
                FailOn::Severity(severity) => told.finding.severity >= *severity,
                FailOn::Rule(rule) => told.finding.rule.id == rule,
            };
            let is_new = !self.new_only || !matches!(told.standing, Some(Standing::Known));
            is_meant && is_new && told.accepted.is_none()
        };
        let count = document.findings().iter().filter(counts).count();
        let new = if self.new_only { "new " } else { "" };
        let findings = if count == 1 { "finding" } else { "findings" };
        let what = match fail_on {
            FailOn::Severity(Severity::Critical) => "of severity critical".to_owned(),
            FailOn::Severity(severity) => format!("of severity {severity} or graver"),
            FailOn::Rule(rule) => format!("of the rule `{rule}`"),
        };
        (count > 0).then(|| format!("{}: {count} {new}{findings} {what}", document.location))
    }
}
