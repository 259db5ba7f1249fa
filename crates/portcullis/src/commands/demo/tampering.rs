//! The audit log of the demo, tampered with in every way that there is, by somebody who may write its files, and by the operator himself,
//! who has its keys. Each time on a copy, and each time it is held against checkpoints that were kept elsewhere.

use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use portcullis_audit_log::checkpoint::{CHECKPOINT, Checkpoint, KnownLog};
use portcullis_audit_log::note::Note;
use portcullis_audit_log::tiles::{Kind, TILE_WIDTH, TileName, push_entry, read_bundle, split};
use portcullis_audit_log::verify::verify;
use portcullis_audit_log::writer::Writer;
use portcullis_gateway::listen::unix_time;
use portcullis_store::audit_log::{LogFiles, LogFolder};

use crate::audit_log::keys::{self, Keys};

/// How long entries may take to be under a checkpoint.
const ENTRIES_TIME_MAX: Duration = Duration::from_secs(10);

/// Somebody changes the log.
type Change = fn(&Copied<'_>) -> io::Result<()>;

/// What is done to the log, and by whom.
const TAMPERINGS: [(&str, Change); 9] = [
    ("an entry is edited", |log| log.bundle(|entries, at| edit(entries, at))),
    ("an entry is deleted", |log| log.bundle(delete)),
    ("two entries change places", |log| {
        log.bundle(|entries, at| reorder(entries, at))
    }),
    ("an entry is inserted", |log| log.bundle(insert)),
    ("the end is cut off", |log| log.truncate()),
    ("it is rolled back to an older copy", |log| log.roll_back()),
    ("it is made anew with one entry edited, by its operator", |log| {
        log.make_anew(log.keys, |entries, at| edit(entries, at))
    }),
    ("it is made anew with one entry left out, by its operator", |log| {
        log.make_anew(log.keys, delete)
    }),
    ("its keys are swapped, and everything is signed with others", |log| {
        log.swap_keys()
    }),
];

fn edit(entries: &mut [Vec<u8>], at: usize) {
    if let Some(octet) = entries.get_mut(at).and_then(|entry| entry.last_mut()) {
        *octet ^= 1;
    }
}

fn delete(entries: &mut Vec<Vec<u8>>, at: usize) {
    entries.remove(at);
}

fn reorder(entries: &mut [Vec<u8>], at: usize) {
    entries.swap(at, at + 1);
}

fn insert(entries: &mut Vec<Vec<u8>>, at: usize) {
    entries.insert(at, br#"{"made":"up"}"#.to_vec());
}

/// What became of one of them.
#[derive(Debug)]
pub(super) struct Tampered {
    /// What was done.
    pub(super) what: &'static str,
    /// What a verification says; none: it found nothing.
    pub(super) found: Option<String>,
}

/// What became of all.
#[derive(Debug)]
pub(super) struct Tampering {
    /// How many entries the log has.
    pub(super) entries: u64,
    /// What a verification of the log itself says; none: it is intact.
    pub(super) untouched: Option<String>,
    pub(super) tampered: Vec<Tampered>,
}

impl Tampering {
    /// Whether the log is intact, and everything that was done to copies of it was found.
    pub(super) fn is_good(&self) -> bool {
        let found = self.tampered.iter().all(|tampered| tampered.found.is_some());
        self.untouched.is_none() && self.entries > 0 && found
    }
}

/// A log that has ended, and what others know of it.
pub(super) struct Original<'o> {
    /// Where it lies.
    pub(super) folder: &'o Path,
    /// Where copies of it may lie.
    pub(super) beside: &'o Path,
    /// A copy of it from before.
    pub(super) older: &'o Path,
    pub(super) keys: &'o Keys,
}

/// A copy that is changed.
struct Copied<'c> {
    folder: PathBuf,
    older: &'c Path,
    known: &'c KnownLog,
    keys: &'c Keys,
    entries: Vec<Vec<u8>>,
}

/// Tampers with copies of a log, and verifies each, and the log itself.
///
/// # Errors
/// It cannot be read or copied.
pub(super) fn tamper(original: &Original<'_>) -> io::Result<Tampering> {
    // As those know it who were given the public key at the beginning.
    let known = keys::known(original.folder, None).map_err(io::Error::other)?;
    let last = checkpoint(original.folder, &known)?;
    let size = last.size;
    let entries = entries(original.folder, last.size)?;
    let held = [checkpoint(original.older, &known)?, last];
    let found = |folder: &Path| -> io::Result<Option<String>> {
        let report = verify(&LogFolder::new(folder), &known, &held, NonZeroUsize::MIN, &mut |_| ())?;
        Ok(report.first().map(ToString::to_string))
    };
    let mut tampered = Vec::new();
    for (number, (what, change)) in TAMPERINGS.into_iter().enumerate() {
        let folder = original.beside.join(format!("tampered-{number}"));
        copy(original.folder, &folder)?;
        change(&Copied {
            folder: folder.clone(),
            older: original.older,
            known: &known,
            keys: original.keys,
            entries: entries.clone(),
        })?;
        let found = found(&folder)?;
        fs::remove_dir_all(&folder)?;
        tampered.push(Tampered { what, found });
    }
    Ok(Tampering {
        entries: size,
        untouched: found(original.folder)?,
        tampered,
    })
}

