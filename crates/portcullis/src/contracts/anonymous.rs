//! Operations that let callers in without a credential, and that are decided on for those who show one.

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::document::{Document, Problem};

use crate::config::api::Api;
use crate::config::policy::Policy;
use crate::config::raw::Mode;

/// A warning for each operation whose decision a caller avoids by leaving the credential out: a `forbid` that is written for somebody
/// does not keep them from it.
pub(super) fn warnings(api: &Api, document: &Document, contract: &Contract, policies: &[Policy]) -> Vec<Problem> {
    let decides = |policy: &Policy| api.authorization.is_some() && policy.modes.authorization != Mode::Off;
    let operations = contract.operations.iter().zip(policies);
    // Whoever names a resource, or says a value, is decided on, whoever they are.
    let is_decided_at_once = |policy: &Policy| policy.resources.is_empty() && policy.context.is_empty();
    let avoidable = operations
        .filter(|(declared, policy)| decides(policy) && is_decided_at_once(policy) && lets_in_either_way(declared));
    avoidable
        .map(|(declared, _)| {
            let message = format!(
                "`{}` takes a credential and also goes without one: who is denied leaves it out, and is let in",
                declared.name()
            );
            let help = "take `{}` out of its `security`, so that everybody is decided on; or write `security: []`, where anybody may";
            Problem::warning(document.location(declared.span.file), declared.span, message).help(help)
        })
        .collect()
}

/// Whether callers are let in with a credential, and without one.
fn lets_in_either_way(declared: &Operation) -> bool {
    let ways = || declared.security.iter().flatten();
    ways().any(|way| way.is_empty()) && ways().any(|way| !way.is_empty())
}
