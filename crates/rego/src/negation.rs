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
        let literals = || members(query, "stmts").filter_map(|statement| statement.get("literal"));
        // What is declared here is none of the same name outside.
        let declared = literals().flat_map(|literal| literal.pointer("/SomeVars/vars").and_then(Value::as_array));
        for name in declared.flatten().filter_map(self.text_of) {
            known.remove(name);
        }
        // One statement may need what another gives, in any order.
        loop {
            let before = known.len();
            literals().for_each(|literal| bind(literal, &mut known));
            if known.len() == before {
                break;
            }
        }
        for statement in members(query, "stmts") {
            if let Some(negated) = statement.pointer("/literal/NotExpr/expr") {
                self.at_negated(negated, &known);
                let replaced = members(statement, "with_mods").filter_map(|modifier| modifier.get("as"));
                replaced.for_each(|value| self.at_negated(value, &known));
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

/// Notes what a statement gives a value: what it takes out of something, what it assigns, what it unifies with what has one, and what it
/// tries as an index.
fn bind<'t>(literal: &'t Value, known: &mut Known<'t>) {
    let (kind, statement) = only_member(literal);
    let part = |name: &str| statement.get(name).unwrap_or(&Value::Null);
    if kind == "SomeIn" {
        known.extend(variables(part("key")).into_iter().chain(variables(part("value"))));
        known.extend(indices(part("collection")));
    }
    if kind != "Expr" {
        return;
    }
    let expression = part("expr");
    known.extend(indices(expression));
    if let Some(assigned) = expression.get("AssignExpr") {
        let side = |name: &str| assigned.get(name).map(variables).unwrap_or_default();
        let (left, right) = (side("lhs"), side("rhs"));
        let is_assigned = assigned.get("op").and_then(Value::as_str) == Some("ColEq");
        let has_values = |side: &[&str]| side.iter().all(|name| known.contains(name));
        match (is_assigned || has_values(&right), has_values(&left)) {
            (true, _) => known.extend(left),
            (false, true) => known.extend(right),
            (false, false) => {}
        }
    }
    // The one function that gives several values, by an argument more.
    let walk = expression
        .get("Call")
        .filter(|call| call.pointer("/fcn").and_then(variable) == Some("walk"));
    if let Some(Value::Array(arguments)) = walk.and_then(|walk| walk.get("params"))
        && let [_, answer] = arguments.as_slice()
    {
        known.extend(variables(answer));
    }
}

/// The variables in something.
pub(super) fn variables(part: &Value) -> Vec<&str> {
    match variable(part) {
        Some("_") => Vec::new(),
        Some(name) => vec![name],
        None => outside_comprehensions(part).flat_map(variables).collect(),
    }
}

/// The variables that are an index in something.
fn indices(part: &Value) -> Vec<&str> {
    let own = part.pointer("/RefBrack/index").into_iter().flat_map(variables);
    own.chain(outside_comprehensions(part).flat_map(indices)).collect()
}

/// What something has as its parts; a comprehension is a query of its own, and the name of a function no variable.
fn outside_comprehensions(part: &Value) -> impl Iterator<Item = &Value> {
    let items = part.as_array().into_iter().flatten();
    let all = part.as_object().into_iter().flatten();
    let is_other = |name: &str| matches!(name, "ArrayCompr" | "SetCompr" | "ObjectCompr" | "fcn" | "span");
    items.chain(all.filter(move |(name, _)| !is_other(name)).map(|(_, part)| part))
}
