//! Tokens that only their issuer can read: it is asked what it says of them (RFC 7662), and its answers are kept for as long as a
//! revoked token may still pass.
//!
//! Nothing is sent from here: whoever asks gets a [`Reply`] to fill in. All workers share the answers and the questions: of one
//! token one question is open at most, of all tokens a bounded number. An answer that does not come is no answer: the request
//! is refused as one whose credential cannot be verified now.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use portcullis_identity::access_token::AccessTokens;
use portcullis_identity::introspection::{Introspected, Unreadable};
use portcullis_identity::jose::Refusal;
use portcullis_identity::principal::Identity;
use portcullis_identity::time::UnixTime;

use super::Unbelieved;
use super::digest::TokenDigest;
use crate::flights::{Boarding, Flight, Flights, Told};
use crate::halves::Halves;
use crate::lately;

/// How many good tokens are remembered at most is twice this.
const GOOD_HALF_MAX: usize = 4096;
/// How many bad tokens are remembered at most is twice this: they must not push out the good ones.
const BAD_HALF_MAX: usize = 1024;

/// Sends questions to an authority, on whatever is not a worker. It must not block.
pub trait Ask: Send + Sync {
    /// Sends one. Where `reply` is dropped, there was no answer.
    fn ask(&self, token: &str, reply: Reply);
}

/// How much is asked, and how long answers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskingBounds {
    /// How long an answer counts from when the question was sent, and never longer than the token is good. Of a bad token it counts
    /// half as long.
    pub answer_time_max: Duration,
    /// How long a request waits for an answer.
    pub wait_time_max: Duration,
    /// How many tokens are asked about at once.
    pub questions_max: usize,
}

/// An issuer that is asked.
pub struct Introspection(Arc<Inner>);

struct Inner {
    tokens: AccessTokens,
    ask: Box<dyn Ask>,
    bounds: AskingBounds,
    known: Mutex<Known>,
    counts: [AtomicU64; Outcome::ALL.len()],
}

/// What is known of tokens, and what is being asked.
struct Known {
    good: Halves<TokenDigest, Answer>,
    bad: Halves<TokenDigest, Answer>,
    open: Flights<TokenDigest, Verdict>,
}

/// Whom a token speaks of.
type Verdict = Result<Arc<Identity>, Unbelieved>;

#[derive(Clone)]
struct Answer {
    verdict: Verdict,
    /// When it no longer counts, whatever it says.
    stale: Instant,
    /// When the token ends.
    until: UnixTime,
}

/// What came of the need to know about a token, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The issuer says that it is good, and it is for here.
    Active,
    /// The issuer says that it is not, or it is not for here.
    Refused,
    /// No answer, or one that says nothing.
    Failed,
    /// Nobody was asked: an answer is known.
    Known,
    /// Nobody was asked: somebody else's question about the same token is open.
    Joined,
    /// Nobody was asked: too much is being asked.
    Full,
}

impl Outcome {
    pub(crate) const ALL: [Self; 6] = [
        Self::Active,
        Self::Refused,
        Self::Failed,
        Self::Known,
        Self::Joined,
        Self::Full,
    ];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Known => "known",
            Self::Joined => "joined",
            Self::Full => "full",
        }
    }
}

/// The question about a token that was asked last, of whatever it let go on.
#[derive(Default)]
pub(crate) struct Question(Option<Told<Verdict>>);

impl Question {
    /// Whether one was asked, whatever came of it.
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// Whether it was answered, and the token refused.
    pub(crate) fn is_refused(&self) -> bool {
        let verdict = self.0.as_ref().map(|verdicts| verdicts.borrow());
        verdict.is_some_and(|verdict| matches!(&*verdict, Some(Err(Unbelieved::Refused(_)))))
    }
}

/// What is to be done about a token.
enum Next {
    /// Nothing: it is judged.
    Judged(Verdict),
    /// Waiting for the answer to a question that is open.
    Join(Told<Verdict>),
    /// Waiting for that as well, but only to ask again: it was asked so long ago that its answer would not count any more.
    Outwait(Told<Verdict>),
    /// Asking.
    Ask(Told<Verdict>, Reply),
}

/// The answer to one question, to be filled in.
pub struct Reply {
    inner: Arc<Inner>,
    digest: TokenDigest,
    flight: Flight<Verdict>,
    /// When it was asked, by the other clock.
    asked_at: UnixTime,
    answered: bool,
}

impl Introspection {
    /// Asks by `ask` about tokens that have to be as `tokens` says.
    #[must_use]
    pub fn new(tokens: AccessTokens, ask: Box<dyn Ask>, bounds: AskingBounds) -> Self {
        Self(Arc::new(Inner {
            tokens,
            ask,
            bounds,
            known: Mutex::new(Known {
                good: Halves::new(GOOD_HALF_MAX),
                bad: Halves::new(BAD_HALF_MAX),
                open: Flights::new(),
            }),
            counts: Default::default(),
        }))
    }

    /// Whom a token speaks of.
    ///
    /// # Errors
    /// [`Unbelieved`].
    pub(crate) async fn identity(&self, token: &str, now: UnixTime) -> Verdict {
        // What is too long to be remembered is too long to be asked about.
        let digest = TokenDigest::of(token).ok_or(Unbelieved::Refused(Refusal::TooLong))?;
        let began = Instant::now();
        loop {
            match self.0.next(digest, began, now, self.0.bounds.questions_max) {
                Next::Judged(verdict) => return verdict,
                Next::Join(verdict) => return self.0.answer_to(verdict).await,
                Next::Ask(verdict, reply) => {
                    self.0.ask.ask(token, reply);
                    return self.0.answer_to(verdict).await;
                }
                // Once at most: whatever is asked after that was asked after this began.
                Next::Outwait(verdict) => {
                    if let Err(Unbelieved::Unavailable) = self.0.answer_to(verdict).await {
                        return Err(Unbelieved::Unavailable);
                    }
                }
            }
        }
    }

