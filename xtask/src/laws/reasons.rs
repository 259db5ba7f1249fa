//! Whoever switches a lint off says why: `#[allow]` and `#[expect]` carry a reason.

use crate::problem::Problem;
use crate::tree::{File, Tree};

const LAW: &str = "reasons";

pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    tree.rust_files().flat_map(check_one).collect()
}

fn check_one(file: &File) -> Vec<Problem> {
    let attributes = file
        .bare
        .match_indices('#')
        .filter_map(|(at, _)| attribute(file.bare.get(at..)?).map(|a| (at, a)));
    attributes
        .filter(|(_, attribute)| is_exception(attribute) && !has_reason(attribute))
        .map(|(at, _)| {
            let line = file.bare.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
            Problem::new(
                &file.path,
                line,
                LAW,
                "a lint is switched off without a word: add `reason = \"...\"`",
            )
        })
        .collect()
}

/// What stands between the brackets of an attribute that starts at the text's start, over however many lines.
fn attribute(text: &str) -> Option<&str> {
    let inside = text.strip_prefix("#[").or_else(|| text.strip_prefix("#!["))?;
    let mut depth = 1_usize;
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return inside.get(..at);
        }
    }
    None
}

fn is_exception(attribute: &str) -> bool {
    let squeezed: String = attribute.split_whitespace().collect();
    let direct = ["allow(", "expect("].iter().any(|word| squeezed.starts_with(word));
    let conditional = ["allow(", "expect("]
        .iter()
        .any(|word| squeezed.contains(&format!(",{word}")));
    direct || (squeezed.starts_with("cfg_attr(") && conditional)
}

/// The reason's own words are blank in the bare text, so that only the key is looked for.
fn has_reason(attribute: &str) -> bool {
    attribute.split_whitespace().collect::<String>().contains("reason=")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_source(source: &str, lines: &[usize]) {
        let found: Vec<usize> = check(&Tree::of(&[("src/a.rs", source)]))
            .into_iter()
            .map(|p| p.line)
            .collect();
        assert_eq!(found, lines, "{source}");
    }

    #[test]
    fn an_exception_says_why() {
        check_source("#[allow(dead_code)]\nfn f() {}\n", &[1]);
        check_source("\n#![allow(missing_docs)]\n", &[2]);
        check_source("#[expect(dead_code, reason = \"read by the next release\")]\n", &[]);
        check_source("#[expect(\n  dead_code,\n  reason = \"x\"\n)]\n", &[]);
        check_source("#[cfg_attr(test, allow(dead_code))]\n", &[1]);
        check_source("#[derive(Debug)]\nlet a = b.expect(\"c\");\n", &[]);
        check_source("let a = \"#[allow(b)]\";\n", &[]);
    }
}
