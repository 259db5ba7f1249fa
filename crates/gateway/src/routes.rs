//! The route table: which API a host and a path belong to, which operation, and what holds for it. Immutable; a reload
//! replaces it whole, and requests on their way keep the one they began with.

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderMap, Method};
use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::route::{Captures, Routed};

use crate::forward::balance::{Balanced, Endpoint, Wish};
use crate::forward::headers::Rules;
use crate::limit::Limits;
use crate::metrics::OperationMetrics;
use crate::policy::Policy;
use crate::refusal::Refusal;

/// Every API that is served.
pub struct Routes {
    apis: Vec<Api>,
    /// Host without port, in lower case, to the APIs there, in the order of the configuration.
    hosts: HashMap<Box<str>, Vec<usize>>,
    /// APIs that take any host.
    anywhere: Vec<usize>,
    arrival: Limits,
}

/// One API.
pub struct Api {
    /// Its name in the configuration.
    pub name: Box<str>,
    /// What it is.
    pub contract: Arc<Contract>,
    /// For each operation of the contract, in its order, what holds for it.
    pub operations: Vec<Operation>,
    /// Where requests go.
    pub upstream: Arc<Upstream>,
    /// The expected hosts, without ports.
    pub hosts: Hosts,
}

/// Which hosts an API answers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Any: the operator said so aloud.
    Any,
    /// These, in lower case.
    Only(Vec<Box<str>>),
}

/// What holds for one operation.
pub struct Operation {
    /// Its policy.
    pub policy: Policy,
    /// Its rate limits.
    pub limits: Limits,
    /// Its counters.
    pub metrics: Arc<OperationMetrics>,
}

/// The service behind an API.
#[derive(Debug)]
pub struct Upstream {
    /// How requests to it are written.
    pub rules: Rules,
    /// How they get there.
    pub way: Way,
}

/// How requests get to an upstream.
#[derive(Debug)]
pub enum Way {
    /// There is one endpoint, and nothing else was asked for.
    Direct(Arc<Endpoint>),
    /// An endpoint is chosen for each.
    Balanced(Box<Balanced>),
}

impl Upstream {
    /// Which endpoint a request asks for.
    pub(crate) fn wish(&self, headers: &HeaderMap) -> Wish {
        match &self.way {
            Way::Direct(_) => Wish::default(),
            Way::Balanced(balanced) => balanced.wish(headers),
        }
    }
}

/// A request's operation.
pub struct Route<'r> {
    /// The API.
    pub api: &'r Api,
    /// The operation's index in the contract.
    pub index: u32,
    /// The operation as the contract has it.
    pub declared: &'r portcullis_contract::conform::operation::Operation,
    /// What holds for it.
    pub operation: &'r Operation,
    /// The values of the path template.
    pub captures: Captures,
    /// Which endpoint of the upstream the request asks for; routing leaves it open.
    pub wish: Wish,
}

impl Routes {
    /// A table of these APIs; `arrival` are the limits that count before anything is known.
    #[must_use]
    pub fn new(apis: Vec<Api>, arrival: Limits) -> Self {
        let mut hosts: HashMap<Box<str>, Vec<usize>> = HashMap::new();
        let mut anywhere = Vec::new();
        for (index, api) in apis.iter().enumerate() {
            match &api.hosts {
                Hosts::Any => anywhere.push(index),
                Hosts::Only(names) => {
                    names
                        .iter()
                        .for_each(|name| hosts.entry(name.clone()).or_default().push(index));
                }
            }
        }
        Self {
            apis,
            hosts,
            anywhere,
            arrival,
        }
    }

    /// The limits that count before routing.
    #[must_use]
    pub fn arrival(&self) -> &Limits {
        &self.arrival
    }

    /// Every API.
    #[must_use]
    pub fn apis(&self) -> &[Api] {
        &self.apis
    }

    /// The operation of a request. `host` is the `Host` field, `path` the canonical path.
    ///
    /// # Errors
    /// [`Refusal::Host`], [`Refusal::RouteUnknown`] or [`Refusal::RouteMethod`].
    pub fn find(&self, host: &str, path: &str, method: &Method) -> Result<Route<'_>, Refusal> {
        let mut refusal = Refusal::Host;
        let name = host_name(host);
        let named = match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => self.hosts.get(name.to_ascii_lowercase().as_str()),
            false => self.hosts.get(name),
        };
        for index in named.into_iter().flatten().chain(&self.anywhere) {
            let Some(api) = self.apis.get(*index) else { continue };
            match api.find(path, method) {
                Ok(route) => return Ok(route),
                // Of several APIs on one host, the one that knows the path has the word.
                Err(Refusal::RouteUnknown) if matches!(refusal, Refusal::RouteMethod { .. }) => {}
                Err(found) => refusal = found,
            }
        }
        Err(refusal)
    }
}

impl Api {
    fn find(&self, path: &str, method: &Method) -> Result<Route<'_>, Refusal> {
        match self.contract.route(path, method) {
            Routed::Found {
                operation: index,
                captures,
            } => {
                let own = usize::try_from(index).ok().and_then(|index| self.operations.get(index));
                match (self.contract.operation(index), own) {
                    (Some(declared), Some(operation)) => Ok(Route {
                        api: self,
                        index,
                        declared,
                        operation,
                        captures,
                        wish: Wish::default(),
                    }),
                    _ => Err(Refusal::Internal),
                }
            }
            Routed::MethodNotAllowed { allow } => Err(Refusal::RouteMethod {
                allow: allow.to_owned(),
            }),
            Routed::NotFound => Err(Refusal::RouteUnknown),
        }
    }
}

/// A host without its port; an IPv6 address keeps its brackets.
fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_not_part_of_the_host() {
        for (host, expected) in [
            ("api.example", "api.example"),
            ("api.example:8080", "api.example"),
            ("[::1]:8080", "[::1]"),
            ("[::1]", "[::1]"),
            ("127.0.0.1", "127.0.0.1"),
        ] {
            assert_eq!(host_name(host), expected);
        }
    }
}
