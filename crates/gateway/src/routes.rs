//! The route table: which API a host and a path belong to, which operation, and what holds for it. Immutable; a reload
//! replaces it whole, and requests on their way keep the one they began with.

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderMap, Method};
use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::route::{Captures, Routed};

use crate::decision_point::Point;
use crate::failures::Failures;
use crate::forward::balance::{Balanced, Endpoint, Wish};
use crate::forward::headers::Rules;
use crate::limit::Limits;
use crate::listen::{ListenerIndex, Received};
use crate::metrics::OperationMetrics;
use crate::policy::{Cors, Policy};
use crate::refusal::Refusal;
use crate::upstream_identity::UpstreamIdentity;

/// Every API that is served.
pub struct Routes {
    apis: Vec<Api>,
    /// Host without port, in lower case, to the APIs there, in the order of the configuration.
    hosts: HashMap<Box<str>, Vec<usize>>,
    /// APIs that take any host.
    anywhere: Vec<usize>,
    arrival: Limits,
    failures: Failures,
    /// Whether any operation has rules for pages of other origins.
    shares: bool,
    /// Whether any API is a decision point.
    decides: bool,
}

/// One API.
pub struct Api {
    /// Its name in the configuration.
    pub name: Box<str>,
    /// What it is.
    pub contract: Arc<Contract>,
    /// For each operation of the contract, in its order, what holds for it.
    pub operations: Vec<Operation>,
    /// Who answers.
    pub behind: Behind,
    /// How the upstream is told who calls; none: it is not.
    pub identity: Option<Arc<UpstreamIdentity>>,
    /// The expected hosts, without ports.
    pub hosts: Hosts,
    /// What holds for pages of other origins where no operation is found.
    pub cors: Option<Arc<Cors>>,
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

/// Who answers what an API lets through.
#[derive(Debug)]
pub enum Behind {
    /// A service.
    Upstream(Arc<Upstream>),
    /// The gate itself, about what callers of another API may do.
    DecisionPoint(Arc<Point>),
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

impl Behind {
    /// Which endpoint of a service a request asks for.
    pub(crate) fn wish(&self, headers: &HeaderMap) -> Wish {
        match self {
            Self::Upstream(upstream) => upstream.wish(headers),
            Self::DecisionPoint(_) => Wish::default(),
        }
    }
}

impl Upstream {
    /// Which endpoint a request asks for.
    fn wish(&self, headers: &HeaderMap) -> Wish {
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

/// Where a request is aimed, and through which listener it came.
#[derive(Clone, Copy, Debug)]
pub struct Target<'t> {
    /// The `Host` field.
    pub host: &'t str,
    /// The canonical path, without the query.
    pub path: &'t str,
    /// None for a saved request, which came through none: it reaches what any listener reaches.
    pub listener: Option<ListenerIndex>,
}

/// An operation of a path.
pub struct Offered<'r> {
    /// As the contract has it.
    pub declared: &'r portcullis_contract::conform::operation::Operation,
    /// What holds for it.
    pub operation: &'r Operation,
}

impl<'t> Target<'t> {
    /// That of a request; `path` is the request's own.
    pub(crate) fn of(received: &'t Received, path: &'t str) -> Self {
        Self {
            host: received.host(),
            path,
            listener: Some(received.arrival().listener()),
        }
    }
}

impl Routes {
    /// A table of these APIs; `arrival` are the limits that count before anything is known, `failures` those of bad credentials.
    #[must_use]
    pub fn new(apis: Vec<Api>, arrival: Limits, failures: Failures) -> Self {
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
        let shares = |operation: &Operation| operation.policy.cors.is_some();
        let shares = apis.iter().any(|api| api.operations.iter().any(shares));
        let decides = apis.iter().any(|api| matches!(api.behind, Behind::DecisionPoint(_)));
        Self {
            apis,
            hosts,
            anywhere,
            arrival,
            failures,
            shares,
            decides,
        }
    }

    /// Whether a path is one of a decision point.
    pub(crate) fn decides(&self, target: Target<'_>) -> bool {
        let serves = |api: &&Api| api.offered(target).next().is_some();
        let decides = |api: &Api| matches!(api.behind, Behind::DecisionPoint(_));
        self.decides && self.at(target.host).find(serves).is_some_and(decides)
    }

    /// The limits that count before routing.
    #[must_use]
    pub fn arrival(&self) -> &Limits {
        &self.arrival
    }

    /// What counts credentials that are not good.
    pub(crate) fn failures(&self) -> &Failures {
        &self.failures
    }

    /// Every API.
    #[must_use]
    pub fn apis(&self) -> &[Api] {
        &self.apis
    }

