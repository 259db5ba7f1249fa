//! What the controls do for one operation, settled from the configuration and the contract's `x-portcullis` before the
//! gate sees a request.

use std::sync::Arc;
use std::time::Duration;

use portcullis_contract::conform::json::Undeclared;
use portcullis_contract::conform::operation;
pub use portcullis_identity::step_up::StepUp;

pub use crate::access::{Access, Alternative, ApiKeys, Need, Verifier};
pub use crate::audit_log::Recording;
pub use crate::controls::address_list::Rule;
pub use crate::controls::cors::{Cors, Origins};
pub use crate::decisions::{
    Admins, Collection, Decided, Decisions, Named, Path, Place, Spelling, Subjects, ValueKind, Valued,
};
pub use crate::forward::balance::Repeat;
pub use crate::learning::Lesson;
pub use crate::limit::Mode;
use crate::listen::ListenerIndex;
use crate::websocket;

/// The policy of one operation.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Each control's mode.
    pub modes: Modes,
    /// Through which listeners it is reached.
    pub listeners: Listeners,
    /// What is accepted as proof of who calls.
    pub access: Arc<Access>,
    /// Who decides what callers may do; none: whoever the contract lets in may do everything.
    pub decided: Option<Decided>,
    /// Who its administrators are, where it is for them.
    pub admins: Option<Arc<Admins>>,
    /// What is learnt of relations from its answers; none: nothing is.
    pub lesson: Option<Arc<Lesson>>,
    /// How its requests are recorded; none: there is no audit log.
    pub recording: Option<Arc<Recording>>,
    /// How well, and how lately, the subject of an access token has to have proved itself; none: the token is enough.
    pub step_up: Option<StepUp>,
    /// The lists that a caller's address is held against, the gate's first; all have to permit it.
    pub addresses: Vec<Rule>,
    /// Which pages of other origins may use it; none: nothing is said of origins.
    pub cors: Option<Arc<Cors>>,
    /// What happens to what the contract does not declare in a request.
    pub undeclared: Levels,
    /// How answers are judged.
    pub answer: AnswerRules,
    /// The most bytes of a request's body, decoded.
    pub body_bytes_max: usize,
    /// The most bytes of all files of a form with parts, which come on top of `body_bytes_max` and are not held; none: a body
    /// with files is held like any other.
    pub file_bytes_max: Option<u64>,
    /// The longest wait for the head of the upstream's answer; none: the upstream's own bound.
    pub head_time_max: Option<Duration>,
    /// The longest time until the end of the upstream's answer; none: the upstream's own bound.
    pub total_time_max: Option<Duration>,
    /// The longest life of an event stream, whatever it carries.
    pub event_stream_time_max: Duration,
    /// Its WebSockets, if the contract declares one and the policy opens it.
    pub websocket: Option<websocket::Settings>,
    /// Whether a request may be sent once more after a failure.
    pub repeat: Repeat,
    /// Claims that no JWT in an answer may carry.
    pub sensitive_claims: Vec<Box<str>>,
}

/// Each control's mode. Rate limits carry their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modes {
    /// Judging requests by the contract.
    pub contract_in: Mode,
    /// Judging answers by the contract.
    pub contract_out: Mode,
    /// Deciding what callers may do.
    pub authorization: Mode,
    /// Refusing what pages of other origins send.
    pub cors: Mode,
    /// Looking for secrets in URLs.
    pub url_secrets: Mode,
    /// Judging JWTs found in answers.
    pub response_tokens: Mode,
}

/// What happens to what the contract does not declare, by location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// Query parameters.
    pub query: Undeclared,
    /// Header fields that are not standard request headers.
    pub header: Undeclared,
    /// Cookies.
    pub cookie: Undeclared,
    /// Properties of JSON bodies, at any depth.
    pub body: Undeclared,
}

/// How answers are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerRules {
    /// Whether undeclared and `writeOnly` properties are left out; otherwise they block.
    pub strip: bool,
    /// Whether a body over the bound passes unjudged, counted; otherwise it blocks.
    pub stream_oversize: bool,
    /// The most bytes of a body that are held for judging.
    pub body_bytes_max: usize,
}

/// Through which listeners an operation is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listeners {
    /// Any.
    Any,
    /// Those whose bit is set.
    Only(u64),
}

impl Listeners {
    /// These. A listener beyond the 64th reaches nothing that is for some listeners only.
    #[must_use]
    pub fn only(listeners: impl IntoIterator<Item = ListenerIndex>) -> Self {
        Self::Only(listeners.into_iter().map(bit).fold(0, |all, bit| all | bit))
    }

    /// Whether a request that came through this listener reaches the operation.
    #[must_use]
    pub fn hold(self, listener: ListenerIndex) -> bool {
        match self {
            Self::Any => true,
            Self::Only(bits) => bits & bit(listener) != 0,
        }
    }
}

fn bit(ListenerIndex(index): ListenerIndex) -> u64 {
    u32::try_from(index)
        .ok()
        .and_then(|index| 1_u64.checked_shl(index))
        .unwrap_or(0)
}

impl Levels {
    /// The levels of a request's head.
    pub(crate) fn head(&self) -> operation::Levels {
        operation::Levels {
            query: self.query,
            header: self.header,
            cookie: self.cookie,
        }
    }

    /// The same for observing: query parameters and cookies that would be left out are told one by one. Header fields stay
    /// untold, because clients add too many of their own accord.
    pub(crate) fn observed_head(&self) -> operation::Levels {
        operation::Levels {
            query: told(self.query),
            header: self.header,
            cookie: told(self.cookie),
        }
    }

    /// The same with everything that would be left out told one by one.
    pub(crate) fn told_head(&self) -> operation::Levels {
        operation::Levels {
            query: told(self.query),
            header: told(self.header),
            cookie: told(self.cookie),
        }
    }
}

/// Told rather than left out.
fn told(level: Undeclared) -> Undeclared {
    match level {
        Undeclared::Strip => Undeclared::Refuse,
        Undeclared::Refuse | Undeclared::Allow => level,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_reached_through_its_own_listeners_only() {
        let check = |listeners: Listeners, index, expected| {
            assert_eq!(listeners.hold(ListenerIndex(index)), expected, "{listeners:?} {index}");
        };
        let of = |indexes: &[usize]| Listeners::only(indexes.iter().copied().map(ListenerIndex));
        check(Listeners::Any, 0, true);
        check(Listeners::Any, 99, true);
        check(of(&[1]), 0, false);
        check(of(&[1]), 1, true);
        check(of(&[0, 63]), 63, true);
        check(of(&[0, 63]), 64, false);
        check(of(&[64]), 64, false);
        check(of(&[64]), 0, false);
        check(of(&[]), 0, false);
    }
}
