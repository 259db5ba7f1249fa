//! Keeps relations in memory as they are in their store, or says that they are not.
//!
//! What was read counts for [`FRESH_TIME_MAX`]. So a relation that was revoked, by whomever, permits nothing that much later, or nothing is
//! permitted at all: also where the thread that follows hangs in a disk that does not answer.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use portcullis_decision::engines::relations::Outdated;
use portcullis_decision::relations::{Object, Operation, Relations};
use portcullis_gateway::learning::{Learning, Missed, Unlearnt};
use portcullis_gateway::metrics::{Lessons, RelationsMeter};
use portcullis_store::StoreError;
use portcullis_store::relations::{Followed, Follower};
use portcullis_store::sqlite::SqliteTuples;

use super::owed::Owed;
use super::writing::{Unbegun, Writer, deleted, tell};
use crate::outage::Outage;

/// How long what was read of relations counts.
const FRESH_TIME_MAX: Duration = Duration::from_secs(1);
/// How often the store is asked what has changed.
const FOLLOWED_EVERY: Duration = Duration::from_millis(100);
/// How often everything is read again while some of it is not allowed by the model.
const READ_ANEW_EVERY: Duration = Duration::from_secs(10);

/// Relations, and whether they are as in their store.
pub(super) struct Following {
    relations: Relations,
    meter: Arc<RelationsMeter>,
    /// None where they were read once, for as long as that counts for whoever asked.
    store: Option<Mutex<Store>>,
    writer: Option<Writer>,
    /// Whose relations count for nothing, though the store has them.
    owed: Arc<Owed>,
    /// What the time below counts from.
    begun: Instant,
    /// When the store was last read, in milliseconds.
    read: AtomicU64,
    /// Whether the model does not allow some tuples, and takes away by tuples.
    is_unfit: AtomicBool,
    /// Whether they could not be asked when that was last tried, and how often that changed.
    has_lapsed: AtomicBool,
    lapses: AtomicU64,
    unreadable: Outage,
    unfit: Outage,
}

/// Where the store is read.
struct Store {
    tuples: SqliteTuples,
    follower: Follower,
}

impl Following {
    /// What was read and is not followed.
    pub(super) fn once(relations: Relations) -> Self {
        Self::new(relations, None, None, Arc::default(), Arc::default())
    }

    /// Follows a store that was read up to where the follower is, and writes what is learnt, and before that what is owed.
    ///
    /// # Errors
    /// There are no threads.
    pub(super) fn start(
        relations: Relations,
        (tuples, follower): (SqliteTuples, Follower),
        writer: SqliteTuples,
        owed: Arc<Owed>,
        meter: Arc<RelationsMeter>,
    ) -> std::io::Result<Arc<Self>> {
        let (writer, writing) = Writer::new(writer, relations.model(), Arc::clone(&owed));
        let store = Store { tuples, follower };
        let following = Arc::new(Self::new(relations, Some(store), Some(writer), owed, meter));
        // Reading everything may have taken longer than what was read counts.
        following.follow();
        let of = Arc::downgrade(&following);
        spawn("relations", move || keep(&of))?;
        let of = Arc::downgrade(&following);
        spawn("learning", move || writing.keep(&of))?;
        Ok(following)
    }

    fn new(
        relations: Relations,
        store: Option<Store>,
        writer: Option<Writer>,
        owed: Arc<Owed>,
        meter: Arc<RelationsMeter>,
    ) -> Self {
        Self {
            relations,
            meter,
            owed,
            store: store.map(Mutex::new),
            writer,
            begun: Instant::now(),
            read: AtomicU64::new(0),
            is_unfit: AtomicBool::new(false),
            has_lapsed: AtomicBool::new(false),
            lapses: AtomicU64::new(0),
            unreadable: Outage::default(),
            unfit: Outage::default(),
        }
    }

    /// The relations, if they are as in their store.
    pub(super) fn relations(&self) -> Result<&Relations, Outdated> {
        self.look().map_or(Ok(&self.relations), Err)
    }

    /// How often what comes of a question has changed.
    pub(super) fn changes(&self) -> u64 {
        self.look();
        let lapses = self.lapses.load(Ordering::Acquire);
        self.relations.changes().wrapping_add(lapses)
    }

    /// What is owed to the store.
    pub(super) fn owed(&self) -> &Arc<Owed> {
        &self.owed
    }

    pub(super) fn meter(&self) -> &Arc<RelationsMeter> {
        &self.meter
    }

    /// Whether something that is learnt could be written now.
    pub(super) fn is_writable(&self) -> bool {
        self.look().is_none() && self.writer.as_ref().is_some_and(Writer::is_ready)
    }

    pub(super) fn learn(&self, operations: Vec<Operation>) -> Learning {
        let unlearnt = || -> Learning { Box::pin(std::future::ready(Err(Unlearnt))) };
        let Some(writer) = &self.writer else { return unlearnt() };
        writer.learn(operations).unwrap_or_else(|Unbegun { operations, why }| {
            self.forget(deleted(&operations));
            tell(&operations, &why, &self.meter);
            unlearnt()
        })
    }

