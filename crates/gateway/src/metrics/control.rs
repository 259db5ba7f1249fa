//! What the controls of the pipeline do with requests: how many each lets pass, refuses and would refuse, and the time that it
//! takes, measured of one request in [`SAMPLED_ONE_IN`], for reading a clock costs as much as a small control.

use super::cells::Counter;
use super::worker::Worker;
use std::time::Duration;

/// Of how many requests the time is measured of one.
pub const SAMPLED_ONE_IN: u32 = 64;

/// A control, by its place in the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Rate limits that count before routing.
    ArrivalLimit,
    /// Routing.
    Route,
    /// Address lists.
    AddressList,
    /// Rules for pages of other origins.
    Cors,
    /// Verifying credentials.
    Authenticate,
    /// Rate limits of the operation.
    RateLimit,
    /// The audit log: an entry begun, and made durable where that is asked for.
    AuditLog,
    /// What the operation asks of its callers.
    Authorize,
    /// The contract, on the way in: reading the body is a part of it.
    ContractIn,
    /// What callers may do to the resources that a request names.
    AuthorizeObject,
    /// Rate limits by what is aimed at.
    TargetLimit,
    /// Forwarding: the time of the upstream is a part of it.
    Forward,
    /// The contract, on the way out: reading the answer is a part of it.
    ContractOut,
    /// Relations that are learnt: whether they can be, and until they are written down.
    LearnRelations,
}

/// What became of a request at a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It went on.
    Passed,
    /// It, or its answer, was refused.
    Refused,
}

/// What one worker counts of one control.
#[derive(Default)]
pub(super) struct ControlCells {
    pub(super) passed: Counter,
    pub(super) refused: Counter,
    pub(super) observed: Counter,
    pub(super) samples: Counter,
    pub(super) sampled_nanoseconds: Counter,
}

impl Control {
    /// Every control, in the order of the pipeline.
    pub const ALL: [Self; 14] = [
        Self::ArrivalLimit,
        Self::Route,
        Self::AddressList,
        Self::Cors,
        Self::Authenticate,
        Self::RateLimit,
        Self::AuditLog,
        Self::Authorize,
        Self::ContractIn,
        Self::AuthorizeObject,
        Self::TargetLimit,
        Self::Forward,
        Self::ContractOut,
        Self::LearnRelations,
    ];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::ArrivalLimit => "arrival_limit",
            Self::Route => "route",
            Self::AddressList => "address_list",
            Self::Cors => "cors",
            Self::Authenticate => "authenticate",
            Self::RateLimit => "rate_limit",
            Self::AuditLog => "audit_log",
            Self::Authorize => "authorize",
            Self::ContractIn => "contract_in",
            Self::AuthorizeObject => "authorize_object",
            Self::TargetLimit => "target_limit",
            Self::Forward => "forward",
            Self::ContractOut => "contract_out",
            Self::LearnRelations => "learn_relations",
        }
    }
}

impl Worker {
    /// Counts a request that leaves a control; `took` where it was measured.
    pub fn left(&self, control: Control, verdict: Verdict, took: Option<Duration>) {
        let Some(cells) = self.control(control) else { return };
        match verdict {
            Verdict::Passed => cells.passed.add(1),
            Verdict::Refused => cells.refused.add(1),
        }
        if let Some(took) = took {
            cells.samples.add(1);
            let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
            cells.sampled_nanoseconds.add(nanoseconds);
        }
    }

    /// Counts what a control in observe mode would have refused.
    pub fn observed(&self, control: Control) {
        if let Some(cells) = self.control(control) {
            cells.observed.add(1);
        }
    }
}
