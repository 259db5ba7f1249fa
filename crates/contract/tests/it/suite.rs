//! The required tests of JSON-Schema-Test-Suite, drafts 4 and 2020-12, its optional tests of patterns, and
//! `optional/format` for the formats that are asserted. The suite is read from the directory in `JSON_SCHEMA_TEST_SUITE` (`json/` of PyPI's `jsonschema` source).
//!
//! A test that fails has to be named in `suite_exceptions.txt`, and a test named there has to fail: the list only
//! shrinks.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_contract::conform::format::Format;
use portcullis_contract::conform::json::{Compiler, Direction, Limits, Scratch, Undeclared};
use portcullis_contract::document::{self, Dialect, Fetch};
use serde_json::Value;

/// One test of the suite: its name, the schema, the data, and whether the data is valid.
struct Case {
    name: String,
    schema: Value,
    data: Value,
    valid: bool,
}

#[test]
fn required_and_format_tests_of_both_drafts() {
    let Some(suite) = suite() else {
        println!("skipped: JSON_SCHEMA_TEST_SUITE is not set; scripts/test sets it");
        return;
    };
    let mut failed = BTreeSet::new();
    let mut run = 0;
    for (draft, dialect) in [("draft4", Dialect::Draft4), ("draft2020-12", Dialect::Draft202012)] {
        for (directory, formats) in [("", false), ("optional", false), ("optional/format", true)] {
            for case in cases(&suite, draft, directory)
                .into_iter()
                .filter(|case| counts(directory, case))
            {
                run += 1;
                if judge(&suite, dialect, formats, &case) != Ok(case.valid) {
                    failed.insert(case.name);
                }
            }
        }
    }
    let exceptions: BTreeSet<String> = include_str!("suite_exceptions.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split("  #").next().unwrap_or_default().trim().to_owned())
        .collect();
    println!("{run} tests of the suite, {} exceptions", exceptions.len());
    assert!(run > 1_800, "only {run} tests were found");
    let new: Vec<_> = failed.difference(&exceptions).collect();
    let gone: Vec<_> = exceptions.difference(&failed).collect();
    assert!(new.is_empty(), "{} tests fail that should pass:\n{new:#?}", new.len());
    assert!(
        gone.is_empty(),
        "these exceptions pass now, so take them out:\n{gone:#?}"
    );
}

fn suite() -> Option<PathBuf> {
    std::env::var_os("JSON_SCHEMA_TEST_SUITE").map(PathBuf::from)
}

fn cases(suite: &Path, draft: &str, directory: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut files: Vec<PathBuf> = fs::read_dir(suite.join("tests").join(draft).join(directory))
        .expect("the suite has this directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    for file in files {
        let groups: Vec<Value> = serde_json::from_slice(&fs::read(&file).expect("readable")).expect("JSON");
        let stem = file.file_stem().expect("a name").to_string_lossy().into_owned();
        for group in groups {
            for test in group["tests"].as_array().expect("tests") {
                let text = |value: &Value| value["description"].as_str().expect("a description").to_owned();
                cases.push(Case {
                    name: format!("{draft}/{directory}/{stem}: {}: {}", text(&group), text(test)),
                    schema: group["schema"].clone(),
                    data: test["data"].clone(),
                    valid: test["valid"].as_bool().expect("a verdict"),
                });
            }
        }
    }
    cases
}

/// Whether the case speaks of something that the validator promises.
fn counts(directory: &str, case: &Case) -> bool {
    match directory {
        "optional" => case.name.contains("regex"),
        "optional/format" => case.schema["format"]
            .as_str()
            .is_none_or(|name| Format::parse(name).is_some()),
        _ => true,
    }
}

fn judge(suite: &Path, dialect: Dialect, formats: bool, case: &Case) -> Result<bool, String> {
    let mut remotes = Remotes {
        suite,
        root: case.schema.to_string(),
    };
    let document = document::load_schema("mem:///schema.json", dialect, &mut remotes)
        .map_err(|problems| format!("{problems:?}"))?;
    let mut compiler = Compiler::new(&document);
    if !formats {
        compiler = compiler.without_formats();
    }
    let schema = compiler.schema(document.root(), Direction::Request);
    let (program, _, problems) = compiler.finish();
    if !problems.is_empty() {
        return Err(format!("{problems:?}"));
    }
    let data = case.data.to_string();
    let verdict = program.judge(
        schema,
        data.as_bytes(),
        Undeclared::Allow,
        &Limits::default(),
        &mut Scratch::default(),
    );
    Ok(verdict.is_ok())
}

/// The suite's remote documents, and the metaschemas.
struct Remotes<'s> {
    suite: &'s Path,
    root: String,
}

impl Fetch for Remotes<'_> {
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String> {
        if location.starts_with("mem:") {
            return Ok(self.root.clone().into_bytes());
        }
        if let Some(path) = location.strip_prefix("http://localhost:1234/") {
            return fs::read(self.suite.join("remotes").join(path)).map_err(|error| error.to_string());
        }
        metaschema(location)
            .map(String::into_bytes)
            .ok_or_else(|| format!("{location} is not known"))
    }
}

/// The metaschemas of the drafts, as the other validator carries them.
fn metaschema(location: &str) -> Option<String> {
    let base = referencing::uri::from_str(location).ok()?;
    let found = referencing::SPECIFICATIONS.resolver(base).lookup(location).ok()?;
    Some(found.contents().to_string())
}
