//! Who stands in which relation to what: relation-based access control in the manner of Zanzibar, with the words of OpenFGA.
//!
//! A [`Model`] says which relations the objects of a type have, and what gives each: tuples, other relations, or relations of related
//! objects. A [`Tuple`] says `object#relation@subject`. [`Relations`] holds all tuples in memory and answers: does this relation hold
//! ([`Relations::check`]), and why ([`Relations::explain`]); to which objects ([`Relations::list_objects`]); for whom
//! ([`Relations::list_subjects`]).
//!
//! Every answer is of one version of all tuples. Versions are immutable and share what they have in common, so that a change costs a
//! few copies of some kilobytes, becomes visible as a whole by the exchange of one pointer, and never makes a reader wait. When
//! [`Relations::apply`] has returned, every question that is asked is answered from that version or a later one.
//!
//! Every question has [`Bounds`]. Reaching one is an error or a list that says so, and never a permit.

mod batch;
mod bounds;
mod check;
mod explain;
mod index;
mod list;
mod model;
mod tuple;
mod written;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use thiserror::Error;

use check::{Asker, Node, Verdict, Walk};
use index::{Entity, Index};
use list::Source;

pub use batch::{BATCH_MAX, Batch, BatchError, Change, Operation, Origin, Precondition};
pub use bounds::{Bound, Bounds, DEPTH_MAX};
pub use explain::{Because, Explanation, Fact};
pub use index::{Applied, Loaded, Loader};
pub use list::{Listed, ListedSubjects, PAGE_ITEMS_MAX, Page};
pub use model::{Model, ModelProblem, NESTING_MAX, PARTS_MAX, PathPart, RELATIONS_MAX, TYPES_MAX, Unfit};
pub use tuple::{ID_BYTES_MAX, Malformed, NAME_BYTES_MAX, Object, Subject, Tuple};
pub use written::{WrittenModel, WrittenRewrite, WrittenType};

/// A model and all its tuples, asked by many threads and changed by few.
#[derive(Debug)]
pub struct Relations {
    bounds: Bounds,
    current: ArcSwap<Version>,
    /// Numbers of objects that nothing has; whoever has this is the only one who writes.
    free: Mutex<Vec<Entity>>,
}

#[derive(Debug)]
struct Version {
    model: Arc<Model>,
    index: Index,
    /// How many versions were in force before.
    number: u64,
}

/// Why a question has no answer. It denies.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Undecided {
    /// The model does not know what was asked.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// It would be more work than a question may be.
    #[error(transparent)]
    Exceeded(#[from] Bound),
}

impl Relations {
    /// A model without tuples.
    #[must_use]
    pub fn new(model: Arc<Model>, bounds: Bounds) -> Self {
        let index = Index::default();
        Self {
            bounds,
            current: ArcSwap::from_pointee(Version {
                model,
                index,
                number: 0,
            }),
            free: Mutex::default(),
        }
    }

    /// The model that is in force.
    #[must_use]
    pub fn model(&self) -> Arc<Model> {
        Arc::clone(&self.current.load().model)
    }

    /// How many tuples there are.
    #[must_use]
    pub fn tuples(&self) -> u64 {
        self.current.load().index.len()
    }

