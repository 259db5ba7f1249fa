//! What a demo stands on: Natter with its link previews, and the gate in front of it, on free loopback ports, all in
//! this process. Dropping them ends them, and removes the folder of the audit log, the only files that are written.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use natter::{LinkPreview, LinkPreviewOptions, Natter, Options};
use portcullis_contract::document::{self, Fetch, Problem, Span};
use portcullis_identity::confirmation::Binding;
use portcullis_identity::jose::algorithm::RsaAlgorithm;
use rustls::ClientConfig;
use tokio::sync::oneshot;

use super::Failure;
use super::certificates::{Certificates, Certified, PROXY, RULES};
use super::client::{self, Answer, Request};
use super::credentials::{Credentials, Known, SIGNERS, USERS};
use super::log::{self, Folder};
use super::people::Issuer;
use super::policies::{self, OVERLAY};
use super::possession::Bound;
use crate::assemble::Running;
use crate::audit_log::keys::Keys;
use crate::config;
use crate::config::address_list::AddressList;
use crate::config::checked::{Admin, Configuration};
use crate::config::credentials::Kept;
use crate::config::issuer::{self, Authority, Keys as IssuerKeys};
use crate::config::security::{Scheme, Schemes, Verifier};
use crate::config::spanned::Spanned;
use crate::contracts::{self, Loaded};

/// The contract's name in problems.
const CONTRACT: &str = "natter.openapi.yaml";
/// What the issuer of tokens is called here.
const ISSUER: &str = "natter";
/// Streams that are still open at the end are cut off after this.
const DRAIN_SECONDS_MAX: u64 = 2;

/// Natter and its link preview service on a thread of their own.
pub(super) struct Services {
    /// Where Natter listens.
    pub(super) natter: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Services {
    /// Starts a fresh Natter.
    ///
    /// # Errors
    /// No port or no thread is to be had.
    pub(super) fn start() -> Result<Self, Failure> {
        let (stop, stopped) = oneshot::channel();
        let (started, start) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("natter".to_owned())
            .spawn(move || serve(&started, stopped))
            .map_err(|error| cannot_start(&error))?;
        // A thread that is gone without a word has dropped its end.
        let natter = start.recv().map_err(|error| cannot_start(&error))?;
        Ok(Self {
            natter: natter.map_err(|error| cannot_start(&error))?,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to say that matters at the end.
            let _ = thread.join();
        }
    }
}

fn serve(started: &mpsc::Sender<Result<SocketAddr, String>>, stopped: oneshot::Receiver<()>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(started.send(Err(error.to_string()))),
    };
    runtime.block_on(async {
        let (natter, preview) = match start().await {
            Ok(running) => running,
            Err(error) => return drop(started.send(Err(error.to_string()))),
        };
        if started.send(Ok(natter.address)).is_ok() {
            // Nothing is ever sent: the sender's end is the signal.
            let _ = stopped.await;
        }
        natter.shutdown().await;
        preview.shutdown().await;
    });
}

async fn start() -> Result<(natter::Running, natter::Running), natter::Error> {
    let preview = LinkPreview::start(LinkPreviewOptions::on_loopback()?).await?;
    let mut options = Options::on_loopback()?;
    options.link_preview = Some(preview.address);
    Ok((Natter::start(options).await?, preview))
}

/// A fresh Natter with the gate in front of it.
pub(super) struct Guarded {
    /// Where the gate listens.
    pub(super) gate: SocketAddr,
    /// Where it speaks TLS, and callers may present certificates.
    pub(super) gate_tls: SocketAddr,
    /// Where its metrics and health are.
    pub(super) admin: SocketAddr,
    /// Whose tokens the gate believes.
    pub(super) issuer: Issuer,
    /// What else callers have.
    pub(super) credentials: Credentials,
    /// The gate's certificate, and those of callers.
    pub(super) certificates: Certificates,
    /// Tokens that are bound to something.
    pub(super) bound: Bound,
    running: Option<Running>,
    /// Where the audit log lies; dropped after the gate, which writes there.
    pub(super) folder: Folder,
    /// The keys of that log.
    pub(super) log_keys: Keys,
    /// Dropped after the gate, which goes first.
    pub(super) services: Services,
}

impl Guarded {
    /// Starts a fresh Natter, and the gate as anybody gets it who names a contract, an upstream, an issuer and policies: every default.
    ///
    /// # Errors
    /// No port or no thread is to be had.
    pub(super) fn start() -> Result<Self, Failure> {
        let services = Services::start()?;
        let issuer = Issuer::new().map_err(|error| cannot_start(&error))?;
        let (credentials, known) = Credentials::new().map_err(|error| cannot_start(&error))?;
        let certificates = Certificates::new().map_err(|error| cannot_start(&error))?;
        let bound = Bound::new(&issuer, &certificates).map_err(|error| cannot_start(&error))?;
        let folder = Folder::new().map_err(|error| cannot_start(&error))?;
        let (log, log_keys) = log::make(&folder).map_err(|error| cannot_start(&error))?;
        let (mut configuration, api) = configured(services.natter, &issuer, known, &certificates)?;
        configuration.audit_log = Some(log);
        let running = Running::start(configuration, vec![api]).map_err(|error| cannot_start(&error))?;
        let (&[gate, gate_tls], Some(admin)) = (running.addresses(), running.admin_address()) else {
            return Err(cannot_start(&"it has no address"));
        };
        Ok(Self {
            gate,
            gate_tls,
            admin,
            issuer,
            credentials,
            certificates,
            bound,
            running: Some(running),
            folder,
            log_keys,
            services,
        })
    }
}

/// How a request gets to the gate.
#[derive(Clone, Debug, Default)]
pub(super) enum Over {
    /// In the clear.
    #[default]
    Tcp,
    /// Over TLS, with a certificate or without.
    Tls(Arc<ClientConfig>),
}

impl Guarded {
    /// Sends a request to the gate.
    ///
    /// # Errors
    /// There is no answer.
    pub(super) fn send(&self, over: &Over, request: &Request<'_>) -> Result<Answer, client::Error> {
        match over {
            Over::Tcp => client::send(self.gate, request),
            Over::Tls(config) => client::send_over_tls(self.gate_tls, config, request),
        }
    }

