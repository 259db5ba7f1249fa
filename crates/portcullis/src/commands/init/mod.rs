//! `portcullis init`: drafts a first configuration from a contract, or from a running service that publishes one.
//!
//! What is written says why each setting is there, and loads without a problem: it is checked as `serve` would check it
//! before the first byte reaches the disk. Nothing is overwritten, and nothing is asked, unless someone is there to answer.

mod ask;
mod draft;
mod guessable;
mod next;
mod save;
mod service;
mod source;

use std::io::{IsTerminal, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, ValueEnum};
use portcullis_contract::document::{Document, Problem};
use serde_json::json;

use super::{Failure, Outcome, Shared};
use crate::{config, contracts};
use draft::{Draft, Upstream};
use next::Next;
use source::Source;

/// The arguments of `init`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The contract, an OpenAPI file (default: the only one in this directory)
    #[arg(value_name = "CONTRACT", conflicts_with = "from")]
    contract: Option<PathBuf>,
    /// Ask a running service for its contract at the usual places, and save it beside the configuration
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// Where the service listens that implements the contract
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// Where to listen for callers (default: 127.0.0.1:8080)
    #[arg(long, value_name = "ADDRESS", value_parser = config::address)]
    listen: Option<SocketAddr>,
    /// The configuration to write
    #[arg(short, long, value_name = "FILE", default_value = "portcullis.yaml")]
    config: PathBuf,
    /// Record what would be refused and let it pass: in answers only, or everywhere
    #[arg(
        long,
        value_name = "WHERE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "answers"
    )]
    observe: Option<Observe>,
    /// Overwrite what is there
    #[arg(long)]
    force: bool,
    /// Print the configuration and write nothing
    #[arg(long)]
    stdout: bool,
}

/// What the drafted configuration lets pass and records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Observe {
    /// Answers that are not as the contract says
    Answers,
    /// Requests, too
    Everything,
}

/// The way out for arguments that cannot be used: `--observe` takes its value behind an equals sign, because the contract
/// may follow it.
pub(super) fn hinted(mut error: clap::Error) -> clap::Error {
    let unexpected = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(word)) if error.kind() == ErrorKind::UnknownArgument => word.clone(),
        _ => return error,
    };
    if let Some(hint) = observe_hint(&unexpected) {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    }
    error
}

/// What to write in the place of a value of `--observe` that stands alone.
fn observe_hint(word: &str) -> Option<String> {
    Observe::from_str(word, false).ok()?;
    Some(format!("write `--observe={word}`, with an equals sign"))
}

/// Drafts a configuration, checks it, writes it, and says what to do next.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    if !arguments.stdout && !arguments.force {
        save::refuse_existing(&arguments.config)?;
    }
    if let Some(url) = &arguments.upstream {
        check_upstream(url).map_err(Failure::unusable)?;
    }
    let source = source::find(arguments)?;
    let upstream = upstream(arguments, shared, &source)?;
    let draft = Draft::of(&source, arguments, upstream);
    let text = draft.yaml();
    let next = Next::of(&draft, &source.contract, &arguments.config);
    let warnings = check(&text, source.document, &arguments.config)?;
    if !arguments.stdout {
        save::write(
            &arguments.config,
            text.as_bytes(),
            source.unsaved.as_ref(),
            arguments.force,
        )?;
    }
    let mut out = anstream::stdout();
    if shared.json {
        let mut told = next.json(&draft);
        if let Some(members) = told.as_object_mut() {
            members.insert("configuration".to_owned(), json!(arguments.config));
            members.insert("written".to_owned(), json!(!arguments.stdout));
            members.insert("warnings".to_owned(), json!(warnings));
            members.insert("yaml".to_owned(), json!(text));
        }
        writeln!(out, "{told:#}")?;
    } else if arguments.stdout {
        out.write_all(text.as_bytes())?;
    } else {
        out.write_all(next.text(&draft, warnings).as_bytes())?;
    }
    Ok(Outcome::Clean)
}

/// Where the service listens: what was said, what was asked, what the contract's servers say, or a place to be changed.
fn upstream(arguments: &Arguments, shared: &Shared, source: &Source) -> Result<Upstream, Failure> {
    if let Some(url) = &arguments.upstream {
        return Ok(Upstream::Known(url.clone()));
    }
    if let Some(origin) = &source.origin {
        check_upstream(origin).map_err(|fault| {
            Failure::unusable(format!(
                "{fault}: say with `--upstream` where the gate finds the service"
            ))
        })?;
        return Ok(Upstream::Known(origin.clone()));
    }
    let guess = source.loopback_server().map(|host| format!("http://{host}"));
    let guess = guess.filter(|guess| check_upstream(guess).is_ok());
    let someone_is_there = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if someone_is_there && !shared.json && !arguments.stdout {
        let default = guess.as_deref().unwrap_or(draft::UPSTREAM_PLACEHOLDER);
        let mut terminal = (std::io::stdin().lock(), std::io::stderr());
        let question = "where does the service listen that implements the contract?";
        let answer = ask::ask(&mut terminal.0, &mut terminal.1, question, default, check_upstream)?;
        return Ok(Upstream::Known(answer));
    }
    Ok(guess.map_or(Upstream::Unknown, Upstream::Guessed))
}

/// Why a URL cannot be an upstream, told as the configuration would tell it.
fn check_upstream(url: &str) -> Result<(), String> {
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).to_string();
    match config::from_arguments(&anywhere, "contract", url).usable() {
        Ok(_) => Ok(()),
        Err(problems) => Err(problems.first().map_or_else(
            || format!("`{url}` cannot be an upstream"),
            |Problem { message, help, .. }| format!("{message}; {help}"),
        )),
    }
}

/// Reads the draft as `serve` would, contract and all; gives the number of the contract's warnings.
///
/// # Errors
/// The contract cannot be served.
fn check(text: &str, document: Document, file: &Path) -> Result<usize, Failure> {
    let location = file.to_string_lossy();
    let reading = config::read(&location, text.as_bytes());
    let (configuration, _) = reading.usable().map_err(Failure::of_problems)?;
    let Some(api) = configuration.apis.first() else {
        return Err(Failure::unusable("the draft names no API"));
    };
    let loaded = contracts::of_document(api, document, &location, None);
    loaded.map(|loaded| loaded.warnings.len()).map_err(Failure::of_contract)
}

#[cfg(test)]
mod tests;
