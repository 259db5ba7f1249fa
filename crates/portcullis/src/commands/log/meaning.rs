//! What the code of a refusal means, as `docs/refusals.md` has it: one text, for people who read it there or here.

const REFUSALS: &str = include_str!("../../../../../docs/refusals.md");

/// The meaning of a code.
pub(super) fn meaning(code: &str) -> Option<String> {
    let rows = REFUSALS.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut cells = rows.map(|row| row.trim_end_matches('|').split(" | "));
    cells.find_map(|mut cells| {
        let codes = cells.next()?;
        let meaning = cells.nth(1)?;
        is_among(code, codes).then(|| without_links(meaning.trim()))
    })
}

/// Whether a code is one of a cell: several are divided by commas, `*` is any ending, and one that begins with a full stop is in the place
/// of the last part of the first.
fn is_among(code: &str, cell: &str) -> bool {
    let mut stem = "";
    cell.split(", ").any(|written| {
        let written = written.trim_matches('`');
        let whole = if written.starts_with('.') {
            format!("{stem}{written}")
        } else {
            stem = written.rsplit_once('.').map_or(written, |(stem, _)| stem);
            written.to_owned()
        };
        match whole.strip_suffix('*') {
            Some(beginning) => code.starts_with(beginning),
            None => code == whole,
        }
    })
}

/// `([words](page.md))` goes, and so do the marks of code.
fn without_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(" ([") {
        plain.push_str(before);
        rest = after.split_once("))").map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    plain.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_the_page_says() {
        let check = |code: &str, begins: &str| {
            let meaning = meaning(code).unwrap_or_else(|| panic!("{code} has no meaning"));
            assert!(meaning.starts_with(begins), "{code}: {meaning}");
            assert!(!meaning.contains("]("), "{code}: {meaning}");
        };
        check("http.malformed", "not HTTP/1.1");
        check("contract.query.unknown", "a parameter is not as declared");
        check("contract.body.type", "the body is not as declared");
        check("contract.response.header", "the answer is not as declared");
        check("contract.response.body.type", "the answer is not as declared");
        check("authorization.denied", "no role, policy, relation");
        check("rate.exceeded", "over a rate limit");
        assert_eq!(meaning("no.such.code"), None);
    }
}
