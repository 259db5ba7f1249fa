//! Sets of characters: what a class, an escape or a single character stands for.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

/// A set of Unicode scalar values. Lone surrogates never occur in UTF-8 text, so they are in no set.
pub(super) type Set = ClassUnicode;

/// The set of the given inclusive ranges.
pub(super) fn of(ranges: &[(char, char)]) -> Set {
    Set::new(ranges.iter().map(|&(first, last)| ClassUnicodeRange::new(first, last)))
}

/// The set of one character.
pub(super) fn one(character: char) -> Set {
    of(&[(character, character)])
}

/// The set of the scalar values from `first` to `last`, which may be surrogates.
pub(super) fn between(first: u32, last: u32) -> Set {
    let below = (first, last.min(0xD7FF));
    let above = (first.max(0xE000), last.min(0x10_FFFF));
    let ends = |(start, end): (u32, u32)| {
        if start <= end {
            char::from_u32(start).zip(char::from_u32(end))
        } else {
            None
        }
    };
    let ranges: Vec<_> = [below, above].into_iter().filter_map(ends).collect();
    of(&ranges)
}

/// Every scalar value.
pub(super) fn any() -> Set {
    of(&[('\0', char::MAX)])
}

/// `.`: anything but the four line terminators (ECMA-262 §12.3).
pub(super) fn dot() -> Set {
    negated(of(&[('\n', '\n'), ('\r', '\r'), ('\u{2028}', '\u{2029}')]))
}

/// `\d`: the ASCII digits.
pub(super) fn digits() -> Set {
    of(&[('0', '9')])
}

/// `\w`: ASCII letters, digits and the low line.
pub(super) fn word() -> Set {
    of(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')])
}

/// `\s`: WhiteSpace and LineTerminator (ECMA-262 §12.2 and §12.3); it holds U+FEFF and lacks U+0085.
pub(super) fn space() -> Set {
    of(&[
        ('\t', '\r'),
        (' ', ' '),
        ('\u{A0}', '\u{A0}'),
        ('\u{1680}', '\u{1680}'),
        ('\u{2000}', '\u{200A}'),
        ('\u{2028}', '\u{2029}'),
        ('\u{202F}', '\u{202F}'),
        ('\u{205F}', '\u{205F}'),
        ('\u{3000}', '\u{3000}'),
        ('\u{FEFF}', '\u{FEFF}'),
    ])
}

/// `\p{name}`, if such a property is known. Names are compared loosely (UAX #44 LM3), values without a property name
/// may be general categories, binary properties or scripts.
pub(super) fn property(name: &str) -> Option<Set> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'=' | b'-' | b' ');
    if name.is_empty() || !name.bytes().all(known) {
        return None;
    }
    match regex_syntax::parse(&format!(r"\p{{{name}}}")).ok()?.into_kind() {
        HirKind::Class(Class::Unicode(set)) => Some(set),
        // A property of one character is read as that character.
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).ok()?.chars().next().map(one),
        _ => None,
    }
}

/// The complement.
pub(super) fn negated(mut set: Set) -> Set {
    set.negate();
    set
}

/// The set and every character that differs from one of it in case only (Unicode simple case folding).
pub(super) fn folded(mut set: Set) -> Set {
    // The tables are compiled in; without them the set stays as it is, which refuses rather than admits.
    let _ = set.try_case_fold_simple();
    set
}

/// Whether no character is in both.
pub(super) fn disjoint(left: &Set, right: &Set) -> bool {
    let mut both = left.clone();
    both.intersect(right);
    both.ranges().is_empty()
}

/// A set made ready for looking characters up: a bit per ASCII character, sorted ranges for the rest.
#[derive(Debug, Clone)]
pub(super) struct Lookup {
    ascii: u128,
    ranges: Box<[(char, char)]>,
}

impl Lookup {
    /// Prepares a set.
    pub(super) fn new(set: &Set) -> Self {
        let ranges: Box<[_]> = set.iter().map(|range| (range.start(), range.end())).collect();
        let has = |byte: u8| {
            ranges
                .iter()
                .any(|&(first, last)| (first..=last).contains(&char::from(byte)))
        };
        let ascii = (0..128)
            .filter(|&byte| has(byte))
            .fold(0, |bits, byte| bits | 1 << byte);
        Self { ascii, ranges }
    }

    /// Whether a character is in the set.
    #[inline]
    pub(super) fn has(&self, character: char) -> bool {
        let code = u32::from(character);
        if code < 128 {
            return self.ascii >> code & 1 == 1;
        }
        let after = self.ranges.partition_point(|&(first, _)| first <= character);
        after
            .checked_sub(1)
            .and_then(|at| self.ranges.get(at))
            .is_some_and(|&(_, last)| character <= last)
    }
}
