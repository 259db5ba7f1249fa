//! A log's keys and entries, and chance that is the same in every run.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use portcullis_audit_log::checkpoint::{Checkpoint, KnownLog, Origin};
use portcullis_audit_log::medium::Source;
use portcullis_audit_log::note::{Algorithm, KeyName, Signer, VerifierKey};
use portcullis_audit_log::verify::{Report, verify};
use portcullis_audit_log::writer::{OpenError, Recovery, Signers, Writer};

use crate::simulated::Simulated;

pub(crate) const ORIGIN: &str = "gate.example/log";
/// A moment: seconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000;

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number smaller than `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() % u64::try_from(end).unwrap()).unwrap()
    }

    pub(crate) fn octet(&mut self) -> u8 {
        self.number().to_le_bytes()[0]
    }
}

/// A key pair that is the same in every run. What it signs is written down.
#[derive(Clone)]
pub(crate) struct Key {
    seed: [u8; 32],
    name: &'static str,
    algorithm: Algorithm,
    pub(crate) signed: Arc<Mutex<Vec<String>>>,
}

impl Key {
    pub(crate) fn new(seed: u8, name: &'static str, algorithm: Algorithm) -> Self {
        Self {
            seed: [seed; 32],
            name,
            algorithm,
            signed: Arc::default(),
        }
    }

    fn pair(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&self.seed).unwrap()
    }

    pub(crate) fn verifier(&self) -> VerifierKey {
        let public = self.pair().public_key().as_ref().try_into().unwrap();
        VerifierKey::new(KeyName::new(self.name).unwrap(), self.algorithm, public).unwrap()
    }

    pub(crate) fn signer(&self) -> Signer {
        let (pair, signed) = (self.pair(), Arc::clone(&self.signed));
        let sign = move |message: &[u8]| {
            signed
                .lock()
                .unwrap()
                .push(String::from_utf8(message.to_vec()).unwrap());
            Ok(pair.sign(message).as_ref().try_into().unwrap())
        };
        Signer::new(self.verifier(), Box::new(sign))
    }

    pub(crate) fn signers(&self) -> Signers {
        Signers::new(self.signer(), Vec::new()).unwrap()
    }
}

/// The key of the log.
pub(crate) fn key() -> Key {
    Key::new(1, ORIGIN, Algorithm::Ed25519)
}

/// The log, known by one key.
pub(crate) fn known(key: &Key) -> KnownLog {
    KnownLog::with_key(Origin::new(ORIGIN).unwrap(), key.verifier())
}

pub(crate) fn create(disk: &Simulated, key: &Key) -> Writer {
    Writer::create(Box::new(disk.clone()), known(key), key.signers(), NOW).unwrap()
}

pub(crate) fn open(disk: &Simulated, key: &Key, held: &[Checkpoint]) -> Result<(Writer, Recovery), OpenError> {
    Writer::open(Box::new(disk.clone()), known(key), key.signers(), held, NOW)
}

pub(crate) const THREADS: NonZeroUsize = NonZeroUsize::new(3).unwrap();

pub(crate) fn report(source: &(dyn Source + Sync), key: &Key, held: &[Checkpoint]) -> Report {
    verify(source, &known(key), held, THREADS, &mut |_| {}).unwrap()
}

/// An entry that no other is like.
pub(crate) fn entry(number: usize) -> Vec<u8> {
    format!("entry {number} {}", "x".repeat(number % 37)).into_bytes()
}

/// A log of as many entries, published whenever it has as many as `publications` say. And its checkpoints.
pub(crate) fn log_of(entries: usize, publications: &[usize]) -> (Simulated, Vec<Checkpoint>) {
    let changed = |number: usize| entry(number);
    log_with(entries, publications, changed)
}

pub(crate) fn log_with(
    entries: usize,
    publications: &[usize],
    entry: impl Fn(usize) -> Vec<u8>,
) -> (Simulated, Vec<Checkpoint>) {
    let (disk, mut held) = (Simulated::default(), Vec::new());
    let mut writer = create(&disk, &key());
    for number in 0..entries {
        writer.append(&entry(number)).unwrap();
        if publications.contains(&(number + 1)) {
            writer.publish(NOW).unwrap();
            held.push(writer.published().clone());
        } else if number % 1000 == 0 {
            writer.commit().unwrap();
        }
    }
    writer.commit().unwrap();
    (disk, held)
}
