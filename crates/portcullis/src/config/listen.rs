//! Where callers arrive: an address alone, or an object that says what is spoken there.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, MapAccess, Visitor};

use portcullis_contract::document::Span;

use super::acme::{Acme, AcmeWritten};
use super::address_list::{AddressList, Addresses};
use super::checked::duplicates;
use super::nearest::nearest;
use super::problems::Problems;
use super::spanned::{List, NamedFile, Spanned};
use super::text::{Address, Location, Name};

/// One address, and what is spoken there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    /// An address and a port, such as `0.0.0.0:8443`.
    pub(crate) address: Spanned<Address>,
    /// TLS. Default: none, plain HTTP.
    pub(crate) tls: Option<TlsWritten>,
    /// Whether every connection begins with a PROXY protocol header (version 1 or 2) of one of `trusted_proxies`; others
    /// are closed. Default: false.
    pub(crate) proxy_protocol: Option<Spanned<bool>>,
    /// Whether HTTP/2 is offered over TLS. Default: true.
    pub(crate) http2: Option<bool>,
    /// Whether HTTP/2 is spoken without TLS, by prior knowledge, beside HTTP/1.1. Default: false.
    pub(crate) h2c: Option<Spanned<bool>>,
    /// Its name, by which `listeners` of a policy binds operations to it.
    pub(crate) name: Option<Spanned<Name>>,
    /// Whose connections are taken: of which peers, or of which clients where `proxy_protocol` tells them. Others are
    /// closed before a byte of theirs is read.
    pub(crate) addresses: Option<Addresses>,
}

/// TLS at one address: version 1.3, and 1.2 where asked, with forward secrecy and authenticated encryption alone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsWritten {
    /// The certificates; a caller gets the one for the host that it names, and the first where it names none.
    pub(crate) certificates: Option<List<Spanned<CertificateWritten>>>,
    /// Orders the certificate from an authority by ACME (RFC 8555) and renews it, in the place of `certificates`.
    pub(crate) acme: Option<Spanned<AcmeWritten>>,
    /// The lowest version. Default: 1.3.
    pub(crate) version_min: Option<TlsVersion>,
    /// The authorities (PEM) of which callers have to present a certificate. Default: no certificate is asked for.
    pub(crate) client_authorities: Option<Spanned<Location>>,
    /// Whether callers need a certificate of `client_authorities`: `required` ends a handshake without one; `optional` asks for one and
    /// lets callers in that have none, for operations that do not need it. One that is not good ends the handshake in
    /// either case. Default: required.
    pub(crate) client_certificates: Option<Spanned<ClientCertificates>>,
    /// What these authorities revoked (PEM). A list that is out of date fails the callers that it is about.
    #[serde(default)]
    pub(crate) client_revocations: Vec<Spanned<Location>>,
    /// How long browsers are told to come over TLS alone (HSTS); 0 tells them nothing. Default: 31536000, a year.
    #[schemars(range(min = 0, max = 315_360_000))]
    pub(crate) hsts_seconds: Option<u32>,
}

/// A certificate and its key, in files that are read again on every reload.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateWritten {
    /// The certificate and what leads from it to a root (PEM), relative to the configuration.
    pub(crate) chain: Spanned<Location>,
    /// Its private key (PEM).
    pub(crate) key: Spanned<Location>,
}

/// Whether callers need a certificate.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClientCertificates {
    /// Without one, the handshake fails.
    #[default]
    Required,
    /// One is asked for.
    Optional,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
pub(crate) enum TlsVersion {
    /// 1.2 (RFC 5246), for callers that know nothing better.
    #[serde(rename = "1.2")]
    V1_2,
    /// 1.3 (RFC 8446).
    #[serde(rename = "1.3")]
    V1_3,
}

/// An address or an object.
#[derive(Debug)]
pub(crate) struct ListenWritten(pub(crate) Listen);

impl<'de> Deserialize<'de> for ListenWritten {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListenVisitor).map(Self)
    }
}

struct ListenVisitor;

