//! `portcullis policy lint`: rules that are allowed and most likely not meant.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use portcullis_contract::document::{Problem, Span};
use portcullis_decision::lint::{Lint, LintKind};
use portcullis_decision::problem::Place;
use serde_json::json;

use super::questions::Known;
use super::{Of, decisions, test};
use crate::commands::{Failure, Outcome, Shared};
use crate::report;

/// The arguments of `policy lint`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Cases of `policy test`: also tell which rules decide none of them
    #[arg(value_name = "CASES")]
    cases: Vec<PathBuf>,
    #[command(flatten)]
    of: Of,
}

/// Looks at every rule.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    let loaded = arguments.of.loaded()?;
    let decisions = decisions(&loaded)?;
    let report = match arguments.cases.is_empty() {
        true => None,
        false => Some(test::report(&Known::of(&loaded), decisions, &arguments.cases)?),
    };
    let decided = report.as_ref().map(|report| &report.decided);
    let mut lints = decisions.operations.lint(decided);
    // Policies decide about both; each is told once.
    let others = decisions.resources.lint(decided);
    let others: Vec<Lint> = others.into_iter().filter(|lint| !lints.contains(lint)).collect();
    lints.extend(others);
    let told = match shared.json {
        true => format!("{:#}\n", json!({ "found": lints })),
        false => {
            let problems: Vec<Problem> = lints.iter().map(told).collect();
            report::text(&problems, None)
        }
    };
    anstream::stdout().write_all(told.as_bytes())?;
    Ok(match lints.is_empty() {
        true => Outcome::Clean,
        false => Outcome::Found,
    })
}

fn told(lint: &Lint) -> Problem {
    let rule = &lint.rule;
    let (message, help) = match &lint.kind {
        LintKind::Unreachable { because } => (
            format!("`{}` can never apply: {because}", rule.id),
            "correct it, or take it out",
        ),
        LintKind::TooWide => (
            format!("`{}` permits everything that there is, and will be", rule.id),
            "name what it permits, and to whom",
        ),
        LintKind::Identical { to } => (
            format!("`{}` says what `{}` says already", rule.id, to.id),
            "take one of the two out",
        ),
        LintKind::Unused => (
            format!("`{}` decides none of the cases", rule.id),
            "write a case that needs it, or take it out",
        ),
    };
    let (location, span) = lint
        .place
        .as_ref()
        .map_or_else(|| (rule.engine.to_owned(), Span::default()), placed);
    Problem::warning(location, span, message).help(help)
}

fn placed(place: &Place) -> (String, Span) {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let span = Span {
        line: number(place.line),
        column: number(place.column),
        ..Span::default()
    };
    (place.file.clone(), span)
}
