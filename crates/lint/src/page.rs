//! The page that a rule has in the encyclopedia, read from the doc comment of its file.
//!
//! The first line is the title, what follows up to the first heading the summary; then come the sections, in Markdown.
//! Examples are fenced code blocks of the sections `Bad` and `Good`.

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What is found, in a few words.
    pub title: String,
    /// What it is, in a paragraph or two of Markdown.
    pub summary: String,
    /// What follows, in the order written.
    pub sections: Vec<Section>,
}

/// One section of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its heading, such as `Fix`.
    pub heading: String,
    /// Its Markdown.
    pub text: String,
}

/// A fenced code block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The language after the opening fence.
    pub language: String,
    /// What is inside.
    pub text: String,
}

impl Page {
    /// Reads the doc comment that a source begins with, or Markdown as it is.
    pub fn read(source: &str) -> Self {
        let is_comment = source.starts_with("//!");
        let uncommented = |line: &str| match line.strip_prefix("//!") {
            Some(rest) => rest.strip_prefix(' ').unwrap_or(rest).to_owned(),
            None => line.to_owned(),
        };
        let mut lines = source
            .lines()
            .take_while(|line| !is_comment || line.starts_with("//!"))
            .map(uncommented);
        let title = lines.next().unwrap_or_default();
        let mut page = Self {
            title: title.trim_start_matches('#').trim().to_owned(),
            summary: String::new(),
            sections: Vec::new(),
        };
        let mut in_code = false;
        for line in lines {
            in_code ^= line.starts_with("```");
            match line.strip_prefix("# ").filter(|_| !in_code) {
                Some(heading) => page.sections.push(Section {
                    heading: heading.trim().to_owned(),
                    text: String::new(),
                }),
                None => {
                    let text = page
                        .sections
                        .last_mut()
                        .map_or(&mut page.summary, |section| &mut section.text);
                    text.push_str(&line);
                    text.push('\n');
                }
            }
        }
        page.tidy();
        page
    }

    fn tidy(&mut self) {
        self.summary = self.summary.trim().to_owned();
        for section in &mut self.sections {
            section.text = section.text.trim().to_owned();
        }
    }

    /// The text of a section.
    pub fn section(&self, heading: &str) -> Option<&str> {
        let found = self.sections.iter().find(|section| section.heading == heading);
        found.map(|section| section.text.as_str())
    }

    /// How to mend it, in one paragraph.
    pub fn fix(&self) -> &str {
        let text = self.section("Fix").unwrap_or_default();
        text.split("\n\n").next().unwrap_or_default()
    }

    /// The code blocks of a section.
    pub fn examples(&self, heading: &str) -> Vec<Example> {
        let mut found: Vec<Example> = Vec::new();
        let mut is_open = false;
        for line in self.section(heading).unwrap_or_default().lines() {
            match line.strip_prefix("```") {
                Some(language) if !is_open => {
                    is_open = true;
                    found.push(Example {
                        language: language.trim().to_owned(),
                        text: String::new(),
                    });
                }
                Some(_) => is_open = false,
                None => {
                    if let Some(example) = found.last_mut().filter(|_| is_open) {
                        example.text.push_str(line);
                        example.text.push('\n');
                    }
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
//! A door is open
//!
//! Doors keep strangers out.
//!
//! # Bad
//!
//! ```yaml
//! # a comment, no heading
//! door: open
//! ```
//!
//! # Fix
//!
//! Close it,
//! and lock it.
//!
//! Then look again.

use crate::door;
";

    #[test]
    fn a_doc_comment_is_a_page() {
        let page = Page::read(SOURCE);
        assert_eq!(page.title, "A door is open");
        assert_eq!(page.summary, "Doors keep strangers out.");
        assert_eq!(page.fix(), "Close it,\nand lock it.");
        let examples = page.examples("Bad");
        assert_eq!(examples.len(), 1);
        assert_eq!(examples[0].language, "yaml");
        assert_eq!(examples[0].text, "# a comment, no heading\ndoor: open\n");
        assert_eq!(page.section("Good"), None);
    }

    #[test]
    fn markdown_is_a_page() {
        let page = Page::read("# A door is open\n\nIt is.\n\n# Fix\nClose it.\n");
        assert_eq!(
            (&*page.title, &*page.summary, page.fix()),
            ("A door is open", "It is.", "Close it.")
        );
    }
}