impl<'de> Visitor<'de> for ListenVisitor {
    type Value = Listen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address or an object")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Listen, E> {
        let value = Address::deserialize(StrDeserializer::new(text))?;
        Ok(Listen {
            // The place of the whole entry is set where it is known.
            address: Spanned {
                value,
                span: Span::default(),
            },
            tls: None,
            proxy_protocol: None,
            http2: None,
            h2c: None,
            name: None,
            addresses: None,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Listen, A::Error> {
        Listen::deserialize(MapAccessDeserializer::new(map))
    }
}

impl JsonSchema for ListenWritten {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ListenWritten".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let address = generator.subschema_for::<Address>();
        let object = generator.subschema_for::<Listen>();
        json_schema!({ "anyOf": [address, object] })
    }
}

/// One address, settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Where it is.
    pub(crate) address: SocketAddr,
    /// TLS, if it is spoken there.
    pub(crate) tls: Option<Tls>,
    /// Whether connections begin with a PROXY header.
    pub(crate) proxy_protocol: bool,
    /// Whether HTTP/2 is spoken without TLS.
    pub(crate) h2c: bool,
    /// Its name, if it has one.
    pub(crate) name: Option<String>,
    /// Whose connections it takes.
    pub(crate) addresses: AddressList,
}

/// TLS at one address, settled. Paths are whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tls {
    /// At least one.
    pub(crate) certificates: Certificates,
    /// Whether version 1.2 is spoken too.
    pub(crate) tls_1_2: bool,
    /// Whether HTTP/2 is offered.
    pub(crate) http2: bool,
    /// Whose certificates callers have to present.
    pub(crate) client_authorities: Option<Authorities>,
    /// Whether they have to.
    pub(crate) client_certificates: ClientCertificates,
    /// What those revoked.
    pub(crate) client_revocations: Vec<NamedFile>,
    /// How long browsers are told to come over TLS alone.
    pub(crate) hsts: Duration,
}

/// Where certificates come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Certificates {
    /// Files: chain and key of each.
    Files(Vec<(NamedFile, NamedFile)>),
    /// Ordered from an authority.
    Acme(Acme),
    /// Made when the gate starts, for trying things out; nobody trusts it.
    SelfSigned,
    /// Here, with its key: somebody made it a moment ago. No configuration says so.
    #[cfg_attr(not(feature = "demo"), expect(dead_code, reason = "the demo makes one"))]
    InMemory(CertificateDer<'static>, Arc<PrivatePkcs8KeyDer<'static>>),
}

/// Where the authorities of callers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Authorities {
    /// In a file.
    File(NamedFile),
    /// Here: somebody made one a moment ago. No configuration says so.
    #[cfg_attr(not(feature = "demo"), expect(dead_code, reason = "the demo makes one"))]
    InMemory(CertificateDer<'static>),
}

impl Authorities {
    /// The file, if they are in one.
    pub(crate) fn file(&self) -> Option<&NamedFile> {
        match self {
            Self::File(file) => Some(file),
            Self::InMemory(_) => None,
        }
    }
}

impl Listener {
    /// Settles one entry; `span` is where it stands.
    pub(super) fn lower(
        entry: Spanned<ListenWritten>,
        directory: &Path,
        has_proxies: bool,
        problems: &mut Problems<'_>,
    ) -> Self {
        let Spanned {
            value: ListenWritten(written),
            span,
        } = entry;
        let proxy_protocol = written.proxy_protocol.is_some_and(|asked| asked.value);
        if proxy_protocol && !has_proxies {
            let message = "`proxy_protocol` is on and nobody may speak it: `trusted_proxies` is empty";
            problems.error(span, message, "name the networks of your load balancers there");
        }
        if let Some(h2c) = written.h2c.filter(|h2c| h2c.value)
            && written.tls.is_some()
        {
            let message = "`h2c` is HTTP/2 without TLS, and this address speaks TLS";
            problems.error(h2c.span, message, "take `h2c` out: HTTP/2 is offered over TLS");
        }
        Self {
            address: written.address.value.0,
            proxy_protocol,
            h2c: written.h2c.is_some_and(|h2c| h2c.value),
            name: written.name.map(|name| name.value.0),
            addresses: AddressList::lower(written.addresses.as_ref(), directory),
            tls: written
                .tls
                .map(|tls| Tls::lower(tls, written.http2, span, directory, problems)),
        }
    }

    /// Where its certificate is ordered, if it is.
    pub(crate) fn acme(&self) -> Option<&Acme> {
        match &self.tls.as_ref()?.certificates {
            Certificates::Acme(acme) => Some(acme),
            Certificates::Files(_) | Certificates::SelfSigned | Certificates::InMemory(..) => None,
        }
    }

