//! OpenAPI Overlay 1.0 and 1.1: changes of a document, written down apart from it.
//!
//! An overlay is applied to the tree of the first file, before any reference is followed. What it brings keeps its own
//! file and line; references in it are relative to the file that it changes.

mod apply;
mod merge;
mod mirror;
mod target;

use super::bounds::Budget;
use super::nearest::meant;
use super::node::{Node, Value};
use super::problem::{Problem, Severity, Span};
use super::source::shown;
use super::uri;
use target::Target;

/// Actions of one overlay.
const ACTIONS_MAX: usize = 10_000;

/// The versions that differ in what an action means.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Version {
    V1_0,
    V1_1,
}

/// One change of a document (Overlay 1.1, Action Object).
struct Action<'o> {
    target: Target,
    change: Change<'o>,
}

/// What is done to what the target selects.
enum Change<'o> {
    Remove,
    /// Merged into objects, put behind the items of arrays, in the place of anything else.
    Update(&'o Node),
    /// The same, with a part of the document.
    Copy(Target),
}

/// Applies an overlay; the problems are of both severities, and with an error the tree is not to be used.
pub(super) fn apply(root: &mut Node, overlay: &Node, at: Location<'_>, budget: &mut Budget) -> Vec<Problem> {
    let mut reading = Reading {
        location: at.overlay,
        problems: Vec::new(),
    };
    let Some((version, actions)) = reading.read(overlay, at) else {
        return reading.problems;
    };
    let mut problems = reading.problems;
    if problems.iter().all(|problem| problem.severity < Severity::Error) {
        apply::run(root, version, &actions, at.overlay, budget, &mut problems);
    }
    problems
}

/// The files that an overlay is about.
#[derive(Clone, Copy)]
pub(super) struct Location<'a> {
    /// The overlay's own.
    pub(super) overlay: &'a str,
    /// That of the document.
    pub(super) document: &'a str,
}

/// What reading an overlay needs.
struct Reading<'a> {
    location: &'a str,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn read<'o>(&mut self, overlay: &'o Node, at: Location<'_>) -> Option<(Version, Vec<Action<'o>>)> {
        let version = self.version(overlay)?;
        self.spell(overlay, &["overlay", "info", "extends", "actions"]);
        if overlay.get("info").is_none() {
            self.warn(
                overlay.span,
                "the overlay has no `info`",
                "give it a title and a version",
            );
        }
        self.extends(overlay, at);
        let Some(written) = overlay.get("actions") else {
            self.error(overlay.span, "the overlay has no `actions`", "list what it changes");
            return None;
        };
        let Some(items) = written.as_array() else {
            let message = format!("`actions` is {}, not an array", written.kind());
            self.error(written.span, message, "put a `-` in front of each action");
            return None;
        };
        if items.len() > ACTIONS_MAX {
            let message = format!("the overlay has more than {ACTIONS_MAX} actions");
            self.error(written.span, message, "change the contract itself");
            return None;
        }
        let actions = items.iter().filter_map(|item| self.action(item, version));
        Some((version, actions.collect()))
    }

    fn version(&mut self, overlay: &Node) -> Option<Version> {
        let help = "an overlay begins with `overlay: 1.1.0`";
        let Some(said) = overlay.get("overlay") else {
            self.error(
                overlay.span,
                "no `overlay` says which version this overlay is written in",
                help,
            );
            return None;
        };
        let text = match &said.value {
            Value::String(text) | Value::Number(text) => &**text,
            _ => said.kind(),
        };
        let mut parts = text.split('.');
        match (parts.next(), parts.next()) {
            (Some("1"), Some("0")) => Some(Version::V1_0),
            (Some("1"), Some("1")) => Some(Version::V1_1),
            _ => {
                let message = format!("`{}` is no version of an overlay that is read", shown(text));
                self.error(said.span, message, help);
                None
            }
        }
    }

    /// An overlay may say which document it is for. Where that is kept differs, so its name is what is compared.
    fn extends(&mut self, overlay: &Node, at: Location<'_>) {
        let Some(extends) = overlay.get("extends") else { return };
        let Some(said) = extends.as_str() else {
            let message = format!("`extends` is {}, not a string", extends.kind());
            self.error(extends.span, message, "name the document that is changed");
            return;
        };
        let target = uri::resolve(at.overlay, uri::split(said).0);
        let name = |location: &str| location.rsplit('/').next().unwrap_or_default().to_owned();
        if name(&target) != name(at.document) {
            let message = format!("this overlay is for `{}`, and changes `{}`", shown(said), at.document);
            self.warn(extends.span, message, "correct `extends`, or leave it out");
        }
    }

    fn action<'o>(&mut self, action: &'o Node, version: Version) -> Option<Action<'o>> {
        self.spell(action, &["target", "description", "update", "copy", "remove"]);
        let Some(written) = action.get("target") else {
            self.error(
                action.span,
                "this action has no `target`",
                "say what it changes, such as `$.info`",
            );
            return None;
        };
        let target = self.target(written)?;
        let change = self.change(action, version)?;
        Some(Action { target, change })
    }

    fn change<'o>(&mut self, action: &'o Node, version: Version) -> Option<Change<'o>> {
        let (update, copy, remove) = (action.get("update"), action.get("copy"), action.get("remove"));
        if let Some(remove) = remove.filter(|remove| remove.as_bool().is_none()) {
            let message = format!("`remove` is {}, not true or false", remove.kind());
            self.error(remove.span, message, "");
            return None;
        }
        if remove.and_then(Node::as_bool) == Some(true) {
            return Some(Change::Remove);
        }
        match (update, copy) {
            (Some(update), None) => Some(Change::Update(update)),
            (None, Some(copy)) if version >= Version::V1_1 => self.target(copy).map(Change::Copy),
            (_, Some(copy)) => {
                let message = match update {
                    Some(_) => "`copy` and `update` cannot stand in one action",
                    None => "`copy` is of overlays in version 1.1",
                };
                self.error(copy.span, message, "write two actions, or `overlay: 1.1.0`");
                None
            }
            (None, None) => {
                let message = "this action changes nothing: it has no `update`, no `copy` and no `remove: true`";
                self.warn(action.span, message, "");
                None
            }
        }
    }

    fn target(&mut self, written: &Node) -> Option<Target> {
        match Target::read(written) {
            Ok(target) => Some(target),
            Err(message) => {
                self.error(
                    written.span,
                    message,
                    "targets are JSONPath (RFC 9535), such as `$.paths['/pets'].get`",
                );
                None
            }
        }
    }

    fn spell(&mut self, node: &Node, known: &[&str]) {
        let members = node.as_object().into_iter().flat_map(|object| &object.members);
        for (name, member) in members {
            if name.starts_with("x-") || known.contains(&&**name) {
                continue;
            }
            let message = format!("`{}` is no member of an overlay, so it says nothing", shown(name));
            let help = meant(name, known);
            self.warn(member.name_span, message, help);
        }
    }

    fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.problems
            .push(Problem::error(self.location, span, message).help(help));
    }

    fn warn(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.problems
            .push(Problem::warning(self.location, span, message).help(help));
    }
}

#[cfg(test)]
mod tests;
