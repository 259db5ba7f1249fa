//! Objects: the hot path. A name is first compared with the one that followed its predecessor last time, which
//! costs one comparison and no scan; only a miss is scanned and looked up.

use std::collections::HashSet;
use std::hash::BuildHasher;

use super::super::program::{Additional, ObjectRules, PatternProperty, Property, Schema, SchemaId};
use super::super::scan::{Cursor, Text};
use super::super::violation::{Code, Segment};
use super::{Judge, Pass, Stop, Undeclared};
use crate::conform::pattern::Pattern;
use crate::document::Span;

/// Up to this many undeclared names of an object are compared one by one; beyond, a set takes over.
const OTHERS_COMPARED_MAX: usize = 24;

/// What is known of the object being read.
struct Frame {
    seen_from: usize,
    others_from: usize,
    /// The hashes of undeclared names, once there are many.
    others: Option<HashSet<u64>>,
    /// The slot of the last declared name: its index plus one, or 0 at the beginning.
    slot: usize,
    /// Members that stay.
    kept: usize,
}

/// Where the name of an undeclared member stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Other {
    start: usize,
    end: usize,
    escaped: bool,
}

impl Other {
    /// Of a name whose closing quote the cursor has just passed.
    fn before(cursor: &Cursor<'_>, text: &Text<'_>) -> Self {
        let end = cursor.pos.saturating_sub(1);
        Self {
            start: end.saturating_sub(text.raw.len()),
            end,
            escaped: text.escaped,
        }
    }

    fn text<'t>(&self, cursor: &Cursor<'t>) -> Text<'t> {
        Text {
            raw: cursor.slice(self.start, self.end),
            escaped: self.escaped,
            ascii: false,
        }
    }
}

