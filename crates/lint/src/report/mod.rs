//! What a run found, and its forms for people and programs.
//!
//! Contracts are written by anybody, so a report trusts no word of theirs: every form escapes what it takes from them.

mod escape;
mod explain;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod sarif;
pub mod terminal;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use crate::finding::{Finding, Place};
use crate::page::Page;
use crate::rule::{Rule, Severity};
use crate::score::{AreaScore, Score, rounded};

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

/// Points of several areas together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// What is left, to a tenth.
    pub points: f64,
    /// When nothing is wrong.
    pub points_max: u32,
}

/// Gives the text of a file that was checked; nothing where it is not there.
pub type Source<'s> = &'s dyn Fn(&str) -> Option<String>;

impl<'r> Report<'r> {
    /// The document with the lowest score; nothing where there is none, or one that cannot be used.
    pub fn lowest(&self) -> Option<&Checked<'r>> {
        let mut lowest: Option<(&Checked<'r>, f64)> = None;
        for document in &self.documents {
            let total = document.score()?.total();
            if lowest.is_none_or(|(_, least)| total < least) {
                lowest = Some((document, total));
            }
        }
        lowest.map(|(document, _)| document)
    }

    /// The lowest score; nothing where there is none, or a document that cannot be used.
    pub fn score(&self) -> Option<f64> {
        self.lowest()?.score().map(Score::total)
    }

    /// Every finding with its document, in their order.
    fn findings(&self) -> impl Iterator<Item = (&Checked<'r>, &Told<'r>)> {
        let documents = self.documents.iter();
        documents.flat_map(|document| document.findings().iter().map(move |told| (document, told)))
    }

    /// Every rule that was asked, and any other that found something.
    fn all_rules(&self) -> Vec<&'r Rule<'r>> {
        let mut rules = self.rules.clone();
        let mut known: HashSet<&str> = rules.iter().map(|rule| rule.id).collect();
        for (_, told) in self.findings() {
            if known.insert(told.finding.rule.id) {
                rules.push(told.finding.rule);
            }
        }
        rules
    }

    /// The page of every rule, read once.
    fn pages(&self) -> HashMap<&'r str, Page> {
        self.all_rules()
            .into_iter()
            .map(|rule| (rule.id, rule.page()))
            .collect()
    }
}

impl<'r> Checked<'r> {
    /// Its score; nothing where it cannot be used.
    pub fn score(&self) -> Option<&Score> {
        match &self.outcome {
            Outcome::Judged { score, .. } => Some(score),
            Outcome::Invalid(_) => None,
        }
    }

    /// Its points for security and for data validation, each to a tenth; nothing where it cannot be used.
    pub fn parts(&self) -> Option<(Part, Part)> {
        let Outcome::Judged {
            score, security_areas, ..
        } = &self.outcome
        else {
            return None;
        };
        let (security, data) = score.areas.split_at_checked(*security_areas)?;
        Some((Part::of(security), Part::of(data)))
    }

    /// Why it cannot be used; nothing where it can.
    pub fn faults(&self) -> &[Fault] {
        match &self.outcome {
            Outcome::Judged { .. } => &[],
            Outcome::Invalid(faults) => faults,
        }
    }

    /// How many operations it has.
    pub fn operations(&self) -> usize {
        match &self.outcome {
            Outcome::Judged { operations, .. } => *operations,
            Outcome::Invalid(_) => 0,
        }
    }

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

    /// How many findings are accepted.
    pub fn accepted(&self) -> usize {
        self.findings().iter().filter(|told| told.accepted.is_some()).count()
    }
}

impl Part {
    fn of(areas: &[AreaScore]) -> Self {
        Self {
            points: rounded(areas.iter().map(|area| area.points).sum()),
            points_max: areas.iter().map(|area| area.area.points).sum(),
        }
    }
}

impl Standing {
    /// Its word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Grown => "grown",
            Self::Known => "known",
        }
    }
}

/// So many of something, such as `1 finding`.
fn many(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
