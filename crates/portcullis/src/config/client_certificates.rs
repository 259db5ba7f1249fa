//! Whom client certificates name, and where trusted proxies forward them, as it is written and settled.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_contract::document::Span;
use portcullis_gateway::certificates::Field;
use portcullis_identity::certificate::{DnsPattern, EmailPattern, Pattern, Rule, Rules, SpiffePattern};
use portcullis_identity::principal::SubjectKind;
use schemars::JsonSchema;
use serde::Deserialize;

use super::listen::{Authorities, Listener, check_names};
use super::problems::Problems;
use super::spanned::{NamedFile, Spanned};
use super::text::{Location, Name};

/// Whom client certificates name. Schemes of the type `mutualTLS` are verified by it: `security_schemes: {mtls: {client_certificates:
/// NAME}}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientCertificatesWritten {
    /// What whoever vouches for these subjects is called here, and in logs.
    pub(crate) name: Spanned<Name>,
    /// The listeners, by name, at which certificates count. Default: all that ask for certificates, which then have the same
    /// `client_authorities`.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) listeners: Option<Vec<Spanned<Name>>>,
    /// Whom certificates name: the first rule that is for a certificate counts, and one that none is for proves nobody.
    #[schemars(length(min = 1, max = 1000))]
    pub(crate) rules: Vec<Spanned<RuleWritten>>,
}

/// Which certificates a rule is for, by exactly one of their names, and what their subject is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleWritten {
    /// A SPIFFE ID, which has to be the only URI of the certificate: `spiffe://example.org/ns/prod/sa/orders`. `*` stands for any one
    /// segment of the path.
    pub(crate) spiffe: Option<String>,
    /// Another URI, letter by letter.
    pub(crate) uri: Option<String>,
    /// A DNS name; `*` in the place of its first label stands for any one: `*.clients.example.com`.
    pub(crate) dns: Option<String>,
    /// An e-mail address; `*` in the place of what is before the `@` stands for anybody of that domain: `*@example.com`.
    pub(crate) email: Option<String>,
    /// The common name (CN) of the certificate's subject, letter by letter. Many authorities write there what they are asked to, and
    /// check only the other names.
    pub(crate) dangerous_common_name: Option<String>,
    /// What the subject is. Default: service.
    pub(crate) subject: Option<SubjectWritten>,
}

/// What a subject is.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SubjectWritten {
    /// A program.
    #[default]
    Service,
    /// A thing.
    Device,
    /// A person.
    User,
}

/// Client certificates that `trusted_proxies` forward, which ended the TLS connections of callers. From anybody else such fields are never
/// believed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForwardedWritten {
    /// Where the proxies write the certificate. They have to take out what callers write there.
    pub(crate) field: FieldWritten,
    /// The authorities (PEM) that certificates have to be of: verified here once more.
    pub(crate) authorities: Spanned<Location>,
    /// What these authorities revoked (PEM). A list that is out of date fails the callers that it is about.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) revocations: Vec<Spanned<Location>>,
}

/// A field that proxies write certificates in.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(crate) enum FieldWritten {
    /// With `Client-Cert-Chain` beside it (RFC 9440).
    #[serde(rename = "Client-Cert")]
    Rfc9440,
    /// As Envoy writes it, with `Cert` or `Chain` in exactly one element.
    #[serde(rename = "X-Forwarded-Client-Cert")]
    Envoy,
    /// Percent-encoded PEM, as nginx's `$ssl_client_escaped_cert`.
    #[serde(rename = "X-SSL-Client-Cert")]
    Nginx,
    /// The same form, as ingress-nginx writes it.
    #[serde(rename = "SSL-Client-Cert")]
    IngressNginx,
}

/// Whom client certificates name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientCertificates {
    /// The rules, with what they are called here.
    pub(crate) rules: Rules,
    /// Where the name stands.
    pub(crate) span: Span,
    /// The names of the listeners at which certificates count; none: all.
    pub(crate) listeners: Option<Vec<String>>,
}

/// Certificates that proxies forward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forwarded {
    /// Where they stand.
    pub(crate) field: Field,
    /// Whose they have to be.
    pub(crate) authorities: Authorities,
    /// What those revoked.
    pub(crate) revocations: Vec<NamedFile>,
}

impl Forwarded {
    pub(super) fn lower(
        written: Spanned<ForwardedWritten>,
        directory: &Path,
        has_proxies: bool,
        problems: &mut Problems<'_>,
    ) -> Self {
        if !has_proxies {
            let message = "certificates are forwarded by nobody: `trusted_proxies` is empty";
            problems.error(written.span, message, "name the networks of your proxies there");
        }
        let ForwardedWritten {
            field,
            authorities,
            revocations,
        } = written.value;
        Self {
            field: match field {
                FieldWritten::Rfc9440 => Field::ClientCert,
                FieldWritten::Envoy => Field::XForwardedClientCert,
                FieldWritten::Nginx => Field::XSslClientCert,
                FieldWritten::IngressNginx => Field::SslClientCert,
            },
            authorities: Authorities::File(authorities.file(directory)),
            revocations: revocations.into_iter().map(|file| file.file(directory)).collect(),
        }
    }

