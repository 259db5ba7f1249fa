//! Parameters: each is turned from its text (OpenAPI 3.1 §4.8.12, styles as in RFC 6570) into one small JSON text and
//! judged by its schema like a body.
//!
//! The text alone does not say what was meant, so the schema guides the reading: a number where numbers are accepted
//! and the text spells one, `true` and `false` where booleans are, `null` (or nothing) where null is accepted but
//! strings are not, else a string. Where more than one reading fits, one that the schema accepts is enough; but `+` in a
//! query is read as plus and as space, and both have to be accepted, for no one knows how the upstream reads it.
//!
//! Every occurrence is judged. Indexes in names (`a[999999999]=1`) are compared with the number of items seen so far and
//! never make room for anything. Nothing here decides what a violation leads to; nothing echoes a value.

mod cookie;
mod decode;
mod header;
mod path;
mod query;
mod style;

use std::borrow::Cow;
use std::ops::ControlFlow;

use smallvec::SmallVec;

pub use self::header::is_standard;
use super::json::{Code, Limits, Program, SchemaId, Scratch, TypeSet, Undeclared, Violation};
use crate::document::Span;
pub(crate) use cookie::judge_cookies;
pub(crate) use decode::{Decoding, decode, decoded, write_string};
pub(crate) use header::{judge_declared, judge_headers};
pub(crate) use path::judge_path;
pub(crate) use query::{judge_query, owner};
use style::Kind;
pub use style::Style;

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Location {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header field.
    Header,
    /// In a cookie.
    Cookie,
}

impl Location {
    /// The word of `in`, and of refusal codes: `contract.<name>.<what>`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }
}

/// A compiled parameter, or a response header, which is read in the same way.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name as declared; header names in lower case.
    pub name: Box<str>,
    /// Where it stands.
    pub location: Location,
    /// Whether it has to be there.
    pub required: bool,
    /// Whether it may be there without a value (`allowEmptyValue`).
    pub allow_empty: bool,
    /// How its text is read.
    pub encoding: Encoding,
    /// How sensitive its value is.
    pub sensitivity: Sensitivity,
    /// Where it is declared.
    pub span: Span,
}

/// How sensitive a value is, as a contract says it: by `x-portcullis: {sensitivity: ...}`, `format: password` or `writeOnly`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sensitivity {
    /// Nothing is said of it.
    #[default]
    None,
    /// It is about a person.
    Personal,
    /// It is a secret.
    Secret,
}

impl Sensitivity {
    /// The words that `sensitivity` may be.
    pub const WORDS: [&str; 3] = ["none", "personal", "secret"];

    /// By its word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "none" => Some(Self::None),
            "personal" => Some(Self::Personal),
            "secret" => Some(Self::Secret),
            _ => None,
        }
    }
}

/// How the text of a parameter is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// By a style.
    Style {
        /// The style.
        style: Style,
        /// Whether every item or property is written on its own.
        explode: bool,
        /// What it has to keep.
        schema: SchemaId,
    },
    /// It is one JSON text (`content`).
    Json(SchemaId),
    /// Declared, but not judged; coverage says so.
    Unjudged,
}

/// A violation of a parameter, of what is not declared, or of the syntax of their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<'c> {
    /// Where.
    pub location: Location,
    /// The declared parameter; nothing where none is declared, whose name is never told.
    pub name: Option<&'c str>,
    /// The sender's name for what nothing declares; for observations, never for an answer.
    pub undeclared: Option<&'c str>,
    /// What is wrong.
    pub violation: Violation,
}

/// Receives findings in order. `Break` ends the judging (enforce), `Continue` goes on (observe).
pub type Report<'s> = dyn FnMut(Finding<'_>) -> ControlFlow<()> + 's;

/// Buffers that one worker uses again for every head.
#[derive(Debug, Default)]
pub struct HeadScratch {
    /// The judge's own.
    pub json: Scratch,
    /// The last reading of a parameter, as JSON.
    pub(crate) text: Vec<u8>,
    decoded: Vec<u8>,
}

/// What judging needs besides the parameters.
pub(crate) struct Judging<'a, 's> {
    pub(crate) program: &'a Program,
    pub(crate) limits: &'a Limits,
    pub(crate) level: Undeclared,
    pub(crate) scratch: &'a mut HeadScratch,
    pub(crate) report: &'a mut Report<'s>,
}

