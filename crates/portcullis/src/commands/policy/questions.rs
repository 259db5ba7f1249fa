//! Questions that somebody wrote, held against what is ever asked. One that is misspelt is decided like any other, and denied: a case that
//! expects that passes, and tests nothing.

use std::collections::BTreeSet;

use portcullis_contract::document::{Node, Problem};
use portcullis_decision::askable::{Askable, Unasked};
use portcullis_decision::decision::Rule;
use portcullis_decision::relations::PathPart;
use portcullis_decision::words::Evaluation;

use crate::commands::Failure;
use crate::config::nearest::nearest;
use crate::contracts::{self, Loaded};
use crate::relations::{at, at_text};

/// What can be asked of those who decide for an API, and who they are.
pub(super) struct Known {
    askable: Askable,
    /// The rules that could determine something.
    rules: BTreeSet<Rule>,
}

/// A file that questions are in.
#[derive(Clone, Copy)]
pub(super) struct Written<'f> {
    pub(super) location: &'f str,
    pub(super) root: &'f Node,
}

impl Known {
    pub(super) fn of(loaded: &Loaded) -> Self {
        let decisions = loaded.decisions.iter();
        Self {
            askable: contracts::askable(loaded),
            rules: decisions.flat_map(|decisions| decisions.rules()).cloned().collect(),
        }
    }

    /// What is wrong with a question that is written there.
    pub(super) fn problems(&self, evaluation: &Evaluation, written: Written<'_>, path: &[PathPart]) -> Vec<Problem> {
        let told = |unasked: Unasked| {
            let path = [path, &unasked.path()].concat();
            written.problem(&path, unasked.to_string()).help(self.help(&unasked))
        };
        self.unasked(evaluation).map(told).collect()
    }

    /// What is wrong with the names of the rules that are to decide.
    pub(super) fn unknown_rules(
        &self,
        names: &BTreeSet<String>,
        written: Written<'_>,
        path: &[PathPart],
    ) -> Vec<Problem> {
        let is = |name: &str, rule: &Rule| *name == *rule.id || *name == rule.to_string();
        let unknown = names
            .iter()
            .filter(|name| !self.rules.iter().any(|rule| is(name, rule)));
        let told = |name: &String| {
            let message = format!("no policy, role or relation is called `{name}`");
            let span = at_text(written.root, path, name);
            Problem::error(written.location, span, message).help(self.rule_meant(name))
        };
        unknown.map(told).collect()
    }

    /// A question that somebody asks by arguments.
    ///
    /// # Errors
    /// Nobody ever asks it.
    pub(super) fn check(&self, evaluation: &Evaluation) -> Result<(), Failure> {
        let told = self.unasked(evaluation).map(|unasked| match self.help(&unasked) {
            help if help.is_empty() => unasked.to_string(),
            help => format!("{unasked}: {help}"),
        });
        let told: Vec<String> = told.collect();
        match told.as_slice() {
            [] => Ok(()),
            told => Err(Failure::unusable(told.join("; "))),
        }
    }

    /// What of a recorded question is never asked now. What it was told then may be what nobody is told now.
    pub(super) fn check_record(&self, evaluation: &Evaluation) -> Result<(), Failure> {
        let told: Vec<String> = self
            .askable
            .unasked(evaluation)
            .iter()
            .map(ToString::to_string)
            .collect();
        match told.as_slice() {
            [] => Ok(()),
            told => Err(Failure::unusable(format!("nobody asks this now: {}", told.join("; ")))),
        }
    }

    fn unasked(&self, evaluation: &Evaluation) -> impl Iterator<Item = Unasked> {
        let unasked = self.askable.unasked(evaluation).into_iter();
        unasked.chain(self.askable.unknown_properties(evaluation))
    }

    fn help(&self, unasked: &Unasked) -> String {
        let known = self.askable.instead_of(unasked);
        let written = match unasked {
            Unasked::Action { name } => name,
            Unasked::Subject { kind } | Unasked::Resource { kind } => kind,
            Unasked::Api { id } => id,
            Unasked::Property { path, .. } => path.last().map_or("", String::as_str),
            Unasked::Pair { .. } => return String::new(),
        };
        match (nearest(written, &known), known.as_slice()) {
            (Some(meant), _) => format!("did you mean `{meant}`?"),
            (None, [only]) => format!("there is `{only}`"),
            (None, _) => String::new(),
        }
    }

    fn rule_meant(&self, name: &str) -> String {
        let full: Vec<String> = self.rules.iter().map(ToString::to_string).collect();
        let known: Vec<&str> = match name.contains(':') {
            true => full.iter().map(String::as_str).collect(),
            false => self.rules.iter().map(|rule| &*rule.id).collect(),
        };
        nearest(name, &known).map_or_else(String::new, |meant| format!("did you mean `{meant}`?"))
    }
}

impl Written<'_> {
    fn problem(self, path: &[PathPart], message: String) -> Problem {
        Problem::error(self.location, at(self.root, path), message)
    }
}
