//! Appending to a log: in memory, then durable, then published.
//!
//! [`Writer::append`] touches nothing but memory. [`Writer::commit`] makes all of it durable at once, by one batch in the
//! [journal](crate::journal). [`Writer::publish`] brings it into bundles and tiles, syncs those, and only then signs and replaces the
//! checkpoint: so whatever a checkpoint covers is there for whoever reads it, and no two checkpoints contradict each other.
//!
//! When anything fails, the writer refuses whatever it is asked later: what lies on the medium is not known then. Opening it again
//! ([`open`](Writer::open)) finds out, and writes anew everything that no checkpoint covered, since what reads back after a failed sync
//! may be gone with the next crash.

mod growing;
mod open;
mod pruning;

use std::io;

use thiserror::Error;

use crate::checkpoint::{CHECKPOINT, Checkpoint, KnownLog};
use crate::journal::{BATCH_PAYLOAD_BYTES_MAX, BatchError, Head, SEGMENT_BYTES, SEGMENT_ENTRIES, segment_name};
use crate::medium::Medium;
use crate::merkle::leaf_hash;
use crate::note::{Algorithm, Note, Signature, Signer, SigningFailed, VerifierKey};
use crate::tiles::{ENTRY_BYTES_MAX, TILE_WIDTH, TileName, push_entry, width};
use growing::Growing;

pub use open::{Alteration, OpenError, Recovery};
pub use pruning::PRUNING_STEP_ENTRIES;

/// Full bundles and tiles wait in memory for the next checkpoint up to this many octets.
const WAITING_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Who signs for a log: the key of now, and while keys change the next one or the one before.
pub struct Signers {
    main: Signer,
    others: Vec<Signer>,
}

impl Signers {
    /// `main` signs every batch, and has to be of [`Algorithm::Ed25519`], or there is `None`; checkpoints are signed by all.
    pub fn new(main: Signer, others: Vec<Signer>) -> Option<Self> {
        (main.key().algorithm() == Algorithm::Ed25519).then_some(Self { main, others })
    }

    fn all(&self) -> impl Iterator<Item = &Signer> {
        std::iter::once(&self.main).chain(&self.others)
    }
}

