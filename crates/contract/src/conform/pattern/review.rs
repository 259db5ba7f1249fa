//! What a pattern holds as a bound, for the audit of contracts: whether it is anchored, whether it lets everything through,
//! whether it can be found at all. How long engines that backtrack may take is the matter of `ambiguity`.

use super::ambiguity;
pub(crate) use super::ambiguity::Growth;
use super::set::{self, Set};
use super::tree::{self, Tree};
use super::{PatternError, parse};

/// What is known of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Review {
    /// How it is anchored.
    pub(crate) anchors: Anchors,
    /// Whether it lets every text through, or every text of one line, except perhaps the empty one.
    pub(crate) is_vacuous: bool,
    /// Whether nothing can match it, because something has to stand before the start or behind the end.
    pub(crate) is_impossible: bool,
    /// How an engine that backtracks may take ever longer; nothing where it cannot.
    pub(crate) growth: Option<Growth>,
}

/// How a pattern is anchored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchors {
    /// At both ends, or it is plainly meant to be found inside of a text.
    AsMeant,
    /// One alternative is anchored where another is not, as in `^a|b$`.
    Mixed,
    /// It counts characters, and more of the same may follow or precede.
    Open,
}

/// Reviews a pattern.
///
/// # Errors
/// If it is not an ECMA-262 regular expression.
pub(crate) fn review(source: &str) -> Result<Review, PatternError> {
    let parsed = parse::parse(source)?;
    Ok(Review {
        anchors: anchors(&parsed.tree),
        is_vacuous: is_vacuous(&parsed.tree),
        is_impossible: is_impossible(&parsed.tree),
        growth: ambiguity::growth(&parsed.tree),
    })
}

/// One end of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Start,
    End,
}

/// What stands at an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    /// The anchor.
    Anchor,
    /// Anchors in some alternatives only.
    Mixed,
    /// A counted class.
    Counted,
    /// Anything else.
    Other,
}

fn anchors(tree: &Tree) -> Anchors {
    let (start, end) = (stands(tree, End::Start), stands(tree, End::End));
    let is_mixed = start == Stands::Mixed || end == Stands::Mixed;
    match (start, end) {
        _ if is_mixed => Anchors::Mixed,
        (Stands::Counted, _) | (_, Stands::Counted) => Anchors::Open,
        _ => Anchors::AsMeant,
    }
}

fn stands(tree: &Tree, end: End) -> Stands {
    match tree {
        Tree::Start if end == End::Start => Stands::Anchor,
        Tree::End if end == End::End => Stands::Anchor,
        Tree::Capture { body, .. } => stands(body, end),
        Tree::Repeat { body, min, max, .. } => match &**body {
            Tree::Set(set) if !has_any_line(set) && (*min > 1 || max.is_none_or(|max| max > 1)) => Stands::Counted,
            Tree::Set(_) => Stands::Other,
            body => match stands(body, end) {
                Stands::Anchor if *min == 0 => Stands::Other,
                inner => inner,
            },
        },
        Tree::Sequence(parts) => {
            let silent = |part: &&Tree| matches!(part, Tree::Empty | Tree::Look { .. } | Tree::Boundary { .. });
            let outermost = match end {
                End::Start => parts.iter().find(|part| !silent(part)),
                End::End => parts.iter().rev().find(|part| !silent(part)),
            };
            outermost.map_or(Stands::Other, |part| stands(part, end))
        }
        Tree::Choice(branches) => {
            let all: Vec<Stands> = branches.iter().map(|branch| stands(branch, end)).collect();
            let anchored = all.iter().filter(|one| **one == Stands::Anchor).count();
            if anchored == all.len() {
                Stands::Anchor
            } else if anchored > 0 || all.contains(&Stands::Mixed) {
                // `^a|^b.*`: what is open there is open on purpose.
                let open = branches
                    .iter()
                    .zip(&all)
                    .filter(|(_, stands)| **stands != Stands::Anchor);
                if open.clone().all(|(branch, _)| opens(branch, end)) {
                    Stands::Other
                } else {
                    Stands::Mixed
                }
            } else if all.contains(&Stands::Counted) {
                Stands::Counted
            } else {
                Stands::Other
            }
        }
        _ => Stands::Other,
    }
}

/// Whether a tree is plainly open at an end: there is `.*`, or nothing at all.
fn opens(tree: &Tree, end: End) -> bool {
    match tree {
        Tree::Empty => true,
        Tree::Capture { body, .. } => opens(body, end),
        Tree::Repeat { body, max: None, .. } => matches!(&**body, Tree::Set(set) if has_any_line(set)),
        Tree::Sequence(parts) => {
            let outermost = if end == End::Start { parts.first() } else { parts.last() };
            outermost.is_none_or(|part| opens(part, end))
        }
        _ => false,
    }
}

/// Whether a set has every character that may stand in a line.
fn has_any_line(set: &Set) -> bool {
    let mut left = set::dot();
    left.difference(set);
    left.ranges().is_empty()
}

