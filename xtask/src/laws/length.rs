//! A file has one subject: at most 500 lines outside its tests.

use crate::code;
use crate::problem::Problem;
use crate::tree::{File, Tree};

const LAW: &str = "length";
const LINES_MAX: usize = 500;

pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    tree.files.iter().filter_map(check_one).collect()
}

fn check_one(file: &File) -> Option<Problem> {
    let lines = lines(file);
    (lines > LINES_MAX).then(|| {
        let message = format!("{lines} lines outside tests, at most {LINES_MAX}: split it by subject");
        Problem::new(&file.path, LINES_MAX + 1, LAW, message)
    })
}

/// Zero for what is no source: data and documents have their own measure.
fn lines(file: &File) -> usize {
    if code::is_test_path(&file.path) {
        0
    } else if file.is_rust() {
        code::lines_outside_tests(&file.bare)
    } else if file.path.ends_with(".py") || file.text.starts_with("#!") {
        file.text.lines().count()
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_file(path: &str, text: &str, problems: usize) {
        assert_eq!(check(&Tree::of(&[(path, text)])).len(), problems, "{path}");
    }

    #[test]
    fn only_source_outside_tests_counts() {
        check_file("src/a.rs", &"x;\n".repeat(500), 0);
        check_file("src/a.rs", &"x;\n".repeat(501), 1);
        check_file(
            "src/a.rs",
            &("x;\n".repeat(400) + "#[cfg(test)]\nmod tests {\n" + &"y;\n".repeat(400)),
            0,
        );
        check_file("crates/a/tests/it/main.rs", &"x;\n".repeat(501), 0);
        check_file(
            "bench/run",
            &("#!/usr/bin/env python3\n".to_owned() + &"x\n".repeat(500)),
            1,
        );
        check_file("docs/a.md", &"x\n".repeat(501), 0);
    }
}
