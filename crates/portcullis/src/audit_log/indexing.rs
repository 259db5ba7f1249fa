//! The index of the log, made on a thread of its own while the log is written: a segment takes longer than a request may wait.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;
use std::{io, thread};

use portcullis_audit_log::checkpoint::KnownLog;
use portcullis_audit_log::index::SEGMENT_ENTRIES;
use portcullis_store::audit_log::index_missing;

use crate::outage::Outage;

/// Where nobody says that there is something to do, it is looked anyway: after an erasure, and where something failed.
const LOOKED_EVERY: Duration = Duration::from_secs(60);

/// Makes what is missing of the index, until it is dropped.
pub(super) struct Indexing {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
    /// How many full segments there were.
    segments: AtomicU64,
}

#[derive(Default)]
struct State {
    ends: AtomicBool,
    outage: Outage,
}

impl Indexing {
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(folder: PathBuf, known: KnownLog) -> io::Result<Self> {
        let state = Arc::new(State::default());
        let own = Arc::clone(&state);
        let thread = thread::Builder::new()
            .name("audit-index".to_owned())
            .spawn(move || own.run(&folder, &known))?;
        Ok(Self {
            state,
            thread: Some(thread),
            segments: AtomicU64::new(0),
        })
    }

    /// So many entries are published.
    pub(super) fn published(&self, size: u64) {
        let segments = size / SEGMENT_ENTRIES;
        if self.segments.swap(segments, Ordering::Relaxed) != segments {
            self.look();
        }
    }

    /// Something of the index may be missing.
    pub(super) fn look(&self) {
        self.thread.iter().map(JoinHandle::thread).for_each(Thread::unpark);
    }
}

impl State {
    fn run(&self, folder: &std::path::Path, known: &KnownLog) {
        while !self.ends.load(Ordering::Acquire) {
            // One at a time, so that the end is not waited for.
            match index_missing(folder, known, 1) {
                Ok(done) if done.built > 0 && done.missing > 0 => continue,
                Ok(_) => {
                    self.outage.ends();
                }
                Err(error) if self.outage.begins() => {
                    tracing::error!(%error, "the index of the audit log cannot be made: queries read the log itself");
                }
                Err(_) => {}
            }
            thread::park_timeout(LOOKED_EVERY);
        }
    }
}

impl Drop for Indexing {
    fn drop(&mut self) {
        self.state.ends.store(true, Ordering::Release);
        self.look();
        if let Some(thread) = self.thread.take() {
            // It has nothing to say that matters at the end.
            drop(thread.join());
        }
    }
}
