//! The class engine: an anchored row of segments, each a set of characters and how many of them, such as
//! `^[A-Z]{2}-[0-9]{1,8}$`. Taking as much as possible of each segment is right because a segment of variable length
//! is only admitted where nothing that may follow it could have been taken by it.

use super::set::{self, Lookup, Set};
use super::tree::Tree;

/// Most segments of a row.
const SEGMENTS_MAX: usize = 64;

/// Most parts looked at to find the row, repetitions of groups written out.
const PARTS_MAX: usize = 1_000;

/// A compiled row.
#[derive(Debug)]
pub(super) struct Classes {
    segments: Box<[Segment]>,
    /// Whether the text must end where the last segment does.
    to_the_end: bool,
}

#[derive(Debug)]
struct Segment {
    characters: Characters,
    min: usize,
    max: usize,
}

/// What a segment takes, by the cheapest test.
#[derive(Debug)]
enum Characters {
    /// One ASCII character.
    One(u8),
    /// ASCII characters only.
    Ascii(Box<[bool; 256]>),
    /// Any characters.
    Any(Lookup),
}

/// A segment while the row is built. `max` of `None` is without bound.
#[derive(Clone)]
struct Piece {
    set: Set,
    min: u32,
    max: Option<u32>,
}

impl Classes {
    /// Compiles a tree, if it is an unambiguous row that is anchored at its start (or is found in every text).
    pub(super) fn compile(tree: &Tree) -> Option<Self> {
        let parts = match tree {
            Tree::Empty => {
                return Some(Self {
                    segments: Box::default(),
                    to_the_end: false,
                });
            }
            Tree::Sequence(parts) => parts.as_slice(),
            Tree::Start => std::slice::from_ref(tree),
            _ => return None,
        };
        let (Tree::Start, parts) = parts.split_first()? else {
            return None;
        };
        let (to_the_end, parts) = match parts.split_last() {
            Some((Tree::End, parts)) => (true, parts),
            _ => (false, parts),
        };
        let mut row = Row::default();
        parts.iter().try_for_each(|part| row.collect(part))?;
        let pieces = row.pieces;
        let unambiguous = (0..pieces.len()).all(|at| is_unambiguous(&pieces, at));
        // An open end is as good as an end only if every segment before it has one length.
        let fixed = pieces.iter().all(|piece| piece.max == Some(piece.min));
        if !unambiguous || (!to_the_end && !fixed) {
            return None;
        }
        let segments = pieces.iter().map(Segment::new).collect();
        Some(Self { segments, to_the_end })
    }

    /// Whether the text, in UTF-8, is such a row.
    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        let mut rest = text;
        for segment in &self.segments {
            match segment.take(rest) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        rest.is_empty() || !self.to_the_end
    }
}

impl Segment {
    fn new(piece: &Piece) -> Self {
        let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        let characters = match piece.set.ranges() {
            [only] if only.start() == only.end() && only.end().is_ascii() => {
                Characters::One(u8::try_from(only.end()).unwrap_or(0))
            }
            [.., last] if last.end().is_ascii() => {
                let lookup = Lookup::new(&piece.set);
                let table = std::array::from_fn(|at| u8::try_from(at).is_ok_and(|byte| lookup.has(char::from(byte))));
                Characters::Ascii(Box::new(table))
            }
            _ => Characters::Any(Lookup::new(&piece.set)),
        };
        Self {
            characters,
            min: count(piece.min),
            max: piece.max.map_or(usize::MAX, count),
        }
    }

    /// The text behind this segment, if it is there.
    #[inline]
    fn take<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        let within = text.get(..self.max).unwrap_or(text);
        let (count, length) = match &self.characters {
            Characters::One(one) => until(within, |byte| byte != *one),
            Characters::Ascii(table) => until(within, |byte| table.get(usize::from(byte)) != Some(&true)),
            Characters::Any(lookup) => {
                let text = std::str::from_utf8(text).ok()?;
                let taken = text.chars().take(self.max).take_while(|char| lookup.has(*char));
                taken.fold((0, 0), |(count, length), char| (count + 1, length + char.len_utf8()))
            }
        };
        if count < self.min { None } else { text.get(length..) }
    }
}

/// How many bytes, each a character, stand before one that ends them.
#[inline]
fn until(bytes: &[u8], ends: impl Fn(u8) -> bool) -> (usize, usize) {
    let count = bytes.iter().position(|byte| ends(*byte)).unwrap_or(bytes.len());
    (count, count)
}

/// The row as far as it is known.
#[derive(Default)]
struct Row {
    pieces: Vec<Piece>,
    parts: usize,
}

impl Row {
    /// Adds what a part contributes, if it can be in a row.
    fn collect(&mut self, tree: &Tree) -> Option<()> {
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return None;
        }
        match tree {
            Tree::Empty => Some(()),
            Tree::Set(set) => self.add(set, 1, Some(1)),
            Tree::Capture { body, .. } => self.collect(body),
            Tree::Sequence(parts) => parts.iter().try_for_each(|part| self.collect(part)),
            Tree::Repeat { body, min, max, .. } => match &**body {
                Tree::Set(set) => self.add(set, *min, *max),
                body if *max == Some(*min) => (0..*min).try_for_each(|_| self.collect(body)),
                _ => None,
            },
            _ => None,
        }
    }

    fn add(&mut self, set: &Set, min: u32, max: Option<u32>) -> Option<()> {
        // Nothing matches an empty set; the linear engine knows that too.
        if set.ranges().is_empty() {
            return None;
        }
        if let Some(last) = self.pieces.last_mut().filter(|last| last.set == *set) {
            last.min = last.min.checked_add(min)?;
            last.max = match last.max.zip(max) {
                Some((last, more)) => Some(last.checked_add(more)?),
                None => None,
            };
            return Some(());
        }
        if self.pieces.len() >= SEGMENTS_MAX {
            return None;
        }
        self.pieces.push(Piece {
            set: set.clone(),
            min,
            max,
        });
        Some(())
    }
}

/// Whether the piece at `at` has one length, or no character of it can begin what follows.
fn is_unambiguous(pieces: &[Piece], at: usize) -> bool {
    let Some(piece) = pieces.get(at) else { return false };
    if piece.max == Some(piece.min) {
        return true;
    }
    for next in pieces.iter().skip(at + 1) {
        if !set::disjoint(&piece.set, &next.set) {
            return false;
        }
        if next.min > 0 {
            break;
        }
    }
    true
}
