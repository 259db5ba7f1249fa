//! The certificates of the demo: the gate's own, those of callers, and those that somebody would like to be taken for one.
//! Authorities and keys are made in memory, and end with the demo.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_contract::document::Span;
use portcullis_gateway::certificates::Field;
use portcullis_gateway::listen::unix_time;
use portcullis_identity::certificate::{DnsPattern, Pattern, Rule, Rules, SpiffePattern};
use portcullis_identity::principal::SubjectKind;
use portcullis_identity::thumbprint::Thumbprint;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::keys::told;
use crate::config::address_list::AddressList;
use crate::config::client_certificates::{ClientCertificates, Forwarded};
use crate::config::listen::{self, Authorities, Listener, Tls};

/// What the rules for client certificates are called in the gate's log.
pub(super) const RULES: &str = "partners";
/// The partner's service, and the device.
pub(super) const MIRROR: &str = "mirror";
pub(super) const KIOSK: &str = "kiosk-7";
/// The only proxy that may forward certificates: nobody here has its address (RFC 5737).
pub(super) const PROXY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const PARTNERS: &str = "spiffe://natter.example/partner";
const DEVICES: &str = "devices.natter.example";
const DAY_SECONDS: u64 = 24 * 3600;

/// A certificate and its key.
pub(super) struct Certified {
    der: CertificateDer<'static>,
    key: Arc<PrivatePkcs8KeyDer<'static>>,
}

/// Somebody who stands for certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Everybody's.
pub(super) struct Certificates {
    /// Who stands for the gate.
    own: Authority,
    /// Who stands for callers.
    clients: Authority,
    gate: Certified,
    /// A partner's service, by its SPIFFE identity.
    pub(super) mirror: Certified,
    /// A device, by its name in DNS.
    pub(super) kiosk: Certified,
}

/// What somebody presents who should not be let in.
pub(super) struct Hostile {
    /// The partner's name, and a stranger stands for it.
    pub(super) of_stranger: Certified,
    /// The same, of a stranger who has the name of the callers' authority.
    pub(super) of_namesake: Certified,
    /// The partner's, which ended yesterday.
    pub(super) expired: Certified,
    /// Nobody's: no rule is for its name.
    pub(super) unknown: Certified,
    /// The partner's name and another's.
    pub(super) ambiguous: Certified,
}

impl Certificates {
    /// New ones.
    ///
    /// # Errors
    /// The library makes none.
    pub(super) fn new() -> Result<Self, String> {
        let (own, clients) = (Authority::new("gate")?, Authority::new("callers")?);
        let server = |params: &mut CertificateParams| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        };
        let gate = own.issue(vec![dns("localhost")?, loopback()], server)?;
        let mirror = clients.issue(vec![partner(MIRROR)?], |_| {})?;
        let kiosk = clients.issue(vec![dns(&format!("{KIOSK}.{DEVICES}"))?], |_| {})?;
        Ok(Self {
            own,
            clients,
            gate,
            mirror,
            kiosk,
        })
    }

    /// What attackers present.
    ///
    /// # Errors
    /// The library makes none.
    pub(super) fn hostile(&self) -> Result<Hostile, String> {
        let ended = |params: &mut CertificateParams| {
            let now = unix_time().seconds();
            date(
                params,
                now.saturating_sub(2 * DAY_SECONDS),
                now.saturating_sub(DAY_SECONDS),
            );
        };
        let (stranger, namesake) = (Authority::new("strangers")?, Authority::new("callers")?);
        Ok(Hostile {
            of_stranger: stranger.issue(vec![partner(MIRROR)?], |_| {})?,
            of_namesake: namesake.issue(vec![partner(MIRROR)?], |_| {})?,
            expired: self.clients.issue(vec![partner(MIRROR)?], ended)?,
            unknown: self.clients.issue(vec![dns("guest.natter.example")?], |_| {})?,
            ambiguous: self.clients.issue(vec![partner(MIRROR)?, partner("admin")?], |_| {})?,
        })
    }

    /// The address where TLS is spoken and a certificate may be presented.
    pub(super) fn listener(&self) -> Listener {
        Listener {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: Some(Tls {
                certificates: listen::Certificates::InMemory(self.gate.der.clone(), Arc::clone(&self.gate.key)),
                client_authorities: Some(self.authorities()),
                client_certificates: listen::ClientCertificates::Optional,
                ..Tls::for_development()
            }),
            proxy_protocol: false,
            h2c: false,
            name: None,
            addresses: AddressList::default(),
        }
    }

    fn authorities(&self) -> Authorities {
        Authorities::InMemory(self.clients.0.der().clone())
    }

    /// Where [`PROXY`] would forward certificates.
    pub(super) fn forwarded(&self) -> Forwarded {
        Forwarded {
            field: Field::ClientCert,
            authorities: self.authorities(),
            revocations: Vec::new(),
        }
    }

    /// Whom they name.
    ///
    /// # Errors
    /// A pattern is none.
    pub(super) fn rules() -> Result<ClientCertificates, String> {
        let partners = SpiffePattern::read(&format!("{PARTNERS}/*")).ok_or("a SPIFFE pattern is none")?;
        let devices = DnsPattern::read(&format!("*.{DEVICES}")).ok_or("a DNS pattern is none")?;
        let rules = vec![
            Rule {
                pattern: Pattern::Spiffe(partners),
                kind: SubjectKind::Service,
            },
            Rule {
                pattern: Pattern::Dns(devices),
                kind: SubjectKind::Device,
            },
        ];
        Ok(ClientCertificates {
            rules: Rules::new(Arc::from(RULES), rules),
            span: Span::default(),
            listeners: None,
        })
    }

    /// How somebody connects who presents this, or nothing.
    ///
    /// # Errors
    /// The library takes none of it.
    pub(super) fn presenting(&self, certified: Option<&Certified>) -> Result<Arc<ClientConfig>, String> {
        let mut roots = RootCertStore::empty();
        roots.add(self.own.0.der().clone()).map_err(told)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(told)?
            .with_root_certificates(roots);
        let config = match certified {
            None => builder.with_no_client_auth(),
            Some(Certified { der, key }) => builder
                .with_client_auth_cert(vec![der.clone()], key.clone_key().into())
                .map_err(told)?,
        };
        Ok(Arc::new(config))
    }

    /// The authority that stands for the gate, in base64.
    pub(super) fn authority(&self) -> String {
        STANDARD.encode(self.own.0.der())
    }
}

