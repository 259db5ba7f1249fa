//! What the thread that writes the log does now and then: tells what was counted and lost, takes in what others have left, closes what nobody
//! will close, prunes.

use std::time::{Duration, Instant};

use portcullis_audit_log::entry::{Entry, Event};
use portcullis_gateway::listen::{unix_milliseconds, unix_time};
use portcullis_store::audit_log::erase;

use super::inbox;
use super::indexing::Indexing;
use super::open_requests::Entries;
use super::retention::{Plan, forget_below};
use super::waiting::{about, leaf, of_octets};
use super::writing::{Order, Writing};
use crate::config::audit_log::Retention;

/// How often it is looked for entries that are too old.
const PLANNED_EVERY: Duration = Duration::from_secs(3600);

impl Writing {
    /// Tells what was counted, and looks at what others have left.
    pub(super) fn look(&mut self, order: Order) {
        self.times.looked = Instant::now();
        let is_last = order == Order::End;
        self.log.sum_up(if is_last { u64::MAX } else { unix_milliseconds() });
        self.take();
        self.tell_lost();
        if self.writer.is_some() && order != Order::HandOver {
            self.read_inbox();
            self.abandon();
            if let Err(error) = self.deliver() {
                tracing::error!(error, "the audit log is not sent elsewhere");
            }
        }
    }

    fn tell_lost(&mut self) {
        let lost = std::mem::take(&mut self.waiting.lost);
        if lost == 0 {
            return;
        }
        self.meter.lost(lost);
        tracing::error!(lost, "entries of the audit log were lost: there was no room for them");
        let entry = Entry {
            count: Some(lost),
            comment: Some("entries found no room while the log could not be written".into()),
            ..about(Event::Lost, &self.place.known)
        };
        self.waiting.push(leaf(&entry), usize::MAX);
    }

    /// Closes what nobody will close any more.
    fn abandon(&mut self) {
        let left: Vec<u64> = self.open.left().collect();
        if left.is_empty() || !self.waiting.is_empty() || inbox::anybody_alive(&self.place.folder) {
            return;
        }
        let Some(size) = self.writer.as_ref().map(|writer| writer.published().size) else {
            return;
        };
        let mut entries = Entries::new(&self.place.folder, size);
        let mut abandoned = 0;
        for index in left {
            let Ok(Some(octets)) = entries.entry(index) else {
                continue;
            };
            let Ok(mut entry) = Entry::read(octets) else { continue };
            entry.metadata.event_code = Event::Abandoned;
            entry.status_id = Some(99);
            entry.status_code = Some("abandoned".into());
            entry.unmapped.get_or_insert_default().opened = Some(index);
            abandoned += 1;
            self.waiting.push(leaf(&entry), usize::MAX);
        }
        if abandoned > 0 {
            self.meter.abandoned(abandoned);
            tracing::warn!(
                abandoned,
                "requests were open when the gate before ended: the audit log says so of each"
            );
        }
    }

    /// Takes in what others have left.
    fn read_inbox(&mut self) {
        let files = match inbox::files(&self.place.folder) {
            Ok(files) => files,
            Err(error) => {
                tracing::error!(%error, "what others left for the audit log cannot be read");
                return;
            }
        };
        for file in files {
            if !self.waiting.is_empty() {
                return;
            }
            let letter = match inbox::letter(file) {
                Ok(letter) => letter,
                Err(error) => {
                    tracing::error!(%error, "something that was left for the audit log cannot be read");
                    continue;
                }
            };
            if letter.is_damaged {
                tracing::error!(file = %letter.file.display(), "what was left for the audit log is damaged in part");
            }
            // Before the entry that says so: while the file is there, it is done again.
            if !letter.erased.is_empty()
                && let Err(error) = erase(&self.place.folder, &letter.erased)
            {
                tracing::error!(%error, "values beside the audit log cannot be erased");
                continue;
            }
            for (octets, erasable) in letter.entries {
                self.waiting.push(of_octets(octets, erasable), usize::MAX);
            }
            self.write();
            if !self.waiting.is_empty() {
                return;
            }
            // What cannot be read is kept for whoever can.
            let taken = match letter.is_damaged {
                true => std::fs::rename(&letter.file, letter.file.with_extension("damaged")),
                false => std::fs::remove_file(&letter.file),
            };
            if let Err(error) = taken {
                tracing::error!(%error, file = %letter.file.display(), "what the audit log took in cannot be removed");
            }
            if !letter.erased.is_empty() {
                self.indexing.iter().for_each(Indexing::look);
            }
        }
    }

    /// Prunes and compresses, a little at a time.
    pub(super) fn retain(&mut self) {
        let Some(writer) = self.writer.as_mut().filter(|_| self.retention != Retention::default()) else {
            return;
        };
        let folder = &self.place.folder;
        if self.plan.is_done() {
            if self
                .times
                .planned
                .is_some_and(|planned| planned.elapsed() < PLANNED_EVERY)
            {
                return;
            }
            self.times.planned = Some(Instant::now());
            forget_below(folder, writer.published().minimum_index);
            let published = writer.published();
            let planned = Plan::make(
                &self.retention,
                folder,
                published.minimum_index,
                published.size,
                unix_milliseconds(),
            );
            match planned {
                Ok(plan) => self.plan = plan.after(self.plan).sparing(self.delivery.exported()),
                Err(error) => {
                    tracing::error!(%error, "it cannot be told which entries of the audit log are too old");
                    return;
                }
            }
        }
        match self.plan.go_on(writer, folder, unix_time().seconds()) {
            Ok(0) => {}
            Ok(pruned) => {
                tracing::info!(pruned, "entries of the audit log were pruned, as its retention says");
                let entry = Entry {
                    count: Some(pruned),
                    comment: Some("entries were pruned, as the retention says".into()),
                    ..about(Event::Administration, &self.place.known)
                };
                self.waiting.push(leaf(&entry), usize::MAX);
            }
            Err(error) => self.failed(&error.to_string()),
        }
    }
}
