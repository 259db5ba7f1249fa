//! What lies in the folder of a log beside its own files: who has it, who makes it.
//!
//! Nothing of it is part of what is proved. Values that can be erased lie there, so that they can be; the index can be made anew; keys
//! are to be kept elsewhere too.

use std::collections::HashMap;

use crate::entry::Erasable;

/// The keys of the log, a line each.
pub const KEYS: &str = "keys";
/// The folder of values that can be erased: one file for 65,536 entries, named by the first; in it a line for each value.
pub const ERASABLE: &str = "erasable";
/// The folder of the [`index`](crate::index).
pub const INDEX: &str = "index";
/// The folder into which commands lay what is to be logged: one entry a file, named `*.json` when it is whole.
pub const INBOX: &str = "inbox";

/// What a file of [`ERASABLE`] is called for the entries from `first` on.
#[must_use]
pub fn erasable_name(first: u64) -> String {
    format!("{first:020}.jsonl")
}

/// What a file of [`INDEX`] is called for the entries from `first` on.
#[must_use]
pub fn index_name(first: u64) -> String {
    format!("{first:020}")
}

/// Reads the values of a file. A line that is torn, or whose value is not what was committed to, says nothing.
#[must_use]
pub fn values(lines: &[u8]) -> HashMap<String, String> {
    let erasable = lines.split(|octet| *octet == b'\n').filter_map(erasable);
    erasable
        .map(|erasable| (erasable.commitment.into_owned(), erasable.value.into_owned()))
        .collect()
}

/// The lines without the values that `erased` names by their commitments. `None` where there is none of those.
pub fn without(lines: &[u8], mut erased: impl FnMut(&str) -> bool) -> Option<Vec<u8>> {
    let mut kept = Vec::with_capacity(lines.len());
    for line in lines.split_inclusive(|octet| *octet == b'\n') {
        let commitment = serde_json::from_slice::<Erasable<'_>>(line).map(|erasable| erasable.commitment);
        if !commitment.is_ok_and(|commitment| erased(&commitment)) {
            kept.extend_from_slice(line);
        }
    }
    (kept.len() < lines.len()).then_some(kept)
}

fn erasable(line: &[u8]) -> Option<Erasable<'_>> {
    let erasable: Erasable<'_> = serde_json::from_slice(line).ok()?;
    erasable.holds().then_some(erasable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::SALT_BYTES;

    fn line(value: &str, salt: u8) -> (String, String) {
        let erasable = Erasable::new(value, &[salt; SALT_BYTES]);
        let line = serde_json::to_string(&erasable).unwrap() + "\n";
        (line, erasable.commitment.into_owned())
    }

    #[test]
    fn values_are_those_that_were_committed_to_and_not_erased() {
        let (alice, of_alice) = line("alice", 1);
        let (bob, of_bob) = line("bob", 2);
        let forged = alice.replace("alice", "eve");
        let (torn, _) = bob.split_at(bob.len() / 2);
        let read = values(format!("{alice}{torn}").as_bytes());
        assert_eq!(read, [(of_alice.clone(), "alice".to_owned())].into());
        assert!(values(forged.as_bytes()).is_empty());
        let lines = format!("{alice}no line\n{bob}");
        let left = without(lines.as_bytes(), |commitment| commitment == of_alice).unwrap();
        assert_eq!(left, format!("no line\n{bob}").into_bytes());
        assert_eq!(without(&left, |commitment| commitment == of_alice), None);
        assert_eq!(without(&left, |commitment| commitment == of_bob).unwrap(), b"no line\n");
    }
}
