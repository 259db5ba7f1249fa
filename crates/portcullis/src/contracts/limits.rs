//! Rate limits that cannot work with their contract, told where they are written.

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::document::{Document, Problem, Span};
use portcullis_gateway::limit::LIMITS_MAX;

use crate::assemble::{limits, proof};
use crate::config::api::Api;
use crate::config::policy::Policy;
use crate::config::rate_limit::KeyPart;
use crate::config::rate_limit::RateLimit;
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
        let undeclared =
            "count by what every operation below declares, or write the limit at the operations that declare it";
        let mut problems: Vec<Problem> = lowered
            .filter_map(|(name, error)| Some(self.problem(name, operation, error?).help(undeclared)))
            .collect();
        problems.extend(self.by_credentials(contract, operation, policy));
        if let Some(limit) = policy.rate_limits.get(LIMITS_MAX) {
            let message = format!(
                "`{}` is the seventeenth rate limit of `{id}`, and 16 are the most",
                limit.name
            );
            problems.push(
                self.problem(&limit.name, operation, message)
                    .help("take one of them out"),
            );
        }
        problems
    }

    /// Limits by header fields that carry credentials for the gate: whoever writes another one is another caller there, good or
    /// not.
    fn by_credentials(&self, contract: &Contract, operation: &Operation, policy: &Policy) -> Vec<Problem> {
        let withheld = proof::withheld(self.api, contract, operation);
        let is_withheld = |part: &KeyPart| match part {
            KeyPart::Header(name) => withheld.iter().any(|own| name.0.eq_ignore_ascii_case(own.as_str())),
            _ => false,
        };
        let by_credential = |limit: &&RateLimit| limit.key.iter().any(is_withheld);
        let problem = |limit: &RateLimit| {
            let message = format!(
                "the rate limit `{}` of `{}` counts by a header field that carries credentials for the gate",
                limit.name,
                operation.name()
            );
            let help = "count by `api_key` or `principal`: whose credential it is, once it is verified";
            self.problem(&limit.name, operation, message).help(help)
        };
        policy.rate_limits.iter().filter(by_credential).map(problem).collect()
    }

    /// A problem at the innermost place where the limit is written.
    fn problem(&self, name: &str, operation: &Operation, message: String) -> Problem {
        let written = self.layers.iter().enumerate().rev().find_map(|(layer, policy)| {
            let mut limits = policy.rate_limits.iter().map(|limit| &limit.value.name);
            let found = limits.find(|limit| limit.value.0 == name)?;
            Some((layer, found.span))
        });
        match written {
            Some((0, span)) => Problem::error(self.location, span, message),
            Some((_, span)) => self.in_contract(span, message),
            None => self.in_contract(operation.span, message),
        }
    }

    fn in_contract(&self, span: Span, message: String) -> Problem {
        self.document.problem(span, message)
    }
}
