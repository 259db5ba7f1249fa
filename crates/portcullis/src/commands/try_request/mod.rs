//! `portcullis try`: saved requests, judged offline by the gate's own controls. Nothing is sent.

mod astray;
mod har;
mod http;
mod judge;
mod tell;

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::{Failure, Outcome, Overlaid, Shared};
use crate::{assemble, contracts, files};
use judge::{Judge, Judged};

/// The arguments of `try`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) contracts: Overlaid,
    /// Saved requests: raw HTTP or HAR
    #[arg(value_name = "REQUEST", required = true)]
    pub(super) requests: Vec<PathBuf>,
}

/// Judges each request and reports what the gate would do.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    let configuration = arguments.contracts.load()?;
    let apis = contracts::for_verb(&configuration, &arguments.contracts.file.config)?;
    let looked = assemble::look(&configuration).map_err(Failure::of_problems)?;
    let mut judge = Judge::new(&configuration, &looked, apis).map_err(|error| Failure::unusable(error.to_string()))?;
    let mut judged = Vec::new();
    for path in &arguments.requests {
        let name = path.to_string_lossy();
        let about = |problem: String| Failure::unusable(format!("cannot use `{name}`: {problem}"));
        let bytes = files::local(path).map_err(about)?;
        judged.extend(of_file(&name, &bytes, &mut judge).map_err(about)?);
    }
    let told = if shared.json {
        format!("{:#}\n", tell::json(&judged))
    } else {
        tell::text(&judged)
    };
    anstream::stdout().write_all(told.as_bytes())?;
    let refused = judged.iter().any(Judged::is_refused);
    Ok(if refused { Outcome::Found } else { Outcome::Clean })
}

/// Judges every request of a file.
///
/// # Errors
/// The file is neither HTTP nor HAR, or it is cut off: what, and where.
fn of_file(name: &str, bytes: &[u8], judge: &mut Judge) -> Result<Vec<Judged>, String> {
    if !har::looks_like(bytes) {
        let messages = http::read(bytes, judge.bounds())?.into_iter();
        return Ok(messages
            .map(|(line, message)| judge.judge(format!("{name}:{line}"), message, None))
            .collect());
    }
    let mut judged = Vec::new();
    for (index, entry) in har::read(bytes)?.into_iter().enumerate() {
        let about = |problem: String| format!("`log.entries[{index}]`: {problem}");
        let mut messages = http::read(&entry.request, judge.bounds()).map_err(about)?.into_iter();
        let Some((_, message)) = messages.next() else { continue };
        judged.push(judge.judge(format!("{name}, entry {index}"), message, entry.answer));
    }
    Ok(judged)
}

#[cfg(test)]
mod tests;
