//! How requests and answers travel.

mod clear_text_callback;
mod clear_text_server;
mod clear_text_websocket;
mod credentials_in_server_url;
mod server_by_address;
mod server_host_open;
mod server_without_scheme;

use core::net::IpAddr;

use super::ContractRule;
use super::survey::operation::host;
use super::survey::{Operation, SchemeType, Server, Survey};
use crate::document::Node;

pub(super) const RULES: &[ContractRule] = &[
    clear_text_callback::RULE,
    clear_text_server::RULE,
    clear_text_websocket::RULE,
    credentials_in_server_url::RULE,
    server_by_address::RULE,
    server_host_open::RULE,
    server_without_scheme::RULE,
];

/// Addresses that are made of the variables of one URL, at most.
const URLS_MAX: usize = 32;

/// Every server that operations are called at, with these operations. One of a path is there for each operation of it.
pub(super) fn uses<'s, 'd>(survey: &'s Survey<'d>) -> Vec<(&'s Server<'d>, Vec<&'s Operation<'d>>)> {
    let (of_root, of_own): (Vec<_>, Vec<_>) = survey
        .operations
        .iter()
        .partition(|operation| operation.servers.is_empty());
    let mut uses: Vec<(&Server<'d>, Vec<&Operation<'d>>)> = Vec::new();
    if !of_root.is_empty() {
        uses.extend(survey.servers.iter().map(|server| (server, of_root.clone())));
    }
    for operation in of_own {
        uses.extend(operation.servers.iter().map(|server| (server, vec![operation])));
    }
    uses
}

/// The schemes that these operations ask for and that send something which can be read, in backticks.
pub(super) fn credentials(survey: &Survey<'_>, operations: &[&Operation<'_>]) -> Vec<String> {
    let mut is_sent = vec![false; survey.schemes.len()];
    for operation in operations {
        let said = survey.requirements(operation).into_iter();
        let asked = said.flat_map(|said| &said.alternatives).flat_map(|one| &one.asked);
        for index in asked.filter_map(|asked| asked.scheme) {
            if let Some(sent) = is_sent.get_mut(index) {
                *sent = true;
            }
        }
    }
    let sent = survey.schemes.iter().zip(is_sent).filter(|(_, is_sent)| *is_sent);
    sent.filter(|(scheme, _)| !matches!(scheme.kind, SchemeType::MutualTls | SchemeType::Unknown))
        .map(|(scheme, _)| format!("`{}`", scheme.name))
        .collect()
}

/// The URLs that a server may have: every value that is listed for its variables, or else their defaults.
pub(super) fn urls(server: &Server<'_>) -> Vec<String> {
    let mut urls = vec![server.url.to_owned()];
    let variables = server.place.node.get("variables").and_then(Node::as_object);
    for (name, variable) in variables.into_iter().flat_map(|variables| variables.iter()) {
        let listed = variable.get("enum").and_then(Node::as_array).unwrap_or_default();
        let mut values: Vec<&str> = listed.iter().filter_map(Node::as_str).collect();
        if values.is_empty() {
            values.extend(variable.get("default").and_then(Node::as_str));
        }
        let template = format!("{{{name}}}");
        if values.is_empty() || !server.url.contains(&template) {
            continue;
        }
        let filled = urls
            .iter()
            .flat_map(|url| values.iter().map(|value| url.replace(&template, value)));
        urls = filled.take(URLS_MAX).collect();
    }
    urls
}

/// The first URL of a server that is clear text and leads to another machine.
pub(super) fn clear_text(server: &Server<'_>) -> Option<String> {
    urls(server).into_iter().find(|url| is_clear_text(url))
}

/// Whether a URL is clear text and leads to another machine.
pub(super) fn is_clear_text(url: &str) -> bool {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "ws")) && !is_this_machine(&host(url))
}

fn is_this_machine(host: &str) -> bool {
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_loopback || matches!(host, "" | "localhost" | "0.0.0.0" | "::") || host.ends_with(".localhost")
}

/// Whether a URL leads to where not everybody can come between: a private address, or a name without an owner.
pub(super) fn is_inside(url: &str) -> bool {
    const INSIDE: [&str; 9] = [
        ".internal",
        ".local",
        ".localdomain",
        ".lan",
        ".corp",
        ".intranet",
        ".svc",
        ".test",
        ".example",
    ];
    let host = host(url);
    match host.parse::<IpAddr>() {
        Ok(address) => !is_public(address),
        Err(_) => !host.contains('.') || INSIDE.iter().any(|end| host.ends_with(end)),
    }
}

/// Whether an address is one of the Internet (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_documentation()
                || address.is_unspecified()
                || is_shared)
        }
        IpAddr::V6(address) => {
            let [first, second, ..] = address.segments();
            let is_documentation = first == 0x2001 && second == 0x0db8;
            let is_local = first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80;
            !(address.is_loopback() || address.is_unspecified() || is_documentation || is_local)
        }
    }
}
