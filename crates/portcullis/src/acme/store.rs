//! What is kept of orders: the account, and the certificate with its key. Each is one file, written whole or not at all, and readable
//! by the gate alone.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use instant_acme::AccountCredentials;
use portcullis_gateway::listen::tls::Certificate;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::acme::Acme;
use crate::files::place;

/// The directory of one order.
pub(super) struct Store {
    directory: PathBuf,
    /// The key, then the chain (PEM): in one file, so that neither is ever there without the other.
    certificate: PathBuf,
    /// Where earlier versions kept the key, beside the chain.
    key_apart: PathBuf,
}

/// Why what is kept cannot be offered.
#[derive(Debug, Error)]
pub(super) enum Unusable {
    /// A file cannot be opened.
    #[error("cannot read it: {0}")]
    Unread(#[from] io::Error),
    /// A file does not hold what it should.
    #[error("it is no certificate with its key (PEM): {0}")]
    Malformed(#[from] pem::Error),
    /// The key is that of another certificate, or of a kind that is not offered.
    #[error("the certificate and the key: {0}")]
    Unfit(#[from] rustls::Error),
}

impl Store {
    pub(super) fn new(acme: &Acme) -> Self {
        let certificate = acme.certificate_file();
        Self {
            directory: acme.storage.clone(),
            key_apart: certificate.with_extension("key"),
            certificate,
        }
    }

    /// The file of the certificate and its key.
    pub(super) fn certificate_file(&self) -> &Path {
        &self.certificate
    }

    /// The certificate, if there is one.
    ///
    /// # Errors
    /// It is there and cannot be offered.
    pub(super) fn certificate(&self) -> Result<Option<Certificate>, Unusable> {
        let kept = match fs::read(&self.certificate) {
            Ok(kept) => kept,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let chain = CertificateDer::pem_slice_iter(&kept).collect::<Result<Vec<_>, _>>()?;
        let key = match PrivateKeyDer::from_pem_slice(&kept) {
            Err(pem::Error::NoItemsFound) => PrivateKeyDer::from_pem_slice(&fs::read(&self.key_apart)?)?,
            read => read?,
        };
        CertifiedKey::from_der(chain.clone(), key.clone_key(), &aws_lc_rs::default_provider())?;
        Ok(Some(Certificate { chain, key }))
    }

    /// The account, if there is one.
    ///
    /// # Errors
    /// It is there and cannot be read: a new one would leave the old one and its limits behind unseen.
    pub(super) fn account(&self) -> io::Result<Option<AccountCredentials>> {
        match fs::read(self.account_file()) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps an account.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn keep_account(&self, account: &AccountCredentials) -> io::Result<()> {
        self.write(&self.account_file(), &serde_json::to_vec(account)?)
    }

    /// Keeps a certificate in the place of the one before.
    ///
    /// # Errors
    /// It cannot be written, and what was kept before stays; or a key apart cannot be removed.
    pub(super) fn keep_certificate(&self, chain: &str, key: &str) -> io::Result<()> {
        self.write(&self.certificate, format!("{key}\n{chain}").as_bytes())?;
        match fs::remove_file(&self.key_apart) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// How long until the certificate is renewed, when two thirds of its time have passed; `None` is now: it is due, is for other
    /// hosts, cannot be offered, or is not there.
    pub(super) fn renewal_due(&self, hosts: &[String]) -> Option<Duration> {
        let kept = self.certificate().ok()??;
        let (_, leaf) = X509Certificate::from_der(kept.chain.first()?).ok()?;
        let names = leaf.subject_alternative_name().ok()??;
        let is_for = |host: &String| {
            let name =
                |name: &GeneralName<'_>| matches!(name, GeneralName::DNSName(name) if name.eq_ignore_ascii_case(host));
            names.value.general_names.iter().any(name)
        };
        if !hosts.iter().all(is_for) {
            return None;
        }
        let validity = leaf.validity();
        let (from, until) = (validity.not_before.timestamp(), validity.not_after.timestamp());
        let due = from + (until - from) / 3 * 2;
        let now = i64::try_from(UnixTime::now().as_secs()).ok()?;
        let left = u64::try_from(due - now).ok().filter(|left| *left > 0)?;
        Some(Duration::from_secs(left))
    }

    fn account_file(&self) -> PathBuf {
        self.directory.join("account.json")
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        // What is removed after this is not needed any more, also where the machine fails now.
        place::replace(path, bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    const HOST: &str = "api.portcullis.example";

    /// A storage of its own, which goes with this.
    struct Kept(Store);

    impl Kept {
        fn new(name: &str) -> Self {
            let directory = std::env::temp_dir().join(format!("portcullis-acme-{name}-{}", std::process::id()));
            let store = Store {
                certificate: directory.join("api.pem"),
                key_apart: directory.join("api.key"),
                directory,
            };
            fs::create_dir_all(&store.directory).unwrap();
            Self(store)
        }

        fn due(&self, host: &str) -> Option<Duration> {
            self.0.renewal_due(&[host.to_owned()])
        }
    }

    impl Drop for Kept {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0.directory);
        }
    }

    /// A chain and its key (PEM).
    fn made() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([HOST.to_owned()]).unwrap().self_signed(&key);
        (certificate.unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn a_certificate_is_kept_with_its_key_in_one_file() {
        let kept = Kept::new("one");
        assert!(kept.0.certificate().unwrap().is_none());
        // What an earlier version left.
        fs::write(&kept.0.key_apart, made().1).unwrap();
        for _ in 0..2 {
            let (chain, key) = made();
            kept.0.keep_certificate(&chain, &key).unwrap();
            let read = kept.0.certificate().unwrap().unwrap();
            let expected: Vec<_> = CertificateDer::pem_slice_iter(chain.as_bytes())
                .map(Result::unwrap)
                .collect();
            assert_eq!(read.chain, expected);
            assert_eq!(read.key, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap());
            let files: Vec<_> = fs::read_dir(&kept.0.directory).unwrap().map(Result::unwrap).collect();
            assert_eq!(files.len(), 1, "{files:?}");
            assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(kept.due(HOST).is_some());
        assert_eq!(kept.due("other.portcullis.example"), None);
    }

    #[test]
    fn a_key_beside_its_chain_is_still_read() {
        let kept = Kept::new("apart");
        let (chain, key) = made();
        fs::write(&kept.0.certificate, chain).unwrap();
        fs::write(&kept.0.key_apart, key).unwrap();
        assert!(kept.0.certificate().unwrap().is_some());
        assert!(kept.due(HOST).is_some());
    }

    #[test]
    fn what_cannot_be_offered_is_told_and_due() {
        let kept = Kept::new("unfit");
        let ((chain, key), (_, other)) = (made(), made());
        for (certificate, apart) in [
            (format!("{other}{chain}"), None),
            (chain.clone(), Some(other.as_str())),
            (chain.clone(), None),
            (chain.clone(), Some("")),
            (key.clone(), None),
            (String::new(), Some(&*key)),
            (chain.replace("MII", "!!!"), Some(&*key)),
        ] {
            fs::write(&kept.0.certificate, &certificate).unwrap();
            let _ = fs::remove_file(&kept.0.key_apart);
            if let Some(apart) = apart {
                fs::write(&kept.0.key_apart, apart).unwrap();
            }
            assert!(kept.0.certificate().is_err(), "{certificate} {apart:?}");
            assert_eq!(kept.due(HOST), None);
        }
    }
}
