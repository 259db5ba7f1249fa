//! `portcullis check`: every problem of a configuration and its contracts.

use std::io::{IsTerminal, Write};
use std::path::Path;

use clap::Args;
use portcullis_contract::document::{Problem, Severity};

use super::{ConfigFile, Failure, Outcome, Shared};
use crate::config::Reading;
use crate::config::api::Api;
use crate::config::checked::Configuration;
use crate::{contracts, files, report};

/// The arguments of `check`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
}

/// Reports every problem; errors are found in the sense of the exit code.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    let location = arguments.file.config.to_string_lossy();
    let problems = problems(&location, arguments.file.read()?);
    tell(&problems, shared)?;
    let found = problems.iter().any(|problem| problem.severity == Severity::Error);
    Ok(if found { Outcome::Found } else { Outcome::Clean })
}

/// The problems of the configuration, then those of the contracts that it names.
fn problems(location: &str, reading: Reading) -> Vec<Problem> {
    let contracts = reading
        .settled
        .iter()
        .flat_map(|configuration| of_contracts(location, configuration));
    let contracts = contracts.collect::<Vec<_>>();
    reading.problems.into_iter().chain(contracts).collect()
}

fn of_contracts(location: &str, configuration: &Configuration) -> Vec<Problem> {
    configuration
        .apis
        .iter()
        .flat_map(|api| of_contract(location, api))
        .collect()
}

/// The problems of one contract: those of its files, its schemas and its policies.
fn of_contract(location: &str, api: &Api) -> Vec<Problem> {
    match contracts::load(api, location) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    }
}

fn tell(problems: &[Problem], shared: &Shared) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    if shared.json {
        writeln!(out, "{:#}", report::json(problems))?;
        return Ok(());
    }
    let read = |location: &str| {
        files::local(Path::new(location))
            .ok()
            .and_then(|text| String::from_utf8(text).ok())
    };
    let source: Option<report::Source<'_>> = if std::io::stdout().is_terminal() {
        Some(&read)
    } else {
        None
    };
    out.write_all(report::text(problems, source).as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn contracts_and_their_policies_are_checked() {
        let directory = std::env::temp_dir().join(format!("portcullis-check-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("good.yaml"), GOOD).unwrap();
        std::fs::write(directory.join("bad.yaml"), BAD).unwrap();
        let location = directory.join("gate.yaml").to_str().unwrap().to_owned();
        let reading = config::read(&location, GATE.as_bytes());
        let told = report::text(&problems(&location, reading), None);
        std::fs::remove_dir_all(&directory).unwrap();
        let told = anstream::adapter::strip_str(&told).to_string();
        insta::assert_snapshot!("contracts", told.replace(&format!("{}/", directory.display()), ""));
    }

    const GATE: &str = "\
listen: 127.0.0.1:0
workers: 0
apis:
  - {contract: good.yaml, upstream: 'http://127.0.0.1:9000'}
  - {contract: bad.yaml, upstream: 'http://127.0.0.1:9000'}
  - {contract: missing.yaml, upstream: 'http://127.0.0.1:9000'}
";

    const GOOD: &str = "\
openapi: 3.1.0
info: {title: good, version: '1'}
x-portcullis: {body_bytes_max: 2MiB}
paths:
  /login:
    x-portcullis: {undeclared: {query: strip}}
    post:
      x-portcullis: {authentication: true, rate_limits: [{name: user, key: [{body: /username}], requests: 5, per: 15m}]}
      responses: {'200': {description: ok}}
";

    const BAD: &str = "\
openapi: 3.1.0
info: {title: bad, version: '1', x-portcullis: {}}
x-portcullis: {body_bytes_max: 2mb}
paths:
  /login:
    x-portcullis: 7
    post:
      x-portcullis:
        authentification: true
        rate_limits: [{name: user, requests: 0, per: 1d}]
      responses: {'200': {description: ok, x-portcullis: {}}}
    trace:
      x-portcullis: {modes: {contract_in: on}}
      responses: {'200': {description: ok}}
components:
  schemas:
    User: {type: object, x-portcullis: {}, example: {x-portcullis: this is data}}
";
}
