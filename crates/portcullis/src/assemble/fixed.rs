//! What a reload leaves as it is, because it belongs to sockets and threads.

use std::net::SocketAddr;

use crate::config::checked::Configuration;
use crate::config::listen::{self, Certificates};

/// Whether both listen at the same addresses, under the same names, for the same protocols; what TLS offers there can change
/// at any time, but for what is ordered.
pub(super) fn same_doors(old: &[listen::Listener], new: &[listen::Listener]) -> bool {
    type Door<'l> = (SocketAddr, Option<&'l str>, [bool; 3], Option<&'l listen::Tls>);
    fn door(listener: &listen::Listener) -> Door<'_> {
        let tls = listener.tls.as_ref();
        // Whoever orders certificates puts them in force with the terms that it was started with, so none of those changes.
        let acme = tls.filter(|tls| matches!(tls.certificates, Certificates::Acme(_)));
        let listen::Listener {
            address,
            proxy_protocol,
            h2c,
            ..
        } = *listener;
        let name = listener.name.as_deref();
        (address, name, [tls.is_some(), proxy_protocol, h2c], acme)
    }
    old.iter().map(door).eq(new.iter().map(door))
}

/// The settings that differ and belong to sockets and threads, which a reload leaves as they are.
pub(super) fn fixed_settings(old: &Configuration, new: &Configuration) -> Vec<&'static str> {
    let admin = |of: &Configuration| of.admin.as_ref().map(|admin| admin.address);
    let changed = [
        ("listen", !same_doors(&old.listen, &new.listen)),
        ("admin", admin(old) != admin(new)),
        ("workers", old.workers != new.workers),
        ("connection", old.connection != new.connection),
        ("trusted_proxies", old.trusted_proxies != new.trusted_proxies),
        ("log", old.log != new.log),
        ("observe", old.observe != new.observe),
        ("process", old.process != new.process),
        ("traces", old.traces != new.traces),
    ];
    changed
        .into_iter()
        .filter(|(_, changed)| *changed)
        .map(|(name, _)| name)
        .collect()
}
