//! `docs/audit-rules.md` says what the registry says. `PORTCULLIS_WRITE=1` writes it anew.

use std::fmt::Write;
use std::path::Path;

use portcullis_lint::rule::Profile;

use super::peers::{OF_CRUNCH, PEERS, Peer};
use crate::rules::{ContractRule, Cost, Part, registry};

const HEAD: &str = "\
# Rules of the audit

What `portcullis audit` looks for. `portcullis explain RULE` shows the page of a rule: why it matters, a real incident, what is bad and
what is good, how to mend it, and what the gate does meanwhile. A severity is that of what callers send; what only answers hold is a step
less grave where the rule looks at both. Rules marked *strict* are asked with `--profile strict`. The cost is what a finding takes of the
parts of the [score](audit.md#the-score) that it touches.

This page is written from the rules themselves.
";

fn cost(cost: Cost) -> String {
    match cost {
        Cost::Nothing => "nothing".to_owned(),
        Cost::Data(percent) => format!("data {percent} %"),
        Cost::Part(Part::Request, percent) => format!("data, requests without a schema {percent} %"),
        Cost::Part(Part::Success, percent) => format!("data, answers without a schema {percent} %"),
        Cost::Part(Part::Error, percent) => format!("data, errors without a schema {percent} %"),
        Cost::Lacks(_) => "data, errors that are not declared 100 %".to_owned(),
        Cost::Security(area, percent) => format!("{} {percent} %", format!("{area:?}").to_lowercase()),
    }
}

fn page(rules: &[ContractRule]) -> String {
    let mut page = HEAD.to_owned();
    let mut category = "";
    for ContractRule { rule, cost: costs, .. } in rules {
        if rule.category != category {
            category = rule.category;
            let (first, rest) = category.split_at(1);
            writeln!(page, "\n## {}{rest}\n", first.to_uppercase()).unwrap();
            page.push_str("| rule | what is found | severity | confidence | OWASP API 2023 | CWE | cost |\n");
            page.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
        }
        let strict = if rule.profile == Profile::Strict {
            " *strict*"
        } else {
            ""
        };
        let list = |numbers: Vec<String>| numbers.join(", ");
        writeln!(
            page,
            "| `{}`{strict} | {} | {} | {} | {} | {} | {} |",
            rule.id,
            rule.title(),
            rule.severity,
            rule.confidence.word(),
            list(
                rule.references
                    .owasp_2023
                    .iter()
                    .map(|number| format!("API{number}"))
                    .collect()
            ),
            list(rule.references.cwe.iter().map(u16::to_string).collect()),
            cost(*costs),
        )
        .unwrap();
    }
    page.push_str("\n## What other rule sets look for\n");
    for Peer { name, rules } in PEERS {
        writeln!(page, "\n### {name}\n\n| theirs | ours |\n| --- | --- |").unwrap();
        for (theirs, ours) in *rules {
            writeln!(page, "| {theirs} | {} |", answer(ours)).unwrap();
        }
    }
    writeln!(
        page,
        "\n### Areas of the 42Crunch encyclopedia\n\n| area | ours |\n| --- | --- |"
    )
    .unwrap();
    for (area, ours) in OF_CRUNCH {
        writeln!(page, "| {area} | {} |", answer(ours)).unwrap();
    }
    page
}

/// Rules by their names, or why there is none.
fn answer(ours: &[&str]) -> String {
    let known: Vec<&str> = registry().iter().map(|rule| rule.rule.id).collect();
    let shown = ours.iter().map(|word| {
        if known.contains(word) {
            format!("`{word}`")
        } else {
            format!("none: {word}")
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[test]
fn the_page_of_all_rules_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/audit-rules.md");
    let page = page(&registry());
    if std::env::var_os("PORTCULLIS_WRITE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/audit-rules.md is not what the rules say: PORTCULLIS_WRITE=1 writes it"
    );
}

#[test]
fn what_peers_look_for_is_ours_or_has_a_reason() {
    let known: Vec<&str> = registry().iter().map(|rule| rule.rule.id).collect();
    let peers = PEERS.iter().flat_map(|peer| peer.rules).chain(OF_CRUNCH);
    for (theirs, ours) in peers {
        assert!(!ours.is_empty(), "{theirs} is not answered");
        for word in *ours {
            assert!(
                known.contains(word) || word.contains(' '),
                "{theirs}: `{word}` is no rule of ours, and no reason"
            );
        }
    }
}
