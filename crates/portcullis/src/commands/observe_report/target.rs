//! From a place in a contract to the JSONPath (RFC 9535) that an overlay finds it by.

use std::fmt;

use portcullis_contract::document::{Document, Node, Span, Value};

/// A value of a contract, by the steps from its root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Target(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Item(usize),
    /// The items of an array that are this text.
    Equal(String),
}

impl Target {
    /// The value that begins at a place, and how it is reached; nothing where none does.
    pub(super) fn find(document: &Document, span: Span) -> Option<(Self, &Node)> {
        let mut node = document.files().nth(usize::from(span.file.0))?;
        let mut steps = Vec::new();
        while node.span != span {
            let (step, child) = before(node, span)?;
            steps.push(step);
            node = child;
        }
        Some((Self(steps), node))
    }

    pub(super) fn member(&self, name: &str) -> Self {
        self.step(Step::Member(name.to_owned()))
    }

    /// The items of this array that are a text.
    pub(super) fn equal(&self, text: &str) -> Self {
        self.step(Step::Equal(text.to_owned()))
    }

    fn step(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }
}

/// The last child that does not begin behind a place: the only one that can hold it, because children stand in order.
fn before(node: &Node, span: Span) -> Option<(Step, &Node)> {
    match &node.value {
        Value::Object(object) => {
            let held = object.iter().filter(|(_, child)| child.span <= span);
            let (name, child) = held.max_by_key(|(_, child)| child.span)?;
            Some((Step::Member(name.to_owned()), child))
        }
        Value::Array(items) => {
            let held = items.iter().enumerate().filter(|(_, child)| child.span <= span);
            let (index, child) = held.max_by_key(|(_, child)| child.span)?;
            Some((Step::Item(index), child))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for step in &self.0 {
            match step {
                Step::Member(name) if is_plain(name) => write!(f, ".{name}")?,
                Step::Member(name) => write!(f, "[{}]", quoted(name))?,
                Step::Item(index) => write!(f, "[{index}]")?,
                Step::Equal(text) => write!(f, "[?@ == {}]", quoted(text))?,
            }
        }
        Ok(())
    }
}

/// Whether a name may stand behind a dot.
fn is_plain(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(letter) && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
