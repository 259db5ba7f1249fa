//! A contract as it was written: a tree that remembers the line of everything, and the references between its files.
//!
//! Reading is strict (what two programs could read differently is refused) and bounded ([`bounds`]). This module never
//! opens a file or a connection: every byte comes from the caller's [`Fetch`].

pub mod bounds;
mod grammar;
mod json;
mod load;
pub mod nearest;
mod node;
mod openapi_2;
mod overlay;
mod problem;
mod resources;
mod scan;
mod source;
mod uri;
mod version;
mod yaml;

pub use load::{load, load_overlaid, load_schema, parse};
pub use node::{Member, Node, Object, Value};
pub use problem::{FileId, Problem, Severity, Span};
pub(crate) use uri::percent_decode;

use self::resources::{File, Resources};

/// Opens the files of a document for [`load`]; it decides what may be opened.
pub trait Fetch {
    /// The bytes of the file at a path (relative to whatever the root's path is relative to) or at an absolute URL.
    ///
    /// # Errors
    ///
    /// Why it cannot or must not be opened, in words for a person: lower case, no full stop.
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String>;
}

/// A version of OpenAPI that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// OpenAPI 2.0, once called Swagger
    V2_0,
    /// OpenAPI 3.0.x
    V3_0,
    /// OpenAPI 3.1.x
    V3_1,
}

/// The dialect of JSON Schema that the schemas of a document are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// JSON Schema draft 4.
    Draft4,
    /// The Schema Object of OpenAPI 2.0.
    OpenApi20,
    /// The Schema Object of OpenAPI 3.0.
    OpenApi30,
    /// JSON Schema 2020-12, with the vocabulary of OpenAPI 3.1.
    Draft202012,
}

impl Dialect {
    /// The keyword that gives a schema a URI of its own, where the dialect has one.
    pub(crate) fn id_keyword(self) -> Option<&'static str> {
        match self {
            Self::Draft4 => Some("id"),
            Self::OpenApi20 | Self::OpenApi30 => None,
            Self::Draft202012 => Some("$id"),
        }
    }
}

/// A resource of one document: a file, or a schema with an identifier. References are relative to its URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BaseId(pub(crate) u32);

/// A node, and the resource that its references are relative to.
#[derive(Clone, Copy, Debug)]
pub struct Place<'d> {
    /// The node.
    pub node: &'d Node,
    /// The resource it belongs to; where the node begins a resource, that one.
    pub base: BaseId,
}

/// A loaded document: its files, and what their references lead to. Every reference that counts has been followed once
/// while loading, so [`resolve`](Self::resolve) opens nothing.
#[derive(Debug)]
pub struct Document {
    version: Version,
    dialect: Dialect,
    files: Vec<File>,
    resources: Resources,
    base: BaseId,
    /// The root of a document in OpenAPI 2.0, in the form of 3.0.
    lowered: Option<Node>,
    warnings: Vec<Problem>,
}

impl Document {
    /// The version of OpenAPI it is written in.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The dialect of its schemas.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The root of its first file; that of a document in OpenAPI 2.0 in the form of 3.0, with references into what was
    /// written.
    pub fn root(&self) -> Place<'_> {
        static NOTHING: Node = Node {
            value: Value::Null,
            span: Span {
                file: FileId(0),
                line: 0,
                column: 0,
            },
        };
        let written = self.files.first().map(|file| &file.root);
        let node = self.lowered.as_ref().or(written).unwrap_or(&NOTHING);
        Place {
            node,
            base: self.resources.enter(self.base, node, self.dialect),
        }
    }

    /// The place of a node that stands directly in `parent` (a member's value, an element, or one of those inside a map
    /// or list of schemas): the same base, or a new one where the node is a schema with an identifier of its own.
    pub fn child<'d>(&'d self, parent: Place<'d>, node: &'d Node) -> Place<'d> {
        Place {
            node,
            base: self.resources.enter(parent.base, node, self.dialect),
        }
    }

    /// One step of a reference: a JSON pointer, an anchor, another file, an embedded identifier. What it leads to may
    /// be a reference again; following in circles is the caller's to notice.
    ///
    /// # Errors
    ///
    /// Where it leads nowhere: a problem at the reference.
    pub fn resolve<'d>(&'d self, from: Place<'d>, reference: &str) -> Result<Place<'d>, Problem> {
        let found = self.resources.resolve(&self.files, from.base, reference, self.dialect);
        found.map(|found| found.place).map_err(|miss| {
            let here = |keyword| from.node.get(keyword).filter(|text| text.as_str() == Some(reference));
            let span = here("$ref").or_else(|| here("$dynamicRef")).unwrap_or(from.node).span;
            load::dangling(self.location(span.file), span, reference, &miss)
        })
    }

    /// The schema of a resource that has this `$dynamicAnchor`.
    pub fn dynamic_anchor<'d>(&'d self, base: BaseId, name: &str) -> Option<Place<'d>> {
        self.resources.dynamic_anchor(&self.files, base, name, self.dialect)
    }

    /// The path or URL of a file, as it was asked for; empty for a file of another document.
    pub fn location(&self, file: FileId) -> &str {
        self.files
            .get(usize::from(file.0))
            .map(|file| &*file.location)
            .unwrap_or_default()
    }

    /// The roots of all files, the first one first.
    pub fn files(&self) -> impl Iterator<Item = &Node> {
        self.files.iter().map(|file| &file.root)
    }

    /// What could be better, seen while loading.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The schemas with names: the components of the root, or in OpenAPI 2.0 the definitions of every file, because only
    /// their names tell there which schema a discriminator means.
    pub(crate) fn named_schemas(&self) -> impl Iterator<Item = (&str, &Node)> {
        let (files_max, path): (_, &[&str]) = match self.version {
            Version::V2_0 => (usize::MAX, &["definitions"]),
            Version::V3_0 | Version::V3_1 => (1, &["components", "schemas"]),
        };
        let roots = self.files().take(files_max);
        let maps = roots.filter_map(|root| path.iter().try_fold(root, |node, name| node.get(name)));
        maps.filter_map(Node::as_object).flat_map(Object::iter)
    }

    /// The paths and URLs of all files, the root first.
    pub fn locations(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| &*file.location)
    }

    /// An error at a place of this document.
    pub fn problem(&self, span: Span, message: impl Into<String>) -> Problem {
        Problem::error(self.location(span.file), span, message)
    }
}

#[cfg(test)]
mod tests;
