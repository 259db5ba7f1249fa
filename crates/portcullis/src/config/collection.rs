//! Answers that list resources: as it is written where they are, and settled.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::message::Pointer;
use super::spanned::Spanned;

/// An answer that lists resources, which leaves with those items alone that its caller is permitted to see.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CollectionWritten {
    /// Where the array of items stands in the answer, by a JSON pointer such as `/accounts`; the answer itself is `''`.
    pub(crate) items: Pointer,
    /// The type of the items, as policies name it.
    #[serde(rename = "type")]
    pub(crate) kind: Spanned<String>,
    /// Where in an item its id stands, by a JSON pointer such as `/id`; an item that is an id itself has it at `''`.
    pub(crate) id: Pointer,
    /// The operation that the caller has to be permitted with each item, such as the one that reads it. Default: the one that lists.
    pub(crate) action: Option<String>,
    /// Where in an item the attributes of the resource stand that policies read, by their names. Default: none are read of it.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) attributes: BTreeMap<String, Pointer>,
    /// Where the number of items is told. It follows, or is left out where it counts more than was there. Default: nowhere.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub(crate) counts: Vec<Pointer>,
    /// What leads to other pages and tells where, and is left out with the first item that is. Default: nothing.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub(crate) links: Vec<Pointer>,
}

/// An answer that lists resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Collection {
    /// Where the items stand.
    pub(crate) items: String,
    /// Their type.
    pub(crate) kind: Spanned<String>,
    /// Where in an item its id stands.
    pub(crate) id: String,
    /// What the caller has to be permitted; `None`: the operation itself.
    pub(crate) action: Option<String>,
    /// Where in an item attributes stand, by their names.
    pub(crate) attributes: BTreeMap<String, String>,
    /// Where the number of items is told.
    pub(crate) counts: Vec<String>,
    /// What leads to other pages.
    pub(crate) links: Vec<String>,
}

impl CollectionWritten {
    pub(super) fn settle(&self) -> Collection {
        let texts = |pointers: &[Pointer]| pointers.iter().map(|pointer| pointer.0.clone()).collect();
        let attribute = |(name, pointer): (&String, &Pointer)| (name.clone(), pointer.0.clone());
        Collection {
            items: self.items.0.clone(),
            kind: self.kind.clone(),
            id: self.id.0.clone(),
            action: self.action.clone(),
            attributes: self.attributes.iter().map(attribute).collect(),
            counts: texts(&self.counts),
            links: texts(&self.links),
        }
    }
}
