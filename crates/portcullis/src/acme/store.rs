//! What is kept of orders: the account, the certificate, its key. Written whole or not at all, and readable by the gate alone.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use instant_acme::AccountCredentials;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::acme::Acme;

/// The directory of one order.
pub(super) struct Store {
    directory: PathBuf,
    chain: PathBuf,
    key: PathBuf,
}

impl Store {
    pub(super) fn new(acme: &Acme) -> Self {
        let (chain, key) = acme.files();
        Self {
            directory: acme.storage.clone(),
            chain,
            key,
        }
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

    /// Keeps a certificate: the key first, so that a chain never stands beside another's key for longer than a rename.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn keep_certificate(&self, chain: &str, key: &str) -> io::Result<()> {
        self.write(&self.key, key.as_bytes())?;
        self.write(&self.chain, chain.as_bytes())
    }

    /// How long until the certificate is renewed, when two thirds of its time have passed; `None` is now: it is due, is for other
    /// hosts, or is not there.
    pub(super) fn renewal_due(&self, hosts: &[String]) -> Option<Duration> {
        let leaf = CertificateDer::from_pem_file(&self.chain).ok()?;
        let (_, leaf) = X509Certificate::from_der(&leaf).ok()?;
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
        let written = path.with_extension("new");
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&written)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&written, path)
    }
}
