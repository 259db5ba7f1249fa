//! Reads the certificates and keys that the configuration names for an upstream, and settles TLS with them. Every reload reads
//! them again.

use std::sync::LazyLock;

use portcullis_contract::document::{Problem, Span};
use portcullis_gateway::forward::tls::{self, Identity, Settings, Trust, certificates};
use rustls::pki_types::CertificateDer;

use crate::config::upstream_tls::{self as configured, File, Tls};
use crate::files;

/// TLS to one upstream. `location` is the configuration's.
///
/// # Errors
/// The problem, where the file in question is named.
pub(crate) fn load(configured: &Tls, location: &str) -> Result<tls::Tls, Problem> {
    let problem = |span: Span, message: String| Problem::error(location, span, message);
    let read = |file: &File| {
        files::local(&file.path)
            .map_err(|error| problem(file.span, format!("cannot read `{}`: {error}", file.path.display())))
    };
    let trust = match &configured.trust {
        configured::Trust::Certificates(digests) => Trust::Certificates(digests.clone()),
        configured::Trust::File(file) => {
            let pem = read(file)?;
            let wrong = |error| problem(file.span, format!("`{}` {error}", file.path.display()));
            Trust::Authorities(certificates(&pem).map_err(wrong)?)
        }
        configured::Trust::System => {
            let help = "install the package `ca-certificates`, or name a file as `ca`";
            let found = SYSTEM.clone();
            let missing = "this system has no certificates of authorities".to_owned();
            if found.is_empty() {
                return Err(problem(configured.span, missing).help(help));
            }
            Trust::Authorities(found)
        }
    };
    let identity = match &configured.identity {
        None => None,
        Some((certificate, key)) => {
            let (chain, secret) = (read(certificate)?, read(key)?);
            Some(Identity::from_pem(&chain, &secret).map_err(|error| problem(certificate.span, error))?)
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
    tls::Tls::new(settings).map_err(|error| problem(span, error))
}

/// The authorities that the system believes, as far as they can be used; read once.
static SYSTEM: LazyLock<Vec<CertificateDer<'static>>> =
    LazyLock::new(|| rustls_native_certs::load_native_certs().certs);
