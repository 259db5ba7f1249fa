//! What every rule has to have.

use std::collections::HashSet;

use portcullis_lint::rule::Rule;

use crate::rules::registry;

/// The sections of a page, in their order.
const SECTIONS: [&str; 6] = ["Why", "Incident", "Bad", "Good", "Fix", "At the gate"];

#[test]
fn identities_are_unique_and_name_the_file() {
    let mut seen = HashSet::new();
    for rule in registry() {
        let id = rule.rule.id;
        assert!(seen.insert(id), "{id} is two rules");
        let plain = id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        assert!(plain, "{id} is not lower case and hyphens");
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src/rules")
            .join(rule.rule.category);
        let file = folder.join(format!("{}.rs", id.replace('-', "_")));
        assert_eq!(
            std::fs::read_to_string(&file).ok().as_deref(),
            Some(rule.rule.text),
            "{}",
            file.display()
        );
    }
}

#[test]
fn every_file_of_a_rule_is_in_the_registry() {
    let known: HashSet<&str> = registry().iter().map(|rule| rule.rule.id).collect();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
    for category in [
        "authentication",
        "authorization",
        "conformance",
        "disclosure",
        "input",
        "inventory",
        "output",
        "transport",
    ] {
        for file in std::fs::read_dir(folder.join(category)).unwrap().flatten() {
            let text = std::fs::read_to_string(file.path()).unwrap();
            if text.contains("const RULE: ContractRule") {
                let name = file.path().file_stem().unwrap().to_str().unwrap().replace('_', "-");
                assert!(known.contains(&*name), "{name} is in no list");
            }
        }
    }
}

#[test]
fn pages_are_whole() {
    for rule in registry() {
        let Rule { id, references, .. } = rule.rule;
        let page = rule.rule.page();
        let headings: Vec<&str> = page.sections.iter().map(|section| section.heading.as_str()).collect();
        assert_eq!(headings, SECTIONS, "sections of {id}");
        let empty = page.sections.iter().find(|section| section.text.is_empty());
        assert!(
            empty.is_none() && !page.summary.is_empty(),
            "{id} leaves {empty:?} empty"
        );
        assert!(!page.title.ends_with('.') && page.title.len() <= 90, "title of {id}");
        assert!(!references.cwe.is_empty(), "{id} refers to no weakness");
        assert!(
            !page.fix().is_empty() && page.fix().len() <= 400,
            "{id} says too much or too little of the fix"
        );
    }
}
