//! The log: on standard error, JSON or text. It never holds bodies, values of parameters, or targets of requests.

use std::io::IsTerminal;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;

use crate::config::checked::Log;
use crate::config::raw::LogFormat;

/// Starts logging; a second call changes nothing.
pub(crate) fn start(log: &Log) {
    let terminal = std::io::stderr().is_terminal();
    let json = log.format.map_or(!terminal, |format| format == LogFormat::Json);
    let lines = fmt()
        .with_max_level(LevelFilter::INFO)
        .with_writer(std::io::stderr)
        .with_ansi(terminal)
        .with_target(false);
    // The error says that there is a log already, which is then as good.
    let started = if json {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.try_init()
    };
    drop(started);
}
