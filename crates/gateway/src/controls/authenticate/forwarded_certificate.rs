//! Client certificates that a trusted proxy forwards in a field of the request (RFC 9440, and as Envoy and nginx write them).
//!
//! That the proxy held its caller to the certificate is its word. That the certificate is one of the authorities' is verified here:
//! a proxy that asks for certificates without looking at them, and forwards what it gets, is a common mistake.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use portcullis_identity::time::UnixTime;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{Attempting, Unproven};
use crate::certificates::{Field, Forwarded};
use crate::listen::{PeerCertificate, Trust};

/// What leads from the certificate to its authority, beside it in RFC 9440.
const CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");
/// Most certificates of a chain.
const CHAIN_MAX: usize = 8;
/// How many certificates a half of the memory holds. There are two, as for tokens.
const HALF_MAX: usize = 256;

/// Certificates that one worker verified lately, by a digest of the fields that they came in.
#[derive(Debug, Default)]
pub(crate) struct ForwardedCache {
    young: HashMap<[u8; 32], Entry>,
    old: HashMap<[u8; 32], Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    certificate: Rc<PeerCertificate>,
    by: Arc<Trust>,
    until: UnixTime,
}

/// The certificate that stands in a request of a trusted proxy, if one does.
pub(super) async fn of(
    forwarded: &Forwarded,
    attempting: Attempting<'_>,
) -> Result<Option<Rc<PeerCertificate>>, Unproven> {
    let headers = attempting.request.headers();
    let mut values = headers.get_all(forwarded.field.name()).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value,
        // Of two, one may be the caller's own.
        (Some(_), Some(_)) => return Err(Unproven::Unreadable),
    };
    let digest = digest(value, headers);
    let known = attempting
        .gate
        .forwarded
        .borrow_mut()
        .get(&digest, &forwarded.trust, attempting.now);
    if known.is_some() {
        return Ok(known);
    }
    let attempt = attempting.attempt().await?;
    let entry = attempt.settle(verify(forwarded, value, attempting)).await?;
    let certificate = Rc::clone(&entry.certificate);
    attempting.gate.forwarded.borrow_mut().put(digest, entry);
    Ok(Some(certificate))
}

/// A certificate that is not remembered, held against the authorities.
fn verify(forwarded: &Forwarded, value: &HeaderValue, attempting: Attempting<'_>) -> Result<Entry, Unproven> {
    let headers = attempting.request.headers();
    let chain = read(forwarded.field, value, headers).ok_or(Unproven::Rejected("forwarded-certificate-unreadable"))?;
    let certificate = PeerCertificate::read(chain);
    let certificate = certificate.map_err(|_| Unproven::Rejected("forwarded-certificate-unreadable"))?;
    let until = forwarded.trust.believes(&certificate, attempting.now);
    let until = until.ok_or(Unproven::Rejected("forwarded-certificate-not-believed"))?;
    Ok(Entry {
        certificate: Rc::new(certificate),
        by: Arc::clone(&forwarded.trust),
        until,
    })
}

impl ForwardedCache {
    fn get(&mut self, digest: &[u8; 32], by: &Arc<Trust>, now: UnixTime) -> Option<Rc<PeerCertificate>> {
        if let Some(entry) = self.old.remove(digest) {
            self.put(*digest, entry);
        }
        let entry = self.young.get(digest)?;
        let good = now < entry.until && Arc::ptr_eq(by, &entry.by);
        good.then(|| Rc::clone(&entry.certificate))
    }

    fn put(&mut self, digest: [u8; 32], entry: Entry) {
        if self.young.len() >= HALF_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest, entry);
    }
}

/// Of everything that a certificate is read from.
fn digest(value: &HeaderValue, headers: &HeaderMap) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(value.as_bytes());
    for line in headers.get_all(CLIENT_CERT_CHAIN) {
        // No field has this octet in it.
        context.update(b"\n");
        context.update(line.as_bytes());
    }
    let mut digest = [0; 32];
    for (to, from) in digest.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    digest
}

/// The certificate and what leads to its authority.
fn read(field: Field, value: &HeaderValue, headers: &HeaderMap) -> Option<Vec<CertificateDer<'static>>> {
    let value = value.to_str().ok()?;
    let chain = match field {
        Field::ClientCert => {
            let mut chain = vec![binary(value)?];
            for line in headers.get_all(CLIENT_CERT_CHAIN) {
                let items: Option<Vec<_>> = line.to_str().ok()?.split(',').map(binary).collect();
                chain.extend(items?);
            }
            chain
        }
        Field::XForwardedClientCert => escaped_pem(of_envoy(value)?)?,
        Field::XSslClientCert | Field::SslClientCert => escaped_pem(value)?,
    };
    (1..=CHAIN_MAX).contains(&chain.len()).then_some(chain)
}

/// A byte sequence of RFC 8941 §3.3.5: `:base64:`.
fn binary(item: &str) -> Option<CertificateDer<'static>> {
    let text = item.trim_matches([' ', '\t']).strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(text).ok().map(CertificateDer::from)
}

