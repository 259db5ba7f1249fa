//! Lists of exemptions only shrink: each one's length is written down here, and must be lowered with the list.

use crate::problem::Problem;
use crate::tree::Tree;

const LAW: &str = "exemptions";

/// A list's path and how many entries it may hold. Lower the number when the list shrinks; never raise it.
const LISTS: &[(&str, usize)] = &[
    ("crates/contract/tests/it/suite_exceptions.txt", 1),
    ("crates/identity/tests/it/wycheproof_policy.txt", 13),
];

pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    LISTS
        .iter()
        .filter_map(|(path, recorded)| check_one(tree, path, *recorded))
        .collect()
}

fn check_one(tree: &Tree, path: &str, recorded: usize) -> Option<Problem> {
    let entries = tree
        .file(path)
        .map_or(0, |file| file.text.lines().filter(|line| is_entry(line)).count());
    let message = match entries.cmp(&recorded) {
        std::cmp::Ordering::Equal => return None,
        std::cmp::Ordering::Greater => format!("{entries} exemptions where {recorded} are allowed: mend the cause"),
        std::cmp::Ordering::Less => format!("{entries} exemptions are left: write that number into `{}`", file!()),
    };
    Some(Problem::new(path, 1, LAW, message))
}

fn is_entry(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_list(text: &str, recorded: usize, ok: bool) {
        let tree = Tree::of(&[("list.txt", text)]);
        assert_eq!(check_one(&tree, "list.txt", recorded).is_none(), ok, "{text}");
    }

    #[test]
    fn a_list_never_grows_and_is_kept_exact() {
        check_list("# why\na because b\n\nc because d\n", 2, true);
        check_list("a because b\nc because d\n", 1, false);
        check_list("a because b\n", 2, false);
        check_list("", 0, true);
    }
}
