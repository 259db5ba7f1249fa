//! Random lives of a log on a disk that forgets, tears, fills up and fails: nothing acknowledged is lost, the log verifies
//! after every start, and its key never signs two checkpoints of one size.

use std::collections::BTreeMap;

use portcullis_audit_log::checkpoint::Checkpoint;
use portcullis_audit_log::medium::Source as _;
use portcullis_audit_log::merkle::{Edge, Hash, leaf_hash};
use portcullis_audit_log::tiles::{BUNDLE_BYTES_MAX, split};
use portcullis_audit_log::writer::{AppendError, OpenError, WriteError, Writer};

use crate::fixture::{self, Key, NOW, Random, entry, key, report};
use crate::simulated::{Simulated, Trouble};

/// What a log has to have, as whoever writes to it knows it.
struct Life {
    disk: Simulated,
    key: Key,
    random: Random,
    /// Everything that was appended and may be there.
    entries: Vec<Vec<u8>>,
    acknowledged: usize,
    held: Vec<Checkpoint>,
    /// How many entries were ever made, so that no two are alike.
    made: usize,
    starts: usize,
}

/// What happened in all lives together, so that a test whose troubles never happen is noticed.
#[derive(Debug, Default)]
struct Lived {
    starts: usize,
    refused_starts: usize,
    recovered: u64,
    torn: usize,
    lost: usize,
    signed: usize,
}

impl Life {
    fn new(seed: u64) -> Self {
        let (disk, key) = (Simulated::default(), key());
        let writer = fixture::create(&disk, &key);
        let held = vec![writer.published().clone()];
        let random = Random(seed);
        Self {
            disk,
            key,
            random,
            entries: Vec::new(),
            acknowledged: 0,
            held,
            made: 0,
            starts: 0,
        }
    }

    /// Writes until something fails, or the program is stopped.
    fn work(&mut self, writer: &mut Writer) -> Result<(), WriteError> {
        for _ in 0..self.random.below(20) {
            match self.random.below(10) {
                0..=4 => self.append(writer)?,
                5..=6 => self.acknowledged = usize::try_from(writer.commit()?).unwrap(),
                7 => drop(writer.compress(0, self.random.number() % 1000)?),
                _ => {
                    writer.publish(NOW)?;
                    self.acknowledged = self.entries.len();
                    self.held.push(writer.published().clone());
                }
            }
        }
        Ok(())
    }

    fn append(&mut self, writer: &mut Writer) -> Result<(), WriteError> {
        let many = if self.random.below(3) == 0 { 300 } else { 9 };
        for _ in 0..self.random.below(many) {
            let entry = entry(self.made);
            match writer.append(&entry) {
                Ok(index) => assert_eq!(usize::try_from(index).unwrap(), self.entries.len()),
                Err(AppendError::Refused(refused)) => return Err(refused.into()),
                Err(error) => panic!("{error}"),
            }
            self.made += 1;
            self.entries.push(entry);
        }
        Ok(())
    }

    /// Opens the log after a stop, and holds it against what has to be there.
    fn start(&mut self, lived: &mut Lived) -> Writer {
        let (writer, recovery) = loop {
            lived.starts += 1;
            if self.random.below(8) == 0 {
                self.trouble(12);
            }
            match fixture::open(&self.disk, &self.key, &self.held) {
                Ok(opened) => break opened,
                Err(OpenError::Altered(place)) => panic!("{place}"),
                Err(_) => {
                    lived.refused_starts += 1;
                    self.stop();
                }
            }
        };
        self.disk.repair();
        lived.recovered += recovery.entries;
        lived.torn += usize::from(recovery.torn.is_some());
        let size = usize::try_from(writer.size()).unwrap();
        assert!(
            size >= self.acknowledged,
            "{size} of {} acknowledged",
            self.acknowledged
        );
        lived.lost += self.entries.len() - size;
        self.entries.truncate(size);
        self.acknowledged = size;
        self.held.push(writer.published().clone());
        self.check(&writer);
        writer
    }

