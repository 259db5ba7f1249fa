//! A folder of contracts: one API for each, with the settings of the one that names the folder.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use portcullis_contract::document::{Problem, parse};

use crate::config::api::Api;
use crate::config::contract::Source;
use crate::files;

/// No folder has more files.
const FILES_MAX: usize = 10_000;
/// No folder has more contracts.
const CONTRACTS_MAX: usize = 1_000;

/// The APIs, those of folders each in the place of its folder.
pub(super) fn expanded(apis: &[Api], location: &str, problems: &mut Vec<Problem>) -> Vec<Api> {
    let mut all: Vec<Api> = Vec::new();
    // The names that are written were compared before.
    let mut names: HashSet<String> = HashSet::new();
    let is_folder = |api: &&Api| matches!(api.contract, Source::Directory(_));
    names.extend(apis.iter().filter(|api| !is_folder(api)).map(|api| api.name.clone()));
    for api in apis {
        let Source::Directory(folder) = &api.contract else {
            all.push(api.clone());
            continue;
        };
        let found = contracts(folder).unwrap_or_else(|error| {
            let message = format!("cannot use the contracts of `{}`: {error}", folder.display());
            problems.push(Problem::error(location, api.contract_span, message));
            Vec::new()
        });
        for path in found {
            let one = Api {
                name: Source::File(path.clone()).stem(),
                contract: Source::File(path.clone()),
                folder: Some(folder.clone()),
                ..api.clone()
            };
            if !names.insert(one.name.clone()) {
                let message = format!(
                    "the contract `{}` makes a second API called `{}`",
                    path.display(),
                    one.name
                );
                let help = "rename the file: what stands before its first dot is the name";
                problems.push(Problem::error(location, api.contract_span, message).help(help));
            }
            all.push(one);
        }
    }
    all
}

/// The contracts in a folder, by name. Parts of contracts, overlays and other files are none; what cannot be read may be
/// one, and is told when it is loaded.
fn contracts(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let listed = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for (number, entry) in listed.enumerate() {
        if number >= FILES_MAX {
            return Err(format!("it has more than {FILES_MAX} files"));
        }
        let path = entry.map_err(|error| error.to_string())?.path();
        if is_named_like_one(&path) && path.is_file() && is_one(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    match paths.len() {
        0 => Err("there is none; put OpenAPI files there, or name one with `contract: FILE`".to_owned()),
        1..=CONTRACTS_MAX => Ok(paths),
        _ => Err(format!("there are more than {CONTRACTS_MAX}")),
    }
}

/// Whether a file may be a contract by its name: YAML or JSON, and not hidden.
pub(crate) fn is_named_like_one(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_none_or(|name| name.to_string_lossy().starts_with('.'));
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    !hidden && extension.is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
}

fn is_one(path: &Path) -> bool {
    let root = files::local(path).map(|bytes| parse(&path.to_string_lossy(), &bytes));
    let Ok(Ok(root)) = root else { return true };
    ["openapi", "swagger"].iter().any(|member| root.get(member).is_some())
}
