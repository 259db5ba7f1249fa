//! The known word that someone probably meant.

/// The known word that is nearest to what is written, if one is near: at most a third of its letters differ.
pub(super) fn nearest<'k>(written: &str, known: &[&'k str]) -> Option<&'k str> {
    let distance = |word: &&str| edits(&written.to_lowercase(), word);
    let word = known.iter().copied().min_by_key(distance)?;
    (distance(&word) <= (word.chars().count() / 3).max(1)).then_some(word)
}

/// How many letters must be put in, taken out or replaced to make one word of the other (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let mut row = (0..=to.chars().count()).collect::<Vec<_>>();
    for (line, letter) in from.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(to.chars()) {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = *cell;
            left = replaced.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (from, to, expected) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("ab", "ba", 2),
        ] {
            assert_eq!(edits(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["listen", "admin", "trusted_proxies"];
        assert_eq!(nearest("lisen", &known), Some("listen"));
        assert_eq!(nearest("Trusted_Proxys", &known), Some("trusted_proxies"));
        assert_eq!(nearest("upstream", &known), None);
        assert_eq!(nearest("x", &[]), None);
    }
}
