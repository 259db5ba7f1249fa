//! Relations of a configuration: their model, the file that they are kept in, and what a gate that serves knows of them.
//!
//! One store, one follower and one writer serve all APIs, from one configuration to the next. Questions are answered from memory; a
//! thread of its own brings that up to date several times a second, another one writes what is learnt.

mod following;
mod model;
mod owed;
mod writing;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use portcullis_contract::document::Problem;
use portcullis_decision::engines::relations::{Outdated, Source};
use portcullis_decision::relations::{Model, Object, Operation, Relations, WrittenModel};
use portcullis_gateway::learning::{Learner, Learning, Missed, Unlearnt};
use portcullis_gateway::metrics::RelationsMeter;
use portcullis_store::StoreError;
use portcullis_store::relations::Follower;
use portcullis_store::sqlite::{self, SqliteTuples};

use crate::config::relations::Relations as Configured;
use crate::credentials;
use crate::lifecycle::sandbox::Places;
use following::Following;
pub(crate) use model::{at, at_text};
use owed::Owed;

/// The relations of a configuration. Until somebody has read their store, nothing can be asked.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) configured: Configured,
    written: WrittenModel,
    model: Arc<Model>,
    read: OnceLock<Arc<Following>>,
}

impl Kept {
    /// Reads the model. `location` is the configuration's.
    ///
    /// # Errors
    /// Everything that is wrong with it, at its places.
    pub(crate) fn read(configured: &Configured, location: &str) -> Result<Self, Vec<Problem>> {
        let (written, model) = model::read(&configured.model, location)?;
        Ok(Self {
            configured: configured.clone(),
            written,
            model: Arc::new(model),
            read: OnceLock::new(),
        })
    }

    /// The model.
    pub(crate) fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Reads the store once, for whoever asks a few questions and ends.
    ///
    /// # Errors
    /// The store cannot be used, or the model does not allow what is in it.
    pub(crate) fn read_once(&self) -> Result<(), String> {
        let (relations, _) = load(self).map_err(|fault| fault.told(&self.configured))?;
        // Whoever was faster has read the same.
        let _first = self.read.set(Arc::new(Following::once(relations)));
        Ok(())
    }

    /// The relations that were read.
    pub(crate) fn relations(&self) -> Result<&Relations, Outdated> {
        self.read.get().ok_or(Outdated::Unread)?.relations()
    }
}

impl Source for Kept {
    fn relations(&self) -> Result<&Relations, Outdated> {
        Self::relations(self)
    }

    fn changes(&self) -> u64 {
        // Never read, and read without a change since, are two things.
        self.read.get().map_or(0, |read| read.changes().wrapping_add(1))
    }
}

impl Learner for Kept {
    fn is_ready(&self) -> bool {
        self.read.get().is_some_and(|read| read.is_writable())
    }

    fn learn(&self, operations: Vec<Operation>) -> Learning {
        match self.read.get() {
            Some(read) => read.learn(operations),
            None => Box::pin(std::future::ready(Err(Unlearnt))),
        }
    }

    fn owe(&self, deleted: &Object) {
        if let Some(read) = self.read.get() {
            read.owe(deleted.clone());
        }
    }

    fn missed(&self, missed: Missed, what: &dyn std::fmt::Display) {
        if let Some(read) = self.read.get() {
            read.missed(missed, what);
        }
    }
}

/// What a gate knows of relations, from one configuration to the next.
#[derive(Default)]
pub(crate) struct Keeper {
    in_force: Option<InForce>,
    /// What is owed to each store that was ever in force, by where it is: a store that is left and comes back has forgotten nothing.
    owed: HashMap<PathBuf, Arc<Owed>>,
}

struct InForce {
    configured: Configured,
    written: WrittenModel,
    following: Arc<Following>,
}

/// What a gate knows of relations when those of a configuration are put in force.
pub(crate) struct Pending(Option<InForce>);

impl Pending {
    /// What is told of them in metrics.
    pub(crate) fn meter(&self) -> Option<Arc<RelationsMeter>> {
        self.0.as_ref().map(|pending| Arc::clone(pending.following.meter()))
    }
}

impl Keeper {
    /// Reads the store of a configuration, and follows it from here on. What is as it was stays.
    ///
    /// # Errors
    /// The store cannot be used, or the model does not allow what is in it. `location` is the configuration's.
    pub(crate) fn settle(&self, kept: Option<&Arc<Kept>>, location: &str) -> Result<Pending, Box<Problem>> {
        let Some(kept) = kept else { return Ok(Pending(None)) };
        let is_same = |known: &&InForce| known.configured == kept.configured && known.written == kept.written;
        let following = match self.in_force.as_ref().filter(is_same) {
            Some(known) => Arc::clone(&known.following),
            None => begin(kept, self.owed(kept), self.meter())
                .map_err(|fault| Box::new(fault.problem(&kept.configured, location)))?,
        };
        // It is new: nobody has read it.
        let _first = kept.read.set(Arc::clone(&following));
        Ok(Pending(Some(InForce {
            configured: kept.configured.clone(),
            written: kept.written.clone(),
            following,
        })))
    }

