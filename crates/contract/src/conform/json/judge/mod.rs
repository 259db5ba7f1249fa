//! The judge: one pass over the bytes of a JSON text, walking the compiled schema as it reads. No tree is built.
//!
//! A plain schema is judged while its value is read. Where several schemas hold for one value (`allOf`, `anyOf`,
//! `if` ...), the value is read once for its own rules, which also proves it well-formed, and once more for each
//! of the others: the text is contiguous, so going back costs nothing but the second reading, and a budget bounds
//! how often that may happen.
//!
//! Undeclared properties are noticed on the spot in a plain schema. Under applicators a property is declared if
//! any branch that holds declares it, at any depth, so there the judge keeps a journal of the members that some
//! schema declared, takes back what a failed branch wrote, and looks at the end for members that nobody marked.
//! The same journal answers `unevaluatedProperties` and `unevaluatedItems`.

mod array;
mod compound;
mod object;
mod scalar;
mod sweep;

use std::collections::hash_map::RandomState;

use super::cuts::Cuts;
use super::program::{Program, Schema, SchemaId, TypeSet};
use super::scan::Cursor;
use super::violation::{Code, Segment, Violation, pointer};
use crate::conform::pattern::Steps;
use crate::document::Span;

/// What happens to properties that no applicable schema declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Undeclared {
    /// They pass, as plain JSON Schema has it.
    Allow,
    /// They are a violation, unless the schema says aloud that it allows them.
    #[default]
    Refuse,
    /// They are cut, unless the schema says aloud that it allows them; so are `writeOnly` properties.
    Strip,
}

/// How many marks the journal may hold, of 32 bytes each.
const JOURNAL_MARKS_MAX: usize = 200_000;

/// How many members may be noted to be cut, of 16 bytes each.
const CUTS_MAX: usize = 400_000;

/// How a string is spelled, between its quotes, that stands for bytes which are not in the text, such as those of a
/// file in a form. Whoever puts it into a text makes sure that nobody else's spelling of a string is the same.
pub const STAND_IN: &str = r"\u0000portcullis-bytes";

/// Bounds on what the judge reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How deep arrays and objects may nest.
    pub depth_max: u16,
    /// How many members one object may have.
    pub members_max: u32,
    /// How many times its own length a text may be read again for applicators.
    pub readings_max: u32,
    /// Whether [`STAND_IN`] may occur: of such a string only the type is judged.
    pub stand_ins: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth_max: 64,
            members_max: 10_000,
            readings_max: 64,
            stand_ins: false,
        }
    }
}

/// Buffers that one worker uses again for every text, and what it learnt about the order of members.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Keys the hashes of undeclared names where there are many, so that a sender cannot choose them.
    hasher: RandomState,
    /// For each declared name, which one followed it last time, plus one; 0 where nothing was learnt.
    successors: Vec<u32>,
    /// Bits of the declared names met so far, for each object being read.
    seen: Vec<u64>,
    /// The other names met so far, for each object being read.
    others: Vec<object::Other>,
    cuts: Vec<(usize, usize)>,
    text: Vec<u8>,
    /// What is left of the steps that patterns may take in all texts of one head; otherwise each text has its own.
    shared_steps: Option<Steps>,
}

impl Scratch {
    /// From here on, all texts that are judged share the steps of one, so that many small ones cost no more.
    pub(crate) fn share_steps(&mut self) {
        self.shared_steps = Some(Steps::new(0));
    }

    /// From here on, every text has its own steps again.
    pub(crate) fn end_sharing(&mut self) {
        self.shared_steps = None;
    }
}

impl Program {
    /// Judges a whole text.
    ///
    /// # Errors
    /// The first [`Violation`], in the order of the bytes. The text is then not to be used at all; a violation of
    /// the schema may stand before an error of syntax that was not reached.
    pub fn judge(
        &self,
        schema: SchemaId,
        json: &[u8],
        undeclared: Undeclared,
        limits: &Limits,
        scratch: &mut Scratch,
    ) -> Result<Cuts, Violation> {
        scratch.seen.clear();
        scratch.others.clear();
        scratch.cuts.clear();
        if scratch.successors.len() < self.names {
            scratch.successors.resize(self.names, 0);
        }
        let mut judge = Judge::new(self, json, undeclared, limits, scratch);
        let pass = judge.document(schema);
        if let Some(shared) = &mut judge.scratch.shared_steps {
            *shared = judge.steps;
        }
        if pass.is_err() {
            return Err(judge.violation());
        }
        let entangled = judge.entangled;
        if scratch.cuts.is_empty() {
            return Ok(Cuts::default());
        }
        let cuts = Cuts::new(&scratch.cuts);
        if entangled {
            // What is left has to conform as well: without a member two items may be equal, or two branches fit.
            self.judge(schema, &cuts.apply(json), Undeclared::Refuse, limits, scratch)?;
        }
        Ok(cuts)
    }
}

