//! Stack traces in error answers: they tell an attacker which software, which version and which line.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// What the common runtimes print. Each is long enough not to stand in an ordinary sentence.
const MARKS: [&str; 14] = [
    "Traceback (most recent call last)",
    "stack backtrace:",
    "thread 'main' panicked at",
    "goroutine 1 [",
    "panic: runtime error",
    "Exception in thread \"",
    "\\tat java.",
    "\\n\\tat ",
    "\tat java.",
    "\n\tat ",
    "   at System.",
    "at Object.<anonymous> (",
    "at async Promise.",
    "PHP Fatal error:",
];

static AUTOMATON: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(MARKS).ok());

/// Whether a body shows one. Without the automaton nothing could be said, so the answer is yes.
pub(crate) fn show(body: &[u8]) -> bool {
    AUTOMATON.as_ref().is_none_or(|automaton| automaton.is_match(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_recognised() {
        assert!(show(br#"{"detail":"Traceback (most recent call last):\n File"}"#));
        assert!(show(
            br#"{"detail":"java.lang.NullPointerException\n\tat com.example.A.b(A.java:3)"}"#
        ));
        assert!(!show(br#"{"detail":"the package was handed over at the door"}"#));
    }
}
