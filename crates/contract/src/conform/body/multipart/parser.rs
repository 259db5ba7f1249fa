//! Where the parts of a multipart body begin and end (RFC 2046 §5.1.1), for bytes that come in pieces of any size. Sans-I/O:
//! bytes in, events out; at most one part's head and the length of a delimiter are kept.
//!
//! Stricter than the RFC: no preamble, no epilogue, no padding behind a delimiter, lines end in CRLF, and `--boundary`
//! occurs nowhere but in delimiters, so that no reader can find a part where this one does not.

use memchr::memmem::{self, Finder};

use super::head::PartHead;
use crate::conform::body::FIELDS_MAX;
use crate::conform::json::Code;

/// The most bytes of one part's header.
pub const HEAD_BYTES_MAX: usize = 4096;

/// What a body is made of, in order: for each part its head, its bytes in any number of pieces, and its end.
#[derive(Debug)]
pub enum Event<'b> {
    /// A part begins. Its delimiter, without the line end in front, stands this many bytes into the body.
    Begin(PartHead, usize),
    /// More bytes of it.
    Data(&'b [u8]),
    /// It ends. The delimiter that follows, without the line end in front, stands this many bytes into the body.
    End(usize),
}

/// Reads one body.
#[derive(Debug)]
pub struct Parser {
    /// `--boundary`
    dashed: Finder<'static>,
    state: State,
    /// Bytes that came and could not be told apart yet.
    rest: Vec<u8>,
    /// How many bytes of the body stand in front of `rest`.
    passed: usize,
    parts: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The body has to start with a delimiter.
    Start,
    /// A delimiter was read: a part follows, or the end.
    Delimiter,
    Head,
    Data,
    /// The last delimiter was read: one line end may follow.
    Closed,
    /// Nothing may follow.
    Ended,
}

/// What one step came to.
enum Step {
    /// So many bytes are done with.
    Took(usize),
    /// More are needed.
    Waits,
}

impl Parser {
    /// A parser for a boundary, which [`boundary`](crate::conform::media_type::boundary) found to be one.
    pub fn new(boundary: &str) -> Self {
        Self {
            dashed: Finder::new(&format!("--{boundary}")).into_owned(),
            state: State::Start,
            rest: Vec::new(),
            passed: 0,
            parts: 0,
        }
    }

    /// Reads on.
    ///
    /// # Errors
    /// `syntax`: this is no such body; `count`: it has more than [`FIELDS_MAX`] parts. Or what `on` says.
    pub fn push<E: From<Code>>(
        &mut self,
        input: &[u8],
        on: &mut impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.rest.is_empty() {
            let taken = self.steps(input, on)?;
            self.rest.extend_from_slice(input.get(taken..).unwrap_or_default());
            return Ok(());
        }
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(input);
        let taken = self.steps(&rest, on)?;
        rest.drain(..taken);
        self.rest = rest;
        Ok(())
    }

    /// The body ended here.
    ///
    /// # Errors
    /// `syntax`: its last delimiter did not come.
    pub fn finish(&self) -> Result<(), Code> {
        if matches!(self.state, State::Closed | State::Ended) && self.rest.is_empty() {
            Ok(())
        } else {
            Err(Code::Syntax)
        }
    }

    fn steps<E: From<Code>>(
        &mut self,
        input: &[u8],
        on: &mut impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut taken = 0;
        loop {
            let here = input.get(taken..).unwrap_or_default();
            match self.step(here, on)? {
                Step::Took(count) => {
                    taken += count;
                    self.passed += count;
                }
                Step::Waits => return Ok(taken),
            }
        }
    }

    fn step<E: From<Code>>(&mut self, here: &[u8], on: &mut impl FnMut(Event<'_>) -> Result<(), E>) -> Result<Step, E> {
        match self.state {
            State::Start => {
                let dashed = self.dashed.needle();
                let common = dashed.len().min(here.len());
                if here.get(..common) != dashed.get(..common) {
                    return Err(Code::Syntax.into());
                }
                if common < dashed.len() {
                    return Ok(Step::Waits);
                }
                self.state = State::Delimiter;
                Ok(Step::Took(common))
            }
            State::Delimiter => Ok(self.after_delimiter(here)?),
            State::Head => self.head(here, on),
            State::Data => self.data(here, on),
            State::Closed => match here {
                [] | [b'\r'] => Ok(Step::Waits),
                [b'\r', b'\n', ..] => {
                    self.state = State::Ended;
                    Ok(Step::Took(2))
                }
                _ => Err(Code::Syntax.into()),
            },
            State::Ended if here.is_empty() => Ok(Step::Waits),
            State::Ended => Err(Code::Syntax.into()),
        }
    }

    fn after_delimiter(&mut self, here: &[u8]) -> Result<Step, Code> {
        self.state = match here {
            [] | [b'\r' | b'-'] => return Ok(Step::Waits),
            [b'\r', b'\n', ..] => State::Head,
            [b'-', b'-', ..] => State::Closed,
            _ => return Err(Code::Syntax),
        };
        Ok(Step::Took(2))
    }

    fn head<E: From<Code>>(&mut self, here: &[u8], on: &mut impl FnMut(Event<'_>) -> Result<(), E>) -> Result<Step, E> {
        let bounded = here.get(..HEAD_BYTES_MAX).unwrap_or(here);
        let Some(end) = memmem::find(bounded, b"\r\n\r\n") else {
            return if here.len() >= HEAD_BYTES_MAX {
                Err(Code::Syntax.into())
            } else {
                Ok(Step::Waits)
            };
        };
        if self.parts >= FIELDS_MAX {
            return Err(Code::Count.into());
        }
        self.parts += 1;
        let head = PartHead::parse(here.get(..end).unwrap_or_default())?;
        let delimiter = self.passed.saturating_sub(self.dashed.needle().len() + 2);
        on(Event::Begin(head, delimiter))?;
        self.state = State::Data;
        Ok(Step::Took(end + 4))
    }

    fn data<E: From<Code>>(&mut self, here: &[u8], on: &mut impl FnMut(Event<'_>) -> Result<(), E>) -> Result<Step, E> {
        let Some(found) = self.dashed.find(here) else {
            let sure = here.len() - self.unsure(here);
            if sure == 0 {
                return Ok(Step::Waits);
            }
            on(Event::Data(here.get(..sure).unwrap_or_default()))?;
            return Ok(Step::Took(sure));
        };
        let data = here.get(..found).unwrap_or_default();
        let data = data.strip_suffix(b"\r\n").ok_or(Code::Syntax)?;
        if !data.is_empty() {
            on(Event::Data(data))?;
        }
        on(Event::End(self.passed + found))?;
        self.state = State::Delimiter;
        Ok(Step::Took(found + self.dashed.needle().len()))
    }

    /// How many bytes at the end may be the start of a delimiter, or of what must not occur.
    fn unsure(&self, here: &[u8]) -> usize {
        let dashed = self.dashed.needle();
        let starts = |start: &&[u8]| {
            let behind = start.strip_prefix(b"\r\n").or_else(|| start.strip_prefix(b"\r"));
            let behind = behind.unwrap_or(start);
            dashed.starts_with(behind)
                && (behind.len() == start.len() || behind.is_empty() || start.starts_with(b"\r\n"))
        };
        let longest = here.len().min(dashed.len() + 1);
        let ends = (1..=longest).rev().filter_map(|count| here.get(here.len() - count..));
        ends.into_iter().find(starts).map_or(0, <[u8]>::len)
    }
}
