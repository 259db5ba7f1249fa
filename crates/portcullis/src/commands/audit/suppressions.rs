//! The file of findings that are accepted:
//!
//! ```yaml
//! suppressions:
//!   - rule: object-open
//!     file: orders.yaml                       # how its location ends; left out: every file
//!     pointer: /components/schemas/Filter     # and all below; left out: everywhere
//!     reason: filters are passed on to the search engine as they are
//!     until: 2027-03-31                       # the last day; left out: it does not end
//! ```

use std::path::Path;
use std::sync::Mutex;

use portcullis_contract::document::{Node, Object, Problem, parse};
use portcullis_contract::rules::{ContractRule, is_day};
use portcullis_gateway::listen::unix_milliseconds;
use portcullis_identity::time::UnixTime;
use portcullis_lint::acceptance::{Acceptance, part};
use portcullis_lint::finding::Finding;
use portcullis_lint::report::Accepted;

use super::Failure;
use crate::commands::date::Date;
use crate::config::nearest::nearest;
use crate::files;

/// What is accepted, and what of it has covered something.
pub(super) struct Suppressions {
    acceptances: Vec<Acceptance>,
    used: Mutex<Vec<bool>>,
    today: String,
}

impl Suppressions {
    /// Reads the file; nothing is accepted where there is none.
    ///
    /// # Errors
    /// It cannot be read, something in it cannot be understood, or names no rule: every such place.
    pub(super) fn read(path: Option<&Path>, rules: &[ContractRule]) -> Result<Self, Failure> {
        let acceptances = match path {
            Some(path) => of_file(path, rules)?,
            None => Vec::new(),
        };
        // A clock beyond all dates ends every suppression: nothing holds for longer than it says.
        let now = UnixTime::from_seconds(unix_milliseconds() / 1000).unwrap_or(UnixTime::MAX);
        let now = Date(now).to_string();
        Ok(Self {
            used: Mutex::new(vec![false; acceptances.len()]),
            acceptances,
            today: now.split('T').next().unwrap_or_default().to_owned(),
        })
    }

    /// The day in UTC, as `2026-12-31`.
    pub(super) fn today(&self) -> &str {
        &self.today
    }

    /// Parts a finding into what is open and what is accepted.
    pub(super) fn part<'r>(&self, finding: Finding<'r>) -> Vec<(Finding<'r>, Option<Accepted>)> {
        match self.used.lock() {
            Ok(mut used) => part(finding, &self.acceptances, &self.today, &mut used),
            Err(_) => vec![(finding, None)],
        }
    }

    /// Says on standard error which suppressions are over, and which cover nothing any more.
    pub(super) fn tell_idle(&self) {
        let Ok(used) = self.used.lock() else { return };
        for (acceptance, used) in self.acceptances.iter().zip(used.iter()) {
            let Acceptance { rule, written, .. } = acceptance;
            if let Some(until) = acceptance.until.as_deref().filter(|_| acceptance.is_over(&self.today)) {
                anstream::eprintln!(
                    "{written}: warning: the suppression of `{rule}` ended on {until}, and holds no longer"
                );
            } else if !used {
                anstream::eprintln!("{written}: warning: the suppression of `{rule}` covers nothing; remove it");
            }
        }
    }
}

fn of_file(path: &Path, rules: &[ContractRule]) -> Result<Vec<Acceptance>, Failure> {
    let location = path.to_string_lossy();
    let bytes = files::local(path)
        .map_err(|error| Failure::unusable(format!("cannot read the suppressions `{location}`: {error}")))?;
    let root = parse(&location, &bytes).map_err(|problem| of_problems(vec![problem]))?;
    let mut reading = Reading {
        location: &location,
        rules,
        problems: Vec::new(),
    };
    let acceptances = reading.root(&root);
    if reading.problems.is_empty() {
        Ok(acceptances)
    } else {
        Err(of_problems(reading.problems))
    }
}

fn of_problems(problems: Vec<Problem>) -> Failure {
    Failure::of_suppressions(problems)
}

struct Reading<'r> {
    location: &'r str,
    rules: &'r [ContractRule],
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn root(&mut self, root: &Node) -> Vec<Acceptance> {
        let Some(items) = root.get("suppressions").and_then(Node::as_array) else {
            self.problem(root, "it has no list `suppressions`".to_owned());
            return Vec::new();
        };
        if let Some(object) = root.as_object() {
            self.names(object, &["suppressions"]);
        }
        items.iter().filter_map(|item| self.item(item)).collect()
    }

    fn item(&mut self, item: &Node) -> Option<Acceptance> {
        let Some(object) = item.as_object() else {
            self.problem(item, format!("a suppression is {}, not an object", item.kind()));
            return None;
        };
        self.names(object, &["rule", "file", "pointer", "reason", "until"]);
        let text = |name: &str| {
            item.get(name)
                .and_then(Node::as_str)
                .map(str::trim)
                .filter(|text| !text.is_empty())
        };
        let (Some(rule), Some(reason)) = (text("rule"), text("reason")) else {
            self.problem(item, "a suppression needs a `rule` and a `reason`".to_owned());
            return None;
        };
        if !self.rules.iter().any(|known| known.rule.id == rule) {
            let known: Vec<&str> = self.rules.iter().map(|rule| rule.rule.id).collect();
            let meant = nearest(rule, &known)
                .map(|near| format!(": did you mean `{near}`?"))
                .unwrap_or_default();
            self.problem(
                item.get("rule").unwrap_or(item),
                format!("there is no rule `{rule}`{meant}"),
            );
        }
        if let Some(until) = item.get("until").filter(|until| !until.as_str().is_some_and(is_day)) {
            self.problem(until, "`until` is no day such as `2026-12-31`".to_owned());
        }
        let pointer = text("pointer").unwrap_or_default().trim_end_matches('/');
        if !pointer.is_empty() && !pointer.starts_with('/') {
            self.problem(
                item.get("pointer").unwrap_or(item),
                "`pointer` does not begin with `/`".to_owned(),
            );
        }
        let span = item.span;
        Some(Acceptance {
            rule: rule.to_owned(),
            file: text("file").map(str::to_owned),
            pointer: pointer.to_owned(),
            reason: reason.to_owned(),
            until: text("until").map(str::to_owned),
            written: format!("{}:{}:{}", self.location, span.line, span.column),
        })
    }

    fn names(&mut self, object: &Object, known: &[&str]) {
        for (name, member) in &object.members {
            if !known.contains(&&**name) {
                let meant = nearest(name, known)
                    .map(|near| format!("; did you mean `{near}`?"))
                    .unwrap_or_default();
                let message = format!("`{name}` says nothing here{meant}");
                self.problems
                    .push(Problem::error(self.location, member.name_span, message));
            }
        }
    }

    fn problem(&mut self, node: &Node, message: String) {
        self.problems.push(Problem::error(self.location, node.span, message));
    }
}