/// Why an entry is not taken.
#[derive(Debug, Error)]
pub enum AppendError {
    /// An entry has 1 to 65,535 octets.
    #[error("an entry of {bytes} octets cannot be logged: it has to have 1 to {ENTRY_BYTES_MAX}")]
    Length {
        /// How many it has.
        bytes: usize,
    },
    /// As much was appended as is committed at once: commit first.
    #[error("nothing more can be committed at once")]
    BatchFull,
    /// The log takes nothing any more.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Why something was not made durable, or not published.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The medium failed.
    #[error("`{name}` cannot be {verb}: {error}")]
    Medium {
        /// What could not be done to it.
        verb: &'static str,
        /// The blob.
        name: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// What was written could not be made durable together.
    #[error("what was written cannot be synced: {0}")]
    Sync(#[source] io::Error),
    /// Something could not be signed.
    #[error(transparent)]
    Signing(#[from] SigningFailed),
    /// What was appended is no batch.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The key is not one that the log is known by at this size.
    #[error("the log is not known by the key `{key}` at {size} entries")]
    Unknown {
        /// The key that signs.
        key: VerifierKey,
        /// The size.
        size: u64,
    },
    /// What was handed over to be published beside the checkpoint cannot be.
    #[error("these signatures are not of the last checkpoint")]
    Foreign,
    /// The log takes nothing any more.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl WriteError {
    fn of(verb: &'static str, name: impl ToString) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Medium {
            verb,
            name: name.to_string(),
            error,
        }
    }
}

/// The log takes nothing any more, since something failed. It has to be opened anew.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the log takes nothing since it failed: {0}")]
pub struct Refused(String);

/// The one that appends to a log.
pub struct Writer {
    medium: Box<dyn Medium + Send>,
    log: KnownLog,
    signers: Signers,
    growing: Growing,
    /// Up to which size everything is durable.
    durable: u64,
    /// The entries after that, as in a bundle.
    batch: Vec<u8>,
    segments: Vec<Segment>,
    published: Checkpoint,
    note: Note,
    /// The partial tiles and bundles that lie on the medium.
    partial: Vec<TileName>,
    /// Those among them that the last checkpoint stands on. They are never written again: a crash could tear them.
    covered: Vec<TileName>,
    refused: Option<Refused>,
}

/// A segment of the journal that no checkpoint covers. The last one is written to, until it is full.
struct Segment {
    name: String,
    first: u64,
    bytes: usize,
}

impl Writer {
    /// How many entries the log has, those included that are not durable yet.
    pub fn size(&self) -> u64 {
        self.growing.edge().size()
    }

    /// How many of them are durable.
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// The last checkpoint, which covers the entries that readers see.
    pub fn published(&self) -> &Checkpoint {
        &self.published
    }

    /// The last checkpoint as it lies there, with its signatures.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Adds an entry of 1 to 65,535 octets, in memory. Says its index.
    ///
    /// # Errors
    ///
    /// [`AppendError`]: the entry is not in the log then.
    pub fn append(&mut self, entry: &[u8]) -> Result<u64, AppendError> {
        self.working()?;
        let bytes = entry.len();
        if !(1..=ENTRY_BYTES_MAX).contains(&bytes) {
            return Err(AppendError::Length { bytes });
        }
        if self.batch.len() + 2 + bytes > BATCH_PAYLOAD_BYTES_MAX {
            return Err(AppendError::BatchFull);
        }
        let index = self.size();
        push_entry(&mut self.batch, entry);
        self.growing.push(entry, leaf_hash(entry));
        Ok(index)
    }

    /// Makes everything durable that was appended. Says how many entries are.
    ///
    /// # Errors
    ///
    /// [`WriteError`]: what of it is durable is not known then, and the log refuses everything.
    pub fn commit(&mut self) -> Result<u64, WriteError> {
        self.refusing_later(|writer| {
            writer.commit_batch()?;
            if writer.growing.full_bytes() > WAITING_BYTES_MAX {
                writer.write_full()?;
            }
            Ok(writer.durable)
        })
    }

    /// Commits, and brings everything into files for readers under a new checkpoint, signed at `now` in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`WriteError`], as with [`commit`](Self::commit).
    pub fn publish(&mut self, now: u64) -> Result<&Note, WriteError> {
        let minimum_index = self.published.minimum_index;
        self.refusing_later(|writer| writer.publish_pruned(minimum_index, now))?;
        Ok(&self.note)
    }

    /// Adds what witnesses have signed to the last checkpoint as it lies there.
    ///
    /// # Errors
    ///
    /// [`WriteError::Foreign`] when it is of another checkpoint, after which the log goes on; otherwise as with
    /// [`commit`](Self::commit).
    pub fn add_cosignatures(&mut self, of: &Checkpoint, cosignatures: Vec<Signature>) -> Result<&Note, WriteError> {
        self.working()?;
        let mut signatures = self.note.signatures().to_vec();
        let fresh = cosignatures
            .into_iter()
            .filter(|fresh| !self.note.signatures().contains(fresh));
        signatures.extend(fresh);
        let note = Note::new(self.note.text().to_owned(), signatures).filter(|_| *of == self.published);
        let note = note.ok_or(WriteError::Foreign)?;
        self.refusing_later(|writer| writer.replace_checkpoint(note))?;
        Ok(&self.note)
    }

    /// Removes bundles below an index that is published, after a new checkpoint has said so. Says the minimum index now: the next
    /// multiple of [`PRUNING_STEP_ENTRIES`] below, or what it was. Hashes stay, so everything can be proved as before.
    ///
    /// # Errors
    ///
    /// [`WriteError`], as with [`commit`](Self::commit).
    pub fn prune(&mut self, index: u64, now: u64) -> Result<u64, WriteError> {
        let index = index.min(self.published.size);
        let whole = index - index % PRUNING_STEP_ENTRIES;
        let minimum_index = whole.max(self.published.minimum_index);
        self.refusing_later(|writer| {
            writer.publish_pruned(minimum_index, now)?;
            pruning::remove_below(&mut *writer.medium, minimum_index)
        })?;
        Ok(minimum_index)
    }

    /// Compresses the full bundles of the entries from `first` up to but without `end`, where those are published and are not
    /// compressed yet. Says how many.
    ///
    /// # Errors
    ///
    /// [`WriteError`], as with [`commit`](Self::commit).
    pub fn compress(&mut self, first: u64, end: u64) -> Result<u64, WriteError> {
        let end = end.min(self.published.size);
        self.refusing_later(|writer| pruning::compress(&mut *writer.medium, first, end))
    }

    fn working(&self) -> Result<(), Refused> {
        self.refused.clone().map_or(Ok(()), Err)
    }

    /// Does something, after whose failure nothing is done any more.
    fn refusing_later<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T, WriteError>) -> Result<T, WriteError> {
        self.working()?;
        let done = act(self);
        if let Err(error) = &done {
            self.refused = Some(Refused(error.to_string()));
        }
        done
    }

    fn commit_batch(&mut self) -> Result<(), WriteError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let edge = self.growing.edge();
        let (first, size, root) = (self.durable, edge.size(), edge.root());
        let main = &self.signers.main;
        if !self.log.has(main.key(), size) {
            let key = main.key().clone();
            return Err(WriteError::Unknown { key, size });
        }
        let head = Head {
            origin: self.log.origin.clone(),
            first,
            size,
            root,
        };
        let octets = head.batch(&self.batch, main)?;
        let segment = self.segment();
        let name = segment.name.clone();
        segment.bytes += octets.len();
        self.medium
            .append(&name, &octets)
            .map_err(WriteError::of("appended to", &name))?;
        self.medium.sync(&name).map_err(WriteError::of("synced", &name))?;
        self.durable = size;
        self.batch.clear();
        Ok(())
    }

