//! Several schemas for one value: `allOf`, `anyOf`, `oneOf`, `not`, `if`, `discriminator`, `$dynamicRef`.

use super::super::program::{Applicators, Condition, Discriminator, Schema, SchemaId, Target};
use super::super::scan::Cursor;
use super::super::violation::{Code, Segment};
use super::super::{canonical, program::TypeSet};
use super::{Judge, Pass, Stop, Undeclared};

/// How many schemas deep one may apply another to the same text. A schema that applies itself to the very value it
/// judges would go on until the stack ends.
const NESTED_MAX: u16 = 512;

impl<'p> Judge<'p, '_, '_> {
    /// Judges the value at the cursor by the schema's own rules and by all that its applicators name.
    pub(super) fn compound(&mut self, schema: &'p Schema, applicators: &'p Applicators) -> Pass {
        let (start, mark) = (self.cursor.pos, self.journal.len());
        let outermost = !self.journaling;
        let sweeping = outermost && self.undeclared != Undeclared::Allow;
        let evaluating = applicators.unevaluated_properties.is_some() || applicators.unevaluated_items.is_some();
        self.journaling = !outermost || sweeping || evaluating;
        let asked = self.asks_for_items;
        self.asks_for_items |= applicators.unevaluated_items.is_some();
        self.parts(schema, applicators, start, mark)?;
        self.asks_for_items = asked;
        if sweeping {
            self.sweep(schema, start, mark)?;
        }
        if outermost {
            self.journaling = false;
            self.journal.truncate(mark);
        }
        Ok(())
    }

    fn parts(&mut self, schema: &'p Schema, applicators: &'p Applicators, start: usize, mark: usize) -> Pass {
        self.plain(schema)?;
        let end = self.cursor.pos;
        for target in &applicators.all_of {
            let id = self.find(target);
            self.again(start, end, id)?;
        }
        match &applicators.discriminator {
            Some(discriminator) => self.discriminated(schema, discriminator, start, end)?,
            None => {
                self.any_of(schema, &applicators.any_of, start, end)?;
                self.one_of(schema, &applicators.one_of, start, end)?;
            }
        }
        for id in &applicators.not {
            let journal = self.journal.len();
            if self.attempt(start, end, *id)? {
                return Err(self.fail(Code::Not, schema.span));
            }
            self.journal.truncate(journal);
        }
        for condition in &applicators.conditions {
            self.condition(condition, start, end)?;
        }
        if let Some(rule) = applicators.unevaluated_properties {
            self.cursor.pos = end;
            self.unevaluated_properties(schema, rule, start, mark)?;
        }
        if let Some(rule) = applicators.unevaluated_items {
            self.cursor.pos = end;
            self.unevaluated_items(schema, rule, start, mark)?;
        }
        self.cursor.pos = end;
        Ok(())
    }

    /// Reads the value once more, by another schema that has to hold.
    fn again(&mut self, start: usize, end: usize, id: SchemaId) -> Pass {
        self.spend(end - start)?;
        if self.nested == NESTED_MAX {
            return Err(self.syntax(Code::Budget));
        }
        self.cursor.pos = start;
        self.nested += 1;
        let pass = self.value(id);
        self.nested -= 1;
        pass
    }

    /// Reads the value once more, by a schema that may hold. If it does not, nothing of it remains.
    pub(super) fn attempt(&mut self, start: usize, end: usize, id: SchemaId) -> Result<bool, Stop> {
        let (journal, cuts) = (self.journal.len(), self.scratch.cuts.len());
        let (seen, others) = (self.scratch.seen.len(), self.scratch.others.len());
        let (depth, scope, journaling) = (self.depth, self.scope.len(), self.journaling);
        let asks_for_items = self.asks_for_items;
        self.speculating += 1;
        let pass = self.again(start, end, id);
        self.speculating -= 1;
        match pass {
            Ok(()) => Ok(true),
            Err(Stop::Fatal) => Err(Stop::Fatal),
            Err(Stop::Invalid) => {
                self.journal.truncate(journal);
                self.scratch.cuts.truncate(cuts);
                self.scratch.seen.truncate(seen);
                self.scratch.others.truncate(others);
                self.scope.truncate(scope);
                (self.depth, self.journaling) = (depth, journaling);
                self.asks_for_items = asks_for_items;
                self.path.clear();
                Ok(false)
            }
        }
    }

