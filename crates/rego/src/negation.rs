//! What may not stand below `not`: a variable that nothing else gives a value.
//!
//! `not data.blocked[_] == input.subject.id` asks in Rego for nothing that can be told, and OPA refuses it. The evaluator tries one value
//! after the other outside the `not`, so that one account that is not the caller's would be enough for a permit.

use std::collections::BTreeSet;

use serde_json::Value;

use super::rules::{members, only_member, variable};

/// Variables below `not` that have no value there, with the expression that they are. `known` has one everywhere in the rule; `text_of`
/// is what a module says where a span is.
pub(super) fn unbound<'t>(
    rule: &'t Value,
    known: BTreeSet<&'t str>,
    text_of: &dyn Fn(&Value) -> Option<&'t str>,
) -> Vec<(&'t Value, String)> {
    let mut looking = Looking {
        text_of,
        found: Vec::new(),
    };
    looking.at_queries(rule, &known);
    looking.found
}

/// The variables that have a value.
type Known<'t> = BTreeSet<&'t str>;

struct Looking<'t, 'f> {
    text_of: &'f dyn Fn(&Value) -> Option<&'t str>,
    found: Vec<(&'t Value, String)>,
}

impl<'t> Looking<'t, '_> {
    /// At all queries that begin somewhere in here.
    fn at_queries(&mut self, part: &'t Value, known: &Known<'t>) {
        match part {
            Value::Array(parts) => parts.iter().for_each(|part| self.at_queries(part, known)),
            Value::Object(all) if all.contains_key("stmts") => self.at_query(part, known),
            Value::Object(all) => match all.get("Every") {
                Some(every) => self.at_every(every, known),
                None => all.values().for_each(|part| self.at_queries(part, known)),
            },
            _ => {}
        }
    }

    fn at_every(&mut self, every: &'t Value, known: &Known<'t>) {
        let part = |name: &str| every.get(name).unwrap_or(&Value::Null);
        self.at_queries(part("domain"), known);
        let own = [part("key"), part("value")].into_iter().filter_map(self.text_of);
        let known = known.iter().copied().chain(own).collect();
        self.at_queries(part("query"), &known);
    }

    fn at_query(&mut self, query: &'t Value, known: &Known<'t>) {
        let mut known = known.clone();
        for statement in members(query, "stmts") {
            bind(statement.get("literal").unwrap_or(&Value::Null), &mut known);
        }
        for statement in members(query, "stmts") {
            if let Some(negated) = statement.pointer("/literal/NotExpr/expr") {
                self.at_negated(negated, &known);
            }
            self.at_queries(statement, &known);
        }
    }

    fn at_negated(&mut self, part: &'t Value, known: &Known<'t>) {
        match variable(part) {
            Some(name) if known.contains(name) => {}
            Some(name) => self.found.push((part.get("Var").unwrap_or(part), name.to_owned())),
            None => outside_comprehensions(part).for_each(|part| self.at_negated(part, known)),
        }
    }
}

/// Notes what a statement gives a value: whatever stands in it, since it holds only for values that it has.
fn bind<'t>(literal: &'t Value, known: &mut Known<'t>) {
    let (kind, statement) = only_member(literal);
    if matches!(kind, "SomeIn" | "Expr") {
        bind_all(statement, known);
    }
}

fn bind_all<'t>(part: &'t Value, known: &mut Known<'t>) {
    known.extend(variable(part).filter(|name| *name != "_"));
    outside_comprehensions(part).for_each(|part| bind_all(part, known));
}

/// What something has as its parts; a comprehension is a query of its own, and the name of a function no variable.
fn outside_comprehensions(part: &Value) -> impl Iterator<Item = &Value> {
    let items = part.as_array().into_iter().flatten();
    let all = part.as_object().into_iter().flatten();
    let is_other = |name: &str| matches!(name, "ArrayCompr" | "SetCompr" | "ObjectCompr" | "fcn" | "span");
    items.chain(all.filter(move |(name, _)| !is_other(name)).map(|(_, part)| part))
}
