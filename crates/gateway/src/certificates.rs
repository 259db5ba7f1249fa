//! Client certificates as proof of who calls: the rules that they are held against, and those that trusted proxies forward.

use std::sync::Arc;

use http::HeaderName;
use portcullis_identity::certificate::Rules;

use crate::listen::{ListenerIndex, Trust};
use crate::policy::Listeners;

/// Whom client certificates name, and where they have to be presented.
#[derive(Debug)]
pub struct Certificates {
    rules: Rules,
    listeners: Listeners,
}

/// Certificates that trusted proxies forward, which ended the connections of those who presented them.
#[derive(Debug)]
pub struct Forwarded {
    /// Where they stand.
    pub field: Field,
    /// Who has to stand for them: that a proxy looked, nothing shows.
    pub trust: Arc<Trust>,
}

/// A field that a certificate is forwarded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `Client-Cert`, and `Client-Cert-Chain` beside it (RFC 9440).
    ClientCert,
    /// `X-Forwarded-Client-Cert`, as Envoy writes it: one element with `Cert` or `Chain`.
    XForwardedClientCert,
    /// `X-SSL-Client-Cert`, in percent-encoded PEM, as nginx writes `$ssl_client_escaped_cert`.
    XSslClientCert,
    /// `SSL-Client-Cert`, in the same form.
    SslClientCert,
}

impl Certificates {
    /// These rules, for certificates that were presented at these listeners.
    #[must_use]
    pub fn new(rules: Rules, listeners: Listeners) -> Self {
        Self { rules, listeners }
    }

    /// What whoever vouches for their subjects is called here.
    pub(crate) fn authority(&self) -> &str {
        self.rules.authority()
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(crate) fn are_for(&self, listener: ListenerIndex) -> bool {
        self.listeners.hold(listener)
    }
}

impl Field {
    /// Its name.
    #[must_use]
    pub fn name(self) -> HeaderName {
        HeaderName::from_static(match self {
            Self::ClientCert => "client-cert",
            Self::XForwardedClientCert => "x-forwarded-client-cert",
            Self::XSslClientCert => "x-ssl-client-cert",
            Self::SslClientCert => "ssl-client-cert",
        })
    }
}
