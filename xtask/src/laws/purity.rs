//! Pure crates know no runtime, network, database, file, process, clock or randomness.
//!
//! Looks at what they ship with, however far away, and at the words of their source; tests may do as they like.

use crate::code::has_word;
use crate::package::Package;
use crate::problem::Problem;
use crate::tree::{File, Tree};

const LAW: &str = "purity";

/// Folders below `crates/` whose crate is pure.
const PURE: &[&str] = &["audit-log", "contract", "decision", "identity", "lint"];

/// Crates that do input and output, or bring a runtime along.
const IMPURE_CRATES: &[&str] = &[
    "async-std",
    "axum",
    "getrandom",
    "hyper",
    "hyper-util",
    "mio",
    "notify",
    "postgres",
    "rand",
    "redis",
    "reqwest",
    "rusqlite",
    "rustix",
    "smol",
    "socket2",
    "sqlx",
    "time",
    "tokio",
    "tokio-postgres",
    "ureq",
];

/// Features with which a crate that is pure otherwise is not: calendars may be known, the date of today may not.
const IMPURE_FEATURES: &[&str] = &["chrono/clock", "chrono/now"];

/// Words of the standard library that touch the world.
const IMPURE_WORDS: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "fs::File",
    "fs::read",
    "File::open",
    "Instant::now",
    "SystemTime",
    "stdin",
    "stdout",
    "stderr",
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
];

/// Threads that have ended when the function returns that started them. The caller says how many; nobody else knows of them.
const SCOPED_THREADS: &[&str] = &["std::thread::scope", "std::thread::Builder::new().spawn_scoped"];

pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for name in PURE {
        let manifest = format!("crates/{name}/Cargo.toml");
        let package = tree.packages.iter().find(|p| p.manifest == manifest);
        problems.extend(
            package
                .iter()
                .flat_map(|package| check_dependencies(tree, package, &manifest)),
        );
        let source = format!("crates/{name}/src/");
        let files = tree.rust_files().filter(|file| file.path.starts_with(&source));
        problems.extend(files.flat_map(check_words));
    }
    problems
}

fn check_dependencies(tree: &Tree, package: &Package, manifest: &str) -> Vec<Problem> {
    let impure = package
        .direct
        .union(&package.reached)
        .filter(|name| IMPURE_CRATES.contains(&name.as_str()));
    let features = package.reached_features.iter();
    let features = features.filter(|feature| IMPURE_FEATURES.contains(&feature.as_str()));
    impure
        .chain(features)
        .map(|name| {
            let line = tree.file(manifest).map_or(1, |file| file.line_of(name));
            let message = format!("a pure crate ships with `{name}`: take what it gives as an argument");
            Problem::new(manifest, line, LAW, message)
        })
        .collect()
}

fn check_words(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, line) in file.shipped_lines() {
        let line = SCOPED_THREADS
            .iter()
            .fold(line.to_owned(), |line, scoped| line.replace(scoped, ""));
        for word in IMPURE_WORDS.iter().filter(|word| has_word(&line, word)) {
            let message = format!("a pure crate says `{word}`: leave it to the caller");
            problems.push(Problem::new(&file.path, number, LAW, message));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn check_source(source: &str, lines: &[usize]) {
        let tree = Tree::of(&[
            ("crates/contract/src/a.rs", source),
            ("crates/gateway/src/a.rs", source),
        ]);
        let found: Vec<usize> = check(&tree).into_iter().map(|problem| problem.line).collect();
        assert_eq!(found, lines, "{source}");
    }

    #[test]
    fn the_world_is_not_named_in_source() {
        check_source("use std::fmt;\nfn f() {}\n", &[]);
        check_source("use std::fs;\nlet t = Instant::now();\n", &[1, 2]);
        check_source(
            "std::thread::scope(|scope| {});\nstd::thread::Builder::new().spawn_scoped(scope, f);\n",
            &[],
        );
        check_source(
            "std::thread::spawn(f);\nstd::thread::Builder::new().spawn(f);\nuse std::thread;\n",
            &[1, 2, 3],
        );
        check_source("// std::fs\nlet x = \"std::net\";\n", &[]);
        check_source("fn f() { println!(); }\n", &[1]);
        check_source("fn f() {}\n#[cfg(test)]\nmod tests {\n use std::fs;\n}\n", &[]);
    }

    #[test]
    fn a_far_dependency_counts() {
        let manifest = "crates/contract/Cargo.toml";
        let mut tree = Tree::of(&[(manifest, "[dependencies]\nserde = \"1\"\ntokio = \"1\"\n")]);
        tree.packages.push(Package {
            manifest: manifest.to_owned(),
            direct: BTreeSet::from(["serde".to_owned(), "tokio".to_owned()]),
            reached: BTreeSet::from(["chrono".to_owned(), "mio".to_owned(), "tokio".to_owned()]),
            reached_features: BTreeSet::from(["chrono/alloc".to_owned()]),
        });
        let problems = check(&tree);
        assert_eq!(problems.iter().map(|p| p.line).collect::<Vec<_>>(), [1, 3]);
        let package = tree.packages.last_mut().unwrap();
        package.reached_features.insert("chrono/now".to_owned());
        assert_eq!(check(&tree).len(), 3);
    }
}
