//! The backtracking engine, with the semantics of ECMA-262 §22.2.2: look-around both ways, captures that are forgotten
//! when a repetition begins anew, references to a group that holds nothing match the empty text.
//!
//! It counts repetitions instead of copying them, so a program is as large as its pattern, and it counts its own steps,
//! so a match ends within a bound whatever the pattern and the text are. It never answers when the bound is reached.

use super::program::{Program, Repetition, Run, Step};
use super::{Exhausted, Steps};

/// Most branches and changes that are remembered at once.
const FRAMES_MAX: usize = 200_000;

/// A cell that holds nothing.
const NOTHING: usize = usize::MAX;

impl Program {
    /// Whether the pattern is found in the text.
    pub(super) fn is_match(&self, text: &str, budget: &mut Steps) -> Result<bool, Exhausted> {
        let cells = vec![NOTHING; self.cells];
        let mut attempt = Attempt {
            program: self,
            text,
            cells,
            frames: Vec::new(),
            budget,
        };
        let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        for start in starts.take(if self.anchored { 1 } else { usize::MAX }) {
            attempt.spend(u64::try_from(self.cells / 8).unwrap_or(u64::MAX))?;
            attempt.cells.fill(NOTHING);
            attempt.frames.clear();
            if attempt.run(0, start)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What to do when the present way fails.
#[derive(Clone, Copy)]
enum Frame {
    /// Go on at another step.
    Branch { step: usize, at: usize },
    /// Give one character of a run back, down to `floor`.
    Less {
        step: usize,
        at: usize,
        floor: usize,
        back: bool,
    },
    /// Take one character more, `left` times at most.
    More { step: usize, at: usize, left: u32 },
    /// Put a cell back.
    Cell { cell: usize, old: usize },
}

struct Attempt<'p> {
    program: &'p Program,
    text: &'p str,
    /// Where groups begin and end; the counts and starts of repetitions.
    cells: Vec<usize>,
    frames: Vec<Frame>,
    budget: &'p mut Steps,
}

impl Attempt<'_> {
    /// Runs from a step to its `Accept`. Frames that were there before are not touched, except that captures made on
    /// the way to success stay revocable.
    fn run(&mut self, first: usize, start: usize) -> Result<bool, Exhausted> {
        let base = self.frames.len();
        let mut now = Some((first, start));
        loop {
            self.spend(1)?;
            let Some((step, at)) = now else {
                match self.retreat(base)? {
                    Some(next) => now = Some(next),
                    None => return Ok(false),
                }
                continue;
            };
            let program = self.program;
            match program.steps.get(step) {
                None | Some(Step::Accept) => {
                    self.commit(base)?;
                    return Ok(true);
                }
                Some(Step::Look { negative, to }) => {
                    let mark = self.frames.len();
                    let found = self.run(step + 1, at)?;
                    if *negative {
                        self.undo(mark);
                    }
                    now = (found != *negative).then_some((*to, at));
                }
                Some(other) => now = self.advance(other, step, at)?,
            }
        }
    }

    /// Takes one step; nothing if it fails.
    fn advance(&mut self, step: &Step, index: usize, at: usize) -> Result<Option<(usize, usize)>, Exhausted> {
        let next = index + 1;
        Ok(match step {
            Step::One { set, back } => self
                .neighbour(at, *back)
                .filter(|(found, _)| set.has(*found))
                .map(|(_, to)| (next, to)),
            Step::Run(run) => self.take_run(run, index, at)?,
            Step::Start => (at == 0).then_some((next, at)),
            Step::End => (at == self.text.len()).then_some((next, at)),
            Step::Boundary { negative } => {
                let word = |back| self.neighbour(at, back).is_some_and(|(found, _)| is_word(found));
                ((word(true) != word(false)) != *negative).then_some((next, at))
            }
            Step::Split { second } => {
                self.push(Frame::Branch { step: *second, at })?;
                Some((next, at))
            }
            Step::Jump { to } => Some((*to, at)),
            Step::Save { cell } => {
                self.set(*cell, at)?;
                Some((next, at))
            }
            Step::Reference { group, fold, back } => self.referenced(*group, *fold, *back, at)?.map(|to| (next, to)),
            Step::Enter { count } => {
                self.set(*count, 0)?;
                Some((next, at))
            }
            Step::Round(repetition) => self.round(repetition, next, at)?,
            Step::Begin(repetition) => {
                self.set(repetition.count, self.cell(repetition.count).saturating_add(1))?;
                self.set(repetition.count + 1, at)?;
                for cell in repetition.forget.clone() {
                    self.set(cell, NOTHING)?;
                }
                Some((next, at))
            }
            Step::Again { repetition, to } => self.again(repetition, *to, at)?,
            Step::Look { .. } | Step::Accept => None,
        })
    }

    fn take_run(&mut self, run: &Run, index: usize, start: usize) -> Result<Option<(usize, usize)>, Exhausted> {
        let (mut at, mut floor, mut count) = (start, start, 0);
        let wanted = if run.greedy { run.max } else { run.min };
        while count < wanted {
            let Some((_, to)) = self.neighbour(at, run.back).filter(|(found, _)| run.set.has(*found)) else {
                break;
            };
            (at, count) = (to, count + 1);
            if count == run.min {
                floor = at;
            }
        }
        self.spend(u64::from(count))?;
        if count < run.min {
            return Ok(None);
        }
        if run.greedy && at != floor {
            self.push(Frame::Less {
                step: index + 1,
                at,
                floor,
                back: run.back,
            })?;
        } else if !run.greedy && run.max > count {
            self.push(Frame::More {
                step: index,
                at,
                left: run.max - count,
            })?;
        }
        Ok(Some((index + 1, at)))
    }

    fn round(&mut self, repetition: &Repetition, next: usize, at: usize) -> Result<Option<(usize, usize)>, Exhausted> {
        let count = self.cell(repetition.count);
        if count < repetition.min {
            return Ok(Some((next, at)));
        }
        if count >= repetition.max {
            return Ok(Some((repetition.behind, at)));
        }
        let (first, second) = if repetition.greedy {
            (next, repetition.behind)
        } else {
            (repetition.behind, next)
        };
        self.push(Frame::Branch { step: second, at })?;
        Ok(Some((first, at)))
    }

    /// The end of a round. An empty round beyond the least number fails; an empty one within it stands for all that
    /// are still owed, for they could all be empty.
    fn again(&mut self, repetition: &Repetition, to: usize, at: usize) -> Result<Option<(usize, usize)>, Exhausted> {
        if at == self.cell(repetition.count + 1) {
            if self.cell(repetition.count) > repetition.min {
                return Ok(None);
            }
            self.set(repetition.count, repetition.min)?;
        }
        Ok(Some((to, at)))
    }

    fn referenced(&mut self, group: usize, fold: bool, back: bool, at: usize) -> Result<Option<usize>, Exhausted> {
        let held = self
            .text
            .get(self.cell(group)..self.cell(group + 1))
            .unwrap_or_default();
        self.spend(u64::try_from(held.len()).unwrap_or(u64::MAX))?;
        let (mut at, mut rest) = (at, held.chars());
        while let Some(expected) = if back { rest.next_back() } else { rest.next() } {
            match self.neighbour(at, back) {
                Some((found, to)) if found == expected || (fold && same_letter(found, expected)) => at = to,
                _ => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// The character behind or before a position, and the position beyond it.
    #[inline]
    fn neighbour(&self, at: usize, back: bool) -> Option<(char, usize)> {
        if back {
            let found = self.text.get(..at)?.chars().next_back()?;
            return Some((found, at - found.len_utf8()));
        }
        let found = self.text.get(at..)?.chars().next()?;
        Some((found, at + found.len_utf8()))
    }

    /// The most recent other way, down to a mark; on the way there, cells get their old values.
    fn retreat(&mut self, base: usize) -> Result<Option<(usize, usize)>, Exhausted> {
        while self.frames.len() > base {
            self.spend(1)?;
            match self.frames.pop() {
                Some(Frame::Branch { step, at }) => return Ok(Some((step, at))),
                Some(Frame::Less { step, at, floor, back }) => {
                    let Some((_, at)) = self.neighbour(at, !back) else {
                        continue;
                    };
                    if at != floor {
                        self.push(Frame::Less { step, at, floor, back })?;
                    }
                    return Ok(Some((step, at)));
                }
                Some(Frame::More { step, at, left }) => {
                    let program = self.program;
                    let Some(Step::Run(run)) = program.steps.get(step) else {
                        continue;
                    };
                    let Some((_, at)) = self.neighbour(at, run.back).filter(|(found, _)| run.set.has(*found)) else {
                        continue;
                    };
                    if left > 1 {
                        self.push(Frame::More {
                            step,
                            at,
                            left: left - 1,
                        })?;
                    }
                    return Ok(Some((step + 1, at)));
                }
                Some(Frame::Cell { cell, old }) => self.put(cell, old),
                None => {}
            }
        }
        Ok(None)
    }

    /// Forgets the other ways above a mark, but not how to put the cells back.
    fn commit(&mut self, base: usize) -> Result<(), Exhausted> {
        self.spend(u64::try_from(self.frames.len() - base).unwrap_or(u64::MAX))?;
        let mut kept = base;
        for at in base..self.frames.len() {
            if let Some(frame @ Frame::Cell { .. }) = self.frames.get(at).copied() {
                if let Some(slot) = self.frames.get_mut(kept) {
                    *slot = frame;
                }
                kept += 1;
            }
        }
        self.frames.truncate(kept);
        Ok(())
    }

    /// Puts all cells back to what they held at a mark.
    fn undo(&mut self, mark: usize) {
        while self.frames.len() > mark {
            if let Some(Frame::Cell { cell, old }) = self.frames.pop() {
                self.put(cell, old);
            }
        }
    }

    fn cell(&self, cell: usize) -> usize {
        self.cells.get(cell).copied().unwrap_or(NOTHING)
    }

    fn put(&mut self, cell: usize, value: usize) {
        if let Some(slot) = self.cells.get_mut(cell) {
            *slot = value;
        }
    }

    fn set(&mut self, cell: usize, value: usize) -> Result<(), Exhausted> {
        self.spend(1)?;
        let old = self.cell(cell);
        if old != value {
            self.push(Frame::Cell { cell, old })?;
            self.put(cell, value);
        }
        Ok(())
    }

    fn push(&mut self, frame: Frame) -> Result<(), Exhausted> {
        if self.frames.len() >= FRAMES_MAX {
            return Err(Exhausted);
        }
        self.frames.push(frame);
        Ok(())
    }

    #[inline]
    fn spend(&mut self, steps: u64) -> Result<(), Exhausted> {
        self.budget.spend(steps)
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn same_letter(left: char, right: char) -> bool {
    left.to_lowercase().eq(right.to_lowercase())
}
