//! A log is made, or opened again: what was durable is found and written anew, what was torn is dropped, what was altered is told.

use std::io;

use thiserror::Error;

use super::growing::Growing;
use super::{Refused, Signers, WriteError, Writer};
use crate::checkpoint::{CHECKPOINT, Checkpoint, CheckpointError, KnownLog};
use crate::journal::{self, Torn, WalkError, Walked, segment_name};
use crate::medium::{Medium, Source};
use crate::merkle::{Hash, empty_hash, leaf_hash, root_of};
use crate::note::{NOTE_BYTES_MAX, Note};
use crate::tiles::{
    self, Kind, LEVELS_MAX, Listed, Stored, TILE_WIDTH, TileError, TileName, TileReader, full_tiles, read_bundle,
};

/// Why a log is not opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is no log: it has to be made first.
    #[error("there is no log here")]
    Missing,
    /// There is something already where a log is to be made.
    #[error("there is a log here already, or something of one: `{0}`")]
    Exists(String),
    /// Something cannot be read.
    #[error("`{name}` cannot be read: {error}")]
    Read {
        /// The blob or folder.
        name: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The log is not what was written.
    #[error("the log was altered: {0}")]
    Altered(Alteration),
    /// What was recovered could not be written anew.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// The first thing that is wrong with a log.
#[derive(Debug, Error)]
pub enum Alteration {
    /// The checkpoint is gone, and tiles or a journal are not.
    #[error("its checkpoint is gone")]
    CheckpointGone,
    /// The checkpoint does not count.
    #[error("its checkpoint does not count: {0}")]
    Checkpoint(CheckpointError),
    /// The log is shorter than it was when somebody else saw it.
    #[error("it has {found} entries and had {held}")]
    RolledBack {
        /// How many it had.
        held: u64,
        /// How many it has.
        found: u64,
    },
    /// The log has another beginning than it had when somebody else saw it.
    #[error("its first {held} entries are not those that it had")]
    Rewritten {
        /// How many it had.
        held: u64,
    },
    /// A tile of the right edge is missing or has another length.
    #[error("{0}")]
    Tile(TileError),
    /// The tiles of the right edge do not have the checkpoint's root.
    #[error("the last tiles of its {size} entries do not have the root of its checkpoint")]
    Edge {
        /// The size that the checkpoint says.
        size: u64,
    },
    /// The bundle that is not full is gone, or has another number of entries.
    #[error("`{0}` does not have the last entries of the log")]
    Bundle(TileName),
    /// An entry of the bundle that is not full is another one.
    #[error("entry {index} is not what was logged")]
    Entry {
        /// Its index.
        index: u64,
    },
    /// A segment of the journal is missing.
    #[error("the journal has no entry {first}, and has later ones")]
    Gap {
        /// The first index that is missing.
        first: u64,
    },
    /// A batch of the journal is not what was written.
    #[error("entry {first}, or one committed with it, is not what was written to the journal")]
    Journal {
        /// The index of the batch's first entry.
        first: u64,
    },
}

/// What was found when a log was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// How many entries were in the journal alone.
    pub entries: u64,
    /// What stood at its end and was no batch: written when the log was stopped, and never acknowledged. If the log was not stopped
    /// while it wrote, somebody altered its last batch.
    pub torn: Option<Torn>,
}

impl Writer {
    /// Makes a log where there is none, and publishes that it is empty.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when there is one, or it could not be written.
    pub fn create(
        medium: Box<dyn Medium + Send>,
        log: KnownLog,
        signers: Signers,
        now: u64,
    ) -> Result<Self, OpenError> {
        if let Some(name) = anything(&*medium)? {
            return Err(OpenError::Exists(name));
        }
        let origin = log.origin.clone();
        let published = empty(origin);
        let note = published.signed(signers.all(), now).map_err(WriteError::from)?;
        let mut writer = Self::at(medium, log, signers, Growing::default(), published, note);
        writer.publish(now)?;
        Ok(writer)
    }

