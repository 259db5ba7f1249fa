//! `portcullis audit`: contracts judged before they ship.

mod find;
mod judge;
mod past;
mod suppressions;
mod tell;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use portcullis_contract::rules::{ContractRule, registry};
use portcullis_lint::gate::{FailOn, Gate};
use portcullis_lint::report::{Checked, Outcome as Judged, Report};
use portcullis_lint::rule::{Profile, Severity};

use super::{Failure, Outcome, Shared};
use crate::watched::Watched;
use suppressions::Suppressions;

/// The arguments of `audit`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Arguments {
    /// Contracts (OpenAPI 2.0, 3.0 or 3.1 in YAML or JSON), or directories that hold some
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The form of the report; `--json` is `--format json`
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: Format,
    /// Write the report to this file, in the place of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Ask the rules that matter to everybody, or also those that are a matter of taste
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    profile: Asked,
    /// Fail where a contract has fewer points, 0 to 100
    #[arg(long, value_name = "POINTS", value_parser = clap::value_parser!(u32).range(0..=100))]
    min_score: Option<u32>,
    /// Fail on open findings of at least this severity (critical, high, medium, low, info) or of this rule; `nothing` fails on
    /// none. Repeat it for several. Default: high, where `--min-score` is not given
    #[arg(long, value_name = "SEVERITY|RULE")]
    fail_on: Vec<String>,
    /// Fail only on findings that the baseline does not know
    #[arg(long, requires = "baseline")]
    new_only: bool,
    /// An earlier report in JSON: what it knows is marked as known
    #[arg(long, value_name = "REPORT")]
    baseline: Option<PathBuf>,
    /// A file of findings that are accepted, each with a reason and perhaps a last day
    #[arg(long, value_name = "FILE")]
    suppressions: Option<PathBuf>,
    /// Earlier reports in JSON, the oldest first, for the trend in a report in HTML
    #[arg(long, value_name = "REPORT")]
    history: Vec<PathBuf>,
    /// Show how the points add up
    #[arg(long)]
    explain_score: bool,
    /// One line for each finding: no lines of the contract, no fix, no further places
    #[arg(long)]
    brief: bool,
    /// Go on, and report again whenever a file of a contract changes
    #[arg(long, conflicts_with = "output")]
    watch: bool,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  every contract passes
  1  a contract does not pass: findings that fail, or too few points
  2  a contract, a file or an argument cannot be used
  3  the report cannot be written";

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, with the lines of the contract
    Terminal,
    /// One JSON object
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML, for test reports
    Junit,
    /// Markdown, for a comment
    Markdown,
    /// One HTML file, with the contract beside its findings
    Html,
}

/// Which rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Asked {
    /// Those that matter to everybody
    Default,
    /// All
    Strict,
}

/// Audits contracts and reports.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    if arguments.watch {
        return watch(arguments, shared);
    }
    once(arguments, shared).map(|(outcome, _)| outcome)
}

/// Audits and reports once; and tells which files were read.
fn once(arguments: &Arguments, shared: &Shared) -> Result<(Outcome, Vec<PathBuf>), Failure> {
    let rules = registry();
    let gate = gate(arguments, &rules)?;
    let locations = find::contracts(&arguments.paths)?;
    let suppressions = Suppressions::read(arguments.suppressions.as_deref(), &rules)?;
    let baseline = arguments.baseline.as_deref().map(past::baseline).transpose()?;
    let profile = match arguments.profile {
        Asked::Default => Profile::Default,
        Asked::Strict => Profile::Strict,
    };
    let judging = judge::Judging {
        rules: &rules,
        profile,
        suppressions: &suppressions,
        baseline: baseline.as_ref(),
    };
    let (documents, files) = judging.all(&locations);
    let asked = rules
        .iter()
        .map(|rule| &rule.rule)
        .filter(|rule| rule.profile <= profile);
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        failed: gate.failures(&documents),
        documents,
        rules: asked.collect(),
        history: past::history(&arguments.history)?,
    };
    suppressions.tell_idle();
    tell::report(&report, arguments, shared)?;
    let is_invalid = |document: &Checked<'_>| matches!(document.outcome, Judged::Invalid(_));
    let outcome = match (report.documents.iter().any(is_invalid), report.failed.is_empty()) {
        (true, _) => Outcome::Unusable,
        (false, false) => Outcome::Found,
        (false, true) => Outcome::Clean,
    };
    Ok((outcome, files))
}

/// Reports again whenever a file of a contract changes, until it is ended.
fn watch(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let mut watched: Option<Watched> = None;
    loop {
        #[expect(clippy::disallowed_methods, reason = "the binary is where clocks are read")]
        let begun = std::time::SystemTime::now();
        let files = match once(arguments, shared) {
            Ok((_, files)) => files,
            // What is half written is mended with the next change; what was never there is not.
            Err(failure) if watched.is_some() => {
                failure.tell(shared.json);
                Vec::new()
            }
            Err(failure) => return Err(failure),
        };
        let mut watching = watched.take().unwrap_or_else(|| Watched::new(files.clone(), begun));
        watching.watch(files);
        runtime.block_on(watching.changed());
        watched = Some(watching);
    }
}

/// What has to hold.
fn gate(arguments: &Arguments, rules: &[ContractRule]) -> Result<Gate, Failure> {
    let mut fail_on = Vec::new();
    for word in &arguments.fail_on {
        if word == "nothing" {
            continue;
        }
        let severity = Severity::named(word).map(FailOn::Severity);
        let rule = || {
            rules
                .iter()
                .find(|rule| rule.rule.id == word)
                .map(|rule| FailOn::Rule(rule.rule.id.to_owned()))
        };
        let meant = severity.or_else(rule).ok_or_else(|| unknown(word, rules))?;
        fail_on.push(meant);
    }
    if arguments.fail_on.is_empty() && arguments.min_score.is_none() {
        fail_on.push(FailOn::Severity(Severity::High));
    }
    Ok(Gate {
        score_min: arguments.min_score,
        fail_on,
        new_only: arguments.new_only,
    })
}

fn unknown(word: &str, rules: &[ContractRule]) -> Failure {
    let mut known: Vec<&str> = Severity::ALL.iter().map(|severity| severity.word()).collect();
    known.extend(rules.iter().map(|rule| rule.rule.id));
    let meant = match crate::config::nearest::nearest(word, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`portcullis explain` lists the rules".to_owned(),
    };
    Failure::unusable(format!("`{word}` is neither a severity nor a rule: {meant}"))
}
