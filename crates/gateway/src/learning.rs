//! What the gate learns of relations from answers, and who writes it down: whoever creates an account owns it, and what is deleted is
//! related to nobody.
//!
//! The gate knows no store: whoever keeps relations fills in [`Learner`].

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use portcullis_decision::relations::{Object, Operation};
use thiserror::Error;

use crate::decisions::{Named, Path};

/// How long an answer waits until what it says is written down.
pub const LEARNING_TIME_MAX: Duration = Duration::from_secs(3);

/// Writes relations down.
pub trait Learner: Send + Sync + fmt::Debug {
    /// Whether something could be written down now, as far as that is known.
    fn is_ready(&self) -> bool;

    /// Writes something down, all of it or nothing. It is done when it is on the disk and every later question is answered with it.
    /// It is begun at once, and goes on where nobody waits for it any more.
    fn learn(&self, operations: Vec<Operation>) -> Learning;

    /// Told that an object is deleted, and that nobody knows whether that is written down: from here on nobody is related to it, and it is written
    /// until that is known. It does not wait for anything.
    fn owe(&self, deleted: &Object);

    /// Told what should have been learnt, and was not: for operators, who have to write it down themselves.
    fn missed(&self, missed: Missed, what: &dyn fmt::Display);
}

/// Something is being written down.
pub type Learning = Pin<Box<dyn Future<Output = Result<(), Unlearnt>> + Send>>;

/// It is not written down; whoever should have done it has told operators why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it is not written down")]
pub struct Unlearnt;

/// Why something was not learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// It cannot be told from the answer which object it is about.
    NoId,
    /// It took longer than [`LEARNING_TIME_MAX`], and may still be done.
    Late,
    /// No answer was seen that could be relied upon: whether the operation was done is not known.
    Unseen,
}

/// What is learnt from the successful answers of an operation.
#[derive(Debug)]
pub struct Lesson {
    /// Who writes it down.
    pub by: Arc<dyn Learner>,
    /// The model's type for a type of callers.
    pub subjects: BTreeMap<String, String>,
    /// What has happened.
    pub of: Happened,
}

/// What an operation has done where its answer is a success.
#[derive(Debug)]
pub enum Happened {
    /// It has created an object.
    Created {
        /// The object's type.
        kind: Box<str>,
        /// Where its id stands.
        id: Id,
        /// The relation of the caller to it.
        caller: Box<str>,
        /// What it belongs to.
        parent: Option<Parent>,
    },
    /// It has deleted an object.
    Deleted(Named),
}

/// Where the id of a created object stands.
#[derive(Debug)]
pub enum Id {
    /// In the JSON answer.
    Answer(Path),
    /// It is the last segment of the answer's `Location` (RFC 9110 section 10.2.2).
    Location,
    /// In the request.
    Request(Named),
}

/// What a created object belongs to.
#[derive(Debug)]
pub struct Parent {
    /// The relation of the created object that names it.
    pub relation: Box<str>,
    /// Its type, and where its id stands.
    pub of: Named,
}