    /// Opens a log that is there, and publishes what was durable and not published. `held` are checkpoints of it that were kept
    /// elsewhere, all of them verified: the log has to go on from each.
    ///
    /// It reads the right edge and the journal, not the whole log; [`verify`](crate::verify) does that.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: nothing that is there was changed then, unless it was [`OpenError::Write`].
    pub fn open(
        medium: Box<dyn Medium + Send>,
        log: KnownLog,
        signers: Signers,
        held: &[Checkpoint],
        now: u64,
    ) -> Result<(Self, Recovery), OpenError> {
        let octets = read(&*medium, CHECKPOINT, NOTE_BYTES_MAX)?;
        let Some(octets) = octets else {
            let gone = anything(&*medium)?.is_some();
            return Err(if gone {
                OpenError::Altered(Alteration::CheckpointGone)
            } else {
                OpenError::Missing
            });
        };
        let of_checkpoint = |error| OpenError::Altered(Alteration::Checkpoint(error));
        let note = Note::parse(&octets).map_err(|error| of_checkpoint(error.into()))?;
        let published = log.verify_checkpoint(&note).map_err(of_checkpoint)?;
        let growing = read_edge(&*medium, &published, held)?;
        let mut writer = Self::at(medium, log, signers, growing, published, note);
        writer.find_partial()?;
        let recovery = writer.recover(now)?;
        Ok((writer, recovery))
    }

    fn at(
        medium: Box<dyn Medium + Send>,
        log: KnownLog,
        signers: Signers,
        growing: Growing,
        published: Checkpoint,
        note: Note,
    ) -> Self {
        Self {
            medium,
            log,
            signers,
            durable: growing.edge().size(),
            covered: growing.partial().into_iter().map(|(name, _)| name).collect(),
            growing,
            batch: Vec::new(),
            segments: Vec::new(),
            published,
            note,
            partial: Vec::new(),
            refused: None::<Refused>,
        }
    }

    /// Takes what is in the journal and in no tile, writes it anew and publishes it.
    fn recover(&mut self, now: u64) -> Result<Recovery, OpenError> {
        let all = journal::segments(&*self.medium)?;
        // Everything is looked at before anything is changed.
        let Walked { segments, torn } = journal::walk(&*self.medium, &self.log, &mut self.growing.edge().clone())?;
        for _ in segments {
            self.take_segment()?;
        }
        self.durable = self.growing.edge().size();
        let entries = self.durable - self.published.size;
        if !all.is_empty() {
            // The checkpoint too: it may only seem to be there, if replacing it failed before the start.
            let note = self.note.clone();
            if entries == 0 {
                self.replace_checkpoint(note)?;
            } else {
                self.publish(now)?;
            }
        }
        for first in all {
            let name = segment_name(first);
            self.medium.remove(&name).map_err(WriteError::of("removed", &name))?;
        }
        Ok(Recovery { entries, torn })
    }

    /// Brings the entries of the next segment into tiles.
    fn take_segment(&mut self) -> Result<(), OpenError> {
        let mut edge = self.growing.edge().clone();
        let growing = &mut self.growing;
        journal::walk_segment(&*self.medium, &self.log, &mut edge, |entry, leaf| {
            growing.push(entry, leaf);
        })?;
        Ok(self.write_full()?)
    }

    /// Finds the partial tiles that are to be removed when there are full ones, those of a publication that a crash cut short too.
    fn find_partial(&mut self) -> Result<(), OpenError> {
        let size = self.published.size;
        for kind in (0..LEVELS_MAX).map(Kind::Hashes).chain([Kind::Entries]) {
            let last = full_tiles(kind.level(), size);
            // The folder of the one that is not full has those of up to a thousand before it.
            let names = list(&*self.medium, &TileName::full(kind, last).folder())?;
            for name in names {
                let Some(Listed::Partial(place)) = Listed::parse(&name) else {
                    continue;
                };
                let index = last - last % 1000 + place;
                let widths = list(&*self.medium, &TileName::full(kind, index).partial_folder())?;
                let widths = widths.iter().filter_map(|width| width.parse().ok());
                self.partial
                    .extend(widths.filter_map(|width| TileName::with_width(kind, index, width)));
            }
        }
        Ok(())
    }
}

