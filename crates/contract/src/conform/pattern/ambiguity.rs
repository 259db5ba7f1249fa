//! Whether an engine that backtracks may take ever longer over a pattern, by the ambiguity of its automaton (Weber and
//! Seidl 1991; Weideman et al., "Analyzing Matching Time Behavior of Backtracking Regular Expression Matchers", 2016).
//!
//! The automaton is Glushkov's: a state for each place that takes a character. Where a loop in a loop makes the same step
//! possible in two ways, the step counts twice. What cannot be decided within the bounds below is no finding.

use std::collections::{HashMap, HashSet};

use super::set::{self, Set};
use super::tree::{self, Tree};

/// How the time grows with the length of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    /// It doubles with a few characters more.
    Exponential,
    /// With the square of the length, or worse.
    Polynomial,
}

/// Most states.
const STATES_MAX: usize = 200;
/// Most pairs and triples of states that are looked at.
const STEPS_MAX: usize = 400_000;
/// Repetitions up to so many are written out; more are taken for a loop.
const COPIES_MAX: u32 = 12;

/// How the time of an engine that backtracks grows; nothing where it need not.
pub(super) fn growth(tree: &Tree) -> Option<Growth> {
    let tree = trim_end(tree)?;
    let mut automaton = Automaton::default();
    let whole = automaton.build(&tree)?;
    automaton.index(&whole.last);
    if automaton.is_exponential() {
        return Some(Growth::Exponential);
    }
    automaton.is_polynomial().then_some(Growth::Polynomial)
}

/// What stands at an open end is found or not, but never taken back.
fn trim_end(tree: &Tree) -> Option<Tree> {
    let trimmed = tree::trim_end(tree.clone());
    (!matches!(trimmed, Tree::Empty)).then_some(trimmed)
}

/// What a part of the pattern begins and ends with.
#[derive(Default)]
struct Part {
    nullable: bool,
    first: Vec<usize>,
    last: Vec<usize>,
}

#[derive(Default)]
struct Automaton {
    sets: Vec<Set>,
    /// Steps from one state to another.
    steps: Vec<Vec<usize>>,
    /// Steps that are possible in two ways.
    twice: Vec<(usize, usize)>,
    /// States of loops whose end is only far away.
    bounded: HashSet<usize>,
    /// For each state, the states in circles with it: the number of its component, if there is a circle.
    circle: Vec<Option<usize>>,
    /// Pairs of states that share a character.
    shared: Vec<bool>,
    /// Circles that take whatever comes, to the end.
    never_fails: HashSet<usize>,
}

impl Automaton {
    fn build(&mut self, tree: &Tree) -> Option<Part> {
        match tree {
            Tree::Set(set) => {
                if self.sets.len() >= STATES_MAX {
                    return None;
                }
                let state = self.sets.len();
                self.sets.push(set.clone());
                self.steps.push(Vec::new());
                Some(Part {
                    nullable: false,
                    first: vec![state],
                    last: vec![state],
                })
            }
            Tree::Capture { body, .. } => self.build(body),
            Tree::Sequence(parts) => {
                let mut whole = Part {
                    nullable: true,
                    ..Part::default()
                };
                for part in parts {
                    let part = self.build(part)?;
                    whole = self.join(whole, part);
                }
                Some(whole)
            }
            Tree::Choice(branches) => {
                let mut whole = Part::default();
                for branch in branches {
                    let branch = self.build(branch)?;
                    whole.nullable |= branch.nullable;
                    whole.first.extend(branch.first);
                    whole.last.extend(branch.last);
                }
                Some(whole)
            }
            Tree::Repeat { body, min, max, .. } => self.repeat(body, *min, *max),
            // What a group held is not followed.
            Tree::Reference { .. } => None,
            Tree::Empty | Tree::Start | Tree::End | Tree::Boundary { .. } | Tree::Look { .. } => Some(Part {
                nullable: true,
                ..Part::default()
            }),
        }
    }

    fn join(&mut self, mut whole: Part, part: Part) -> Part {
        for from in &whole.last {
            for to in &part.first {
                self.step(*from, *to);
            }
        }
        if whole.nullable {
            whole.first.extend(&part.first);
        }
        if part.nullable {
            whole.last.extend(&part.last);
        } else {
            whole.last = part.last;
        }
        whole.nullable &= part.nullable;
        whole
    }

    fn step(&mut self, from: usize, to: usize) {
        let Some(steps) = self.steps.get_mut(from) else { return };
        if steps.contains(&to) {
            self.twice.push((from, to));
        } else {
            steps.push(to);
        }
    }