fn is_vacuous(tree: &Tree) -> bool {
    let bare = bare(tree);
    match tree::trim(bare) {
        Tree::Empty | Tree::Start | Tree::End => true,
        Tree::Set(set) => has_any_line(&set),
        Tree::Sequence(parts) => {
            let mut parts: Vec<&Tree> = parts.iter().collect();
            if matches!(parts.first(), Some(Tree::Start)) {
                parts.remove(0);
            }
            if matches!(parts.last(), Some(Tree::End)) {
                parts.pop();
            }
            match parts.as_slice() {
                [] => true,
                [only] => is_anything(only),
                _ => false,
            }
        }
        _ => false,
    }
}

/// The tree without groups that change nothing.
fn bare(tree: &Tree) -> Tree {
    match tree {
        Tree::Capture { body, .. } => bare(body),
        Tree::Sequence(parts) => Tree::Sequence(parts.iter().map(bare).collect()),
        other => other.clone(),
    }
}

/// Whether a part takes any text, except perhaps the empty one.
fn is_anything(tree: &Tree) -> bool {
    let Tree::Repeat {
        body, min, max: None, ..
    } = tree
    else {
        return false;
    };
    *min <= 1 && union(&bare(body)).is_some_and(|set| has_any_line(&set))
}

/// The characters of a class, or of classes one of which is taken.
fn union(tree: &Tree) -> Option<Set> {
    match tree {
        Tree::Set(set) => Some(set.clone()),
        Tree::Choice(branches) => {
            let mut all = set::of(&[]);
            for branch in branches {
                all.union(&union(&bare(branch))?);
            }
            Some(all)
        }
        _ => None,
    }
}

/// Whether something that takes a character always stands before the start, or behind the end.
fn is_impossible(tree: &Tree) -> bool {
    match tree {
        Tree::Capture { body, .. } => is_impossible(body),
        Tree::Choice(branches) => branches.iter().all(is_impossible),
        Tree::Repeat { body, min, .. } => *min > 0 && is_impossible(body),
        Tree::Set(set) => set.ranges().is_empty(),
        Tree::Sequence(parts) => {
            let (mut taken, mut ended) = (false, false);
            for part in parts {
                let takes = !is_nullable(part);
                match part {
                    Tree::Start if taken => return true,
                    Tree::End => ended = true,
                    _ if takes && ended => return true,
                    _ if is_impossible(part) => return true,
                    _ => taken |= takes,
                }
            }
            false
        }
        _ => false,
    }
}

/// Whether a tree may take no character.
fn is_nullable(tree: &Tree) -> bool {
    match tree {
        Tree::Set(_) => false,
        Tree::Capture { body, .. } => is_nullable(body),
        Tree::Repeat { body, min, .. } => *min == 0 || is_nullable(body),
        Tree::Sequence(parts) => parts.iter().all(is_nullable),
        Tree::Choice(branches) => branches.iter().any(is_nullable),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(source: &str) -> Review {
        review(source).unwrap()
    }

    #[test]
    fn open_ends_are_told_from_intended_ones() {
        for source in [
            "^[a-z]+$",
            "^a$|^b$",
            "^(a|b)$",
            r"\S",
            "^https://",
            "^sk_.*",
            "foo",
            "^(?=.*[a-z]).{8,64}$",
            "(^a$)",
            "",
            "^a$|.*",
        ] {
            assert_eq!(of(source).anchors, Anchors::AsMeant, "{source}");
        }
        for source in ["^a|b$", "^[a-z]+$|[0-9]+", "(?:^a|b$)", "^a|b|c$"] {
            assert_eq!(of(source).anchors, Anchors::Mixed, "{source}");
        }
        for source in ["[0-9]{4}", "^[a-z]+", "[a-z]+$", "^x([0-9]+)", "[a-z]+|[0-9]+"] {
            assert_eq!(of(source).anchors, Anchors::Open, "{source}");
        }
    }

    #[test]
    fn patterns_that_let_all_through_are_known() {
        for source in [
            "",
            ".*",
            "^.*$",
            r"[\s\S]*",
            ".+",
            "^.+$",
            "(.*)",
            "^",
            "$",
            r"^(.|\n)*$",
            "^(.*)$",
            "a*",
            ".",
        ] {
            assert!(of(source).is_vacuous, "{source}");
        }
        for source in ["^a*$", r"\S", "^.{1,40}$", r"^\S+$", "^[^<>]*$", "a"] {
            assert!(!of(source).is_vacuous, "{source}");
        }
    }

    #[test]
    fn patterns_that_nothing_matches_are_known() {
        for source in ["/^[a-z]+$/", "a^", "$a", "/^a$/g", "^a$b"] {
            assert!(of(source).is_impossible, "{source}");
        }
        for source in ["^a$", "(^a|b)c", "a*^b", "^$", "^a$|^b$"] {
            assert!(!of(source).is_impossible, "{source}");
        }
    }
}
