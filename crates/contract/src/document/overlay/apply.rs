//! Carrying out the actions of an overlay, one after the other, each on what the ones before it have left.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value as Json;

use super::super::bounds::{Budget, DEPTH_MAX, NODES_MAX};
use super::super::node::{Node, Value};
use super::super::problem::{Problem, Span};
use super::super::source::shown;
use super::merge::{Clash, merge};
use super::target::{self, Step, Steps, Target};
use super::{Action, Change, Version, mirror};

pub(super) fn run(
    root: &mut Node,
    version: Version,
    actions: &[Action<'_>],
    location: &str,
    budget: &mut Budget,
    problems: &mut Vec<Problem>,
) {
    let mirror = mirror::of(root);
    let mut applying = Applying {
        root,
        mirror,
        version,
        budget,
    };
    for action in actions {
        match applying.apply(action) {
            Ok(0) => {
                let message = format!(
                    "`{}` selects nothing, so nothing is changed",
                    shown(&action.target.text)
                );
                let help = "the contract may have changed: correct the target, or take the action out";
                problems.push(Problem::warning(location, action.target.span, message).help(help));
            }
            Ok(_) => {}
            Err(Fault { span, message, help }) => {
                problems.push(Problem::error(location, span, message).help(help));
                // What comes next builds on it.
                return;
            }
        }
    }
}

/// Why an action cannot be carried out.
struct Fault {
    span: Span,
    message: String,
    help: &'static str,
}

/// A document that is being changed.
struct Applying<'a> {
    root: &'a mut Node,
    /// The same document, for targets.
    mirror: Json,
    version: Version,
    budget: &'a mut Budget,
}

impl Applying<'_> {
    /// Carries out an action; how many places it has changed.
    fn apply(&mut self, action: &Action<'_>) -> Result<usize, Fault> {
        let places = action.target.select(&self.mirror);
        let selected = places.len();
        match &action.change {
            Change::Remove => self.remove(places, &action.target)?,
            Change::Update(value) => self.put_all(&places, value, &action.target)?,
            Change::Copy(source) => {
                let value = self.copied(source)?;
                self.put_all(&places, &value, &action.target)?;
            }
        }
        Ok(selected)
    }

    fn copied(&mut self, source: &Target) -> Result<Node, Fault> {
        let found = source.select(&self.mirror);
        let one = match found.as_slice() {
            [one] => target::at(self.root, one).cloned(),
            _ => None,
        };
        one.ok_or_else(|| Fault {
            span: source.span,
            message: format!(
                "`{}` selects {} values, and one is copied",
                shown(&source.text),
                found.len()
            ),
            help: "select exactly one",
        })
    }

    fn put_all(&mut self, places: &[Steps], value: &Node, target: &Target) -> Result<(), Fault> {
        let (count, depth) = measure(value);
        let copied = count.saturating_mul(places.len());
        if !u32::try_from(copied).is_ok_and(|count| self.budget.take_nodes(count)) {
            return Err(Fault {
                span: target.span,
                message: format!("with this the document holds more than {NODES_MAX} values"),
                help: "select fewer places, or change the contract itself",
            });
        }
        let plain = mirror::of(value);
        for place in places {
            if place.len() + depth > usize::from(DEPTH_MAX) {
                return Err(Fault {
                    span: target.span,
                    message: format!("with this, values are nested more than {DEPTH_MAX} deep"),
                    help: "change the contract itself",
                });
            }
            self.put(place, value, plain.clone())
                .map_err(|Clash { span, message }| Fault {
                    span: if span.file == target.span.file {
                        span
                    } else {
                        target.span
                    },
                    message: format!("`{}`: {message}", shown(&target.text)),
                    help: "remove what is there in an action before",
                })?;
        }
        Ok(())
    }

    fn put(&mut self, place: &[Step], value: &Node, plain: Json) -> Result<(), Clash> {
        let (Some(node), Some(mirror)) = (
            target::at_mut(self.root, place),
            mirror::at_mut(&mut self.mirror, place),
        ) else {
            return Ok(());
        };
        // Version 1.0 has entries only; since 1.1 an array is a list of them.
        let is_entry = self.version == Version::V1_0 || value.as_array().is_none();
        match (&mut node.value, mirror) {
            (Value::Array(items), Json::Array(plains)) if is_entry => {
                items.push(value.clone());
                plains.push(plain);
                Ok(())
            }
            (_, mirror) => merge(node, value).map(|()| mirror::merge(mirror, plain)),
        }
    }

    /// Removes every place, the deepest first, so that no index moves before it is used.
    fn remove(&mut self, places: Vec<Steps>, target: &Target) -> Result<(), Fault> {
        let mut by_parent: BTreeMap<(std::cmp::Reverse<usize>, Steps), HashSet<Step>> = BTreeMap::new();
        for mut place in places {
            let Some(last) = place.pop() else {
                return Err(Fault {
                    span: target.span,
                    message: "the document itself cannot be removed".to_owned(),
                    help: "select something in it",
                });
            };
            by_parent
                .entry((std::cmp::Reverse(place.len()), place))
                .or_default()
                .insert(last);
        }
        for ((_, parent), gone) in by_parent {
            if let Some(node) = target::at_mut(self.root, &parent) {
                drop_from_node(node, &gone);
            }
            if let Some(mirror) = mirror::at_mut(&mut self.mirror, &parent) {
                drop_from_mirror(mirror, &gone);
            }
        }
        Ok(())
    }
}

fn drop_from_node(node: &mut Node, gone: &HashSet<Step>) {
    match &mut node.value {
        Value::Object(object) => object
            .members
            .retain(|name, _| !gone.contains(&Step::Member(name.clone()))),
        Value::Array(items) => keep(items, gone),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn drop_from_mirror(mirror: &mut Json, gone: &HashSet<Step>) {
    match mirror {
        Json::Object(members) => members.retain(|name, _| !gone.contains(&Step::Member(name.as_str().into()))),
        Json::Array(items) => keep(items, gone),
        _ => {}
    }
}

fn keep<T>(items: &mut Vec<T>, gone: &HashSet<Step>) {
    let mut index = 0..;
    items.retain(|_| !index.next().is_some_and(|index| gone.contains(&Step::Item(index))));
}

/// How many values a tree holds, and how deep.
fn measure(node: &Node) -> (usize, usize) {
    let below = |nodes: &mut dyn Iterator<Item = &Node>| {
        nodes
            .map(measure)
            .fold((0, 0), |(count, depth), (inner, deep)| (count + inner, depth.max(deep)))
    };
    let (count, depth) = match &node.value {
        Value::Array(items) => below(&mut items.iter()),
        Value::Object(object) => below(&mut object.iter().map(|(_, node)| node)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (0, 0),
    };
    (count + 1, depth + 1)
}
