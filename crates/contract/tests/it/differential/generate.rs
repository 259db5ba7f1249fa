//! Documents that a schema mostly accepts.

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::Value;

use super::random::Random;
use super::tree::Tree;

/// How deep optional members and items are generated.
const DEPTH_MAX: usize = 7;

pub(crate) struct Generator<'c> {
    pub(crate) contract: &'c Value,
    /// In how many of a hundred objects there is a member that nobody declared.
    pub(crate) undeclared: usize,
}

impl Generator<'_> {
    pub(crate) fn component(&self, name: &str, random: &mut Random) -> Tree {
        self.value(&self.contract["components"]["schemas"][name], &[], 0, random)
    }

    /// A value for the schema; `asked` are the members that schemas around it require.
    fn value(&self, schema: &Value, asked: &[&str], depth: usize, random: &mut Random) -> Tree {
        let schema = self.resolved(schema);
        let branches = schema["allOf"].as_array().map_or(&[][..], Vec::as_slice);
        let required = |schema: &'_ Value| -> Vec<String> {
            let names = schema["required"].as_array().into_iter().flatten();
            names.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let own: Vec<String> = branches
            .iter()
            .flat_map(|branch| required(self.resolved(branch)))
            .chain(required(schema))
            .collect();
        let asked: Vec<&str> = own.iter().map(String::as_str).chain(asked.iter().copied()).collect();
        if depth > DEPTH_MAX * 2 {
            return Tree::raw("null");
        }
        if schema["nullable"] == true && random.chance(10) {
            return Tree::raw("null");
        }
        if let Some(values) = schema["enum"].as_array().filter(|values| !values.is_empty()) {
            return tree(random.pick(values));
        }
        let mut parts = Vec::new();
        for keyword in ["oneOf", "anyOf"] {
            if let Some(branches) = schema[keyword].as_array().filter(|branches| !branches.is_empty()) {
                parts.push(self.value(random.pick(branches), &asked, depth + 1, random));
            }
        }
        for branch in branches {
            let says = branch
                .as_object()
                .is_some_and(|branch| branch.keys().any(|name| name != "required" && name != "nullable"));
            if says {
                parts.push(self.value(branch, &asked, depth + 1, random));
            }
        }
        let own = self.plain(schema, &asked, depth, random);
        let said = schema["type"].is_string() || schema["properties"].is_object() || parts.is_empty();
        parts.extend(said.then_some(own));
        joined(parts)
    }

    fn plain(&self, schema: &Value, asked: &[&str], depth: usize, random: &mut Random) -> Tree {
        let kind = match &schema["type"] {
            Value::String(name) => name.as_str(),
            Value::Array(names) => random.pick(names).as_str().unwrap_or("null"),
            _ if schema["properties"].is_object() => "object",
            _ if schema["items"].is_object() => "array",
            _ => return Tree::any(random, 1),
        };
        match kind {
            "object" => self.object(schema, asked, depth, random),
            "array" => self.array(schema, depth, random),
            "string" => Tree::Text(string(schema, random)),
            "integer" => number(schema, true, random),
            "number" => number(schema, false, random),
            "boolean" => Tree::raw(*random.pick(&["true", "false"])),
            _ => Tree::raw("null"),
        }
    }

    fn object(&self, schema: &Value, asked: &[&str], depth: usize, random: &mut Random) -> Tree {
        let mut members = Vec::new();
        let optional = [80, 60, 40, 25, 10][depth.min(4)];
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if asked.contains(&name.as_str()) || (depth < DEPTH_MAX && random.chance(optional)) {
                members.push((name.clone(), self.value(property, &[], depth + 1, random)));
            }
        }
        let additional = &schema["additionalProperties"];
        if additional.is_object() && depth < DEPTH_MAX {
            for index in 0..random.below(4) {
                members.push((format!("key{index}"), self.value(additional, &[], depth + 1, random)));
            }
        }
        if random.chance(self.undeclared) {
            members.push(("undeclared".to_owned(), Tree::any(random, 2)));
        }
        if random.chance(30) {
            for at in (1..members.len()).rev() {
                members.swap(at, random.below(at + 1));
            }
        }
        Tree::Members(members)
    }

    fn array(&self, schema: &Value, depth: usize, random: &mut Random) -> Tree {
        let least = count(&schema["minItems"]).unwrap_or(0).min(20);
        let most = count(&schema["maxItems"]).unwrap_or(usize::MAX).min(least + 3);
        let length = if depth < DEPTH_MAX {
            least + random.below(most - least + 1)
        } else {
            least
        };
        let item = |random: &mut Random| match &schema["items"] {
            Value::Null => Tree::any(random, 1),
            items => self.value(items, &[], depth + 1, random),
        };
        Tree::Items((0..length).map(|_| item(random)).collect())
    }

    pub(crate) fn resolved<'s>(&'s self, mut schema: &'s Value) -> &'s Value {
        while let Some(reference) = schema["$ref"].as_str() {
            schema = self
                .contract
                .pointer(reference.trim_start_matches('#'))
                .expect("the reference leads somewhere");
        }
        schema
    }
}

