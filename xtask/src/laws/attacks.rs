//! Every catalogued attack that is required by now has a test that carries its id and runs, and a row in the catalogue; it is required
//! once.

use std::collections::BTreeSet;

use crate::problem::Problem;
use crate::threats::REQUIRED;
use crate::tree::{File, Tree};

const LAW: &str = "attacks";
const LIST: &str = "xtask/src/threats.rs";
const CATALOGUE: &str = "docs/threats.md";

pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let untested = missing(tree, REQUIRED).map(|id| {
        let message = format!("no test that runs is called `{id}_...`: write one that fails without the check");
        problem(tree, id, message)
    });
    let unlisted = unlisted(tree, REQUIRED).map(|id| problem(tree, id, format!("`{id}` has no row in `{CATALOGUE}`")));
    let doubled = doubled(REQUIRED).map(|id| problem(tree, id, format!("`{id}` is required twice: take one out")));
    untested.chain(unlisted).chain(doubled).collect()
}

/// The ids that stand behind the same one.
fn doubled<'a>(ids: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let mut seen = BTreeSet::new();
    ids.iter().copied().filter(move |id| !seen.insert(*id))
}

fn unlisted<'a>(tree: &Tree, ids: &'a [&str]) -> impl Iterator<Item = &'a str> {
    let catalogue = tree.file(CATALOGUE).map_or("", |file| file.text.as_str()).to_owned();
    ids.iter()
        .copied()
        .filter(move |id| !catalogue.contains(&format!("| {} |", id.replace('_', "-"))))
}

fn missing<'a>(tree: &Tree, ids: &'a [&str]) -> impl Iterator<Item = &'a str> {
    let tests: Vec<&str> = tree.rust_files().flat_map(tests).collect();
    ids.iter()
        .copied()
        .filter(move |id| !tests.iter().any(|name| is_for(name, id)))
}

fn problem(tree: &Tree, id: &str, message: String) -> Problem {
    let line = tree.file(LIST).map_or(1, |list| list.line_of(&format!("\"{id}\"")));
    Problem::new(LIST, line, LAW, message)
}

/// `http_1_x` is for `http_1`, `http_10_x` is not.
fn is_for(name: &str, id: &str) -> bool {
    name.strip_prefix(id)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// The names of the functions below a `#[test]` (or a runtime's) that no `#[ignore]` switches off.
pub(super) fn tests(file: &File) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut is_test, mut is_ignored) = (false, false);
    for line in file.bare.lines().map(str::trim) {
        if line.starts_with("#[") {
            is_test |= line == "#[test]" || line.contains("::test]") || line.contains("::test(");
            is_ignored |= line.starts_with("#[ignore");
        } else if let Some(name) = function_name(line) {
            found.extend((is_test && !is_ignored).then_some(name));
            (is_test, is_ignored) = (false, false);
        }
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let after = line
        .strip_prefix("fn ")
        .or_else(|| line.split_once(" fn ").map(|(_, after)| after))?;
    after.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_source(source: &str, missing_ids: &[&str]) {
        let tree = Tree::of(&[("tests/a.rs", source)]);
        assert_eq!(missing(&tree, &["http_1"]).collect::<Vec<_>>(), missing_ids, "{source}");
    }

    #[test]
    fn a_test_carries_the_id() {
        check_source("#[test]\nfn http_1_two_lengths() {}\n", &[]);
        check_source(
            "#[tokio::test(flavor = \"current_thread\")]\nasync fn http_1_two_lengths() {}\n",
            &[],
        );
        check_source("#[test]\nfn http_10_bombs() {}\n", &["http_1"]);
        check_source("fn http_1_two_lengths() {}\n", &["http_1"]);
        check_source("#[test]\n#[ignore]\nfn http_1_two_lengths() {}\n", &["http_1"]);
        check_source("// #[test]\n// fn http_1_two_lengths() {}\n", &["http_1"]);
        check_source("#[test]\nfn other() {}\nfn http_1_x() {}\n", &["http_1"]);
    }

    #[test]
    fn an_attack_is_required_once() {
        let ids = ["http_1", "http_2", "http_1", "http_10", "http_1"];
        assert_eq!(doubled(&ids).collect::<Vec<_>>(), ["http_1", "http_1"]);
        assert_eq!(doubled(REQUIRED).next(), None);
    }

    #[test]
    fn the_catalogue_has_a_row() {
        let tree = Tree::of(&[(CATALOGUE, "| http-1 | smuggling | 400 |\n| http-10 | bombs | 413 |\n")]);
        assert_eq!(
            unlisted(&tree, &["http_1", "http_10", "http_3"]).collect::<Vec<_>>(),
            ["http_3"]
        );
    }
}
