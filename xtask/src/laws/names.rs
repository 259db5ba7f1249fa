//! A module's name says what it is about: none is called util, utils, common, helper, helpers or misc.

use crate::problem::Problem;
use crate::tree::{File, Tree};

const LAW: &str = "names";
const EMPTY: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc"];

pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let source = tree
        .files
        .iter()
        .filter(|file| file.is_rust() || file.path.ends_with(".py"));
    source
        .flat_map(|file| check_path(file).into_iter().chain(check_modules(file)))
        .collect()
}

fn check_path(file: &File) -> Option<Problem> {
    let mut parts = file.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    parts
        .find(|part| EMPTY.contains(part))
        .map(|part| problem(file, 1, part))
}

/// Modules written inside a file; those with a file of their own are found by their path.
fn check_modules(file: &File) -> Vec<Problem> {
    let inline = |line: &str| {
        let name = line
            .split("mod ")
            .nth(1)?
            .trim_end()
            .strip_suffix('{')?
            .trim()
            .to_owned();
        EMPTY.contains(&name.as_str()).then_some(name)
    };
    let found = (1..)
        .zip(file.bare.lines())
        .filter_map(|(number, line)| Some((number, inline(line)?)));
    found.map(|(number, name)| problem(file, number, &name)).collect()
}

fn problem(file: &File, line: usize, name: &str) -> Problem {
    Problem::new(
        &file.path,
        line,
        LAW,
        format!("`{name}` says nothing: name it after what is in it"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_file(path: &str, text: &str, problems: usize) {
        assert_eq!(check(&Tree::of(&[(path, text)])).len(), problems, "{path}");
    }

    #[test]
    fn empty_names_are_found_wherever_they_stand() {
        check_file("src/route.rs", "mod tests {\n", 0);
        check_file("src/utils.rs", "", 1);
        check_file("tests/common/mod.rs", "", 1);
        check_file("bench/misc.py", "", 1);
        check_file("src/a.rs", "pub(crate) mod helpers {\n", 1);
        check_file("src/a.rs", "// mod util {\n", 0);
        check_file("src/commons.rs", "", 0);
    }
}
