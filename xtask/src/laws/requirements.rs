//! Every requirement that is claimed has a row in the table, and every test that a row names is there and runs.

use super::attacks::tests;
use crate::problem::Problem;
use crate::tree::{File, Tree};

const LAW: &str = "requirements";
const PAGE: &str = "docs/requirements.md";
/// Where the tests are, whose files the page calls by their names.
const FOLDER: &str = "crates/portcullis/tests/it/";

/// The requirements that are claimed. The list only grows; never take one out.
const CLAIMED: &[&str] = &[
    "E7", "I1", "I3", "I4", "I6", "I7", "I8", "I9", "A4", "D1", "D2", "D3", "D4", "D5", "D6", "D7", "L1", "L2", "L3",
    "L4",
];

/// A row of the page.
struct Row<'p> {
    line: usize,
    id: &'p str,
    /// Every test that it names, with the file that is named before.
    tests: Vec<(&'p str, &'p str)>,
}

pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let Some(page) = tree.file(PAGE) else {
        return vec![Problem::new(PAGE, 1, LAW, "the page is not there".to_owned())];
    };
    let rows = rows(page);
    let unlisted = CLAIMED.iter().filter(|id| !rows.iter().any(|row| row.id == **id));
    let unlisted = unlisted.map(|id| Problem::new(PAGE, 1, LAW, format!("`{id}` is claimed and has no row")));
    let astray = rows.iter().flat_map(|row| astray(tree, row));
    unlisted.chain(astray).collect()
}

/// What is wrong with a row.
fn astray(tree: &Tree, row: &Row<'_>) -> Vec<Problem> {
    let problem = |message: String| Problem::new(PAGE, row.line, LAW, message);
    if row.tests.is_empty() {
        return vec![problem(format!("`{}` names no test", row.id))];
    }
    let is_there = |file: &str, name: &str| {
        let file = tree.file(&format!("{FOLDER}{file}"));
        file.is_some_and(|file| tests(file).contains(&name))
    };
    let gone = row.tests.iter().filter(|(file, name)| !is_there(file, name));
    gone.map(|(file, name)| problem(format!("no test that runs in `{file}` is called `{name}`")))
        .collect()
}

/// The rows of the table: an id, what it is, and the tests, each file before those that are in it.
fn rows(page: &File) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for (line, text) in (1..).zip(page.text.lines()) {
        let cells: Vec<&str> = text.strip_prefix("| ").unwrap_or_default().split(" | ").collect();
        if let [id, _, tests] = cells.as_slice()
            && is_id(id)
        {
            let tests = named(tests);
            rows.push(Row { line, id, tests });
        }
    }
    rows
}

/// A letter and a number.
fn is_id(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_ascii_uppercase())
        && text.len() > 1
        && letters.all(|digit| digit.is_ascii_digit())
}

/// The names between backticks, with their files.
fn named(cell: &str) -> Vec<(&str, &str)> {
    let mut file = "";
    let mut tests = Vec::new();
    for word in cell.split('`').skip(1).step_by(2) {
        if word.ends_with(".rs") {
            file = word;
        } else {
            tests.push((file, word));
        }
    }
    tests
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGINS: (&str, &str) = (
        "crates/portcullis/tests/it/logins.rs",
        "#[test]\nfn users_log_in() {}\n",
    );

    /// What is wrong with a row, in a tree where every other claim has one.
    #[track_caller]
    fn check_row(row: &str, expected: &[&str]) {
        let others = CLAIMED.iter().filter(|id| !row.starts_with(&format!("| {id} ")));
        let others: String = others
            .map(|id| format!("| {id} | x | `logins.rs`: `users_log_in` |\n"))
            .collect();
        let page = format!("| id | what | tests |\n| --- | --- | --- |\n{others}{row}\n");
        let tree = Tree::of(&[(PAGE, &page), LOGINS]);
        let found: Vec<String> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (problem, words) in found.iter().zip(expected) {
            assert!(problem.contains(words), "{problem}");
        }
    }

    #[test]
    fn a_row_names_tests_that_are_there() {
        check_row("| I1 | logins | `logins.rs`: `users_log_in` |", &[]);
        check_row(
            "| I1 | logins | `logins.rs`: `users_log_out` |",
            &["no test that runs in `logins.rs`"],
        );
        check_row(
            "| I1 | logins | `tokens.rs`: `users_log_in` |",
            &["no test that runs in `tokens.rs`"],
        );
        check_row("| I1 | logins | none |", &["`I1` names no test"]);
        check_row("| I2 | sessions | `logins.rs`: `gone` |", &["no test that runs"]);
        assert_eq!(check(&Tree::of(&[LOGINS])).len(), 1);
        let unlisted = check(&Tree::of(&[(PAGE, "| id | what | tests |"), LOGINS]));
        assert_eq!(unlisted.len(), CLAIMED.len());
    }
}
