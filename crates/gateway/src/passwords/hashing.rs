//! A few threads that hash passwords, and a queue in front of them that is never longer than its bound: what finds it full is told so
//! at once. The memory is that of the threads, whatever waits.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use portcullis_identity::authorization::Password;
use portcullis_identity::password::{Memory, PasswordHash};
use tokio::sync::oneshot;

/// How long a request waits for its answer.
const WAIT_TIME_MAX: Duration = Duration::from_secs(10);

/// As many passwords as may wait are waiting, or there is no memory: nothing was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// Threads that hash passwords. They end with it.
pub struct Hashing(Arc<Queue>);

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    waiting_max: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    ended: bool,
}

struct Job {
    hash: PasswordHash,
    password: Password,
    answer: oneshot::Sender<Result<bool, Busy>>,
}

impl Hashing {
    /// So many threads, in front of which so many may wait. Without threads, or with no place to wait, everything is refused.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn start(threads: usize, waiting_max: usize) -> io::Result<Self> {
        let queue = Arc::new(Queue {
            state: Mutex::default(),
            changed: Condvar::new(),
            waiting_max: if threads == 0 { 0 } else { waiting_max },
        });
        // Made first: should a thread be missing, those that run end with it.
        let hashing = Self(Arc::clone(&queue));
        for _ in 0..threads {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new()
                .name("passwords".to_owned())
                .spawn(move || queue.work())?;
        }
        Ok(hashing)
    }

    /// Whether this is the hash of the password.
    ///
    /// # Errors
    /// [`Busy`].
    pub(crate) async fn verify(&self, hash: PasswordHash, password: Password) -> Result<bool, Busy> {
        let (answer, answered) = oneshot::channel();
        self.0.push(Job { hash, password, answer })?;
        match tokio::time::timeout(WAIT_TIME_MAX, answered).await {
            Ok(Ok(verified)) => verified,
            Ok(Err(_)) | Err(_) => Err(Busy),
        }
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.0.state.lock().ended = true;
        self.0.changed.notify_all();
    }
}

impl Queue {
    fn push(&self, job: Job) -> Result<(), Busy> {
        let mut state = self.state.lock();
        if state.waiting.len() >= self.waiting_max {
            return Err(Busy);
        }
        state.waiting.push_back(job);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Hashes until the end. What nobody waits for any more is not hashed.
    fn work(&self) {
        let mut memory = Memory::default();
        while let Some(Job { hash, password, answer }) = self.next() {
            if !answer.is_closed() {
                let verified = hash.verify(&password, &mut memory).map_err(|_| Busy);
                let _ = answer.send(verified);
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        while !state.ended {
            if let Some(job) = state.waiting.pop_front() {
                return Some(job);
            }
            self.changed.wait(&mut state);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use portcullis_identity::password::{Costs, SALT_BYTES};

    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.as_bytes().to_vec())
    }

    fn hash() -> PasswordHash {
        PasswordHash::make(
            &password("secret"),
            [1; SALT_BYTES],
            Costs::LEAST,
            &mut Memory::default(),
        )
        .unwrap()
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
    }

    #[test]
    fn passwords_are_verified_on_threads_of_their_own() {
        let hashing = Hashing::start(2, 4).unwrap();
        runtime().block_on(async {
            let hash = hash();
            assert_eq!(hashing.verify(hash.clone(), password("secret")).await, Ok(true));
            assert_eq!(hashing.verify(hash, password("Secret")).await, Ok(false));
        });
    }

    #[test]
    fn what_finds_the_queue_full_is_refused_at_once() {
        let (hashing, hash) = (Hashing::start(1, 2).unwrap(), hash());
        runtime().block_on(async {
            let all = (0..20).map(|_| hashing.verify(hash.clone(), password("secret")));
            let all: Vec<_> = all.map(Box::pin).collect();
            let mut refused = 0;
            let mut waiting = Vec::new();
            for mut one in all {
                match std::future::poll_fn(|cx| std::task::Poll::Ready(one.as_mut().poll(cx))).await {
                    std::task::Poll::Ready(answer) => {
                        assert_eq!(answer, Err(Busy));
                        refused += 1;
                    }
                    std::task::Poll::Pending => waiting.push(one),
                }
            }
            // Two wait, and a third may have been taken up meanwhile.
            assert!((17..=18).contains(&refused), "{refused}");
            for one in waiting {
                assert_eq!(one.await, Ok(true));
            }
            assert_eq!(hashing.verify(hash, password("secret")).await, Ok(true));
        });
    }

    #[test]
    fn what_nobody_waits_for_takes_no_time() {
        let (hashing, hash) = (Hashing::start(1, 1000).unwrap(), hash());
        runtime().block_on(async {
            let start = std::time::Instant::now();
            assert_eq!(hashing.verify(hash.clone(), password("secret")).await, Ok(true));
            let one = start.elapsed();
            for _ in 0..500 {
                let mut given_up = Box::pin(hashing.verify(hash.clone(), password("secret")));
                let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(given_up.as_mut().poll(cx))).await;
                assert!(polled.is_pending());
            }
            let start = std::time::Instant::now();
            assert_eq!(hashing.verify(hash, password("secret")).await, Ok(true));
            assert!(
                start.elapsed() < one * 50 + Duration::from_secs(1),
                "{:?}",
                start.elapsed()
            );
        });
    }

    #[test]
    fn without_threads_everything_is_refused() {
        let hashing = Hashing::start(0, 10).unwrap();
        runtime().block_on(async { assert_eq!(hashing.verify(hash(), password("secret")).await, Err(Busy)) });
    }
}
