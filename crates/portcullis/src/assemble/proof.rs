//! What an operation accepts as proof of who calls: the contract's `security` and the configuration's verifiers, joined.

use std::sync::Arc;

use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::security::Requirement;
use portcullis_gateway::issuer::Issuer;
use portcullis_gateway::policy::{Access, Need, Verifier};

use crate::config::api::Api;
use crate::config::security::Scheme;
use crate::issuers::ByName;

/// What an operation accepts. A scheme that nothing verifies was refused before; here no token would meet it.
pub(super) fn access(api: &Api, contract: &Contract, declared: &Operation, issuers: &ByName) -> Access {
    let need = |requirement: &Requirement| {
        let scheme = scheme(api, contract, requirement);
        Need {
            verifier: match scheme {
                Some(Scheme::Unverified) => Verifier::Unverified,
                Some(Scheme::Issuers { names, .. }) => Verifier::Tokens(named(names, issuers)),
                None => Verifier::Tokens(Arc::default()),
            },
            scopes: requirement.scopes.clone(),
        }
    };
    let asked = declared.security.iter().flatten();
    let alternatives = asked.clone().map(|all| all.iter().map(need).collect()).collect();
    let forwards = |requirement: &Requirement| match scheme(api, contract, requirement) {
        Some(Scheme::Unverified) => true,
        Some(Scheme::Issuers { forward, .. }) => *forward,
        None => false,
    };
    Access {
        realm: api.name.as_str().into(),
        alternatives,
        forward_authorization: asked.flatten().any(forwards),
    }
}

fn scheme<'a>(api: &'a Api, contract: &Contract, requirement: &Requirement) -> Option<&'a Scheme> {
    let index = usize::try_from(requirement.scheme.0).ok()?;
    let scheme = contract.security_schemes.get(index)?;
    api.scheme(&scheme.name)
}

fn named(names: &[String], issuers: &ByName) -> Arc<[Arc<Issuer>]> {
    names
        .iter()
        .filter_map(|name| issuers.get(name.as_str()))
        .cloned()
        .collect()
}
