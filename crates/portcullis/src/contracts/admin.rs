//! Operations of administrators: which they are, and settings that nobody could meet, or that would let in everybody.

use std::borrow::Cow;
use std::collections::BTreeSet;

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::document::{Document, Problem};

use crate::config::admin_operations::AdminOperations;
use crate::config::api::Api;
use crate::config::policy::Policy;
use crate::config::security::Verifier;

/// The settings for the operation, where it is one of administrators: by its mark, or by a tag.
pub(crate) fn of<'a>(api: &'a Api, operation: &Operation, policy: &Policy) -> Option<&'a AdminOperations> {
    let settings = api.admin_operations.as_ref()?;
    let is_tagged = operation
        .tags
        .iter()
        .any(|tag| settings.tags.iter().any(|of| **of == **tag));
    (policy.admin || is_tagged).then_some(settings)
}

/// What is wrong with an operation of administrators: nobody says who they are, or they have to show what nobody asks them for.
pub(super) fn problem(
    api: &Api,
    document: &Document,
    contract: &Contract,
    operation: &Operation,
    policy: &Policy,
) -> Option<Problem> {
    let at = |message: String| document.problem(operation.span, message);
    let Some(settings) = of(api, operation, policy) else {
        let message = format!(
            "`{}` is for administrators, and nobody says who they are",
            operation.name()
        );
        return policy
            .admin
            .then(|| at(message).help("write `admin_operations` at the API in the configuration"));
    };
    if policy.listeners.as_ref().is_some_and(Vec::is_empty) {
        let message = format!(
            "`{}` is for administrators, and no listener reaches it",
            operation.name()
        );
        return Some(at(message).help("name a listener in `admin_operations` that the operation is reached through"));
    }
    settings.certificates.as_ref()?;
    let shows = |verifier: Option<&Verifier>| matches!(verifier, Some(Verifier::ClientCertificates(_)));
    let mut ways = operation.security.iter().flatten();
    let is_shown = operation.security.as_ref().is_some_and(|ways| !ways.is_empty())
        && ways.all(|needs| needs.iter().any(|asked| shows(api.verifier(contract, asked))));
    let message = format!(
        "administrators have to show a certificate, and `{}` lets callers in without one",
        operation.name()
    );
    let help = "have each of its security requirements ask for a `mutualTLS` scheme that `security_schemes` names";
    (!is_shown).then(|| at(message).help(help))
}

/// Roles of administrators that there are not, and tags that mark nothing.
pub(super) fn unknown(api: &Api, contract: &Contract, roles: &BTreeSet<&str>, location: &str) -> Vec<Problem> {
    let Some(settings) = &api.admin_operations else {
        return Vec::new();
    };
    let known: BTreeSet<Cow<'_, str>> = contract
        .operations
        .iter()
        .flat_map(|operation| &operation.tags)
        .map(|tag| Cow::from(&**tag))
        .collect();
    let unmarked = settings.tags.iter().filter(|tag| !known.contains(tag.as_str()));
    let unmarked = unmarked.map(|tag| {
        let message = format!("no operation has the tag `{tag}`, so it marks none for administrators");
        Problem::error(location, settings.span, message).help("write the tag as the contract does")
    });
    let absent = settings
        .roles
        .iter()
        .flatten()
        .filter(|role| !roles.contains(role.value.as_str()));
    let absent = absent.map(|role| {
        let message = format!("there is no role `{}`", role.value);
        Problem::error(location, role.span, message).help("describe it in the file of `roles` below `authorization`")
    });
    unmarked.chain(absent).collect()
}
