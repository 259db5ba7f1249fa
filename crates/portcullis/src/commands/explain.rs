//! `portcullis explain`: what a rule of the audit means, why it matters, and how to mend what it finds.

use std::fmt::Write as _;
use std::io::Write;

use anstyle::{AnsiColor, Style};
use clap::Args;
use portcullis_contract::rules::{ContractRule, registry};
use portcullis_lint::page::Page;
use portcullis_lint::rule::{Profile, Rule, Severity};
use serde_json::{Value, json};

use super::{Failure, Outcome, Shared};
use crate::config::nearest::nearest;

/// The arguments of `explain`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A rule, such as `object-open`; without it all are listed
    rule: Option<String>,
}

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// Shows the page of a rule, or lists all rules.
pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Result<Outcome, Failure> {
    let rules = registry();
    let mut out = anstream::stdout();
    match &arguments.rule {
        Some(id) => {
            let rule = &find(id, &rules)?.rule;
            if shared.json {
                writeln!(out, "{:#}", as_json(rule))?;
            } else {
                out.write_all(page(rule).as_bytes())?;
            }
        }
        None if shared.json => {
            let all: Vec<Value> = rules.iter().map(|rule| as_json(&rule.rule)).collect();
            writeln!(out, "{:#}", json!({ "rules": all }))?;
        }
        None => out.write_all(list(&rules).as_bytes())?,
    }
    Ok(Outcome::Clean)
}

fn find<'r>(id: &str, rules: &'r [ContractRule]) -> Result<&'r ContractRule, Failure> {
    rules.iter().find(|rule| rule.rule.id == id).ok_or_else(|| {
        let known: Vec<&str> = rules.iter().map(|rule| rule.rule.id).collect();
        let meant = match nearest(id, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`portcullis explain` lists the rules".to_owned(),
        };
        Failure::unusable(format!("there is no rule `{id}`: {meant}"))
    })
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Critical | Severity::High => AnsiColor::Red.on_default().bold(),
        Severity::Medium => AnsiColor::Yellow.on_default(),
        Severity::Low => AnsiColor::Cyan.on_default(),
        Severity::Info => FAINT,
    }
}

/// Every rule by category: how grave, its name, and what it finds.
fn list(rules: &[ContractRule]) -> String {
    let mut text = String::new();
    let widest = rules.iter().map(|rule| rule.rule.id.len()).max().unwrap_or_default();
    let mut category = "";
    for ContractRule { rule, .. } in rules {
        // Writing to a string cannot fail.
        if rule.category != category {
            let before = if category.is_empty() { "" } else { "\n" };
            category = rule.category;
            let _ = writeln!(text, "{before}{BOLD}{category}{BOLD:#}");
        }
        let severity = style(rule.severity);
        let strict = if rule.profile == Profile::Strict {
            " (strict)"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "  {severity}{:<8}{severity:#}  {:<widest$}  {}{FAINT}{strict}{FAINT:#}",
            rule.severity.word(),
            rule.id,
            rule.title()
        );
    }
    let _ = writeln!(
        text,
        "\n{} rules; `portcullis explain RULE` shows the page of one",
        rules.len()
    );
    text
}

/// The page of a rule for a terminal.
fn page(rule: &Rule<'_>) -> String {
    let Page {
        title,
        summary,
        sections,
    } = rule.page();
    let severity = style(rule.severity);
    let mut text = format!(
        "{BOLD}{title}{BOLD:#}\n{FAINT}{}{FAINT:#}  {severity}{}{severity:#}",
        rule.id, rule.severity
    );
    let strict = if rule.profile == Profile::Strict {
        "  only with --profile strict"
    } else {
        ""
    };
    let _ = writeln!(
        text,
        "{FAINT}  confidence {}{strict}{FAINT:#}\n\n{summary}",
        rule.confidence.word()
    );
    for section in sections {
        let _ = writeln!(text, "\n{BOLD}{}{BOLD:#}\n", section.heading);
        for line in section.text.lines().filter(|line| !line.starts_with("```")) {
            let _ = writeln!(text, "{line}");
        }
    }
    let references = references(rule);
    if !references.is_empty() {
        let _ = writeln!(text, "\n{BOLD}References{BOLD:#}\n\n{}", references.join(", "));
    }
    text
}

/// Where others write of it.
fn references(rule: &Rule<'_>) -> Vec<String> {
    let known = &rule.references;
    let owasp = known.owasp().map(|entry| format!("OWASP {entry}"));
    let asvs = known.asvs.iter().map(|requirement| format!("ASVS 5.0 {requirement}"));
    let nist = known.nist.iter().map(|strategy| format!("NIST SP 800-204 {strategy}"));
    owasp.chain(known.cwe()).chain(asvs).chain(nist).collect()
}

fn as_json(rule: &Rule<'_>) -> Value {
    let page = rule.page();
    let sections = page
        .sections
        .iter()
        .map(|section| (section.heading.to_lowercase().replace(' ', "_"), json!(section.text)));
    json!({
        "rule": rule.id,
        "category": rule.category,
        "severity": rule.severity.word(),
        "confidence": rule.confidence.word(),
        "profile": if rule.profile == Profile::Strict { "strict" } else { "default" },
        "title": page.title,
        "summary": page.summary,
        "sections": sections.collect::<serde_json::Map<_, _>>(),
        "owasp": rule.references.owasp().collect::<Vec<_>>(),
        "cwe": rule.references.cwe().collect::<Vec<_>>(),
        "asvs": rule.references.asvs,
        "nist": rule.references.nist,
    })
}
