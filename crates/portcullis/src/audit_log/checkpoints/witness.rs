//! Asks a witness to sign the newest checkpoint (C2SP tlog-witness, add-checkpoint), and believes what it signs only when one of its
//! keys has.

use std::time::{Duration, Instant};

use portcullis_audit_log::checkpoint::Checkpoint;
use portcullis_audit_log::note::{Note, VerifierKey};
use portcullis_audit_log::tiles::TileReader;
use portcullis_audit_log::witness::{ANSWER_BYTES_MAX, Answer, Request, cosignatures};

use super::{Holder, Newest, Published, Taken};
use crate::audit_log::sending::Sender;
use crate::config::audit_log::checkpoints::Witness;

/// How often it is asked for one checkpoint: a witness says from where it goes on, and others may have asked it meanwhile.
const ASKED_MAX: usize = 3;
const KIND: &str = "text/x.tlog.checkpoint";

/// A witness.
pub(super) struct Asked {
    sender: Sender,
    keys: Vec<VerifierKey>,
    published: Published,
}

impl Asked {
    pub(super) fn open(witness: &Witness, published: &Published) -> Result<Self, String> {
        Ok(Self {
            sender: Sender::open(&witness.endpoint)?,
            keys: witness.keys.clone(),
            published: published.clone(),
        })
    }

    /// The size of what it has signed last, as far as that is known here; it says so if it is another.
    fn signed(&self, before: Option<&Note>) -> u64 {
        let Some(before) = before else { return 0 };
        let signatures: String = before.signatures().iter().map(ToString::to_string).collect();
        let signed = cosignatures(before, &signatures, &self.keys).is_ok();
        let checkpoint = Checkpoint::parse(before.text()).filter(|_| signed);
        checkpoint.map_or(0, |checkpoint| checkpoint.size)
    }

    fn ask(&self, newest: &Newest, old: u64, time_max: Duration) -> Result<Answer, String> {
        let size = newest.checkpoint.size;
        let mut tiles = TileReader::new(self.published.folder(), size);
        let request = Request::make(&mut tiles, old, &newest.note);
        let request = request.map_err(|error| format!("that the log goes on cannot be proved: {error}"))?;
        let request = request.ok_or_else(|| {
            format!(
                "the witness has signed a checkpoint of {old} entries, and the log has {size}: it was rolled back, or another log \
                 has its name and key"
            )
        })?;
        let body = request.to_string().into_bytes();
        let answer = self.sender.post(KIND, body, ANSWER_BYTES_MAX, time_max)?;
        let read = request.answer(answer.status, &answer.body, &self.keys);
        read.map_err(|error| error.to_string())
    }
}

impl Holder for Asked {
    fn take(&mut self, newest: &Newest, before: Option<&Note>, time_max: Duration) -> Result<Taken, String> {
        let until = Instant::now() + time_max;
        let mut old = self.signed(before);
        for _ in 0..ASKED_MAX {
            let left = until.saturating_duration_since(Instant::now());
            match self.ask(newest, old, left)? {
                Answer::Behind { size } => old = size,
                Answer::Refused(refusal) => return Err(refusal.to_string()),
                Answer::Cosigned(signed) => {
                    let cosignatures: Vec<_> = signed.into_iter().map(|(signature, _)| signature).collect();
                    let mut signatures = newest.note.signatures().to_vec();
                    let fresh = cosignatures.iter().filter(|fresh| !signatures.contains(fresh));
                    let fresh: Vec<_> = fresh.cloned().collect();
                    signatures.extend(fresh);
                    let note = Note::new(newest.note.text().to_owned(), signatures);
                    let note = note.ok_or("the checkpoint has no place for its signatures")?;
                    return Ok(Taken { note, cosignatures });
                }
            }
        }
        Err("the witness says of another size each time what it has signed last".to_owned())
    }
}
