//! Everything that somebody can do to a log, at random places: each is found, at the right entry where that can be told.

use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;

use portcullis_audit_log::checkpoint::{CHECKPOINT, Checkpoint};
use portcullis_audit_log::journal::FOLDER;
use portcullis_audit_log::medium::Source;
use portcullis_audit_log::merkle::leaf_hash;
use portcullis_audit_log::note::Algorithm;
use portcullis_audit_log::tiles::{Kind, TileName, push_entry, split, width};
use portcullis_audit_log::verify::{Defect, Report, verify};
use portcullis_audit_log::writer::{Alteration, OpenError};

use crate::fixture::{self, Key, NOW, ORIGIN, Random, entry, key, known, log_of, log_with, open, report};
use crate::simulated::{Blobs, Simulated};

const ENTRIES: usize = 3000;
const PUBLICATIONS: [usize; 4] = [1, 700, 1500, ENTRIES];

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap()
}

/// The name of a bundle or tile of level 0 of a log of this size.
fn name(kind: Kind, index: usize, size: usize) -> String {
    let width = width(0, number(index), number(size));
    TileName::with_width(kind, number(index), width).unwrap().to_string()
}

/// Writes other entries into the bundles, and leaves the tiles as they are.
fn rebundle(blobs: &mut Blobs, entries: &[Vec<u8>], size: usize) {
    for index in 0..size.div_ceil(256) {
        let last = index + 1 == size.div_ceil(256);
        let end = if last {
            entries.len()
        } else {
            entries.len().min(index * 256 + 256)
        };
        let mut bundle = Vec::new();
        for entry in entries.get(index * 256..end).unwrap_or_default() {
            assert!(push_entry(&mut bundle, entry));
        }
        blobs.0.insert(name(Kind::Entries, index, size), bundle);
    }
}

fn entries() -> Vec<Vec<u8>> {
    (0..ENTRIES).map(entry).collect()
}

/// The first finding: what, and where.
fn first(report: &Report) -> (String, Range<u64>) {
    let finding = report.first().unwrap_or_else(|| panic!("nothing was found"));
    (format!("{:?}", finding.defect), finding.entries.clone())
}

fn check(blobs: &Blobs, held: &[Checkpoint], whats: &[&str], entries: Range<usize>) {
    let report = report(blobs, &key(), held);
    let (what, found) = first(&report);
    let what = what.split(['(', ' ']).next().unwrap();
    assert!(
        whats.contains(&what),
        "{what} is none of {whats:?}: {:?}",
        report.findings
    );
    assert_eq!(
        found,
        number(entries.start)..number(entries.end),
        "{:?}",
        report.findings
    );
}

#[test]
fn a_log_that_nobody_altered_is_intact() {
    let (disk, held) = log_of(ENTRIES, &PUBLICATIONS);
    let report = report(&disk.blobs(), &key(), &held);
    assert!(report.is_intact(), "{:?}", report.findings);
    assert_eq!(
        (report.entries, report.checkpoint.as_ref()),
        (number(ENTRIES), held.last())
    );
}

/// Whoever alters bundles alone, in one of five ways, changes nothing of the tiles that tell which entry it is.
#[test]
fn altered_entries_are_named() {
    let (disk, held) = log_of(ENTRIES, &PUBLICATIONS);
    let blobs = disk.blobs();
    let mut random = Random(3);
    for round in 0..200 {
        let held = if round % 4 == 0 { &[] } else { held.as_slice() };
        let (place, other) = (random.below(ENTRIES), random.below(ENTRIES));
        let mut altered = entries();
        let (whats, place): (&[&str], usize) = match round % 5 {
            0 => {
                let octet = random.below(altered[place].len());
                altered[place][octet] ^= 1 << random.below(8);
                (&["Changed"], place)
            }
            1 => {
                altered.remove(place);
                // The last of a bundle looks like another one, which is what it is now.
                (if place % 256 == 255 { &["Changed"] } else { &["Removed"] }, place)
            }
            2 => {
                altered.insert(place, b"put in".to_vec());
                (
                    if place % 256 == 255 {
                        &["Changed"]
                    } else {
                        &["Inserted"]
                    },
                    place,
                )
            }
            3 if place != other => {
                altered.swap(place, other);
                let same_bundle = place / 256 == other / 256;
                let adjacent: &[&str] = &["Reordered", "Removed", "Inserted"];
                (if same_bundle { adjacent } else { &["Changed"] }, place.min(other))
            }
            _ => {
                altered.push(b"put at the end".to_vec());
                (&["Inserted"], ENTRIES)
            }
        };
        let mut blobs = blobs.clone();
        rebundle(&mut blobs, &altered, ENTRIES);
        check(&blobs, held, whats, place..place + 1);
    }
}

