//! Writes what is learnt of relations, on a thread of its own: a database may wait for a disk or for another process, which no worker
//! may. What several answers say is written together.
//!
//! What cannot be written is told, so that somebody else can. That something was deleted is tried again until it is written: whoever was related
//! to it must not be, and least of all when something else is called so later.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use portcullis_decision::relations::{Batch, Model, Object, Operation};
use portcullis_gateway::learning::{Learning, Unlearnt};
use portcullis_gateway::metrics::{Lessons, RelationsMeter};
use portcullis_store::relations::Tuples as _;
use portcullis_store::sqlite::SqliteTuples;
use tokio::sync::oneshot;

use super::following::Following;
use super::owed::Owed;

/// How many answers wait to be learnt from.
const WAITING_MAX: usize = 1024;
/// How many are written together.
const TOGETHER_MAX: usize = 256;
/// How often it is tried whether a store can be written again that could not.
const TRIED_EVERY: Duration = Duration::from_millis(500);

/// Where what is learnt is handed in.
pub(super) struct Writer {
    jobs: SyncSender<Job>,
    model: Arc<Model>,
    owed: Arc<Owed>,
    /// Whether nothing could be written when that was last tried.
    fails: Arc<AtomicBool>,
}

/// What one answer says, and whoever waits for it.
struct Job {
    operations: Vec<Operation>,
    done: oneshot::Sender<Result<(), Unlearnt>>,
}

/// The thread that writes.
pub(super) struct Writing {
    store: SqliteTuples,
    model: Arc<Model>,
    jobs: Receiver<Job>,
    owed: Arc<Owed>,
    fails: Arc<AtomicBool>,
}

impl Writer {
    pub(super) fn new(store: SqliteTuples, model: Arc<Model>, owed: Arc<Owed>) -> (Self, Writing) {
        let (jobs, waiting) = sync_channel(WAITING_MAX);
        let fails = Arc::new(AtomicBool::new(false));
        let writer = Self {
            jobs,
            model: Arc::clone(&model),
            owed: Arc::clone(&owed),
            fails: Arc::clone(&fails),
        };
        let writing = Writing {
            store,
            model,
            jobs: waiting,
            owed,
            fails,
        };
        (writer, writing)
    }

    pub(super) fn is_ready(&self) -> bool {
        !self.fails.load(Ordering::Acquire) && self.owed.is_empty()
    }

    pub(super) fn learn(&self, operations: Vec<Operation>, meter: &RelationsMeter) -> Learning {
        let failed = |operations: &[Operation], why: &str| -> Learning {
            self.owed.add(deleted(operations));
            tell(operations, why, meter);
            Box::pin(std::future::ready(Err(Unlearnt)))
        };
        // Each for itself, so that none is in the way of the others.
        if let Err(unfit) = Batch::new(&self.model, operations.clone()) {
            return failed(&operations, &unfit.to_string());
        }
        let (done, outcome) = oneshot::channel();
        match self.jobs.try_send(Job { operations, done }) {
            Ok(()) => Box::pin(async { outcome.await.unwrap_or(Err(Unlearnt)) }),
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => {
                failed(&job.operations, "too much waits to be written already")
            }
        }
    }
}

impl Writing {
    /// Writes until nobody asks any more.
    pub(super) fn keep(mut self, of: &Weak<Following>) {
        loop {
            match self.jobs.recv_timeout(TRIED_EVERY) {
                Ok(first) => {
                    let mut together = vec![first];
                    together.extend(self.jobs.try_iter().take(TOGETHER_MAX - 1));
                    self.write(together, of);
                }
                Err(RecvTimeoutError::Timeout) => self.try_again(of),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn write(&mut self, jobs: Vec<Job>, of: &Weak<Following>) {
        let operations = jobs.iter().flat_map(|job| job.operations.clone()).collect();
        // What is owed goes before what is said of the same objects later.
        let written = self.settle().and_then(|()| self.write_down(operations));
        self.fails.store(written.is_err(), Ordering::Release);
        if written.is_err() {
            self.owed.add(jobs.iter().flat_map(|job| deleted(&job.operations)));
        }
        if let Some(following) = of.upgrade() {
            // Whoever is told that it is written asks at once; what is owed counts for nothing before somebody is told of it.
            if written.is_ok() || !self.owed.is_empty() {
                following.follow();
            }
            let meter = following.meter();
            match &written {
                Ok(()) => meter.learnt(Lessons::Done, u64::try_from(jobs.len()).unwrap_or(u64::MAX)),
                Err(error) => jobs.iter().for_each(|job| tell(&job.operations, error, meter)),
            }
        }
        for job in jobs {
            // Whoever does not wait any more has told why.
            let _gone = job.done.send(written.as_ref().copied().map_err(|_| Unlearnt));
        }
    }

    /// Tries whether a store can be written again that could not: with what is owed to it, or with nothing.
    fn try_again(&mut self, of: &Weak<Following>) {
        if !self.fails.load(Ordering::Acquire) && self.owed.is_empty() {
            return;
        }
        let tried = match self.owed.is_empty() {
            true => self.write_down(Vec::new()),
            false => self.settle(),
        };
        if tried.is_ok() {
            if let Some(following) = of.upgrade() {
                following.follow();
            }
            self.fails.store(false, Ordering::Release);
            tracing::info!("the store of relations can be written again");
        }
    }

    /// Writes what is owed.
    fn settle(&mut self) -> Result<(), String> {
        let owed = self.owed.objects();
        if owed.is_empty() {
            return Ok(());
        }
        self.write_down(owed.iter().cloned().map(Operation::RemoveObject).collect())?;
        self.owed.settle(&owed);
        tracing::info!(objects = owed.len(), "what was deleted is written down now");
        Ok(())
    }

    fn write_down(&mut self, operations: Vec<Operation>) -> Result<(), String> {
        let batch = Batch::new(&self.model, operations).map_err(|error| error.to_string())?;
        let written = self.store.write(&batch);
        written.map(drop).map_err(|error| error.to_string())
    }
}

/// What is deleted.
fn deleted(operations: &[Operation]) -> impl Iterator<Item = Object> {
    operations.iter().filter_map(|operation| match operation {
        Operation::RemoveObject(object) => Some(object.clone()),
        Operation::Add(..) | Operation::Remove(_) => None,
    })
}

/// Tells operators what is not written, so that they can.
fn tell(operations: &[Operation], error: &str, meter: &RelationsMeter) {
    for operation in operations {
        match operation {
            Operation::Add(relation, _) | Operation::Remove(relation) => tracing::error!(
                %relation,
                error,
                "what an operation says of relations is not written down: write it with `portcullis relation`"
            ),
            Operation::RemoveObject(object) => tracing::error!(
                %object,
                error,
                "what an operation has deleted is not written down: nobody is related to it here, and it is tried again while this process \
                 lives"
            ),
        }
    }
    meter.learnt(Lessons::Failed, 1);
}