/// A name as it was met.
enum Name<'p, 't> {
    Declared(usize, &'p Property),
    Other(Text<'t>),
}

impl<'p, 't> Judge<'p, 't, '_> {
    /// Judges the object at the cursor.
    pub(super) fn object(&mut self, schema: &'p Schema, rules: &'p ObjectRules) -> Pass {
        self.descend()?;
        let mut frame = self.open(rules);
        self.cursor.pos += 1;
        self.cursor.skip_whitespace();
        let mut count = 0;
        while self.another(count, b'}')? {
            self.member(schema, rules, &mut frame)?;
            count += 1;
            if count > self.limits.members_max as usize {
                return Err(self.syntax(Code::Members));
            }
        }
        self.depth -= 1;
        self.close(schema, rules, &frame)
    }

    /// An object of which nothing is said.
    pub(super) fn any_object(&mut self) -> Pass {
        self.descend()?;
        let mut frame = Frame {
            seen_from: 0,
            others_from: self.scratch.others.len(),
            others: None,
            slot: 0,
            kept: 0,
        };
        self.cursor.pos += 1;
        self.cursor.skip_whitespace();
        let mut count = 0;
        while self.another(count, b'}')? {
            self.mark_open(self.cursor.pos)?;
            let name = self.scan_name()?;
            self.undeclared_once(name, &mut frame)?;
            self.colon()?;
            self.anything().map_err(|stop| self.inside(stop, Segment::Undeclared))?;
            count += 1;
            if count > self.limits.members_max as usize {
                return Err(self.syntax(Code::Members));
            }
        }
        self.scratch.others.truncate(frame.others_from);
        self.depth -= 1;
        Ok(())
    }

    fn open(&mut self, rules: &ObjectRules) -> Frame {
        let (seen_from, others_from) = (self.scratch.seen.len(), self.scratch.others.len());
        self.scratch.seen.resize(seen_from + rules.required.len(), 0);
        Frame {
            seen_from,
            others_from,
            others: None,
            slot: 0,
            kept: 0,
        }
    }

    #[inline]
    fn member(&mut self, schema: &'p Schema, rules: &'p ObjectRules, frame: &mut Frame) -> Pass {
        let at = self.cursor.pos;
        match self.name(rules, frame)? {
            Name::Declared(index, property) => {
                self.first_time(frame, index)?;
                if let Some(names) = rules.names {
                    self.property_name(names, at, schema)?;
                }
                self.colon()?;
                self.declared(schema, rules, property, at, frame)
            }
            Name::Other(text) => {
                self.undeclared_once(text, frame)?;
                if let Some(names) = rules.names {
                    self.property_name(names, at, schema)?;
                }
                self.colon()?;
                self.other(schema, rules, at, frame)
            }
        }
    }

    /// Reads a name; the cursor ends behind its closing quote.
    #[inline]
    fn name(&mut self, rules: &'p ObjectRules, frame: &mut Frame) -> Result<Name<'p, 't>, Stop> {
        let learnt = self
            .scratch
            .successors
            .get(rules.names_from + frame.slot)
            .copied()
            .unwrap_or_default() as usize;
        let guess = if learnt == 0 { frame.slot } else { learnt - 1 };
        let inner = self.cursor.bytes.get(self.cursor.pos + 1..).unwrap_or_default();
        if let (Some(b'"'), Some(length)) = (self.cursor.peek(), rules.keys.stands_at(guess, inner))
            && let Some(property) = rules.properties.get(guess)
        {
            self.cursor.pos += length + 2;
            frame.slot = guess + 1;
            return Ok(Name::Declared(guess, property));
        }
        self.look_up(rules, frame)
    }

    fn look_up(&mut self, rules: &'p ObjectRules, frame: &mut Frame) -> Result<Name<'p, 't>, Stop> {
        let text = self.scan_name()?;
        let index = if text.escaped {
            let mut buffer = std::mem::take(&mut self.scratch.text);
            let index = rules.keys.find(text.decode_bytes(&mut buffer));
            self.scratch.text = buffer;
            index
        } else {
            rules.keys.find(text.raw)
        };
        let Some((index, property)) = index.and_then(|index| Some((index, rules.properties.get(index)?))) else {
            return Ok(Name::Other(text));
        };
        if let (Some(slot), Ok(next)) = (
            self.scratch.successors.get_mut(rules.names_from + frame.slot),
            u32::try_from(index + 1),
        ) {
            *slot = next;
        }
        frame.slot = index + 1;
        Ok(Name::Declared(index, property))
    }

    fn scan_name(&mut self) -> Result<Text<'t>, Stop> {
        if self.cursor.peek() != Some(b'"') {
            return Err(self.syntax(Code::Syntax));
        }
        self.cursor.string().map_err(|code| self.syntax(code))
    }

    #[inline]
    fn colon(&mut self) -> Pass {
        self.cursor.skip_whitespace();
        self.cursor.expect(b':').map_err(|code| self.syntax(code))?;
        self.cursor.skip_whitespace();
        Ok(())
    }

    /// Notes a declared name, which must not have been there before.
    #[inline]
    fn first_time(&mut self, frame: &Frame, index: usize) -> Pass {
        let bit = 1_u64 << (index % 64);
        match self.scratch.seen.get_mut(frame.seen_from + index / 64) {
            Some(word) if *word & bit == 0 => {
                *word |= bit;
                Ok(())
            }
            _ => Err(self.syntax(Code::Duplicate)),
        }
    }

    /// Notes another name, which must not have been there before. A few are compared one by one; of many, keyed hashes of
    /// 64 bits: two different names that collide would be refused, once in billions of objects, and never passed.
    fn undeclared_once(&mut self, text: Text<'t>, frame: &mut Frame) -> Pass {
        let again = match &mut frame.others {
            Some(set) => !set.insert(self.scratch.hasher.hash_one(&*text.decoded())),
            None => {
                let met = self.scratch.others.get(frame.others_from..).unwrap_or_default();
                met.iter().any(|other| other.text(&self.cursor).is_same(&text))
            }
        };
        if again {
            return Err(self.syntax(Code::Duplicate));
        }
        if frame.others.is_none() {
            self.scratch.others.push(Other::before(&self.cursor, &text));
            let met = self.scratch.others.get(frame.others_from..).unwrap_or_default();
            if met.len() > OTHERS_COMPARED_MAX {
                let hash = |other: &Other| self.scratch.hasher.hash_one(&*other.text(&self.cursor).decoded());
                frame.others = Some(met.iter().map(hash).collect());
            }
        }
        Ok(())
    }

