//! The log carried to real peers: files, receivers of syslog over TLS, collectors, witnesses and repositories, which fail as peers do.

mod checkpoints;
mod exports;
mod peers;

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use portcullis_audit_log::checkpoint::{Checkpoint, KnownLog, LogKey, Origin};
use portcullis_audit_log::entry::{Entry, Event, Metadata};
use portcullis_audit_log::note::{Algorithm, KeyName, Signer, VerifierKey};
use portcullis_audit_log::verify::verify;
use portcullis_audit_log::writer::{Signers, Writer};
use portcullis_contract::document::Span;
use portcullis_gateway::limit::memory::MemoryStore;
use portcullis_gateway::metrics::{Registry, Setup};
use portcullis_store::audit_log::{LogFiles, LogFolder};
use reqwest::Url;

use super::{Cosigned, Delivery, Signed};
use crate::audit_log::checkpoints::held;
use crate::config::audit_log::checkpoints::{CheckpointPlace, CheckpointTo};
use crate::config::audit_log::delivery::{AuditLogDelivery, Endpoint};
use crate::config::audit_log::exports::{Export, ExportTo};
use crate::config::spanned::Placed;

const ORIGIN: &str = "gate.example/audit";
/// A moment: seconds since 1970.
const NOW: u64 = 1_800_000_000;
const PATIENCE: Duration = Duration::from_secs(60);

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A key pair that is the same in every run.
fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn verifier(seed: u8, name: &str, algorithm: Algorithm) -> VerifierKey {
    let public = pair(seed).public_key().as_ref().try_into().unwrap();
    VerifierKey::new(KeyName::new(name).unwrap(), algorithm, public).unwrap()
}

fn signer(seed: u8, name: &str, algorithm: Algorithm) -> Signer {
    let pair = pair(seed);
    let sign = move |message: &[u8]| Ok(pair.sign(message).as_ref().try_into().unwrap());
    Signer::new(verifier(seed, name, algorithm), Box::new(sign))
}

fn known() -> KnownLog {
    let key = LogKey {
        key: verifier(1, ORIGIN, Algorithm::Ed25519),
        first: 0,
        last: None,
    };
    KnownLog {
        origin: Origin::new(ORIGIN).unwrap(),
        keys: vec![key],
    }
}

/// What the entry of this index says.
fn entry(index: u64) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut entry = Entry::new(Event::Request, NOW * 1000 + index);
    entry.metadata = Metadata {
        correlation_uid: Some(format!("request-{index}").into()),
        ..entry.metadata
    };
    entry.action_id = Some(1);
    entry.write(&mut octets);
    octets
}

/// A log on the disk, with its writer.
struct Log {
    directory: PathBuf,
    writer: Writer,
    registry: Arc<Registry>,
    cosigned: Arc<Mutex<Vec<Signed>>>,
}

impl Log {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("portcullis-delivery-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&directory));
        fs::create_dir_all(&directory).unwrap();
        let files = LogFiles::open(directory.join("log")).unwrap();
        let signers = Signers::new(signer(1, ORIGIN, Algorithm::Ed25519), Vec::new()).unwrap();
        let setup = Setup {
            workers: NonZeroUsize::MIN,
            codes: Vec::new(),
            version: "0",
            limits: Arc::new(MemoryStore::new(1)),
        };
        Self {
            writer: Writer::create(Box::new(files), known(), signers, NOW).unwrap(),
            directory,
            registry: Arc::new(Registry::new(setup)),
            cosigned: Arc::default(),
        }
    }

    fn folder(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// Adds so many entries, and publishes them.
    fn grow(&mut self, entries: u64) {
        for _ in 0..entries {
            self.writer.append(&entry(self.writer.size())).unwrap();
        }
        self.writer.publish(NOW).unwrap();
    }

    fn deliver(&self, settings: &AuditLogDelivery) -> Delivery {
        let told = Arc::clone(&self.cosigned);
        let cosigned: Cosigned = Arc::new(move |checkpoint, signatures| {
            told.lock().unwrap().push((checkpoint, signatures));
        });
        Delivery::start(settings, &self.folder(), known(), &self.registry, &cosigned).unwrap()
    }

    fn exports(&self, to: ExportTo) -> Delivery {
        self.deliver(&exporting(vec![("there", to)]))
    }

    fn metrics(&self) -> String {
        self.registry.exposition().unwrap()
    }

    fn metric(&self, line: &str) -> Option<u64> {
        let metrics = self.metrics();
        let found = metrics.lines().find_map(|found| found.strip_prefix(line))?;
        found.trim().split('.').next()?.parse().ok()
    }

    /// Nothing of what is kept beside the log stands in its way.
    fn is_whole(&self) {
        let report = verify(
            &LogFolder::new(self.folder()),
            &known(),
            &[],
            NonZeroUsize::MIN,
            &mut |_| {},
        )
        .unwrap();
        assert!(report.findings.is_empty(), "{report:?}");
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.directory));
    }
}

fn exporting(exports: Vec<(&str, ExportTo)>) -> AuditLogDelivery {
    let exports = exports.into_iter().map(|(name, to)| Export {
        name: name.to_owned(),
        to,
    });
    AuditLogDelivery {
        exports: exports.collect(),
        every: Duration::from_millis(50),
        places: Vec::new(),
    }
}

fn holding(to: CheckpointTo) -> AuditLogDelivery {
    AuditLogDelivery {
        exports: Vec::new(),
        every: Duration::from_millis(50),
        places: vec![CheckpointPlace {
            name: "there".to_owned(),
            to,
        }],
    }
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint {
        url: placed(Url::parse(url).unwrap()),
        credentials: None,
        wait_time_max: Duration::from_secs(2),
        private_address: true,
    }
}

fn placed<T>(value: T) -> Placed<T> {
    let span = Span::default();
    Placed { value, span }
}

/// Every index below `size` is among them.
fn all_of(size: u64, indices: impl IntoIterator<Item = u64>) -> bool {
    let indices: BTreeSet<u64> = indices.into_iter().collect();
    indices.into_iter().eq(0..size)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
