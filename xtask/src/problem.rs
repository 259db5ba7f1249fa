//! One place where the tree breaks a law. Holds text only; never decides anything.

use std::fmt;

/// Where, which law, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// Relative to the workspace, with `/` between the parts.
    pub(crate) path: String,
    /// Counted from one.
    pub(crate) line: usize,
    /// The law's short name, the same as its file's.
    pub(crate) law: &'static str,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn new(path: &str, line: usize, law: &'static str, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            law,
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}: {}", self.path, self.line, self.law, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_printed_as_editors_read_it() {
        let problem = Problem::new("crates/a/src/lib.rs", 7, "length", "too long");
        assert_eq!(problem.to_string(), "crates/a/src/lib.rs:7: length: too long");
    }
}
