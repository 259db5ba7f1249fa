//! The linear engine: a tree written in the syntax of the `regex` crate. Every character is written by its number,
//! so the two syntaxes cannot disagree about one.

use std::fmt::Write;

use regex::{Regex, RegexBuilder};

use super::set::Set;
use super::tree::Tree;

/// Largest compiled program, in bytes. What does not fit runs on the backtracking engine, which counts repetitions
/// instead of copying them.
const PROGRAM_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Largest cache of states of one pattern and thread, in bytes.
const STATES_BYTES_MAX: usize = 1024 * 1024;

/// Compiles a tree, unless it holds look-around or references or does not fit.
pub(super) fn compile(tree: &Tree) -> Option<Regex> {
    let mut text = String::new();
    write(tree, &mut text)?;
    RegexBuilder::new(&text)
        .size_limit(PROGRAM_BYTES_MAX)
        .dfa_size_limit(STATES_BYTES_MAX)
        .build()
        .ok()
}

fn write(tree: &Tree, out: &mut String) -> Option<()> {
    match tree {
        Tree::Empty => {}
        Tree::Set(set) => write_set(set, out),
        Tree::Start => out.push_str(r"\A"),
        Tree::End => out.push_str(r"\z"),
        Tree::Boundary { negative: false } => out.push_str(r"(?-u:\b)"),
        // The ASCII form may match inside a character, so `regex` refuses it for text.
        Tree::Boundary { negative: true } => return None,
        Tree::Capture { body, .. } => write_group(body, out)?,
        Tree::Look { .. } | Tree::Reference { .. } => return None,
        Tree::Repeat { body, min, max, .. } => {
            write_group(body, out)?;
            write_bounds(*min, *max, out);
        }
        Tree::Sequence(parts) => parts.iter().try_for_each(|part| write(part, out))?,
        Tree::Choice(branches) => {
            out.push_str("(?:");
            for (at, branch) in branches.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "|" });
                write(branch, out)?;
            }
            out.push(')');
        }
    }
    Some(())
}

fn write_group(body: &Tree, out: &mut String) -> Option<()> {
    out.push_str("(?:");
    write(body, out)?;
    out.push(')');
    Some(())
}

fn write_bounds(min: u32, max: Option<u32>, out: &mut String) {
    // Writing into a `String` cannot fail.
    let _ = match max {
        Some(max) => write!(out, "{{{min},{max}}}"),
        None => write!(out, "{{{min},}}"),
    };
}

fn write_set(set: &Set, out: &mut String) {
    if set.ranges().is_empty() {
        out.push_str(r"[^\x{0}-\x{10FFFF}]");
        return;
    }
    out.push('[');
    for range in set.iter() {
        let _ = write!(
            out,
            r"\x{{{:x}}}-\x{{{:x}}}",
            u32::from(range.start()),
            u32::from(range.end())
        );
    }
    out.push(']');
}
