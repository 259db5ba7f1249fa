//! Sets of public keys: read from files or from what was fetched, and what is said of those that cannot be used.

use portcullis_contract::document::Problem;
use portcullis_identity::jose::key::JwkRules;
use portcullis_identity::jose::key_set::{KeySet, KeySetRefusal, LeftOut};

use super::mistaken::{self, Mistaken};
use crate::config::issuer::Issuer as Configured;
use crate::config::spanned::NamedFile;
use crate::files;

/// The rules for the keys of an issuer.
pub(super) fn rules(configured: &Configured) -> JwkRules {
    JwkRules {
        rsa_without_alg: configured.rsa_without_alg,
    }
}

/// Keys that were fetched, or are looked at once, and what is said of those that are left out.
///
/// # Errors
/// Why they cannot be used, as the end of a sentence.
pub(super) fn parse(octets: &[u8], rules: &JwkRules) -> Result<(KeySet, Vec<String>), String> {
    let keys = KeySet::from_jwks(octets, rules);
    let (keys, left_out) = keys.map_err(|refusal| told(octets, &refusal).0)?;
    Ok((keys, left_out.iter().map(unused).collect()))
}

/// The keys of a file, and a warning of each that is left out.
///
/// # Errors
/// It cannot be read or used.
pub(super) fn read(
    file: &NamedFile,
    configured: &Configured,
    location: &str,
) -> Result<(KeySet, Vec<Problem>), Box<Problem>> {
    let shown = file.value.display();
    let problem = |message: String, help: &str| Box::new(Problem::error(location, file.span, message).help(help));
    let held = files::trusted(&file.value);
    let held = held.map_err(|error| problem(format!("cannot read the keys `{shown}`: {error}"), ""))?;
    let keys = KeySet::from_jwks(&held.octets, &rules(configured));
    let (keys, left_out) = keys.map_err(|refusal| {
        let (what, help) = told(&held.octets, &refusal);
        problem(format!("`{shown}` {what}"), help)
    })?;
    let warnings = left_out.iter().map(|key| {
        let message = format!("{} of `{shown}` is not used: {}", numbered(key), key.refusal);
        Problem::warning(location, file.span, message)
    });
    Ok((keys, warnings.collect()))
}

/// Keys that somebody made a moment ago.
///
/// # Errors
/// They cannot be used.
pub(super) fn made(keys: &str, configured: &Configured, location: &str) -> Result<KeySet, Box<Problem>> {
    let keys = KeySet::from_jwks(keys.as_bytes(), &rules(configured));
    let problem = |refusal| {
        let message = format!("what was made as keys {}", refused(&refusal));
        Box::new(Problem::error(location, configured.span, message))
    };
    keys.map(|(keys, _)| keys).map_err(problem)
}

fn unused(key: &LeftOut) -> String {
    format!("{} is not used: {}", numbered(key), key.refusal)
}

fn numbered(key: &LeftOut) -> String {
    format!("key {}", key.position + 1)
}

/// What octets are that are no set of keys, after their name, and what to do about it.
fn told(octets: &[u8], refusal: &KeySetRefusal) -> (String, &'static str) {
    match mistaken::of(octets) {
        Some(Mistaken { what, help }) => (what.to_owned(), help),
        None => (refused(refusal), advice(refusal)),
    }
}

/// What is wrong with a set of keys, after its name.
pub(crate) fn refused(refusal: &KeySetRefusal) -> String {
    match refusal {
        KeySetRefusal::TooLong => "is too long for a set of keys".to_owned(),
        KeySetRefusal::Json(fault) => format!("is no set of keys (RFC 7517): it {fault}"),
        KeySetRefusal::NoKeys => "is no set of keys (RFC 7517): it has no array `keys` of objects".to_owned(),
        KeySetRefusal::TooManyKeys => "has too many keys".to_owned(),
        KeySetRefusal::ExposedSecret(key) => {
            format!("holds a secret: key {} is {}", key.position + 1, key.refusal)
        }
        KeySetRefusal::DuplicateKid(kid) => format!("has two keys of the name `{}`", kid.as_str()),
        KeySetRefusal::NoUsableKey(left_out) => match left_out.first() {
            Some(key) => format!(
                "has no key that can be used: key {} is {}",
                key.position + 1,
                key.refusal
            ),
            None => "has no key".to_owned(),
        },
    }
}

fn advice(refusal: &KeySetRefusal) -> &'static str {
    match refusal {
        KeySetRefusal::ExposedSecret(_) => "make new keys: this one is known, and write only public keys here",
        _ => "",
    }
}
