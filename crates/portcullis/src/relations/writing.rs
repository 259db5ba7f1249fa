//! Writes what is learnt of relations, on a thread of its own: a database may wait for a disk or for another process, which no worker
//! may. What several answers say is written together.
//!
//! What cannot be written is told, so that somebody else can. That something was deleted is tried again until it is written: whoever was related
//! to it must not be, and least of all when something else is called so later.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use portcullis_decision::relations::{Batch, Model, Object, Operation};
use portcullis_gateway::learning::{Learning, Unlearnt};
use portcullis_gateway::metrics::{Lessons, RelationsMeter};
use portcullis_store::relations::Tuples as _;
use portcullis_store::sqlite::SqliteTuples;
use tokio::sync::oneshot;

use super::following::Following;
use super::owed::{Owed, Waiting};

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
    waiting: Waiting,
}

/// What is not even begun to be written, and why. What it deletes is owed.
pub(super) struct Unbegun {
    pub(super) operations: Vec<Operation>,
    pub(super) why: String,
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
        !self.fails.load(Ordering::Acquire) && self.owed.is_in_time(Instant::now())
    }

    pub(super) fn learn(&self, operations: Vec<Operation>) -> Result<Learning, Unbegun> {
        let waiting = self.owed.wait(Instant::now(), deleted(&operations).collect());
        // Each for itself, so that none is in the way of the others.
        if let Err(unfit) = Batch::new(&self.model, operations.clone()) {
            let why = unfit.to_string();
            return Err(Unbegun { operations, why });
        }
        let (done, outcome) = oneshot::channel();
        let job = Job {
            operations,
            done,
            waiting,
        };
        match self.jobs.try_send(job) {
            Ok(()) => Ok(Box::pin(async { outcome.await.unwrap_or(Err(Unlearnt)) })),
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => Err(Unbegun {
                operations: job.operations,
                why: "too much waits to be written already".to_owned(),
            }),
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
        // What is owed goes before what is said of the same objects later.
        let settled = self.settle();
        let gone = settled.as_ref().ok().cloned().unwrap_or_default();
        let (late, jobs): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.adds_to(&gone));
        let operations = jobs.iter().flat_map(|job| job.operations.clone()).collect();
        let written = settled.and_then(|_| self.write_down(operations));
        self.fails.store(written.is_err(), Ordering::Release);
        for job in &jobs {
            match written {
                Ok(()) => job.waiting.written(),
                Err(_) => job.waiting.failed(),
            }
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
            let error = "it names what was deleted, perhaps later";
            late.iter().for_each(|job| tell(&job.operations, error, meter));
        }
        for job in jobs {
            // Whoever does not wait any more has told why.
            let _gone = job.done.send(written.as_ref().copied().map_err(|_| Unlearnt));
        }
        for job in late {
            let _gone = job.done.send(Err(Unlearnt));
        }
    }

    /// Tries whether a store can be written again that could not: with what is owed to it, or with nothing.
    fn try_again(&mut self, of: &Weak<Following>) {
        if !self.fails.load(Ordering::Acquire) && self.owed.is_empty() {
            return;
        }
        let tried = match self.owed.is_empty() {
            true => self.write_down(Vec::new()),
            false => self.settle().map(drop),
        };
        if tried.is_ok() {
            if let Some(following) = of.upgrade() {
                following.follow();
            }
            self.fails.store(false, Ordering::Release);
            if self.owed.is_empty() {
                tracing::info!("the store of relations can be written again");
            }
        }
    }

    /// Writes what is owed, and says what that was.
    fn settle(&mut self) -> Result<HashSet<Object>, String> {
        let owed = Arc::clone(&self.owed);
        let settled =
            owed.settle(|objects| self.write_down(objects.iter().cloned().map(Operation::RemoveObject).collect()))?;
        if !settled.is_empty() && owed.is_empty() {
            tracing::info!(objects = settled.len(), "what was deleted is written down now");
        }
        Ok(settled)
    }

    fn write_down(&mut self, operations: Vec<Operation>) -> Result<(), String> {
        let batch = Batch::new(&self.model, operations).map_err(|error| error.to_string())?;
        let written = self.store.write(&batch);
        written.map(drop).map_err(|error| error.to_string())
    }
}

