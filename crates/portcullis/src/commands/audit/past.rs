//! Earlier reports: what was known, and how the score was.

use std::path::{Path, PathBuf};

use portcullis_lint::baseline::Baseline;
use portcullis_lint::report::Past;
use serde_json::Value;

use super::Failure;
use crate::files;

/// The findings of an earlier report.
///
/// # Errors
/// It cannot be read, or is no report in JSON.
pub(super) fn baseline(path: &Path) -> Result<Baseline, Failure> {
    Baseline::read(&read(path)?).map_err(|message| unusable(path, &message))
}

/// The scores of earlier reports, in the order given.
///
/// # Errors
/// One cannot be read, or is no report in JSON.
pub(super) fn history(paths: &[PathBuf]) -> Result<Vec<Past>, Failure> {
    let mut history = Vec::new();
    for path in paths {
        let report = read(path)?;
        let Some(contracts) = report.get("contracts").and_then(Value::as_array) else {
            return Err(unusable(
                path,
                "it is no report of an audit in JSON: it has no `contracts`",
            ));
        };
        for contract in contracts {
            let location = contract.get("location").and_then(Value::as_str);
            let score = contract.get("score").and_then(Value::as_f64);
            // One that could not be used had no score.
            if let (Some(location), Some(score)) = (location, score) {
                history.push(Past {
                    report: path.to_string_lossy().into_owned(),
                    location: location.to_owned(),
                    score,
                });
            }
        }
    }
    Ok(history)
}

fn read(path: &Path) -> Result<Value, Failure> {
    let bytes = files::local(path).map_err(|error| unusable(path, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| unusable(path, &format!("it is not JSON: {error}")))
}

fn unusable(path: &Path, message: &str) -> Failure {
    Failure::unusable(format!("cannot use the report `{}`: {message}", path.display()))
}
