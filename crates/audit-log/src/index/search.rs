//! Finds entries: by the index where there is one, and by reading everything where there is none.

use std::collections::{HashMap, HashSet};
use std::io;
use std::ops::Range;
use std::rc::Rc;

use super::filter::{Filter, Sieve};
use super::key::{Key, is_committed};
use super::segment::{Segment, Unusable, closed_within};
use super::{SEGMENT_ENTRIES, Values};
use crate::entries::{Entries, ReadError};
use crate::entry::{Entry, Event};

/// What lies beside the log, by the first entry of a segment.
pub trait Beside {
    /// The index of the segment. `None` where there is none, or none that can be used.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being read.
    fn index(&self, first: u64) -> io::Result<Option<Segment>>;

    /// The values of its entries that can be erased, and were not.
    ///
    /// # Errors
    ///
    /// Whatever keeps them from being read.
    fn values(&self, first: u64) -> io::Result<Rc<dyn Values>>;
}

/// From which end entries are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// From the oldest on.
    Start,
    /// From the newest back.
    End,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// The indices of the entries, in their order in the log.
    pub indices: Vec<u64>,
    /// Whether there are more than were asked for.
    pub more: bool,
    /// How many entries had to be read because no index says what they are, though one could.
    pub without_index: u64,
}

/// Finds up to `limit` of the entries in `range` that have what the filter asks for. One that only opens a request is not found
/// if another one closes it, unless it is its event that is asked for.
///
/// # Errors
///
/// [`ReadError`] when the log, or what lies beside it, cannot be read.
pub fn search(
    entries: &mut Entries<'_>,
    beside: &dyn Beside,
    filter: &Filter,
    range: Range<u64>,
    from: From,
    limit: usize,
) -> Result<Results, ReadError> {
    let start = range.start.max(entries.checkpoint().minimum_index);
    let range = start..range.end.min(entries.size());
    if range.is_empty() {
        return Ok(Results::default());
    }
    let mut search = Search {
        entries,
        beside,
        filter,
        keys: filter.keys(),
        without_principal: filter.without_principal(),
        sieve: filter.sieve(),
        values: None,
        segments: HashMap::new(),
        closed: HashMap::new(),
        results: Results::default(),
    };
    let mut segments: Vec<u64> = (range.start / SEGMENT_ENTRIES..=(range.end - 1) / SEGMENT_ENTRIES).collect();
    if from == From::End {
        segments.reverse();
    }
    for segment in segments {
        let first = segment * SEGMENT_ENTRIES;
        let mut found = search.segment(first, &range)?;
        if from == From::End {
            found.reverse();
        }
        for index in found {
            if !search.is_wanted(first, index)? {
                continue;
            }
            if search.results.indices.len() == limit {
                search.results.more = true;
                return Ok(search.done(from));
            }
            search.results.indices.push(index);
        }
    }
    Ok(search.done(from))
}

struct Search<'s, 'a> {
    entries: &'s mut Entries<'a>,
    beside: &'s dyn Beside,
    filter: &'s Filter,
    keys: Vec<Key>,
    /// What is cheap to ask goes first.
    without_principal: Filter,
    sieve: Option<Sieve>,
    /// The values of one segment, by its first entry.
    values: Option<(u64, Rc<dyn Values>)>,
    /// The indices that were opened, by their first entries.
    segments: HashMap<u64, Option<Rc<Segment>>>,
    /// The ids of what is closed in segments without an index, by their first entries.
    closed: HashMap<u64, Rc<HashSet<String>>>,
    results: Results,
}

impl Search<'_, '_> {
    fn done(mut self, from: From) -> Results {
        if from == From::End {
            self.results.indices.reverse();
        }
        self.results
    }

    /// The entries of a segment within the range that may be wanted.
    fn segment(&mut self, first: u64, range: &Range<u64>) -> Result<Vec<u64>, ReadError> {
        let end = (first + SEGMENT_ENTRIES).min(range.end);
        let within = first.max(range.start)..end;
        let Some(segment) = self.index(first)? else {
            if first + SEGMENT_ENTRIES <= self.entries.published() {
                self.results.without_index += end - within.start;
            }
            return Ok(within.collect());
        };
        let (earliest, latest) = segment.times();
        if !self.filter.times(earliest, latest) {
            return Ok(Vec::new());
        }
        if self.keys.is_empty() {
            return Ok(within.collect());
        }
        match self.by_index(&segment) {
            Ok(numbers) => {
                let indices = numbers.into_iter().map(|number| first + u64::from(number));
                Ok(indices.filter(|index| within.contains(index)).collect())
            }
            Err(Unusable::Damaged) => {
                self.segments.insert(first, None);
                self.results.without_index += end - within.start;
                Ok(within.collect())
            }
            Err(Unusable::Io(error)) => Err(unreadable(error)),
        }
    }

