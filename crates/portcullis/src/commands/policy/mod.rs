//! `portcullis policy`: what decides, looked at without a gate.

mod explain;
mod lint;
mod questions;
mod replay;
mod test;

use std::io::Write as _;
use std::sync::Arc;

use clap::{Args, Subcommand};
use portcullis_decision::decision::{Decision, DecisionPoint, Version};
use portcullis_decision::schema;
use portcullis_decision::time::UnixTime;
use portcullis_decision::words::Evaluation;
use portcullis_gateway::decisions::Decisions;

use super::{ConfigFile, Failure, Outcome, Shared};
use crate::contracts::{self, Loaded};

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
    Test(test::Arguments),
    /// Say why a question is decided as it is: which rules, which of their conditions, and what was missing
    Explain(explain::Arguments),
    /// Find rules that can never apply, permit too much, are there twice, or that no case needs
    Lint(lint::Arguments),
    /// Make recorded decisions again by the present policies, and tell what changes for whom
    Replay(replay::Arguments),
}

#[derive(Debug, Args)]
struct Schema {
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
        Verb::Test(arguments) => test::run(arguments, shared),
        Verb::Explain(arguments) => explain::run(arguments, shared),
        Verb::Lint(arguments) => lint::run(arguments, shared),
        Verb::Replay(arguments) => replay::run(arguments, shared),
    }
}

impl Of {
    /// The API that is meant, with its contract.
    fn loaded(&self) -> Result<Loaded, Failure> {
        let configuration = self.file.load()?;
        let mut apis = contracts::for_verb(&configuration, &self.file.config)?;
        apis.retain(|loaded| loaded.point.is_none());
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

/// What decides without anybody elsewhere: of resources whose attributes are fetched, questions say which they have.
struct Alone(Arc<Decisions>);

impl DecisionPoint for Alone {
    fn evaluate(&self, evaluation: &Evaluation, at: UnixTime) -> Decision {
        self.0.alone(evaluation, at)
    }

    fn reads_time(&self) -> bool {
        self.0.reads_time()
    }

    fn version(&self) -> Option<Version> {
        self.0.version()
    }
}

/// Who decides for an API.
///
/// # Errors
/// Nobody does, or the store of relations cannot be used.
fn decisions(loaded: &Loaded) -> Result<&Arc<Decisions>, Failure> {
    let nobody = || {
        let message = format!("nobody decides for `{}`: it has no `authorization`", loaded.api.name);
        Failure::unusable(message)
    };
    if let Some(granted) = &loaded.granted {
        granted.kept.read_once().map_err(Failure::unusable)?;
    }
    loaded.decisions.as_ref().ok_or_else(nobody)
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