fn joined(parts: Vec<Tree>) -> Tree {
    let mut all: Vec<(String, Tree)> = Vec::new();
    let mut last = Tree::raw("null");
    for part in parts {
        match part {
            Tree::Members(members) => {
                for (name, value) in members {
                    if !all.iter().any(|(known, _)| *known == name) {
                        all.push((name, value));
                    }
                }
                last = Tree::Members(Vec::new());
            }
            other if matches!(last, Tree::Raw(ref null) if null == "null") => last = other,
            _ => {}
        }
    }
    match last {
        Tree::Members(_) => Tree::Members(all),
        other if all.is_empty() => other,
        _ => Tree::Members(all),
    }
}

pub(crate) fn tree(value: &Value) -> Tree {
    match value {
        Value::String(text) => Tree::Text(text.clone()),
        Value::Array(items) => Tree::Items(items.iter().map(tree).collect()),
        Value::Object(members) => Tree::Members(
            members
                .iter()
                .map(|(name, value)| (name.clone(), tree(value)))
                .collect(),
        ),
        scalar => Tree::raw(scalar.to_string()),
    }
}

fn count(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|count| usize::try_from(count).ok())
}

fn number(schema: &Value, integer: bool, random: &mut Random) -> Tree {
    let bound = |keyword: &str| schema[keyword].as_f64();
    let low = bound("minimum")
        .or_else(|| bound("maximum").map(|high| high - 100.0))
        .unwrap_or(0.0);
    let high = bound("maximum").unwrap_or(low + 1000.0);
    let bounds = [low, high, (low + high) / 2.0, low + 1.0];
    let near = random.pick(&bounds).clamp(low, high);
    if integer || random.chance(50) {
        return Tree::raw(format!("{}", near.trunc()));
    }
    Tree::raw(format!("{}", (near + *random.pick(&[0.0, 0.5, 0.25, 0.01])).min(high)))
}

fn string(schema: &Value, random: &mut Random) -> String {
    let least = count(&schema["minLength"]).unwrap_or(0);
    let most = count(&schema["maxLength"]).unwrap_or(usize::MAX);
    let fits = |text: &String| (least..=most).contains(&text.chars().count());
    let mut tries = (0..5).map(|_| one_string(schema, random));
    let found = tries.find(fits);
    found.unwrap_or_else(|| fitted(one_string(schema, random), least.min(2_000), most))
}

fn fitted(mut text: String, least: usize, most: usize) -> String {
    while text.chars().count() < least {
        text.push('x');
    }
    text.chars().take(most).collect()
}

fn one_string(schema: &Value, random: &mut Random) -> String {
    match schema["format"].as_str() {
        Some("uuid") => "123e4567-e89b-12d3-a456-426614174000".to_owned(),
        Some("date-time") => (*random.pick(&[
            "2026-11-22T08:00:00Z",
            "1999-12-31T23:59:60Z",
            "2024-02-29T00:00:00.5+05:30",
        ]))
        .to_owned(),
        Some("date") => (*random.pick(&["2026-11-22", "2024-02-29", "2000-02-29", "2023-12-31"])).to_owned(),
        Some("ipv4") => "192.0.2.1".to_owned(),
        Some("ipv6") => "2001:db8::1".to_owned(),
        Some("email") => "a.user@example.org".to_owned(),
        _ => match schema["pattern"].as_str() {
            Some(pattern) => matching(pattern, random),
            None => (*random.pick(&["", "a", "plain text", "naïve 😀", "0"])).to_owned(),
        },
    }
}

/// A text that matches the pattern, if Rust can read the pattern.
fn matching(pattern: &str, random: &mut Random) -> String {
    let mut out = String::new();
    if let Ok(hir) = regex_syntax::parse(pattern) {
        sample(&hir, random, &mut out);
    }
    out
}

fn sample(hir: &Hir, random: &mut Random, out: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges = class.ranges();
            if !ranges.is_empty() {
                let range = random.pick(ranges);
                let span = (range.end() as u32 - range.start() as u32).min(60) as usize;
                let code = range.start() as u32 + u32::try_from(random.below(span + 1)).expect("small");
                out.push(char::from_u32(code).unwrap_or(range.start()));
            }
        }
        HirKind::Class(Class::Bytes(_)) => {}
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min + 5).min(repetition.min + 5);
            let times = repetition.min as usize + random.below((most - repetition.min) as usize + 1);
            (0..times.min(300)).for_each(|_| sample(&repetition.sub, random, out));
        }
        HirKind::Capture(capture) => sample(&capture.sub, random, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| sample(part, random, out)),
        HirKind::Alternation(parts) => sample(random.pick(parts), random, out),
    }
}
