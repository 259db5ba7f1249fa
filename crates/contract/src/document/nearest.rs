//! What a misspelt name is likely to mean.

/// The known name that a misspelt one is likely to mean: at most two letters apart.
pub(crate) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let distances = known.iter().map(|known| (distance(name, known), *known));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= 2 && distance * 2 < nearest.len()).then_some(nearest)
}

/// The help for a misspelt name; empty where nothing is near.
pub(crate) fn meant(name: &str, known: &[&str]) -> String {
    nearest(name, known).map_or_else(String::new, |known| format!("did you mean `{known}`?"))
}

/// How many letters have to be changed, left out or put in (Levenshtein's distance).
pub fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (index, a) in left.chars().enumerate() {
        let mut diagonal = index;
        let mut before = index + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(right.chars()) {
            let cost = diagonal + usize::from(a != b);
            diagonal = *cell;
            before = cost.min(diagonal + 1).min(before + 1);
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted() {
        for (left, right, expected) in [
            ("", "", 0),
            ("a", "a", 0),
            ("abc", "", 3),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("ab", "ba", 2),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }
}
