//! A log to try out and to measure: writes one, verifies it, proves from it.
//!
//! `cargo run --release -p portcullis-store --example audit_log -- COMMAND FOLDER ...`
//!
//! * `append ENTRIES`: appends as many entries of 400 octets in memory, with no disk at all, in batches of 1000; says how many a second.
//! * `write FOLDER ENTRIES [BATCH]`: makes a log of entries of 400 octets, of 100,000 principals, committed BATCH (1000) at a time; publishes
//!   ten times, and keeps those checkpoints beside it, in `FOLDER.held`.
//! * `verify FOLDER [THREADS]`: verifies it against these.
//! * `key`: the public key, of a private one that everybody knows.
//! * `prove FOLDER INDEX`: a proof of inclusion (C2SP tlog-proof). `witness FOLDER OLD`: a request to a witness (C2SP tlog-witness).
//! * `index FOLDER`: makes its index anew. `query-speed FOLDER`: how long queries by random principals take, each with the index and the log
//!   opened anew, and everything found read.
//! * `prove-speed FOLDER`: how long proofs of random entries take, each read from the files anew, and all by one reader of tiles.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement, run by hand"
)]

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use portcullis_audit_log::checkpoint::{CHECKPOINT, Checkpoint, KnownLog, Origin};
use portcullis_audit_log::entries::Entries;
use portcullis_audit_log::index::{Filter, From, search};
use portcullis_audit_log::medium::{Medium, Source};
use portcullis_audit_log::note::{Algorithm, KeyName, NOTE_BYTES_MAX, Note, Signer, VerifierKey};
use portcullis_audit_log::proof::InclusionProof;
use portcullis_audit_log::tiles::TileReader;
use portcullis_audit_log::verify::verify;
use portcullis_audit_log::witness::Request;
use portcullis_audit_log::writer::{Signers, Writer};
use portcullis_store::audit_log::{LogBeside, LogFiles, LogFolder, index_rebuild};

const ORIGIN: &str = "gate.example/log";
const NOW: u64 = 1_800_000_000;
const ENTRY_BYTES: usize = 400;
const PRINCIPALS: u64 = 100_000;

/// An entry as a gate writes them, with places for a time, an id and a principal.
static TEMPLATE: LazyLock<([u8; ENTRY_BYTES], [usize; 3])> = LazyLock::new(|| {
    let text = r#"{"class_uid":6003,"activity_id":2,"time":TTTTTTTTTTTTT,"metadata":{"event_code":"request","correlation_uid":"IIIIIIIIIIIII"},"actor":{"user":{"uid":"PPPPPPPPPPPPP"}},"src_endpoint":{"ip":"192.0.2.7"},"api":{"operation":"getAccount","service":{"name":"bank"}},"http_request":{"http_method":"GET","url":{"path":"/"}},"http_response":{"code":200,"length":7},"action_id":1,"status_id":1,"duration":3}"#;
    let filled = text.replace(
        "\"path\":\"/\"",
        &format!("\"path\":\"/{}\"", "x".repeat(ENTRY_BYTES - text.len())),
    );
    let places = ["TTTTTTTTTTTTT", "IIIIIIIIIIIII", "PPPPPPPPPPPPP"].map(|mark| filled.find(mark).unwrap());
    (filled.into_bytes().try_into().unwrap(), places)
});

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.replace('_', "").parse::<u64>().unwrap();
    match arguments.as_slice() {
        ["append", entries] => append(number(entries)),
        ["write", folder, entries] => write(folder, number(entries), 1000),
        ["write", folder, entries, batch] => write(folder, number(entries), number(batch)),
        ["verify", folder] => verify_whole(folder, 1),
        ["verify", folder, threads] => verify_whole(folder, number(threads)),
        ["key"] => println!("{}", key().0),
        ["prove", folder, index] => prove(folder, number(index)),
        ["prove-speed", folder] => prove_speed(folder),
        ["index", folder] => index(folder),
        ["query-speed", folder] => query_speed(folder),
        ["witness", folder, old] => witness(folder, number(old)),
        _ => panic!(
            "append ENTRIES | write FOLDER ENTRIES [BATCH] | verify FOLDER [THREADS] | key | prove FOLDER INDEX | ..."
        ),
    }
}

fn key() -> (VerifierKey, Ed25519KeyPair) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let public = pair.public_key().as_ref().try_into().unwrap();
    (
        VerifierKey::new(KeyName::new(ORIGIN).unwrap(), Algorithm::Ed25519, public).unwrap(),
        pair,
    )
}

fn known() -> KnownLog {
    KnownLog::with_key(Origin::new(ORIGIN).unwrap(), key().0)
}

fn signers() -> Signers {
    let (key, pair) = key();
    let sign = move |message: &[u8]| Ok(pair.sign(message).as_ref().try_into().unwrap());
    Signers::new(Signer::new(key, Box::new(sign)), Vec::new()).unwrap()
}

/// An entry of 400 octets, with the number in its id, at a millisecond of its own, of one of 100,000 principals.
fn entry(number: u64) -> [u8; ENTRY_BYTES] {
    let (mut entry, places) = *TEMPLATE;
    let principal = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % PRINCIPALS;
    for (place, mut number) in places.into_iter().zip([NOW * 1000 + number, number, principal]) {
        for digit in entry[place..place + 13].iter_mut().rev() {
            *digit = b"0123456789"[usize::try_from(number % 10).unwrap()];
            number /= 10;
        }
    }
    entry
}