/// Why judging stopped. The details are in [`Judge::fault`]; passing only this up keeps the valid path light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The value does not fit: another branch may.
    Invalid,
    /// The text cannot be used, whatever any branch says.
    Fatal,
}

type Pass = Result<(), Stop>;

#[derive(Clone, Copy)]
struct Fault {
    code: Code,
    offset: usize,
    schema: Span,
}

/// A member or an item that some schema declared: where it begins, and its name if the contract has it.
#[derive(Clone, Copy)]
struct Mark<'p> {
    at: usize,
    name: Option<&'p str>,
    /// Whether a keyword evaluated it (JSON Schema 2020-12 §11.1). Where nothing is said of a value, what it holds
    /// is allowed and so not undeclared, but neither is it evaluated.
    evaluated: bool,
}

struct Judge<'p, 't, 's> {
    program: &'p Program,
    cursor: Cursor<'t>,
    undeclared: Undeclared,
    limits: &'s Limits,
    scratch: &'s mut Scratch,
    depth: u16,
    /// Bytes that may still be read again.
    budget: u64,
    /// Steps that patterns may still take.
    steps: Steps,
    /// How many readings of text already read are under way, one inside the other.
    nested: u16,
    /// How many branches that may fail are being tried.
    speculating: u32,
    /// Whether declared members are written to the journal instead of undeclared ones being refused on the spot.
    journaling: bool,
    /// Whether some schema under way asks which items were evaluated; without it items need no marks.
    asks_for_items: bool,
    /// Whether something was cut that another rule, already judged, may depend on.
    entangled: bool,
    journal: Vec<Mark<'p>>,
    /// The schema resources entered, outermost first; kept only where the program has dynamic references.
    scope: Vec<u32>,
    fault: Fault,
    /// The way to the fault, innermost first.
    path: Vec<Segment<'p>>,
}

impl<'p, 't, 's> Judge<'p, 't, 's> {
    fn new(
        program: &'p Program,
        json: &'t [u8],
        undeclared: Undeclared,
        limits: &'s Limits,
        scratch: &'s mut Scratch,
    ) -> Self {
        // A floor keeps small texts under large unions judgeable.
        let budget = (json.len() as u64 + 1024) * u64::from(limits.readings_max);
        let steps = scratch.shared_steps.unwrap_or_else(|| Steps::new(json.len()));
        Self {
            program,
            steps,
            cursor: Cursor::new(json),
            undeclared,
            limits,
            scratch,
            depth: 0,
            budget,
            nested: 0,
            speculating: 0,
            journaling: false,
            asks_for_items: false,
            entangled: false,
            journal: Vec::new(),
            scope: Vec::new(),
            fault: Fault {
                code: Code::Syntax,
                offset: 0,
                schema: Span::default(),
            },
            path: Vec::new(),
        }
    }

    fn document(&mut self, id: SchemaId) -> Pass {
        self.cursor.skip_whitespace();
        self.value(id)?;
        self.cursor.skip_whitespace();
        if self.cursor.peek().is_some() {
            Err(self.syntax(Code::Syntax))
        } else {
            Ok(())
        }
    }

    fn violation(&mut self) -> Violation {
        let Fault { code, offset, schema } = self.fault;
        Violation {
            code,
            pointer: pointer(&self.path),
            offset,
            schema,
        }
    }

    /// Judges the value at the cursor, which stands on its first byte, and steps over it.
    #[inline]
    fn value(&mut self, id: SchemaId) -> Pass {
        // Ids come from the compiler that made the arena, so this finds every one.
        let Some(schema) = self.program.get(id) else {
            return Err(self.fail(Code::Forbidden, Span::default()));
        };
        if self.program.dynamic_anchors.is_empty() {
            self.judged(schema)
        } else {
            self.scoped(schema)
        }
    }

    fn judged(&mut self, schema: &'p Schema) -> Pass {
        match &schema.applicators {
            None => self.plain(schema),
            Some(applicators) => self.compound(schema, applicators),
        }
    }

    fn scoped(&mut self, schema: &'p Schema) -> Pass {
        let entered = self.scope.last() != Some(&schema.resource);
        if entered {
            self.scope.push(schema.resource);
        }
        let pass = self.judged(schema);
        if entered {
            self.scope.pop();
        }
        pass
    }

