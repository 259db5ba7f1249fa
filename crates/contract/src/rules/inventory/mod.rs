//! Which operations there are: shadows, leftovers, and what should not have been published.

mod callback_to_any_url;
mod debug_operation_published;
mod deprecated_and_open;
mod deprecated_operation_without_sunset;
mod graphql_endpoint;
mod internal_server_address;
mod non_production_server;
mod operation_without_id;
mod owner_unknown;
mod several_versions;
mod trace_method;
mod unused_component;
mod unused_security_scheme;
mod webhook_without_signature;
mod wildcard_path;

use super::ContractRule;
use super::survey::{Operation, Server};

pub(super) const RULES: &[ContractRule] = &[
    callback_to_any_url::RULE,
    debug_operation_published::RULE,
    deprecated_and_open::RULE,
    deprecated_operation_without_sunset::RULE,
    graphql_endpoint::RULE,
    internal_server_address::RULE,
    non_production_server::RULE,
    operation_without_id::RULE,
    owner_unknown::RULE,
    several_versions::RULE,
    trace_method::RULE,
    unused_component::RULE,
    unused_security_scheme::RULE,
    webhook_without_signature::RULE,
    wildcard_path::RULE,
];

/// The version that a path is of: its first segment such as `v2`, with what stands before and behind it.
fn version(path: &str) -> Option<(&str, u32, &str)> {
    let mut start = 0;
    for segment in path.split('/') {
        let number = segment.strip_prefix(['v', 'V']).and_then(|digits| digits.parse().ok());
        if let Some(number) = number {
            let rest = path.get(start + segment.len()..)?;
            return Some((path.get(..start)?, number, rest));
        }
        start += segment.len() + 1;
    }
    None
}

/// Whether a server has an address that only a private network knows, or a name that the public does not resolve.
fn is_private(server: &Server<'_>) -> bool {
    const ENDS: [&str; 8] = [
        ".internal",
        ".local",
        ".lan",
        ".corp",
        ".intranet",
        ".private",
        ".home.arpa",
        ".localdomain",
    ];
    let Some(host) = server.host() else { return false };
    match host.parse::<core::net::IpAddr>() {
        Ok(core::net::IpAddr::V4(address)) => address.is_private() || address.is_link_local(),
        Ok(core::net::IpAddr::V6(address)) => address.is_unique_local() || address.is_unicast_link_local(),
        Err(_) => ENDS.iter().any(|end| host.ends_with(end)),
    }
}

/// Whether somebody signs what the API sends, as far as the contract tells.
fn says_signed(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["signature", "signed", "hmac", "shared secret"]
        .iter()
        .any(|word| text.contains(word))
}

/// The text that describes an operation.
fn description<'d>(operation: &Operation<'d>) -> &'d str {
    let said = operation.get("description").and_then(crate::document::Node::as_str);
    said.unwrap_or_default()
}
