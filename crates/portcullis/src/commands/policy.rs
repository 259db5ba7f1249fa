//! `portcullis policy`: what decides, looked at without a gate.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use portcullis_decision::cases::{self, Case, Difference, Report};
use portcullis_decision::decision::{Decision, DecisionPoint, Reason};
use portcullis_decision::problem::Problem;
use portcullis_decision::schema;
use serde_json::{Value, json};

use super::{ConfigFile, Failure, Outcome, Shared};
use crate::contracts::{self, Loaded};
use crate::{config, files};

/// The arguments of `policy`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the schema that the policies of an API are validated against
    Schema(Schema),
    /// Ask the questions of a file, and hold the decisions against what it expects
    Test(Test),
}

#[derive(Debug, Args)]
struct Schema {
    #[command(flatten)]
    of: Of,
}

#[derive(Debug, Args)]
struct Test {
    /// The cases: a list of `name`, `evaluation` (as AuthZEN has it) and `decision`, in YAML or JSON
    #[arg(value_name = "CASES", required = true)]
    cases: Vec<PathBuf>,
    #[command(flatten)]
    of: Of,
}

/// Which API.
#[derive(Debug, Args)]
struct Of {
    #[command(flatten)]
    file: ConfigFile,
    /// The API, where there are several
    #[arg(long, value_name = "NAME")]
    api: Option<String>,
}

/// Runs the verb.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    match &arguments.verb {
        Verb::Schema(schema) => print_schema(&schema.of),
        Verb::Test(test) => run_cases(test, shared),
    }
}

impl Of {
    /// The API that is meant, with its contract.
    fn loaded(&self) -> Result<Loaded, Failure> {
        let configuration = self.file.load()?;
        let mut apis = contracts::for_verb(&configuration, &self.file.config)?;
        let names: Vec<String> = apis.iter().map(|loaded| format!("`{}`", loaded.api.name)).collect();
        if let Some(name) = &self.api {
            let found = apis.iter().position(|loaded| loaded.api.name == *name);
            let unknown = || Failure::unusable(format!("there is no API `{name}`: there is {}", names.join(", ")));
            return Ok(apis.swap_remove(found.ok_or_else(unknown)?));
        }
        match (apis.pop(), apis.is_empty()) {
            (Some(only), true) => Ok(only),
            _ => Err(Failure::unusable(format!(
                "say which API with `--api`: {}",
                names.join(", ")
            ))),
        }
    }
}

fn print_schema(of: &Of) -> Result<Outcome, Failure> {
    let loaded = of.loaded()?;
    let schema = schema::generate(&contracts::description(&loaded)).map_err(|found| {
        let told: Vec<String> = found.iter().map(ToString::to_string).collect();
        Failure::unusable(told.join("; "))
    })?;
    anstream::stdout().write_all(schema.as_bytes())?;
    Ok(Outcome::Clean)
}

fn run_cases(test: &Test, shared: &Shared) -> Result<Outcome, Failure> {
    let loaded = test.of.loaded()?;
    let Some(decisions) = &loaded.decisions else {
        let message = format!("nobody decides for `{}`: it has no `authorization`", loaded.api.name);
        return Err(Failure::unusable(message));
    };
    let mut all = Vec::new();
    for file in &test.cases {
        all.extend(read_cases(file)?);
    }
    let point: Arc<dyn DecisionPoint> = Arc::clone(decisions) as _;
    let point_for = |entities: Option<&Value>| match entities {
        None => Ok(Arc::clone(&point)),
        Some(_) => {
            let message = "`entities` of a case are not read: name them in the configuration";
            Err(vec![Problem::error(None, message)])
        }
    };
    let report = cases::run(&all, &point_for);
    let rules: BTreeSet<&str> = decisions.rules().collect();
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

fn read_cases(file: &Path) -> Result<Vec<Case>, Failure> {
    let location = file.to_string_lossy();
    let text = files::local(file).map_err(|error| Failure::unusable(format!("cannot read `{location}`: {error}")))?;
    config::read_as(&location, &text).map_err(|problem| Failure::of_cases(vec![problem]))
}

fn as_text(report: &Report, unused: &[&str]) -> String {
    let mut lines = Vec::new();
    for outcome in &report.outcomes {
        match outcome.differences.as_slice() {
            [] => lines.push(format!("ok  {}", outcome.name)),
            differences => {
                lines.push(format!("NO  {}", outcome.name));
                lines.extend(
                    differences
                        .iter()
                        .map(|difference| format!("      {}", told(difference))),
                );
                lines.extend(
                    outcome
                        .decision
                        .iter()
                        .flat_map(reasons)
                        .map(|reason| format!("      {reason}")),
                );
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
            let found: Vec<&str> = found.iter().map(String::as_str).collect();
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
        Reason::Permits { rule } => format!("permits: {}", rule.id),
        Reason::Forbids { rule } => format!("forbids: {}", rule.id),
        Reason::Failed { rule, message } => format!("fails: {}: {message}", rule.id),
        Reason::Indeterminate { engine, message } => format!("cannot tell: {engine}: {message}"),
        Reason::NothingPermits => "nothing permits it".to_owned(),
    })
}

fn as_json(report: &Report, unused: &[&str]) -> Value {
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
