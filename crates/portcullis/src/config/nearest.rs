//! The known word that someone probably meant.

use portcullis_contract::document::nearest::distance;

/// The known word that is nearest to what is written, if one is near: at most a third of its letters differ, whatever their case.
pub(crate) fn nearest<'k>(written: &str, known: &[&'k str]) -> Option<&'k str> {
    let letters = |word: &&str| distance(&written.to_lowercase(), &word.to_lowercase());
    let word = known.iter().copied().min_by_key(letters)?;
    (letters(&word) <= (word.chars().count() / 3).max(1)).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["listen", "admin", "trusted_proxies"];
        assert_eq!(nearest("lisen", &known), Some("listen"));
        assert_eq!(nearest("Trusted_Proxys", &known), Some("trusted_proxies"));
        assert_eq!(nearest("upstream", &known), None);
        assert_eq!(nearest("Usr", &["User", "Client"]), Some("User"));
        assert_eq!(nearest("x", &[]), None);
    }
}
