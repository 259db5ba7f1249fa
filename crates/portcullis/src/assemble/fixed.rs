//! What a reload leaves as it is, because it belongs to sockets and threads.

use crate::config::checked::Configuration;
use crate::config::listen::{Certificates, Listener, Tls};

/// What is configured now of an address that is listened on; nothing where it is to be left.
pub(super) fn now_of<'l>(bound: &Listener, new: &'l [Listener]) -> Option<&'l Listener> {
    new.iter().find(|listener| listener.address == bound.address)
}

/// Whether what TLS offers at an address can become this while the address is served.
pub(super) fn tls_can_become(bound: Option<&Tls>, new: Option<&Tls>) -> bool {
    // Whoever orders certificates puts them in force with the terms that it was started with, so none of those changes.
    let ordered = |tls: &Tls| matches!(tls.certificates, Certificates::Acme(_));
    match (bound, new) {
        (Some(bound), Some(new)) => bound == new || !ordered(bound) && !ordered(new),
        (None, None) => true,
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// What differs at one address and counts only after a restart.
fn fixed_of(bound: &Listener, new: &Listener) -> impl Iterator<Item = &'static str> {
    let Listener {
        name,
        proxy_protocol,
        h2c,
        tls,
        // The same; and what can change at any time.
        address: _,
        addresses: _,
    } = bound;
    let changed = [
        ("name", *name != new.name),
        ("proxy_protocol", *proxy_protocol != new.proxy_protocol),
        ("h2c", *h2c != new.h2c),
        ("tls", !tls_can_become(tls.as_ref(), new.tls.as_ref())),
    ];
    changed
        .into_iter()
        .filter(|(_, changed)| *changed)
        .map(|(name, _)| name)
}

/// What differs at each address and counts only after a restart.
fn fixed_listeners(bound: &[Listener], new: &[Listener]) -> Vec<String> {
    let mut fixed = Vec::new();
    for listener in bound {
        let address = listener.address;
        match now_of(listener, new) {
            Some(now) => fixed.extend(fixed_of(listener, now).map(|what| format!("listen {address}: {what}"))),
            None => fixed.push(format!("listen {address}: removed")),
        }
    }
    let added = new.iter().filter(|listener| now_of(listener, bound).is_none());
    fixed.extend(added.map(|listener| format!("listen {}: added", listener.address)));
    fixed
}

/// The settings that differ and belong to sockets and threads, which a reload leaves as they are.
pub(super) fn fixed_settings(old: &Configuration, new: &Configuration) -> Vec<String> {
    let admin = |of: &Configuration| of.admin.as_ref().map(|admin| admin.address);
    let changed = [
        ("admin", admin(old) != admin(new)),
        ("workers", old.workers != new.workers),
        ("connection", old.connection != new.connection),
        ("trusted_proxies", old.trusted_proxies != new.trusted_proxies),
        ("trusted_header", old.trusted_header != new.trusted_header),
        ("log", old.log != new.log),
        ("observe", old.observe != new.observe),
        ("process", old.process != new.process),
        ("traces", old.traces != new.traces),
        ("audit_log", old.audit_log != new.audit_log),
    ];
    let changed = changed.into_iter().filter(|(_, changed)| *changed);
    let mut fixed = fixed_listeners(&old.listen, &new.listen);
    fixed.extend(changed.map(|(name, _)| name.to_owned()));
    fixed
}