#[test]
fn a_bundle_that_is_cut_short_or_damaged_or_gone_is_found() {
    let (disk, held) = log_of(ENTRIES, &PUBLICATIONS);
    let mut random = Random(4);
    for _ in 0..20 {
        let index = random.below(ENTRIES.div_ceil(256));
        let name = name(Kind::Entries, index, ENTRIES);
        let range = index * 256..ENTRIES.min(index * 256 + 256);
        let mut blobs = disk.blobs();
        let bundle = blobs.0.remove(&name).unwrap();
        check(&blobs, &held, &["BundleGone"], range.clone());
        blobs.0.insert(format!("{name}.gz"), bundle.clone());
        check(&blobs, &held, &["BundleDamaged"], range.clone());
        blobs.0.remove(&format!("{name}.gz"));
        let cut = random.below(bundle.len());
        let place = range.start + split(&bundle[..cut]).0.len();
        blobs.0.insert(name.clone(), bundle[..cut].to_vec());
        check(&blobs, &held, &["Removed"], place..place + 1);
        blobs.0.insert(name.clone(), [bundle.as_slice(), &[0]].concat());
        check(&blobs, &held, &["BundleDamaged"], range.end..range.end + 1);
        blobs.0.insert(name.clone(), vec![0; 17_000_000]);
        check(&blobs, &held, &["BundleDamaged"], range);
    }
}

/// A log that cannot be read everywhere.
struct Unreadable(Blobs, Vec<String>);

impl Source for Unreadable {
    fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        if self.1.iter().any(|unreadable| unreadable == name) {
            return Err(io::Error::other(name));
        }
        self.0.read(name, bytes_max)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.0.list(folder)
    }
}

/// Neither what is found nor how far it has come, in whichever order threads read.
#[test]
fn any_number_of_threads_finds_the_same() {
    let (disk, held) = log_of(70_000, &[100, 66_000, 70_000]);
    let mut random = Random(10);
    let names: Vec<String> = disk
        .blobs()
        .0
        .into_keys()
        .filter(|name| name.starts_with("tile/"))
        .collect();
    let mut any = || names[random.below(names.len())].clone();
    for round in 0..6 {
        let mut blobs = disk.blobs();
        for _ in 0..round * 3 {
            blobs.0.get_mut(&any()).unwrap()[5] ^= 1;
        }
        for _ in 0..round {
            blobs.0.remove(&any());
        }
        let verified = |threads| {
            let mut done = Vec::new();
            let threads = NonZeroUsize::new(threads).unwrap();
            let report = verify(&blobs, &known(&key()), &held, threads, &mut |progress| {
                done.push(progress.done)
            });
            (format!("{:?}", report.unwrap()), done)
        };
        let (report, done) = verified(1);
        assert!(done.is_sorted());
        for threads in [2, 5, 1000] {
            assert_eq!(verified(threads), (report.clone(), done.clone()), "{threads}");
        }
    }
    for _ in 0..5 {
        let unreadable: Vec<String> = (0..4)
            .map(|_| random.below(273))
            .map(|index| format!("tile/entries/{index:03}"))
            .collect();
        let source = Unreadable(disk.blobs(), unreadable.clone());
        for threads in [1, 2, 64] {
            let threads = NonZeroUsize::new(threads).unwrap();
            let error = verify(&source, &known(&key()), &held, threads, &mut |_| {}).unwrap_err();
            assert_eq!(&error.to_string(), unreadable.iter().min().unwrap());
        }
    }
}

