//! How deep a text nests brackets and conditionals, found out before it is parsed: the parser goes one call deeper for each, ten kilobytes
//! of stack at a time, and whoever runs out of stack is gone without a word.

/// How deep brackets and `if`s may be nested in a text.
pub(super) const NESTING_MAX: usize = 64;

/// Where a text of policies, or of a schema, is nested deeper than [`NESTING_MAX`], as an offset in bytes. In a schema `<` and `>` are brackets;
/// in policies they compare.
pub(super) fn too_deep_at(text: &str, is_schema: bool) -> Option<usize> {
    // How many `if`s there are in each open bracket, and in none.
    let mut open = vec![0_usize];
    let mut depth = 0_usize;
    let mut rest = text.char_indices().peekable();
    while let Some((offset, character)) = rest.next() {
        match character {
            '"' => skip_string(&mut rest),
            '/' if rest.next_if(|(_, next)| *next == '/').is_some() => {
                while rest.next_if(|(_, next)| *next != '\n').is_some() {}
            }
            '(' | '[' | '{' => {
                open.push(0);
                depth += 1;
            }
            '<' if is_schema => {
                open.push(0);
                depth += 1;
            }
            ')' | ']' | '}' => depth = close(&mut open, depth),
            '>' if is_schema => depth = close(&mut open, depth),
            ';' if open.len() == 1 => {
                open = vec![0];
                depth = 0;
            }
            _ if is_word(character) => {
                let mut end = offset + character.len_utf8();
                while let Some((offset, character)) = rest.next_if(|(_, next)| is_word(*next)) {
                    end = offset + character.len_utf8();
                }
                if text.get(offset..end) == Some("if") {
                    depth += 1;
                    open.last_mut().into_iter().for_each(|ifs| *ifs += 1);
                }
            }
            _ => {}
        }
        if depth > NESTING_MAX {
            return Some(offset);
        }
    }
    None
}

/// The depth behind a bracket that closes, and with it the `if`s in it. One that none has opened is left to the parser.
fn close(open: &mut Vec<usize>, depth: usize) -> usize {
    if open.len() == 1 {
        return depth;
    }
    let ifs = open.pop().unwrap_or(0);
    depth.saturating_sub(ifs + 1)
}

fn skip_string(rest: &mut impl Iterator<Item = (usize, char)>) {
    while let Some((_, character)) = rest.next() {
        match character {
            '\\' => drop(rest.next()),
            '"' => return,
            _ => {}
        }
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, is_schema: bool, expected: Option<usize>) {
        assert_eq!(too_deep_at(text, is_schema), expected, "{text:.80}");
    }

    #[test]
    fn what_nests_is_counted_and_nothing_else() {
        let nested = |open: &str, number: usize| open.repeat(number);
        check(&nested("(", NESTING_MAX), false, None);
        for open in ["(", "[", "{"] {
            check(&nested(open, NESTING_MAX + 1), false, Some(NESTING_MAX));
        }
        check(&nested("if x then ", NESTING_MAX), false, None);
        check(&nested("if x then ", NESTING_MAX + 1), false, Some(10 * NESTING_MAX));
        check(&nested("Set<", 99), true, Some(4 * NESTING_MAX + 3));
        check(&nested("1 < ", 99), false, None);
        check(&nested("(if a then b else c) && ", 99), false, None);
        check(&nested("when { if a then [b] else c };", 99), false, None);
        check(&nested("if a then b else c;", 99), false, None);
        check(&nested("gift ifs _if ", 99), false, None);
        check(&format!("\"{}\\\"{}\"", nested("(", 99), nested("[", 99)), false, None);
        check(&format!("// {}\n", nested("(", 99)), false, None);
        check(&format!("/ {}", nested("(", 99)), false, Some(2 + NESTING_MAX));
        check(&format!("{}(((", nested(")", 99)), false, None);
        check(&format!("é\"{}", nested("(", 99)), false, None);
    }
}
