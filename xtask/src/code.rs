//! Rust source without its comments and the insides of its literals, line for line.
//!
//! Enough of the language's lexis that a law can look for words; never a parser.

/// The text with every comment, string and character literal turned into spaces: columns and lines stay.
pub(crate) fn bare(text: &str) -> String {
    let mut scan = Scan {
        rest: text,
        out: String::with_capacity(text.len()),
        before: ' ',
    };
    while scan.step() {}
    scan.out
}

/// How many lines stand before the unit tests (`#[cfg(test)]` on a module); all lines when there are none.
pub(crate) fn lines_outside_tests(bare: &str) -> usize {
    let lines: Vec<&str> = bare.lines().map(str::trim).collect();
    let is_test_module = |at: &usize| {
        let mut following = lines.iter().skip(*at);
        following.next() == Some(&"#[cfg(test)]")
            && following
                .find(|line| !line.starts_with("#["))
                .is_some_and(|line| line.starts_with("mod "))
    };
    (0..lines.len()).find(is_test_module).unwrap_or(lines.len())
}

/// Whether a path is test code as a whole.
pub(crate) fn is_test_path(path: &str) -> bool {
    path.split('/')
        .any(|part| matches!(part, "tests" | "benches" | "tests.rs"))
}

/// Whether `word` stands in `line` with no identifier character on either side.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let is_identifier = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|s| s.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|s| s.chars().next());
        !before.is_some_and(is_identifier) && !after.is_some_and(is_identifier)
    })
}

struct Scan<'a> {
    rest: &'a str,
    out: String,
    /// The last character of code, to tell `r"raw"` from the end of a name.
    before: char,
}

impl Scan<'_> {
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        let blank = self.blank_length(first);
        if blank > 0 {
            self.take(blank, true);
            self.before = ' ';
        } else {
            self.take(first.len_utf8(), false);
            self.before = first;
        }
        true
    }

    /// The length in bytes of the comment or literal that starts here; zero when none does.
    fn blank_length(&self, first: char) -> usize {
        let in_name = self.before.is_alphanumeric() || self.before == '_';
        match first {
            '/' if self.rest.starts_with("//") => self.rest.find('\n').unwrap_or(self.rest.len()),
            '/' if self.rest.starts_with("/*") => block_comment_length(self.rest),
            '"' => string_length(self.rest, 1),
            '\'' => char_length(self.rest),
            'r' | 'b' | 'c' if !in_name => prefixed_length(self.rest),
            _ => 0,
        }
    }

    fn take(&mut self, bytes: usize, blank: bool) {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        if blank {
            self.out.extend(taken.chars().map(|c| if c == '\n' { c } else { ' ' }));
        } else {
            self.out.push_str(taken);
        }
        self.rest = rest;
    }
}

fn block_comment_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(pair) = bytes.get(at..at + 2) {
        match pair {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth.saturating_sub(1), at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// `"..."`, its first quote ending at `opened`.
fn string_length(text: &str, opened: usize) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(opened) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A character literal; zero for a lifetime.
fn char_length(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((escaped, _))) => text
            .get(escaped + 1..)
            .and_then(|rest| rest.find('\''))
            .map_or(text.len(), |at| escaped + at + 2),
        (Some(_), Some((end, '\''))) => end + 1,
        _ => 0,
    }
}

/// Raw, byte and C strings: `r"`, `r#"`, `b"`, `br#"`, `c"`, `cr"`, `b'x'`; zero when it is a plain name.
fn prefixed_length(text: &str) -> usize {
    let prefix = text.bytes().take_while(|b| matches!(b, b'r' | b'b' | b'c')).count();
    let after = text.get(prefix..).unwrap_or_default();
    let hashes = after.bytes().take_while(|b| *b == b'#').count();
    let is_raw = text.get(..prefix).is_some_and(|p| p.contains('r'));
    let opened = prefix + hashes + 1;
    match after.as_bytes().get(hashes) {
        Some(b'"') if is_raw && prefix <= 2 => {
            let end = format!("\"{}", "#".repeat(hashes));
            let body = text.get(opened..).unwrap_or_default();
            body.find(&end).map_or(text.len(), |at| opened + at + end.len())
        }
        Some(b'"') if prefix == 1 && hashes == 0 => string_length(text, opened),
        Some(b'\'') if prefix == 1 && hashes == 0 && text.starts_with('b') => {
            let literal = char_length(after);
            if literal == 0 { 0 } else { literal + 1 }
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, kept: &str) {
        let squeezed = bare(source).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeezed, kept, "{source}");
        assert_eq!(bare(source).lines().count(), source.lines().count(), "{source}");
    }

    #[test]
    fn comments_and_literals_are_blank() {
        check("a // unsafe\nb", "a b");
        check("a /* x /* y */ z */ b", "a b");
        check(r#"a("un\"safe", b)"#, "a( , b)");
        check("a(r#\"x\" y\"#) b", "a( ) b");
        check("a(b\"x\", br\"y\\\", c\"z\") d", "a( , , ) d");
        check("a('x', '\\'', '\\u{1F600}', b'y') b", "a( , , , ) b");
        check("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}");
        check("\"one\ntwo\" three", "three");
        check("\"never closed", "");
        check("let bar = r + c;", "let bar = r + c;");
    }

    #[test]
    fn tests_start_at_their_module() {
        assert_eq!(lines_outside_tests("a\nb\n#[cfg(test)]\nmod tests {\n}\n"), 2);
        assert_eq!(
            lines_outside_tests("a\n#[cfg(test)]\n#[expect(b)]\nmod tests {\n}\n"),
            1
        );
        assert_eq!(lines_outside_tests("a\n#[cfg(test)]\nuse b;\nc\n"), 4);
    }

    #[test]
    fn a_word_is_a_whole_word() {
        assert!(has_word("unsafe { }", "unsafe"));
        assert!(!has_word("unsafe_code", "unsafe"));
        assert!(has_word("x = std::fs::read", "std::fs"));
    }
}
