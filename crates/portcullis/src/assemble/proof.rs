//! What an operation accepts as proof of who calls: the contract's `security` and the configuration's verifiers, joined.

use std::sync::Arc;

use http::HeaderName;
use http::header::AUTHORIZATION;
use portcullis_contract::conform::contract::Contract;
use portcullis_contract::conform::operation::Operation;
use portcullis_contract::conform::security::{KeyPlace, Requirement, SchemeKind, SecurityScheme};
use portcullis_gateway::issuer::Issuer;
use portcullis_gateway::policy::{Access, ApiKeys, Need, Verifier};

use crate::config::api::Api;
use crate::config::security::{self, Scheme};
use crate::issuers::ByName;
use crate::verifiers::Verifiers;

/// A proof of possession (RFC 9449 §4.1).
const DPOP: HeaderName = HeaderName::from_static("dpop");
/// RFC 9421 §4.
const SIGNATURE_FIELDS: [HeaderName; 2] = [
    HeaderName::from_static("signature"),
    HeaderName::from_static("signature-input"),
];

/// What an operation accepts. A scheme that nothing verifies was refused before; here nobody does.
pub(super) fn access(api: &Api, contract: &Contract, declared: &Operation, verifiers: &Verifiers) -> Access {
    let asked = || declared.security.iter().flatten();
    let need = |requirement: &Requirement| Need {
        verifier: api
            .mapped(contract, requirement)
            .and_then(|(declared, scheme)| verifier(&scheme.verifier, &declared.kind, verifiers))
            .unwrap_or(Verifier::Nobody),
        scopes: requirement.scopes.clone(),
    };
    Access {
        realm: api.name.as_str().into(),
        alternatives: asked().map(|all| all.iter().map(need).collect()).collect(),
        withheld: withheld(api, contract, declared),
        withheld_keys: withheld_keys(api, contract, schemes(api, contract, declared)),
        forwarded: verifiers.forwarded.clone(),
        dpop: verifiers.dpop,
    }
}

/// A scheme as the contract has it, and what verifies it.
type Mapped<'a> = (&'a SecurityScheme, &'a Scheme);

/// The schemes that an operation asks for.
fn schemes<'a>(api: &'a Api, contract: &'a Contract, declared: &'a Operation) -> impl Iterator<Item = Mapped<'a>> {
    let asked = declared.security.iter().flatten().flatten();
    asked.filter_map(|asked| api.mapped(contract, asked))
}

/// Who verifies, as the gate knows it.
fn verifier(configured: &security::Verifier, kind: &SchemeKind, verifiers: &Verifiers) -> Option<Verifier> {
    let keyring = || verifiers.keyring.as_ref().map(Arc::clone);
    Some(match configured {
        security::Verifier::Tokens { own, issuers } => Verifier::Tokens {
            own: if *own { Some(keyring()?) } else { None },
            issuers: named(issuers, &verifiers.issuers),
        },
        security::Verifier::ApiKeys { .. } => Verifier::ApiKeys(ApiKeys {
            keyring: keyring()?,
            place: place(kind)?.clone(),
        }),
        // A name that there is not was refused before.
        security::Verifier::Users(name) => Verifier::Passwords(Arc::clone(verifiers.users.get(name.as_str())?)),
        security::Verifier::Signers(name) => Verifier::Signatures(Arc::clone(verifiers.signers.get(name.as_str())?)),
        security::Verifier::ClientCertificates(name) => {
            Verifier::Certificates(Arc::clone(verifiers.client_certificates.get(name)?))
        }
        security::Verifier::Upstream => Verifier::Unverified,
    })
}

fn place(kind: &SchemeKind) -> Option<&KeyPlace> {
    match kind {
        SchemeKind::ApiKey(place) => Some(place),
        _ => None,
    }
}

fn named(names: &[String], issuers: &ByName) -> Arc<[Arc<Issuer>]> {
    names
        .iter()
        .filter_map(|name| issuers.get(name.as_str()))
        .cloned()
        .collect()
}

/// Where the API keys of all operations stand that end at the gate: one for another operation is none of the upstream's either.
fn kept_here<'a>(api: &'a Api, contract: &'a Contract) -> impl Iterator<Item = &'a KeyPlace> {
    contract.security_schemes.iter().filter_map(|declared| {
        let is_ours = matches!(api.scheme(&declared.name)?.verifier, security::Verifier::ApiKeys { .. });
        place(&declared.kind).filter(|_| is_ours)
    })
}

/// The header fields of credentials that end at the gate: `Authorization` also where nothing is looked at, those of API keys on every
/// operation of the API, those of a signature where it is verified. A proof of possession is for one request and goes on only where
/// somebody behind verifies it. A field that several schemes share goes on only where all of them let it: a password is not forwarded
/// because a token may be.
pub(crate) fn withheld(api: &Api, contract: &Contract, declared: &Operation) -> Box<[HeaderName]> {
    let asked: Vec<Mapped<'_>> = schemes(api, contract, declared).collect();
    let of_asked = |forward: bool| {
        let those = asked.iter().filter(move |(_, scheme)| scheme.forward == forward);
        those.flat_map(|(declared, scheme)| fields(&declared.kind, &scheme.verifier))
    };
    let kept: Vec<HeaderName> = of_asked(false).collect();
    let forwarded: Vec<HeaderName> = of_asked(true).filter(|name| !kept.contains(name)).collect();
    let keys = kept_here(api, contract).filter_map(field);
    let mut withheld: Vec<HeaderName> = keys.chain([AUTHORIZATION, DPOP]).chain(kept).collect();
    withheld.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    withheld.dedup();
    withheld.retain(|name| !forwarded.contains(name));
    withheld.into()
}

/// The header fields that carry what a scheme asks for.
fn fields(kind: &SchemeKind, verifier: &security::Verifier) -> Vec<HeaderName> {
    match (verifier, place(kind)) {
        (security::Verifier::Signers(_), _) => SIGNATURE_FIELDS.to_vec(),
        (_, Some(place)) => field(place).into_iter().collect(),
        (security::Verifier::ClientCertificates(_), None) => Vec::new(),
        (security::Verifier::Upstream, None) => vec![AUTHORIZATION, DPOP],
        (_, None) => vec![AUTHORIZATION],
    }
}

fn field(place: &KeyPlace) -> Option<HeaderName> {
    match place {
        KeyPlace::Header(name) => Some(name.clone()),
        KeyPlace::Cookie(_) | KeyPlace::Query(_) => None,
    }
}

/// The cookies and query parameters of API keys that end at the gate; in a query none goes on.
fn withheld_keys<'a>(api: &'a Api, contract: &'a Contract, asked: impl Iterator<Item = Mapped<'a>>) -> Box<[KeyPlace]> {
    let forwarded: Vec<&KeyPlace> = asked
        .filter(|(_, scheme)| scheme.forward)
        .filter_map(|(declared, _)| place(&declared.kind))
        .collect();
    let ends = |place: &&KeyPlace| match place {
        KeyPlace::Header(_) => false,
        KeyPlace::Cookie(_) => !forwarded.contains(place),
        KeyPlace::Query(_) => true,
    };
    kept_here(api, contract).filter(ends).cloned().collect()
}
