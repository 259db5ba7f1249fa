//! Certificates, keys and revocation lists out of PEM files (RFC 7468), and in words for an operator what such a file is that is not
//! what it should be.

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use thiserror::Error;

use crate::files;

/// Why a file cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{message}")]
pub(crate) struct Fault {
    pub(crate) message: String,
    /// The way out; empty where the message says it all.
    pub(crate) help: String,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
        }
    }
}

/// What a file should hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Certificates,
    Key,
    Revocations,
}

/// What a file holds, as far as it can be told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Certificate,
    Key,
    EncryptedKey,
    OpenSshKey,
    PublicKey,
    Request,
    Revocations,
    /// An archive of certificates and keys (RFC 7292).
    Pkcs12,
    /// The bytes that PEM would be the text of.
    Der,
    Nothing,
}

/// The certificates of a file; at least one.
///
/// # Errors
/// [`Fault`]
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    sections(file, Wanted::Certificates)
}

/// The revocation lists of a file; at least one.
///
/// # Errors
/// [`Fault`]
pub(crate) fn revocations(file: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, Fault> {
    sections(file, Wanted::Revocations)
}

/// What is wrong with the rights of the file of a private key; none where it cannot be read, which is said elsewhere.
pub(crate) fn exposure(file: &Path) -> Option<String> {
    let exposed = files::trusted(file).ok()?.exposure(file)?;
    Some(format!("the private key `{}`: {exposed}", file.display()))
}

/// The first private key of a file.
///
/// # Errors
/// [`Fault`]
pub(crate) fn key(file: &Path) -> Result<PrivateKeyDer<'static>, Fault> {
    let keys = sections(file, Wanted::Key)?;
    keys.into_iter()
        .next()
        .ok_or_else(|| wrong(file, Wanted::Key, Held::Nothing))
}

fn sections<T: PemObject>(file: &Path, wanted: Wanted) -> Result<Vec<T>, Fault> {
    let shown = file.display();
    let held = files::trusted(file).map_err(|error| unreadable(file, &error))?;
    let bytes = held.octets.as_slice();
    if wanted == Wanted::Key && is_encrypted_of_old(bytes) {
        return Err(wrong(file, wanted, Held::EncryptedKey));
    }
    let found: Vec<T> = T::pem_slice_iter(bytes).collect::<Result<_, _>>().map_err(|_| {
        let help =
            "between `-----BEGIN ...-----` and `-----END ...-----` stands base64 and nothing else: write the file anew";
        Fault::new(format!("the PEM in `{shown}` is damaged"), help)
    })?;
    if found.is_empty() {
        return Err(wrong(file, wanted, held_by(bytes, wanted)));
    }
    Ok(found)
}

fn unreadable(file: &Path, error: &str) -> Fault {
    let help = match error {
        "permission is denied" => "let the user that the gate runs as read it, and nobody else",
        _ => "",
    };
    Fault::new(format!("cannot read `{}`: {error}", file.display()), help)
}

/// What is wrong with a file that holds something else.
fn wrong(file: &Path, wanted: Wanted, held: Held) -> Fault {
    let file = file.display();
    let what = match wanted {
        Wanted::Certificates => "certificate",
        Wanted::Key => "private key",
        Wanted::Revocations => "revocation list",
    };
    let message = |is: &str| format!("`{file}` {is}");
    let instead = |is: &str| format!("`{file}` holds {is} where a {what} is expected");
    match held {
        Held::EncryptedKey => Fault::new(
            message("is an encrypted key, and nobody is there to be asked for its passphrase"),
            format!("decrypt it: `openssl pkey -in {file} -out plain.key`, and let nobody but the gate read that"),
        ),
        Held::OpenSshKey => Fault::new(
            message("is a key in the form of OpenSSH"),
            format!("convert a copy of it: `ssh-keygen -p -m pkcs8 -f {file}`"),
        ),
        Held::Pkcs12 => Fault::new(
            message("is PKCS #12, not PEM"),
            format!(
                "convert it: `openssl pkcs12 -in {file} -nodes -out all.pem`, which holds the certificates and the key"
            ),
        ),
        Held::Der => Fault::new(message("is DER, not PEM"), convert(wanted, &file.to_string())),
        Held::Key => Fault::new(instead("a private key"), "are the two files swapped?"),
        Held::Certificate => Fault::new(instead("a certificate"), "are the two files swapped?"),
        Held::PublicKey => Fault::new(instead("a public key"), "name the file of the private key"),
        Held::Request => Fault::new(
            instead("a request for a certificate"),
            "name the certificate that the authority made of it",
        ),
        Held::Revocations => Fault::new(instead("a revocation list"), ""),
        Held::Nothing => Fault::new(message(&format!("holds no {what} (PEM)")), ""),
    }
}

fn convert(wanted: Wanted, file: &str) -> String {
    let command = match wanted {
        Wanted::Certificates => "x509",
        Wanted::Key => "pkey",
        Wanted::Revocations => "crl",
    };
    format!("convert it: `openssl {command} -inform der -in {file} -out {command}.pem`")
}

/// What a file holds where what is wanted is not there.
fn held_by(bytes: &[u8], wanted: Wanted) -> Held {
    let text = String::from_utf8_lossy(bytes);
    let labels = text.lines().filter_map(|line| {
        let label = line.trim().strip_prefix("-----BEGIN ")?;
        label.strip_suffix("-----")
    });
    let known = labels.filter_map(|label| match label {
        "ENCRYPTED PRIVATE KEY" => Some(Held::EncryptedKey),
        "OPENSSH PRIVATE KEY" => Some(Held::OpenSshKey),
        "CERTIFICATE" | "TRUSTED CERTIFICATE" => Some(Held::Certificate),
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Some(Held::Request),
        "X509 CRL" => Some(Held::Revocations),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => Some(Held::PublicKey),
        _ if label.ends_with("PRIVATE KEY") => Some(Held::Key),
        _ => None,
    });
    let known: Vec<Held> = known.collect();
    let telling = known.iter().copied().find(|held| match wanted {
        Wanted::Key => matches!(held, Held::EncryptedKey | Held::OpenSshKey),
        Wanted::Certificates | Wanted::Revocations => false,
    });
    telling
        .or_else(|| known.first().copied())
        .unwrap_or_else(|| binary(bytes))
}

/// ASN.1 begins with a sequence; that of PKCS #12 with the number 3 (RFC 7292 section 4).
fn binary(bytes: &[u8]) -> Held {
    match bytes {
        [0x30, 0x82, _, _, 2, 1, 3, ..] | [0x30, 0x80, 2, 1, 3, ..] => Held::Pkcs12,
        [0x30, 0x81..=0x84, ..] => Held::Der,
        [0x30, length, rest @ ..] if rest.len() == usize::from(*length) => Held::Der,
        _ => Held::Nothing,
    }
}

/// Whether a key is encrypted in the old form (RFC 1421 section 4.6), whose label is that of a plain key.
fn is_encrypted_of_old(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    lines.any(|line| line.starts_with("Proc-Type:") && line.trim_end().ends_with("ENCRYPTED"))
}
