//! `portcullis log prove`: proofs that others verify without the log (C2SP tlog-proof), or without trusting it (C2SP tlog-witness).

use std::fs;
use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_audit_log::checkpoint::Checkpoint;
use portcullis_audit_log::entries::Entries;
use portcullis_audit_log::merkle::root_of;
use portcullis_audit_log::note::Note;
use portcullis_audit_log::proof::InclusionProof;
use portcullis_audit_log::tiles::TileReader;
use portcullis_audit_log::witness::Request;
use serde_json::{Value, json};

use super::super::{Failure, Outcome, Shared};
use super::place::{Of, Place};
use super::reading::{self, Asked};
use super::show::{indices, missing};
use super::{Prove, Which};
use crate::config::audit_log::RightWritten as Right;

/// What a line of a proof begins with that nobody has signed. Here it is the entry, which the hashes speak of.
const EXTRA: &str = "extra ";
/// The most octets of a file with a proof: an entry and 64 hashes.
const PROOF_BYTES_MAX: u64 = 256 * 1024;

/// What could be proved of an entry.
pub(super) enum Proved {
    /// It is in the log.
    Entry {
        /// The proof as a text.
        proof: String,
        /// Under which checkpoint.
        checkpoint: Checkpoint,
        /// How many checkpoints from elsewhere the log goes on from.
        held: usize,
    },
    /// No checkpoint covers it yet.
    Unpublished,
    /// It is not in the log, or the log is not the one that others saw.
    Wrong(String),
}

impl Proved {
    /// Whether nothing is wrong.
    pub(super) fn holds(&self) -> bool {
        !matches!(self, Self::Wrong(_))
    }

    /// What it was held against.
    pub(super) fn held_in_words(&self) -> &'static str {
        match self {
            Self::Entry { held: 0, .. } => {
                "             (against the operator of the log only a checkpoint that is held elsewhere says something: `--held`)\n"
            }
            Self::Entry { .. } => "             and the log goes on from the checkpoints that are held elsewhere\n",
            Self::Unpublished | Self::Wrong(_) => "",
        }
    }

    /// For programs.
    pub(super) fn as_json(&self) -> Value {
        match self {
            Self::Entry {
                proof,
                checkpoint,
                held,
            } => json!({"proved": true, "size": checkpoint.size, "held": held, "proof": proof}),
            Self::Unpublished => json!({"proved": false, "published": false}),
            Self::Wrong(why) => json!({"proved": false, "published": true, "error": why}),
        }
    }
}

/// Writes a proof, or checks one.
pub(super) fn prove(prove: &Prove, shared: &Shared) -> Result<Outcome, Failure> {
    match prove {
        Prove {
            check: Some(file), of, ..
        } => check(file, of, shared),
        Prove { from: Some(from), .. } => consistency(prove, *from),
        Prove { entry: Some(entry), .. } => inclusion(prove, entry, shared),
        Prove { .. } => Err(Failure::unusable(
            "name an entry, a size with `--from` or a file with `--check`",
        )),
    }
}

/// Proves that an entry is in the log: under a checkpoint from elsewhere if one covers it, and otherwise under the log's own; and that the
/// log goes on from all of those.
///
/// # Errors
/// The log cannot be read.
pub(super) fn prove_entry(
    place: &Place,
    entries: &Entries<'_>,
    index: u64,
    octets: &[u8],
    held: &[(Note, Checkpoint)],
) -> Result<Proved, Failure> {
    if index >= entries.published() {
        return Ok(Proved::Unpublished);
    }
    let mut tiles = TileReader::new(place.source(), entries.published());
    for (_, checkpoint) in held {
        if checkpoint.size > entries.published() {
            let (held, found) = (checkpoint.size, entries.published());
            return Ok(Proved::Wrong(format!(
                "the log had {held} entries once, and has {found}"
            )));
        }
        match root_of(&mut tiles, checkpoint.size) {
            Ok(root) if root == checkpoint.root => {}
            Ok(_) => {
                let size = checkpoint.size;
                return Ok(Proved::Wrong(format!(
                    "its first {size} entries are not those that others saw"
                )));
            }
            Err(error) => return Ok(Proved::Wrong(error.to_string())),
        }
    }
    let covering = held.iter().find(|(_, checkpoint)| index < checkpoint.size);
    let note = covering.map_or(entries.note(), |(note, _)| note);
    let made = match InclusionProof::make(&mut tiles, index, note) {
        Ok(Some(made)) => made,
        Ok(None) => return Ok(Proved::Unpublished),
        Err(error) => return Ok(Proved::Wrong(error.to_string())),
    };
    Ok(match made.verify(octets, &place.known) {
        Ok(checkpoint) => Proved::Entry {
            proof: with_entry(&made, octets),
            checkpoint,
            held: held.len(),
        },
        Err(error) => Proved::Wrong(error.to_string()),
    })
}

