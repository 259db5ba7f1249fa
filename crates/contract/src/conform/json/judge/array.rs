//! Arrays: items, counts, `uniqueItems`, `contains`.

use std::collections::HashSet;
use std::hash::BuildHasher;

use smallvec::SmallVec;

use super::super::canonical;
use super::super::program::{ArrayRules, Contains, Schema};
use super::super::scan::Cursor;
use super::super::violation::{Code, Segment};
use super::{Judge, Pass, Stop};

/// Up to this many items are compared with each other; beyond, a set takes over.
const ITEMS_COMPARED_MAX: usize = 16;

impl<'p> Judge<'p, '_, '_> {
    /// Judges the array at the cursor.
    pub(super) fn array(&mut self, schema: &'p Schema, rules: &'p ArrayRules) -> Pass {
        let (start, cuts) = (self.cursor.pos, self.scratch.cuts.len());
        self.descend()?;
        self.cursor.pos += 1;
        self.cursor.skip_whitespace();
        let (mut count, mut matching) = (0_usize, 0_usize);
        while self.another(count, b']')? {
            if rules.items_max.is_some_and(|max| count >= max) {
                return Err(self.fail(Code::Count, schema.span));
            }
            let at = self.cursor.pos;
            self.item(schema, rules, count)
                .map_err(|stop| self.inside(stop, Segment::Index(count)))?;
            if let Some(contains) = &rules.contains {
                matching += usize::from(self.matches_contains(contains, at)?);
            }
            count += 1;
        }
        self.depth -= 1;
        if count < rules.items_min {
            return Err(self.fail(Code::Count, schema.span));
        }
        if let Some(Contains { min, max, .. }) = rules.contains
            && (matching < min || max.is_some_and(|max| matching > max))
        {
            return Err(self.fail(Code::Contains, schema.span));
        }
        if rules.unique && count > 1 {
            self.entangled |= self.scratch.cuts.len() > cuts;
            self.unique(schema, start)
        } else {
            Ok(())
        }
    }

    /// An array of which nothing is said.
    pub(super) fn any_array(&mut self) -> Pass {
        self.descend()?;
        self.cursor.pos += 1;
        self.cursor.skip_whitespace();
        let mut count = 0;
        while self.another(count, b']')? {
            self.anything()
                .map_err(|stop| self.inside(stop, Segment::Index(count)))?;
            count += 1;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Whether another element stands before `close`: steps over the comma in front of it, or over `close`.
    #[inline]
    pub(super) fn another(&mut self, count: usize, close: u8) -> Result<bool, Stop> {
        if count > 0 {
            self.cursor.skip_whitespace();
        }
        match self.cursor.peek() {
            Some(byte) if byte == close => {
                self.cursor.pos += 1;
                Ok(false)
            }
            Some(b',') if count > 0 => {
                self.cursor.pos += 1;
                self.cursor.skip_whitespace();
                Ok(true)
            }
            Some(_) if count == 0 => Ok(true),
            _ => Err(self.syntax(Code::Syntax)),
        }
    }

    fn item(&mut self, schema: &'p Schema, rules: &'p ArrayRules, index: usize) -> Pass {
        match rules.prefix.get(index).copied().or(rules.items) {
            Some(id) => {
                self.mark_item(self.cursor.pos)?;
                self.value(id)
            }
            None if schema.applicators.is_none() && rules.contains.is_none() && rules.prefix.is_empty() => {
                // `type: array` alone: its items are anything. They are not evaluated by it, but their members,
                // of which nobody else will speak here, are not undeclared either.
                self.anything()
            }
            None => self.unmarked(),
        }
    }

    /// Whether the item that began at `at`, and has just been read, matches `contains`. That schema only looks for
    /// something: what it does not declare is none the less allowed, and nothing is cut by it.
    fn matches_contains(&mut self, contains: &Contains, at: usize) -> Result<bool, Stop> {
        let end = self.cursor.pos;
        let (journal, cuts) = (self.journal.len(), self.scratch.cuts.len());
        let journaling = std::mem::replace(&mut self.journaling, true);
        let matches = self.attempt(at, end, contains.schema)?;
        self.cursor.pos = end;
        self.journaling = journaling;
        if !journaling {
            self.journal.truncate(journal);
            self.scratch.cuts.truncate(cuts);
        }
        if matches && contains.evaluates {
            self.mark_item(at)?;
        }
        Ok(matches)
    }

    /// Compares the items of the array that began at `start`, and has just been read. Items are kept as keyed hashes of
    /// 64 bits: two different ones that collide would be refused, once in billions of arrays, and never passed.
    fn unique(&mut self, schema: &Schema, start: usize) -> Pass {
        let text = self.cursor.slice(start, self.cursor.pos);
        self.spend(text.len())?;
        let unique = few_plain_strings(text).unwrap_or_else(|| {
            let (mut items, mut form) = (HashSet::new(), std::mem::take(&mut self.scratch.text));
            let mut cursor = Cursor::new(text);
            let mut differ = true;
            while differ && canonical::next_element(&mut cursor, b']') {
                form.clear();
                canonical::write_text(&mut cursor, &mut form);
                differ = items.insert(self.scratch.hasher.hash_one(form.as_slice()));
            }
            self.scratch.text = form;
            differ
        });
        if unique {
            Ok(())
        } else {
            Err(self.fail(Code::Unique, schema.span))
        }
    }

    /// Adds a step to the way to the fault.
    #[cold]
    pub(super) fn inside(&mut self, stop: Stop, segment: Segment<'p>) -> Stop {
        self.path.push(segment);
        stop
    }
}

/// Whether the items of an array differ, told by their bytes alone; `None` unless they are few, and all of them
/// strings without escapes.
fn few_plain_strings(text: &[u8]) -> Option<bool> {
    let mut items = SmallVec::<[&[u8]; ITEMS_COMPARED_MAX]>::new();
    let mut cursor = Cursor::new(text);
    while canonical::next_element(&mut cursor, b']') {
        if cursor.peek() != Some(b'"') || items.len() == ITEMS_COMPARED_MAX {
            return None;
        }
        let item = cursor.string().ok().filter(|item| !item.escaped)?;
        items.push(item.raw);
    }
    let mut rest = items.as_slice();
    while let Some((first, others)) = rest.split_first() {
        if others.contains(first) {
            return Some(false);
        }
        rest = others;
    }
    Some(true)
}
