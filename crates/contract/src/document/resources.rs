//! The resources of a document (RFC 3986 bases and the nodes at their root) and the one step of a reference from one to
//! another. A resource is a file, or a schema with an `$id` inside one.

use std::collections::HashMap;

use super::node::{Node, Value};
use super::problem::{FileId, Span};
use super::uri;
use super::{BaseId, Dialect, Place};

/// A file that was read.
#[derive(Debug)]
pub(super) struct File {
    pub(super) location: String,
    pub(super) root: Node,
    /// The resource of the whole file.
    pub(super) base: BaseId,
}

/// The way from the root of a file to a node: the position of each member or element.
pub(super) type Path = Vec<u32>;

#[derive(Debug)]
pub(super) struct Resource {
    /// Without fragment.
    pub(super) uri: String,
    pub(super) file: FileId,
    path: Path,
    span: Span,
    /// Whether the URI comes from an identifier at the node, not from where the file was fetched.
    identified: bool,
    anchors: HashMap<Box<str>, Anchor>,
}

#[derive(Debug)]
struct Anchor {
    path: Path,
    span: Span,
    dynamic: bool,
}

/// A place, and the way to it from the root of its file.
#[derive(Debug)]
pub(super) struct Found<'d> {
    pub(super) place: Place<'d>,
    pub(super) path: Path,
}

/// Why a reference leads nowhere.
#[derive(Debug)]
pub(super) enum Miss {
    /// No resource with this URI has been read.
    Resource(String),
    /// The resource has no such anchor.
    Anchor(String),
    /// The pointer leaves what is there; in words.
    Pointer(String),
}

#[derive(Debug, Default)]
pub(super) struct Resources {
    all: Vec<Resource>,
    by_uri: HashMap<String, BaseId>,
    /// For each file, the resource that its references are relative to.
    homes: Vec<BaseId>,
    /// The resource that begins at a node with `$id`, seen from the resource around it. Aliases of YAML can put one
    /// node into two resources.
    entered: HashMap<(BaseId, Span), BaseId>,
}

impl Resources {
    pub(super) fn get(&self, base: BaseId) -> Option<&Resource> {
        usize::try_from(base.0).ok().and_then(|index| self.all.get(index))
    }

    pub(super) fn by_uri(&self, uri: &str) -> Option<BaseId> {
        self.by_uri.get(uri).copied()
    }

    /// Adds the resource of a whole file.
    pub(super) fn add_file(&mut self, uri: String, root: &Node) -> BaseId {
        let (file, span) = (root.span.file, root.span);
        let (base, _) = self.add(Resource {
            uri,
            file,
            path: Vec::new(),
            span,
            identified: false,
            anchors: HashMap::new(),
        });
        self.homes.push(base);
        base
    }

    /// Adds a file whose values become a part of another one.
    pub(super) fn add_guest(&mut self, home: BaseId) {
        self.homes.push(home);
    }

    /// The resource that the references of a file are relative to.
    pub(super) fn home(&self, file: FileId) -> Option<BaseId> {
        self.homes.get(usize::from(file.0)).copied()
    }

    /// Adds the resource of a node with an identifier, which stands in `outer`. Where the URI is another's already, it stays the other's, which
    /// is the second value.
    pub(super) fn add_identified(
        &mut self,
        outer: BaseId,
        uri: String,
        path: Path,
        span: Span,
    ) -> (BaseId, Option<BaseId>) {
        // The span is that of an overlay where the node came from one.
        let file = self.get(outer).map_or(span.file, |resource| resource.file);
        self.add(Resource {
            uri,
            file,
            path,
            span,
            identified: true,
            anchors: HashMap::new(),
        })
    }

