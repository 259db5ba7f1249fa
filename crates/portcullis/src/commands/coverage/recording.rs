//! Whether requests of an operation are recorded in the audit log, as coverage tells it.

use portcullis_gateway::audit_log::{Durability, OnFailure};

use super::{Row, State};
use crate::config::audit_log::AuditLog;
use crate::config::policy::Policy;

/// The row of one operation.
pub(super) fn row(log: Option<&AuditLog>, policy: &Policy) -> Row {
    let Some(log) = log else {
        let why = "there is no `audit_log`: requests are logged and counted, not recorded for evidence";
        return Row::new("audit log", State::Off, why.to_owned());
    };
    let recorded = policy.audit_log.clone().within(&log.defaults);
    let durable = match recorded.durability.unwrap_or_default() {
        Durability::BeforeForward => "durable before the upstream sees the request",
        Durability::BeforeResponse => "durable before the caller sees the answer",
        Durability::Async => "durable soon after the answer",
    };
    match recorded.on_failure.unwrap_or_default() {
        OnFailure::Refuse => Row::new("audit log", State::Enforced, durable.to_owned()),
        OnFailure::Continue => {
            let why = format!("{durable}; where it cannot be written, requests go on");
            Row::new("audit log", State::Observed, why)
        }
    }
}
