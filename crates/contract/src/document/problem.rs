//! What is wrong with a contract or a configuration, and where.

use std::fmt;

/// The index of a file among the files of one document, in the order in which they were read; the root is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u16);

/// A place in a file. Lines and columns count from 1; a column counts characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// The line, from 1; 0 where no line is known.
    pub line: u32,
    /// The column in characters, from 1; 0 where no column is known.
    pub column: u32,
}

/// Whether a problem stops what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It works, but not as well as its author thinks.
    Warning,
    /// It cannot be used.
    Error,
}

/// One located problem, in words for a person: what is wrong, then what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whether it stops what was asked for.
    pub severity: Severity,
    /// The file's location as it was asked for (a path or a URL).
    pub location: String,
    /// Where in that file.
    pub span: Span,
    /// What is wrong: lower case, no full stop, the author's words in backticks.
    pub message: String,
    /// What to do about it; empty where the message says it all.
    pub help: String,
}

impl Problem {
    /// An error at a place.
    pub fn error(location: impl Into<String>, span: Span, message: impl Into<String>) -> Self {
        let (location, message) = (location.into(), message.into());
        Self {
            severity: Severity::Error,
            location,
            span,
            message,
            help: String::new(),
        }
    }

    /// A warning at a place.
    pub fn warning(location: impl Into<String>, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(location, span, message)
        }
    }

    /// The same problem, with the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.location)?;
        if self.span.line > 0 {
            write!(f, ":{}:{}", self.span.line, self.span.column)?;
        }
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, ": {severity}: {}", self.message)?;
        if !self.help.is_empty() {
            write!(f, "; {}", self.help)?;
        }
        Ok(())
    }
}