    fn add(&mut self, resource: Resource) -> (BaseId, Option<BaseId>) {
        let new = BaseId(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        let taken = self.by_uri(&resource.uri);
        if taken.is_none() {
            self.by_uri.insert(resource.uri.clone(), new);
        }
        self.all.push(resource);
        (new, taken)
    }

    /// Remembers that the node at `span` inside `outer` is the root of `inner`.
    pub(super) fn nest(&mut self, outer: BaseId, span: Span, inner: BaseId) {
        self.entered.insert((outer, span), inner);
    }

    /// Gives a node of `base` a name; the place of the node that has the name already, if another has.
    pub(super) fn anchor(&mut self, base: BaseId, name: &str, path: &Path, span: Span, dynamic: bool) -> Option<Span> {
        let resource = usize::try_from(base.0).ok().and_then(|index| self.all.get_mut(index))?;
        match resource.anchors.get_mut(name) {
            Some(first) if first.span != span => Some(first.span),
            Some(same) => {
                same.dynamic |= dynamic;
                None
            }
            None => {
                resource.anchors.insert(
                    name.into(),
                    Anchor {
                        path: path.clone(),
                        span,
                        dynamic,
                    },
                );
                None
            }
        }
    }

    /// The base of a node that stands in `base`: another one where the node begins a resource.
    pub(super) fn enter(&self, base: BaseId, node: &Node, dialect: Dialect) -> BaseId {
        if dialect == Dialect::OpenApi20 {
            // Nothing but a file begins a resource there, and the parts of several files stand in one lowered tree.
            return self.home(node.span.file).unwrap_or(base);
        }
        let has_id = dialect.id_keyword().is_some_and(|keyword| node.get(keyword).is_some());
        if !has_id {
            return base;
        }
        self.entered.get(&(base, node.span)).copied().unwrap_or(base)
    }

    /// Whether the resource has its URI from an identifier at this very node.
    pub(super) fn identified_at(&self, base: BaseId, span: Span) -> bool {
        self.get(base)
            .is_some_and(|resource| resource.identified && resource.span == span)
    }

    /// Whether the resource begins at this very node.
    pub(super) fn begins_at(&self, base: BaseId, span: Span) -> bool {
        self.get(base).is_some_and(|resource| resource.span == span)
    }

    pub(super) fn dynamic_anchor<'d>(
        &self,
        files: &'d [File],
        base: BaseId,
        name: &str,
        dialect: Dialect,
    ) -> Option<Place<'d>> {
        let resource = self.get(base)?;
        let anchor = resource.anchors.get(name).filter(|anchor| anchor.dynamic)?;
        let found = self.follow_path(files, resource, anchor.path.clone(), base)?;
        Some(self.entered_place(found, dialect).place)
    }

    /// One step of a reference, seen from `base`.
    pub(super) fn resolve<'d>(
        &self,
        files: &'d [File],
        base: BaseId,
        reference: &str,
        dialect: Dialect,
    ) -> Result<Found<'d>, Miss> {
        let (resource, fragment) = uri::split(reference);
        let target = self.target(base, resource)?;
        let root = self.get(target).and_then(|resource| {
            let found = self.follow_path(files, resource, resource.path.clone(), target)?;
            Some(self.entered_place(found, dialect))
        });
        let root = root.ok_or_else(|| Miss::Resource(resource.to_owned()))?;
        let fragment = fragment.unwrap_or_default();
        let fragment =
            uri::percent_decode(fragment).ok_or_else(|| Miss::Pointer("its percent-encoding is broken".to_owned()))?;
        if fragment.is_empty() {
            return Ok(root);
        }
        if fragment.starts_with('/') {
            return self.follow_pointer(root, &fragment, dialect);
        }
        let resource = self.get(root.place.base);
        let named = resource.and_then(|resource| {
            let anchor = resource.anchors.get(&*fragment)?;
            self.follow_path(files, resource, anchor.path.clone(), root.place.base)
        });
        named
            .map(|found| self.entered_place(found, dialect))
            .ok_or(Miss::Anchor(fragment))
    }

    fn target(&self, base: BaseId, resource: &str) -> Result<BaseId, Miss> {
        if resource.is_empty() {
            return Ok(base);
        }
        let from = self.get(base).map(|resource| &*resource.uri).unwrap_or_default();
        let absolute = uri::resolve(from, resource);
        self.by_uri(&absolute).ok_or(Miss::Resource(absolute))
    }

    fn follow_path<'d>(&self, files: &'d [File], resource: &Resource, path: Path, base: BaseId) -> Option<Found<'d>> {
        let mut node = &files.get(usize::from(resource.file.0))?.root;
        for position in &path {
            node = child_at(node, usize::try_from(*position).ok()?)?;
        }
        Some(Found {
            place: Place { node, base },
            path,
        })
    }

    /// The same node, in the resource that begins there if one does.
    fn entered_place<'d>(&self, found: Found<'d>, dialect: Dialect) -> Found<'d> {
        let Found {
            place: Place { node, base },
            path,
        } = found;
        Found {
            place: Place {
                node,
                base: self.enter(base, node, dialect),
            },
            path,
        }
    }

    /// A JSON pointer (RFC 6901), already percent-decoded.
    fn follow_pointer<'d>(&self, root: Found<'d>, pointer: &str, dialect: Dialect) -> Result<Found<'d>, Miss> {
        let Found {
            place: Place { mut node, mut base },
            mut path,
        } = root;
        for token in pointer.split('/').skip(1) {
            let name = token.replace("~1", "/").replace("~0", "~");
            let step = match &node.value {
                Value::Object(object) => object
                    .members
                    .get_full(&*name)
                    .map(|(at, _, member)| (at, &member.value)),
                Value::Array(items) => array_index(&name).and_then(|at| items.get(at).map(|item| (at, item))),
                _ => None,
            };
            let Some((position, next)) = step else {
                return Err(Miss::Pointer(missing(node, &name)));
            };
            path.push(u32::try_from(position).unwrap_or(u32::MAX));
            node = next;
            base = self.enter(base, node, dialect);
        }
        Ok(Found {
            place: Place { node, base },
            path,
        })
    }
}

fn missing(node: &Node, name: &str) -> String {
    let name = super::source::shown(name);
    match &node.value {
        Value::Object(_) => format!("there is no `{name}` in the object at line {}", node.span.line),
        Value::Array(items) => format!(
            "the array at line {} has {} elements, no `{name}`",
            node.span.line,
            items.len()
        ),
        _ => format!("`{name}` would be inside {} at line {}", node.kind(), node.span.line),
    }
}

/// An array index as RFC 6901 writes them: no sign, no leading zero.
fn array_index(token: &str) -> Option<usize> {
    let plain = token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    if plain { token.parse().ok() } else { None }
}

fn child_at(node: &Node, position: usize) -> Option<&Node> {
    match &node.value {
        Value::Array(items) => items.get(position),
        Value::Object(object) => object.members.get_index(position).map(|(_, member)| &member.value),
        _ => None,
    }
}