    /// How whoever has this certificate connects, or somebody without one.
    ///
    /// # Errors
    /// It cannot be presented.
    pub(super) fn over_tls(&self, certified: Option<&Certified>) -> Result<Over, String> {
        self.certificates.presenting(certified).map(Over::Tls)
    }
}

impl Guarded {
    /// Ends the gate, and with it the log.
    pub(super) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            // Whatever is still open is cut off: it is only a demo that ends.
            let _ = running.stop();
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.stop();
    }
}

fn configured(
    natter: SocketAddr,
    issuer: &Issuer,
    known: Known,
    certificates: &Certificates,
) -> Result<(Configuration, Loaded), Failure> {
    let reading = config::from_arguments("127.0.0.1:0", CONTRACT, &format!("http://{natter}"));
    let (mut configuration, _) = reading.usable().map_err(|problems| unusable(&problems))?;
    configuration.admin = Some(Admin {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        addresses: AddressList::default(),
    });
    configuration.connection.drain_time_max = Duration::from_secs(DRAIN_SECONDS_MAX);
    let document = document::load_overlaid(CONTRACT, &[OVERLAY], &mut Embedded);
    let document = document.map_err(|problems| unusable(&problems))?;
    let api = configuration.apis.first_mut().ok_or_else(|| unusable(&[]))?;
    api.security_schemes = schemes();
    api.authorization = Some(policies::authorization());
    let api = &*api;
    let loaded = contracts::of_document(api, document, CONTRACT, None).map_err(|problems| unusable(&problems))?;
    configuration.credentials = Some(Kept::InMemory(known.made));
    configuration.users.push(known.users);
    configuration.signers.push(known.signers);
    let rules = Certificates::rules().map_err(|error| cannot_start(&error))?;
    configuration.client_certificates.push(rules);
    configuration.listen.push(certificates.listener());
    configuration.trusted_proxies.push(IpAddr::from(PROXY).into());
    configuration.forwarded_client_certificates = Some(certificates.forwarded());
    configuration.issuers.push(issuer::Issuer {
        name: ISSUER.into(),
        span: Span::default(),
        expected: Issuer::expected(),
        authority: Authority::Keys(IssuerKeys::InMemory(issuer.published())),
        rsa_without_alg: RsaAlgorithm::default(),
        decryption: None,
        one_time: false,
        binding: Binding::None,
    });
    Ok((configuration, loaded))
}

/// What verifies the schemes of the contract. Natter reads the caller's name from tokens and from `Basic`, which the gate has verified by then.
fn schemes() -> Schemes {
    let verified = |verifier, forward| Spanned {
        value: Scheme { verifier, forward },
        span: Span::default(),
    };
    let schemes = [
        (
            "bearerAuth",
            verified(
                Verifier::Tokens {
                    own: true,
                    issuers: vec![ISSUER.to_owned()],
                },
                true,
            ),
        ),
        ("apiKey", verified(Verifier::ApiKeys { in_query: false }, false)),
        ("basicAuth", verified(Verifier::Users(USERS.to_owned()), true)),
        ("signature", verified(Verifier::Signers(SIGNERS.to_owned()), false)),
        (
            "clientCertificate",
            verified(Verifier::ClientCertificates(RULES.to_owned()), false),
        ),
    ];
    schemes
        .into_iter()
        .map(|(name, scheme)| (name.to_owned(), scheme))
        .collect()
}

/// Natter's contract and its overlay, from within the program.
struct Embedded;

impl Fetch for Embedded {
    fn fetch(&mut self, location: &str) -> Result<Vec<u8>, String> {
        match location {
            CONTRACT => Ok(natter::CONTRACT.as_bytes().to_vec()),
            OVERLAY => Ok(natter::OVERLAY.as_bytes().to_vec()),
            _ => Err("the demo reads no files".to_owned()),
        }
    }
}

fn cannot_start(cause: &dyn std::fmt::Display) -> Failure {
    Failure::unreachable(format!("cannot start the demo: {cause}"))
}

fn unusable(problems: &[Problem]) -> Failure {
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Failure::unusable(format!(
        "the demo's own contract cannot be used: {}",
        problems.join("; ")
    ))
}
