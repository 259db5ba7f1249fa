//! What an operation's `security` needs, held against what verifies it here. A scheme that nothing verifies is an error: the
//! contract would promise what nobody keeps.

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::security::{KeyPlace, Requirement, SchemeKind, SecurityScheme};
use portcullis_contract::document::{Document, Problem};

use crate::config::api::Api;
use crate::config::security::{Scheme, Verifier};

/// Everything that is wrong with what verifies the schemes of a contract. `location` is the configuration's.
pub(super) fn problems(api: &Api, document: &Document, contract: &Contract, location: &str) -> Vec<Problem> {
    let verified = contract
        .security_schemes
        .iter()
        .filter_map(|scheme| match api.scheme(&scheme.name) {
            None => Some(unmapped(api, scheme, location)),
            Some(Scheme { verifier, .. }) if verifier.is_for(&scheme.kind) => None,
            Some(Scheme { verifier, .. }) => Some(match (verifier, &scheme.kind) {
                (Verifier::ApiKeys { .. }, SchemeKind::ApiKey(KeyPlace::Query(_))) => in_query(document, scheme),
                _ => unfit(document, scheme),
            }),
        });
    let unknown = api.security_schemes.iter().filter_map(|(name, settled)| {
        let is_asked = contract.security_schemes.iter().any(|scheme| *scheme.name == **name);
        (!is_asked).then(|| {
            let message = format!(
                "no operation of `{}` asks for a security scheme called `{name}`",
                api.name
            );
            Problem::warning(location, settled.span, message).help("take it out, or write it as the contract does")
        })
    });
    verified
        .chain(unknown)
        .chain(two_keys(api, document, contract))
        .chain(left_to_others(api, document, contract))
        .collect()
}

fn unmapped(api: &Api, SecurityScheme { name, kind, .. }: &SecurityScheme, location: &str) -> Problem {
    let message = format!("the contract asks for the security scheme `{name}`, and nothing verifies it");
    let verifier = match kind {
        SchemeKind::MutualTls => {
            format!("say whom certificates name (`security_schemes: {{{name}: {{client_certificates: ...}}}}`)")
        }
        _ => format!("name whose tokens are accepted (`security_schemes: {{{name}: {{issuers: [...]}}}}`)"),
    };
    let help = format!("{verifier}, or set `dangerous_unverified_schemes: true` where the upstream verifies them");
    Problem::error(location, api.contract_span, message).help(help)
}

/// What is verified in another way than the contract says must not look as if it was.
fn unfit(document: &Document, scheme: &SecurityScheme) -> Problem {
    let what = match &scheme.kind {
        SchemeKind::Bearer | SchemeKind::OAuth2 | SchemeKind::OpenIdConnect(_) => "access tokens".to_owned(),
        SchemeKind::ApiKey(_) => "API keys".to_owned(),
        SchemeKind::Basic => "passwords".to_owned(),
        SchemeKind::Http(other) => format!("credentials of the HTTP scheme `{other}`"),
        SchemeKind::MutualTls => "client certificates".to_owned(),
        SchemeKind::Unknown => "what a scheme that is not declared asks for".to_owned(),
    };
    let message = format!(
        "`{}`: what is named in `security_schemes` does not verify {what}",
        scheme.name
    );
    let help = "name what does, or let the upstream verify them: `dangerous_unverified: true`";
    Problem::error(document.location(scheme.span.file), scheme.span, message).help(help)
}

/// A key in the query is written into logs, histories and `Referer` fields on its way (RFC 9700 §4.3.2).
fn in_query(document: &Document, scheme: &SecurityScheme) -> Problem {
    let message = format!(
        "`{}`: the API key stands in the query, where logs and histories keep it",
        scheme.name
    );
    let help = "put it into a header field, or set `dangerous_query: true` where callers cannot";
    Problem::error(document.location(scheme.span.file), scheme.span, message).help(help)
}

/// An operation that needs two API keys at once: a request presents one.
fn two_keys(api: &Api, document: &Document, contract: &Contract) -> Option<Problem> {
    let is_key = |requirement: &&Requirement| {
        let index = usize::try_from(requirement.scheme.0).ok();
        let scheme = index.and_then(|index| contract.security_schemes.get(index));
        let scheme = scheme.and_then(|scheme| api.scheme(&scheme.name));
        scheme.is_some_and(|scheme| matches!(scheme.verifier, Verifier::ApiKeys { .. }))
    };
    let needs_two = |operation: &&Operation| {
        let mut alternatives = operation.security.iter().flatten();
        alternatives.any(|alternative| alternative.iter().filter(is_key).count() > 1)
    };
    let first = contract.operations.iter().find(needs_two)?;
    let message = format!(
        "`{}` asks for two API keys at once, and the gate verifies one in a request",
        first.name()
    );
    let help = "let the upstream verify the other: `dangerous_unverified: true`";
    Some(Problem::error(document.location(first.span.file), first.span, message).help(help))
}

/// What goes on unverified, told once.
fn left_to_others(api: &Api, document: &Document, contract: &Contract) -> Option<Problem> {
    let unverified = |requirement: &Requirement| {
        let index = usize::try_from(requirement.scheme.0).ok();
        let scheme = index.and_then(|index| contract.security_schemes.get(index));
        scheme.is_some_and(|scheme| {
            api.scheme(&scheme.name)
                .is_some_and(|scheme| scheme.verifier == Verifier::Upstream)
        })
    };
    let asks = |operation: &&Operation| operation.security.iter().flatten().flatten().any(unverified);
    let count = contract.operations.iter().filter(asks).count();
    let first = contract.operations.iter().find(asks)?;
    let root = document.root().node.get("security");
    let span = root.map_or(first.span, |node| node.span);
    let message = format!(
        "{count} of {} operations declare security that the gate does not verify: credentials go on to the upstream as \
         they are",
        contract.operations.len()
    );
    Some(Problem::warning(document.location(span.file), span, message).help("let the upstream verify them"))
}