    fn repeat(&mut self, body: &Tree, min: u32, max: Option<u32>) -> Option<Part> {
        let mut whole = Part {
            nullable: true,
            ..Part::default()
        };
        let far = max.is_some_and(|max| max > COPIES_MAX && max > min);
        let copies = match max {
            None => min.saturating_sub(1),
            Some(_) if far => 0,
            Some(_) => min,
        };
        for _ in 0..copies.min(COPIES_MAX) {
            let copy = self.build(body)?;
            whole = self.join(whole, copy);
        }
        if max.is_none() || far {
            let begin = self.sets.len();
            let mut copy = self.build(body)?;
            for from in &copy.last {
                for to in &copy.first {
                    self.step(*from, *to);
                }
            }
            if far {
                self.bounded.extend(begin..self.sets.len());
            }
            copy.nullable |= min == 0;
            return Some(self.join(whole, copy));
        }
        // Each optional copy only behind the one before: `a(?:a(?:a)?)?`.
        let optional = max.unwrap_or(min).saturating_sub(min);
        let copies: Option<Vec<Part>> = (0..optional).map(|_| self.build(body)).collect();
        let mut tail: Option<Part> = None;
        for copy in copies?.into_iter().rev() {
            let mut joined = match tail {
                Some(tail) => self.join(copy, tail),
                None => copy,
            };
            joined.nullable = true;
            tail = Some(joined);
        }
        Some(match tail {
            Some(tail) => self.join(whole, tail),
            None => whole,
        })
    }

    fn next(&self, state: usize) -> &[usize] {
        self.steps.get(state).map(Vec::as_slice).unwrap_or_default()
    }

    fn share(&self, left: usize, right: usize) -> bool {
        let count = self.sets.len();
        self.shared.get(left * count + right) == Some(&true)
    }

    fn circle_of(&self, state: usize) -> Option<usize> {
        self.circle.get(state).copied().flatten()
    }

    /// Finds circles, and which states share a character.
    fn index(&mut self, last: &[usize]) {
        let count = self.sets.len();
        let reach: Vec<HashSet<usize>> = (0..count).map(|state| self.reach(state)).collect();
        let leads = |from: usize, to: usize| reach.get(from).is_some_and(|reached| reached.contains(&to));
        self.circle = (0..count)
            .map(|state| (0..=state).find(|other| leads(state, *other) && leads(*other, state)))
            .collect();
        self.shared = vec![false; count * count];
        for left in 0..count {
            for right in 0..count {
                let disjoint = self
                    .sets
                    .get(left)
                    .zip(self.sets.get(right))
                    .is_none_or(|(left, right)| set::disjoint(left, right));
                if let Some(shared) = self.shared.get_mut(left * count + right) {
                    *shared = !disjoint;
                }
            }
        }
        self.never_fails = (0..count)
            .filter_map(|state| self.circle_of(state))
            .filter(|circle| self.takes_all(*circle, last))
            .collect();
    }

    fn reach(&self, state: usize) -> HashSet<usize> {
        let mut seen = HashSet::new();
        let mut waiting = vec![state];
        while let Some(state) = waiting.pop() {
            waiting.extend(self.next(state).iter().filter(|next| seen.insert(**next)));
        }
        seen
    }

    /// Whether a circle takes any text to its end, so that nothing behind it fails.
    fn takes_all(&self, circle: usize, last: &[usize]) -> bool {
        let states = || (0..self.sets.len()).filter(|state| self.circle_of(*state) == Some(circle));
        let mut left = set::any();
        for state in states() {
            if self.bounded.contains(&state) {
                return false;
            }
            if let Some(set) = self.sets.get(state) {
                left.difference(set);
            }
        }
        left.ranges().is_empty() && states().any(|state| last.contains(&state))
    }

    /// Whether some circle can be gone round in two ways on the same text.
    fn is_exponential(&self) -> bool {
        let counts = |circle: usize| !self.never_fails.contains(&circle);
        let twice = self.twice.iter().any(|(from, to)| {
            let circle = self.circle_of(*from);
            circle.is_some_and(counts) && circle == self.circle_of(*to)
        });
        // A circle is called by its first state.
        let mut states = (0..self.sets.len()).filter(|state| self.circle_of(*state) == Some(*state));
        twice || states.any(|state| counts(state) && self.splits(state))
    }

    fn splits(&self, state: usize) -> bool {
        let mut seen = HashSet::from([(state, state)]);
        let mut from: HashMap<(usize, usize), Vec<(usize, usize)>> = HashMap::new();
        let mut waiting = vec![(state, state)];
        let mut steps = 0;
        while let Some((left, right)) = waiting.pop() {
            for next in self.next(left) {
                for other in self.next(right) {
                    steps += 1;
                    if steps > STEPS_MAX {
                        return false;
                    }
                    let inside = self.circle_of(*next) == Some(state) && self.circle_of(*other) == Some(state);
                    if !inside || !self.share(*next, *other) {
                        continue;
                    }
                    let pair = (*next, *other);
                    from.entry(pair).or_default().push((left, right));
                    if seen.insert(pair) {
                        waiting.push(pair);
                    }
                }
            }
        }
        let mut back = HashSet::new();
        let mut waiting = vec![(state, state)];
        while let Some(pair) = waiting.pop() {
            for before in from.get(&pair).into_iter().flatten() {
                if before.0 != before.1 {
                    return true;
                }
                if back.insert(*before) {
                    waiting.push(*before);
                }
            }
        }
        false
    }