#[test]
fn what_is_gone_with_its_hashes_does_not_hide_the_rest() {
    let (disk, held) = log_of(ENTRIES, &PUBLICATIONS);
    let mut blobs = disk.blobs();
    let mut altered = entries();
    altered[2000] = b"changed".to_vec();
    rebundle(&mut blobs, &altered, ENTRIES);
    blobs.0.remove("tile/0/003");
    blobs.0.remove("tile/entries/003");
    let report = report(&blobs, &key(), &held);
    let found: Vec<(bool, Range<u64>)> = report
        .findings
        .iter()
        .map(|finding| (matches!(finding.defect, Defect::Changed), finding.entries.clone()))
        .collect();
    assert_eq!(
        found,
        [(false, 768..1024), (false, 768..1024), (true, 2000..2001)],
        "{:?}",
        report.findings
    );
}

/// With the tile of level 0 too, what is above it still tells.
#[test]
fn altered_entries_are_found_when_their_tile_is_altered_with_them() {
    let (disk, held) = log_of(ENTRIES, &PUBLICATIONS);
    let mut random = Random(5);
    for _ in 0..40 {
        let place = random.below(ENTRIES);
        let (index, within) = (place / 256, place % 256);
        let mut altered = entries();
        altered[place] = b"changed".to_vec();
        let mut blobs = disk.blobs();
        rebundle(&mut blobs, &altered, ENTRIES);
        let tile = blobs.0.get_mut(&name(Kind::Hashes(0), index, ENTRIES)).unwrap();
        tile[within * 32..within * 32 + 32].copy_from_slice(leaf_hash(b"changed").as_bytes());
        if index < ENTRIES / 256 {
            check(&blobs, &held, &["Below"], index * 256..index * 256 + 256);
        } else {
            // Nothing is above the right edge but the checkpoint.
            check(&blobs, &held, &["Rewritten"], 1500..ENTRIES);
        }
    }
}

#[test]
fn altered_tiles_are_told_from_altered_entries() {
    let (disk, held) = log_of(70_000, &[100, 66_000, 70_000]);
    let mut random = Random(6);
    let tiles: Vec<String> = disk
        .blobs()
        .0
        .into_keys()
        .filter(|name| name.starts_with("tile/") && !name.contains("entries"))
        .collect();
    for _ in 0..12 {
        let name = &tiles[random.below(tiles.len())];
        let mut blobs = disk.blobs();
        let tile = blobs.0.get_mut(name).unwrap();
        let octet = random.below(tile.len());
        tile[octet] ^= 1;
        let altered = report(&blobs, &key(), &held);
        assert_eq!(altered.entries, 70_000, "{name}: {:?}", altered.findings);
        assert!(
            matches!(altered.first().unwrap().defect, Defect::TileWrong(tile) if tile.to_string() == *name),
            "{altered:?}"
        );
        blobs.0.get_mut(name).unwrap().pop();
        assert!(matches!(
            report(&blobs, &key(), &held).first().unwrap().defect,
            Defect::TileGone(_)
        ));
        blobs.0.remove(name);
        let gone = report(&blobs, &key(), &held);
        assert!(
            matches!(gone.first().unwrap().defect, Defect::TileGone(_)),
            "{name}: {:?}",
            gone.findings
        );
        assert_eq!((gone.entries, gone.findings.len()), (70_000, 1), "{name}");
    }
}

/// In a log with more levels: what is changed below, with a part of the tiles above it.
#[test]
fn a_change_with_two_levels_of_tiles_is_found() {
    let (disk, held) = log_of(140_000, &[100, 66_000, 140_000]);
    let place = 30_000;
    let changed = |number: usize| {
        if number == place {
            b"changed".to_vec()
        } else {
            entry(number)
        }
    };
    let (other, _) = log_with(140_000, &[140_000], changed);
    let mut blobs = disk.blobs();
    for name in ["tile/entries/117", "tile/0/117", "tile/1/000"] {
        let content = other.blobs().0[name].clone();
        assert_ne!(blobs.0.insert(name.to_owned(), content.clone()).unwrap(), content);
    }
    check(&blobs, &held, &["Below"], 0..65_536);
}

