//! TLS to an upstream: as it is written, and settled. The files are named here and read by `upstream_tls.rs` beside `config`.

use std::path::Path;

use http::uri::Authority;
use portcullis_contract::document::Span;
use rustls::pki_types::ServerName;
use schemars::JsonSchema;
use serde::Deserialize;

use super::problems::Problems;
use super::spanned::{List, NamedFile, Spanned};
use super::text::{CertificateDigest, Host, Location};

/// TLS to an upstream. Without it an `https` upstream is held against the system's authorities, and shown no certificate.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamTls {
    /// The certificates of the authorities that may vouch for the upstream: a PEM file, relative to the configuration.
    /// Default: those of the system.
    pub(crate) ca: Option<Spanned<Location>>,
    /// The SHA-256 digests of the certificates that the upstream may show, for one that no authority vouches for. Its names
    /// and dates are not looked at then.
    pub(crate) certificate_sha256: Option<List<Spanned<CertificateDigest>>>,
    /// The name that the upstream's certificate has to carry. Default: the host of `url`.
    pub(crate) server_name: Option<Spanned<Host>>,
    /// The certificate that the gate shows, with its chain: a PEM file, relative to the configuration. Needs `key`.
    pub(crate) certificate: Option<Spanned<Location>>,
    /// The key of `certificate`: a PEM file, relative to the configuration.
    pub(crate) key: Option<Spanned<Location>>,
    /// Speaks TLS 1.2 with an upstream that knows no 1.3. Default: false.
    #[serde(default)]
    pub(crate) tls_1_2: bool,
}

/// TLS to one upstream, settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tls {
    /// Whom to believe.
    pub(crate) trust: Trust,
    /// The name that the certificate has to carry.
    pub(crate) name: ServerName<'static>,
    /// The certificate to show, and its key.
    pub(crate) identity: Option<(NamedFile, NamedFile)>,
    /// Whether TLS 1.2 will do.
    pub(crate) tls_1_2: bool,
    /// Where the upstream stands, for what concerns no file.
    pub(crate) span: Span,
}

/// Whom to believe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The authorities of the system.
    System,
    /// Those of a file.
    File(NamedFile),
    /// Certificates with these SHA-256 digests; one at least.
    Certificates(Vec<[u8; 32]>),
}

impl Tls {
    /// Settles TLS to the upstream at `authority`, which stands at `span`.
    pub(super) fn lower(
        raw: Option<UpstreamTls>,
        authority: &Authority,
        span: Span,
        directory: &Path,
        problems: &mut Problems<'_>,
    ) -> Option<Self> {
        let (written, span_of_name) = match raw.as_ref().and_then(|raw| raw.server_name.as_ref()) {
            Some(name) => (name.value.0.as_str(), name.span),
            None => (authority.host(), span),
        };
        let bare = written.trim_start_matches('[').trim_end_matches(']');
        let Ok(name) = ServerName::try_from(bare.to_owned()) else {
            let message = format!("`{written}` is no name that a certificate carries");
            problems.error(span_of_name, message, "write a host name or an address, without a port");
            return None;
        };
        let file = |location: Spanned<Location>| location.file(directory);
        let mut tls = Self {
            trust: Trust::System,
            name,
            identity: None,
            tls_1_2: false,
            span,
        };
        let Some(raw) = raw else { return Some(tls) };
        tls.tls_1_2 = raw.tls_1_2;
        tls.trust = match (raw.ca, raw.certificate_sha256) {
            (None, None) => Trust::System,
            (Some(ca), None) => Trust::File(file(ca)),
            (ca, Some(List(digests))) => {
                if let Some(ca) = ca {
                    let message = "`ca` and `certificate_sha256` are two ways to believe an upstream";
                    problems.error(ca.span, message, "take one of the two out");
                }
                Trust::Certificates(digests.into_iter().map(|digest| digest.value.0).collect())
            }
        };
        tls.identity = match (raw.certificate, raw.key) {
            (Some(certificate), Some(key)) => Some((file(certificate), file(key))),
            (None, None) => None,
            (Some(lone), None) => alone(&lone, "certificate", "key", problems),
            (None, Some(lone)) => alone(&lone, "key", "certificate", problems),
        };
        Some(tls)
    }

    /// The files that it names.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let authorities = match &self.trust {
            Trust::File(file) => Some(file),
            Trust::System | Trust::Certificates(_) => None,
        };
        let identity = self.identity.iter().flat_map(|(certificate, key)| [certificate, key]);
        authorities.into_iter().chain(identity).map(|file| file.value.as_path())
    }
}

fn alone<T>(lone: &Spanned<Location>, name: &str, other: &str, problems: &mut Problems<'_>) -> Option<T> {
    let message = format!("`{name}` stands here without `{other}`");
    problems.error(lone.span, message, format!("name the file of the {other}, too"));
    None
}
