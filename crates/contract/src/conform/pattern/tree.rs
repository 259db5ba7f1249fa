//! A parsed pattern, with nothing of its spelling left: escapes, classes, case and names are resolved.

use super::set::Set;

/// A part of a pattern.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    /// Matches the empty text.
    Empty,
    /// One character of a set.
    Set(Set),
    /// `^`, the start of the text.
    Start,
    /// `$`, the end of the text.
    End,
    /// `\b`, or `\B` if negative.
    Boundary { negative: bool },
    /// A capturing group; the first is 1.
    Capture { index: usize, body: Box<Tree> },
    /// `(?=` `(?!` `(?<=` `(?<!`.
    Look {
        behind: bool,
        negative: bool,
        body: Box<Tree>,
    },
    /// The text that a group holds, or the empty text if it holds none.
    Reference { index: usize, fold: bool },
    /// A quantifier; `max` of `None` is without bound.
    Repeat {
        body: Box<Tree>,
        min: u32,
        max: Option<u32>,
        greedy: bool,
    },
    /// One after the other.
    Sequence(Vec<Tree>),
    /// One or the other, the first preferred.
    Choice(Vec<Tree>),
}

/// A whole pattern.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    /// The pattern.
    pub(super) tree: Tree,
    /// How many capturing groups it has.
    pub(super) groups: usize,
    /// Whether only the backtracking engine can run it.
    pub(super) backtracks: bool,
}

/// Takes from both ends of a pattern without look-around and references what a search anywhere in the text finds
/// anyway: of `[a-z]{1,1024}` at an open end, one character is enough. Whether it is found stays the same; how much
/// there is to compile can shrink a thousandfold.
pub(super) fn trim(tree: Tree) -> Tree {
    trim_end(trim_start(tree))
}

fn trim_start(tree: Tree) -> Tree {
    match tree {
        Tree::Sequence(mut parts) => {
            while let Some(first) = parts.first_mut() {
                *first = trim_start(std::mem::replace(first, Tree::Empty));
                if !matches!(first, Tree::Empty) {
                    break;
                }
                parts.remove(0);
            }
            sequence(parts)
        }
        other => trim_one(other, trim_start),
    }
}

pub(super) fn trim_end(tree: Tree) -> Tree {
    match tree {
        Tree::Sequence(mut parts) => {
            while let Some(last) = parts.pop() {
                let last = trim_end(last);
                if !matches!(last, Tree::Empty) {
                    parts.push(last);
                    break;
                }
            }
            sequence(parts)
        }
        other => trim_one(other, trim_end),
    }
}

fn trim_one(tree: Tree, trim: fn(Tree) -> Tree) -> Tree {
    match tree {
        Tree::Repeat { min: 0, .. } => Tree::Empty,
        Tree::Repeat { body, min: 1, .. } => trim(*body),
        Tree::Repeat { body, min, greedy, .. } => Tree::Repeat {
            body,
            min,
            max: Some(min),
            greedy,
        },
        Tree::Capture { body, .. } => trim(*body),
        Tree::Choice(branches) => {
            let branches: Vec<Tree> = branches.into_iter().map(trim).collect();
            // A branch that matches the empty text is found everywhere.
            if branches.iter().any(|branch| matches!(branch, Tree::Empty)) {
                Tree::Empty
            } else {
                Tree::Choice(branches)
            }
        }
        other => other,
    }
}

fn sequence(mut parts: Vec<Tree>) -> Tree {
    match parts.len() {
        0 => Tree::Empty,
        1 => parts.pop().unwrap_or(Tree::Empty),
        _ => Tree::Sequence(parts),
    }
}