/// One occurrence of a parameter, not decoded.
#[derive(Clone, Debug)]
pub(crate) struct Part<'t> {
    /// The property, decoded, where the style puts it into the name.
    pub(crate) key: Option<Cow<'t, str>>,
    pub(crate) value: &'t str,
}

/// Why the occurrences of a parameter are not what its schema asks for.
enum Unfit {
    /// The reading that is left in [`HeadScratch::text`] breaks it.
    Broken(Violation),
    /// No reading is possible.
    Unreadable(Violation),
}

impl From<Unfit> for Violation {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Broken(violation) | Unfit::Unreadable(violation) => violation,
        }
    }
}

impl Judging<'_, '_> {
    /// Reports something that belongs to no declared parameter.
    fn refuse(&mut self, location: Location, code: Code) -> ControlFlow<()> {
        self.refuse_named(location, code, None)
    }

    /// Reports something that the sender gave a name.
    fn refuse_named(&mut self, location: Location, code: Code, undeclared: Option<&str>) -> ControlFlow<()> {
        (self.report)(Finding {
            location,
            name: None,
            undeclared,
            violation: violation(code, Span::default()),
        })
    }

    /// Judges all occurrences of one parameter.
    fn judge(&mut self, parameter: &Parameter, parts: &[Part<'_>]) -> ControlFlow<()> {
        let outcome = match parts {
            [] if parameter.required => Err(violation(Code::Required, parameter.span)),
            [] => Ok(()),
            [only] if only.value.is_empty() && parameter.allow_empty => Ok(()),
            _ => self.judge_present(parameter, parts),
        };
        match outcome {
            Ok(()) => ControlFlow::Continue(()),
            Err(violation) => (self.report)(Finding {
                location: parameter.location,
                name: Some(&parameter.name),
                undeclared: None,
                violation,
            }),
        }
    }

    fn judge_present(&mut self, parameter: &Parameter, parts: &[Part<'_>]) -> Result<(), Violation> {
        let plain = match parameter.location {
            Location::Header => Decoding::None,
            _ => Decoding::Percent,
        };
        self.judge_decoded(parameter, parts, plain)?;
        let has_plus = |part: &Part<'_>| part.value.contains('+');
        if parameter.location == Location::Query && parts.iter().any(has_plus) {
            self.judge_decoded(parameter, parts, Decoding::PercentAndPlus)?;
        }
        Ok(())
    }

    fn judge_decoded(
        &mut self,
        parameter: &Parameter,
        parts: &[Part<'_>],
        decoding: Decoding,
    ) -> Result<(), Violation> {
        match parameter.encoding {
            Encoding::Unjudged => parts
                .iter()
                .try_for_each(|part| decode::decode(part.value, decoding, &mut self.scratch.decoded).map(drop))
                .map_err(|code| violation(code, parameter.span)),
            Encoding::Json(schema) => {
                let [part] = parts else {
                    return Err(violation(Code::Duplicate, parameter.span));
                };
                let level = self.nested();
                let HeadScratch { json, decoded, .. } = &mut *self.scratch;
                let text = decode::decode(part.value, decoding, decoded);
                let text = text.map_err(|code| violation(code, parameter.span))?;
                self.program
                    .judge(schema, text.as_bytes(), level, self.limits, json)
                    .map(drop)
            }
            Encoding::Style { style, explode, schema } => self
                .judge_style(parameter, parts, decoding, (style, explode, schema))
                .map_err(Violation::from),
        }
    }

    /// Leaves in [`HeadScratch::text`] the JSON of the reading that decides: one that the schema accepts, else the first
    /// that breaks it, for who judges it as a part of something larger.
    ///
    /// # Errors
    /// No reading is possible.
    pub(crate) fn read(
        &mut self,
        parameter: &Parameter,
        parts: &[Part<'_>],
        decoding: Decoding,
    ) -> Result<(), Violation> {
        let Encoding::Style { style, explode, schema } = parameter.encoding else {
            return Err(violation(Code::Forbidden, parameter.span));
        };
        match self.judge_style(parameter, parts, decoding, (style, explode, schema)) {
            Ok(()) | Err(Unfit::Broken(_)) => Ok(()),
            Err(Unfit::Unreadable(violation)) => Err(violation),
        }
    }

    /// Tries the readings that the schema's types allow; the first violation is told if none is accepted. A schema that
    /// says nothing about types lets numbers past `pattern` and strings past `maximum`; there a reading that breaks such
    /// a keyword decides, whatever the other would do.
    fn judge_style(
        &mut self,
        parameter: &Parameter,
        parts: &[Part<'_>],
        decoding: Decoding,
        (style, explode, schema): (Style, bool, SchemaId),
    ) -> Result<(), Unfit> {
        let unreadable = |code| Unfit::Unreadable(violation(code, parameter.span));
        let types = self.program.types(schema);
        let untyped = types == TypeSet::ALL;
        let plainest = Kind::plainest(parts);
        let (mut first, mut accepted) = (None::<Broken>, false);
        for kind in [Kind::Scalar, Kind::Array, Kind::Object] {
            if !types.intersects(kind.types()) || (untyped && kind != plainest) {
                continue;
            }
            let Ok(values) = style::split(style, explode, kind, parameter, parts) else {
                continue;
            };
            for strings in [false, true] {
                let written = self.write(kind, schema, &values, decoding, strings);
                let converted = written.map_err(unreadable)?;
                let level = self.nested();
                let HeadScratch { json, text, .. } = &mut *self.scratch;
                match self.program.judge(schema, text, level, self.limits, json) {
                    Ok(_) if untyped => accepted = true,
                    Ok(_) => return Ok(()),
                    Err(violation) if untyped && speaks_of_one_type(violation.code) => {
                        return Err(Unfit::Broken(violation));
                    }
                    Err(violation) if first.is_none() => {
                        let text: SmallVec<[u8; 32]> = text.as_slice().into();
                        first = Some(Broken { text, violation });
                    }
                    Err(_) => {}
                }
                if !converted {
                    break;
                }
            }
        }
        if accepted {
            return Ok(());
        }
        let otherwise = match (types == TypeSet::NONE, plainest) {
            (true, _) => Code::Forbidden,
            (false, Kind::Scalar) => Code::Type,
            // It occurs more than once, or with an index, where neither is declared.
            (false, Kind::Array | Kind::Object) => Code::Duplicate,
        };
        let Broken { text, violation } = first.ok_or_else(|| unreadable(otherwise))?;
        self.scratch.text.clear();
        self.scratch.text.extend_from_slice(&text);
        Err(Unfit::Broken(violation))
    }

    /// Writes the JSON of a reading; says whether anything but strings came out where a string would do as well.
    fn write(
        &mut self,
        kind: Kind,
        schema: SchemaId,
        values: &[style::Value<'_>],
        decoding: Decoding,
        strings: bool,
    ) -> Result<bool, Code> {
        let HeadScratch { text, decoded, .. } = &mut *self.scratch;
        text.clear();
        let mut converted = false;
        text.extend_from_slice(kind.opening());
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                text.push(b',');
            }
            let inner = match (kind, &value.key) {
                (Kind::Scalar, _) => Some(schema),
                (Kind::Array, _) => self.program.item(schema, index),
                (Kind::Object, key) => {
                    let key = match key {
                        Some(key) if value.key_is_decoded => key,
                        Some(key) => decode::decode(key, decoding, decoded)?,
                        None => return Err(Code::Syntax),
                    };
                    decode::write_string(text, key);
                    text.push(b':');
                    self.program.property(schema, key)
                }
            };
            let types = inner.map_or(TypeSet::ALL, |inner| self.program.types(inner));
            let value = decode::decode(value.text, decoding, decoded)?;
            converted |= decode::write_scalar(text, value, types, strings);
        }
        text.extend_from_slice(kind.closing());
        Ok(converted)
    }

    /// Inside a parameter nothing can be cut, so what would be stripped is refused.
    fn nested(&self) -> Undeclared {
        if self.level == Undeclared::Allow {
            Undeclared::Allow
        } else {
            Undeclared::Refuse
        }
    }
}

/// The first reading that the schema did not accept.
struct Broken {
    text: SmallVec<[u8; 32]>,
    violation: Violation,
}

/// Whether the broken keyword constrains values of one type only.
fn speaks_of_one_type(code: Code) -> bool {
    matches!(
        code,
        Code::Pattern | Code::Length | Code::Format | Code::Range | Code::MultipleOf
    )
}

/// A violation that the judge of JSON did not see.
pub(crate) fn violation(code: Code, schema: Span) -> Violation {
    Violation {
        code,
        pointer: String::new(),
        offset: 0,
        schema,
    }
}

#[cfg(test)]
mod tests;
