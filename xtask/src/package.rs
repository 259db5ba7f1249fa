//! The packages of the workspace and what each depends on, as `cargo metadata` tells. Never builds anything.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The only platform whose dependencies are read: without a filter cargo fetches every other platform's too.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

#[derive(Debug, Default)]
pub(crate) struct Package {
    /// The manifest's path relative to the workspace.
    pub(crate) manifest: String,
    /// What it names in its manifest and ships with; no development dependencies.
    pub(crate) direct: BTreeSet<String>,
    /// Everything that it ships with, however far away.
    pub(crate) reached: BTreeSet<String>,
    /// The features of what it ships with, as `crate/feature`.
    pub(crate) reached_features: BTreeSet<String>,
}

/// Asks cargo for the workspace's own packages.
pub(crate) fn read(root: &Path) -> Result<Vec<Package>, String> {
    let metadata = ask(root, &["metadata", "--format-version", "1", "--no-deps"])?;
    let metadata = serde_json::from_str(&metadata).map_err(|error| format!("`cargo metadata`: {error}"))?;
    let own = packages(&metadata, &root.to_string_lossy()).into_iter();
    own.map(|(name, package)| {
        // `cargo metadata` would count optional dependencies that nobody switches on.
        let tree = ["tree", "--package", name.as_str(), "--all-features"];
        let shown = [
            "--edges", "normal", "--prefix", "none", "--format", "{p}|{f}", "--target", PLATFORM,
        ];
        let (reached, reached_features) = shipped(&ask(root, &[&tree[..], &shown[..]].concat())?, &name);
        Ok(Package {
            reached,
            reached_features,
            ..package
        })
    })
    .collect()
}

/// What cargo answers.
fn ask(root: &Path, arguments: &[&str]) -> Result<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let command = arguments.first().copied().unwrap_or_default();
    let output = Command::new(cargo)
        .args(arguments)
        .arg("--locked")
        .current_dir(root)
        .output()
        .map_err(|error| format!("`cargo {command}` did not start: {error}"))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`cargo {command}` failed: {}", error.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The workspace's own packages with their names; what they reach is not known here.
fn packages(metadata: &Value, root: &str) -> Vec<(String, Package)> {
    let own = array(metadata, "packages").filter_map(|package| {
        let dependencies = array(package, "dependencies").filter(|dependency| ships(dependency));
        let read = Package {
            manifest: text(package, "manifest_path")?
                .trim_start_matches(root)
                .trim_start_matches('/')
                .to_owned(),
            direct: dependencies
                .filter_map(|dependency| Some(text(dependency, "name")?.to_owned()))
                .collect(),
            ..Package::default()
        };
        Some((text(package, "name")?.to_owned(), read))
    });
    own.collect()
}

/// Whether a dependency is more than a development or a build one.
fn ships(dependency: &Value) -> bool {
    dependency.get("kind").is_some_and(Value::is_null)
}

/// The names and the features in the lines of `cargo tree`, the package itself left out.
fn shipped(tree: &str, own: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut names, mut all_features) = (BTreeSet::new(), BTreeSet::new());
    for line in tree.lines() {
        let (package, features) = line.split_once('|').unwrap_or((line, ""));
        let Some(name) = package.split_whitespace().next().filter(|name| *name != own) else {
            continue;
        };
        let features = features.split_whitespace().next().unwrap_or_default();
        let features = features.split(',').filter(|feature| !feature.is_empty());
        all_features.extend(features.map(|feature| format!("{name}/{feature}")));
        names.insert(name.to_owned());
    }
    (names, all_features)
}

fn array<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn reads_what_is_named() {
        let dependency = |name: &str, kind: Value| serde_json::json!({"name": name, "kind": kind});
        let metadata = serde_json::json!({"packages": [
            {"name": "a", "manifest_path": "/w/crates/a/Cargo.toml",
             "dependencies": [dependency("b", Value::Null), dependency("t", "dev".into())]},
        ]});
        let packages = packages(&metadata, "/w");
        let (name, a) = packages.first().unwrap();
        assert_eq!((name.as_str(), a.manifest.as_str()), ("a", "crates/a/Cargo.toml"));
        assert_eq!(a.direct, set(&["b"]));
    }

    #[test]
    fn reads_what_is_reached_with_its_features() {
        let tree = "a v1.0.0 (/w/crates/a)|extra\nb v0.4.45|\nc v1.0.0|alloc,now\nd v2.0.0 (proc-macro)|std (*)\n";
        let (names, features) = shipped(tree, "a");
        assert_eq!(names, set(&["b", "c", "d"]));
        assert_eq!(features, set(&["c/alloc", "c/now", "d/std"]));
    }
}