/// A proof with the entry that it is about, in a line that readers of proofs pass over.
fn with_entry(proof: &InclusionProof, entry: &[u8]) -> String {
    let text = proof.to_string();
    match text.split_once('\n') {
        Some((form, rest)) => format!("{form}\n{EXTRA}{}\n{rest}", STANDARD.encode(entry)),
        None => text,
    }
}

fn inclusion(prove: &Prove, entry: &Which, shared: &Shared) -> Result<Outcome, Failure> {
    let place = prove.of.place(Right::Read)?;
    reading::read(&place, &Asked::new("prove").with("", Some(entry)))?;
    let mut entries = place.entries()?;
    let indices = indices(&place, &mut entries, entry)?;
    // Of a request the one that says how it ended.
    let Some(index) = indices.last().copied() else {
        return missing(entry, shared);
    };
    let octets = entries.get(index).map_err(|error| place.unreadable(&error))?;
    let octets = octets.unwrap_or_default().to_vec();
    match prove_entry(&place, &entries, index, &octets, &[])? {
        Proved::Entry { proof, .. } => {
            write(prove.output.as_deref(), &proof)?;
            Ok(Outcome::Clean)
        }
        Proved::Unpublished => Err(Failure::unusable(format!(
            "entry {index} cannot be proved yet: no checkpoint covers it; ask again in a few seconds"
        ))),
        Proved::Wrong(why) => {
            anstream::eprintln!("entry {index} is not what was logged: {why}; run `portcullis log verify`");
            Ok(Outcome::Found)
        }
    }
}

fn consistency(prove: &Prove, from: u64) -> Result<Outcome, Failure> {
    let place = prove.of.place(Right::Read)?;
    reading::read(&place, &Asked::new("prove").with("--from", Some(from)))?;
    let entries = place.entries()?;
    let mut tiles = TileReader::new(place.source(), entries.published());
    let made = Request::make(&mut tiles, from, entries.note());
    let made = made.map_err(|error| Failure::unusable(format!("{error}; run `portcullis log verify`")))?;
    let Some(request) = made else {
        let size = entries.published();
        return Err(Failure::unusable(format!(
            "the log has {size} entries: it does not go on from {from}"
        )));
    };
    write(prove.output.as_deref(), &request.to_string())?;
    Ok(Outcome::Clean)
}

fn write(output: Option<&Path>, text: &str) -> Result<(), Failure> {
    match output {
        Some(file) => fs::write(file, text)
            .map_err(|error| Failure::unusable(format!("cannot write `{}`: {error}", file.display()))),
        None => Ok(anstream::stdout().write_all(text.as_bytes())?),
    }
}

/// Verifies a proof by a key that somebody has kept.
fn check(file: &Path, of: &Of, shared: &Shared) -> Result<Outcome, Failure> {
    let known = of.keys_elsewhere()?;
    let known = match (known, &of.log) {
        (Some(known), _) => known,
        (None, Some(_)) => of.place(Right::Read)?.known,
        (None, None) => return Err(Failure::unusable("name the key that the log is known by with `--key`")),
    };
    let said = |error: &dyn std::fmt::Display| Failure::unusable(format!("`{}`: {error}", file.display()));
    let length = fs::metadata(file).map_err(|error| said(&error))?.len();
    if length > PROOF_BYTES_MAX {
        return Err(said(&"it is too long for a proof"));
    }
    let text = fs::read_to_string(file).map_err(|error| said(&error))?;
    let proof = InclusionProof::parse(&text).map_err(|error| said(&error))?;
    let entry = text.lines().nth(1).and_then(|line| line.strip_prefix(EXTRA));
    let entry = entry.and_then(|entry| STANDARD.decode(entry).ok());
    let entry =
        entry.ok_or_else(|| said(&"it has no line `extra` with the entry, as `portcullis log prove` writes it"))?;
    let verified = proof.verify(&entry, &known);
    let mut out = anstream::stdout();
    match (&verified, shared.json) {
        (Ok(checkpoint), true) => {
            let entry: Value = serde_json::from_slice(&entry).unwrap_or_default();
            let told = json!({"proved": true, "index": proof.index, "size": checkpoint.size, "log": known.origin.as_str(), "entry": entry});
            writeln!(out, "{told}")?;
        }
        (Err(error), true) => writeln!(out, "{}", json!({"proved": false, "error": error.to_string()}))?,
        (Ok(checkpoint), false) => {
            let (index, size) = (proof.index, checkpoint.size);
            writeln!(
                out,
                "it is entry {index} of `{}`, under a checkpoint of {size} entries:",
                known.origin
            )?;
            writeln!(out, "{}", crate::report::printable(&String::from_utf8_lossy(&entry)))?;
        }
        (Err(error), false) => anstream::eprintln!("nothing is proved: {error}"),
    }
    Ok(if verified.is_ok() {
        Outcome::Clean
    } else {
        Outcome::Found
    })
}