impl From<WalkError> for OpenError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Gap { first } => Self::Altered(Alteration::Gap { first }),
            WalkError::Altered { first } => Self::Altered(Alteration::Journal { first }),
            WalkError::Read { name, error } => Self::Read { name, error },
        }
    }
}

fn empty(origin: crate::checkpoint::Origin) -> Checkpoint {
    Checkpoint {
        origin,
        size: 0,
        root: empty_hash(),
        minimum_index: 0,
        extensions: Vec::new(),
    }
}

/// The right edge of the log as it was published, held against the root of its checkpoint and against those held elsewhere.
fn read_edge(medium: &dyn Source, published: &Checkpoint, held: &[Checkpoint]) -> Result<Growing, OpenError> {
    let altered = |place| OpenError::Altered(place);
    let of_tile = |error: TileError| match error {
        TileError::Io(name, error) => OpenError::Read {
            name: name.to_string(),
            error,
        },
        error => altered(Alteration::Tile(error)),
    };
    let size = published.size;
    let mut tiles = TileReader::new(medium, size);
    let bundle = read_partial_bundle(medium, size)?;
    let (entries, whole) = tiles::split(&bundle);
    let leaves: Vec<Hash> = entries.into_iter().map(leaf_hash).collect();
    let growing = Growing::read(&mut tiles, size, bundle).map_err(of_tile)?;
    if growing.edge().root() != published.root {
        return Err(altered(Alteration::Edge { size }));
    }
    if let Some(name) = TileName::not_full(Kind::Entries, size) {
        let expected = tiles.tile(0, name.index).map_err(of_tile)?;
        let differs = leaves
            .iter()
            .zip(expected.iter())
            .position(|(leaf, expected)| leaf != expected);
        if let Some(differs) = differs.and_then(|place| u64::try_from(place).ok()) {
            return Err(altered(Alteration::Entry {
                index: name.index * TILE_WIDTH + differs,
            }));
        }
        if whole.is_err() || leaves.len() != expected.len() {
            return Err(altered(Alteration::Bundle(name)));
        }
    }
    for held in held {
        if held.size > size {
            return Err(altered(Alteration::RolledBack {
                held: held.size,
                found: size,
            }));
        }
        if root_of(&mut tiles, held.size).map_err(of_tile)? != held.root {
            return Err(altered(Alteration::Rewritten { held: held.size }));
        }
    }
    Ok(growing)
}

fn read_partial_bundle(medium: &dyn Source, size: u64) -> Result<Vec<u8>, OpenError> {
    let Some(name) = TileName::not_full(Kind::Entries, size) else {
        return Ok(Vec::new());
    };
    let stored = read_bundle(medium, &name).map_err(|error| OpenError::Read {
        name: name.to_string(),
        error,
    })?;
    match stored {
        Stored::Plain(bundle) => Ok(bundle),
        // One that is not full is never compressed.
        Stored::Compressed(_) | Stored::Damaged | Stored::Missing => Err(OpenError::Altered(Alteration::Bundle(name))),
    }
}

/// The name of anything that a log has.
fn anything(medium: &dyn Source) -> Result<Option<String>, OpenError> {
    if read(medium, CHECKPOINT, NOTE_BYTES_MAX)?.is_some() {
        return Ok(Some(CHECKPOINT.to_owned()));
    }
    for folder in [tiles::FOLDER, journal::FOLDER] {
        if let Some(name) = list(medium, folder)?.first() {
            return Ok(Some(format!("{folder}{name}")));
        }
    }
    Ok(None)
}

fn read(medium: &dyn Source, name: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, OpenError> {
    medium.read(name, bytes_max).map_err(|error| OpenError::Read {
        name: name.to_owned(),
        error,
    })
}

fn list(medium: &dyn Source, folder: &str) -> Result<Vec<String>, OpenError> {
    medium.list(folder).map_err(|error| OpenError::Read {
        name: folder.to_owned(),
        error,
    })
}