    /// What is owed to the same store, under whatever model and by whatever name.
    fn owed(&self, kept: &Kept) -> Arc<Owed> {
        self.owed.get(&place(&kept.configured)).cloned().unwrap_or_default()
    }

    /// Counts go on from one configuration to the next.
    fn meter(&self) -> Arc<RelationsMeter> {
        let known = self.in_force.as_ref();
        known.map_or_else(Arc::default, |known| Arc::clone(known.following.meter()))
    }

    /// Puts what was settled in force. What was before goes on to be followed until nobody asks it any more.
    pub(crate) fn put_in_force(&mut self, pending: Pending) {
        if let Some(pending) = &pending.0 {
            let owed = Arc::clone(pending.following.owed());
            self.owed.entry(place(&pending.configured)).or_insert(owed);
        }
        self.in_force = pending.0;
    }
}

/// Where a store is, however it is called. One that is not there cannot be used, and nothing is owed to it.
fn place(configured: &Configured) -> PathBuf {
    let path: &Path = &configured.store.value;
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Why the relations of a configuration cannot be used.
pub(crate) enum Fault {
    /// The store.
    Store(StoreError),
    /// So many tuples are not allowed by the model, which takes away by tuples.
    Unfit(u64),
    /// There are no threads.
    Threads(std::io::Error),
}

impl Fault {
    /// In one line.
    pub(crate) fn told(&self, configured: &Configured) -> String {
        let store = configured.store.value.display();
        match self {
            Self::Store(error) => format!("cannot use the store `{store}`: {error}"),
            Self::Unfit(tuples) => format!(
                "the model does not allow {tuples} of the tuples in `{store}`, and takes relations away by tuples: without them, somebody \
                 might be permitted what they take away"
            ),
            Self::Threads(error) => format!("the store `{store}` cannot be followed: {error}"),
        }
    }

    /// What to do about it; empty where the message says it all.
    pub(crate) fn way_out(&self, configured: &Configured) -> String {
        match self {
            Self::Store(StoreError::Missing) => "make an empty one with `portcullis relation init`".to_owned(),
            Self::Store(StoreError::Exposed { .. }) => format!("run `chmod o= {}`", configured.store.value.display()),
            Self::Unfit(_) => {
                "delete them first (`portcullis relation list --unfit` tells them), or keep their types and relations in the model"
                    .to_owned()
            }
            Self::Store(_) | Self::Threads(_) => String::new(),
        }
    }

    fn problem(&self, configured: &Configured, location: &str) -> Problem {
        let span = match self {
            Self::Unfit(_) => configured.model.span,
            Self::Store(_) | Self::Threads(_) => configured.store.span,
        };
        Problem::error(location, span, self.told(configured)).help(self.way_out(configured))
    }
}

/// What is wrong with the store of a configuration that is looked at and not served, as far as its first bytes tell: whoever only looks
/// changes nothing, and opening may.
pub(crate) fn problem(configured: Option<&Configured>, location: &str) -> Option<Problem> {
    let configured = configured?;
    let looked = sqlite::look(&configured.store.value).err()?;
    Some(Fault::Store(looked).problem(configured, location))
}

/// Adds the files of a store that is there to the places of a gate.
pub(crate) fn allow(configured: &Configured, places: &mut Places) {
    let fault = "the log of the store of relations cannot be made";
    credentials::allow_store(&configured.store.value, fault, places);
}

/// Reads everything that is kept.
fn load(kept: &Kept) -> Result<(Relations, (SqliteTuples, Follower)), Fault> {
    let mut store = SqliteTuples::open(&kept.configured.store.value).map_err(Fault::Store)?;
    let relations = Relations::new(
        Arc::clone(&kept.model),
        portcullis_decision::relations::Bounds::default(),
    );
    let mut follower = Follower::default();
    let followed = follower.follow(&mut store, &relations).map_err(Fault::Store)?;
    if followed.unfit > 0 {
        if kept.model.takes_away() {
            return Err(Fault::Unfit(followed.unfit));
        }
        tracing::warn!(
            tuples = followed.unfit,
            "the model does not allow some tuples of the store of relations: they count for nothing"
        );
    }
    Ok((relations, (store, follower)))
}

fn begin(kept: &Kept, owed: Arc<Owed>, meter: Arc<RelationsMeter>) -> Result<Arc<Following>, Fault> {
    let (relations, read) = load(kept)?;
    let writer = SqliteTuples::open(&kept.configured.store.value).map_err(Fault::Store)?;
    Following::start(relations, read, writer, owed, meter).map_err(Fault::Threads)
}
