//! From the bytes of a file to its tree: which encoding, which notation, and the errors of both.

use super::bounds::{BYTES_MAX, Budget, DEPTH_MAX, DOCUMENT_BYTES_MAX, NODES_MAX};
use super::node::{Member, Node, Object};
use super::problem::{FileId, Problem, Span};
use super::{json, yaml};

/// The text of one file, and how to speak of places in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) location: &'a str,
    pub(super) file: FileId,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// An error at a place of this file.
    pub(super) fn problem(&self, span: Span, message: impl Into<String>) -> Problem {
        Problem::error(self.location, span, message)
    }

    /// The error of a document with too many values.
    pub(super) fn too_many_nodes(&self, span: Span) -> Problem {
        self.problem(span, format!("the document holds more than {NODES_MAX} values"))
            .help("split the contract, and serve its parts as contracts of their own")
    }

    /// The error of a value inside too many others.
    pub(super) fn too_deep(&self, span: Span) -> Problem {
        self.problem(span, format!("values are nested more than {DEPTH_MAX} deep"))
    }

    /// Adds a member to an object of this file; a name that is there already is refused with both places.
    pub(super) fn insert(&self, object: &mut Object, name: Box<str>, member: Member) -> Result<(), Problem> {
        match object.members.entry(name) {
            indexmap::map::Entry::Vacant(free) => {
                free.insert(member);
                Ok(())
            }
            indexmap::map::Entry::Occupied(taken) => {
                let first = taken.get().name_span;
                let message = format!(
                    "`{}` is written twice in one object, first at line {}, column {}",
                    shown(taken.key()),
                    first.line,
                    first.column
                );
                Err(self
                    .problem(member.name_span, message)
                    .help("remove or rename one of the two"))
            }
        }
    }
}

/// Reads a file as JSON or YAML. A `.json` file is JSON; in any other file, text that begins with `{` or `[` is first
/// tried as JSON, because that is faster, and otherwise read as YAML, of which JSON is a part.
pub(super) fn read(location: &str, file: FileId, bytes: &[u8], budget: &mut Budget) -> Result<Node, Problem> {
    let text = decode(location, file, bytes, budget)?;
    let source = Source { location, file, text };
    let first = text.trim_ascii_start().as_bytes().first();
    let extension = extension(location);
    if extension == "json" {
        return json::read(source, budget);
    }
    if !matches!(first, Some(b'{' | b'[')) {
        return yaml::read(source, budget);
    }
    let mut left = budget.clone();
    let json = match json::read(source, &mut left) {
        Ok(node) => {
            *budget = left;
            return Ok(node);
        }
        Err(problem) => problem,
    };
    yaml::read(source, budget).map_err(|yaml| {
        if matches!(&*extension, "yaml" | "yml") {
            yaml
        } else {
            json
        }
    })
}

/// The author's words for a message: shortened when they are long.
pub(super) fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 80;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The extension of a path or of a URL's path, in lower case.
fn extension(location: &str) -> String {
    let end = location.find(['?', '#']).unwrap_or(location.len());
    let path = location.get(..end).unwrap_or(location);
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase())
        .unwrap_or_default()
}

fn decode<'a>(location: &str, file: FileId, bytes: &'a [u8], budget: &mut Budget) -> Result<&'a str, Problem> {
    let start = Span {
        file,
        line: 1,
        column: 1,
    };
    if bytes.len() > BYTES_MAX {
        let message = format!("the file is larger than {BYTES_MAX} bytes");
        return Err(Problem::error(location, start, message).help("split it into files that refer to each other"));
    }
    if !budget.take_bytes(bytes.len()) {
        let message = format!("the files of this document are together larger than {DOCUMENT_BYTES_MAX} bytes");
        return Err(Problem::error(location, start, message).help("split the contract into several"));
    }
    if let Some(message) = foreign_encoding(bytes) {
        return Err(Problem::error(location, start, message).help("save it as UTF-8 without a byte order mark"));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let last_line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = String::from_utf8_lossy(last_line).chars().count() + 1;
        let span = Span {
            file,
            line: bounded(line),
            column: bounded(column),
        };
        Problem::error(location, span, "the file is not UTF-8: this byte begins no character").help("save it as UTF-8")
    })
}

fn foreign_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xEF, 0xBB, 0xBF, ..] => Some("the file begins with a byte order mark"),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, _, ..] | [_, 0, ..] => Some("the file is UTF-16 or UTF-32"),
        _ => None,
    }
}

/// A line or column number; files are too small for it to saturate.
pub(super) fn bounded(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
