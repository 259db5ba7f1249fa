//! No `unsafe` in our source, and every crate takes the lints of the workspace, which forbid it.

use crate::code::has_word;
use crate::problem::Problem;
use crate::tree::{File, Tree};

const LAW: &str = "unsafety";

pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let words = tree.rust_files().flat_map(check_words);
    let manifests = tree
        .packages
        .iter()
        .filter_map(|package| check_lints(tree.file(&package.manifest)?));
    words
        .chain(manifests)
        .chain(tree.file("Cargo.toml").and_then(check_workspace))
        .collect()
}

fn check_words(file: &File) -> Vec<Problem> {
    let lines = (1..)
        .zip(file.bare.lines())
        .filter(|(_, line)| has_word(line, "unsafe"));
    lines
        .map(|(number, _)| Problem::new(&file.path, number, LAW, "`unsafe` is forbidden: find the safe way"))
        .collect()
}

fn check_lints(manifest: &File) -> Option<Problem> {
    let shared = manifest
        .text
        .split("[lints]")
        .nth(1)
        .is_some_and(|after| after.trim_start().starts_with("workspace = true"));
    (!shared).then(|| {
        Problem::new(
            &manifest.path,
            1,
            LAW,
            "the lints are not the workspace's: add `[lints] workspace = true`",
        )
    })
}

fn check_workspace(manifest: &File) -> Option<Problem> {
    let forbids = manifest
        .text
        .lines()
        .any(|line| line.trim() == "unsafe_code = \"forbid\"");
    (!forbids).then(|| {
        Problem::new(
            &manifest.path,
            1,
            LAW,
            "`unsafe_code = \"forbid\"` is gone from the workspace's lints",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::Package;

    fn check_files(files: &[(&str, &str)], problems: usize) {
        let mut tree = Tree::of(files);
        let manifest = "crates/a/Cargo.toml".to_owned();
        tree.packages.push(Package {
            manifest,
            ..Package::default()
        });
        assert_eq!(check(&tree).len(), problems, "{files:?}");
    }

    #[test]
    fn the_word_is_found_in_code_only() {
        check_files(&[("src/a.rs", "// unsafe\nlet a = \"unsafe\";\n")], 0);
        check_files(&[("src/a.rs", "unsafe { f() }\n")], 1);
        check_files(&[("tests/a.rs", "unsafe fn f() {}\n")], 1);
    }

    #[test]
    fn every_crate_takes_the_lints() {
        check_files(&[("crates/a/Cargo.toml", "[package]\n[lints]\nworkspace = true\n")], 0);
        check_files(&[("crates/a/Cargo.toml", "[package]\n")], 1);
        check_files(
            &[("Cargo.toml", "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n")],
            0,
        );
        check_files(&[("Cargo.toml", "[workspace.lints.rust]\nunsafe_code = \"warn\"\n")], 1);
    }
}
