//! Making, opening, publishing, keeping: what a log is on its medium.

use portcullis_audit_log::checkpoint::{KnownLog, LogKey, Origin};
use portcullis_audit_log::journal::{BATCH_PAYLOAD_BYTES_MAX, Batch, BatchError, FOLDER, Head, SEGMENT_ENTRIES};
use portcullis_audit_log::medium::Source as _;
use portcullis_audit_log::merkle::leaf_hash;
use portcullis_audit_log::note::{Algorithm, Signer, SigningFailed};
use portcullis_audit_log::proof::InclusionProof;
use portcullis_audit_log::tiles::TileReader;
use portcullis_audit_log::verify::verify;
use portcullis_audit_log::writer::{Alteration, AppendError, OpenError, Signers, WriteError, Writer};

use crate::fixture::{self, Key, NOW, ORIGIN, Random, THREADS, create, entry, key, known, log_of, open, report};
use crate::simulated::{Simulated, Trouble};

#[test]
fn a_log_has_the_files_of_the_specification() {
    let (disk, held) = log_of(70_000, &[300, 70_000]);
    let names: Vec<String> = disk.blobs().0.into_keys().collect();
    // "A tree of size 70,000 will be represented by 273 full level 0 tiles, one partial level 0 tile of width 112, one full level 1
    // tile, one partial level 1 tile of width 17, and one partial level 2 tile of width 1."
    let count = |folder: &str| names.iter().filter(|name| name.starts_with(folder)).count();
    assert_eq!([count("tile/0/"), count("tile/1/"), count("tile/2/")], [274, 2, 1]);
    assert_eq!(
        [count("tile/entries/"), count("checkpoint"), count(FOLDER)],
        [274, 1, 0]
    );
    assert_eq!(names.len(), 274 + 2 + 1 + 274 + 1);
    for name in [
        "tile/0/273.p/112",
        "tile/entries/273.p/112",
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ] {
        assert!(names.iter().any(|known| known == name), "{name}");
    }
    assert!(report(&disk, &key(), &held).is_intact());
}

#[test]
fn a_log_is_made_once_and_opened_when_it_is_there() {
    let disk = Simulated::default();
    assert!(matches!(open(&disk, &key(), &[]), Err(OpenError::Missing)));
    drop(create(&disk, &key()));
    let again = Writer::create(Box::new(disk.clone()), known(&key()), key().signers(), NOW);
    assert!(matches!(again, Err(OpenError::Exists(name)) if name == "checkpoint"));
    let (writer, recovery) = open(&disk, &key(), &[]).unwrap();
    assert_eq!((writer.size(), recovery.entries, recovery.torn), (0, 0, None));
}

#[test]
fn entries_have_1_to_65_535_octets() {
    let disk = Simulated::default();
    let mut writer = create(&disk, &key());
    assert!(matches!(writer.append(&[]), Err(AppendError::Length { bytes: 0 })));
    assert!(matches!(
        writer.append(&vec![0; 65_536]),
        Err(AppendError::Length { bytes: 65_536 })
    ));
    assert_eq!(writer.append(&vec![0; 65_535]).unwrap(), 0);
    assert_eq!(writer.append(&[0]).unwrap(), 1);
    writer.publish(NOW).unwrap();
    assert_eq!(report(&disk, &key(), &[]).entries, 2);
}

#[test]
fn what_is_committed_at_once_is_bounded() {
    let disk = Simulated::default();
    let mut writer = create(&disk, &key());
    let large = vec![7; 65_535];
    let mut taken = 0;
    while writer.append(&large).is_ok() {
        taken += 1;
    }
    assert_eq!(taken, 16 * 1024 * 1024 / 65_537);
    assert!(matches!(writer.append(&large), Err(AppendError::BatchFull)));
    writer.commit().unwrap();
    writer.append(&large).unwrap();
    writer.commit().unwrap();
    drop(writer);
    let (writer, recovery) = open(&disk, &key(), &[]).unwrap();
    assert_eq!((writer.size(), recovery.entries), (taken + 1, taken + 1));
}

