//! Reads the certificates and keys that the configuration names for an upstream, and settles TLS with them. Every reload reads
//! them again.

use std::sync::LazyLock;

use portcullis_contract::document::{Problem, Span};
use portcullis_gateway::forward::tls::{self, Identity, Settings, Trust};
use rustls::pki_types::CertificateDer;

use crate::config::spanned::NamedFile;
use crate::config::upstream_tls::{self as configured, Tls};
use crate::tls_files::now;
use crate::tls_files::pair::{self, Wrong};
use crate::tls_files::pem::{self, Fault};

/// TLS to one upstream. `location` is the configuration's.
///
/// # Errors
/// The problems, where the files in question are named; one at least.
pub(crate) fn load(configured: &Tls, location: &str) -> Result<tls::Tls, Vec<Problem>> {
    let problem = |span: Span, message: String| Problem::error(location, span, message);
    let at = |file: &NamedFile, Fault { message, help }| problem(file.span, message).help(help);
    let certificates = |file: &NamedFile| pem::certificates(&file.value).map_err(|fault| vec![at(file, fault)]);
    let trust = match &configured.trust {
        configured::Trust::Certificates(digests) => Trust::Certificates(digests.clone()),
        configured::Trust::File(file) => Trust::Authorities(certificates(file)?),
        configured::Trust::System => {
            let help = "install the package `ca-certificates`, or name a file as `ca`";
            let found = SYSTEM.clone();
            let missing = "this system has no certificates of authorities".to_owned();
            if found.is_empty() {
                return Err(vec![problem(configured.span, missing).help(help)]);
            }
            Trust::Authorities(found)
        }
    };
    let identity = match &configured.identity {
        None => None,
        Some((certificate, key)) => {
            let pair = pair::read(&certificate.value, &key.value, now());
            let placed = |wrong| match wrong {
                Wrong::Chain(fault) => at(certificate, fault),
                Wrong::Key(fault) => at(key, fault),
            };
            let pair = pair.map_err(|wrong| wrong.into_iter().map(placed).collect::<Vec<_>>())?;
            Some(Identity::new(pair.certificate.chain, pair.certificate.key))
        }
    };
    let span = match (&configured.identity, &configured.trust) {
        (Some((certificate, _)), _) => certificate.span,
        (None, configured::Trust::File(file)) => file.span,
        (None, _) => configured.span,
    };
    let settings = Settings {
        trust,
        name: configured.name.clone(),
        identity,
        tls_1_2: configured.tls_1_2,
    };
    tls::Tls::new(settings).map_err(|error| vec![problem(span, error)])
}

/// The authorities that the system believes, as far as they can be used; read once.
static SYSTEM: LazyLock<Vec<CertificateDer<'static>>> =
    LazyLock::new(|| rustls_native_certs::load_native_certs().certs);
