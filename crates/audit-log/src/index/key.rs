//! What entries are found by.

use std::collections::HashMap;

use aws_lc_rs::digest::{Context, SHA256};

use super::Values;
use crate::entry::{Entry, Event, Protected};

const DOMAIN: &[u8] = b"portcullis audit log index\0";

/// A kind of thing that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Principal = 1,
    Operation = 2,
    Api = 3,
    Outcome = 4,
    Event = 5,
    Id = 6,
    /// Of an entry that opens a request which nothing in its segment closes.
    Unclosed = 7,
}

/// A thing that is asked for: digested together with its kind, so that it cannot be read back. Two things may have one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub(super) u64);

impl Key {
    pub(super) fn new(kind: Kind, value: &str) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(DOMAIN);
        context.update(&[kind as u8]);
        context.update(value.as_bytes());
        let digest = context.finish();
        let first = digest.as_ref().first_chunk::<8>();
        Self(first.map_or(0, |octets| u64::from_be_bytes(*octets)))
    }

    /// Of a request, by its id.
    pub(super) fn id(id: &str) -> Self {
        Self::new(Kind::Id, id)
    }

    /// Of those that open a request which nothing in their segment closes.
    pub(super) fn unclosed() -> Self {
        Self::new(Kind::Unclosed, "")
    }
}

/// Makes keys, and remembers those of things of which there are few.
#[derive(Default)]
pub(super) struct Keys(HashMap<String, Key>, String);

impl Keys {
    /// How many are remembered.
    const REMEMBERED_MAX: usize = 10_000;

    pub(super) fn key(&mut self, kind: Kind, value: &str) -> Key {
        if matches!(kind, Kind::Id | Kind::Principal) {
            return Key::new(kind, value);
        }
        let Self(remembered, named) = self;
        named.clear();
        named.push(char::from(b'0' + kind as u8));
        named.push_str(value);
        if let Some(key) = remembered.get(named.as_str()) {
            return *key;
        }
        if remembered.len() >= Self::REMEMBERED_MAX {
            remembered.clear();
        }
        let key = Key::new(kind, value);
        remembered.insert(named.clone(), key);
        key
    }
}

/// The event that is called so.
#[must_use]
pub fn event_of_name(name: &str) -> Option<Event> {
    let all = [
        Event::Opened,
        Event::Request,
        Event::Abandoned,
        Event::Refusals,
        Event::Administration,
        Event::Lost,
    ];
    all.into_iter().find(|event| event.name() == name)
}

/// Whether an entry has its principal as a commitment.
pub(super) fn is_committed(entry: &Entry<'_>) -> bool {
    let principal = entry.principal().map(Protected::read);
    matches!(principal, Some(Protected::Committed(_)))
}

/// Tells `each` of everything that an entry is found by, each with its value.
pub(super) fn each_name(entry: &Entry<'_>, values: &dyn Values, each: &mut dyn FnMut(Kind, &str)) {
    each(Kind::Event, entry.metadata.event_code.name());
    each_principal(entry, values, &mut |name| each(Kind::Principal, name));
    if let Some(api) = &entry.api {
        each(Kind::Api, &api.service.name);
        each(Kind::Operation, &api.operation);
        each(Kind::Operation, &format!("{}/{}", api.service.name, api.operation));
    }
    each_outcome(entry, &mut |name| each(Kind::Outcome, name));
    if let Some(id) = entry.id() {
        each(Kind::Id, id);
    }
}

/// The principal as the entry has it, and the value behind that, where it is a commitment that was not erased.
pub(super) fn each_principal(entry: &Entry<'_>, values: &dyn Values, each: &mut dyn FnMut(&str)) {
    let Some(text) = entry.principal() else { return };
    match Protected::read(text) {
        Protected::Clear(clear) => each(&clear),
        Protected::Committed(commitment) => {
            each(text);
            if let Some(value) = values.value(&commitment) {
                each(value);
            }
        }
        Protected::Masked(_) | Protected::Hashed(_) | Protected::Encrypted(_) => each(text),
    }
}

/// What it came to: `allowed` or `denied`, `failed`, the code of a refusal, the status.
pub(super) fn each_outcome(entry: &Entry<'_>, each: &mut dyn FnMut(&str)) {
    match entry.action_id {
        Some(1) => each("allowed"),
        Some(2) => each("denied"),
        _ => {}
    }
    if entry.status_id == Some(2) {
        each("failed");
    }
    if let Some(code) = &entry.status_code {
        each(code);
    }
    if entry.metadata.event_code == Event::Abandoned && entry.status_code.as_deref() != Some("abandoned") {
        each("abandoned");
    }
    if let Some(response) = &entry.http_response {
        each(&response.code.to_string());
    }
}
