//! The syntax of path templates: literal text and names in braces.

use std::cmp::Reverse;
use std::fmt::Write;

use thiserror::Error;

use super::Captures;

/// Most segments of a template.
const SEGMENTS_MAX: usize = 100;

/// Why a template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// It does not begin with `/`.
    #[error("the path `{0}` does not begin with `/`; put one in front")]
    Relative(String),
    /// Braces do not match, or there is nothing between them.
    #[error("the braces of the path `{0}` do not match; write parameters as `{{name}}`")]
    Braces(String),
    /// Nothing stands between two parameters.
    #[error("nothing parts two parameters in the path `{0}`; put a character between them")]
    Touching(String),
    /// A parameter occurs twice.
    #[error("the parameter `{name}` occurs twice in the path `{template}`; rename one of them")]
    Twice {
        /// The parameter.
        name: String,
        /// The template.
        template: String,
    },
    /// A query or fragment, which is no part of a path.
    #[error("the path `{0}` holds `?` or `#`; declare what follows as query parameters")]
    Query(String),
    /// An escape that is none.
    #[error("the path `{0}` holds `%` without two hexadecimal digits; write `%25` for the character")]
    Escape(String),
    /// More than a hundred segments.
    #[error("the path `{0}` has more than {SEGMENTS_MAX} segments")]
    Long(String),
}

/// One segment with at least one part; literals and captures alternate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    /// Bytes of literal text; segments with more come first.
    literal_bytes: Reverse<usize>,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Literal(Vec<u8>),
    Capture,
}

/// Parses a template into segments and the names of its parameters.
pub(super) fn parse(template: &str) -> Result<(Vec<Segment>, Vec<String>), TemplateError> {
    let Some(rest) = template.strip_prefix('/') else {
        return Err(TemplateError::Relative(template.to_owned()));
    };
    let mut names = Vec::new();
    let mut segments = Vec::new();
    for segment in split(rest) {
        if segments.len() >= SEGMENTS_MAX {
            return Err(TemplateError::Long(template.to_owned()));
        }
        segments.push(parse_segment(segment, template, &mut names)?);
    }
    Ok((segments, names))
}

/// Parts at slashes that do not stand in braces.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    text.split(move |character| {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == '/' && depth == 0
    })
}

fn parse_segment(segment: &str, template: &str, names: &mut Vec<String>) -> Result<Segment, TemplateError> {
    let braces = || TemplateError::Braces(template.to_owned());
    let mut parts = Vec::new();
    let mut rest = segment;
    while let Some((literal, behind)) = rest.split_once('{') {
        push_literal(literal, template, &mut parts)?;
        let (name, behind) = behind.split_once('}').ok_or_else(braces)?;
        if name.is_empty() || name.contains(['{', '/']) {
            return Err(braces());
        }
        if matches!(parts.last(), Some(Part::Capture)) {
            return Err(TemplateError::Touching(template.to_owned()));
        }
        if names.iter().any(|other| other == name) {
            return Err(TemplateError::Twice {
                name: name.to_owned(),
                template: template.to_owned(),
            });
        }
        names.push(name.to_owned());
        parts.push(Part::Capture);
        rest = behind;
    }
    push_literal(rest, template, &mut parts)?;
    let literal_bytes = parts
        .iter()
        .map(|part| if let Part::Literal(text) = part { text.len() } else { 0 })
        .sum();
    Ok(Segment {
        literal_bytes: Reverse(literal_bytes),
        parts,
    })
}

fn push_literal(text: &str, template: &str, parts: &mut Vec<Part>) -> Result<(), TemplateError> {
    if text.contains('}') {
        return Err(TemplateError::Braces(template.to_owned()));
    }
    if text.contains(['?', '#']) {
        return Err(TemplateError::Query(template.to_owned()));
    }
    let canonical = canonical(text).ok_or_else(|| TemplateError::Escape(template.to_owned()))?;
    if !canonical.is_empty() {
        parts.push(Part::Literal(canonical.into_bytes()));
    }
    Ok(())
}

/// Literal text as a canonical request spells it (RFC 3986 §6.2.2): unreserved characters as themselves, other escapes
/// in upper case, what may not stand in a path escaped.
fn canonical(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let (byte, escaped) = match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                (u8::try_from(high * 16 + low).ok()?, true)
            }
            _ => (byte, false),
        };
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if unreserved || (!escaped && b"!$&'()*+,;=:@".contains(&byte)) {
            out.push(char::from(byte));
        } else {
            // Writing into a `String` cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Some(out)
}

impl Segment {
    /// The text, if it is nothing else.
    pub(super) fn literal(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [] => Some(&[]),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether the segment fits; if so, its captures are added. `offset` is where it stands in the path. A capture ends
    /// at the first place where the literal text behind it is found, the last one before the literal text that ends the
    /// segment; if there is any way to fit, this is one.
    pub(super) fn capture(&self, segment: &[u8], offset: u32, captures: &mut Captures) -> bool {
        let mut at = 0;
        let mut parts = self.parts.iter().peekable();
        while let Some(part) = parts.next() {
            let rest = segment.get(at..).unwrap_or_default();
            let end = match (part, parts.peek()) {
                (Part::Literal(text), _) if rest.starts_with(text) => {
                    at += text.len();
                    continue;
                }
                (Part::Literal(_), _) => return false,
                (Part::Capture, None) => segment.len(),
                (Part::Capture, Some(next)) => {
                    let Part::Literal(text) = next else { return false };
                    match behind_capture(rest, text, parts.len() == 1) {
                        Some(length) => at + length,
                        None => return false,
                    }
                }
            };
            if end <= at {
                return false;
            }
            let (Ok(start), Ok(stop)) = (u32::try_from(at), u32::try_from(end)) else {
                return false;
            };
            captures.push(start.saturating_add(offset)..stop.saturating_add(offset));
            at = end;
        }
        at == segment.len()
    }
}

/// How long a capture is that is followed by a text, which ends the segment if it is the last.
fn behind_capture(rest: &[u8], text: &[u8], last: bool) -> Option<usize> {
    if last {
        return rest
            .ends_with(text)
            .then(|| rest.len().checked_sub(text.len()))
            .flatten();
    }
    memchr::memmem::find(rest.get(1..)?, text).map(|at| at + 1)
}
