//! The program that the backtracking engine runs, made from a tree.

use std::ops::Range;

use super::set::Lookup;
use super::tree::{Parsed, Tree};

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Program {
    /// The steps; the match begins at the first.
    pub(super) steps: Box<[Step]>,
    /// How many cells it needs: two for each capturing group (where it begins and ends), then two for each repetition
    /// (its count and where its current round began).
    pub(super) cells: usize,
    /// Whether a match can only begin at the start of the text.
    pub(super) anchored: bool,
}

/// One step. `back` is set within look-behind, which reads backwards.
#[derive(Debug)]
pub(super) enum Step {
    /// One character of a set.
    One { set: Lookup, back: bool },
    /// Several characters of a set.
    Run(Run),
    /// The start of the text.
    Start,
    /// The end of the text.
    End,
    /// `\b` or `\B`.
    Boundary { negative: bool },
    /// Go on, and at `second` if that fails.
    Split { second: usize },
    /// Go on elsewhere.
    Jump { to: usize },
    /// Remember the position.
    Save { cell: usize },
    /// The text between the cells `group` and `group + 1`.
    Reference { group: usize, fold: bool, back: bool },
    /// Look-around: the body follows and ends with `Accept`; `to` is behind it.
    Look { negative: bool, to: usize },
    /// Set the count of a repetition to nought.
    Enter { count: usize },
    /// Decide whether there is another round.
    Round(Repetition),
    /// Begin a round.
    Begin(Repetition),
    /// End a round and go back to its decision.
    Again { repetition: Repetition, to: usize },
    /// It matches.
    Accept,
}

/// A repetition of one set.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) set: Lookup,
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) greedy: bool,
    pub(super) back: bool,
}

/// A repetition of anything else.
#[derive(Clone, Debug)]
pub(super) struct Repetition {
    /// The cell of its count; the next one holds where the round began.
    pub(super) count: usize,
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) greedy: bool,
    /// The cells of the groups within, which every round begins without.
    pub(super) forget: Range<usize>,
    /// The step behind the repetition.
    pub(super) behind: usize,
}

impl Program {
    /// Compiles a pattern.
    pub(super) fn compile(parsed: &Parsed) -> Self {
        let mut writer = Writer {
            steps: Vec::new(),
            cells: parsed.groups * 2,
        };
        writer.write(&parsed.tree, false);
        writer.steps.push(Step::Accept);
        let anchored = match &parsed.tree {
            Tree::Start => true,
            Tree::Sequence(parts) => matches!(parts.first(), Some(Tree::Start)),
            _ => false,
        };
        Self {
            steps: writer.steps.into(),
            cells: writer.cells,
            anchored,
        }
    }
}

struct Writer {
    steps: Vec<Step>,
    cells: usize,
}

impl Writer {
    fn write(&mut self, tree: &Tree, back: bool) {
        match tree {
            Tree::Empty => {}
            Tree::Set(set) => self.steps.push(Step::One {
                set: Lookup::new(set),
                back,
            }),
            Tree::Start => self.steps.push(Step::Start),
            Tree::End => self.steps.push(Step::End),
            Tree::Boundary { negative } => self.steps.push(Step::Boundary { negative: *negative }),
            Tree::Capture { index, body } => {
                let (begin, end) = (index * 2 - 2, index * 2 - 1);
                self.steps.push(Step::Save {
                    cell: if back { end } else { begin },
                });
                self.write(body, back);
                self.steps.push(Step::Save {
                    cell: if back { begin } else { end },
                });
            }
            Tree::Look { behind, negative, body } => {
                let look = self.reserve();
                self.write(body, *behind);
                self.steps.push(Step::Accept);
                self.fill(
                    look,
                    Step::Look {
                        negative: *negative,
                        to: self.steps.len(),
                    },
                );
            }
            Tree::Reference { index, fold } => {
                self.steps.push(Step::Reference {
                    group: index * 2 - 2,
                    fold: *fold,
                    back,
                });
            }
            Tree::Repeat { body, min, max, greedy } => self.write_repeat(body, *min, *max, *greedy, back),
            Tree::Sequence(parts) if back => parts.iter().rev().for_each(|part| self.write(part, back)),
            Tree::Sequence(parts) => parts.iter().for_each(|part| self.write(part, back)),
            Tree::Choice(branches) => self.write_choice(branches, back),
        }
    }

    fn write_choice(&mut self, branches: &[Tree], back: bool) {
        let mut jumps = Vec::new();
        let Some((last, others)) = branches.split_last() else {
            return;
        };
        for branch in others {
            let split = self.reserve();
            self.write(branch, back);
            jumps.push(self.reserve());
            self.fill(
                split,
                Step::Split {
                    second: self.steps.len(),
                },
            );
        }
        self.write(last, back);
        for jump in jumps {
            self.fill(jump, Step::Jump { to: self.steps.len() });
        }
    }

    fn write_repeat(&mut self, body: &Tree, min: u32, max: Option<u32>, greedy: bool, back: bool) {
        if let Tree::Set(set) = body {
            let max = max.unwrap_or(u32::MAX);
            self.steps.push(Step::Run(Run {
                set: Lookup::new(set),
                min,
                max,
                greedy,
                back,
            }));
            return;
        }
        let count = self.cells;
        self.cells += 2;
        self.steps.push(Step::Enter { count });
        let (round, begin) = (self.reserve(), self.reserve());
        self.write(body, back);
        let again = self.reserve();
        let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let repetition = Repetition {
            count,
            min: number(min),
            max: max.map_or(usize::MAX, number),
            greedy,
            forget: captures(body),
            behind: self.steps.len(),
        };
        self.fill(round, Step::Round(repetition.clone()));
        self.fill(begin, Step::Begin(repetition.clone()));
        self.fill(again, Step::Again { repetition, to: round });
    }

    /// Room for a step that is known later.
    fn reserve(&mut self) -> usize {
        self.steps.push(Step::Accept);
        self.steps.len() - 1
    }

    fn fill(&mut self, at: usize, step: Step) {
        if let Some(slot) = self.steps.get_mut(at) {
            *slot = step;
        }
    }
}

/// The cells of the capturing groups within a tree; their numbers are consecutive.
fn captures(tree: &Tree) -> Range<usize> {
    let within = |parts: &[Tree]| {
        let ranges = parts.iter().map(captures).filter(|range| !range.is_empty());
        ranges
            .reduce(|left, right| left.start.min(right.start)..left.end.max(right.end))
            .unwrap_or(0..0)
    };
    match tree {
        Tree::Capture { index, body } => {
            let inner = captures(body);
            index * 2 - 2..inner.end.max(index * 2)
        }
        Tree::Repeat { body, .. } | Tree::Look { body, .. } => captures(body),
        Tree::Sequence(parts) | Tree::Choice(parts) => within(parts),
        _ => 0..0,
    }
}
