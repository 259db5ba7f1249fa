//! Header fields that a contract declares for callers, and that callers cannot send: an upstream would take them for the gate's.

use std::collections::HashSet;

use http::HeaderName;
use portcullis_contract::conform::contract::Contract;
use portcullis_contract::document::{Document, Problem};
use portcullis_gateway::forward::claimed::says_identity;

use crate::config::api::Api;
use crate::config::upstream_identity::{Told, UpstreamIdentity};

/// A warning for each such field, where it is declared first.
pub(super) fn warnings(api: &Api, document: &Document, contract: &Contract) -> Vec<Problem> {
    let mut told = HashSet::new();
    let declared = contract
        .operations
        .iter()
        .flat_map(|operation| &operation.parameters.header);
    let withheld = declared.filter(|parameter| is_withheld(&parameter.name, &api.upstream_identity));
    let first = withheld.filter(|parameter| told.insert(parameter.name.clone()));
    first
        .map(|parameter| {
            let message = format!(
                "the upstream never gets `{}` from callers: it says who calls",
                parameter.name
            );
            Problem::warning(document.location(parameter.span.file), parameter.span, message)
                .help("tell the upstream by `upstream_identity`, or take the parameter out (docs/upstream-identity.md)")
        })
        .collect()
}

/// Whether a field of callers is left out of what is forwarded.
fn is_withheld(name: &str, identity: &UpstreamIdentity) -> bool {
    let is = |own: &HeaderName| own.as_str() == name;
    let is_own = match &identity.told {
        Some(Told::Token(token)) => is(&token.header),
        Some(Told::Headers(headers)) => headers.names().any(is),
        None => false,
    };
    is_own || says_identity(name) && !identity.from_callers.iter().any(is)
}
