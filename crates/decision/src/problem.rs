//! What is wrong with a policy, a schema, a role model or a case, and where: something that a command prints. Never a decision.

use std::fmt;

use serde::Serialize;

/// A place in a text that somebody wrote.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The name of the text, as the caller gave it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

/// The places of a text, whose lines are counted once.
#[derive(Clone, Debug)]
pub struct Places<'t> {
    file: &'t str,
    text: &'t str,
    /// The offset of each line.
    lines: Vec<usize>,
}

impl<'t> Places<'t> {
    /// Those of this text.
    #[must_use]
    pub fn of(file: &'t str, text: &'t str) -> Self {
        let newlines = text.match_indices('\n').map(|(newline, _)| newline + 1);
        let lines = std::iter::once(0).chain(newlines).collect();
        Self { file, text, lines }
    }

    /// Where a byte is. An offset behind the end, or in the middle of a character, is the nearest place before.
    #[must_use]
    pub fn at(&self, offset: usize) -> Place {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let line = self.lines.partition_point(|start| *start <= end);
        let start = line.checked_sub(1).and_then(|before| self.lines.get(before));
        let before = self.text.get(start.copied().unwrap_or(0)..end).unwrap_or("");
        Place {
            file: self.file.to_owned(),
            line,
            column: before.chars().count() + 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is compiled.
    Error,
    /// It is compiled, and somebody should look at it.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Where, if it is anywhere.
    pub place: Option<Place>,
    /// How bad.
    pub severity: Severity,
    /// What, in one line without a full stop.
    pub message: String,
    /// What to do about it, if that is known.
    pub help: Option<String>,
}

impl Problem {
    /// An error.
    #[must_use]
    pub fn error(place: Option<Place>, message: impl Into<String>) -> Self {
        Self {
            place,
            severity: Severity::Error,
            message: message.into(),
            help: None,
        }
    }

    /// A warning.
    #[must_use]
    pub fn warning(place: Option<Place>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(place, message)
        }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let text = "ab\nüc\n";
        for (offset, line, column) in [
            (0, 1, 1),
            (2, 1, 3),
            (3, 2, 1),
            (4, 2, 1),
            (5, 2, 2),
            (7, 3, 1),
            (99, 3, 1),
        ] {
            let place = Places::of("f", text).at(offset);
            assert_eq!((place.line, place.column), (line, column), "{offset}");
        }
    }
}
