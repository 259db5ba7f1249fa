//! What was done to a bundle, seen from its hashes.

use super::report::Defect;
use crate::merkle::Hash;

/// The first place at which entries are not those that are expected, and what that looks like. `None` where they are.
pub(super) fn difference(found: &[Hash], expected: &[Hash]) -> Option<(usize, Defect)> {
    let same = found
        .iter()
        .zip(expected)
        .take_while(|(found, expected)| found == expected)
        .count();
    let (found, expected) = (found.get(same..)?, expected.get(same..)?);
    let defect = match (found, expected) {
        ([], []) => return None,
        ([], _) => Defect::Removed,
        (_, []) => Defect::Inserted,
        ([_, after_found @ ..], [_, after_expected @ ..]) => {
            // A removed entry draws everything behind it forwards, even across bundles; an inserted one pushes it back.
            if begins_alike(found, after_expected) {
                Defect::Removed
            } else if begins_alike(after_found, expected) {
                Defect::Inserted
            } else if found.first().is_some_and(|first| after_expected.contains(first)) {
                Defect::Reordered
            } else {
                Defect::Changed
            }
        }
    };
    Some((same, defect))
}

/// Whether two rows are the same as far as both go, which has to be somewhere.
fn begins_alike(left: &[Hash], right: &[Hash]) -> bool {
    !left.is_empty() && !right.is_empty() && left.iter().zip(right).all(|(left, right)| left == right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::leaf_hash;

    fn hashes(letters: &str) -> Vec<Hash> {
        letters.bytes().map(|letter| leaf_hash(&[letter])).collect()
    }

    fn check(found: &str, expected: &str, difference_is: Option<(usize, &str)>) {
        let seen = difference(&hashes(found), &hashes(expected));
        let seen = seen.map(|(place, defect)| (place, format!("{defect:?}")));
        assert_eq!(
            seen,
            difference_is.map(|(place, defect)| (place, defect.to_owned())),
            "{found} for {expected}"
        );
    }

    #[test]
    fn what_was_done_is_told() {
        check("abcd", "abcd", None);
        check("abXd", "abcd", Some((2, "Changed")));
        check("abcX", "abcd", Some((3, "Changed")));
        check("abd", "abcd", Some((2, "Removed")));
        check("abde", "abcd", Some((2, "Removed")));
        check("abc", "abcd", Some((3, "Removed")));
        check("", "abcd", Some((0, "Removed")));
        check("aXbcd", "abcd", Some((1, "Inserted")));
        check("aXbc", "abcd", Some((1, "Inserted")));
        check("abcdX", "abcd", Some((4, "Inserted")));
        check("acbd", "abcd", Some((1, "Reordered")));
        check("dbca", "abcd", Some((0, "Reordered")));
    }
}
