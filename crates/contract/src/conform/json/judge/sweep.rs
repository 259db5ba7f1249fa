//! Looking, when every schema for a value has spoken, for what none of them declared.

use super::super::canonical;
use super::super::program::{Additional, Schema};
use super::super::violation::{Code, Segment};
use super::{Judge, Mark, Pass, Stop, Undeclared};

impl<'p> Judge<'p, '_, '_> {
    /// Refuses or cuts the members, at any depth of the value that began at `start`, that the journal does not
    /// have behind `mark`.
    pub(super) fn sweep(&mut self, schema: &'p Schema, start: usize, mark: usize) -> Pass {
        if !matches!(self.cursor.bytes.get(start), Some(b'{' | b'[')) {
            return Ok(());
        }
        let marks = self.marks(mark, start)?;
        let end = std::mem::replace(&mut self.cursor.pos, start);
        self.sweep_value(schema, &marks)?;
        self.cursor.pos = end;
        Ok(())
    }

    /// The journal behind `mark`, in the order of the text. Of several entries for a member the one that says
    /// most is kept. Pays for sorting them, and for the walk over the value that began at `start`, which ends at the
    /// cursor.
    fn marks(&mut self, mark: usize, start: usize) -> Result<Vec<Mark<'p>>, Stop> {
        let count = self.journal.len().saturating_sub(mark);
        self.spend(count.saturating_mul(size_of::<Mark<'_>>()))?;
        self.spend(self.cursor.pos.saturating_sub(start))?;
        let mut marks = self.journal.get(mark..).unwrap_or_default().to_vec();
        marks.sort_unstable_by_key(|mark| (mark.at, !mark.evaluated, mark.name.is_none()));
        marks.dedup_by_key(|mark| mark.at);
        Ok(marks)
    }

    fn sweep_value(&mut self, schema: &'p Schema, marks: &[Mark<'p>]) -> Pass {
        match self.cursor.peek() {
            Some(b'{') => self.sweep_members(schema, marks),
            Some(b'[') => {
                let mut index = 0;
                while canonical::next_element(&mut self.cursor, b']') {
                    self.sweep_value(schema, marks)
                        .map_err(|stop| self.inside(stop, Segment::Index(index)))?;
                    index += 1;
                }
                Ok(())
            }
            _ => {
                self.cursor.skip_value();
                Ok(())
            }
        }
    }

    fn sweep_members(&mut self, schema: &'p Schema, marks: &[Mark<'p>]) -> Pass {
        while canonical::next_element(&mut self.cursor, b'}') {
            let at = self.cursor.pos;
            self.skip_name();
            match find(marks, at) {
                Some(mark) => {
                    let segment = mark.name.map_or(Segment::Undeclared, Segment::Declared);
                    self.sweep_value(schema, marks)
                        .map_err(|stop| self.inside(stop, segment))?;
                }
                None if self.undeclared == Undeclared::Strip => {
                    self.cursor.skip_value();
                    self.cut(at)?;
                    self.entangled = true;
                }
                None => return Err(self.fail(Code::Undeclared, schema.span)),
            }
        }
        Ok(())
    }

    /// `unevaluatedProperties` (JSON Schema 2020-12 §11.3): members of this object that no schema for it spoke of.
    pub(super) fn unevaluated_properties(
        &mut self,
        schema: &'p Schema,
        rule: Additional,
        start: usize,
        mark: usize,
    ) -> Pass {
        if self.cursor.bytes.get(start) != Some(&b'{') {
            return Ok(());
        }
        let marks = self.marks(mark, start)?;
        self.cursor.pos = start;
        while canonical::next_element(&mut self.cursor, b'}') {
            let at = self.cursor.pos;
            self.skip_name();
            if find(&marks, at).is_some_and(|mark| mark.evaluated) {
                self.cursor.skip_value();
                continue;
            }
            if rule == Additional::Forbidden && self.undeclared == Undeclared::Strip && self.speculating == 0 {
                self.cursor.skip_value();
                self.cut(at)?;
                self.entangled = true;
                continue;
            }
            self.mark(at, None)?;
            self.unevaluated(schema, rule)
                .map_err(|stop| self.inside(stop, Segment::Undeclared))?;
        }
        Ok(())
    }

    /// `unevaluatedItems` (JSON Schema 2020-12 §11.2).
    pub(super) fn unevaluated_items(
        &mut self,
        schema: &'p Schema,
        rule: Additional,
        start: usize,
        mark: usize,
    ) -> Pass {
        if self.cursor.bytes.get(start) != Some(&b'[') {
            return Ok(());
        }
        let marks = self.marks(mark, start)?;
        self.cursor.pos = start;
        let mut index = 0;
        while canonical::next_element(&mut self.cursor, b']') {
            let at = self.cursor.pos;
            if find(&marks, at).is_some_and(|mark| mark.evaluated) {
                self.cursor.skip_value();
            } else {
                self.mark_item(at)?;
                self.unevaluated(schema, rule)
                    .map_err(|stop| self.inside(stop, Segment::Index(index)))?;
            }
            index += 1;
        }
        Ok(())
    }

    fn unevaluated(&mut self, schema: &'p Schema, rule: Additional) -> Pass {
        match rule {
            Additional::Keeps(id) => self.value(id),
            Additional::Any | Additional::Unsaid => self.anything(),
            Additional::Forbidden => Err(self.fail(Code::Undeclared, schema.span)),
        }
    }

    /// Steps over a name and its colon, to the value.
    fn skip_name(&mut self) {
        self.cursor.skip_value();
        self.cursor.skip_whitespace();
        self.cursor.pos += 1;
        self.cursor.skip_whitespace();
    }
}

fn find<'p>(marks: &[Mark<'p>], at: usize) -> Option<Mark<'p>> {
    marks
        .binary_search_by_key(&at, |mark| mark.at)
        .ok()
        .and_then(|index| marks.get(index))
        .copied()
}
