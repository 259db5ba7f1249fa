//! A contract as the rules see it: operations with everything resolved, and every schema once, with where it is used.
//!
//! Nothing here judges, and nothing fails: what cannot be followed is left out, because loading has reported it.

mod at;
mod errors;
pub mod keyword;
pub mod operation;
mod reach;
mod read;
pub mod schema;
pub mod security;
pub(super) mod share;
pub mod value;
mod walk;

use std::collections::{HashMap, HashSet};

use crate::document::bounds::HOPS_MAX;
use crate::document::{Document, Node, Place};

pub use at::{At, pointers};
pub use errors::ErrorKind;
pub use operation::{Answer, Body, Callback, Content, Header, Operation, Parameter, Server};
pub use schema::{Edge, Role, Schema, SchemaId, Unit, UnitId, UnitKind};
pub use security::{Alternative, Asked, Grant, OAuthFlow, Requirements, Scheme, SchemeType};
pub use value::Value;

/// A contract as the rules see it.
#[derive(Debug)]
pub struct Survey<'d> {
    /// The document.
    pub document: &'d Document,
    /// The operations of `paths`, in the order written.
    pub operations: Vec<Operation<'d>>,
    /// The requests that the API sends itself: callbacks of operations, and webhooks.
    pub callbacks: Vec<Callback<'d>>,
    /// The security schemes that are declared.
    pub schemes: Vec<Scheme<'d>>,
    /// The security requirements of the root; nothing where it has none.
    pub security: Option<Requirements<'d>>,
    /// The servers of the root.
    pub servers: Vec<Server<'d>>,
    /// Every schema once; a [`SchemaId`] is an index.
    pub(super) schemas: Vec<Schema<'d>>,
    /// What schemas stand in; a [`UnitId`] is an index.
    pub(super) units: Vec<Unit<'d>>,
    /// Every value that a reference of the document was followed to.
    pub(super) referenced: HashSet<*const Node>,
    by_node: HashMap<*const Node, SchemaId>,
}

impl<'d> Survey<'d> {
    /// Reads a document.
    pub fn of(document: &'d Document) -> Self {
        let mut survey = Self {
            document,
            operations: Vec::new(),
            callbacks: Vec::new(),
            schemes: Vec::new(),
            security: None,
            servers: Vec::new(),
            schemas: Vec::new(),
            units: Vec::new(),
            referenced: HashSet::new(),
            by_node: HashMap::new(),
        };
        survey.read();
        survey.walk_unused();
        survey.settle_values();
        survey.reach();
        survey.share();
        survey
    }

    /// The root.
    pub fn root(&self) -> Place<'d> {
        self.document.root()
    }

    /// A schema.
    pub fn schema(&self, id: SchemaId) -> &Schema<'d> {
        // Ids are made by this survey alone, for what it holds.
        #[expect(clippy::indexing_slicing, reason = "ids come from this survey")]
        &self.schemas[id.index()]
    }

    /// What a schema stands in.
    pub fn unit(&self, id: UnitId) -> &Unit<'d> {
        #[expect(clippy::indexing_slicing, reason = "ids come from this survey")]
        &self.units[id.index()]
    }

    /// Every schema.
    pub fn schemas(&self) -> impl Iterator<Item = &Schema<'d>> {
        self.schemas.iter()
    }

    /// Every value that is judged: schemas that something must conform to, not only parts of others.
    pub fn values(&self) -> impl Iterator<Item = Value<'_, 'd>> {
        let judged = self.schemas.iter().filter(|schema| schema.judged);
        judged.map(|schema| Value::new(self, schema))
    }

    /// A schema as a value.
    pub fn value(&self, id: SchemaId) -> Value<'_, 'd> {
        Value::new(self, self.schema(id))
    }

    /// The schema of a node, if it was met as one.
    pub fn schema_at(&self, node: &Node) -> Option<SchemaId> {
        self.by_node.get(&std::ptr::from_ref(node)).copied()
    }

    /// Whether a reference leads to this node.
    pub fn is_referenced(&self, node: &Node) -> bool {
        self.referenced.contains(&std::ptr::from_ref(node))
    }

    /// The requirements that hold for an operation; nothing where neither it nor the root says anything.
    pub fn requirements<'s>(&'s self, operation: &'s Operation<'d>) -> Option<&'s Requirements<'d>> {
        operation.security.as_ref().or(self.security.as_ref())
    }

    /// Whether somebody without a credential is let in.
    pub fn lets_anybody_in(&self, operation: &Operation<'d>) -> bool {
        self.requirements(operation).is_none_or(Requirements::is_open)
    }

    /// The security scheme that is asked for.
    pub fn scheme(&self, asked: &Asked<'d>) -> Option<&Scheme<'d>> {
        self.schemes.get(asked.scheme?)
    }

    /// Every scheme that an operation asks for, in any alternative.
    pub fn asked<'s>(&'s self, operation: &'s Operation<'d>) -> impl Iterator<Item = &'s Asked<'d>> {
        let said = self.requirements(operation).into_iter();
        said.flat_map(|said| &said.alternatives).flat_map(|one| &one.asked)
    }

    /// What `x-portcullis` says of an operation: at the operation, else at its path, else at the root.
    pub fn extension(&self, operation: &Operation<'d>, name: &str) -> Option<&'d Node> {
        let around = [operation.place.node, operation.item.node, self.root().node];
        around.into_iter().find_map(|node| node.get("x-portcullis")?.get(name))
    }

    /// What a reference leads to, step by step; nothing of what is no reference. Loading has seen to it that chains end.
    pub(in crate::rules) fn references(&self, place: Place<'d>) -> impl Iterator<Item = Place<'d>> {
        let next = |place: &Place<'d>| {
            let reference = place.node.get("$ref")?.as_str()?;
            self.document.resolve(*place, reference).ok()
        };
        std::iter::successors(Some(place), next)
            .skip(1)
            .take(usize::from(HOPS_MAX))
    }
}
