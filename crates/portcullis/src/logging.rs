//! The log: on standard error, JSON or text. It never holds bodies, values of parameters, or targets of requests.

use std::io::IsTerminal;

use clap::ColorChoice;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;

use crate::config::checked::Log;
use crate::config::raw::LogFormat;

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
    let started = if json {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.try_init()
    };
    drop(started);
}