    /// An object is deleted, and nobody knows whether that is written down.
    pub(super) fn owe(&self, object: Object) {
        self.owed.add([object.clone()]);
        self.forget([object]);
    }

    /// What is owed counts for nothing at once: whoever is told of it does not read the store, which may hang. The thread that follows leaves
    /// it out from then on.
    fn forget(&self, owed: impl IntoIterator<Item = Object>) {
        for object in owed {
            self.relations.forget(object.view());
        }
    }

    pub(super) fn missed(&self, missed: Missed, what: &dyn fmt::Display) {
        let (outcome, why) = match missed {
            Missed::NoId => (Lessons::Failed, "the answer does not say of which object"),
            Missed::Late => (Lessons::Unknown, "it took too long, and may still be written"),
            Missed::Unseen => (Lessons::Unknown, "there was no answer that could be relied upon"),
        };
        tracing::error!(relation = %what, why, "what an operation says of relations is not learnt: look, and write it with `portcullis relation`");
        self.meter.learnt(outcome, 1);
    }

    /// Brings relations to where the store is now, without what is owed to it. When it has returned, and the store could be read, nothing that
    /// was removed before permits anything, and everything that was added counts.
    pub(super) fn follow(&self) {
        self.read_with(|store, relations| store.follower.follow(&mut store.tuples, relations));
    }

    /// Reads everything again.
    fn read_anew(&self) {
        self.read_with(|store, relations| {
            let model = relations.model();
            store.follower.change_model(model, &mut store.tuples, relations)
        });
    }

    fn read_with(&self, read: impl FnOnce(&mut Store, &Relations) -> Result<Followed, StoreError>) {
        let Some(store) = &self.store else { return };
        let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
        // Also where nothing can be read.
        self.owed.note_late(Instant::now());
        let owed = self.owed.objects();
        self.meter.owes(owed.len());
        store.follower.leave_out(owed, &self.relations);
        // Before: what is written while it is read counts from here.
        let begun = Instant::now();
        match read(&mut store, &self.relations) {
            Ok(followed) => {
                self.note(followed);
                self.read.store(self.milliseconds(begun), Ordering::Release);
                self.meter.read(begun, self.relations.tuples());
                if self.unreadable.ends() {
                    tracing::info!("the store of relations can be read again");
                }
            }
            Err(error) => {
                if self.unreadable.begins() {
                    tracing::error!(
                        %error,
                        "the store of relations cannot be read: a second from now on nothing is permitted by relations until it can"
                    );
                }
            }
        }
    }

    /// What the model does not allow is left out. That matters where others are permitted something by its absence.
    fn note(&self, followed: Followed) {
        let Followed { whole, unfit } = followed;
        if unfit > 0 && self.relations.model().takes_away() {
            self.is_unfit.store(true, Ordering::Release);
            if self.unfit.begins() {
                tracing::error!(
                    tuples = unfit,
                    "the model does not allow some tuples of the store of relations, which may take away what others give: nothing is \
                     permitted by relations until they are deleted (`portcullis relation list --unfit`), or the model allows them"
                );
            }
        } else if unfit > 0 {
            tracing::warn!(
                tuples = unfit,
                "the model does not allow some tuples of the store of relations: they count for nothing"
            );
        } else if whole && self.unfit.ends() {
            self.is_unfit.store(false, Ordering::Release);
            tracing::info!("the model allows every tuple of the store of relations again");
        }
    }

    /// Why relations cannot be asked now; none: they can. That it changes is a change of every answer.
    fn look(&self) -> Option<Outdated> {
        let why = self.outdated();
        let lapses = why.is_some();
        // Mostly nothing has changed, and what is only read is shared by all workers.
        if self.has_lapsed.load(Ordering::Acquire) != lapses && self.has_lapsed.swap(lapses, Ordering::AcqRel) != lapses
        {
            self.lapses.fetch_add(1, Ordering::AcqRel);
            match why {
                Some(why) => tracing::error!(%why, "nothing is permitted by relations from now on"),
                None => tracing::info!("relations are up to date again"),
            }
        }
        why
    }

    fn outdated(&self) -> Option<Outdated> {
        self.store.as_ref()?;
        if self.owed.is_overrun() {
            return Some(Outdated::Overrun);
        }
        let age = self
            .milliseconds(Instant::now())
            .saturating_sub(self.read.load(Ordering::Acquire));
        if u128::from(age) > FRESH_TIME_MAX.as_millis() {
            return Some(Outdated::Old);
        }
        self.is_unfit.load(Ordering::Acquire).then_some(Outdated::Unfit)
    }

    fn milliseconds(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.begun).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

/// Follows until nobody asks any more.
fn keep(of: &Weak<Following>) {
    let mut read_anew = Instant::now();
    loop {
        std::thread::sleep(FOLLOWED_EVERY);
        let Some(following) = of.upgrade() else { return };
        if following.unfit.lasts() && read_anew.elapsed() > READ_ANEW_EVERY {
            following.read_anew();
            read_anew = Instant::now();
        } else {
            following.follow();
        }
    }
}

fn spawn(name: &str, act: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(act).map(drop)
}

impl fmt::Debug for Following {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Following")
            .field("tuples", &self.relations.tuples())
            .finish_non_exhaustive()
    }
}
