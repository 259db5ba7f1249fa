//! The values that aliases stand for. Every copy is paid for in values before it is made, so that a few lines of
//! aliases of aliases cannot become gigabytes.

use std::collections::HashMap;

use super::super::bounds::ALIAS_NODES_MAX;
use super::super::node::{Node, Value};
use super::super::problem::{Problem, Span};
use super::super::source::Source;

/// The anchored values of one file that are complete.
#[derive(Default)]
pub(super) struct Anchors {
    kept: HashMap<usize, Anchored>,
    nodes: u32,
}

/// A value, the number of values in it, and how deep it is (a scalar is 0).
pub(super) struct Anchored {
    pub(super) node: Node,
    pub(super) nodes: u32,
    pub(super) depth: u16,
}

impl Anchors {
    /// Keeps a complete value for its aliases. `anchor` is 0 where it has none.
    pub(super) fn keep(&mut self, source: Source<'_>, anchor: usize, node: &Node) -> Result<(), Problem> {
        if anchor == 0 {
            return Ok(());
        }
        let (nodes, depth) = measure(node);
        self.pay(source, nodes, node.span)?;
        self.kept.insert(
            anchor,
            Anchored {
                node: node.clone(),
                nodes,
                depth,
            },
        );
        Ok(())
    }

    /// A copy of the value with this anchor, for an alias at `span`.
    pub(super) fn copy(&mut self, source: Source<'_>, anchor: usize, span: Span) -> Result<Anchored, Problem> {
        let Some(nodes) = self.kept.get(&anchor).map(|kept| kept.nodes) else {
            return Err(source.problem(span, "this alias stands inside the value that it stands for"));
        };
        self.pay(source, nodes, span)?;
        self.kept
            .get(&anchor)
            .map(|kept| Anchored {
                node: kept.node.clone(),
                nodes,
                depth: kept.depth,
            })
            .ok_or_else(|| source.problem(span, "this alias has no anchor before it"))
    }

    fn pay(&mut self, source: Source<'_>, nodes: u32, span: Span) -> Result<(), Problem> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= ALIAS_NODES_MAX {
            return Ok(());
        }
        let message = format!("anchors and aliases add more than {ALIAS_NODES_MAX} values");
        Err(source
            .problem(span, message)
            .help("use `$ref` instead, which copies nothing"))
    }
}

fn measure(node: &Node) -> (u32, u16) {
    let add = |(nodes, depth): (u32, u16), below: &Node| {
        let (more, deeper) = measure(below);
        (nodes.saturating_add(more), depth.max(deeper.saturating_add(1)))
    };
    match &node.value {
        Value::Array(items) => items.iter().fold((1, 1), add),
        Value::Object(object) => object.iter().fold((1, 1), |sum, (_, below)| add(sum, below)),
        _ => (1, 0),
    }
}
