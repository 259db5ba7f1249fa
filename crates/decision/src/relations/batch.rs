//! What is written together: all of it or nothing.

use thiserror::Error;

use super::model::{Model, Unfit};
use super::tuple::{Object, Tuple};

/// How many preconditions, and how many operations, a batch has at most.
pub const BATCH_MAX: usize = 10_000;

/// Operations that are done together, if all preconditions hold. The model allows every tuple that is added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    preconditions: Vec<Precondition>,
    operations: Vec<Operation>,
}

/// What has to be so before anything of a batch is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The tuple is there.
    Present(Tuple),
    /// The tuple is not there.
    Absent(Tuple),
}

/// One thing that is done. What is so already stays so, and is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Adds a tuple. One that is there keeps its origin.
    Add(Tuple, Origin),
    /// Removes a tuple.
    Remove(Tuple),
    /// Removes all tuples that have an object, on either side.
    RemoveObject(Object),
}

/// Where a tuple comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Somebody wrote it.
    Written,
    /// It was learnt from the answer of an operation: whoever created an account owns it.
    Learnt,
}

/// What has changed, in the order in which it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<S = Box<str>> {
    /// A tuple is there.
    Added(Tuple<S>),
    /// A tuple is gone.
    Removed(Tuple<S>),
}

/// Why something is no batch.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The model does not allow a tuple.
    #[error("`{0}`: {1}")]
    Unfit(Box<Tuple>, Unfit),
    /// More than [`BATCH_MAX`].
    #[error("a batch has at most {BATCH_MAX} preconditions and {BATCH_MAX} operations")]
    TooLarge,
}

impl Batch {
    /// Operations without preconditions.
    ///
    /// # Errors
    /// [`BatchError`].
    pub fn new(model: &Model, operations: Vec<Operation>) -> Result<Self, BatchError> {
        Self::with(model, Vec::new(), operations)
    }

    /// Operations that are done where all preconditions hold.
    ///
    /// What is to be removed, or has to be absent, need not be allowed: it may be from before the model was changed.
    ///
    /// # Errors
    /// [`BatchError`].
    pub fn with(
        model: &Model,
        preconditions: Vec<Precondition>,
        operations: Vec<Operation>,
    ) -> Result<Self, BatchError> {
        if preconditions.len().max(operations.len()) > BATCH_MAX {
            return Err(BatchError::TooLarge);
        }
        for operation in &operations {
            if let Operation::Add(tuple, _) = operation {
                let unfit = |unfit| BatchError::Unfit(Box::new(tuple.clone()), unfit);
                model.admit(tuple).map_err(unfit)?;
            }
        }
        Ok(Self {
            preconditions,
            operations,
        })
    }

    /// What has to be so.
    #[must_use]
    pub fn preconditions(&self) -> &[Precondition] {
        &self.preconditions
    }

    /// What is done, in this order.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }
}

impl Origin {
    /// Its name, as it is kept.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Learnt => "learnt",
        }
    }

    /// The origin of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Written, Self::Learnt]
            .into_iter()
            .find(|origin| origin.name() == name)
    }
}

impl<S: AsRef<str>> Change<S> {
    /// The same, kept.
    pub fn keep(&self) -> Change {
        match self {
            Self::Added(tuple) => Change::Added(tuple.keep()),
            Self::Removed(tuple) => Change::Removed(tuple.keep()),
        }
    }
}
