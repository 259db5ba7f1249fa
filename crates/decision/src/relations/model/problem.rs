//! What is wrong about a model, and where.

use std::fmt;

/// One step on the way to a place in a written model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPart {
    /// The member of an object.
    Member(Box<str>),
    /// The name of such a member itself.
    Name(Box<str>),
    /// The item of a list, from 0.
    Item(usize),
}

/// Something that is wrong about a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelProblem {
    path: Vec<PathPart>,
    message: String,
}

impl ModelProblem {
    pub(super) fn new(path: &Path<'_>, message: String) -> Self {
        Self {
            path: path.parts(),
            message,
        }
    }

    /// Where, from the root of the model.
    #[must_use]
    pub fn path(&self) -> &[PathPart] {
        &self.path
    }

    /// What.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ModelProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in self.path.iter().enumerate() {
            match part {
                PathPart::Member(name) if number == 0 => formatter.write_str(name)?,
                PathPart::Member(name) | PathPart::Name(name) => write!(formatter, ".{name}")?,
                PathPart::Item(item) => write!(formatter, "[{item}]")?,
            }
        }
        write!(formatter, ": {}", self.message)
    }
}

/// A place while it is being looked at.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Member(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    pub(super) fn member(&'a self, name: &'a str) -> Self {
        Self::Member(self, name)
    }

    pub(super) fn item(&'a self, number: usize) -> Self {
        Self::Item(self, number)
    }

    fn parts(&self) -> Vec<PathPart> {
        match self {
            Self::Root => Vec::new(),
            Self::Member(before, name) => {
                let mut parts = before.parts();
                parts.push(PathPart::Member((*name).into()));
                parts
            }
            Self::Item(before, number) => {
                let mut parts = before.parts();
                parts.push(PathPart::Item(*number));
                parts
            }
        }
    }
}