    /// Whether a text that one loop takes again and again may also lead from it to a later loop, and be taken there.
    fn is_polynomial(&self) -> bool {
        let mut steps = 0;
        let looping = |state: &usize| self.circle_of(*state).is_some() && !self.bounded.contains(state);
        for first in (0..self.sets.len()).filter(looping) {
            let reached = self.reach(first);
            let mut later: Vec<usize> = reached.into_iter().filter(looping).collect();
            later.sort_unstable();
            for second in later {
                let circle = self.circle_of(second);
                if circle == self.circle_of(first) || circle.is_some_and(|circle| self.never_fails.contains(&circle)) {
                    continue;
                }
                if self.passes_on(first, second, &mut steps) {
                    return true;
                }
                if steps > STEPS_MAX {
                    return false;
                }
            }
        }
        false
    }

    fn passes_on(&self, first: usize, second: usize, steps: &mut usize) -> bool {
        let begin = (first, first, second);
        let end = (first, second, second);
        let (one, two) = (self.circle_of(first), self.circle_of(second));
        let mut seen = HashSet::from([begin]);
        let mut waiting = vec![begin];
        while let Some((a, b, c)) = waiting.pop() {
            for x in self.next(a).iter().filter(|x| self.circle_of(**x) == one) {
                for z in self
                    .next(c)
                    .iter()
                    .filter(|z| self.circle_of(**z) == two && self.share(*x, **z))
                {
                    for y in self.next(b) {
                        *steps += 1;
                        if *steps > STEPS_MAX {
                            return false;
                        }
                        if !self.share(*x, *y) || !self.share(*y, *z) {
                            continue;
                        }
                        if (*x, *y, *z) == end {
                            return true;
                        }
                        if seen.insert((*x, *y, *z)) {
                            waiting.push((*x, *y, *z));
                        }
                    }
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conform::pattern::parse::parse;

    fn of(source: &str) -> Option<Growth> {
        growth(&parse(source).unwrap().tree)
    }

    #[test]
    fn patterns_known_to_explode_are_found() {
        for source in [
            "^(a+)+$",
            "^([a-zA-Z0-9]+)*@",
            "(.*)*x",
            r"^(\w+\s?)*$",
            r"^(\w+\s?)*$",
            "^(a|a)*$",
            "^(a|aa)+$",
            "^(a*)*$",
            "^(a?b?)*$",
            r"^(([a-z])+.)+[A-Z]([a-z])+$",
            r"^(\d+,?)+$",
            r"^([a-zA-Z0-9]+\s?)+$",
            "^(a{1,3})*$",
            r"^(.|\s){1,500}$",
            r"^(\w|-|\w+)*$",
            r"^[a-zA-Z0-9]+([._]?[a-zA-Z0-9]+)*$",
            r"^([a-z0-9_\.-]+)+@x$",
        ] {
            assert_eq!(of(source), Some(Growth::Exponential), "{source}");
        }
    }

    #[test]
    fn patterns_known_to_grow_with_the_square_are_found() {
        for source in [
            "^a*a*$",
            r"^\s*\s*$",
            "^.*.*x$",
            "^[a-z]+[a-z0-9]+$",
            "^.+@.+[.].+$",
            r"^\d+\d+$",
            r"^.*,.*$",
            r"^[\w-]+\w*$",
        ] {
            assert_eq!(of(source), Some(Growth::Polynomial), "{source}");
        }
    }

    #[test]
    fn good_patterns_are_left_alone() {
        for source in [
            "",
            "^a+$",
            ".*",
            "(a+)+",
            r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$",
            "^([a-z]+[.])*[a-z]+$",
            r"^(\d{3})*$",
            r"^\d{1,3}(\.\d{1,3}){3}$",
            "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
            "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
            "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
            r"^[\s\S]*$",
            r"^(.|\s)*$",
            r"^(.|\n)*$",
            "^[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}$",
            r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$",
            r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$",
            "^(?=.*[a-z])(?=.*[0-9])[a-z0-9]{8,64}$",
            "^https?://[^/]+/.{1,100}$",
            "^(a|b|c)*$",
            r"^arn:aws:[a-z0-9-]+:[a-z0-9-]*:\d{12}:[\w/-]+$",
            "^[a-zA-Z]+(-[a-zA-Z]+)*$",
            "^/([^/]+/)*$",
            r"^[\w.-]{1,64}[\w-]{1,20}$",
            r"^\+?[1-9]\d{1,14}$",
            r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        ] {
            assert_eq!(of(source), None, "{source}");
        }
    }
}