    /// Every file that it reads.
    pub(crate) fn files(&self) -> impl Iterator<Item = PathBuf> {
        let files = self.authorities.file().into_iter().chain(&self.revocations);
        files.map(|file| file.value.clone())
    }
}

impl ClientCertificates {
    /// What it is called here.
    pub(crate) fn name(&self) -> &str {
        self.rules.authority()
    }

    /// `names` are those of the listeners.
    pub(super) fn lower(
        written: ClientCertificatesWritten,
        names: &[String],
        listen: &[Listener],
        forwarded: Option<&Forwarded>,
        problems: &mut Problems<'_>,
    ) -> Self {
        check_names(written.listeners.as_deref(), names, problems);
        let rules = written.rules.into_iter();
        let rules = rules.filter_map(|rule| rule.value.lower(rule.span, problems)).collect();
        let named = |names: Vec<Spanned<Name>>| names.into_iter().map(|name| name.value.0).collect();
        let settled = Self {
            rules: Rules::new(Arc::from(written.name.value.0), rules),
            span: written.name.span,
            listeners: written.listeners.map(named),
        };
        settled.check(listen, forwarded, problems);
        settled
    }

    /// Reports rules that no certificate can meet, and certificates of two authorities that would pass for each other's.
    fn check(&self, listen: &[Listener], forwarded: Option<&Forwarded>, problems: &mut Problems<'_>) {
        let covers = |listener: &&Listener| match &self.listeners {
            None => true,
            Some(names) => listener.name.as_ref().is_some_and(|name| names.contains(name)),
        };
        let of_listener = |listener: &Listener| {
            let file = listener.tls.as_ref()?.client_authorities.as_ref()?.file()?;
            Some(file.value.clone())
        };
        let mut authorities: BTreeSet<PathBuf> = listen.iter().filter(covers).filter_map(of_listener).collect();
        let forwarded = forwarded.and_then(|forwarded| forwarded.authorities.file());
        authorities.extend(forwarded.map(|file| file.value.clone()));
        let name = self.name();
        match authorities.len() {
            0 => {
                let message = format!("nobody presents a certificate for `{name}`: no listener asks for one");
                let help = "name the authorities of callers at a listener: `tls: {client_authorities: clients.pem}`";
                problems.error(self.span, message, help);
            }
            1 => {}
            _ => {
                let message = format!(
                    "certificates of different authorities would name the same subjects of `{name}`: a name that one of them gives, \
                     another could give to somebody else"
                );
                let help = "say at which `listeners` these rules count, with one file of authorities; certificates that proxies \
                            forward count at each";
                problems.error(self.span, message, help);
            }
        }
    }
}

impl RuleWritten {
    fn lower(self, span: Span, problems: &mut Problems<'_>) -> Option<Rule> {
        let mut sound = |pattern: Option<Pattern>, text: &str, what: &str, help: &str| {
            if pattern.is_none() {
                problems.error(span, format!("`{text}` is no {what}"), help);
            }
            pattern
        };
        let patterns = [
            self.spiffe.map(|text| {
                sound(
                    SpiffePattern::read(&text).map(Pattern::Spiffe),
                    &text,
                    "SPIFFE ID of a workload",
                    "write such as `spiffe://example.org/ns/*/sa/orders`: a `*` stands for one whole segment of the path",
                )
            }),
            self.uri.map(|uri| Some(Pattern::Uri(uri.into()))),
            self.dns.map(|text| {
                sound(
                    DnsPattern::read(&text).map(Pattern::Dns),
                    &text,
                    "DNS name that a rule can have",
                    "write such as `*.clients.example.com`: a `*` stands for the first label, before at least two others",
                )
            }),
            self.email.map(|text| {
                sound(
                    EmailPattern::read(&text).map(Pattern::Email),
                    &text,
                    "e-mail address",
                    "write such as `*@example.com`: a `*` stands for all of what is before the `@`",
                )
            }),
            self.dangerous_common_name
                .map(|name| Some(Pattern::DangerousCommonName(name.into()))),
        ];
        let mut said = patterns.into_iter().flatten();
        match (said.next(), said.next()) {
            (Some(pattern), None) => Some(Rule {
                pattern: pattern?,
                kind: match self.subject.unwrap_or_default() {
                    SubjectWritten::Service => SubjectKind::Service,
                    SubjectWritten::Device => SubjectKind::Device,
                    SubjectWritten::User => SubjectKind::User,
                },
            }),
            _ => {
                let message = "a rule needs exactly one of `spiffe`, `uri`, `dns`, `email` and `dangerous_common_name`";
                problems.error(
                    span,
                    message,
                    "write a rule for each: the first that is for a certificate counts",
                );
                None
            }
        }
    }
}
