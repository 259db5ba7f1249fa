//! What an action changes: a JSONPath (RFC 9535), and the places that it selects.

use serde_json_path::{JsonPath, PathElement};

use super::super::node::{Node, Value};
use super::super::problem::Span;
use super::super::source::shown;

/// The longest target.
const BYTES_MAX: usize = 4 << 10;
/// Brackets and parentheses in each other: reading them takes twice as long with each.
const NESTING_MAX: usize = 10;
/// How often a target may say `..`: each selects every value below every value that the ones before it selected.
const DESCENTS_MAX: usize = 3;

/// A target of an action.
pub(super) struct Target {
    path: JsonPath,
    /// As it is written.
    pub(super) text: Box<str>,
    /// Where it is written.
    pub(super) span: Span,
}

/// The way from the root to a place.
pub(super) type Steps = Vec<Step>;

/// One step from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Step {
    Member(Box<str>),
    Item(usize),
}

impl Target {
    pub(super) fn read(written: &Node) -> Result<Self, String> {
        let Some(text) = written.as_str() else {
            return Err(format!("this target is {}, not a string", written.kind()));
        };
        if text.len() > BYTES_MAX {
            return Err(format!("this target is longer than {BYTES_MAX} bytes"));
        }
        if nesting(text) > NESTING_MAX || text.matches("..").count() > DESCENTS_MAX {
            return Err(format!(
                "`{}` nests more than {NESTING_MAX} brackets, or says `..` more than {DESCENTS_MAX} times",
                shown(text)
            ));
        }
        let path = JsonPath::parse(text).map_err(|error| format!("`{}` is no target: {error}", shown(text)))?;
        Ok(Self {
            path,
            text: text.into(),
            span: written.span,
        })
    }

    /// The places that it selects, each once and in order.
    pub(super) fn select(&self, mirror: &serde_json::Value) -> Vec<Steps> {
        let found = self.path.query_located(mirror);
        let mut places: Vec<Steps> = found
            .locations()
            .map(|place| place.iter().map(step).collect())
            .collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

fn step(element: &PathElement<'_>) -> Step {
    match element {
        PathElement::Name(name) => Step::Member((*name).into()),
        PathElement::Index(index) => Step::Item(*index),
    }
}

/// How deep brackets stand in each other; those in quotes are counted too, which no sane target notices.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'(' => depth += 1,
            b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The value at a place.
pub(super) fn at<'n>(root: &'n Node, steps: &[Step]) -> Option<&'n Node> {
    steps.iter().try_fold(root, |node, step| match (&node.value, step) {
        (Value::Object(object), Step::Member(name)) => object.get(name),
        (Value::Array(items), Step::Item(index)) => items.get(*index),
        _ => None,
    })
}

/// The value at a place, to be changed.
pub(super) fn at_mut<'n>(root: &'n mut Node, steps: &[Step]) -> Option<&'n mut Node> {
    steps.iter().try_fold(root, |node, step| match (&mut node.value, step) {
        (Value::Object(object), Step::Member(name)) => object.members.get_mut(name).map(|member| &mut member.value),
        (Value::Array(items), Step::Item(index)) => items.get_mut(*index),
        _ => None,
    })
}
