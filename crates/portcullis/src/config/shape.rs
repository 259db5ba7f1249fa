//! Holds the tree of a parsed file against the published schema, so that one definition is what editors complete, what
//! is enforced and what is read.
//!
//! Every problem is reported, not the first one: what is wrong is taken out of the tree, and the rest is judged and
//! read on. Only the keywords that our own schemas use are known here, and a test holds every schema to them. It is no
//! general validator and never sees a contract's schemas.

use portcullis_contract::document::{Node, Object, Span, Value as NodeValue};
use serde_json::{Map, Value};

use super::instead::instead;
use super::nearest::nearest;
use super::problems::Problems;
use super::text::{self, Size};

/// Keys that had another name: that one, theirs now, and what the old name means now.
const FORMER: [(&str, &str, &str); 1] = [(
    "decision_points",
    "authzen",
    "decision points that the gate itself asks stand below `authorization` of an API",
)];

/// Reports what in the tree is not as the schema says, and takes it out; `name` is what messages call the whole. False
/// where nothing useful is left.
pub(super) fn keep(root: &mut Node, schema: &Value, name: &str, problems: &mut Problems<'_>) -> bool {
    Walk { root: schema, problems }.keep(root, schema, name)
}

/// One walk over a tree.
struct Walk<'s, 'p, 'l> {
    root: &'s Value,
    problems: &'p mut Problems<'l>,
}

impl<'s> Walk<'s, '_, '_> {
    /// True if the value, perhaps without some of its parts, is as the schema says.
    fn keep(&mut self, node: &mut Node, schema: &'s Value, name: &str) -> bool {
        self.is_written(node, name) && self.fits(node, schema, name)
    }

    /// Nothing may be left empty, and nothing comes from the environment: that is for secrets alone, and no
    /// setting is one yet.
    fn is_written(&mut self, node: &Node, name: &str) -> bool {
        match &node.value {
            NodeValue::Null => {
                let help = "write a value, or take the line out";
                self.problems.error(node.span, format!("{name} is empty"), help);
                false
            }
            NodeValue::String(text) if text.contains("${env:") => {
                let message = format!("{name} takes its value from the environment, which only secrets may do");
                self.problems.error(node.span, message, "write the value itself");
                false
            }
            _ => true,
        }
    }

    fn fits(&mut self, node: &mut Node, schema: &'s Value, name: &str) -> bool {
        if let Some(target) = self.referred(schema)
            && !self.fits(node, target, name)
        {
            return false;
        }
        if let Some(branches) = branches(schema)
            && !self.fits_a_branch(node, branches, name)
        {
            return false;
        }
        if !kinds(schema).is_empty() && !is_of(node, schema) {
            return self.wrong_kind(node, &[schema], name);
        }
        let fits = self.fits_format(node, schema) && self.fits_bounds(node, schema, name);
        let span = node.span;
        fits && match &mut node.value {
            NodeValue::Object(object) => self.keep_members(object, span, schema, name),
            NodeValue::Array(items) => self.keep_items(items, span, schema, name),
            NodeValue::String(text) => self.fits_words(text, span, &words(schema)),
            _ => true,
        }
    }

