//! Tuples of relations, as far as they are kept: see [`Tuple`].
//!
//! Questions are never asked here: a process holds all tuples in memory ([`Relations`]), and a [`Follower`] keeps that up to date.
//! Whoever writes follows up afterwards; whoever does not write follows several times a second.

use std::collections::HashSet;
use std::sync::Arc;

use portcullis_decision::relations::{Batch, Change, Loader, Model, Object, Origin, Precondition, Relations, Tuple};
use thiserror::Error;

use crate::{Position, StoreError};

/// How many tuples a store holds at most.
pub const TUPLES_MAX: u64 = 20_000_000;
/// How many changes are remembered. Whoever has not followed for longer than that is told everything anew.
pub const CHANGES_MAX: u64 = 100_000;
/// How many tuples a page of a list has at most.
pub const PAGE_TUPLES_MAX: usize = 1000;

/// Where tuples are kept. Each operation is done whole or not at all, and another process that looks sees it whole.
pub trait Tuples: Send {
    /// Does all of a batch, if its preconditions hold before the first of its operations.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing is done.
    fn write(&mut self, batch: &Batch) -> Result<Written, WriteError>;

    /// Tells what was added and removed after `since`, in the order in which it was; or every tuple that there is, as added.
    /// `begin` is told which of the two before anything else.
    ///
    /// # Errors
    /// [`StoreError`]; then what was told is to be forgotten.
    fn changes(&mut self, since: Position, listener: &mut dyn Listener) -> Result<Position, StoreError>;

    /// The tuples of an object in the order of their relations and subjects, a page at a time.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list(&mut self, page: &Page) -> Result<Vec<(Tuple, Origin)>, StoreError>;
}

/// Who is told what has changed.
pub trait Listener {
    /// Told first, and once: whether everything that there is comes, and what does not is gone.
    fn begin(&mut self, whole: bool);

    /// Told for each change.
    fn hear(&mut self, change: Change<&str>);
}

/// What a batch has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// How many tuples there are now that were not there.
    pub added: u64,
    /// How many there were that are not there now.
    pub removed: u64,
}

/// Why a batch is not done.
#[derive(Debug, Error)]
pub enum WriteError {
    /// A precondition does not hold.
    #[error("{}", unmet(.0))]
    Unmet(Box<Precondition>),
    /// There would be more than [`TUPLES_MAX`] tuples.
    #[error("it holds as many tuples as it can")]
    Full,
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn unmet(precondition: &Precondition) -> String {
    match precondition {
        Precondition::Present(tuple) => format!("`{tuple}` has to be there, and is not"),
        Precondition::Absent(tuple) => format!("`{tuple}` must not be there, and is"),
    }
}

/// A page of an object's tuples.
#[derive(Clone, Debug)]
pub struct Page {
    /// Of this object.
    pub object: Object,
    /// Behind this tuple.
    pub after: Option<Tuple>,
    /// How many, up to [`PAGE_TUPLES_MAX`].
    pub tuples_max: usize,
}

/// Keeps tuples in memory as those in a store are. One for each [`Relations`]: two would apply what they hear out of order, and what
/// was revoked would live again.
#[derive(Clone, Debug, Default)]
pub struct Follower {
    position: Position,
    /// Objects whose tuples count for nothing.
    gone: HashSet<Object>,
    /// Whether a tuple was left out for that.
    has_left_out: bool,
}

/// What came of following.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Whether everything was read anew.
    pub whole: bool,
    /// How many tuples were left out, because the model does not allow them. Where it takes relations away by others, this matters.
    pub unfit: u64,
}

/// What was heard so far.
struct Hearing<'g> {
    gone: &'g HashSet<Object>,
    has_left_out: bool,
    model: Arc<Model>,
    loader: Option<Loader>,
    changes: Vec<Change>,
}

impl Follower {
    /// Brings what is in memory to where the store is now. When it has returned, nothing that was removed before permits anything.
    ///
    /// # Errors
    /// [`StoreError`]; then everything is as it was.
    pub fn follow(&mut self, store: &mut dyn Tuples, relations: &Relations) -> Result<Followed, StoreError> {
        self.follow_under(relations.model(), store, relations)
    }

    /// From here on no tuple of these objects counts, whatever the store says; and of those that were left out before, and are not among
    /// these, whatever it says counts again with the next [`Follower::follow`].
    pub fn leave_out(&mut self, gone: HashSet<Object>, relations: &Relations) {
        for object in gone.difference(&self.gone) {
            relations.forget(object.view());
        }
        // What was heard and left out is heard again, with everything else.
        if !self.gone.is_subset(&gone) && std::mem::take(&mut self.has_left_out) {
            self.position = Position::default();
        }
        self.gone = gone;
    }

    /// Puts another model in force, with all tuples of the store.
    ///
    /// # Errors
    /// [`StoreError`]; then everything is as it was.
    pub fn change_model(
        &mut self,
        model: Arc<Model>,
        store: &mut dyn Tuples,
        relations: &Relations,
    ) -> Result<Followed, StoreError> {
        let mut anew = Self {
            gone: self.gone.clone(),
            ..Self::default()
        };
        let followed = anew.follow_under(model, store, relations)?;
        *self = anew;
        Ok(followed)
    }

    fn follow_under(
        &mut self,
        model: Arc<Model>,
        store: &mut dyn Tuples,
        relations: &Relations,
    ) -> Result<Followed, StoreError> {
        let mut hearing = Hearing {
            gone: &self.gone,
            has_left_out: false,
            model,
            loader: None,
            changes: Vec::new(),
        };
        let position = store.changes(self.position, &mut hearing)?;
        let whole = hearing.loader.is_some();
        let has_left_out = hearing.has_left_out;
        let unfit = match hearing.loader {
            Some(loader) => {
                let loaded = loader.finish();
                let unfit = loaded.unfit();
                relations.replace(loaded);
                unfit
            }
            None => relations.apply(&hearing.changes).unfit,
        };
        self.position = position;
        self.has_left_out |= has_left_out;
        Ok(Followed { whole, unfit })
    }
}

impl Hearing<'_> {
    /// Whether a tuple has an object that is gone. Mostly none is.
    fn is_gone(&self, tuple: Tuple<&str>) -> bool {
        let is_gone = |object: Object<&str>| self.gone.contains(&object.keep());
        !self.gone.is_empty() && (is_gone(tuple.object()) || tuple.subject().object().is_some_and(is_gone))
    }
}

impl Listener for Hearing<'_> {
    fn begin(&mut self, whole: bool) {
        self.loader = whole.then(|| Loader::new(Arc::clone(&self.model)));
    }

    fn hear(&mut self, change: Change<&str>) {
        if let Change::Added(tuple) = change
            && self.is_gone(tuple)
        {
            self.has_left_out = true;
            return;
        }
        match (&mut self.loader, change) {
            (Some(loader), Change::Added(tuple)) => loader.add(tuple),
            (_, change) => self.changes.push(change.keep()),
        }
    }
}