    fn check(&self, writer: &Writer) {
        let mut edge = Edge::default();
        for entry in &self.entries {
            edge.extend([leaf_hash(entry)]);
        }
        assert_eq!(
            (writer.published().size, writer.published().root),
            (edge.size(), edge.root())
        );
        let report = report(&self.disk, &self.key, &self.held);
        assert!(report.is_intact(), "{:?}", report.findings);
        assert_eq!((report.entries, report.unpublished), (edge.size(), 0));
    }

    /// The program stops, or the machine.
    fn stop(&mut self) {
        self.disk.repair();
        if self.random.below(3) > 0 {
            self.disk.crash(&mut self.random);
        }
    }

    fn trouble(&mut self, operations: usize) {
        let kinds = [Trouble::Stop, Trouble::Full, Trouble::Sync];
        let kind = kinds[self.random.below(kinds.len())];
        let after = u64::try_from(self.random.below(operations)).unwrap();
        self.disk.arrange(after, kind);
    }

    /// Of one size there is one root that the key has ever signed as the log's.
    fn check_signed(&self) -> usize {
        let mut roots: BTreeMap<u64, Hash> = BTreeMap::new();
        for text in self.key.signed.lock().unwrap().iter() {
            if let Some(checkpoint) =
                Checkpoint::parse(text).filter(|checkpoint| checkpoint.origin.as_str() == fixture::ORIGIN)
            {
                let root = *roots.entry(checkpoint.size).or_insert(checkpoint.root);
                assert_eq!(
                    root, checkpoint.root,
                    "two roots of {} entries were signed",
                    checkpoint.size
                );
            }
        }
        roots.len()
    }
}

fn live(seed: u64, lived: &mut Lived) {
    let mut life = Life::new(seed);
    while life.starts < 4 {
        life.starts += 1;
        let mut writer = life.start(lived);
        if life.random.below(4) > 0 {
            life.trouble(60);
        }
        if let Err(error) = life.work(&mut writer) {
            // What has failed once refuses from then on, whatever was repaired.
            life.disk.repair();
            assert!(
                matches!(writer.append(b"more"), Err(AppendError::Refused(_))),
                "{error}"
            );
            assert!(matches!(writer.commit(), Err(WriteError::Refused(_))));
            assert!(matches!(writer.publish(NOW), Err(WriteError::Refused(_))));
        }
        drop(writer);
        life.stop();
    }
    drop(life.start(lived));
    lived.signed += life.check_signed();
}

/// `PORTCULLIS_LIVES` says how many.
#[test]
fn nothing_acknowledged_is_lost_in_hundreds_of_lives() {
    let lives = std::env::var("PORTCULLIS_LIVES")
        .ok()
        .and_then(|lives| lives.parse().ok())
        .unwrap_or(400);
    let mut lived = Lived::default();
    for seed in 0..lives {
        live(seed, &mut lived);
    }
    // Each of these has to happen often, or nothing was tested.
    let often =
        |count: usize, of_lives: usize| assert!(count * of_lives >= usize::try_from(lives).unwrap(), "{lived:?}");
    often(lived.signed, 1);
    often(lived.starts, 1);
    often(lived.refused_starts, 12);
    often(usize::try_from(lived.recovered).unwrap(), 1);
    often(lived.torn, 40);
    often(lived.lost, 1);
}

/// What the last acknowledged batch looks like when a failed sync made the system forget to write it, and the log was opened before
/// the machine stopped.
#[test]
fn what_only_seemed_durable_is_written_anew_when_the_log_is_opened() {
    let (disk, key) = (Simulated::default(), key());
    let mut writer = fixture::create(&disk, &key);
    writer.append(b"first").unwrap();
    disk.arrange(0, Trouble::Sync);
    writer.commit().unwrap_err();
    drop(writer);
    let (writer, recovery) = fixture::open(&disk, &key, &[]).unwrap();
    assert_eq!((recovery.entries, writer.durable()), (1, 1));
    drop(writer);
    disk.crash(&mut Random(0));
    let (writer, recovery) = fixture::open(&disk, &key, &[]).unwrap();
    assert_eq!((recovery.entries, writer.durable()), (0, 1));
    let bundle = disk.read("tile/entries/000.p/1", BUNDLE_BYTES_MAX).unwrap().unwrap();
    assert_eq!(split(&bundle).0, [b"first"]);
}