fn fill(writer: &mut Writer, entries: u64, batch: u64, mut published: impl FnMut(&Note)) -> Duration {
    let began = Instant::now();
    for number in 0..entries {
        writer.append(&entry(number)).unwrap();
        if (number + 1) % batch == 0 {
            writer.commit().unwrap();
        }
        if (number + 1) % (entries / 10).max(1) == 0 {
            published(writer.publish(NOW).unwrap());
        }
    }
    published(writer.publish(NOW).unwrap());
    began.elapsed()
}

fn tell(what: &str, count: u64, took: Duration) {
    let seconds = took.as_secs_f64();
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = count as f64 / seconds;
    println!("{what}: {count} in {seconds:.2} s, {rate:.0} a second");
}

fn append(entries: u64) {
    let mut writer = Writer::create(Box::new(Nowhere), known(), signers(), NOW).unwrap();
    tell(
        "appended, hashed and signed in batches, without a disk",
        entries,
        fill(&mut writer, entries, 1000, |_| {}),
    );
}

fn write(folder: &str, entries: u64, batch: u64) {
    let mut writer = Writer::create(Box::new(LogFiles::open(folder).unwrap()), known(), signers(), NOW).unwrap();
    let mut held = String::new();
    let took = fill(&mut writer, entries, batch, |note| held += &format!("{note}\0"));
    std::fs::write(beside(folder), held).unwrap();
    tell(
        "written, synced after every batch and published ten times",
        entries,
        took,
    );
}

fn beside(folder: &str) -> PathBuf {
    PathBuf::from(format!("{folder}.held"))
}

fn verify_whole(folder: &str, threads: u64) {
    let held = std::fs::read_to_string(beside(folder)).unwrap();
    let notes = held.split('\0').filter(|note| !note.is_empty());
    let held: Vec<Checkpoint> = notes
        .map(|note| {
            known()
                .verify_checkpoint(&Note::parse(note.as_bytes()).unwrap())
                .unwrap()
        })
        .collect();
    let threads = usize::try_from(threads).ok().and_then(NonZeroUsize::new).unwrap();
    let began = Instant::now();
    let report = verify(&LogFolder::new(folder), &known(), &held, threads, &mut |_| {}).unwrap();
    tell("verified", report.entries, began.elapsed());
    report.findings.iter().for_each(|finding| println!("{finding}"));
    println!(
        "{} findings, {} entries not published",
        report.findings.len(),
        report.unpublished
    );
}

fn checkpoint(folder: &LogFolder) -> (Note, u64) {
    let note = Note::parse(&folder.read(CHECKPOINT, NOTE_BYTES_MAX).unwrap().unwrap()).unwrap();
    let size = Checkpoint::parse(note.text()).unwrap().size;
    (note, size)
}

fn prove(folder: &str, index: u64) {
    let folder = LogFolder::new(folder);
    let (note, size) = checkpoint(&folder);
    print!(
        "{}",
        InclusionProof::make(&mut TileReader::new(&folder, size), index, &note)
            .unwrap()
            .unwrap()
    );
}

fn prove_speed(folder: &str) {
    let folder = LogFolder::new(folder);
    let (note, size) = checkpoint(&folder);
    let prove = |tiles: &mut TileReader<'_>, number: u64| {
        let index = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % size;
        let began = Instant::now();
        let proof = InclusionProof::make(tiles, index, &note).unwrap().unwrap();
        let took = began.elapsed();
        proof.verify(&entry(index), &known()).unwrap();
        took
    };
    let tell = |how: &str, mut times: Vec<Duration>| {
        times.sort();
        let at = |share: usize| times[(times.len() - 1) * share / 1000];
        let (median, most) = (at(500), at(1000));
        println!(
            "a proof in {size} entries, {how}: {median:?} at the median, {:?} of 99 %, {most:?} at the most",
            at(990)
        );
    };
    let anew = (1..=2000).map(|number| prove(&mut TileReader::new(&folder, size), number));
    tell("read anew", anew.collect());
    let mut tiles = TileReader::new(&folder, size);
    let kept = (2001..=4000).map(|number| prove(&mut tiles, number));
    tell("by one reader", kept.collect());
}

fn index(folder: &str) {
    let began = Instant::now();
    let indexed = index_rebuild(Path::new(folder), &known(), &mut |_| {}).unwrap();
    let indexed_entries = indexed.built * portcullis_audit_log::index::SEGMENT_ENTRIES;
    tell("indexed", indexed_entries, began.elapsed());
}

fn query_speed(folder: &str) {
    let (source, beside) = (LogFolder::new(folder), LogBeside::new(folder));
    let mut found = 0;
    let mut times: Vec<Duration> = (1..=200_u64)
        .map(|number| {
            let principal = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % PRINCIPALS;
            let filter = Filter {
                principal: Some(format!("{principal:013}")),
                ..Filter::default()
            };
            let began = Instant::now();
            let mut entries = Entries::open(&source, &known()).unwrap();
            let results = search(&mut entries, &beside, &filter, 0..u64::MAX, From::End, 100).unwrap();
            let took = began.elapsed();
            found += results.indices.len();
            took
        })
        .collect();
    times.sort();
    println!(
        "a query by principal, {} found of each: {:?} at the median, {:?} at the most",
        found / times.len(),
        times[times.len() / 2],
        times[times.len() - 1]
    );
}

fn witness(folder: &str, old: u64) {
    let folder = LogFolder::new(folder);
    let (note, size) = checkpoint(&folder);
    print!(
        "{}",
        Request::make(&mut TileReader::new(&folder, size), old, &note)
            .unwrap()
            .unwrap()
    );
}

/// A medium that keeps nothing.
struct Nowhere;

impl Source for Nowhere {
    fn read(&self, _: &str, _: usize) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn list(&self, _: &str) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

impl Medium for Nowhere {
    fn append(&mut self, _: &str, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, _: &str, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn replace(&mut self, _: &str, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn remove(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }
}