/// Somebody with the key makes the log anew, tiles and checkpoint and all. Only what others hold tells.
#[test]
fn a_log_that_was_made_anew_is_found_between_two_checkpoints() {
    let (_, held) = log_of(ENTRIES, &PUBLICATIONS);
    let mut random = Random(7);
    for round in 0..8 {
        let place = random.below(ENTRIES);
        let changed = move |number: usize| match round % 2 {
            0 if number == place => b"changed".to_vec(),
            1 if number >= place => entry(number + 1),
            _ => entry(number),
        };
        let (disk, _) = log_with(ENTRIES, &PUBLICATIONS, changed);
        let up_to = PUBLICATIONS.iter().position(|size| *size > place).unwrap();
        let from = if up_to == 0 { 0 } else { PUBLICATIONS[up_to - 1] };
        check(&disk.blobs(), &held, &["Rewritten"], from..PUBLICATIONS[up_to]);
        // The key being the right one, it agrees with itself, and a start without anything from outside believes it.
        assert!(report(&disk.blobs(), &key(), &[]).is_intact());
        assert!(open(&disk, &key(), &[]).is_ok());
        let opened = open(&disk, &key(), &held);
        assert!(
            matches!(opened, Err(OpenError::Altered(Alteration::Rewritten { held })) if held == number(PUBLICATIONS[up_to]))
        );
    }
}

#[test]
fn a_log_that_was_rolled_back_or_cut_short_is_found() {
    let (_, held) = log_of(ENTRIES, &PUBLICATIONS);
    // A copy from before, and one that was cut and signed anew, are the same thing to whoever looks.
    for before in [0, 1, 700, 1400, 2999] {
        let (disk, _) = log_of(before, &[before]);
        let gone = before..ENTRIES;
        let seen = report(&disk.blobs(), &key(), &held);
        assert!(
            seen.findings
                .iter()
                .any(|finding| matches!(finding.defect, Defect::RolledBack)
                    && finding.entries == (number(gone.start)..number(gone.end))),
            "{:?}",
            seen.findings
        );
        let opened = open(&disk, &key(), &held);
        assert!(
            matches!(opened, Err(OpenError::Altered(Alteration::RolledBack { .. }))),
            "{before}"
        );
    }
}

#[test]
fn another_key_and_another_checkpoint_are_found() {
    let (disk, held) = log_of(ENTRIES, &PUBLICATIONS);
    let mut blobs = disk.blobs();
    let other = Key::new(2, ORIGIN, Algorithm::Ed25519);
    let by_other = held[3].signed([&other.signer()], NOW).unwrap().to_string().into_bytes();
    let own = blobs.0.insert(CHECKPOINT.to_owned(), by_other).unwrap();
    let what = |blobs: &Blobs| first(&report(blobs, &key(), &held)).0;
    assert!(what(&blobs).starts_with("Checkpoint(Unsigned"));
    assert!(matches!(
        open(&Simulated::holding(&blobs), &key(), &[]),
        Err(OpenError::Altered(Alteration::Checkpoint(_)))
    ));
    // What is in the log is looked at all the same.
    assert_eq!(report(&blobs, &key(), &held).entries, number(ENTRIES));
    for (from, to) in [
        ("3000", "2999"),
        ("gate", "gates"),
        ("\n\n", "\nminimum-index 3000\n\n"),
    ] {
        let text = String::from_utf8(own.clone()).unwrap().replacen(from, to, 1);
        blobs.0.insert(CHECKPOINT.to_owned(), text.into_bytes());
        assert!(what(&blobs).starts_with("Checkpoint("), "{from}");
        assert!(open(&Simulated::holding(&blobs), &key(), &[]).is_err());
    }
    blobs.0.insert(CHECKPOINT.to_owned(), vec![b'a'; 1_000_000]);
    assert!(what(&blobs).starts_with("Checkpoint("));
    blobs.0.remove(CHECKPOINT);
    assert!(what(&blobs).starts_with("CheckpointGone"));
    assert!(matches!(
        open(&Simulated::holding(&blobs), &key(), &[]),
        Err(OpenError::Altered(Alteration::CheckpointGone))
    ));
    assert!(!report(&Blobs::default(), &key(), &held).is_intact());
    assert!(!report(&Blobs::default(), &key(), &[]).is_intact());
}

