//! The packages of the workspace and what each depends on, as `cargo metadata` tells. Never builds anything.

use std::collections::{BTreeSet, HashMap};
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
}

/// Asks cargo for the workspace's own packages.
pub(crate) fn read(root: &Path) -> Result<Vec<Package>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--all-features",
            "--filter-platform",
            PLATFORM,
        ])
        .current_dir(root)
        .output()
        .map_err(|error| format!("`cargo metadata` did not start: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "`cargo metadata` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ));
    }
    let metadata = serde_json::from_slice(&output.stdout).map_err(|error| format!("`cargo metadata`: {error}"))?;
    Ok(packages(&metadata, &root.to_string_lossy()))
}

fn packages(metadata: &Value, root: &str) -> Vec<Package> {
    let graph = graph(metadata);
    let names: HashMap<&str, &str> = array(metadata, "packages")
        .filter_map(|p| Some((text(p, "id")?, text(p, "name")?)))
        .collect();
    array(metadata, "packages")
        .filter_map(|package| read_one(package, root, &graph, &names))
        .collect()
}

type Graph<'a> = HashMap<&'a str, Vec<&'a str>>;

/// Package id to the ids that it ships with.
fn graph(metadata: &Value) -> Graph<'_> {
    let nodes = metadata
        .get("resolve")
        .map(|resolve| array(resolve, "nodes"))
        .into_iter()
        .flatten();
    nodes
        .filter_map(|node| {
            let deps = array(node, "deps").filter(|dep| array(dep, "dep_kinds").any(ships));
            Some((text(node, "id")?, deps.filter_map(|dep| text(dep, "pkg")).collect()))
        })
        .collect()
}

/// Whether a dependency is more than a development or a build one.
fn ships(dependency: &Value) -> bool {
    dependency.get("kind").is_some_and(Value::is_null)
}

/// `None` for a package that comes from a registry.
fn read_one(package: &Value, root: &str, graph: &Graph<'_>, names: &HashMap<&str, &str>) -> Option<Package> {
    let from_registry = package.get("source").is_some_and(Value::is_string);
    let manifest = text(package, "manifest_path").filter(|_| !from_registry)?;
    let dependencies = array(package, "dependencies").filter(|dependency| ships(dependency));
    Some(Package {
        manifest: manifest.trim_start_matches(root).trim_start_matches('/').to_owned(),
        direct: dependencies
            .filter_map(|dependency| Some(text(dependency, "name")?.to_owned()))
            .collect(),
        reached: reached(text(package, "id")?, graph, names),
    })
}

fn reached(id: &str, graph: &Graph<'_>, names: &HashMap<&str, &str>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<&str> = graph.get(id).cloned().unwrap_or_default();
    while let Some(next) = waiting.pop() {
        if seen.insert(next) {
            waiting.extend(graph.get(next).into_iter().flatten());
        }
    }
    seen.into_iter()
        .filter_map(|id| names.get(id).map(|name| (*name).to_owned()))
        .collect()
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

    #[test]
    fn reads_direct_and_far_dependencies() {
        let dependency = |name: &str, kind: Value| serde_json::json!({"name": name, "kind": kind});
        let edge = |pkg: &str, kind: Value| serde_json::json!({"pkg": pkg, "dep_kinds": [{"kind": kind}]});
        let metadata = serde_json::json!({
            "packages": [
                {"id": "a 1", "name": "a", "source": null, "manifest_path": "/w/crates/a/Cargo.toml",
                 "dependencies": [dependency("b", Value::Null), dependency("t", "dev".into())]},
                {"id": "b 1", "name": "b", "source": "registry", "manifest_path": "/r/b/Cargo.toml", "dependencies": []},
                {"id": "c 1", "name": "c", "source": "registry", "manifest_path": "/r/c/Cargo.toml", "dependencies": []},
                {"id": "t 1", "name": "t", "source": "registry", "manifest_path": "/r/t/Cargo.toml", "dependencies": []},
            ],
            "resolve": {"nodes": [
                {"id": "a 1", "deps": [edge("b 1", Value::Null), edge("t 1", "dev".into())]},
                {"id": "b 1", "deps": [edge("c 1", Value::Null)]},
            ]},
        });
        let packages = packages(&metadata, "/w");
        let a = packages.first().unwrap();
        assert_eq!(a.manifest, "crates/a/Cargo.toml");
        assert_eq!(a.direct, BTreeSet::from(["b".to_owned()]));
        assert_eq!(a.reached, BTreeSet::from(["b".to_owned(), "c".to_owned()]));
        assert_eq!(packages.len(), 1);
    }
}