    fn referred(&self, schema: &Value) -> Option<&'s Value> {
        let pointer = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.root.pointer(pointer)
    }

    /// The branches of a union differ in the kind of their value, in their words, or in the names of their members.
    fn fits_a_branch(&mut self, node: &mut Node, branches: &'s [Value], name: &str) -> bool {
        let resolved = || branches.iter().map(|branch| self.referred(branch).unwrap_or(branch));
        let of_kind = resolved().filter(|branch| is_of(node, branch)).collect::<Vec<_>>();
        match (of_kind.as_slice(), &node.value) {
            ([], _) => {
                let branches = resolved().collect::<Vec<_>>();
                self.wrong_kind(node, &branches, name)
            }
            ([branch], _) => self.fits(node, branch, name),
            (several, NodeValue::String(text)) => {
                let words = several.iter().copied().flat_map(words).collect::<Vec<_>>();
                self.fits_words(text, node.span, &words)
            }
            (several, NodeValue::Object(object)) => {
                let named = several.iter().copied().find(|branch| shares_a_member(branch, object));
                match named {
                    Some(branch) => self.fits(node, branch, name),
                    None => self.no_such_branch(node, several, name),
                }
            }
            (several, _) => several.iter().any(|branch| self.fits(node, branch, name)),
        }
    }

    fn wrong_kind(&mut self, node: &Node, branches: &[&'s Value], name: &str) -> bool {
        let kinds = branches.iter().copied().flat_map(kinds);
        let mut expected = kinds.map(kind_in_words).collect::<Vec<_>>();
        expected.dedup();
        let found = match &node.value {
            NodeValue::Number(spelling) => format!("the number `{spelling}`"),
            _ => node.kind().to_owned(),
        };
        let message = format!("{name} is {found} where {} is expected", expected.join(" or "));
        let resolve = |schema: &'s Value| self.referred(schema).unwrap_or(schema);
        let help = instead(node, branches, name, &resolve);
        self.problems.error(node.span, message, help);
        false
    }

    fn no_such_branch(&mut self, node: &Node, branches: &[&Value], name: &str) -> bool {
        let names = branches.iter().copied().flat_map(member_names).collect::<Vec<_>>();
        let help = format!("write one of {}", in_backticks(&names));
        self.problems
            .error(node.span, format!("{name} has none of the keys that it needs"), help);
        false
    }

    fn fits_format(&mut self, node: &Node, schema: &Value) -> bool {
        let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
        let Some(fault) = text::fault(format, node) else {
            return true;
        };
        self.problems.error(node.span, fault.message, fault.example);
        false
    }

    fn fits_bounds(&mut self, node: &Node, schema: &Value, name: &str) -> bool {
        let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
        let Some(number) = number(node) else { return true };
        let fits =
            bound("minimum").is_none_or(|least| number >= least) && bound("maximum").is_none_or(|most| number <= most);
        if !fits {
            let written = node.as_number().or(node.as_str()).unwrap_or_default();
            let message = format!("{name} is `{written}`, which is out of bounds");
            self.problems
                .error(node.span, message, bounds_in_words(bound("minimum"), bound("maximum")));
        }
        fits
    }

    fn fits_words(&mut self, text: &str, span: Span, words: &[&str]) -> bool {
        let fits = words.is_empty() || words.contains(&text);
        if !fits {
            let help = match nearest(text, words) {
                Some(word) => format!("did you mean `{word}`?"),
                None => String::new(),
            };
            let message = format!("`{text}` is not one of {}", in_backticks(words));
            self.problems.error(span, message, help);
        }
        fits
    }

    fn keep_members(&mut self, object: &mut Object, span: Span, schema: &'s Value, name: &str) -> bool {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            if let Some(value) = schema.get("additionalProperties").filter(|value| value.is_object()) {
                let members = &mut object.members;
                let is_empty = |node: &Node| node.as_object().is_some_and(|object| object.members.is_empty());
                members.retain(|name, member| {
                    let was_empty = is_empty(&member.value);
                    let keeps = self.keep(&mut member.value, value, &format!("`{name}`"));
                    // Of what is left empty nobody has to be told that it lacks what was taken out.
                    keeps && (was_empty || !is_empty(&member.value))
                });
            }
            return true;
        };
        let missing = self.missing(object, span, schema, properties, name);
        object
            .members
            .retain(|member_name, member| match properties.get(&**member_name) {
                Some(property) => self.keep(&mut member.value, property, &format!("`{member_name}`")),
                None => self.unknown_member(member_name, member.name_span, properties),
            });
        !missing && required(schema).all(|required| object.get(required).is_some())
    }

    fn missing(
        &mut self,
        object: &Object,
        span: Span,
        schema: &Value,
        properties: &Map<String, Value>,
        name: &str,
    ) -> bool {
        let mut missing = false;
        for required in required(schema).filter(|required| object.get(required).is_none()) {
            let help = properties.get(required).map(description).unwrap_or_default();
            self.problems
                .error(span, format!("`{required}` is missing in {name}"), help);
            missing = true;
        }
        missing
    }

    fn unknown_member(&mut self, name: &str, span: Span, properties: &Map<String, Value>) -> bool {
        let known = properties.keys().map(String::as_str).collect::<Vec<_>>();
        let former = FORMER.iter().find(|(old, new, _)| *old == name && known.contains(new));
        let help = match (former, nearest(name, &known)) {
            (Some((_, new, now)), _) => format!("did you mean `{new}`? {now}"),
            (None, Some(known)) => format!("did you mean `{known}`?"),
            (None, None) => format!("the keys here are {}", in_backticks(&known)),
        };
        self.problems.error(span, format!("unknown key `{name}`"), help);
        false
    }

    fn keep_items(&mut self, items: &mut Vec<Node>, span: Span, schema: &'s Value, name: &str) -> bool {
        let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
        let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
        if bound("minItems").is_some_and(|least| count < least) || bound("maxItems").is_some_and(|most| count > most) {
            let help = match bound("maxItems") {
                Some(most) => format!("write {} to {most}", bound("minItems").unwrap_or(0)),
                None => "write one at least".to_owned(),
            };
            self.problems.error(span, format!("{name} has {count} elements"), help);
            return false;
        }
        if let Some(item) = schema.get("items") {
            let mut index = 0..;
            items.retain_mut(|node| self.keep(node, item, &element(name, index.next().unwrap_or(0))));
        }
        bound("minItems").is_none_or(|least| items.len() >= usize::try_from(least).unwrap_or(usize::MAX))
    }
}

