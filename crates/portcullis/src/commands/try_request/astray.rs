//! Why a saved request leads to no operation: which hosts are served, and below what the paths of their contracts are.

use std::collections::BTreeSet;

use http::Method;
use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::route::Routed;
use portcullis_gateway::refusal::Refusal;
use portcullis_gateway::routes::{Api, Hosts, Routes};

/// No more hosts or APIs are named.
const NAMED_MAX: usize = 8;

/// Where a saved request goes.
#[derive(Clone, Copy)]
pub(super) struct Aim<'r> {
    pub(super) host: &'r str,
    pub(super) path: &'r str,
    pub(super) method: &'r Method,
}

/// What there is to say of a host or a path that nobody serves; none of another refusal.
pub(super) fn reason(routes: &Routes, aim: Aim<'_>, refusal: &Refusal) -> Option<String> {
    match refusal {
        Refusal::Host => Some(of_host(routes, aim.host)),
        Refusal::RouteUnknown => Some(of_path(routes, aim)),
        _ => None,
    }
}

fn of_host(routes: &Routes, host: &str) -> String {
    let hosts = routes.apis().iter().flat_map(|api| match &api.hosts {
        Hosts::Any => &[],
        Hosts::Only(hosts) => hosts.as_slice(),
    });
    let hosts: BTreeSet<&str> = hosts.map(|host| &**host).collect();
    let hosts = hosts.into_iter().map(|host| format!("`{host}`"));
    format!("`{host}` is not among the hosts that are served: {}", listed(hosts))
}

fn of_path(routes: &Routes, aim: Aim<'_>) -> String {
    let Aim { host, path, method } = aim;
    let apis = || routes.at(host);
    let served = apis().map(|api| format!("`{}` has those below {}", api.name, bases(&api.contract)));
    let meant = apis().find_map(|api| meant(api, path, method));
    let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
    format!("no path of a contract fits `{path}`: {}{meant}", listed(served))
}

/// What the paths of a contract are below.
fn bases(contract: &Contract) -> String {
    let bases = contract.bases().map(|base| match base {
        "" => "`/`".to_owned(),
        base => format!("`{base}`"),
    });
    bases.collect::<Vec<_>>().join(" and ")
}

/// The same path below a base of the API, where that is one.
fn meant(api: &Api, path: &str, method: &Method) -> Option<String> {
    let mut below = api.contract.bases().map(|base| format!("{base}{path}"));
    below.find(|whole| api.contract.route(whole, method) != Routed::NotFound)
}

/// The first of them, and how many more there are.
fn listed(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = words.collect();
    let more = words.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        words.truncate(NAMED_MAX);
        words.push(format!("{more} more"));
    }
    words.join(", ")
}