    fn declared(
        &mut self,
        schema: &'p Schema,
        rules: &'p ObjectRules,
        property: &'p Property,
        at: usize,
        frame: &mut Frame,
    ) -> Pass {
        let Some(id) = property.schema else {
            // Only `required` or the like names it: that does not declare it.
            self.entangled = true;
            return self.other(schema, rules, at, frame);
        };
        let segment = Segment::Declared(&property.name);
        self.mark(at, Some(&property.name))?;
        let hidden = match property.hidden {
            None if !rules.patterns.is_empty() => self.hidden_by_pattern(rules, &property.name)?,
            hidden => hidden,
        };
        if let Some(code) = hidden {
            return self
                .hidden(code, self.program.span(id), at)
                .map_err(|stop| self.inside(stop, segment));
        }
        frame.kept += 1;
        let value_at = self.cursor.pos;
        self.value(id).map_err(|stop| self.inside(stop, segment))?;
        if rules.patterns.is_empty() {
            return Ok(());
        }
        self.patterns(rules, &property.name, value_at)
            .map(|_| ())
            .map_err(|stop| self.inside(stop, segment))
    }

    /// A `readOnly` property in a request, or a `writeOnly` one in an answer.
    fn hidden(&mut self, code: Code, span: Span, at: usize) -> Pass {
        if self.undeclared == Undeclared::Strip {
            self.anything()?;
            self.cut(at)?;
            self.entangled |= self.journaling;
            return Ok(());
        }
        Err(self.fail(code, span))
    }

    /// A property that `properties` does not speak of; its name stands at `at`, the cursor on its value.
    fn other(&mut self, schema: &'p Schema, rules: &'p ObjectRules, at: usize, frame: &mut Frame) -> Pass {
        if !rules.patterns.is_empty() {
            let name = self.name_at(at);
            if let Some(code) = self.hidden_by_pattern(rules, &name)? {
                self.mark(at, None)?;
                return self
                    .hidden(code, schema.span, at)
                    .map_err(|stop| self.inside(stop, Segment::Undeclared));
            }
            let fits = self
                .patterns(rules, &name, self.cursor.pos)
                .map_err(|stop| self.inside(stop, Segment::Undeclared))?;
            if fits {
                self.mark(at, None)?;
                frame.kept += 1;
                return Ok(());
            }
        }
        match rules.additional {
            Additional::Any => {
                self.mark(at, None)?;
                frame.kept += 1;
                self.anything().map_err(|stop| self.inside(stop, Segment::Undeclared))
            }
            Additional::Keeps(id) => {
                self.mark(at, None)?;
                if let Some(code) = rules.additional_hidden {
                    return self
                        .hidden(code, schema.span, at)
                        .map_err(|stop| self.inside(stop, Segment::Undeclared));
                }
                frame.kept += 1;
                self.value(id).map_err(|stop| self.inside(stop, Segment::Undeclared))
            }
            Additional::Forbidden | Additional::Unsaid => self.surplus(schema, rules, at, frame),
        }
    }

    /// A property that this schema does not allow, or does not speak of.
    fn surplus(&mut self, schema: &'p Schema, rules: &'p ObjectRules, at: usize, frame: &mut Frame) -> Pass {
        let unsaid = rules.additional == Additional::Unsaid;
        if self.undeclared == Undeclared::Strip && !self.journaling {
            self.anything()?;
            self.cut(at)?;
            return Ok(());
        }
        if unsaid && (self.journaling || self.undeclared == Undeclared::Allow) {
            // Under applicators another schema may declare it; the journal tells in the end.
            frame.kept += 1;
            return self.unmarked();
        }
        Err(self.fail(Code::Undeclared, schema.span))
    }

