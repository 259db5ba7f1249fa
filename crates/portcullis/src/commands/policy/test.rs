//! `portcullis policy test`: the questions of a file, and the decisions that are expected.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use portcullis_contract::document;
use portcullis_decision::cases::{self, Case, Difference, Report};
use portcullis_decision::decision::{Decision, DecisionPoint, Reason, Rule};
use portcullis_decision::problem::Problem;
use portcullis_decision::relations::PathPart;
use portcullis_gateway::decisions::Decisions;
use serde_json::{Value, json};

use super::questions::{Known, Written};
use super::{Alone, Of, decisions};
use crate::commands::{Failure, Outcome, Shared};
use crate::{config, files};

/// The arguments of `policy test`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The cases: a list of `name`, `evaluation` (as AuthZEN has it) and `decision`, in YAML or JSON
    #[arg(value_name = "CASES", required = true)]
    cases: Vec<PathBuf>,
    #[command(flatten)]
    of: Of,
}

/// Asks every question.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    let loaded = arguments.of.loaded()?;
    let decisions = decisions(&loaded)?;
    let report = report(&Known::of(&loaded), decisions, &arguments.cases)?;
    let rules: BTreeSet<&Rule> = decisions.rules().collect();
    let unused = report.unused(rules);
    let told = if shared.json {
        format!("{:#}\n", as_json(&report, &unused))
    } else {
        as_text(&report, &unused)
    };
    anstream::stdout().write_all(told.as_bytes())?;
    Ok(if report.passed() {
        Outcome::Clean
    } else {
        Outcome::Found
    })
}

/// What becomes of the cases of these files.
///
/// # Errors
/// One of them cannot be read, or asks what nobody ever asks.
pub(super) fn report(known: &Known, decisions: &Arc<Decisions>, cases: &[PathBuf]) -> Result<Report, Failure> {
    let (mut all, mut problems) = (Vec::new(), Vec::new());
    for file in cases {
        all.extend(read_cases(file, known, &mut problems)?);
    }
    if !problems.is_empty() {
        return Err(Failure::of_cases(problems));
    }
    let point: Arc<dyn DecisionPoint> = Arc::new(Alone(Arc::clone(decisions)));
    let point_for = |entities: Option<&Value>| match entities {
        None => Ok(Arc::clone(&point)),
        Some(_) => {
            let message = "`entities` of a case are not read: name them in the configuration";
            Err(vec![Problem::error(None, message)])
        }
    };
    Ok(cases::run(&all, &point_for))
}

fn read_cases(file: &Path, known: &Known, problems: &mut Vec<document::Problem>) -> Result<Vec<Case>, Failure> {
    let location = file.to_string_lossy();
    let text = files::local(file).map_err(|error| Failure::unusable(format!("cannot read `{location}`: {error}")))?;
    let read = config::read_placed::<Vec<Case>>(&location, &text);
    let (cases, root) = read.map_err(|problem| Failure::of_cases(vec![problem]))?;
    let written = Written {
        location: &location,
        root: &root,
    };
    for (number, case) in cases.iter().enumerate() {
        let member = |name: &str| [PathPart::Item(number), PathPart::Member(name.into())];
        problems.extend(known.problems(&case.evaluation, written, &member("evaluation")));
        let determining = case.determining.iter();
        problems.extend(determining.flat_map(|names| known.unknown_rules(names, written, &member("determining"))));
    }
    Ok(cases)
}

fn as_text(report: &Report, unused: &[&Rule]) -> String {
    let mut lines = Vec::new();
    for outcome in &report.outcomes {
        match outcome.differences.as_slice() {
            [] => lines.push(format!("ok  {}", outcome.name)),
            differences => {
                lines.push(format!("NO  {}", outcome.name));
                let told = differences.iter().map(told);
                let reasons = outcome.decision.iter().flat_map(reasons);
                lines.extend(told.chain(reasons).map(|line| format!("      {line}")));
            }
        }
    }
    let held = report.outcomes.iter().filter(|outcome| outcome.differences.is_empty());
    lines.push(format!(
        "cases: {}, {} as expected",
        report.outcomes.len(),
        held.count()
    ));
    if !unused.is_empty() {
        let unused: Vec<String> = unused.iter().map(ToString::to_string).collect();
        lines.push(format!("decided none of them: {}", unused.join(", ")));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn told(difference: &Difference) -> String {
    match difference {
        Difference::Decision { permits: true } => "permitted, and expected to be denied".to_owned(),
        Difference::Decision { permits: false } => "denied, and expected to be permitted".to_owned(),
        Difference::Determining { found } if found.is_empty() => "decided by no rule".to_owned(),
        Difference::Determining { found } => {
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            format!("decided by {}", found.join(", "))
        }
        Difference::Entities { problems } => {
            let told: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
            told.join("; ")
        }
    }
}

fn reasons(decision: &Decision) -> impl Iterator<Item = String> {
    decision.reasons().iter().map(|reason| match reason {
        Reason::Permits { rule } => format!("permits: {rule}"),
        Reason::Forbids { rule } => format!("forbids: {rule}"),
        Reason::Failed { rule, message } => format!("fails: {rule}: {message}"),
        Reason::Indeterminate { engine, message } => format!("cannot tell: {engine}: {message}"),
        Reason::NothingPermits => "nothing permits it".to_owned(),
        Reason::NoRole { .. } => format!("wants a role: {reason}"),
    })
}

fn as_json(report: &Report, unused: &[&Rule]) -> Value {
    let outcomes = report.outcomes.iter().map(|outcome| {
        json!({
            "name": outcome.name,
            "as_expected": outcome.differences.is_empty(),
            "differences": outcome.differences,
            "permitted": outcome.decision.as_ref().map(Decision::permits),
            "reasons": outcome.decision.as_ref().map(Decision::reasons),
        })
    });
    json!({
        "passed": report.passed(),
        "cases": outcomes.collect::<Vec<_>>(),
        "rules_that_decided_none": unused,
    })
}
