//! What a contract says itself of its findings: `x-portcullis: {accept: [{rule, reason, until}]}` holds for everything at
//! or below where it stands.

use portcullis_lint::acceptance::Acceptance;

use crate::document::{Document, Node, Problem, Value};

/// The acceptances that a contract holds, and what is wrong with them.
pub fn accepted(document: &Document) -> (Vec<Acceptance>, Vec<Problem>) {
    let mut reading = Reading {
        document,
        path: Vec::new(),
        acceptances: Vec::new(),
        problems: Vec::new(),
    };
    for root in document.files() {
        reading.visit(root);
    }
    (reading.acceptances, reading.problems)
}

/// Whether a text is a day as RFC 3339 writes it: `2026-12-31`.
pub fn is_day(text: &str) -> bool {
    let number = |range: std::ops::Range<usize>, most: u32| {
        let digits = text
            .get(range)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        digits
            .and_then(|digits| digits.parse().ok())
            .is_some_and(|number: u32| (1..=most).contains(&number))
    };
    let is_long = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    is_long && number(0..4, 9999) && number(5..7, 12) && number(8..10, 31)
}

struct Reading<'d> {
    document: &'d Document,
    path: Vec<Step<'d>>,
    acceptances: Vec<Acceptance>,
    problems: Vec<Problem>,
}

enum Step<'d> {
    Member(&'d str),
    Item(usize),
}

impl<'d> Reading<'d> {
    // The depth of a document is bounded.
    fn visit(&mut self, node: &'d Node) {
        match &node.value {
            Value::Object(object) => {
                for (name, member) in &object.members {
                    if &**name == "x-portcullis" {
                        self.extension(&member.value);
                        continue;
                    }
                    self.path.push(Step::Member(name));
                    self.visit(&member.value);
                    self.path.pop();
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Step::Item(index));
                    self.visit(item);
                    self.path.pop();
                }
            }
            _ => {}
        }
    }

    fn extension(&mut self, node: &'d Node) {
        let Some(accept) = node.get("accept") else { return };
        let Some(items) = accept.as_array() else {
            self.problem(accept, format!("`accept` is {}, not a list", accept.kind()));
            return;
        };
        for item in items {
            self.item(item);
        }
    }

    fn item(&mut self, item: &'d Node) {
        let text = |name: &str| {
            item.get(name)
                .and_then(Node::as_str)
                .map(str::trim)
                .filter(|text| !text.is_empty())
        };
        let (Some(rule), Some(reason)) = (text("rule"), text("reason")) else {
            self.problem(item, "what is accepted needs a `rule` and a `reason`".to_owned());
            return;
        };
        let until = item.get("until");
        if let Some(until) = until.filter(|until| !until.as_str().is_some_and(is_day)) {
            self.problem(until, "`until` is no day such as `2026-12-31`".to_owned());
            return;
        }
        let location = self.document.location(item.span.file);
        self.acceptances.push(Acceptance {
            rule: rule.to_owned(),
            file: Some(location.to_owned()),
            pointer: self.pointer(),
            reason: reason.to_owned(),
            until: until.and_then(Node::as_str).map(str::to_owned),
            written: format!("{location}:{}:{}", item.span.line, item.span.column),
        });
    }

    fn problem(&mut self, node: &Node, message: String) {
        let problem = self.document.problem(node.span, message);
        let help = "write `x-portcullis: {accept: [{rule: RULE, reason: WHY, until: YEAR-MONTH-DAY}]}`";
        self.problems.push(problem.help(help));
    }

    fn pointer(&self) -> String {
        let steps = self.path.iter().map(|step| match step {
            Step::Member(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
            Step::Item(index) => format!("/{index}"),
        });
        steps.collect()
    }
}
