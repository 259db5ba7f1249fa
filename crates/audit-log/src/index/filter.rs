//! What somebody asks for.

use aho_corasick::AhoCorasick;

use super::Values;
use super::key::{Key, Kind, each_outcome, each_principal};
use crate::entry::{Entry, Event};

/// Looks at the octets of an entry, so that most need not be read.
pub(super) struct Sieve(AhoCorasick);

impl Sieve {
    /// Whether an entry may have what is asked for.
    pub(super) fn passes(&self, entry: &[u8]) -> bool {
        self.0.is_match(entry)
    }
}

/// What entries have to have, all of it. Nothing: every entry does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// From this moment on, in milliseconds since 1970.
    pub since: Option<u64>,
    /// Before this moment.
    pub until: Option<u64>,
    /// The principal, in clear or as entries have it.
    pub principal: Option<String>,
    /// The operation, alone or as `api/operation`.
    pub operation: Option<String>,
    /// The API.
    pub api: Option<String>,
    /// `allowed`, `denied`, `failed`, `abandoned`, the code of a refusal, or a status.
    pub outcome: Option<String>,
    /// The id of the request.
    pub id: Option<String>,
    /// The event. Entries that open a request are found by this alone, unless nothing has closed them.
    pub event: Option<Event>,
}

impl Filter {
    /// Whether a time can be one of those that are asked for.
    pub(super) fn times(&self, first: u64, last: u64) -> bool {
        self.since.is_none_or(|since| last >= since) && self.until.is_none_or(|until| first < until)
    }

    /// What the index is asked for. Entries have to have all of it.
    pub(super) fn keys(&self) -> Vec<Key> {
        let event = self.event.map(|event| event.name().to_owned());
        let asked = [
            (Kind::Id, &self.id),
            (Kind::Principal, &self.principal),
            (Kind::Operation, &self.operation),
            (Kind::Api, &self.api),
            (Kind::Outcome, &self.outcome),
            (Kind::Event, &event),
        ];
        let all = asked
            .into_iter()
            .filter_map(|(kind, value)| Some((kind, Key::new(kind, value.as_deref()?))));
        // An entry that was closed in its segment stands there by its event alone.
        let opened = self.event == Some(Event::Opened);
        all.filter(|(kind, _)| !opened || *kind == Kind::Event)
            .map(|(_, key)| key)
            .collect()
    }

    /// Whether an entry has everything. Whether one that opens a request was closed is not asked.
    #[must_use]
    pub fn matches(&self, entry: &Entry<'_>, values: &dyn Values) -> bool {
        let api = entry.api.as_ref();
        self.times(entry.time, entry.time)
            && self.event.is_none_or(|event| entry.metadata.event_code == event)
            && has(&self.id, |each| entry.id().into_iter().for_each(each))
            && has(&self.api, |each| {
                api.iter().for_each(|api| each(&api.service.name));
            })
            && has(&self.operation, |each| {
                if let Some(api) = api {
                    each(&api.operation);
                    each(&format!("{}/{}", api.service.name, api.operation));
                }
            })
            && has(&self.outcome, |each| each_outcome(entry, each))
            && has(&self.principal, |each| each_principal(entry, values, each))
    }

    /// What tells quickly that an entry does not have what is asked for. None where nothing does.
    pub(super) fn sieve(&self) -> Option<Sieve> {
        let asked = self.id.as_deref().or(self.principal.as_deref())?;
        // What is escaped in JSON has a backslash, and what is a commitment says so.
        let patterns = [asked, "\\", "committed:", "clear:"];
        AhoCorasick::new(patterns).ok().map(Sieve)
    }

    /// The same without the principal.
    pub(super) fn without_principal(&self) -> Self {
        Self {
            principal: None,
            ..self.clone()
        }
    }
}

/// Whoever is told of the names of something, one by one.
type Each<'e> = &'e mut dyn FnMut(&str);

/// Whether what is asked for, if anything is, is among the names that `names` tells of.
fn has(asked: &Option<String>, names: impl FnOnce(Each<'_>)) -> bool {
    let Some(asked) = asked else { return true };
    let mut found = false;
    names(&mut |name| found |= name == asked);
    found
}