/// What messages call an element of a list.
fn element(list: &str, index: usize) -> String {
    format!("`{}[{index}]`", list.trim_matches('`'))
}

fn branches(schema: &Value) -> Option<&[Value]> {
    schema
        .get("anyOf")
        .or_else(|| schema.get("oneOf"))?
        .as_array()
        .map(Vec::as_slice)
}

/// The kinds of value that a schema names, by its own word or by that of its branches.
fn kinds(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is_of(node: &Node, schema: &Value) -> bool {
    let own = |kind: &str| match &node.value {
        NodeValue::Null => kind == "null",
        NodeValue::Bool(_) => kind == "boolean",
        NodeValue::Number(spelling) => kind == "number" || (kind == "integer" && spelling.parse::<i128>().is_ok()),
        NodeValue::String(_) => kind == "string",
        NodeValue::Array(_) => kind == "array",
        NodeValue::Object(_) => kind == "object",
    };
    match branches(schema) {
        Some(branches) => branches.iter().any(|branch| is_of(node, branch)),
        None => kinds(schema).into_iter().any(own),
    }
}

/// The words that a schema allows; none where any text will do.
fn words(schema: &Value) -> Vec<&str> {
    let own = schema
        .get("const")
        .into_iter()
        .chain(schema.get("enum").and_then(Value::as_array).into_iter().flatten());
    own.filter_map(Value::as_str).collect()
}

fn member_names(schema: &Value) -> impl Iterator<Item = &str> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
}

fn shares_a_member(schema: &Value, object: &Object) -> bool {
    member_names(schema).any(|name| object.get(name).is_some())
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// The number that is written: as such, or as a size with a unit.
fn number(node: &Node) -> Option<f64> {
    match &node.value {
        NodeValue::Number(spelling) => spelling.parse().ok(),
        NodeValue::String(text) => Size::try_from(text.to_string())
            .ok()
            .and_then(|size| size.0.to_string().parse().ok()),
        _ => None,
    }
}

fn bounds_in_words(least: Option<f64>, most: Option<f64>) -> String {
    match (least, most) {
        (Some(least), Some(most)) => format!("write {least} to {most}"),
        (Some(least), None) => format!("write {least} or more"),
        (None, Some(most)) => format!("write {most} or less"),
        (None, None) => String::new(),
    }
}

fn kind_in_words(kind: &str) -> &str {
    match kind {
        "boolean" => "`true` or `false`",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a string",
        "array" => "a list",
        "object" => "an object",
        other => other,
    }
}

/// A setting's description as the second half of a sentence.
fn description(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = line.split(". ").next().unwrap_or_default().trim_end_matches('.');
    let mut letters = sentence.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_default()
}

fn in_backticks(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
