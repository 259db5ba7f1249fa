//! What a run found, and its forms for people and programs.

use crate::finding::Finding;
use crate::finding::Place;
use crate::rule::{Rule, Severity};
use crate::score::Score;

/// What one run found in everything that it was given.
#[derive(Clone, Debug)]
pub struct Report<'r> {
    /// The version of the program that makes the report.
    pub version: &'r str,
    /// What was checked, in the order given.
    pub documents: Vec<Checked<'r>>,
    /// Every rule that was asked, in the order of the registry.
    pub rules: Vec<&'r Rule<'r>>,
    /// What does not pass, in words; empty: the gate is passed.
    pub failed: Vec<String>,
    /// Earlier scores, the oldest first, where earlier reports were given.
    pub history: Vec<Past>,
}

/// One document that was checked.
#[derive(Clone, Debug)]
pub struct Checked<'r> {
    /// Its location as it was given.
    pub location: String,
    /// What it calls itself, such as its title and version; empty where it does not.
    pub title: String,
    /// What came of it.
    pub outcome: Outcome<'r>,
}

/// What came of one document.
#[derive(Clone, Debug)]
pub enum Outcome<'r> {
    /// It was judged.
    Judged {
        /// The score.
        score: Score,
        /// How many of the score's areas, from the first, are security; the others are data validation.
        security_areas: usize,
        /// How many operations it has.
        operations: usize,
        /// What was found, the gravest first.
        findings: Vec<Told<'r>>,
    },
    /// It cannot be used, so it has no score.
    Invalid(Vec<Fault>),
}

/// Why a document cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where; its pointer is empty.
    pub place: Place,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it; may be empty.
    pub help: String,
}

/// A finding, and what was said of it before.
#[derive(Clone, Debug)]
pub struct Told<'r> {
    /// The finding.
    pub finding: Finding<'r>,
    /// How it stands to the baseline; nothing where there is none.
    pub standing: Option<Standing>,
    /// Why it is accepted, where somebody has accepted it. It is reported apart, and fails no gate.
    pub accepted: Option<Accepted>,
}

/// How a finding stands to a baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was not there.
    New,
    /// It was there, and shows at more places now.
    Grown,
    /// It was there.
    Known,
}

/// Why a finding is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Why.
    pub reason: String,
    /// The day on which it ends, as `2026-12-31`; nothing: never.
    pub until: Option<String>,
}

/// A score of an earlier report.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// Which report, as it was given.
    pub report: String,
    /// The document's location.
    pub location: String,
    /// The score, 0 to 100.
    pub score: f64,
}

/// Gives the text of a file that was checked; nothing where it is not there.
pub type Source<'s> = &'s dyn Fn(&str) -> Option<String>;

impl<'r> Checked<'r> {
    /// What was found; nothing of a document that cannot be used.
    pub fn findings(&self) -> &[Told<'r>] {
        match &self.outcome {
            Outcome::Judged { findings, .. } => findings,
            Outcome::Invalid(_) => &[],
        }
    }

    /// How many findings of this severity are not accepted.
    pub fn count(&self, severity: Severity) -> usize {
        let open = self.findings().iter().filter(|told| told.accepted.is_none());
        open.filter(|told| told.finding.severity == severity).count()
    }
}
