//! The optional format and pattern tests of JSON-Schema-Test-Suite, read from the directory that the environment names.

use std::path::Path;

use serde_json::Value;

use super::Format;
use crate::conform::pattern::Pattern;

/// The directory `tests` of the suite.
const DIRECTORY: &str = "JSON_SCHEMA_TEST_SUITE";

/// Tests that we do not pass, by file and description, each with its reason.
const EXCEPTIONS: [(&str, &str); 0] = [];

#[test]
fn the_official_suite_agrees() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        eprintln!("SKIPPED: the format tests of JSON-Schema-Test-Suite; set {DIRECTORY} to its directory `tests`");
        return;
    };
    let mut wrong = Vec::new();
    let mut judged = 0;
    for draft in ["draft4", "draft2020-12"] {
        let optional = Path::new(&directory).join(draft).join("optional");
        for (file, group) in groups(&optional.join("format")).into_iter().chain(groups(&optional)) {
            judged += run(&file, &group, &mut wrong);
        }
    }
    assert!(judged > 400, "only {judged} tests were found in {directory}");
    assert!(wrong.is_empty(), "{} of {judged}: {wrong:#?}", wrong.len());
}

fn groups(directory: &Path) -> Vec<(String, Value)> {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let groups: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        groups
            .into_iter()
            .map(move |group| (name.clone(), group))
            .collect::<Vec<_>>()
    };
    files.iter().flat_map(read).collect()
}

/// Judges the strings of a group whose schema is a format or a pattern; says how many they were.
fn run(file: &str, group: &Value, wrong: &mut Vec<String>) -> usize {
    let format = group["schema"]["format"].as_str().and_then(Format::parse);
    let pattern = group["schema"]["pattern"]
        .as_str()
        .map(|source| Pattern::compile(source).unwrap());
    let mut judged = 0;
    for test in group["tests"].as_array().unwrap() {
        let (Some(text), Some(expected)) = (test["data"].as_str(), test["valid"].as_bool()) else {
            continue;
        };
        let found = match (format, &pattern) {
            (Some(format), _) => format.check(text),
            (None, Some(pattern)) => pattern.is_match(text).unwrap(),
            (None, None) => continue,
        };
        judged += 1;
        let description = test["description"].as_str().unwrap();
        if found != expected && !EXCEPTIONS.contains(&(file, description)) {
            wrong.push(format!("{file}: {description}: {text:?} should be {expected}"));
        }
    }
    judged
}
