//! Questions of decisions that somebody elsewhere answers: one of a kind is open at a time, a bounded number of all, their answers are
//! kept for as long as what was taken back may still permit, and nobody who keeps failing is asked for a while.
//!
//! Nothing is sent from here: whoever asks gets a [`Reply`] to fill in. All workers share answers and questions. An answer that does
//! not come in time, or says nothing, is no answer, and whoever needs one cannot tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use portcullis_decision::strict::Unreadable;

use crate::flights::{Boarding, Flight, Flights, Told};
use crate::forward::balance::{Breaker, BreakerSettings, Circuit, Moment, Pass};
use crate::halves::Halves;

/// How many good answers are remembered at most is twice this; a question has 8 KiB at most, and so has an answer.
const GOOD_HALF_MAX: usize = 1024;
/// How many bad ones are: they must not push out the good ones.
const BAD_HALF_MAX: usize = 512;

/// What somebody elsewhere is asked about.
pub trait Matter: Send + Sync + 'static {
    /// What they may answer.
    type Answer: Clone + Send + Sync + 'static;

    /// What they answered.
    ///
    /// # Errors
    /// It says nothing.
    fn read(&self, answered: Answered<'_>) -> Result<Self::Answer, Unreadable>;

    /// Whether it is an answer that callers hope for: a permit, something that is there.
    fn is_good(answer: &Self::Answer) -> bool;

    /// What it says for operators.
    fn remark(answer: &Self::Answer) -> Option<&str>;
}

/// A whole answer.
#[derive(Clone, Copy, Debug)]
pub enum Answered<'o> {
    /// They answer, but not this question: there is no such thing, or they do not take it.
    Rejected,
    /// JSON.
    Json(&'o [u8]),
}

/// Sends questions, on whatever is not a worker. It must not block.
pub trait Ask<M: Matter>: Send + Sync {
    /// Sends one. Where `reply` is dropped, there was no answer.
    fn ask(&self, question: &Arc<str>, reply: Reply<M>);
}

/// How much is asked, how long answers count, and when nobody is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How long an answer counts from when the question was sent.
    pub answer_time_max: Duration,
    /// How long a request waits for an answer.
    pub wait_time_max: Duration,
    /// How many questions are open at once.
    pub questions_max: usize,
    /// When nobody is asked for a while.
    pub breaker: BreakerSettings,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// None came, or one that says nothing.
    Failed,
    /// None came in time.
    Late,
    /// Nobody was asked: too much is being asked.
    Full,
    /// Nobody was asked: too many questions failed just now.
    CircuitOpen,
}

impl Unanswered {
    /// In words, for the log.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::Failed => "no answer that says anything",
            Self::Late => "no answer in time",
            Self::Full => "too much is being asked",
            Self::CircuitOpen => "not asked, for it kept failing",
        }
    }
}

/// What came of the need for an answer, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A good answer.
    Good,
    /// A bad one.
    Bad,
    /// None, or one that says nothing.
    Failed,
    /// Nobody was asked: an answer is known.
    Known,
    /// Nobody was asked: somebody else's question is open.
    Joined,
    /// Nobody was asked: too much is being asked.
    Full,
    /// Nobody was asked: the circuit is open.
    CircuitOpen,
}

impl Outcome {
    pub(crate) const ALL: [Self; 7] = [
        Self::Good,
        Self::Bad,
        Self::Failed,
        Self::Known,
        Self::Joined,
        Self::Full,
        Self::CircuitOpen,
    ];
}

/// How urgently an answer is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// A request waits for it.
    Request,
    /// Something that is open might end by it, or another enforcement point waits for it. Half of all open questions at most are such, so that
    /// requests do not wait behind them.
    Background,
}

/// What is asked of one of them, and what was answered.
pub struct Questions<M: Matter>(Arc<Inner<M>>);

struct Inner<M: Matter> {
    matter: M,
    ask: Box<dyn Ask<M>>,
    bounds: Bounds,
    breaker: Breaker,
    /// What the breaker's moments count from.
    since: Instant,
    known: Mutex<Known<M::Answer>>,
    counts: [AtomicU64; Outcome::ALL.len()],
}

/// What was answered, and what is being asked.
struct Known<A> {
    good: Halves<Arc<str>, Kept<A>>,
    bad: Halves<Arc<str>, Kept<A>>,
    open: Flights<Arc<str>, Result<A, Unanswered>>,
}

#[derive(Clone)]
struct Kept<A> {
    answer: A,
    /// When it no longer counts.
    stale: Instant,
}

/// What is to be done for an answer.
enum Next<M: Matter> {
    Known(M::Answer),
    Unanswered(Unanswered),
    Join(Told<Result<M::Answer, Unanswered>>),
    Outwait(Told<Result<M::Answer, Unanswered>>),
    Ask(Told<Result<M::Answer, Unanswered>>, Reply<M>),
}

/// The answer to one question, to be filled in.
pub struct Reply<M: Matter> {
    inner: Arc<Inner<M>>,
    question: Arc<str>,
    flight: Flight<Result<M::Answer, Unanswered>>,
    pass: Pass,
    answered: bool,
}

impl<M: Matter> Questions<M> {
    /// Asks by `ask` about this.
    #[must_use]
    pub fn new(matter: M, ask: Box<dyn Ask<M>>, bounds: Bounds) -> Self {
        Self(Arc::new(Inner {
            matter,
            ask,
            breaker: Breaker::new(bounds.breaker.clone()),
            bounds,
            since: Instant::now(),
            known: Mutex::new(Known {
                good: Halves::new(GOOD_HALF_MAX),
                bad: Halves::new(BAD_HALF_MAX),
                open: Flights::new(),
            }),
            counts: Default::default(),
        }))
    }