    /// Judges by the schema's own rules.
    #[inline]
    fn plain(&mut self, schema: &'p Schema) -> Pass {
        let start = self.cursor.pos;
        match self.cursor.peek() {
            Some(b'"') => self.string(schema)?,
            Some(b'{') => {
                self.typed(schema, TypeSet::OBJECT)?;
                match &schema.object {
                    Some(rules) => self.object(schema, rules)?,
                    None => self.unconstrained(schema)?,
                }
            }
            Some(b'[') => {
                self.typed(schema, TypeSet::ARRAY)?;
                match &schema.array {
                    Some(rules) => self.array(schema, rules)?,
                    None => self.unconstrained(schema)?,
                }
            }
            Some(b't') => self.literal(schema, TypeSet::BOOLEAN, b"true")?,
            Some(b'f') => self.literal(schema, TypeSet::BOOLEAN, b"false")?,
            Some(b'n') => self.literal(schema, TypeSet::NULL, b"null")?,
            Some(b'-' | b'0'..=b'9') => self.number(schema)?,
            _ => return Err(self.syntax(Code::Syntax)),
        }
        match &schema.values {
            Some(values) => self.listed(schema, values, start),
            None => Ok(()),
        }
    }

    #[inline]
    fn typed(&mut self, schema: &Schema, of: TypeSet) -> Pass {
        if schema.types.contains(of) {
            return Ok(());
        }
        let code = if schema.types == TypeSet::NONE {
            Code::Forbidden
        } else {
            Code::Type
        };
        Err(self.fail(code, schema.span))
    }

    /// Reads an array or object that the schema's rules do not speak of. Where it says nothing at all, or lists the
    /// very value, everything in it is allowed, and so declared. Where it speaks of other things, such as the length
    /// of strings, it declares nothing.
    fn unconstrained(&mut self, schema: &'p Schema) -> Pass {
        if schema.is_any() || (schema.values.is_some() && schema.applicators.is_none()) {
            return self.anything();
        }
        if self.journaling || self.undeclared == Undeclared::Allow {
            return self.unmarked();
        }
        let closed = schema.object.is_some() || schema.array.is_some();
        let start = self.cursor.pos;
        self.unmarked()?;
        if closed {
            // It means objects and met an array, or the other way round: members in there are nobody's.
            self.sweep(schema, start, self.journal.len())?;
        }
        Ok(())
    }

    /// Reads any value, which has to be well-formed and without duplicate names.
    fn anything(&mut self) -> Pass {
        match self.cursor.peek() {
            Some(b'{') => self.any_object(),
            Some(b'[') => self.any_array(),
            Some(b'"') => self.cursor.string().map(|_| ()).map_err(|code| self.syntax(code)),
            Some(b't') => self.cursor.literal(b"true").map_err(|code| self.syntax(code)),
            Some(b'f') => self.cursor.literal(b"false").map_err(|code| self.syntax(code)),
            Some(b'n') => self.cursor.literal(b"null").map_err(|code| self.syntax(code)),
            Some(b'-' | b'0'..=b'9') => self.cursor.number().map(|_| ()).map_err(|code| self.syntax(code)),
            _ => Err(self.syntax(Code::Syntax)),
        }
    }

    #[inline]
    fn descend(&mut self) -> Pass {
        self.depth += 1;
        if self.depth > self.limits.depth_max {
            Err(self.syntax(Code::Depth))
        } else {
            Ok(())
        }
    }

    /// Notes that a keyword evaluated a member.
    #[inline]
    fn mark(&mut self, at: usize, name: Option<&'p str>) -> Pass {
        self.note(at, name, true)
    }

    /// Notes that a member is allowed, though no keyword evaluated it.
    #[inline]
    fn mark_open(&mut self, at: usize) -> Pass {
        self.note(at, None, false)
    }

    /// Notes that a keyword evaluated an item, if somebody asks.
    #[inline]
    fn mark_item(&mut self, at: usize) -> Pass {
        if self.asks_for_items {
            self.note(at, None, true)
        } else {
            Ok(())
        }
    }

    #[inline]
    fn note(&mut self, at: usize, name: Option<&'p str>, evaluated: bool) -> Pass {
        if self.journaling {
            self.write_mark(at, name, evaluated)
        } else {
            Ok(())
        }
    }

    fn write_mark(&mut self, at: usize, name: Option<&'p str>, evaluated: bool) -> Pass {
        if self.journal.len() >= JOURNAL_MARKS_MAX {
            return Err(self.syntax(Code::Budget));
        }
        self.journal.push(Mark { at, name, evaluated });
        Ok(())
    }

    /// Cuts the member that begins at `at` and ends at the cursor.
    fn cut(&mut self, at: usize) -> Pass {
        if self.scratch.cuts.len() >= CUTS_MAX {
            return Err(self.syntax(Code::Budget));
        }
        self.scratch.cuts.push((at, self.cursor.pos));
        Ok(())
    }

    /// Notes that the value breaks the schema.
    #[cold]
    fn fail(&mut self, code: Code, schema: Span) -> Stop {
        self.fault = Fault {
            code,
            offset: self.cursor.pos,
            schema,
        };
        self.path.clear();
        Stop::Invalid
    }

    /// Notes that the text cannot be used.
    #[cold]
    fn syntax(&mut self, code: Code) -> Stop {
        self.fail(code, Span::default());
        Stop::Fatal
    }
}
