//! Which contracts are meant: files as they are named, and what of a directory is one.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Failure;

/// Files of directories that are looked at.
const FILES_MAX: usize = 100_000;
/// How much of a file is read to see whether it is a contract.
const HEAD_BYTES: u64 = 64 << 10;
/// Directories inside one another.
const DEPTH_MAX: usize = 32;

/// The contracts at these paths, in the order given, and those of a directory in the order of their names; each once.
///
/// # Errors
/// A path is not there, a directory cannot be read, or holds no contract.
pub(super) fn contracts(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        let kind = fs::metadata(path)
            .map_err(|error| Failure::unusable(format!("cannot read `{}`: {error}", path.display())))?;
        if !kind.is_dir() {
            found.push(path.clone());
            continue;
        }
        let mut inside = Vec::new();
        let mut looked_at = 0;
        below(path, 0, &mut looked_at, &mut inside)?;
        if inside.is_empty() {
            return Err(Failure::unusable(format!(
                "no contract is in `{}`: no file there begins with `openapi` or `swagger`",
                path.display()
            )));
        }
        found.extend(inside);
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|path| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())));
    Ok(found)
}

fn below(directory: &Path, depth: usize, looked_at: &mut usize, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable =
        |error: &std::io::Error| Failure::unusable(format!("cannot read `{}`: {error}", directory.display()));
    let entries = fs::read_dir(directory).map_err(|error| unreadable(&error))?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(|error| unreadable(&error))?.path());
    }
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Dependencies, histories and links that lead elsewhere are not what is meant by a directory.
        if name.starts_with('.') || name == "node_modules" || path.is_symlink() {
            continue;
        }
        *looked_at += 1;
        if *looked_at > FILES_MAX {
            return Err(Failure::unusable(format!(
                "more than {FILES_MAX} files: name a smaller directory"
            )));
        }
        if path.is_dir() {
            if depth < DEPTH_MAX {
                below(&path, depth + 1, looked_at, found)?;
            }
        } else if is_contract(&path) {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether a file looks like the root of a contract.
fn is_contract(path: &Path) -> bool {
    let extension = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase();
    if !matches!(&*extension, "yaml" | "yml" | "json") {
        return false;
    }
    let mut head = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
    if read.is_err() {
        return false;
    }
    let head = String::from_utf8_lossy(&head);
    let says = |key: &str| {
        let is_member = |line: &str| {
            let line = line.trim_start_matches(['\u{feff}', '{', ' ', '\t']);
            let line = line.strip_prefix('"').unwrap_or(line);
            let rest = line
                .strip_prefix(key)
                .map(|rest| rest.strip_prefix('"').unwrap_or(rest));
            rest.is_some_and(|rest| rest.trim_start().starts_with(':'))
        };
        // In YAML at the margin; JSON may stand in one line, with other members first.
        let quoted = format!("\"{key}\"");
        head.lines().any(|line| !line.starts_with(' ') && is_member(line))
            || (extension == "json" && head.contains(&quoted))
    };
    says("openapi") || says("swagger")
}
