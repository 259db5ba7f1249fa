//! The log: on standard error, JSON or text. It never holds bodies, values of parameters, or targets of requests.

use std::io::IsTerminal;
use std::sync::OnceLock;

use clap::ColorChoice;
use portcullis_contract::document::{Problem, Severity};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;

use crate::config::checked::Log;
use crate::config::log::LogFormat;

/// Whether lines are JSON, once that is known.
static JSON: OnceLock<bool> = OnceLock::new();

/// Whether there is a log whose lines are read by programs, which text among them would confuse.
pub(crate) fn is_json() -> bool {
    JSON.get().is_some_and(|json| *json)
}

/// A problem of a file, in the one form that it has in the log: its place and its help in fields of their own.
pub(crate) fn problem(problem: &Problem) {
    let Problem {
        severity,
        location,
        span,
        message,
        help,
    } = problem;
    let known = |number: u32| (number > 0).then_some(number);
    let (line, column) = (known(span.line), known(span.column));
    let help = Some(help.as_str()).filter(|help| !help.is_empty());
    let location = location.as_str();
    match severity {
        Severity::Error => tracing::error!(location, line, column, help, "{message}"),
        Severity::Warning => tracing::warn!(location, line, column, help, "{message}"),
    }
}

/// Starts logging; a second call changes nothing.
pub(crate) fn start(log: &Log, color: ColorChoice) {
    let terminal = std::io::stderr().is_terminal();
    let plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
    let colors = match color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && !plain,
    };
    let json = log.format.map_or(!terminal, |format| format == LogFormat::Json);
    let lines = fmt()
        .with_max_level(LevelFilter::INFO)
        .with_writer(std::io::stderr)
        .with_ansi(colors)
        // A line that nobody reads any more would otherwise be complained of where nobody reads, too, which panics.
        .log_internal_errors(false)
        .with_target(false);
    // The error says that there is a log already, which is then as good.
    let _first = JSON.set(json);
    let started = if json {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.try_init()
    };
    drop(started);
}
