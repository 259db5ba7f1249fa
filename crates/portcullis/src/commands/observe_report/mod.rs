//! `portcullis observe-report`: what observe mode saw, by cause, and what would permit each.

mod overlay;
mod remedy;
mod target;
mod tell;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{ConfigFile, Failure, Outcome, Shared};
use crate::contracts::{self, Loaded};
use crate::observations::{self, Line};
use remedy::{Looking, Remedy};

/// The arguments of `observe-report`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) file: ConfigFile,
    /// Write the lines that would permit what was seen, as an OpenAPI Overlay; of several APIs, one file each
    #[arg(long, value_name = "FILE")]
    pub(super) overlay: Option<PathBuf>,
}

/// Reports would-be refusals by cause, with the contract lines that would permit each.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    let configuration = arguments.file.load()?;
    let Some(observe) = &configuration.observe else {
        let message = "the configuration names no file of observations; add `observe: {file: observations.jsonl}`";
        return Err(Failure::unusable(message));
    };
    let apis = contracts::for_verb(&configuration, &arguments.file.config)?;
    let lines = observations::read(&observe.file).map_err(Failure::unusable)?;
    let causes = causes(&apis, lines);
    if let Some(path) = &arguments.overlay {
        write_overlays(path, &apis, &causes)?;
    }
    let told = if shared.json {
        format!("{:#}\n", tell::json(&causes))
    } else {
        tell::text(&causes)
    };
    anstream::stdout().write_all(told.as_bytes())?;
    Ok(if causes.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Found
    })
}

/// One cause of would-be refusals.
#[derive(Debug)]
struct Cause {
    line: Line,
    /// Where the broken schema or the operation stands.
    place: Option<String>,
    remedy: Remedy,
}

/// The causes, the most frequent first.
fn causes(apis: &[Loaded], lines: Vec<Line>) -> Vec<Cause> {
    let cause = |line: Line| {
        let api = apis.iter().find(|api| api.api.name == line.api);
        let looking = api.map(|api| Looking::new(api, &line));
        let (place, remedy) = looking.map_or_else(
            || {
                (
                    None,
                    Remedy::ByHand("the configuration has no API of this name any more".to_owned()),
                )
            },
            |looking| (looking.place(), looking.remedy()),
        );
        Cause { line, place, remedy }
    };
    let mut causes: Vec<Cause> = lines.into_iter().map(cause).collect();
    causes.sort_by(|left, right| {
        right
            .line
            .count
            .cmp(&left.line.count)
            .then_with(|| left.line.cmp(&right.line))
    });
    causes
}

fn write_overlays(path: &Path, apis: &[Loaded], causes: &[Cause]) -> Result<(), Failure> {
    for api in apis {
        let name = &api.api.name;
        let path = match apis {
            [_] => path.to_owned(),
            _ => of_api(path, name),
        };
        let own = causes.iter().filter(|cause| cause.line.api == *name);
        std::fs::write(&path, overlay::yaml(name, own))
            .map_err(|error| Failure::unusable(format!("cannot write the overlay `{}`: {error}", path.display())))?;
    }
    Ok(())
}

/// `out.yaml` as `out.natter.yaml`.
fn of_api(path: &Path, api: &str) -> PathBuf {
    let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    path.with_extension(format!("{api}.{extension}").trim_end_matches('.'))
}

#[cfg(test)]
mod tests;
