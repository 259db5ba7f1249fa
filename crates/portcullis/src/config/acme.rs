//! Certificates that are ordered from an authority by ACME (RFC 8555).

use std::path::{Path, PathBuf};

use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use super::checked::duplicates;
use super::problems::Problems;
use super::spanned::{NamedFile, Spanned};
use super::text::{Host, Location};

/// Where a certificate is ordered, and for which hosts. The authority looks by TLS-ALPN-01 (RFC 8737) at port 443 of each host, which
/// has to lead to this address.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcmeWritten {
    /// The authority's directory, such as `https://acme-v02.api.letsencrypt.org/directory`.
    pub(crate) directory: Spanned<String>,
    /// The hosts of the certificate.
    #[schemars(length(min = 1, max = 100))]
    pub(crate) hosts: Vec<Spanned<Host>>,
    /// Where the account's key, the certificate and its key are kept, relative to the configuration: a directory that only the gate
    /// reads.
    pub(crate) storage: Location,
    /// Whether you agree to the authority's terms of service. Without, nothing is ordered.
    pub(crate) terms_agreed: Spanned<bool>,
    /// Whom the authority writes to, such as `mailto:operator@example.com`.
    #[serde(default)]
    #[schemars(length(max = 8))]
    pub(crate) contacts: Vec<String>,
    /// The root certificate (PEM) that the authority's own server leads to. Default: those of the system.
    pub(crate) root: Option<Spanned<Location>>,
}

/// An order, settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acme {
    /// The authority's directory; `https`.
    pub(crate) directory: String,
    /// At least one, all different, in lower case.
    pub(crate) hosts: Vec<String>,
    /// Where keys and certificates are kept.
    pub(crate) storage: PathBuf,
    /// Whom the authority writes to.
    pub(crate) contacts: Vec<String>,
    /// What the authority's own server leads to; the system's roots where nothing is said.
    pub(crate) root: Option<NamedFile>,
}

impl Acme {
    pub(super) fn lower(written: Spanned<AcmeWritten>, directory: &Path, problems: &mut Problems<'_>) -> Self {
        let written = written.value;
        let is_https = Url::parse(&written.directory.value).is_ok_and(|url| url.scheme() == "https");
        if !is_https {
            let message = format!("`{}` is no `https` URL", written.directory.value);
            problems.error(
                written.directory.span,
                message,
                "write the URL of the authority's directory",
            );
        }
        if !written.terms_agreed.value {
            let message = "nothing is ordered from an authority whose terms are not agreed to";
            problems.error(
                written.terms_agreed.span,
                message,
                "read them, then write `terms_agreed: true`",
            );
        }
        let hosts = written.hosts.iter().map(|host| (host.value.0.as_str(), host.span));
        duplicates("host", hosts, problems);
        for host in written.hosts.iter().filter(|host| host.value.0.starts_with("*.")) {
            let message = format!(
                "`{}` cannot be ordered: the challenge at this address shows single hosts",
                host.value.0
            );
            problems.error(host.span, message, "name each host");
        }
        Self {
            directory: written.directory.value,
            hosts: written.hosts.into_iter().map(|host| host.value.0).collect(),
            storage: directory.join(written.storage.0),
            contacts: written.contacts,
            root: written.root.map(|root| root.file(directory)),
        }
    }

    /// Where the certificate is kept, with its key.
    pub(crate) fn certificate_file(&self) -> PathBuf {
        let name = self.hosts.first().map_or("certificate", String::as_str);
        self.storage.join(format!("{name}.pem"))
    }
}
