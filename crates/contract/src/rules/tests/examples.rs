//! Every rule finds what its bad example marks with `# <-`, on exactly those lines, and nothing in its good example.

use portcullis_lint::page::Example;
use portcullis_lint::rule::Profile;

use crate::document::{Document, Fetch, load};
use crate::rules::survey::Survey;
use crate::rules::{ContractRule, audit, registry};

/// Gives one contract, whatever is asked for.
struct Only(String);

impl Fetch for Only {
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String> {
        match location {
            "example.yaml" => Ok(self.0.clone().into_bytes()),
            _ => Err("there is no other file".to_owned()),
        }
    }
}

/// What an example leaves out, because it is not about that.
const AROUND: [(&str, &str); 4] = [
    ("openapi", "openapi: 3.1.0\n"),
    ("info", "info: {title: Example, version: 1.0.0}\n"),
    ("servers", "servers: [{url: 'https://api.example.com/v1'}]\n"),
    ("paths", "paths: {}\n"),
];

/// The example as a whole contract, and how many lines were put in front.
pub(super) fn whole(example: &Example) -> (String, u32) {
    let has = |key: &str| example.text.lines().any(|line| line.starts_with(&format!("{key}:")));
    if has("swagger") {
        return (example.text.clone(), 0);
    }
    let missing: Vec<&str> = AROUND
        .iter()
        .filter(|(key, _)| !has(key))
        .map(|(_, line)| *line)
        .collect();
    (missing.concat() + &example.text, u32::try_from(missing.len()).unwrap())
}

pub(super) fn loaded(text: &str) -> Document {
    match load("example.yaml", &mut Only(text.to_owned())) {
        Ok(document) => document,
        Err(problems) => panic!("{}\n{text}", problems[0]),
    }
}

/// The lines that a rule finds something at.
fn lines(rule: &ContractRule, example: &Example) -> Vec<u32> {
    let (text, before) = whole(example);
    let document = loaded(&text);
    let survey = Survey::of(&document);
    let audit = audit(&survey, std::slice::from_ref(rule), Profile::Strict);
    let places = audit
        .findings
        .iter()
        .flat_map(|finding| &finding.instances)
        .map(|instance| &instance.place);
    let mut lines: Vec<u32> = places.map(|place| place.line.saturating_sub(before)).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// The lines that an example marks.
fn marked(example: &Example) -> Vec<u32> {
    let numbered = (1_u32..).zip(example.text.lines());
    numbered
        .filter(|(_, line)| line.trim_end().ends_with("# <-"))
        .map(|(number, _)| number)
        .collect()
}

#[test]
fn rules_find_what_their_bad_examples_mark() {
    let mut wrong = Vec::new();
    for rule in registry() {
        let examples = rule.rule.page().examples("Bad");
        assert!(!examples.is_empty(), "{} has no bad example", rule.rule.id);
        for example in examples {
            let (found, marked) = (lines(&rule, &example), marked(&example));
            assert!(!marked.is_empty(), "a bad example of {} marks nothing", rule.rule.id);
            if found != marked {
                wrong.push(format!(
                    "{}: found {found:?}, marked {marked:?}\n{}",
                    rule.rule.id, example.text
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rules_find_nothing_in_their_good_examples() {
    let mut wrong = Vec::new();
    for rule in registry() {
        let examples = rule.rule.page().examples("Good");
        assert!(!examples.is_empty(), "{} has no good example", rule.rule.id);
        for example in examples {
            let found = lines(&rule, &example);
            if !found.is_empty() {
                wrong.push(format!("{}: found {found:?}\n{}", rule.rule.id, example.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