    pub(super) fn spend(&mut self, bytes: usize) -> Pass {
        match self.budget.checked_sub(bytes as u64 + 1) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(self.syntax(Code::Budget)),
        }
    }

    /// The schema that a reference means here: for a dynamic one, that of the outermost resource which has the anchor.
    fn find(&self, target: &Target) -> SchemaId {
        match target {
            Target::Static(id) => *id,
            Target::Dynamic(name, fallback) => {
                let anchors = &self.program.dynamic_anchors;
                let mut found = self
                    .scope
                    .iter()
                    .filter_map(|resource| anchors.get(&(*resource, name.clone())));
                found.next().copied().unwrap_or(*fallback)
            }
        }
    }

    fn any_of(&mut self, schema: &Schema, branches: &[SchemaId], start: usize, end: usize) -> Pass {
        let mut any = branches.is_empty();
        for id in branches {
            any |= self.attempt(start, end, *id)?;
            // Every branch that holds may declare something, but only the journal wants to know.
            if any && !self.journaling {
                break;
            }
        }
        if any {
            Ok(())
        } else {
            self.no_branch(schema, Code::AnyOf, branches, start, end)
        }
    }

    fn one_of(&mut self, schema: &Schema, branches: &[SchemaId], start: usize, end: usize) -> Pass {
        let mut holding = 0;
        for id in branches {
            holding += u32::from(self.attempt(start, end, *id)?);
            if holding > 1 {
                self.cursor.pos = start;
                return Err(self.fail(Code::OneOf, schema.span));
            }
        }
        if holding == 1 || branches.is_empty() {
            Ok(())
        } else {
            self.no_branch(schema, Code::OneOf, branches, start, end)
        }
    }

    /// Where only one branch takes this type of value (the other is `null`, say), its own error says more.
    fn no_branch(&mut self, schema: &Schema, code: Code, branches: &[SchemaId], start: usize, end: usize) -> Pass {
        let of = match self.cursor.bytes.get(start) {
            Some(b'{') => TypeSet::OBJECT,
            Some(b'[') => TypeSet::ARRAY,
            Some(b'"') => TypeSet::STRING,
            Some(b't' | b'f') => TypeSet::BOOLEAN,
            Some(b'n') => TypeSet::NULL,
            _ => TypeSet::INTEGER,
        };
        let mut fitting = branches.iter().filter(|id| self.program.types(**id).intersects(of));
        if let (Some(only), None) = (fitting.next(), fitting.next()) {
            self.again(start, end, *only)?;
        }
        self.cursor.pos = start;
        Err(self.fail(code, schema.span))
    }

    fn condition(&mut self, condition: &Condition, start: usize, end: usize) -> Pass {
        let branch = if self.attempt(start, end, condition.when)? {
            condition.then
        } else {
            condition.otherwise
        };
        branch.map_or(Ok(()), |id| self.again(start, end, id))
    }

    /// Judges by the one branch that the discriminator names, so that an error speaks of that branch only.
    fn discriminated(&mut self, schema: &Schema, discriminator: &'p Discriminator, start: usize, end: usize) -> Pass {
        if self.cursor.bytes.get(start) != Some(&b'{') {
            // Not an object: no branch can be named, and none holds unless all allow it.
            self.cursor.pos = start;
            return Err(self.fail(Code::Discriminator, schema.span));
        }
        self.spend(end - start)?;
        let tag = tag(self.cursor.bytes, start, &discriminator.property);
        match tag.and_then(|tag| discriminator.branches.get(tag.as_str())) {
            Some(id) => self.again(start, end, *id),
            None => {
                self.cursor.pos = start;
                let stop = self.fail(Code::Discriminator, schema.span);
                Err(self.inside(stop, Segment::Declared(&discriminator.property)))
            }
        }
    }
}

/// The string value of a member of the object at `start`, which has been judged well-formed.
fn tag(bytes: &[u8], start: usize, property: &str) -> Option<String> {
    let mut cursor = Cursor { bytes, pos: start };
    let mut buffer = Vec::new();
    while canonical::next_element(&mut cursor, b'}') {
        let found = cursor.string().ok()?.decode(&mut buffer) == property;
        cursor.skip_whitespace();
        cursor.expect(b':').ok()?;
        cursor.skip_whitespace();
        if found {
            return (cursor.peek() == Some(b'"'))
                .then(|| cursor.string().ok())
                .flatten()
                .map(|text| text.decode(&mut buffer).to_owned());
        }
        cursor.skip_value();
    }
    None
}