/// Of whatever names: only what is committed is too long or not.
#[test]
fn a_batch_that_is_too_long_is_told_as_such() {
    let name: &'static str = "a".repeat(1024).leak();
    let key = Key::new(1, name, Algorithm::Ed25519);
    let head = Head {
        origin: Origin::new(name).unwrap(),
        first: u64::MAX - 1,
        size: u64::MAX,
        root: leaf_hash(b""),
    };
    let mut payload = vec![0; BATCH_PAYLOAD_BYTES_MAX];
    let octets = head.batch(&payload, &key.signer()).unwrap();
    assert_eq!(Batch::take(&octets).unwrap().0.head, head);
    payload.push(0);
    let bytes = payload.len();
    assert_eq!(head.batch(&payload, &key.signer()), Err(BatchError::TooLong { bytes }));
    let wrong = Signer::new(key.verifier(), Box::new(|_: &[u8]| Ok([7; 64])));
    assert_eq!(head.batch(b"", &wrong), Err(BatchError::Signing(SigningFailed)));
}

/// Whoever repairs a disk has to know which blob it was.
#[test]
fn what_fails_is_named() {
    let (disk, held) = log_of(66_000, &[66_000]);
    let blobs = disk.blobs();
    let failed = |after, act: fn(&mut Writer) -> Result<u64, WriteError>| {
        let disk = Simulated::holding(&blobs);
        let (mut writer, _) = open(&disk, &key(), &held).unwrap();
        disk.arrange(after, Trouble::Full);
        act(&mut writer).unwrap_err().to_string()
    };
    let compressed = |after| failed(after, |writer| writer.compress(0, 512));
    assert!(compressed(0).starts_with("`tile/entries/000.gz` cannot be written: "));
    assert!(compressed(2).starts_with("what was written cannot be synced: "));
    assert!(compressed(3).starts_with("`tile/entries/000` cannot be removed: "));
    let pruned = |after| failed(after, |writer| writer.prune(65_536, NOW));
    assert!(pruned(0).starts_with("what was written cannot be synced: "));
    assert!(pruned(1).starts_with("`checkpoint` cannot be replaced: "));
    let removed = pruned(3);
    assert!(
        removed.starts_with("`tile/entries/0") && removed.contains("` cannot be removed: "),
        "{removed}"
    );
}

#[test]
fn the_journal_has_several_segments_and_ends_with_a_checkpoint() {
    let disk = Simulated::default();
    let mut writer = create(&disk, &key());
    let entries = SEGMENT_ENTRIES * 2 + 2500;
    for number in 0..entries {
        writer.append(&number.to_be_bytes()).unwrap();
        if number % 1000 == 999 {
            writer.commit().unwrap();
        }
    }
    writer.commit().unwrap();
    assert_eq!(disk.list(FOLDER).unwrap().len(), 3);
    assert_eq!(report(&disk, &key(), &[]).unpublished, entries);
    drop(writer);
    disk.crash(&mut Random(0));
    let (writer, recovery) = open(&disk, &key(), &[]).unwrap();
    assert_eq!((writer.size(), recovery.entries), (entries, entries));
    assert!(disk.list(FOLDER).unwrap().is_empty());
    let report = report(&disk, &key(), &[]);
    assert!(report.is_intact(), "{:?}", report.findings);
    assert_eq!((report.entries, report.unpublished), (entries, 0));
}

#[test]
fn partial_files_are_removed_when_there_are_full_ones() {
    let disk = Simulated::default();
    let mut writer = create(&disk, &key());
    for number in 0..600 {
        writer.append(&entry(number)).unwrap();
        if number % 50 == 0 {
            writer.publish(NOW).unwrap();
        }
        if number == 300 {
            drop(writer);
            writer = open(&disk, &key(), &[]).unwrap().0;
        }
    }
    writer.publish(NOW).unwrap();
    let names: Vec<String> = disk.blobs().0.into_keys().filter(|name| name.contains(".p/")).collect();
    assert!(
        names
            .iter()
            .all(|name| name.contains("/002.p/") || name.starts_with("tile/1/000.p/")),
        "{names:?}"
    );
    assert!(names.contains(&"tile/0/002.p/88".to_owned()));
}

