//! Every module starts by saying what it is for and what it never does; a module's unit tests speak for themselves.

use crate::problem::Problem;
use crate::tree::Tree;

const LAW: &str = "head";

pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let spoken = tree.rust_files().filter(|file| !file.path.ends_with("/tests.rs"));
    let silent = spoken.filter(|file| !starts_with_words(&file.text));
    let message = "no `//!` at the top: say what the module is for, and what it never does";
    silent.map(|file| Problem::new(&file.path, 1, LAW, message)).collect()
}

fn starts_with_words(text: &str) -> bool {
    let first = text.lines().next().and_then(|line| line.strip_prefix("//!"));
    first.is_some_and(|words| words.split_whitespace().count() >= 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_source(source: &str, problems: usize) {
        assert_eq!(check(&Tree::of(&[("src/a.rs", source)])).len(), problems, "{source}");
    }

    #[test]
    fn a_module_introduces_itself() {
        check_source("//! Judges one answer.\nfn f() {}\n", 0);
        check_source("// Judges one answer.\n", 1);
        check_source("use std::fmt;\n//! Judges one answer.\n", 1);
        check_source("//! x\n", 1);
        check_source("", 1);
    }

    #[test]
    fn unit_tests_need_no_introduction() {
        assert_eq!(check(&Tree::of(&[("src/a/tests.rs", "use super::*;\n")])), []);
    }
}
