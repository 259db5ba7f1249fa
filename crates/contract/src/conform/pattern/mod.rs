//! `pattern` and `patternProperties`: ECMA-262 regular expressions in Unicode mode, as JSON Schema asks (2020-12 Core
//! §6.4), held against text without ever hanging.
//!
//! A pattern is parsed once into a tree and then runs on the cheapest of three engines that can hold it:
//!
//! 1. *classes*: an anchored row of character classes, such as `^SKU-[0-9]{4}$`, becomes tables walked byte by byte;
//! 2. *linear*: whatever has neither look-around nor back-references is translated for the `regex` crate, whose time is
//!    proportional to the text;
//! 3. *backtracking*: the rest, under a step budget. When the budget is spent the answer is [`Exhausted`], which the
//!    caller must treat as a refusal.
//!
//! What real contracts write although Unicode mode forbids it is read as ECMA-262 annex B reads it, as long as it has
//! one meaning only: `\-`, `\/`, `[\w-.]`, a lone `]` or `}`. What annex B would silently turn into something that
//! nobody means (`\Z`, `\Q`, `{,5}`, `[[:alpha:]]`) is an error with advice.
//! Slashes around a pattern are part of it. This module never changes what a pattern means to make it faster.

mod ambiguity;
mod backtrack;
mod classes;
mod escape;
mod linear;
mod parse;
mod program;
pub(crate) mod review;
mod set;
mod tree;

use classes::Classes;
use program::Program;
use thiserror::Error;

/// Longest pattern that is compiled, in bytes.
pub const SOURCE_BYTES_MAX: usize = 64 * 1024;

/// A compiled pattern. It is found anywhere in the text unless it is anchored. `Send` and `Sync`.
#[derive(Debug)]
pub struct Pattern {
    source: Box<str>,
    matcher: Matcher,
}

/// What runs a pattern, cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Class tables, one look per byte.
    Classes,
    /// The `regex` crate: time proportional to the text.
    Linear,
    /// Backtracking under a step budget (look-around, back-references, or too big for the linear engine).
    Backtracking,
}

/// The step budget ended before the answer was known. Refuse: the text may or may not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the pattern needs more steps than its budget")]
pub struct Exhausted;

/// The steps that backtracking may still take; one budget serves a whole document, however many texts it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps(u64);

impl Steps {
    /// The budget for a document of so many bytes: a million (some milliseconds), and 16 for every byte.
    pub fn new(bytes: usize) -> Self {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        Self(bytes.saturating_mul(16).saturating_add(1_000_000))
    }

    #[inline]
    fn spend(&mut self, steps: u64) -> Result<(), Exhausted> {
        match self.0.checked_sub(steps) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            // What once ran out stays so: a later text that costs less would prove as little.
            None => {
                self.0 = 0;
                Err(Exhausted)
            }
        }
    }
}

/// Why a pattern cannot be used, in words for its author.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message} (at character {offset} of the pattern)")]
pub struct PatternError {
    /// What is wrong and what to write instead: lower case, no full stop.
    pub message: String,
    /// Where: characters before the fault.
    pub offset: usize,
}

#[derive(Debug)]
enum Matcher {
    Classes(Classes),
    Linear(regex::Regex),
    Backtracking(Program),
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// If it is not an ECMA-262 regular expression, is longer than [`SOURCE_BYTES_MAX`] or nests too deep.
    pub fn compile(source: &str) -> Result<Self, PatternError> {
        let parsed = parse::parse(source)?;
        let matcher = if parsed.backtracks {
            Matcher::Backtracking(Program::compile(&parsed))
        } else {
            let tree = tree::trim(parsed.tree.clone());
            match Classes::compile(&tree) {
                Some(classes) => Matcher::Classes(classes),
                None => match linear::compile(&tree) {
                    Some(regex) => Matcher::Linear(regex),
                    None => Matcher::Backtracking(Program::compile(&parsed)),
                },
            }
        };
        Ok(Self {
            source: source.into(),
            matcher,
        })
    }

    /// Whether a text is an ECMA-262 regular expression that could be compiled (the format `regex`).
    pub fn is_valid(source: &str) -> bool {
        parse::parse(source).is_ok()
    }

    /// Whether the pattern is found in the text, with steps of its own.
    ///
    /// # Errors
    /// As [`Self::is_match_within`].
    pub fn is_match(&self, text: &str) -> Result<bool, Exhausted> {
        self.is_match_within(text, &mut Steps::new(text.len()))
    }

    /// Whether the pattern is found in the text, within the steps that are left. The first two engines allocate nothing for it in their steady state.
    ///
    /// # Errors
    /// [`Exhausted`] if the backtracking engine spent its budget; the other engines take none of it.
    pub fn is_match_within(&self, text: &str, steps: &mut Steps) -> Result<bool, Exhausted> {
        match &self.matcher {
            Matcher::Classes(classes) => Ok(classes.is_match(text.as_bytes())),
            Matcher::Linear(regex) => Ok(regex.is_match(text)),
            Matcher::Backtracking(program) => program.is_match(text, steps),
        }
    }

    /// The same for a text that is known to be UTF-8, which the first engine need not be told.
    pub(crate) fn is_match_in(&self, utf8: &[u8], steps: &mut Steps) -> Result<bool, Exhausted> {
        match &self.matcher {
            Matcher::Classes(classes) => Ok(classes.is_match(utf8)),
            _ => self.is_match_within(std::str::from_utf8(utf8).unwrap_or_default(), steps),
        }
    }

    /// The engine that runs it.
    pub fn engine(&self) -> Engine {
        match self.matcher {
            Matcher::Classes(_) => Engine::Classes,
            Matcher::Linear(_) => Engine::Linear,
            Matcher::Backtracking(_) => Engine::Backtracking,
        }
    }

    /// The pattern as its author wrote it.
    pub fn source(&self) -> &str {
        &self.source
    }
}

#[cfg(test)]
mod tests;
