//! What is wrong between APIs, each of which is right by itself.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::route::Routed;
use portcullis_contract::document::Problem;

use super::Loaded;
use crate::assemble::versions::are_same;
use crate::config::api::Hosts;
use crate::config::policy::Policy;
use crate::config::rate_limit::RateLimit;

/// The warnings, each with the index of the API that it is about.
pub(super) fn warnings(apis: &[Loaded], location: &str) -> Vec<(usize, Problem)> {
    let mut warnings = hidden(apis, location);
    warnings.extend(shared(apis, location));
    warnings.extend(versions(apis, location));
    warnings
}

/// Operations that are never reached because an API before has the same host and path.
fn hidden(apis: &[Loaded], location: &str) -> Vec<(usize, Problem)> {
    let mut warnings = Vec::new();
    for (index, later) in apis.iter().enumerate() {
        for earlier in apis.iter().take(index).filter(|earlier| meet(earlier, later)) {
            let mut taken = targets(later)
                .filter(|(path, method)| matches!(earlier.contract.route(path, method), Routed::Found { .. }));
            let Some((path, method)) = taken.next() else { continue };
            let message = format!(
                "`{}` and `{}` have the same host and base path, and `{}` stands first: {} of the operations of `{}` are \
                 never reached, such as `{method} {path}`",
                earlier.api.name,
                later.api.name,
                earlier.api.name,
                taken.count() + 1,
                later.api.name
            );
            let help = "give one of them its own `hosts` or `base_path`";
            let warning = Problem::warning(location, later.api.name_span, message).help(help);
            warnings.push((index, warning));
        }
    }
    warnings
}

/// The whole path templates and methods of an API.
fn targets(api: &Loaded) -> impl Iterator<Item = (String, http::Method)> {
    let bases = bases(api);
    api.contract.operations.iter().flat_map(move |operation| {
        let whole = |base: &String| (format!("{base}{}", operation.template), operation.method.clone());
        bases.iter().map(whole).collect::<Vec<_>>()
    })
}

fn bases(api: &Loaded) -> BTreeSet<String> {
    match &api.api.base_paths {
        Some(bases) => bases.iter().cloned().collect(),
        None => api.contract.servers.iter().map(|server| server.base.clone()).collect(),
    }
}

/// Whether a request can be for either.
fn meet(one: &Loaded, other: &Loaded) -> bool {
    match (hosts(one), hosts(other)) {
        (Some(one), Some(other)) => one.intersection(&other).next().is_some(),
        _ => true,
    }
}

/// The hosts by name; none for any. Names of loopback stand for nothing where the contract has a host of its own.
fn hosts(api: &Loaded) -> Option<BTreeSet<String>> {
    match &api.api.hosts {
        Hosts::Any => None,
        Hosts::Only(hosts) => Some(hosts.iter().map(|host| host.value.clone()).collect()),
        Hosts::FromContract => {
            let servers = api.contract.servers.iter().filter_map(|server| server.host.clone());
            let named: BTreeSet<String> = servers.collect();
            let nameless = BTreeSet::from(["localhost".to_owned()]);
            Some(if named.is_empty() { nameless } else { named })
        }
    }
}

/// Limits that count together but disagree about how many.
fn shared(apis: &[Loaded], location: &str) -> Vec<(usize, Problem)> {
    let mut first: BTreeMap<&str, (&RateLimit, &str)> = BTreeMap::new();
    let mut told = BTreeSet::new();
    let mut warnings = Vec::new();
    for (index, api) in apis.iter().enumerate() {
        for limit in api.policies.iter().flat_map(|policy| &policy.rate_limits) {
            let Some(name) = limit.shared.as_deref() else { continue };
            let (known, owner) = *first.entry(name).or_insert((limit, &api.api.name));
            let numbers = |limit: &RateLimit| (limit.requests, limit.per, limit.burst);
            if numbers(known) == numbers(limit) || !told.insert(name) {
                continue;
            }
            let message = format!(
                "the shared rate limit `{name}` allows {} in {} s as `{}` of `{owner}`, and {} in {} s as `{}` of `{}`",
                known.requests,
                known.per.as_secs(),
                known.name,
                limit.requests,
                limit.per.as_secs(),
                limit.name,
                api.api.name
            );
            let help = "they count together: give them the same numbers, or different shared names";
            let warning = Problem::warning(location, api.api.name_span, message).help(help);
            warnings.push((index, warning));
        }
    }
    warnings
}

/// Versions of an API that are to count together and disagree about how many, so that they count apart.
fn versions(apis: &[Loaded], location: &str) -> Vec<(usize, Problem)> {
    let told = |(index, later): (usize, &Loaded)| {
        let of = later.api.limits_of.as_ref()?;
        let first = apis.iter().find(|api| api.api.name == of.value)?;
        let (operation, limit) = disagreement(first, later)?;
        let message = format!(
            "the rate limit `{limit}` of `{operation}` is another one in `{}`, so the two count apart",
            of.value
        );
        let help = "give it the same key and numbers in both, or a `shared` name of its own";
        Some((index, Problem::warning(location, of.span, message).help(help)))
    };
    apis.iter().enumerate().filter_map(told).collect()
}

/// The first operation, and its limit, that is there in both and not the same.
fn disagreement(first: &Loaded, later: &Loaded) -> Option<(String, String)> {
    operations(later).find_map(|(own, policy)| {
        let (_, other) = operations(first).find(|(other, _)| are_same(own, other))?;
        let differs = |limit: &&RateLimit| {
            let mut others = other.rate_limits.iter();
            others.any(|other| other.name == limit.name && !counts_as(limit, other))
        };
        let limit = policy.rate_limits.iter().find(differs)?;
        Some((own.name().into_owned(), limit.name.clone()))
    })
}

fn operations(api: &Loaded) -> impl Iterator<Item = (&Operation, &Policy)> {
    api.contract.operations.iter().zip(&api.policies)
}

fn counts_as(one: &RateLimit, other: &RateLimit) -> bool {
    let identity = |limit: &RateLimit| (limit.requests, limit.per, limit.burst, limit.key.clone(), limit.exact);
    identity(one) == identity(other)
}