impl Job {
    /// Whether it says that somebody is related to one of these. Who was, before it was deleted, and who is to another one that is called so,
    /// cannot be told apart.
    fn adds_to(&self, gone: &HashSet<Object>) -> bool {
        self.operations.iter().any(|operation| match operation {
            Operation::Add(tuple, _) => gone.iter().any(|object| tuple.names(object.view())),
            Operation::Remove(_) | Operation::RemoveObject(_) => false,
        })
    }
}

/// What is deleted.
pub(super) fn deleted(operations: &[Operation]) -> impl Iterator<Item = Object> {
    operations.iter().filter_map(|operation| match operation {
        Operation::RemoveObject(object) => Some(object.clone()),
        Operation::Add(..) | Operation::Remove(_) => None,
    })
}

/// Tells operators what is not written, so that they can.
pub(super) fn tell(operations: &[Operation], error: &str, meter: &RelationsMeter) {
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use portcullis_decision::relations::{Origin, Tuple, WrittenModel};
    use portcullis_store::relations::Page;

    use super::*;

    /// A store that is removed when it is dropped.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("portcullis-writing-{name}-{}", std::process::id()));
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
            Self(path)
        }

        fn store(&self) -> PathBuf {
            self.0.join("relations.db")
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _gone = fs::remove_dir_all(&self.0);
        }
    }

    fn add(tuple: &str) -> Operation {
        Operation::Add(Tuple::parse(tuple).unwrap().keep(), Origin::Learnt)
    }

    fn object(text: &str) -> Object {
        Object::parse(text).unwrap().keep()
    }

    const MODEL: &[u8] = b"types: {user: , account: {relations: {owner: [user]}}}";

    fn model() -> Arc<Model> {
        let (written, _) = crate::config::read_placed::<WrittenModel>("model.yaml", MODEL).unwrap();
        Arc::new(Model::compile(&written).unwrap())
    }

    fn kept(store: &mut SqliteTuples, of: &str) -> usize {
        let page = Page {
            object: object(of),
            after: None,
            tuples_max: 10,
        };
        store.list(&page).unwrap().len()
    }

    #[test]
    fn what_waited_since_before_something_was_deleted_does_not_bring_it_back() {
        let place = Place::new("order");
        let store = SqliteTuples::create(&place.store()).unwrap();
        let owed = Arc::new(Owed::default());
        let (writer, writing) = Writer::new(store, model(), Arc::clone(&owed));
        // One that is written with the first, and one with those after them.
        let learn = |tuple: &str| writer.learn(vec![add(tuple)]).ok().unwrap();
        let mut learning = vec![learn("account:1#owner@user:jean"), learn("account:9#owner@user:jean")];
        let others: Vec<_> = (0..TOGETHER_MAX).map(|_| learn("account:9#owner@user:eve")).collect();
        learning.push(learn("account:2#owner@user:jean"));
        owed.add([object("account:1"), object("account:2")]);
        drop(writer);
        writing.keep(&Weak::new());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let learnt: Vec<_> = learning
            .into_iter()
            .map(|learning| runtime.block_on(learning))
            .collect();
        assert_eq!(learnt, [Err(Unlearnt), Ok(()), Err(Unlearnt)]);
        drop(others);
        let mut store = SqliteTuples::open(&place.store()).unwrap();
        let kept = ["account:1", "account:2", "account:9"].map(|of| kept(&mut store, of));
        assert_eq!(kept, [0, 0, 2]);
    }

    #[test]
    fn what_is_deleted_is_owed_where_it_is_never_begun_or_its_writer_is_gone() {
        let place = Place::new("gone");
        let store = SqliteTuples::create(&place.store()).unwrap();
        let owed = Arc::new(Owed::default());
        let (writer, writing) = Writer::new(store, model(), Arc::clone(&owed));
        let delete = |of: &str| writer.learn(vec![Operation::RemoveObject(object(of))]);
        let waits = delete("account:1").ok().unwrap();
        assert!(owed.is_empty() && writer.is_ready());
        drop(writing);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(waits), Err(Unlearnt));
        assert!(delete("account:2").is_err());
        assert_eq!(owed.objects(), ["account:1", "account:2"].map(object).into());
        assert!(!writer.is_ready());
    }
}