    /// The operation of a request.
    ///
    /// # Errors
    /// [`Refusal::Host`], [`Refusal::RouteUnknown`] or [`Refusal::RouteMethod`]. An operation of another listener is as
    /// if it were unknown.
    pub fn find(&self, target: Target<'_>, method: &Method) -> Result<Route<'_>, Refusal> {
        let mut refusal = Refusal::Host;
        for api in self.at(target.host) {
            match api.find(target, method) {
                Ok(route) => return Ok(route),
                // Nor does another API stand in for an operation of administrators that is not reached from here.
                Err(found) if api.keeps(target, method) => return Err(found),
                // Of several APIs on one host, the one that knows the path has the word.
                Err(Refusal::RouteUnknown) if matches!(refusal, Refusal::RouteMethod { .. }) => {}
                Err(found) => refusal = found,
            }
        }
        Err(refusal)
    }

    /// Every operation of a path, whatever its method. Of two with the same method the first is the one that is found.
    pub(crate) fn offered(&self, target: Target<'_>) -> Vec<Offered<'_>> {
        self.at(target.host).flat_map(|api| api.offered(target)).collect()
    }

    /// Whether any operation has rules for pages of other origins.
    pub(crate) fn shares(&self) -> bool {
        self.shares
    }

    /// The rules for pages of other origins that hold for a request: its operation's; its API's where that has the path
    /// and not the method; else those of the host's first API that has any.
    pub(crate) fn cors(&self, target: Target<'_>, method: &Method) -> Option<&Cors> {
        let mut knows_path = None;
        for api in self.at(target.host) {
            match api.find(target, method) {
                // Whoever serves the request has the word, as in [`Routes::find`].
                Ok(route) => return route.operation.policy.cors.as_deref(),
                Err(Refusal::RouteMethod { .. }) => {
                    knows_path.get_or_insert(api);
                }
                Err(_) => {}
            }
        }
        match knows_path {
            Some(api) => api.cors.as_deref(),
            None => self.at(target.host).find_map(|api| api.cors.as_deref()),
        }
    }

    /// The APIs of a host (with its port or without), in the order in which they are asked.
    pub fn at(&self, host: &str) -> impl Iterator<Item = &Api> {
        let name = host_name(host);
        let named = match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => self.hosts.get(name.to_ascii_lowercase().as_str()),
            false => self.hosts.get(name),
        };
        let indexes = named.into_iter().flatten().chain(&self.anywhere);
        indexes.filter_map(|index| self.apis.get(*index))
    }
}

impl Api {
    /// Whether the operation is one of administrators, wherever it is reached from.
    fn keeps(&self, target: Target<'_>, method: &Method) -> bool {
        let Routed::Found { operation, .. } = self.contract.route(target.path, method) else {
            return false;
        };
        let found = self.operation(operation);
        found.is_some_and(|found| found.operation.policy.admins.is_some())
    }

    fn find(&self, target: Target<'_>, method: &Method) -> Result<Route<'_>, Refusal> {
        match self.contract.route(target.path, method) {
            Routed::Found {
                operation: index,
                captures,
            } => {
                let found = self.operation(index).ok_or(Refusal::Internal)?;
                if !found.is_reached(target) {
                    // Nor does a less specific path stand in: the upstream would read the one that was asked for.
                    return Err(self.not_here(target));
                }
                let Offered { declared, operation } = found;
                Ok(Route {
                    api: self,
                    index,
                    declared,
                    operation,
                    captures,
                    wish: Wish::default(),
                })
            }
            Routed::MethodNotAllowed { .. } => Err(self.not_here(target)),
            Routed::NotFound => Err(Refusal::RouteUnknown),
        }
    }

    /// What to say of a known path without the operation that was asked for; operations of other listeners are not told.
    fn not_here(&self, target: Target<'_>) -> Refusal {
        let mut methods: Vec<&str> = self
            .offered(target)
            .map(|offered| offered.declared.method.as_str())
            .collect();
        methods.sort_unstable();
        methods.dedup();
        match methods.as_slice() {
            [] => Refusal::RouteUnknown,
            methods => Refusal::RouteMethod {
                allow: methods.join(", "),
            },
        }
    }

    fn offered(&self, target: Target<'_>) -> impl Iterator<Item = Offered<'_>> {
        let operations = self.contract.operations_at(target.path);
        let offered = operations.filter_map(|operation| self.operation(operation));
        offered.filter(move |offered| offered.is_reached(target))
    }

    /// By the index that routing gave.
    fn operation(&self, index: u32) -> Option<Offered<'_>> {
        Some(Offered {
            declared: self.contract.operation(index)?,
            operation: self.operations.get(usize::try_from(index).ok()?)?,
        })
    }
}

impl Offered<'_> {
    fn is_reached(&self, target: Target<'_>) -> bool {
        let listeners = self.operation.policy.listeners;
        target.listener.is_none_or(|listener| listeners.hold(listener))
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