/// The `Chain`, or else the `Cert`, of exactly one element. A comma begins another, which an earlier proxy, or nobody, wrote.
fn of_envoy(value: &str) -> Option<&str> {
    let (mut certificate, mut chain) = (None, None);
    for pair in split_outside_quotes(value, b';')? {
        let (name, value) = pair.split_once('=')?;
        let place = match name {
            _ if name.eq_ignore_ascii_case("cert") => &mut certificate,
            _ if name.eq_ignore_ascii_case("chain") => &mut chain,
            _ => continue,
        };
        let value = value
            .strip_prefix('"')
            .map_or(Some(value), |value| value.strip_suffix('"'))?;
        if place.replace(value).is_some() {
            return None;
        }
    }
    chain.or(certificate)
}

/// `None` where there is a comma outside of quotes, or a quote that does not end.
fn split_outside_quotes(value: &str, separator: u8) -> Option<Vec<&str>> {
    let (mut pairs, mut rest, mut quoted, mut escaped) = (Vec::new(), value, false, false);
    for (index, byte) in value.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return None,
            _ if byte == separator && !quoted => {
                let at = index - (value.len() - rest.len());
                pairs.push(rest.get(..at)?);
                rest = rest.get(at + 1..)?;
            }
            _ => {}
        }
    }
    pairs.push(rest);
    (!quoted).then_some(pairs)
}

/// Certificates in percent-encoded PEM.
fn escaped_pem(text: &str) -> Option<Vec<CertificateDer<'static>>> {
    let mut pieces = text.split('%');
    let mut pem = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        pem.push(u8::from_str_radix(digits, 16).ok()?);
        pem.extend_from_slice(rest.as_bytes());
    }
    CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN%20CERTIFICATE-----%0AAAEC%0A-----END%20CERTIFICATE-----%0A";

    #[track_caller]
    fn check(field: Field, value: &str, chain: &[&str], expected: Option<&[&[u8]]>) {
        let headers = chain
            .iter()
            .map(|line| (CLIENT_CERT_CHAIN, HeaderValue::from_str(line).unwrap()));
        let read = read(field, &HeaderValue::from_str(value).unwrap(), &headers.collect());
        let read: Option<Vec<&[u8]>> = read
            .as_ref()
            .map(|chain| chain.iter().map(|one| one.as_ref()).collect());
        assert_eq!(read.as_deref(), expected, "{value}");
    }

    #[test]
    fn oauth_16_client_cert_is_one_byte_sequence() {
        let check =
            |value, chain: &[&str], expected: Option<&[&[u8]]>| check(Field::ClientCert, value, chain, expected);
        check(":AAEC:", &[], Some(&[&[0, 1, 2]]));
        check(
            ":AAEC:",
            &[":AwQ=:, :BQ==:", ":Bg==:"],
            Some(&[&[0, 1, 2], &[3, 4], &[5], &[6]]),
        );
        for unreadable in [
            "",
            "AAEC",
            ":AAEC",
            ":AAEC:, :AAEC:",
            ":AAEC:;a=1",
            ":A:",
            ":AA-_:",
            "\"AAEC\"",
            PEM,
        ] {
            check(unreadable, &[], None);
        }
        check(":AAEC:", &["AAEC"], None);
        check(":AAEC:", &[&[":AAEC:"; CHAIN_MAX].join(",")], None);
    }

    #[test]
    fn oauth_16_of_envoy_s_field_exactly_one_element_counts() {
        let check = |value: &str, expected| check(Field::XForwardedClientCert, value, &[], expected);
        let one: Option<&[&[u8]]> = Some(&[&[0, 1, 2]]);
        check(
            &format!("By=spiffe://a/b;Hash=00;Cert=\"{PEM}\";Subject=\"CN=a\\\";,b\""),
            one,
        );
        check(&format!("Cert={PEM}"), one);
        check(
            &format!("Cert=\"{PEM}\";Chain=\"{PEM}{PEM}\""),
            Some(&[&[0, 1, 2], &[0, 1, 2]]),
        );
        for unreadable in [
            format!("Cert=\"{PEM}\",Cert=\"{PEM}\""),
            format!("Cert=\"{PEM}\";Cert=\"{PEM}\""),
            format!("Cert=\"{PEM}"),
            "Hash=00;URI=spiffe://a/b".to_owned(),
            "Cert".to_owned(),
            String::new(),
        ] {
            check(&unreadable, None);
        }
    }

    #[test]
    fn escaped_pem_is_read() {
        for field in [Field::XSslClientCert, Field::SslClientCert] {
            check(field, PEM, &[], Some(&[&[0, 1, 2]]));
            for unreadable in [
                "",
                "%",
                "%0",
                "%+1",
                "%zz",
                "nothing",
                "-----BEGIN%20CERTIFICATE-----%0A",
            ] {
                check(field, unreadable, &[], None);
            }
        }
    }
}