impl Copied<'_> {
    /// Which entry it is about.
    fn at(&self) -> usize {
        self.entries.len() / 2
    }

    /// Changes the bundle with one entry, and nothing else.
    fn bundle(&self, change: fn(&mut Vec<Vec<u8>>, usize)) -> io::Result<()> {
        let width = usize::try_from(TILE_WIDTH).unwrap_or(usize::MAX);
        let (number, within) = (self.at() / width, self.at() % width);
        let size = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        let name = u64::try_from(number)
            .ok()
            .and_then(|number| TileName::within(Kind::Entries, number, size));
        let name = name.ok_or_else(|| io::Error::other("the log has no entries"))?;
        let mut bundle: Vec<Vec<u8>> = self.entries.iter().skip(number * width).take(width).cloned().collect();
        // So that there is one after it, too.
        let at = within.min(bundle.len().saturating_sub(2));
        change(&mut bundle, at);
        let mut octets = Vec::new();
        for entry in &bundle {
            if !push_entry(&mut octets, entry) {
                return Err(io::Error::other("an entry is too long"));
            }
        }
        fs::write(self.folder.join(name.to_string()), octets)
    }

    /// As its operator would: with a checkpoint that says so, signed.
    fn truncate(&self) -> io::Result<()> {
        self.make_anew(self.keys, Vec::truncate)
    }

    fn roll_back(&self) -> io::Result<()> {
        fs::remove_dir_all(&self.folder)?;
        copy(self.older, &self.folder)
    }

    fn swap_keys(&self) -> io::Result<()> {
        let keys = Keys::made(&self.known.origin).map_err(io::Error::other)?;
        self.make_anew(&keys, |entries, at| edit(entries, at))
    }

    /// Makes a log of other entries, by these keys.
    fn make_anew(&self, keys: &Keys, change: fn(&mut Vec<Vec<u8>>, usize)) -> io::Result<()> {
        fs::remove_dir_all(&self.folder)?;
        let mut entries = self.entries.clone();
        change(&mut entries, self.at());
        let files = LogFiles::open(&self.folder).map_err(io::Error::other)?;
        let signers = keys.signers().ok_or_else(|| io::Error::other("nobody signs"))?;
        let now = unix_time().seconds();
        let made = Writer::create(Box::new(files), keys.fresh(&self.known.origin), signers, now);
        let mut writer = made.map_err(io::Error::other)?;
        for entry in &entries {
            writer.append(entry).map_err(io::Error::other)?;
        }
        writer.publish(now).map_err(io::Error::other)?;
        Ok(())
    }
}

fn checkpoint(folder: &Path, known: &KnownLog) -> io::Result<Checkpoint> {
    let note = Note::parse(&fs::read(folder.join(CHECKPOINT))?).map_err(io::Error::other)?;
    known.verify_checkpoint(&note).map_err(io::Error::other)
}

fn entries(folder: &Path, size: u64) -> io::Result<Vec<Vec<u8>>> {
    let source = LogFolder::new(folder);
    let mut entries = Vec::new();
    for number in 0..size.div_ceil(TILE_WIDTH) {
        let name = TileName::within(Kind::Entries, number, size).ok_or_else(|| io::Error::other("no such bundle"))?;
        let stored = read_bundle(&source, &name)?;
        let bundle = stored.bundle().ok_or_else(|| io::Error::other("a bundle is gone"))?;
        entries.extend(split(bundle).0.into_iter().map(<[u8]>::to_vec));
    }
    Ok(entries)
}

/// Copies a log when there are entries under a checkpoint of it.
///
/// # Errors
/// It cannot be copied, or no entries come.
pub(super) fn keep_older(folder: &Path, older: &Path) -> io::Result<()> {
    let known = keys::known(folder, None).map_err(io::Error::other)?;
    let until = Instant::now() + ENTRIES_TIME_MAX;
    while checkpoint(folder, &known)?.size == 0 {
        if Instant::now() > until {
            return Err(io::Error::other("no entry of the ordinary requests is published"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    copy(folder, older)
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        let place = to.join(file.file_name());
        if file.file_type()?.is_dir() {
            copy(&file.path(), &place)?;
        } else {
            fs::copy(file.path(), place)?;
        }
    }
    Ok(())
}
