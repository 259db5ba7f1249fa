//! Collects problems, each in the file that it was found in.

use portcullis_contract::document::{FileId, Problem, Span};

/// The problems found so far.
pub(crate) struct Problems<'l> {
    location: &'l dyn Fn(FileId) -> String,
    found: Vec<Problem>,
}

impl<'l> Problems<'l> {
    /// None yet; the function tells the location of a file.
    pub(crate) fn new(location: &'l dyn Fn(FileId) -> String) -> Self {
        Self {
            location,
            found: Vec::new(),
        }
    }

    /// Adds an error; an empty help says nothing.
    pub(crate) fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.found
            .push(Problem::error((self.location)(span.file), span, message).help(help));
    }

    /// Adds a warning.
    pub(crate) fn warning(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.found
            .push(Problem::warning((self.location)(span.file), span, message).help(help));
    }

    /// All of them, by file and place.
    pub(crate) fn into_sorted(mut self) -> Vec<Problem> {
        self.found
            .sort_by(|a, b| (&a.location, a.span).cmp(&(&b.location, b.span)));
        self.found
    }
}
