//! Rate limits that cannot work with their contract, told where they are written.

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::document::{Document, Problem, Span};
use portcullis_gateway::limit::LIMITS_MAX;

use crate::assemble::limits;
use crate::config::api::Api;
use crate::config::policy::Policy;
use crate::config::raw;

/// The layers of one operation's policy, the API's in the configuration first.
pub(super) struct Looking<'l> {
    pub(super) api: &'l Api,
    pub(super) document: &'l Document,
    /// The configuration's.
    pub(super) location: &'l str,
    pub(super) layers: &'l [&'l raw::Policy],
}

impl Looking<'_> {
    /// What is wrong with the limits of one operation.
    pub(super) fn problems(&self, contract: &Contract, operation: &Operation, policy: &Policy) -> Vec<Problem> {
        let id = operation.name();
        let lowered = policy.rate_limits.iter().map(|limit| {
            let lowered = limits::lower(limit, &self.api.name, &id, contract, operation, policy);
            (limit.name.as_str(), lowered.err())
        });
        let mut problems: Vec<Problem> = lowered
            .filter_map(|(name, error)| Some(self.problem(name, operation, error?)))
            .collect();
        if let Some(limit) = policy.rate_limits.get(LIMITS_MAX) {
            let message = format!(
                "`{}` is the seventeenth rate limit of `{id}`, and 16 are the most",
                limit.name
            );
            problems.push(self.problem(&limit.name, operation, message));
        }
        problems
    }

    /// A problem at the innermost place where the limit is written.
    fn problem(&self, name: &str, operation: &Operation, message: String) -> Problem {
        let help = "count by what every operation below declares, or write the limit at the operations that declare it";
        let written = self.layers.iter().enumerate().rev().find_map(|(layer, policy)| {
            let mut limits = policy.rate_limits.iter().map(|limit| &limit.value.name);
            let found = limits.find(|limit| limit.value.0 == name)?;
            Some((layer, found.span))
        });
        match written {
            Some((0, span)) => Problem::error(self.location, span, message).help(help),
            Some((_, span)) => self.in_contract(span, message).help(help),
            None => self.in_contract(operation.span, message),
        }
    }

    fn in_contract(&self, span: Span, message: String) -> Problem {
        self.document.problem(span, message)
    }
}