impl Certified {
    /// `x5t#S256` (RFC 8705 §3.1).
    pub(super) fn thumbprint(&self) -> String {
        Thumbprint::of_certificate(&self.der).to_string()
    }

    /// The certificate, in base64.
    pub(super) fn certificate(&self) -> String {
        STANDARD.encode(&self.der)
    }

    /// Its key as PKCS#8, in base64: for whoever looks at the demo.
    pub(super) fn key(&self) -> String {
        STANDARD.encode(self.key.secret_pkcs8_der())
    }

    /// `Client-Cert` (RFC 9440 §2.1), as a proxy writes it.
    pub(super) fn forwarded(&self) -> String {
        format!(":{}:", self.certificate())
    }
}

impl Authority {
    fn new(name: &str) -> Result<Self, String> {
        let mut params = good_for_a_day()?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().map_err(told)?;
        CertifiedIssuer::self_signed(params, key).map(Self).map_err(told)
    }

    fn issue(&self, names: Vec<SanType>, change: impl FnOnce(&mut CertificateParams)) -> Result<Certified, String> {
        let mut params = good_for_a_day()?;
        params.subject_alt_names = names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().map_err(told)?;
        let certificate = params.signed_by(&key, &self.0).map_err(told)?;
        Ok(Certified {
            der: certificate.der().clone(),
            key: Arc::new(PrivatePkcs8KeyDer::from(key.serialize_der())),
        })
    }
}

/// As long as somebody may look at a demo, and an hour before, for clocks that are behind.
fn good_for_a_day() -> Result<CertificateParams, String> {
    let mut params = CertificateParams::new(Vec::new()).map_err(told)?;
    let now = unix_time().seconds();
    date(&mut params, now.saturating_sub(3600), now.saturating_add(DAY_SECONDS));
    Ok(params)
}

/// Good from the one to the other, in seconds since the epoch.
fn date(params: &mut CertificateParams, from: u64, to: u64) {
    let at = |seconds| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    params.not_before = at(from);
    params.not_after = at(to);
}

fn partner(name: &str) -> Result<SanType, String> {
    let uri = format!("{PARTNERS}/{name}");
    Ok(SanType::URI(uri.as_str().try_into().map_err(told)?))
}

fn dns(name: &str) -> Result<SanType, String> {
    Ok(SanType::DnsName(name.try_into().map_err(told)?))
}

fn loopback() -> SanType {
    SanType::IpAddress(Ipv4Addr::LOCALHOST.into())
}
