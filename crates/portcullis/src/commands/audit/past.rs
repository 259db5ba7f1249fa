//! Earlier reports: what was known.

use std::path::Path;

use portcullis_lint::baseline::Baseline;
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

fn read(path: &Path) -> Result<Value, Failure> {
    let bytes = files::local(path).map_err(|error| unusable(path, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| unusable(path, &format!("it is not JSON: {error}")))
}

fn unusable(path: &Path, message: &str) -> Failure {
    Failure::unusable(format!("cannot use the report `{}`: {message}", path.display()))
}