/// A log with ten batches that are in the journal alone.
fn log_with_journal() -> (Simulated, Vec<u8>, Vec<usize>) {
    let (disk, _) = log_of(100, &[100]);
    let (mut writer, _) = open(&disk, &key(), &[]).unwrap();
    let mut ends = Vec::new();
    for batch in 0..10 {
        for number in 0..5 {
            writer.append(&entry(100 + batch * 5 + number)).unwrap();
        }
        writer.commit().unwrap();
        ends.push(journal(&disk).len());
    }
    let journal = journal(&disk);
    (disk, journal, ends)
}

fn journal_name() -> String {
    format!("{FOLDER}{:020}", 100)
}

fn journal(disk: &Simulated) -> Vec<u8> {
    disk.blobs().0.remove(&journal_name()).unwrap()
}

/// The log with another journal: what a verification and a start find. `None`: it is taken for one that a crash has torn.
fn check_journal(disk: &Simulated, journal: Vec<u8>, altered_at: Option<u64>, size: u64) {
    let mut blobs = disk.blobs();
    blobs.0.insert(journal_name(), journal);
    let seen = report(&blobs, &key(), &[]);
    let opened = open(&Simulated::holding(&blobs), &key(), &[]);
    match altered_at {
        Some(index) => {
            assert_eq!(first(&seen), ("Journal".to_owned(), index..index + 1));
            assert!(
                matches!(opened, Err(OpenError::Altered(Alteration::Journal { first })) if first == index),
                "{index}"
            );
        }
        None => {
            assert!(seen.is_intact());
            assert_eq!(100 + seen.unpublished, size);
            let (writer, recovery) = opened.unwrap();
            assert_eq!((writer.size(), recovery.torn), (size, seen.torn));
        }
    }
}

#[test]
fn an_altered_journal_is_told_from_a_torn_one() {
    let (disk, journal, ends) = log_with_journal();
    let mut random = Random(8);
    check_journal(&disk, journal.clone(), None, 150);
    for _ in 0..200 {
        // One bit of any batch: of the last it could have been torn, of any other it could not.
        let place = random.below(journal.len());
        let mut altered = journal.clone();
        altered[place] ^= 1 << random.below(8);
        let batch = ends.iter().position(|end| *end > place).unwrap();
        let first = 100 + number(batch) * 5;
        check_journal(&disk, altered, (batch < 9).then_some(first), 145);
        // Cut anywhere, as after a crash.
        let whole = ends.iter().filter(|end| **end <= place).count();
        check_journal(&disk, journal[..place].to_vec(), None, 100 + number(whole) * 5);
    }
    // Taken out, put in twice, swapped.
    let batch = |number: usize| &journal[if number == 0 { 0 } else { ends[number - 1] }..ends[number]];
    let of = |batches: &[usize]| {
        batches
            .iter()
            .flat_map(|number| batch(*number))
            .copied()
            .collect::<Vec<u8>>()
    };
    check_journal(&disk, of(&[0, 1, 3, 4]), Some(110), 0);
    check_journal(&disk, of(&[1]), Some(100), 0);
    check_journal(&disk, of(&[0, 2, 1, 3]), Some(105), 0);
    check_journal(&disk, of(&[0, 0, 1]), Some(105), 0);
    check_journal(&disk, of(&[0, 1, 1]), None, 110);
}

