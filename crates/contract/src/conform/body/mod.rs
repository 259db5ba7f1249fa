//! Bodies that are not JSON: forms and multipart bodies become the JSON text of the object that they spell, judged by the one
//! judge, as parameters do; XML is held against its grammar.
//!
//! Readers here accept less than many others: what two readers could take for two things is refused. The bytes that
//! were read are the bytes that are forwarded; nothing is written anew, only whole fields are left out.

pub mod fields;
pub mod form;
pub mod magic;
pub mod multipart;
pub mod object;
pub mod xml;

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::json::{Code, Limits, Program, STAND_IN, SchemaId, Undeclared, Violation};
use super::parameter::{Finding, HeadScratch, Judging, Report, owner, violation};
use crate::document::Span;

/// Most fields of a form, and most parts of a multipart body.
pub const FIELDS_MAX: usize = 1_000;

/// What reading a form needs besides its bytes.
pub struct Reading<'a> {
    /// The schemas.
    pub program: &'a Program,
    /// How the fields are read.
    pub fields: &'a fields::Fields,
    /// What becomes of what is not declared.
    pub level: Undeclared,
    /// Buffers.
    pub scratch: &'a mut HeadScratch,
}

/// Why a form cannot be judged as an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It breaks its syntax, its bounds, or what is said of one field.
    Violation(Violation),
    /// A part is not of a media type that is declared for it, or not what its media type says.
    MediaType {
        /// The part, as a JSON pointer of declared names.
        pointer: String,
    },
    /// It is over its bounds.
    TooLarge,
}

impl From<Violation> for Unfit {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl From<Code> for Unfit {
    fn from(code: Code) -> Self {
        Self::Violation(violation(code, Span::default()))
    }
}

/// The bounds under which the object of a form is judged: it may hold [`STAND_IN`].
pub fn limits() -> Limits {
    Limits {
        stand_ins: true,
        ..Limits::default()
    }
}

impl Reading<'_> {
    /// Does something with what judges parameters.
    fn judging<T>(&mut self, report: &mut Report<'_>, act: impl FnOnce(&mut Judging<'_, '_>) -> T) -> T {
        act(&mut Judging {
            program: self.program,
            limits: &Limits::default(),
            level: self.level,
            scratch: self.scratch,
            report,
        })
    }

    /// The declared property that a name belongs to, and the property of that one if the name holds it.
    fn owner<'n>(&mut self, name: &Cow<'n, str>) -> (Option<usize>, Option<Cow<'n, str>>) {
        let parameters = &self.fields.parameters;
        let owner = self.judging(&mut quiet, |judging| owner(parameters, name, judging));
        owner.map_or((None, None), |(field, key)| (Some(field), key))
    }

    /// That a text which becomes a part of the object is one JSON value and nothing more, so that it cannot say anything
    /// outside of its place; and that it does not pass itself off as bytes.
    fn check_json(&mut self, text: &str) -> Result<(), Code> {
        if memchr::memmem::find(text.as_bytes(), STAND_IN.as_bytes()).is_some() {
            return Err(Code::Encoding);
        }
        let scratch = &mut self.scratch.json;
        let judged = self.program.judge(
            self.fields.anything,
            text.as_bytes(),
            Undeclared::Allow,
            &Limits::default(),
            scratch,
        );
        judged.map(drop).map_err(|violation| violation.code)
    }
}

/// For what reports nothing.
fn quiet(_: Finding<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// A violation at a field: its name if the contract declares it.
fn at_field(code: Code, name: Option<&str>, schema: Span) -> Violation {
    Violation {
        pointer: pointer(name),
        ..violation(code, schema)
    }
}

fn pointer(name: Option<&str>) -> String {
    name.map_or_else(
        || "/*".to_owned(),
        |name| format!("/{}", name.replace('~', "~0").replace('/', "~1")),
    )
}

/// The schema of a property; one that allows everything where none is declared.
fn schema_of(program: &Program, fields: &fields::Fields, name: &str) -> SchemaId {
    program.property(fields.schema, name).unwrap_or(fields.anything)
}

#[cfg(test)]
mod tests;
