//! Whether a request may be sent again, and after how long. Decisions only.
//!
//! Three conditions stand before all others: no byte of an answer was passed on, the body is at hand, and either the
//! upstream cannot have seen the request or seeing it twice does no harm (RFC 9110 section 9.2.2).

use std::time::Duration;

use http::{Method, StatusCode};

use crate::forward::exchange::is_idempotent;
use crate::forward::{ForwardError, Phase};

/// How often, and for what, requests are sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySettings {
    /// Most times that one request is sent again.
    pub retries_max: u32,
    /// Statuses for which it is, besides broken connections.
    pub statuses: Vec<StatusCode>,
    /// How many requests of a hundred may be sent again.
    pub budget_percent: u32,
    /// How many more than that may be at once.
    pub budget_burst: u32,
    /// The longest pause before the first one; twice as long before each further one. The pause is a random part of that.
    pub backoff: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            retries_max: 1,
            statuses: Vec::new(),
            budget_percent: 20,
            budget_burst: 10,
            backoff: Duration::from_millis(25),
        }
    }
}

/// Whether an operation may be repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeat {
    /// If its method is idempotent.
    #[default]
    Idempotent,
    /// Whatever its method is: somebody who knows it said so.
    Always,
    /// Only if no endpoint has seen it.
    Unseen,
    /// Never.
    Never,
}

/// What an attempt came to, as far as another depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The upstream has not seen it.
    Unseen,
    /// It may have seen it, and did not answer.
    Unanswered,
    /// It answered.
    Answered(StatusCode),
    /// Sending it again would not help, or would take as long once more.
    Final,
}

impl Attempt {
    pub(super) fn failed(error: &ForwardError) -> Self {
        match error {
            ForwardError::Connect(_) | ForwardError::Timeout(Phase::Connect) | ForwardError::Overloaded => Self::Unseen,
            ForwardError::Closed => Self::Unanswered,
            _ => Self::Final,
        }
    }

    /// Whether the request may be sent once more.
    pub(super) fn may_repeat(self, method: &Method, repeat: Repeat, settings: &RetrySettings) -> bool {
        let harmless = match repeat {
            Repeat::Idempotent => is_idempotent(method),
            Repeat::Always => true,
            Repeat::Unseen | Repeat::Never => false,
        };
        repeat != Repeat::Never
            && match self {
                Self::Unseen => true,
                Self::Unanswered => harmless,
                Self::Answered(status) => harmless && settings.statuses.contains(&status),
                Self::Final => false,
            }
    }
}

/// The pause before the `retry`-th time, from 1: a random part of a time that doubles, so that those who failed together do
/// not come back together.
pub(super) fn pause(retry: u32, backoff: Duration, random: u64) -> Duration {
    let longest = backoff.saturating_mul(1 << retry.saturating_sub(1).min(16));
    let nanoseconds = (longest.as_nanos() * u128::from(random)) >> 64;
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_does_no_harm_is_repeated() {
        let settings = RetrySettings {
            statuses: vec![StatusCode::SERVICE_UNAVAILABLE],
            ..RetrySettings::default()
        };
        let check = |attempt: Attempt, method: Method, repeat: Repeat, expected: bool| {
            assert_eq!(
                attempt.may_repeat(&method, repeat, &settings),
                expected,
                "{attempt:?} {method} {repeat:?}"
            );
        };
        use Repeat::{Always, Idempotent, Never};
        let (busy, failed) = (
            Attempt::Answered(StatusCode::SERVICE_UNAVAILABLE),
            Attempt::Answered(StatusCode::INTERNAL_SERVER_ERROR),
        );
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE] {
            check(Attempt::Unseen, method.clone(), Idempotent, true);
            check(Attempt::Unanswered, method.clone(), Idempotent, true);
            check(busy, method.clone(), Idempotent, true);
            check(failed, method.clone(), Idempotent, false);
            check(Attempt::Final, method.clone(), Always, false);
            check(Attempt::Unseen, method.clone(), Repeat::Unseen, true);
            check(Attempt::Unanswered, method.clone(), Repeat::Unseen, false);
            check(Attempt::Unseen, method, Never, false);
        }
        for method in [Method::POST, Method::PATCH] {
            // Nobody has seen it, so nobody sees it twice.
            check(Attempt::Unseen, method.clone(), Idempotent, true);
            check(Attempt::Unanswered, method.clone(), Idempotent, false);
            check(busy, method.clone(), Idempotent, false);
            check(Attempt::Unanswered, method.clone(), Always, true);
            check(busy, method.clone(), Always, true);
            check(busy, method, Never, false);
        }
    }

    #[test]
    fn errors_say_whether_the_upstream_has_seen_the_request() {
        let check = |error: ForwardError, expected: Attempt| assert_eq!(Attempt::failed(&error), expected);
        check(ForwardError::Connect(String::new()), Attempt::Unseen);
        check(ForwardError::Timeout(Phase::Connect), Attempt::Unseen);
        check(ForwardError::Overloaded, Attempt::Unseen);
        check(ForwardError::Closed, Attempt::Unanswered);
        check(ForwardError::Timeout(Phase::Head), Attempt::Final);
        check(ForwardError::Timeout(Phase::Total), Attempt::Final);
        check(ForwardError::Unsendable, Attempt::Final);
    }

    #[test]
    fn pauses_double_and_differ() {
        let backoff = Duration::from_millis(100);
        let check = |retry, random, milliseconds: u128| {
            assert_eq!(pause(retry, backoff, random).as_millis(), milliseconds);
        };
        check(1, 0, 0);
        check(1, u64::MAX / 2, 49);
        check(1, u64::MAX, 99);
        check(3, u64::MAX, 399);
        assert!(pause(u32::MAX, backoff, u64::MAX) < backoff * (1 << 16));
    }
}
