//! What `strip` leaves out: the spans of members, and the copying of a text without them.

/// Members to leave out of a text that was judged. Empty means that the text goes on untouched, byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    /// From the opening quote of a name to the end of its value; ascending, none twice, inner ones inside outer.
    spans: Vec<(usize, usize)>,
}

impl Cuts {
    pub(super) fn new(spans: &[(usize, usize)]) -> Self {
        let mut spans = spans.to_vec();
        spans.sort_unstable();
        spans.dedup();
        Self { spans }
    }

    /// Whether there is nothing to leave out.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// How many members are left out, those inside others included.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Where the members begin and end that stand in no other of them.
    pub(crate) fn outermost(&self) -> impl Iterator<Item = (usize, usize)> {
        let mut end = 0;
        self.spans.iter().copied().filter(move |span| {
            let outer = span.0 >= end;
            end = end.max(span.1);
            outer
        })
    }

    /// The names of the members to leave out, as they are spelled in the text that was judged.
    pub fn names<'t>(&self, text: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
        self.spans.iter().filter_map(move |(start, end)| {
            let member = text.get(*start..*end)?;
            let mut cursor = super::scan::Cursor::new(member);
            cursor.string().ok().map(|name| name.raw)
        })
    }

    /// For each member, the cuts of all others: what is left then shows this one alone to the judge.
    pub fn but_one(&self) -> impl Iterator<Item = Self> {
        self.spans.iter().map(|kept| {
            let others = self.spans.iter().filter(|span| *span != kept).copied();
            Self {
                spans: others.collect(),
            }
        })
    }

    /// The text without the members; `text` is the one that was judged.
    pub fn apply(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut copied = 0;
        for &(start, end) in &self.spans {
            if start < copied {
                continue;
            }
            out.extend_from_slice(text.get(copied..start).unwrap_or_default());
            copied = past_whitespace(text, end);
            if text.get(copied) == Some(&b',') {
                copied = past_whitespace(text, copied + 1);
            } else {
                // The last member: the comma before it goes, if a member was kept before it.
                out.truncate(out.trim_ascii_end().len());
                if out.last() == Some(&b',') {
                    out.pop();
                }
            }
        }
        out.extend_from_slice(text.get(copied..).unwrap_or_default());
        out
    }
}

fn past_whitespace(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_follow_the_members() {
        let text = br#"{"a":1, "b":{"c":2,"d":3} , "e":4}"#;
        let span = |member: &str| {
            let at = memchr::memmem::find(text, member.as_bytes()).expect("the member stands in the text");
            (at, at + member.len())
        };
        let check = |members: &[&str], expected: &str| {
            let spans: Vec<_> = members.iter().map(|member| span(member)).collect();
            assert_eq!(String::from_utf8_lossy(&Cuts::new(&spans).apply(text)), expected);
        };
        check(&[], r#"{"a":1, "b":{"c":2,"d":3} , "e":4}"#);
        check(&[r#""a":1"#], r#"{"b":{"c":2,"d":3} , "e":4}"#);
        check(&[r#""e":4"#], r#"{"a":1, "b":{"c":2,"d":3} }"#);
        check(&[r#""b":{"c":2,"d":3}"#], r#"{"a":1, "e":4}"#);
        check(&[r#""a":1"#, r#""e":4"#], r#"{"b":{"c":2,"d":3} }"#);
        check(&[r#""c":2"#, r#""d":3"#], r#"{"a":1, "b":{} , "e":4}"#);
        check(&[r#""b":{"c":2,"d":3}"#, r#""d":3"#, r#""e":4"#], r#"{"a":1}"#);
        check(&[r#""a":1"#, r#""b":{"c":2,"d":3}"#, r#""e":4"#], r#"{}"#);
    }
}
