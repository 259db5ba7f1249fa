//! Any octets as what lies in the folder of a log: a segment of its journal, a bundle, a compressed one, or all of its files at once.
//! Nothing panics, nothing grows without bound, and nothing is taken for what the log has signed.
#![no_main]

use std::io;
use std::num::NonZeroUsize;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis_audit_log::checkpoint::{Checkpoint, KnownLog, Origin};
use portcullis_audit_log::journal::{Batch, Replayed, replay, segment_name};
use portcullis_audit_log::medium::Source;
use portcullis_audit_log::merkle::{Edge, leaf_hash};
use portcullis_audit_log::tiles::{BUNDLE_BYTES_MAX, Kind, TileName, push_entry, read_bundle, split};
use portcullis_audit_log::verify::verify;

/// Of the documentation of Go's `sumdb/note`. Nobody here has the private one, and no seed has what it signed.
const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

static LOG: LazyLock<KnownLog> = LazyLock::new(|| {
    let origin = Origin::new("PeterNeumann").expect("an origin");
    KnownLog::with_key(origin, KEY.parse().expect("a key"))
});

/// Files whose names end like this have these octets; all others are not there.
struct Files<'a>(&'static str, &'a [u8]);

impl Source for Files<'_> {
    fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        match name.ends_with(self.0) {
            true if self.1.len() > bytes_max => Err(io::ErrorKind::FileTooLarge.into()),
            there => Ok(there.then(|| self.1.to_vec())),
        }
    }

    fn list(&self, _: &str) -> io::Result<Vec<String>> {
        let segment = segment_name(0);
        Ok(segment.rsplit('/').next().map(str::to_owned).into_iter().collect())
    }
}

fn check_journal(octets: &[u8]) {
    if let Some((batch, rest)) = Batch::take(octets) {
        assert!(octets.ends_with(rest) && rest.len() + batch.payload.len() < octets.len());
        assert!(!batch.is_signed(&LOG));
    }
    let mut edge = Edge::default();
    let replayed = replay(octets, &LOG, &mut edge, |_, _| panic!("nothing was signed"));
    assert_eq!(replayed == Replayed::Whole, octets.is_empty());
    assert_eq!(edge, Edge::default());
}

fn check_bundle(octets: &[u8]) {
    let (entries, whole) = split(octets);
    let mut joined = Vec::new();
    assert!(entries.iter().all(|entry| push_entry(&mut joined, entry)));
    let left_bytes = whole.map_or_else(|not_whole| not_whole.left_bytes, |()| 0);
    assert!(octets.starts_with(&joined) && joined.len() + left_bytes == octets.len());
    let stored = read_bundle(&Files(".gz", octets), &TileName::full(Kind::Entries, 0)).expect("it can be read");
    assert!(stored.bundle().is_none_or(|bundle| bundle.len() <= BUNDLE_BYTES_MAX));
}

/// The octets are the checkpoint, the tiles, the bundles and the journal of a log that had 300 entries once.
fn check_log(octets: &[u8]) {
    let held = Checkpoint {
        origin: LOG.origin.clone(),
        size: 300,
        root: leaf_hash(b"of no log"),
        minimum_index: 0,
        extensions: Vec::new(),
    };
    let report = verify(&Files("", octets), &LOG, &[held], NonZeroUsize::MIN, &mut |_| {}).expect("it can be read");
    assert!(!report.is_intact() && report.unpublished == 0);
}

fuzz_target!(|octets: &[u8]| {
    check_journal(octets);
    check_bundle(octets);
    check_log(octets);
});
