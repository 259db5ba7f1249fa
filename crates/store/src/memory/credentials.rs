//! Credentials in memory.

use std::collections::BTreeMap;

use portcullis_identity::credentials::{CredentialId, Kind, Record, Retiring};
use portcullis_identity::time::UnixTime;

use crate::StoreError;
use crate::credentials::{
    Changes, Credentials, IssueError, PAGE_RECORDS_MAX, Page, Position, RECORDS_MAX, Rotated, Rotation, Whose,
};

/// There is one opening: what is in memory is never opened again.
const OPENING: u64 = 1;

/// Credentials in memory.
#[derive(Debug, Default)]
pub struct MemoryCredentials {
    /// Each with the number of its last change.
    records: BTreeMap<CredentialId, (Record, u64)>,
    sequence: u64,
}

impl MemoryCredentials {
    /// A store without credentials.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

impl Credentials for MemoryCredentials {
    fn issue(&mut self, record: &Record) -> Result<(), IssueError> {
        if self.records.contains_key(&record.id) {
            return Err(IssueError::Taken);
        }
        if self.records.len() >= RECORDS_MAX {
            return Err(IssueError::Full);
        }
        let number = self.next();
        self.records.insert(record.id, (record.clone(), number));
        Ok(())
    }

    fn find(&mut self, id: &CredentialId) -> Result<Option<Record>, StoreError> {
        Ok(self.records.get(id).map(|(record, _)| record.clone()))
    }

    fn rotate(&mut self, id: &CredentialId, rotation: &Rotation) -> Result<Rotated, StoreError> {
        let number = self.sequence + 1;
        let Some((record, changed)) = self.records.get_mut(id) else {
            return Ok(Rotated::Unknown);
        };
        if record.has_ended(rotation.now) {
            return Ok(Rotated::Ended);
        }
        let old = std::mem::replace(&mut record.tag, rotation.tag.clone());
        record.retiring = Some(Retiring {
            tag: old,
            until: rotation.old_until,
        });
        *changed = number;
        let record = Box::new(record.clone());
        self.sequence = number;
        Ok(Rotated::Done(record))
    }

    fn revoke(&mut self, kind: Kind, whose: &Whose, now: UnixTime) -> Result<u64, StoreError> {
        let number = self.sequence + 1;
        let is_meant = |record: &Record| match whose {
            Whose::One(id) => record.id == *id,
            Whose::Owner(kind, name) => record.owner_kind == *kind && record.owner == *name,
            Whose::All => true,
        };
        let mut count = 0;
        for (record, changed) in self.records.values_mut() {
            if record.kind == kind && record.revoked.is_none() && is_meant(record) {
                record.revoked = Some(now);
                *changed = number;
                count += 1;
            }
        }
        self.sequence = number;
        Ok(count)
    }

    fn touch(&mut self, uses: &[(CredentialId, UnixTime)]) -> Result<(), StoreError> {
        for (id, used) in uses {
            if let Some((record, _)) = self.records.get_mut(id) {
                record.used = record.used.max(Some(*used));
            }
        }
        Ok(())
    }

    fn list(&mut self, page: &Page) -> Result<Vec<Record>, StoreError> {
        let is_meant = |record: &&Record| {
            let owner = page.owner.as_ref();
            record.kind == page.kind
                && page.after.is_none_or(|after| record.id > after)
                && owner.is_none_or(|(kind, name)| record.owner_kind == *kind && record.owner == *name)
        };
        let records = self.records.values().map(|(record, _)| record).filter(is_meant);
        Ok(records.take(page.records_max.min(PAGE_RECORDS_MAX)).cloned().collect())
    }

    fn changes(&mut self, since: Position) -> Result<Changes, StoreError> {
        let position = Position {
            opening: OPENING,
            sequence: self.sequence,
        };
        let whole = since.is_elsewhere(position);
        let seen = if whole { 0 } else { since.sequence };
        let changed = self.records.values().filter(|(_, changed)| *changed > seen);
        Ok(Changes {
            whole,
            records: changed.map(|(record, _)| record.clone()).collect(),
            position,
        })
    }

    fn forget(&mut self, ended_before: UnixTime) -> Result<u64, StoreError> {
        let before = self.records.len();
        self.records
            .retain(|_, (record, _)| record.ends().is_none_or(|ends| ends >= ended_before));
        Ok(u64::try_from(before - self.records.len()).unwrap_or(u64::MAX))
    }
}