    /// The segment that the next batch goes into.
    fn segment(&mut self) -> &mut Segment {
        let first = self.durable;
        let full = |last: &Segment| first - last.first >= SEGMENT_ENTRIES || last.bytes >= SEGMENT_BYTES;
        let fresh = || Segment {
            name: segment_name(first),
            first,
            bytes: 0,
        };
        let last = self.segments.pop();
        let (before, last) = match last {
            Some(last) if full(&last) => (Some(last), fresh()),
            last => (None, last.unwrap_or_else(fresh)),
        };
        self.segments.extend(before);
        self.segments.push_mut(last)
    }

    /// Writes the bundles and tiles that have become full. Whatever they have is durable in the journal.
    fn write_full(&mut self) -> Result<(), WriteError> {
        for (name, content) in self.growing.take_full() {
            let name = name.to_string();
            self.medium
                .write(&name, &content)
                .map_err(WriteError::of("written", &name))?;
        }
        Ok(())
    }

    fn publish_pruned(&mut self, minimum_index: u64, now: u64) -> Result<(), WriteError> {
        self.commit_batch()?;
        self.write_full()?;
        let partial = self.growing.partial();
        for (name, content) in partial.iter().filter(|(name, _)| !self.covered.contains(name)) {
            self.medium
                .write(&name.to_string(), content)
                .map_err(WriteError::of("written", name))?;
            if !self.partial.contains(name) {
                self.partial.push(*name);
            }
        }
        self.medium.sync_all().map_err(WriteError::Sync)?;
        self.covered = partial.into_iter().map(|(name, _)| name).collect();
        let edge = self.growing.edge();
        let (origin, size, root) = (self.log.origin.clone(), edge.size(), edge.root());
        let checkpoint = Checkpoint {
            origin,
            size,
            root,
            minimum_index,
            extensions: Vec::new(),
        };
        let note = checkpoint.signed(self.signers.all(), now)?;
        // What the next start would refuse is not published.
        if self.log.verify_checkpoint(&note).is_err() {
            let key = self.signers.main.key().clone();
            return Err(WriteError::Unknown { key, size });
        }
        self.replace_checkpoint(note)?;
        self.published = checkpoint;
        self.remove_covered()
    }

    fn replace_checkpoint(&mut self, note: Note) -> Result<(), WriteError> {
        let octets = note.to_string();
        self.medium
            .replace(CHECKPOINT, octets.as_bytes())
            .map_err(WriteError::of("replaced", CHECKPOINT))?;
        self.note = note;
        Ok(())
    }

    /// Removes what the checkpoint has made superfluous: the journal, and partial tiles whose full ones are there.
    fn remove_covered(&mut self) -> Result<(), WriteError> {
        let size = self.published.size;
        let is_full = |name: &TileName| width(name.kind.level(), name.index, size) == TILE_WIDTH;
        let (superfluous, partial) = self.partial.drain(..).partition(is_full);
        self.partial = partial;
        let segments = self.segments.drain(..).map(|segment| segment.name);
        let superfluous: Vec<TileName> = superfluous;
        for name in segments.chain(superfluous.iter().map(TileName::to_string)) {
            self.medium.remove(&name).map_err(WriteError::of("removed", &name))?;
        }
        Ok(())
    }
}
