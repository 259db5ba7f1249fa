//! `portcullis check`: every problem of a configuration and its contracts.

use std::io::{IsTerminal, Write};
use std::path::Path;

use clap::Args;
use portcullis_contract::document::{Problem, Severity, Span};

use super::{Failure, Outcome, Overlaid, Shared};
use crate::assemble::{Looked, StartError};
use crate::config::Reading;
use crate::config::checked::Configuration;
use crate::lifecycle::account;
use crate::{assemble, contracts, files, report, tls_files};

/// The arguments of `check`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    contracts: Overlaid,
}

/// Reports every problem; errors are found in the sense of the exit code.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    let location = arguments.contracts.file.config.to_string_lossy();
    let problems = problems(&location, arguments.contracts.read()?);
    tell(&problems, shared)?;
    let found = problems.iter().any(|problem| problem.severity == Severity::Error);
    Ok(if found { Outcome::Found } else { Outcome::Clean })
}

/// The problems of the configuration and of every file that it names: what `serve` would read is read.
fn problems(location: &str, reading: Reading) -> Vec<Problem> {
    let Reading { settled, mut problems } = reading;
    let Some(configuration) = settled else { return problems };
    problems.extend(tls_files::problems(&configuration, location));
    let account = configuration.process.account.as_ref();
    problems.extend(account.and_then(|account| account::problem(account, location)));
    let looked = assemble::look(&configuration);
    let looked = looked.map_err(|found| problems.extend(found)).ok();
    problems.extend(looked.iter().flat_map(|looked| looked.warnings.clone()));
    problems.extend(of_contracts(&configuration, looked.as_ref(), location));
    // The configuration's own by their lines, then those of each file that it names.
    problems.sort_by_key(|problem| {
        let own = problem.location == location;
        (!own, own.then_some(problem.span))
    });
    problems
}

/// The problems of the contracts, and of what is put together from them where all else can be used.
fn of_contracts(configuration: &Configuration, looked: Option<&Looked>, location: &str) -> Vec<Problem> {
    let mut apis = match contracts::load_all(configuration, location) {
        Ok(apis) => apis,
        Err(problems) => return problems,
    };
    let warnings = apis.iter_mut().flat_map(|api| std::mem::take(&mut api.warnings));
    let mut problems: Vec<Problem> = warnings.collect();
    let Some(looked) = looked else { return problems };
    match assemble::offline(configuration, looked, apis) {
        Ok(_) => {}
        Err(StartError::Unusable(found)) => problems.extend(found),
        Err(error) => problems.push(Problem::error(location, Span::default(), error.to_string())),
    }
    problems
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

    /// What is told of a configuration whose contracts are these files.
    fn told(name: &str, gate: &str, contracts: &[(&str, &str)]) -> String {
        let directory = std::env::temp_dir().join(format!("portcullis-check-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        for (file, text) in contracts {
            let path = directory.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let location = directory.join("gate.yaml").to_str().unwrap().to_owned();
        let reading = config::read(&location, gate.as_bytes());
        let told = report::text(&problems(&location, reading), None);
        std::fs::remove_dir_all(&directory).unwrap();
        let told = anstream::adapter::strip_str(&told).to_string();
        told.replace(&format!("{}/", directory.display()), "")
    }

    #[test]
    fn contracts_and_their_policies_are_checked() {
        let told = told("policies", GATE, &[("good.yaml", GOOD), ("bad.yaml", BAD)]);
        insta::assert_snapshot!("contracts", told);
    }

    #[test]
    fn what_does_not_do_what_it_seems_to() {
        let told = told("advice", TWO, &[("odd.yaml", ODD), ("same.yaml", SAME)]);
        insta::assert_snapshot!("advice", told);
    }

    #[test]
    fn an_extension_that_is_misspelt_is_told_once() {
        let told = told("misspelt", ONE, &[("odd.yaml", MISSPELT)]);
        let lines: Vec<&str> = told
            .lines()
            .filter(|line| line.contains("says nothing to the gate"))
            .collect();
        let [root, path, operation] = lines.as_slice() else {
            panic!("{told}")
        };
        assert!(root.starts_with("odd.yaml:3:1: warning: `x-portculis`"), "{root}");
        assert!(path.starts_with("odd.yaml:6:5: warning: `X-Portcullis`"), "{path}");
        assert!(
            operation.starts_with("odd.yaml:8:7: warning: `x-porcullis`"),
            "{operation}"
        );
        assert_eq!(told.matches("did you mean `x-portcullis`?").count(), 3, "{told}");
    }

    #[test]
    fn a_folder_in_the_place_of_a_contract_is_told_where_it_is_named() {
        let told = told(
            "folder",
            &ONE.replace("odd.yaml", "spec"),
            &[("spec/odd.yaml", MISSPELT)],
        );
        assert!(
            told.starts_with("gate.yaml:3:16: error: the contract `spec` is a folder\n"),
            "{told}"
        );
        assert!(told.contains("`contract: {directory: FOLDER}`"), "{told}");
    }

    #[test]
    fn limits_that_count_by_nothing_that_is_declared() {
        let told = told("limits", LIMITS, &[("odd.yaml", ODD)]);
        insta::assert_snapshot!("limits", told);
    }

    const ONE: &str = "\
listen: 127.0.0.1:0
apis:
  - {contract: odd.yaml, upstream: 'http://127.0.0.1:9000', dangerous_unverified_schemes: true}
";

    const MISSPELT: &str = "\
openapi: 3.1.0
info: {title: odd, version: '1'}
x-portculis: {}
paths:
  /things:
    X-Portcullis: {}
    post:
      x-porcullis: {authentication: true}
      x-portal: mine
      responses: {'200': {description: ok, headers: {X-Portcullis: {schema: {type: string}}}}}
";

    const TWO: &str = "\
listen: 127.0.0.1:0
apis:
  - {contract: odd.yaml, upstream: 'http://127.0.0.1:9000', dangerous_unverified_schemes: true}
  - {contract: same.yaml, upstream: 'http://127.0.0.1:9000', dangerous_unverified_schemes: true}
";

    const LIMITS: &str = "\
listen: 127.0.0.1:0
apis:
  - contract: odd.yaml
    upstream: http://127.0.0.1:9000
    dangerous_unverified_schemes: true
    policy:
      rate_limits:
        - {name: by-user, key: [{body: /username}], requests: 5, per: 15m}
";

    const ODD: &str = "\
openapi: 3.1.0
info: {title: odd, version: '1'}
security: [{key: []}]
paths:
  /things:
    get:
      parameters:
        - {name: token, in: query, schema: {type: string}}
        - {name: page, in: query, schema: {type: integer}}
      x-portcullis: {rate_limits: [{name: all, shared: pool, requests: 5, per: 1s}]}
      responses: {'200': {description: ok}}
    post:
      security: []
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties:
                anything: {type: object}
                something: {type: object, additionalProperties: true}
                example: {allOf: [{type: object}, {properties: {a: {}}}]}
              example: {anything: {type: object}}
      responses: {'200': {description: ok}}
components:
  securitySchemes:
    key: {type: apiKey, in: query, name: api_key}
";

    const SAME: &str = "\
openapi: 3.1.0
info: {title: same, version: '1'}
paths:
  /things:
    get:
      x-portcullis: {rate_limits: [{name: all, shared: pool, requests: 50, per: 1s}]}
      responses: {'200': {description: ok}}
    delete:
      responses: {'200': {description: ok}}
";

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
      requestBody: {content: {application/json: {schema: {properties: {username: {type: string}}}}}}
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