#[test]
fn every_entry_is_proved_under_every_checkpoint() {
    let (disk, held) = log_of(1300, &[1, 255, 256, 257, 1300]);
    let (writer, _) = open(&disk, &key(), &held).unwrap();
    let note = writer.note().clone();
    let mut tiles = TileReader::new(&disk, 1300);
    for number in (0..1300).step_by(13) {
        let index = u64::try_from(number).unwrap();
        let proof = InclusionProof::make(&mut tiles, index, &note).unwrap().unwrap();
        let read = InclusionProof::parse(&proof.to_string()).unwrap();
        assert_eq!(read, proof);
        assert_eq!(
            &read.verify(&entry(number), &known(&key())).unwrap(),
            writer.published()
        );
        assert!(read.verify(&entry(number + 1), &known(&key())).is_err());
        let other = Key::new(2, ORIGIN, Algorithm::Ed25519);
        assert!(read.verify(&entry(number), &known(&other)).is_err());
    }
    assert!(InclusionProof::make(&mut tiles, 1300, &note).unwrap().is_none());
}

#[test]
fn proofs_that_are_none_are_refused() {
    let (disk, _) = log_of(3, &[3]);
    let (writer, _) = open(&disk, &key(), &[]).unwrap();
    let proof = InclusionProof::make(&mut TileReader::new(&disk, 3), 1, writer.note())
        .unwrap()
        .unwrap()
        .to_string();
    assert!(InclusionProof::parse(&proof.replace("index 1", "extra AA==\nindex 1")).is_ok());
    let hash = proof.lines().nth(2).unwrap();
    for (from, to) in [
        ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"),
        ("index 1", "index 01"),
        ("index 1", "index -1"),
        ("index 1\n", ""),
        (hash, "AAAA"),
        (hash, &format!("{hash}\n{hash}").repeat(40)),
        ("\n\n", "\n"),
        ("\u{2014} ", "- "),
    ] {
        assert!(
            InclusionProof::parse(&proof.replace(from, to)).is_err(),
            "{from} as {to}"
        );
    }
    assert!(InclusionProof::parse("").is_err());
}

#[test]
fn keys_are_replaced_while_both_sign() {
    let (old, new) = (key(), Key::new(2, ORIGIN, Algorithm::Ed25519));
    let log = |old_last, new_first| KnownLog {
        keys: vec![
            LogKey {
                key: old.verifier(),
                first: 0,
                last: old_last,
            },
            LogKey {
                key: new.verifier(),
                first: new_first,
                last: None,
            },
        ],
        ..known(&old)
    };
    let disk = Simulated::default();
    let mut writer = create(&disk, &old);
    writer.append(b"of the old key").unwrap();
    writer.publish(NOW).unwrap();
    let of_old = writer.note().clone();
    writer.append(b"of both").unwrap();
    writer.commit().unwrap();
    drop(writer);
    // Both sign, from 2 to 3 entries.
    let both = Signers::new(old.signer(), vec![new.signer()]).unwrap();
    let (mut writer, _) = Writer::open(Box::new(disk.clone()), log(Some(3), 2), both, &[], NOW).unwrap();
    writer.append(b"of both").unwrap();
    let of_both = writer.publish(NOW).unwrap().clone();
    assert_eq!(of_both.signatures().len(), 2);
    drop(writer);
    // Then only the new one.
    let open_new = |log| Writer::open(Box::new(disk.clone()), log, new.signers(), &[], NOW);
    let (mut writer, _) = open_new(log(Some(3), 2)).unwrap();
    writer.append(b"of the new key").unwrap();
    let of_new = writer.publish(NOW).unwrap().clone();
    let known_now = log(Some(3), 2);
    for note in [&of_old, &of_both, &of_new] {
        assert!(known_now.verify_checkpoint(note).is_ok());
    }
    assert!(known(&old).verify_checkpoint(&of_both).is_ok());
    assert!(known(&old).verify_checkpoint(&of_new).is_err());
    // A key that is replaced signs nothing later, and one that is new nothing earlier.
    let mut late = of_new.text().to_owned();
    late.push_str("x\n");
    let late = Signer::note([&old.signer()], late, NOW).unwrap();
    assert!(known_now.verify_checkpoint(&late).is_err());
    let early = Signer::note([&new.signer()], of_old.text().to_owned(), NOW).unwrap();
    assert!(known_now.verify_checkpoint(&early).is_err());
    assert!(
        verify(&disk, &known_now, &[], THREADS, &mut |_| {})
            .unwrap()
            .is_intact()
    );
    drop(writer);
    assert!(matches!(
        open_new(known(&old)),
        Err(OpenError::Altered(Alteration::Checkpoint(_)))
    ));
}

