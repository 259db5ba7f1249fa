//! Client certificates as proof of who calls: the rules that they meet, and the authorities of those that proxies forward.

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_contract::document::{Problem, Span};
use portcullis_gateway::certificates::{Certificates, Forwarded};
use portcullis_gateway::listen::{ListenerIndex, Trust};
use portcullis_gateway::policy::Listeners;

use crate::assemble::tls;
use crate::config::client_certificates::{ClientCertificates, Forwarded as Configured};
use crate::config::listen::Listener;

/// The rules by their names. A listener that is configured but not bound yet, which takes a restart, presents nothing.
pub(crate) fn rules(configured: &[ClientCertificates], bound: &[Listener]) -> HashMap<String, Arc<Certificates>> {
    let rules = configured.iter().map(|one| {
        let listeners = one.listeners.as_deref().map_or(Listeners::Any, |names| {
            let named = |listener: &Listener| listener.name.as_ref().is_some_and(|name| names.contains(name));
            let bound = bound.iter().enumerate().filter(|(_, listener)| named(listener));
            Listeners::only(bound.map(|(index, _)| ListenerIndex(index)))
        });
        let certificates = Certificates::new(one.rules.clone(), listeners);
        (one.name().to_owned(), Arc::new(certificates))
    });
    rules.collect()
}

/// What proxies forward, with the authorities as their files are now. `location` is the configuration's.
///
/// # Errors
/// A file that cannot be used.
pub(crate) fn forwarded(configured: &Configured, location: &str) -> Result<Forwarded, Box<Problem>> {
    let span = configured
        .authorities
        .file()
        .map_or_else(Span::default, |file| file.span);
    let problem = |message: String, help: String| Box::new(Problem::error(location, span, message).help(help));
    let authorities = tls::authorities(&configured.authorities, &configured.revocations);
    let authorities = authorities.map_err(|fault| problem(fault.message, fault.help))?;
    let trust = Trust::new(authorities.certificates, authorities.revoked);
    Ok(Forwarded {
        field: configured.field,
        trust: Arc::new(trust.map_err(|wrong| problem(wrong.to_string(), String::new()))?),
    })
}