    /// Reads a value on which this schema has no opinion, but another one for the same value may.
    pub(super) fn unmarked(&mut self) -> Pass {
        let journaling = std::mem::replace(&mut self.journaling, false);
        let pass = self.anything();
        self.journaling = journaling;
        pass
    }

    /// Judges the value at `value_at` by every `patternProperties` that the name matches; says whether any did.
    fn patterns(&mut self, rules: &'p ObjectRules, name: &str, value_at: usize) -> Result<bool, Stop> {
        let mut any = false;
        for PatternProperty { pattern, schema, .. } in &rules.patterns {
            if !self.fits(pattern, name)? {
                continue;
            }
            if self.cursor.pos > value_at {
                self.spend(self.cursor.pos - value_at)?;
            }
            self.cursor.pos = value_at;
            self.value(*schema)?;
            any = true;
        }
        Ok(any)
    }

    /// The code for a name that the direction hides by one of the `patternProperties` that it matches.
    #[inline]
    fn hidden_by_pattern(&mut self, rules: &ObjectRules, name: &str) -> Result<Option<Code>, Stop> {
        for PatternProperty { pattern, hidden, .. } in &rules.patterns {
            if hidden.is_some() && self.fits(pattern, name)? {
                return Ok(*hidden);
            }
        }
        Ok(None)
    }

    /// Whether a pattern is found in a name. One that runs out of steps proves nothing, for any branch.
    fn fits(&mut self, pattern: &Pattern, name: &str) -> Result<bool, Stop> {
        pattern
            .is_match_within(name, &mut self.steps)
            .map_err(|_| self.syntax(Code::Budget))
    }

    fn name_at(&self, at: usize) -> String {
        let mut cursor = Cursor {
            bytes: self.cursor.bytes,
            pos: at,
        };
        cursor
            .string()
            .map(|text| text.decode(&mut Vec::new()).to_owned())
            .unwrap_or_default()
    }

    /// Judges the name at `at` by `propertyNames`; the cursor comes back to where it was.
    fn property_name(&mut self, id: SchemaId, at: usize, schema: &Schema) -> Pass {
        let end = self.cursor.pos;
        let fits = self.attempt(at, end, id)?;
        self.cursor.pos = end;
        if fits {
            Ok(())
        } else {
            Err(self.fail(Code::PropertyName, schema.span))
        }
    }

    /// What can be said only when the whole object has been read.
    fn close(&mut self, schema: &'p Schema, rules: &'p ObjectRules, frame: &Frame) -> Pass {
        if let Some(index) = self.missing(rules, frame) {
            let stop = self.fail(Code::Required, schema.span);
            let name = rules.properties.get(index).map_or("", |property| &property.name);
            return Err(self.inside(stop, Segment::Declared(name)));
        }
        if frame.kept < rules.properties_min || rules.properties_max.is_some_and(|max| frame.kept > max) {
            return Err(self.fail(Code::Count, schema.span));
        }
        for (index, others) in &rules.dependent {
            if self.has(frame, *index) && !others.iter().all(|other| self.has(frame, *other)) {
                return Err(self.fail(Code::Dependent, schema.span));
            }
        }
        self.scratch.seen.truncate(frame.seen_from);
        self.scratch.others.truncate(frame.others_from);
        Ok(())
    }

    fn missing(&self, rules: &ObjectRules, frame: &Frame) -> Option<usize> {
        let seen = self.scratch.seen.get(frame.seen_from..)?;
        let mut words = rules.required.iter().zip(seen).map(|(required, seen)| required & !seen);
        let word = words.position(|missing| missing != 0)?;
        let missing = rules.required.get(word)? & !seen.get(word)?;
        Some(word * 64 + missing.trailing_zeros() as usize)
    }

    fn has(&self, frame: &Frame, index: usize) -> bool {
        self.scratch
            .seen
            .get(frame.seen_from + index / 64)
            .is_some_and(|word| word >> (index % 64) & 1 == 1)
    }
}