    /// Whether nothing is known against a token that was good and lets something go on. The answer to the question
    /// before is looked at and the next is asked, so that nobody waits; half of all questions at most are such.
    pub(crate) fn believes(&self, token: &str, question: &mut Question, now: UnixTime) -> bool {
        let Some(digest) = TokenDigest::of(token) else {
            return false;
        };
        if question.is_refused() {
            return false;
        }
        question.0 = None;
        let questions_max = self.0.bounds.questions_max.div_ceil(2);
        let (verdict, reply) = match self.0.next(digest, Instant::now(), now, questions_max) {
            Next::Judged(verdict) => return !matches!(verdict, Err(Unbelieved::Refused(_))),
            Next::Join(verdict) | Next::Outwait(verdict) => (verdict, None),
            Next::Ask(verdict, reply) => (verdict, Some(reply)),
        };
        question.0 = Some(verdict);
        if let Some(reply) = reply {
            self.0.ask.ask(token, reply);
        }
        true
    }

    /// Whether the issuer called a token good lately, though it has to be asked anew, or is being asked about it:
    /// neither is a guess.
    pub(crate) fn is_no_guess(&self, token: TokenDigest) -> bool {
        let mut known = self.0.known.lock();
        known.open.has(&token) || known.was_good(&token, Instant::now())
    }

    /// How often something came out so.
    pub(crate) fn count(&self, outcome: Outcome) -> u64 {
        let count = self.0.counts.get(outcome as usize);
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

impl Inner {
    fn next(self: &Arc<Self>, digest: TokenDigest, began: Instant, now: UnixTime, questions_max: usize) -> Next {
        let mut known = self.known.lock();
        if let Some(verdict) = known.get(&digest, now) {
            self.tell(Outcome::Known);
            return Next::Judged(verdict);
        }
        let age_max = self.bounds.answer_time_max;
        match known.open.board(&digest, began, age_max, questions_max) {
            Boarding::Outwait(verdict) => Next::Outwait(verdict),
            Boarding::Join(verdict) => {
                self.tell(Outcome::Joined);
                Next::Join(verdict)
            }
            Boarding::Full => {
                self.tell(Outcome::Full);
                Next::Judged(Err(Unbelieved::Unavailable))
            }
            Boarding::Take(flight) => {
                let reply = Reply {
                    inner: Arc::clone(self),
                    digest,
                    asked_at: now,
                    answered: false,
                    flight,
                };
                Next::Ask(reply.flight.told.clone(), reply)
            }
        }
    }

    async fn answer_to(&self, mut waiting: Told<Verdict>) -> Verdict {
        let answer = tokio::time::timeout(self.bounds.wait_time_max, waiting.wait_for(Option::is_some));
        match answer.await {
            Ok(Ok(verdict)) => verdict.clone().unwrap_or(Err(Unbelieved::Unavailable)),
            Ok(Err(_)) | Err(_) => Err(Unbelieved::Unavailable),
        }
    }

    fn tell(&self, outcome: Outcome) {
        if let Some(count) = self.counts.get(outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Known {
    fn get(&mut self, digest: &TokenDigest, now: UnixTime) -> Option<Verdict> {
        let answer = self.good.get(digest).or_else(|| self.bad.get(digest))?;
        // What no longer counts still tells that it was good lately.
        (Instant::now() < answer.stale && now < answer.until).then_some(answer.verdict)
    }

    fn was_good(&mut self, digest: &TokenDigest, now: Instant) -> bool {
        let answer = self.good.get(digest);
        answer.is_some_and(|answer| now < answer.stale + lately::LIFE)
    }
}

impl Reply {
    /// Fills in what the issuer answered.
    ///
    /// # Errors
    /// The answer says nothing, and why; for the log.
    pub fn answer(mut self, octets: &[u8]) -> Result<(), Unreadable> {
        let said = Introspected::read(octets)?;
        let tokens = &self.inner.tokens;
        let verdict = tokens.introspected(said, self.now()).map(Arc::new);
        self.settle(verdict.map_err(Unbelieved::Refused));
        Ok(())
    }

    /// The time now: it may have taken a while to be answered.
    fn now(&self) -> UnixTime {
        self.asked_at.plus(self.flight.asked.elapsed().as_secs())
    }

    fn settle(&mut self, verdict: Verdict) {
        self.answered = true;
        let bounds = &self.inner.bounds;
        let mut known = self.inner.known.lock();
        known.open.land(&self.digest);
        let outcome = match &verdict {
            Ok(identity) => {
                let end = self.inner.tokens.expected().good_until(identity.claims());
                let answer = Answer {
                    verdict: verdict.clone(),
                    stale: self.flight.asked + bounds.answer_time_max,
                    until: end.unwrap_or(UnixTime::MAX),
                };
                known.bad.remove(&self.digest);
                known.good.put(self.digest, answer);
                Outcome::Active
            }
            Err(Unbelieved::Refused(_)) => {
                let answer = Answer {
                    verdict: verdict.clone(),
                    stale: self.flight.asked + bounds.answer_time_max / 2,
                    until: UnixTime::MAX,
                };
                known.good.remove(&self.digest);
                known.bad.put(self.digest, answer);
                Outcome::Refused
            }
            Err(Unbelieved::Unavailable) => Outcome::Failed,
        };
        drop(known);
        self.inner.tell(outcome);
        self.flight.tell.send_replace(Some(verdict));
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.answered {
            self.settle(Err(Unbelieved::Unavailable));
        }
    }
}

#[cfg(test)]
mod tests;