    /// What is asked about.
    pub(crate) fn matter(&self) -> &M {
        &self.0.matter
    }

    /// The answer to a question, known or asked for; within [`Bounds::wait_time_max`], whatever has to be waited for.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub(crate) async fn answer(&self, question: &Arc<str>, urgency: Urgency) -> Result<M::Answer, Unanswered> {
        let answer = tokio::time::timeout(self.0.bounds.wait_time_max, self.settled(question, urgency));
        answer.await.unwrap_or(Err(Unanswered::Late))
    }

    async fn settled(&self, question: &Arc<str>, urgency: Urgency) -> Result<M::Answer, Unanswered> {
        let began = Instant::now();
        loop {
            match self.0.next(question, began, urgency) {
                Next::Known(answer) => return Ok(answer),
                Next::Unanswered(why) => return Err(why),
                Next::Join(told) => return answer_of(told).await,
                Next::Ask(told, reply) => {
                    self.0.ask.ask(question, reply);
                    return answer_of(told).await;
                }
                // Once at most: whatever is asked after that was asked after this began.
                Next::Outwait(told) => drop(answer_of(told).await?),
            }
        }
    }

    /// How often something came out so.
    pub(crate) fn count(&self, outcome: Outcome) -> u64 {
        let count = self.0.counts.get(outcome as usize);
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// How its circuit stands.
    pub(crate) fn circuit(&self) -> Circuit {
        self.0.breaker.circuit(self.0.moment())
    }
}

async fn answer_of<A: Clone>(mut told: Told<Result<A, Unanswered>>) -> Result<A, Unanswered> {
    match told.wait_for(Option::is_some).await {
        Ok(answer) => answer.clone().unwrap_or(Err(Unanswered::Failed)),
        Err(_) => Err(Unanswered::Failed),
    }
}

impl<M: Matter> Inner<M> {
    fn next(self: &Arc<Self>, question: &Arc<str>, began: Instant, urgency: Urgency) -> Next<M> {
        let questions_max = match urgency {
            Urgency::Request => self.bounds.questions_max,
            Urgency::Background => self.bounds.questions_max.div_ceil(2),
        };
        let mut known = self.known.lock();
        if let Some(answer) = known.get(question) {
            self.tell(Outcome::Known);
            return Next::Known(answer);
        }
        let age_max = self.bounds.answer_time_max;
        match known.open.board(question, began, age_max, questions_max) {
            Boarding::Join(told) => {
                self.tell(Outcome::Joined);
                Next::Join(told)
            }
            Boarding::Outwait(told) => Next::Outwait(told),
            Boarding::Full => {
                self.tell(Outcome::Full);
                Next::Unanswered(Unanswered::Full)
            }
            Boarding::Take(flight) => match self.breaker.admit(self.moment()) {
                Ok(pass) => {
                    let told = flight.told.clone();
                    let reply = Reply {
                        inner: Arc::clone(self),
                        question: Arc::clone(question),
                        flight,
                        pass,
                        answered: false,
                    };
                    Next::Ask(told, reply)
                }
                Err(_) => {
                    known.open.land(question);
                    self.tell(Outcome::CircuitOpen);
                    Next::Unanswered(Unanswered::CircuitOpen)
                }
            },
        }
    }

    fn moment(&self) -> Moment {
        Moment::between(self.since, Instant::now())
    }

    fn tell(&self, outcome: Outcome) {
        if let Some(count) = self.counts.get(outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<A: Clone> Known<A> {
    /// An answer that still counts.
    fn get(&mut self, question: &Arc<str>) -> Option<A> {
        let kept = self.good.get(question).or_else(|| self.bad.get(question))?;
        (Instant::now() < kept.stale).then_some(kept.answer)
    }
}

impl<M: Matter> Reply<M> {
    /// Fills in what was answered; what it says for operators.
    ///
    /// # Errors
    /// The answer says nothing, and why; for the log.
    pub fn answer(mut self, answered: Answered<'_>) -> Result<Option<Box<str>>, Unreadable> {
        let read = self.inner.matter.read(answered);
        // Whoever rejects a question works: callers, who say what is asked about, must not be able to open the circuit.
        let works = read.is_ok() || matches!(answered, Answered::Rejected);
        let (answer, remark) = match read {
            Ok(answer) => {
                let remark = M::remark(&answer).map(Into::into);
                (Ok(answer), Ok(remark))
            }
            Err(unreadable) => (Err(Unanswered::Failed), Err(unreadable)),
        };
        self.settle(answer, works);
        remark
    }

    fn settle(&mut self, answer: Result<M::Answer, Unanswered>, works: bool) {
        self.answered = true;
        let inner = &self.inner;
        inner.breaker.ended(self.pass, !works, inner.moment());
        let mut known = inner.known.lock();
        let Known { good, bad, open } = &mut *known;
        open.land(&self.question);
        let outcome = match &answer {
            Ok(answer) => {
                let is_good = M::is_good(answer);
                let (to, from) = if is_good { (good, bad) } else { (bad, good) };
                from.remove(&self.question);
                let kept = Kept {
                    answer: answer.clone(),
                    stale: self.flight.asked + inner.bounds.answer_time_max,
                };
                to.put(Arc::clone(&self.question), kept);
                if is_good { Outcome::Good } else { Outcome::Bad }
            }
            Err(_) => Outcome::Failed,
        };
        drop(known);
        inner.tell(outcome);
        self.flight.tell.send_replace(Some(answer));
    }
}

impl<M: Matter> Drop for Reply<M> {
    fn drop(&mut self) {
        if !self.answered {
            self.settle(Err(Unanswered::Failed), false);
        }
    }
}

#[cfg(test)]
mod tests;
