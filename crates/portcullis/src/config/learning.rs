//! Relations that are learnt from operations: whoever creates an object stands in a relation to it, and what is deleted stands in none.

use schemars::JsonSchema;
use serde::Deserialize;

use super::authorization::{Place, place};
use super::message::{FieldName, Pointer};
use super::problems::Problems;
use super::spanned::Spanned;
use super::text::Name;

/// Relations that the gate learns from successful answers (2xx) of an operation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LearningWritten {
    /// The operation creates an object.
    pub(crate) creates: Option<Spanned<CreatesWritten>>,
    /// The operation deletes an object, and with it everything that is related to it.
    pub(crate) deletes: Option<Spanned<DeletesWritten>>,
}

/// An object that is created: its type, and the one place where its id stands.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreatesWritten {
    /// The type of the object, as the model names it.
    #[serde(rename = "type")]
    pub(crate) kind: Spanned<Name>,
    /// The relation in which its caller stands to it from then on.
    pub(crate) caller: Name,
    /// An object that it belongs to, which the request names.
    pub(crate) parent: Option<ParentWritten>,
    /// Its id is a value of the JSON answer, by a JSON pointer such as `/id`.
    pub(crate) answer: Option<Pointer>,
    /// Its id is the last segment of the answer's `Location`.
    #[serde(default)]
    pub(crate) location: bool,
    /// Its id is a path parameter.
    pub(crate) path: Option<Name>,
    /// Its id is a query parameter.
    pub(crate) query: Option<Name>,
    /// Its id is a value of the JSON body of the request, by a JSON pointer.
    pub(crate) body: Option<Pointer>,
}

/// What a created object belongs to: a relation, a type, and the one place of the request where the id stands.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ParentWritten {
    /// The relation of the created object that names it.
    pub(crate) relation: Name,
    /// Its type, as the model names it.
    #[serde(rename = "type")]
    pub(crate) kind: Spanned<Name>,
    /// A path parameter.
    pub(crate) path: Option<Name>,
    /// A query parameter.
    pub(crate) query: Option<Name>,
    /// A header field.
    pub(crate) header: Option<FieldName>,
    /// A value of a JSON body, by a JSON pointer.
    pub(crate) body: Option<Pointer>,
}

/// An object that is deleted: its type, and the one place of the request where its id stands.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeletesWritten {
    /// The type of the object, as the model names it.
    #[serde(rename = "type")]
    pub(crate) kind: Spanned<Name>,
    /// A path parameter.
    pub(crate) path: Option<Name>,
    /// A query parameter.
    pub(crate) query: Option<Name>,
    /// A header field.
    pub(crate) header: Option<FieldName>,
    /// A value of a JSON body, by a JSON pointer.
    pub(crate) body: Option<Pointer>,
}

/// What is learnt from an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Learning {
    /// It creates an object.
    Creates {
        /// The object's type.
        kind: Spanned<String>,
        /// Where its id stands.
        id: Id,
        /// The relation of its caller to it.
        caller: String,
        /// What it belongs to.
        parent: Option<Parent>,
    },
    /// It deletes an object.
    Deletes {
        /// The object's type.
        kind: Spanned<String>,
        /// Where its id stands.
        place: Place,
    },
}

/// Where the id of a created object stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    /// In the JSON answer, by a JSON pointer.
    Answer(String),
    /// It is the last segment of the answer's `Location`.
    Location,
    /// In the request.
    Request(Place),
}

/// What a created object belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    /// The relation of the created object that names it.
    pub(crate) relation: String,
    /// Its type.
    pub(crate) kind: Spanned<String>,
    /// Where its id stands.
    pub(crate) place: Place,
}

impl LearningWritten {
    /// Reports what creates and deletes, or does neither, and ids without a place or with two.
    pub(super) fn check(&self, problems: &mut Problems<'_>) {
        match (&self.creates, &self.deletes) {
            (Some(_), Some(second)) => {
                let help = "write one of the two: what an operation does to an object is one thing";
                problems.error(second.span, "an operation either creates or deletes", help);
            }
            (Some(creates), None) => creates.value.check(problems),
            (None, Some(deletes)) if deletes.value.place().is_none() => {
                nowhere(&deletes.value.kind, IN_REQUEST, problems)
            }
            (None, Some(_) | None) => {}
        }
    }

    /// None where nothing is learnt, or what is written is wrong.
    pub(super) fn settle(&self) -> Option<Learning> {
        match (&self.creates, &self.deletes) {
            (Some(creates), None) => creates.value.settle(),
            (None, Some(deletes)) => Some(Learning::Deletes {
                kind: named(&deletes.value.kind),
                place: deletes.value.place()?,
            }),
            _ => None,
        }
    }
}

const IN_REQUEST: &str = "write one of `path`, `query`, `header` and `body`";
const ANYWHERE: &str = "write one of `answer`, `location: true`, `path`, `query` and `body`";

fn nowhere(kind: &Spanned<Name>, help: &str, problems: &mut Problems<'_>) {
    let message = format!("the id of the `{}` stands in one place", kind.value.0);
    problems.error(kind.span, message, help);
}

fn named(name: &Spanned<Name>) -> Spanned<String> {
    Spanned {
        value: name.value.0.clone(),
        span: name.span,
    }
}

impl CreatesWritten {
    fn check(&self, problems: &mut Problems<'_>) {
        if self.id().is_none() {
            nowhere(&self.kind, ANYWHERE, problems);
        }
        if let Some(parent) = self.parent.as_ref().filter(|parent| parent.place().is_none()) {
            nowhere(&parent.kind, IN_REQUEST, problems);
        }
    }

    fn id(&self) -> Option<Id> {
        let requested = place(self.path.as_ref(), self.query.as_ref(), None, self.body.as_ref());
        let has_place = self.path.is_some() || self.query.is_some() || self.body.is_some();
        match (&self.answer, self.location, has_place) {
            (Some(pointer), false, false) => Some(Id::Answer(pointer.0.clone())),
            (None, true, false) => Some(Id::Location),
            (None, false, true) => requested.map(Id::Request),
            _ => None,
        }
    }

    fn settle(&self) -> Option<Learning> {
        let parent = |written: &ParentWritten| {
            Some(Parent {
                relation: written.relation.0.clone(),
                kind: named(&written.kind),
                place: written.place()?,
            })
        };
        let parent = match &self.parent {
            Some(written) => Some(parent(written)?),
            None => None,
        };
        Some(Learning::Creates {
            kind: named(&self.kind),
            id: self.id()?,
            caller: self.caller.0.clone(),
            parent,
        })
    }
}

impl ParentWritten {
    fn place(&self) -> Option<Place> {
        place(
            self.path.as_ref(),
            self.query.as_ref(),
            self.header.as_ref(),
            self.body.as_ref(),
        )
    }
}

impl DeletesWritten {
    fn place(&self) -> Option<Place> {
        place(
            self.path.as_ref(),
            self.query.as_ref(),
            self.header.as_ref(),
            self.body.as_ref(),
        )
    }
}