    /// Every file that it reads.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let Some(tls) = &self.tls else { return Vec::new() };
        let mut files: Vec<PathBuf> = match &tls.certificates {
            Certificates::Files(pairs) => pairs
                .iter()
                .flat_map(|(chain, key)| [chain.value.clone(), key.value.clone()])
                .collect(),
            // What is ordered is put in force when it comes, not when its file changes.
            Certificates::Acme(_) | Certificates::SelfSigned | Certificates::InMemory(..) => Vec::new(),
        };
        let of_callers = tls.client_authorities.iter().filter_map(Authorities::file);
        let of_callers = of_callers.chain(&tls.client_revocations);
        files.extend(of_callers.map(|file| file.value.clone()));
        files
    }
}

/// The names of the listeners; one that stands twice is a problem.
pub(super) fn names(listen: &[Spanned<ListenWritten>], problems: &mut Problems<'_>) -> Vec<String> {
    let names = || listen.iter().filter_map(|listen| listen.value.0.name.as_ref());
    let placed = names().map(|name| (name.value.0.as_str(), name.span));
    duplicates("name of a listener", placed, problems);
    names().map(|name| name.value.0.clone()).collect()
}

/// Reports names of a policy that no listener has: nobody would reach what is bound to one.
pub(super) fn check_names(written: Option<&[Spanned<Name>]>, known: &[String], problems: &mut Problems<'_>) {
    let words: Vec<&str> = known.iter().map(String::as_str).collect();
    for Spanned {
        value: Name(name),
        span,
    } in written.unwrap_or_default()
    {
        let help = match nearest(name, &words) {
            _ if known.contains(name) => continue,
            Some(word) => format!("did you mean `{word}`?"),
            None => "give a listener that name: `listen: [{address: 127.0.0.1:8081, name: admin}]`".to_owned(),
        };
        problems.error(*span, format!("no listener is called `{name}`"), help);
    }
}

impl Tls {
    /// What `--dev-tls` offers.
    pub(crate) fn for_development() -> Self {
        Self {
            certificates: Certificates::SelfSigned,
            tls_1_2: false,
            http2: true,
            client_authorities: None,
            client_certificates: ClientCertificates::Required,
            client_revocations: Vec::new(),
            // A browser that remembered it would refuse plain HTTP on this machine for a year.
            hsts: Duration::ZERO,
        }
    }

    fn lower(
        written: TlsWritten,
        http2: Option<bool>,
        span: Span,
        directory: &Path,
        problems: &mut Problems<'_>,
    ) -> Self {
        let file = |location: Spanned<Location>| location.file(directory);
        let pair =
            |certificate: Spanned<CertificateWritten>| (file(certificate.value.chain), file(certificate.value.key));
        let files = written
            .certificates
            .map(|files| files.0.into_iter().map(pair).collect());
        let certificates = match (files, written.acme) {
            (Some(files), None) => Certificates::Files(files),
            (None, Some(acme)) => Certificates::Acme(Acme::lower(acme, directory, problems)),
            (files, acme) => {
                let place = acme.map_or(span, |acme| acme.span);
                let message = "TLS needs either `certificates` or `acme`";
                problems.error(
                    place,
                    message,
                    "name the files of a certificate, or say where to order one",
                );
                Certificates::Files(files.unwrap_or_default())
            }
        };
        if let Some(asked) = &written.client_certificates
            && written.client_authorities.is_none()
        {
            let message =
                "`client_certificates` says how callers are asked, and no authority is named whose certificates count";
            problems.error(
                asked.span,
                message,
                "name the authorities: `client_authorities: clients.pem`",
            );
        }
        Self {
            certificates,
            client_certificates: written
                .client_certificates
                .map_or_else(Default::default, |asked| asked.value),
            tls_1_2: written.version_min == Some(TlsVersion::V1_2),
            http2: http2.unwrap_or(true),
            client_authorities: written
                .client_authorities
                .map(|authorities| Authorities::File(file(authorities))),
            client_revocations: written.client_revocations.into_iter().map(file).collect(),
            hsts: Duration::from_secs(written.hsts_seconds.unwrap_or(31_536_000).into()),
        }
    }
}