    /// The numbers of the entries that have all keys.
    fn by_index(&self, segment: &Segment) -> Result<Vec<u16>, Unusable> {
        let mut lists = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            let list = segment.find(*key)?;
            if list.is_empty() {
                return Ok(list);
            }
            lists.push(list);
        }
        lists.sort_by_key(Vec::len);
        let mut lists = lists.into_iter();
        let mut numbers = lists.next().unwrap_or_default();
        for list in lists {
            numbers.retain(|number| list.binary_search(number).is_ok());
        }
        Ok(numbers)
    }

    /// Whether an entry is what is asked for, as the log has it.
    fn is_wanted(&mut self, first: u64, index: u64) -> Result<bool, ReadError> {
        // What cannot be read as an entry has nothing that could be asked for.
        let Some(octets) = self.entries.get(index)? else {
            return Ok(false);
        };
        if self.sieve.as_ref().is_some_and(|sieve| !sieve.passes(octets)) {
            return Ok(false);
        }
        let Ok(entry) = Entry::read(octets) else {
            return Ok(false);
        };
        let opened = entry.metadata.event_code == Event::Opened;
        let id = entry.id().filter(|_| opened).map(str::to_owned);
        let nothing = HashMap::<String, String>::new();
        if !self.without_principal.matches(&entry, &nothing) {
            return Ok(false);
        }
        if !self.filter.matches(&entry, &nothing) {
            if !is_committed(&entry) {
                return Ok(false);
            }
            let octets = octets.to_vec();
            let values = self.values(first)?;
            if !Entry::read(&octets).is_ok_and(|entry| self.filter.matches(&entry, &*values)) {
                return Ok(false);
            }
        }
        let asked_for = self.filter.event == Some(Event::Opened);
        Ok(!opened || asked_for || !self.is_closed(index, id.as_deref())?)
    }

    /// Whether an entry closes what the one with this index opens, which has the same id.
    fn is_closed(&mut self, index: u64, id: Option<&str>) -> Result<bool, ReadError> {
        let Some(id) = id else { return Ok(false) };
        let own = index - index % SEGMENT_ENTRIES;
        let mut first = own;
        while first < self.entries.size() {
            let segment = self.index(first)?;
            let by_index = segment.map(|segment| {
                if first > own {
                    return segment.find(Key::id(id)).map(|numbers| !numbers.is_empty());
                }
                let unclosed = segment.find(Key::unclosed())?;
                let number = u16::try_from(index - own).map_err(|_| Unusable::Damaged)?;
                Ok(unclosed.binary_search(&number).is_err())
            });
            let closed = match by_index {
                Some(Ok(closed)) => closed,
                None | Some(Err(Unusable::Damaged)) => self.closed(first)?.contains(id),
                Some(Err(Unusable::Io(error))) => return Err(unreadable(error)),
            };
            if closed {
                return Ok(true);
            }
            first += SEGMENT_ENTRIES;
        }
        Ok(false)
    }

    fn values(&mut self, first: u64) -> Result<Rc<dyn Values>, ReadError> {
        let read = match self.values.take() {
            Some((segment, values)) if segment == first => values,
            _ => self.beside.values(first).map_err(unreadable)?,
        };
        self.values = Some((first, Rc::clone(&read)));
        Ok(read)
    }

    /// The ids of the requests that the entries of a segment close, read from the log.
    fn closed(&mut self, first: u64) -> Result<Rc<HashSet<String>>, ReadError> {
        if let Some(closed) = self.closed.get(&first) {
            return Ok(Rc::clone(closed));
        }
        let end = (first + SEGMENT_ENTRIES).min(self.entries.size());
        let closed = Rc::new(closed_within(self.entries, first..end)?);
        self.closed.insert(first, Rc::clone(&closed));
        Ok(closed)
    }

    fn index(&mut self, first: u64) -> Result<Option<Rc<Segment>>, ReadError> {
        if let Some(segment) = self.segments.get(&first) {
            return Ok(segment.clone());
        }
        let segment = self.beside.index(first).map_err(unreadable)?.map(Rc::new);
        self.segments.insert(first, segment.clone());
        Ok(segment)
    }
}

fn unreadable(error: io::Error) -> ReadError {
    let name = "index".to_owned();
    ReadError::Io { name, error }
}