#[test]
fn a_segment_that_is_torn_and_has_another_behind_it_was_altered() {
    let disk = Simulated::default();
    let mut writer = fixture::create(&disk, &key());
    for number in 0..80_000_usize {
        writer.append(&number.to_be_bytes()).unwrap();
        if number % 5000 == 4999 {
            writer.commit().unwrap();
        }
    }
    drop(writer);
    let segment = |first: usize| format!("{FOLDER}{first:020}");
    let find = |blobs: &Blobs| {
        assert_eq!(first(&report(blobs, &key(), &[])).0, "Journal");
        match open(&Simulated::holding(blobs), &key(), &[]) {
            Err(OpenError::Altered(place)) => place,
            _ => panic!("it was opened"),
        }
    };
    let mut blobs = disk.blobs();
    blobs.0.get_mut(&segment(0)).unwrap().pop();
    assert!(matches!(find(&blobs), Alteration::Journal { first: 65_000 }));
    blobs.0.remove(&segment(0));
    assert!(matches!(find(&blobs), Alteration::Gap { first: 0 }));
    // The last one can be torn, or gone: a crash before it was ever synced leaves no name.
    let mut blobs = disk.blobs();
    blobs.0.get_mut(&segment(70_000)).unwrap().pop();
    let (writer, recovery) = open(&Simulated::holding(&blobs), &key(), &[]).unwrap();
    assert_eq!(
        (writer.size(), recovery.torn.map(|torn| torn.first)),
        (75_000, Some(75_000))
    );
}

#[test]
fn a_journal_of_another_key_or_place_does_not_count() {
    let (disk, _, _) = log_with_journal();
    let mut blobs = disk.blobs();
    let journal = blobs.0.remove(&journal_name()).unwrap();
    blobs.0.insert(format!("{FOLDER}{:020}", 105), journal);
    let opened = open(&Simulated::holding(&blobs), &key(), &[]);
    assert!(matches!(
        opened,
        Err(OpenError::Altered(Alteration::Gap { first: 100 }))
    ));
    assert_eq!(first(&report(&blobs, &key(), &[])).0, "Journal");
    // Signed by somebody else, it is nothing that was ever written here.
    let (disk, _) = log_of(0, &[]);
    let other = Key::new(2, ORIGIN, Algorithm::Ed25519);
    let theirs = Simulated::default();
    let mut writer = fixture::create(&theirs, &other);
    writer.append(b"theirs").unwrap();
    writer.commit().unwrap();
    let mut blobs = disk.blobs();
    blobs.0.extend(
        theirs
            .blobs()
            .0
            .into_iter()
            .filter(|(name, _)| name.starts_with(FOLDER)),
    );
    let (writer, recovery) = open(&Simulated::holding(&blobs), &key(), &[]).unwrap();
    assert_eq!((writer.size(), recovery.torn.is_some()), (0, true));
}

#[test]
fn an_altered_right_edge_is_found_at_the_start() {
    let (disk, _) = log_of(ENTRIES, &[ENTRIES]);
    let refused = |blobs: &Blobs| match open(&Simulated::holding(blobs), &key(), &[]) {
        Err(OpenError::Altered(place)) => place,
        _ => panic!("it was opened"),
    };
    let last = name(Kind::Entries, ENTRIES / 256, ENTRIES);
    let mut altered = entries();
    altered[ENTRIES - 3] = b"changed".to_vec();
    let mut blobs = disk.blobs();
    rebundle(&mut blobs, &altered, ENTRIES);
    assert!(matches!(refused(&blobs), Alteration::Entry { index } if index == number(ENTRIES - 3)));
    altered = entries();
    altered.pop();
    rebundle(&mut blobs, &altered, ENTRIES);
    assert!(matches!(refused(&blobs), Alteration::Bundle(_)));
    blobs.0.remove(&last);
    assert!(matches!(refused(&blobs), Alteration::Bundle(_)));
    for name in [
        name(Kind::Hashes(0), ENTRIES / 256, ENTRIES),
        format!("tile/1/000.p/{}", ENTRIES / 256),
    ] {
        let mut blobs = disk.blobs();
        blobs.0.get_mut(&name).unwrap()[7] ^= 1;
        assert!(matches!(refused(&blobs), Alteration::Edge { .. }), "{name}");
        blobs.0.remove(&name);
        assert!(matches!(refused(&blobs), Alteration::Tile(_)), "{name}");
    }
}