#[test]
fn nothing_is_written_with_a_key_that_the_log_is_not_known_by() {
    let (disk, other) = (Simulated::default(), Key::new(2, ORIGIN, Algorithm::Ed25519));
    drop(create(&disk, &key()));
    let (mut writer, _) = Writer::open(Box::new(disk.clone()), known(&key()), other.signers(), &[], NOW).unwrap();
    writer.append(b"a").unwrap();
    assert!(matches!(writer.commit(), Err(WriteError::Unknown { size: 1, .. })));
    drop(writer);
    assert_eq!(open(&disk, &key(), &[]).unwrap().1.entries, 0);
    let cosigner = Key::new(2, ORIGIN, Algorithm::Cosignature);
    assert!(Signers::new(cosigner.signer(), Vec::new()).is_none());
}

#[test]
fn what_is_not_kept_is_said_before_it_is_removed() {
    let (disk, held) = log_of(200_000, &[100, 200_000]);
    let (mut writer, _) = open(&disk, &key(), &held).unwrap();
    assert_eq!(writer.compress(0, 150_000).unwrap(), 585);
    let report = fixture::report(&disk, &key(), &held);
    assert!(report.is_intact(), "{:?}", report.findings);
    assert_eq!(report.entries, 200_000);
    assert_eq!(writer.prune(140_000, NOW).unwrap(), 131_072);
    assert_eq!(writer.published().minimum_index, 131_072);
    let names = disk.blobs().0;
    let kept = names.keys().filter(|name| name.starts_with("tile/entries/")).count();
    assert_eq!(kept, 200_000_usize.div_ceil(256) - 512);
    assert!(names.contains_key("tile/entries/512.gz") && names.contains_key("tile/entries/700"));
    let report = fixture::report(&disk, &key(), &held);
    assert!(report.is_intact(), "{:?}", report.findings);
    assert_eq!((report.entries, report.pruned), (200_000 - 131_072, 131_072));
    // It is remembered, and cannot be taken back.
    drop(writer);
    let (mut writer, _) = open(&disk, &key(), &held).unwrap();
    assert_eq!(writer.prune(0, NOW).unwrap(), 131_072);
    let mut tiles = TileReader::new(&disk, 200_000);
    let proof = InclusionProof::make(&mut tiles, 7, writer.note()).unwrap().unwrap();
    assert!(proof.verify(&entry(7), &known(&key())).is_ok());
}

/// Wherever the machine stops while bundles are compressed and removed, what is gone is gone by a checkpoint that says so.
#[test]
fn a_stop_while_bundles_are_removed_leaves_a_log_that_verifies() {
    let (disk, held) = log_of(66_000, &[66_000]);
    let blobs = disk.blobs();
    let mut random = Random(9);
    let (mut said, mut gone) = (0, 0);
    for after in (0..12).chain([20, 40, 60, 100, 200]) {
        let disk = Simulated::holding(&blobs);
        let (mut writer, _) = open(&disk, &key(), &held).unwrap();
        disk.arrange(after, Trouble::Stop);
        let done = writer.compress(0, 3000).and_then(|_| writer.prune(66_000, NOW));
        assert!(done.is_err(), "{after}");
        drop(writer);
        disk.crash(&mut random);
        let report = report(&disk, &key(), &held);
        assert!(report.is_intact(), "{after}: {:?}", report.findings);
        assert_eq!(report.entries + report.pruned, 66_000);
        let (mut writer, _) = open(&disk, &key(), &held).unwrap();
        said += u64::from(writer.published().minimum_index > 0);
        gone += report.pruned;
        // What was left is removed the next time.
        writer.prune(66_000, NOW).unwrap();
        let left = disk.list("tile/entries/").unwrap();
        assert!(
            left.iter()
                .all(|name| name.starts_with("256") || name.starts_with("257")),
            "{left:?}"
        );
    }
    assert!(said > 2 && gone > 1000, "{said} {gone}");
}
