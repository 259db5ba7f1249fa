//! Reads a model, and finds the places of what is wrong in a file.

use std::path::Path;

use portcullis_contract::document::{Node, Problem, Span};
use portcullis_decision::relations::{Model, ModelProblem, PathPart, WrittenModel};

use crate::config::spanned::NamedFile;
use crate::{config, files};

/// Reads a model. `location` is the configuration's, where the file is named.
///
/// # Errors
/// Everything that is wrong, at its places.
pub(super) fn read(file: &NamedFile, location: &str) -> Result<(WrittenModel, Model), Vec<Problem>> {
    let text = files::local(&file.value).map_err(|error| {
        let message = format!("cannot read `{}`: {error}", Path::display(&file.value));
        vec![Problem::error(location, file.span, message)]
    })?;
    let name = file.value.to_string_lossy();
    let (written, root) = config::read_placed::<WrittenModel>(&name, &text).map_err(|problem| vec![problem])?;
    let told = |found: &ModelProblem| Problem::error(&*name, at(&root, found.path()), found.message());
    match Model::compile(&written) {
        Ok(model) => Ok((written, model)),
        Err(found) => Err(found.iter().map(told).collect()),
    }
}

/// The place of what a path leads to, as far as it leads.
pub(crate) fn at(root: &Node, path: &[PathPart]) -> Span {
    let mut node = root;
    for part in path {
        let next = match part {
            PathPart::Member(name) => node.get(name),
            PathPart::Name(name) => {
                let member = node.as_object().and_then(|object| object.members.get(name));
                return member.map_or(node.span, |member| member.name_span);
            }
            PathPart::Item(number) => node.as_array().and_then(|items| items.get(*number)),
        };
        let Some(next) = next else { break };
        node = next;
    }
    node.span
}

/// The place of a text in a list to which a path leads; of what the path leads to, where that is no list that has it.
pub(crate) fn at_text(root: &Node, path: &[PathPart], text: &str) -> Span {
    let mut node = Some(root);
    for part in path {
        node = node.and_then(|node| match part {
            PathPart::Item(number) => node.as_array()?.get(*number),
            PathPart::Member(name) | PathPart::Name(name) => node.get(name),
        });
    }
    let items = node.and_then(Node::as_array).unwrap_or_default();
    let item = items.iter().find(|item| item.as_str() == Some(text));
    item.map_or_else(|| at(root, path), |item| item.span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_as_far_as_the_path_leads() {
        let text = b"types:\n  a:\n    relations:\n      b: [x, y]\n";
        let (_, root) = config::read_placed::<WrittenModel>("m.yaml", text).unwrap();
        let member = |name: &str| PathPart::Member(name.into());
        let path = ["types", "a", "relations", "b"].map(member).to_vec();
        let check = |more: &[PathPart], expected: (u32, u32)| {
            let span = at(&root, &[path.clone(), more.to_vec()].concat());
            assert_eq!((span.line, span.column), expected, "{more:?}");
        };
        check(&[], (4, 10));
        check(&[PathPart::Item(1)], (4, 14));
        check(&[PathPart::Item(7)], (4, 10));
        check(&[member("c")], (4, 10));
        let name = |name: &str| at(&root, &[member("types"), PathPart::Name(name.into())]);
        assert_eq!((name("a").line, name("a").column), (2, 3));
        let text = |text: &str| at_text(&root, &path, text);
        assert_eq!((text("y").line, text("y").column), (4, 14));
        assert_eq!((text("z").line, text("z").column), (4, 10));
        assert_eq!((name("b").line, name("b").column), (2, 3), "as far as the path leads");
    }
}