    /// How often the version in force was exchanged for another one.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.current.load().number
    }

    /// Puts a model and all its tuples in the place of those that are in force.
    pub fn replace(&self, loaded: Loaded) {
        let Loaded { model, index, .. } = loaded;
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.current.load().number + 1;
        self.current.store(Arc::new(Version { model, index, number }));
        free.clear();
    }

    /// Makes changes, in their order and all at once. Who applies what others have written has to do so in the order in which that
    /// was written; two who apply at the same time come one after the other.
    pub fn apply(&self, changes: &[Change]) -> Applied {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let version = self.current.load_full();
        let mut index = version.index.clone();
        let model = Arc::clone(&version.model);
        let (applied, left) = index.apply(&model, changes, &mut free);
        if applied.added + applied.removed > 0 {
            let number = version.number + 1;
            self.current.store(Arc::new(Version { model, index, number }));
        }
        free.extend(left);
        applied
    }

    /// Takes out every tuple that has an object, on either side, and says how many there were.
    pub fn forget(&self, object: Object<&str>) -> u64 {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let version = self.current.load_full();
        let kind = version.model.type_id(object.kind()).ok();
        let Some(entity) = kind.and_then(|kind| version.index.entity(kind, object.id())) else {
            return 0;
        };
        let mut index = version.index.clone();
        let (removed, left) = index.forget(entity);
        let (model, number) = (Arc::clone(&version.model), version.number + 1);
        self.current.store(Arc::new(Version { model, index, number }));
        free.extend(left);
        removed
    }

    /// Whether a relation of an object holds for a subject.
    ///
    /// # Errors
    /// [`Undecided`].
    pub fn check(&self, object: Object<&str>, relation: &str, subject: Object<&str>) -> Result<bool, Undecided> {
        let version = self.current.load();
        let (node, asker) = version.question(object, relation, subject)?;
        let Some(node) = node else { return Ok(false) };
        let mut walk = Walk::new(&version.model, &version.index, &self.bounds, asker);
        decided(walk.ask(node))
    }

    /// Why a relation of an object holds for a subject; `None` where it does not.
    ///
    /// # Errors
    /// [`Undecided`].
    pub fn explain(
        &self,
        object: Object<&str>,
        relation: &str,
        subject: Object<&str>,
    ) -> Result<Option<Explanation>, Undecided> {
        let version = self.current.load();
        let (node, asker) = version.question(object, relation, subject)?;
        let Some(node) = node else { return Ok(None) };
        let mut walk = Walk::new(&version.model, &version.index, &self.bounds, asker).explaining();
        let holds = decided(walk.ask(node))?;
        let reasons = walk.into_explained();
        Ok(holds.then(|| Explanation::of(&version.model, &version.index, node, &reasons)))
    }

    /// What takes away a relation that does not hold, or those that it would hold by: each begins with what is taken. Empty where no
    /// tuples give it.
    ///
    /// # Errors
    /// [`Undecided`].
    pub fn taken_away(
        &self,
        object: Object<&str>,
        relation: &str,
        subject: Object<&str>,
    ) -> Result<Vec<Explanation>, Undecided> {
        let version = self.current.load();
        let (node, asker) = version.question(object, relation, subject)?;
        let Some(node) = node else { return Ok(Vec::new()) };
        let mut walk = Walk::new(&version.model, &version.index, &self.bounds, asker).explaining();
        if decided(walk.ask(node))? {
            return Ok(Vec::new());
        }
        let (taken, reasons) = walk.into_taken();
        let told = |(node, by)| Explanation::of_taken(&version.model, &version.index, node, by, &reasons);
        Ok(taken.into_iter().map(told).collect())
    }

    /// The objects of a type to which a subject stands in a relation: what may Jean read.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn list_objects(
        &self,
        kind: &str,
        relation: &str,
        subject: Object<&str>,
        page: &Page<'_>,
    ) -> Result<Listed, Unfit> {
        let version = self.current.load();
        let relation = version.model.relation_id(version.model.type_id(kind)?, relation)?;
        let asker = version.asker(subject)?;
        Ok(version.source(&self.bounds).objects(relation, asker, page))
    }

    /// The subjects of a type that stand in a relation to an object: who may read this.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn list_subjects(
        &self,
        object: Object<&str>,
        relation: &str,
        kind: &str,
        page: &Page<'_>,
    ) -> Result<ListedSubjects, Unfit> {
        let version = self.current.load();
        let kind = version.model.type_id(kind)?;
        let node = version.node(object, relation)?;
        let listed = node.map(|node| version.source(&self.bounds).subjects(node, kind, page));
        Ok(listed.unwrap_or_else(|| ListedSubjects::Only(Listed::default())))
    }
}

impl Version {
    /// What is asked in numbers; `None` where no tuple has the object, so that nothing can hold of it.
    fn question(
        &self,
        object: Object<&str>,
        relation: &str,
        subject: Object<&str>,
    ) -> Result<(Option<Node>, Asker), Unfit> {
        Ok((self.node(object, relation)?, self.asker(subject)?))
    }

    fn node(&self, object: Object<&str>, relation: &str) -> Result<Option<Node>, Unfit> {
        let kind = self.model.type_id(object.kind())?;
        let relation = self.model.relation_id(kind, relation)?;
        let object = self.index.entity(kind, object.id());
        Ok(object.map(|object| Node { object, relation }))
    }

    fn asker(&self, subject: Object<&str>) -> Result<Asker, Unfit> {
        let kind = self.model.type_id(subject.kind())?;
        Ok(Asker {
            kind,
            one: self.index.entity(kind, subject.id()),
            everyone: self.index.everyone(kind),
        })
    }

    fn source<'a>(&'a self, bounds: &'a Bounds) -> Source<'a> {
        Source {
            model: &self.model,
            index: &self.index,
            bounds,
        }
    }
}

fn decided(verdict: Verdict) -> Result<bool, Undecided> {
    match verdict {
        Verdict::Yes => Ok(true),
        Verdict::No => Ok(false),
        Verdict::Unknown(bound) => Err(Undecided::Exceeded(bound)),
    }
}
