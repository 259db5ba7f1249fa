//! Writes what is learnt of relations, on a thread of its own: a database may wait for a disk or for another process, which no worker
//! may. What several answers say is written together.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use portcullis_decision::relations::{Batch, Model, Operation};
use portcullis_gateway::learning::{Learning, Unlearnt};
use portcullis_gateway::metrics::{Lessons, RelationsMeter};
use portcullis_store::relations::{Tuples as _, WriteError};
use portcullis_store::sqlite::SqliteTuples;
use tokio::sync::oneshot;

use super::following::Following;

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
    fails: Arc<AtomicBool>,
}

impl Writer {
    pub(super) fn new(store: SqliteTuples, model: Arc<Model>) -> (Self, Writing) {
        let (jobs, waiting) = sync_channel(WAITING_MAX);
        let fails = Arc::new(AtomicBool::new(false));
        let writer = Self {
            jobs,
            model: Arc::clone(&model),
            fails: Arc::clone(&fails),
        };
        let writing = Writing {
            store,
            model,
            jobs: waiting,
            fails,
        };
        (writer, writing)
    }

    pub(super) fn is_ready(&self) -> bool {
        !self.fails.load(Ordering::Acquire)
    }

    pub(super) fn learn(&self, operations: Vec<Operation>, meter: &RelationsMeter) -> Learning {
        let failed = |operations: &[Operation], why: &str| -> Learning {
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
                Err(RecvTimeoutError::Timeout) => self.try_again(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn write(&mut self, jobs: Vec<Job>, of: &Weak<Following>) {
        let operations = jobs.iter().flat_map(|job| job.operations.clone()).collect();
        let written = match Batch::new(&self.model, operations) {
            Ok(batch) => self.store.write(&batch).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        self.fails.store(written.is_err(), Ordering::Release);
        let following = of.upgrade();
        if let Some(following) = &following {
            let count = |outcome| {
                following
                    .meter()
                    .learnt(outcome, u64::try_from(jobs.len()).unwrap_or(u64::MAX))
            };
            match &written {
                // Whoever is told that it is written asks at once.
                Ok(_) => {
                    following.follow();
                    count(Lessons::Done);
                }
                Err(error) => jobs
                    .iter()
                    .for_each(|job| tell(&job.operations, error, following.meter())),
            }
        }
        for job in jobs {
            // Whoever does not wait any more has told why.
            let _gone = job.done.send(written.as_ref().map(|_| ()).map_err(|_| Unlearnt));
        }
    }

    /// Tries whether a store can be written again, with nothing.
    fn try_again(&mut self) {
        if !self.fails.load(Ordering::Acquire) {
            return;
        }
        let nothing = Batch::new(&self.model, Vec::new()).map_err(|error| error.to_string());
        let tried = nothing.and_then(|batch| self.store.write(&batch).map_err(|error: WriteError| error.to_string()));
        if tried.is_ok() {
            self.fails.store(false, Ordering::Release);
            tracing::info!("the store of relations can be written again");
        }
    }
}

/// Tells operators what is not written, so that they can.
fn tell(operations: &[Operation], error: &str, meter: &RelationsMeter) {
    for operation in operations {
        let relation = match operation {
            Operation::Add(tuple, _) | Operation::Remove(tuple) => tuple.to_string(),
            Operation::RemoveObject(object) => format!("everything that is related to {object}"),
        };
        tracing::error!(
            relation,
            error,
            "what an operation says of relations is not written down: write it with `portcullis relation`"
        );
    }
    meter.learnt(Lessons::Failed, 1);
}
