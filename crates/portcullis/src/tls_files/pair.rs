//! A certificate with its chain and its key: whether they belong together, and whom they can serve.

use std::path::Path;

use portcullis_gateway::listen::tls::Certificate;
use rustls::InconsistentKeys;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;

use super::pem::{self, Fault};

/// The least bits of an RSA key that TLS takes here.
const RSA_BITS_MIN: usize = 2048;

/// Which of the two files a fault is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Chain(Fault),
    Key(Fault),
}

/// A pair that can be offered.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) certificate: Certificate,
    /// The hosts that the leaf is for, in lower case; a wildcard as it is written.
    pub(crate) hosts: Vec<String>,
    /// Whether the leaf is for addresses.
    pub(crate) addresses: bool,
    /// What a caller will not like about each certificate: the leaf first.
    pub(crate) complaints: Vec<String>,
}

/// Reads a chain and its key, and holds them against each other. `now` in Unix seconds.
///
/// # Errors
/// What is wrong with either, or with both.
pub(crate) fn read(chain_file: &Path, key_file: &Path, now: i64) -> Result<Pair, Vec<Wrong>> {
    match (pem::certificates(chain_file), pem::key(key_file)) {
        (Ok(chain), Ok(key)) => {
            together(Certificate { chain, key }, chain_file, key_file, now).map_err(|wrong| vec![wrong])
        }
        (chain, key) => {
            let (chain, key) = (chain.err().map(Wrong::Chain), key.err().map(Wrong::Key));
            Err(chain.into_iter().chain(key).collect())
        }
    }
}

fn together(certificate: Certificate, chain_file: &Path, key_file: &Path, now: i64) -> Result<Pair, Wrong> {
    let Certificate { chain, key } = certificate;
    let parsed = parse(&chain, chain_file).map_err(Wrong::Chain)?;
    let signing = any_supported_type(&key).map_err(|_| Wrong::Key(unsupported(key_file, parsed.first())))?;
    let belongs = |certificate: &CertificateDer<'static>| {
        let certified = CertifiedKey::new(vec![certificate.clone()], signing.clone());
        !matches!(
            certified.keys_match(),
            Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch))
        )
    };
    if let Some((leaf, others)) = chain.split_first()
        && !belongs(leaf)
    {
        let place = others.iter().position(belongs).map(|index| index + 2);
        return Err(mismatch(chain_file, key_file, place));
    }
    let (hosts, addresses) = parsed.first().map(names).unwrap_or_default();
    let complaints = parsed.iter().enumerate().filter_map(|(index, certificate)| {
        let what = match index {
            0 => format!("the certificate in `{}`", chain_file.display()),
            _ => format!("certificate {} of the chain in `{}`", index + 1, chain_file.display()),
        };
        Some(format!("{what} {}", date_complaint(certificate, now)?))
    });
    let complaints = complaints.collect();
    Ok(Pair {
        certificate: Certificate { chain, key },
        hosts,
        addresses,
        complaints,
    })
}

impl Pair {
    /// Whether it is for a host: by its own name, or by a wildcard for one label (RFC 9525 section 6.3).
    pub(crate) fn is_for(&self, host: &str) -> bool {
        let of_parent = host.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        self.hosts
            .iter()
            .any(|own| own == host || Some(own) == of_parent.as_ref())
    }
}

fn parse<'c>(chain: &'c [CertificateDer<'static>], file: &Path) -> Result<Vec<X509Certificate<'c>>, Fault> {
    let parse = |(index, certificate): (usize, &'c CertificateDer<'static>)| {
        let parsed = X509Certificate::from_der(certificate).map(|(_, parsed)| parsed);
        parsed.map_err(|_| {
            let message = format!("certificate {} in `{}` is damaged", index + 1, file.display());
            Fault::new(message, "ask the authority for it again")
        })
    };
    chain.iter().enumerate().map(parse).collect()
}

fn unsupported(file: &Path, leaf: Option<&X509Certificate<'_>>) -> Fault {
    let file = file.display();
    let bits = leaf.and_then(|leaf| match leaf.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => Some(key.key_size()),
        _ => None,
    });
    let help = "make another one, such as `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out new.key`, and have it \
                certified";
    match bits {
        Some(bits) if bits < RSA_BITS_MIN => Fault::new(
            format!("the RSA key in `{file}` has {bits} bits, and {RSA_BITS_MIN} are the least"),
            help,
        ),
        _ => Fault::new(
            format!(
                "the key in `{file}` is none that TLS can use here: RSA of 2048 to 8192 bits, ECDSA with P-256, P-384 or P-521, or Ed25519"
            ),
            help,
        ),
    }
}

/// `place`: which certificate of the chain the key belongs to, from 1, if it is another one than the first.
fn mismatch(chain: &Path, key: &Path, place: Option<usize>) -> Wrong {
    let (chain, key) = (chain.display(), key.display());
    match place {
        Some(place) => Wrong::Chain(Fault::new(
            format!("the certificate of the key in `{key}` is number {place} in `{chain}`, and has to be the first"),
            "put it first, then what leads from it to a root",
        )),
        None => Wrong::Key(Fault::new(
            format!("the key in `{key}` is not that of the certificate in `{chain}`"),
            format!(
                "`openssl pkey -in {key} -pubout` and `openssl x509 -in {chain} -noout -pubkey` tell the same where they belong together"
            ),
        )),
    }
}

/// The hosts of a certificate, and whether it is for addresses.
fn names(certificate: &X509Certificate<'_>) -> (Vec<String>, bool) {
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return (Vec::new(), false);
    };
    let names = &names.value.general_names;
    let hosts = names.iter().filter_map(|name| match name {
        GeneralName::DNSName(host) => Some(host.to_ascii_lowercase()),
        _ => None,
    });
    let addresses = names.iter().any(|name| matches!(name, GeneralName::IPAddress(_)));
    (hosts.collect(), addresses)
}

/// What is wrong with the dates of a certificate.
fn date_complaint(certificate: &X509Certificate<'_>, now: i64) -> Option<String> {
    let validity = certificate.validity();
    let day = |time: ASN1Time| time.to_datetime().date();
    if now > validity.not_after.timestamp() {
        Some(format!("expired on {}", day(validity.not_after)))
    } else if now < validity.not_before.timestamp() {
        Some(format!("is not valid before {}", day(validity.not_before)))
    } else {
        None
    }
}
