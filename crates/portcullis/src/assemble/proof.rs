//! What an operation accepts as proof of who calls: the contract's `security` and the configuration's verifiers, joined.

use std::sync::Arc;

use http::HeaderName;
use http::header::AUTHORIZATION;
use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::security::Requirement;
use portcullis_gateway::issuer::Issuer;
use portcullis_gateway::policy::{Access, Need, Verifier};

use crate::config::api::Api;
use crate::config::security::{self, Scheme};
use crate::issuers::ByName;
use crate::verifiers::Verifiers;

/// What an operation accepts. A scheme that nothing verifies was refused before; here no credential would meet it.
pub(super) fn access(api: &Api, contract: &Contract, declared: &Operation, verifiers: &Verifiers) -> Access {
    let asked = || declared.security.iter().flatten();
    let need = |requirement: &Requirement| Need {
        verifier: scheme(api, contract, requirement).map_or(Verifier::Tokens(Arc::default()), |scheme| {
            verifier(&scheme.verifier, verifiers)
        }),
        scopes: requirement.scopes.clone(),
    };
    let schemes = asked().flatten().filter_map(|asked| scheme(api, contract, asked));
    Access {
        realm: api.name.as_str().into(),
        alternatives: asked().map(|all| all.iter().map(need).collect()).collect(),
        withheld: withheld(schemes),
        withheld_keys: Box::default(),
    }
}

fn scheme<'a>(api: &'a Api, contract: &Contract, requirement: &Requirement) -> Option<&'a Scheme> {
    let index = usize::try_from(requirement.scheme.0).ok()?;
    let scheme = contract.security_schemes.get(index)?;
    api.scheme(&scheme.name)
}

/// Who verifies, as the gate knows it.
fn verifier(configured: &security::Verifier, verifiers: &Verifiers) -> Verifier {
    match configured {
        security::Verifier::Issuers(names) => Verifier::Tokens(named(names, &verifiers.issuers)),
        security::Verifier::Upstream => Verifier::Unverified,
    }
}

fn named(names: &[String], issuers: &ByName) -> Arc<[Arc<Issuer>]> {
    names
        .iter()
        .filter_map(|name| issuers.get(name.as_str()))
        .cloned()
        .collect()
}

/// The header fields of credentials that end at the gate: of `Authorization` also where nothing is looked at.
fn withheld<'s>(mut schemes: impl Iterator<Item = &'s Scheme>) -> Box<[HeaderName]> {
    let goes_on = schemes.any(|scheme| scheme.forward);
    (!goes_on).then_some(AUTHORIZATION).into_iter().collect()
}
