//! Strings, numbers, literals, and `enum`.

use super::super::canonical;
use super::super::decimal::Decimal;
use super::super::program::{NumberRules, Schema, StringRules, TypeSet, Values};
use super::super::scan::{Cursor, Number, Text};
use super::super::violation::Code;
use super::{Judge, Pass, STAND_IN};
use crate::conform::pattern::Steps;

impl<'p, 't> Judge<'p, 't, '_> {
    #[inline]
    pub(super) fn literal(&mut self, schema: &Schema, of: TypeSet, word: &[u8]) -> Pass {
        self.cursor.literal(word).map_err(|code| self.syntax(code))?;
        self.typed(schema, of)
    }

    #[inline]
    pub(super) fn string(&mut self, schema: &'p Schema) -> Pass {
        let text = self.cursor.string().map_err(|code| self.syntax(code))?;
        self.typed(schema, TypeSet::STRING)?;
        match &schema.string {
            Some(_) if self.limits.stand_ins && text.raw == STAND_IN.as_bytes() => Ok(()),
            Some(rules) => self.string_keeps(schema, rules, text),
            None => Ok(()),
        }
    }

    fn string_keeps(&mut self, schema: &'p Schema, rules: &'p StringRules, text: Text<'t>) -> Pass {
        if rules.length_min > 0 || rules.length_max.is_some() {
            let length = text.characters();
            if length < rules.length_min || rules.length_max.is_some_and(|max| length > max) {
                return Err(self.fail(Code::Length, schema.span));
            }
        }
        if rules.patterns.is_empty() && rules.formats.is_empty() {
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.scratch.text);
        let broken = first_broken(rules, text.decode_bytes(&mut buffer), &mut self.steps);
        self.scratch.text = buffer;
        match broken {
            None => Ok(()),
            // A pattern that ran out of steps proves nothing, for any branch: `not` must not turn it into a pass.
            Some(Code::Budget) => Err(self.syntax(Code::Budget)),
            Some(code) => Err(self.fail(code, schema.span)),
        }
    }

    #[inline]
    pub(super) fn number(&mut self, schema: &'p Schema) -> Pass {
        let number = self.cursor.number().map_err(|code| self.syntax(code))?;
        match number.small {
            Some(value) if schema.types.contains(TypeSet::INTEGER) => {
                if value < schema.integers.min || value > schema.integers.max {
                    return Err(self.fail(Code::Range, schema.span));
                }
                match &schema.number {
                    Some(rules) if !rules.multiple_of.is_empty() => self.multiple(schema, rules, Decimal::from(value)),
                    _ => Ok(()),
                }
            }
            _ => self.wide_number(schema, number),
        }
    }

    /// A number with a fraction, an exponent or many digits, or one where no number is allowed.
    fn wide_number(&mut self, schema: &'p Schema, number: Number<'t>) -> Pass {
        self.typed(schema, TypeSet::INTEGER)?;
        if schema.types.contains(TypeSet::NUMBER) && schema.number.is_none() {
            return Ok(());
        }
        let Some(value) = Decimal::parse(number.raw) else {
            return Err(self.syntax(Code::Number));
        };
        if !value.is_integer() {
            self.typed(schema, TypeSet::NUMBER)?;
        }
        let Some(rules) = &schema.number else { return Ok(()) };
        let below = rules
            .min
            .is_some_and(|(min, excluded)| value < min || (excluded && value == min));
        let above = rules
            .max
            .is_some_and(|(max, excluded)| value > max || (excluded && value == max));
        if below || above {
            return Err(self.fail(Code::Range, schema.span));
        }
        self.multiple(schema, rules, value)
    }

    fn multiple(&mut self, schema: &Schema, rules: &NumberRules, value: Decimal) -> Pass {
        if rules.multiple_of.iter().all(|divisor| value.is_multiple_of(*divisor)) {
            return Ok(());
        }
        Err(self.fail(Code::MultipleOf, schema.span))
    }

    /// Compares the value that began at `start`, and has just been read, with `enum` or `const`.
    pub(super) fn listed(&mut self, schema: &Schema, values: &Values, start: usize) -> Pass {
        let value = self.cursor.slice(start, self.cursor.pos);
        if let Some(text) = value.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""))
            && values.strings.iter().any(|listed| **listed == *text)
        {
            return Ok(());
        }
        if matches!(value.first(), Some(b'{' | b'[')) {
            self.spend(value.len())?;
        }
        let mut form = std::mem::take(&mut self.scratch.text);
        form.clear();
        canonical::write_text(&mut Cursor::new(value), &mut form);
        let listed = values.canonical.contains(form.as_slice());
        self.scratch.text = form;
        if listed {
            Ok(())
        } else {
            Err(self.fail(Code::Enum, schema.span))
        }
    }
}

/// `text` is UTF-8.
fn first_broken(rules: &StringRules, text: &[u8], steps: &mut Steps) -> Option<Code> {
    for pattern in &rules.patterns {
        match pattern.is_match_in(text, steps) {
            Ok(true) => {}
            Ok(false) => return Some(Code::Pattern),
            Err(_) => return Some(Code::Budget),
        }
    }
    if rules.formats.is_empty() {
        return None;
    }
    let text = std::str::from_utf8(text).unwrap_or_default();
    let fits = rules.formats.iter().all(|format| format.check(text));
    (!fits).then_some(Code::Format)
}
