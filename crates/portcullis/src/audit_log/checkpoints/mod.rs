//! Takes the newest checkpoint to those who hold it, again and again, on a thread for each of them: whoever changes the log later
//! contradicts what they have.

mod collector;
mod courier;
mod file;
mod git;
mod held;
mod witness;

use std::time::Duration;

use portcullis_audit_log::note::{Note, Signature};

use super::published::{Newest, Published};
use crate::config::audit_log::checkpoints::CheckpointTo;
pub(super) use courier::Courier;
pub(super) use held::folder;
pub(crate) use held::held;

/// Somebody who holds checkpoints.
trait Holder: Send {
    /// Takes a checkpoint, within this time; what the system does not bound may take longer. `before` is the last that it took.
    ///
    /// # Errors
    /// It has not, or is not known to have.
    fn take(&mut self, newest: &Newest, before: Option<&Note>, time_max: Duration) -> Result<Taken, String>;
}

/// What became of a checkpoint.
struct Taken {
    /// What they hold, with the signatures that they have added.
    note: Note,
    /// Those.
    cosignatures: Vec<Signature>,
}

impl Taken {
    /// As it was handed over.
    fn unchanged(newest: &Newest) -> Self {
        Self {
            note: newest.note.clone(),
            cosignatures: Vec::new(),
        }
    }
}

/// Reads what handing over takes, such as secrets. Nobody is asked yet.
fn open(name: &str, to: &CheckpointTo, published: &Published) -> Result<Box<dyn Holder>, String> {
    Ok(match to {
        CheckpointTo::File(path) => Box::new(file::HeldFile::new(&path.value)),
        CheckpointTo::Witness(witness) => Box::new(witness::Asked::open(witness, published)?),
        CheckpointTo::Git(branch) => Box::new(git::Branch::new(name, branch, published)),
        CheckpointTo::Otlp(endpoint) => Box::new(collector::Collector::open(endpoint, published)?),
    })
}
