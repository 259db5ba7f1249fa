//! The blob of one segment: rows by their keys, found with two reads.
//!
//! A beginning; how many rows there are below each first octet of a key, with a check of those rows; the rows, sorted; the lists. A row has the
//! one entry that has its key, or says where the list stands of those that do. All numbers with the highest octet first. A check is the
//! beginning of a SHA-256: it finds what was torn or has rotted, and nothing that somebody did on purpose.

use std::collections::HashSet;
use std::io;

use aws_lc_rs::digest::{SHA256, digest};

use super::key::{Key, Keys, Kind, each_name};
use super::{SEGMENT_ENTRIES, Values};
use crate::entries::{Entries, ReadError};
use crate::entry::{Entry, Event};

/// What every blob begins with: its last octet is the version.
const BEGINNING: [u8; 8] = *b"\x89pidx\r\n\x01";
/// The beginning, the first index, the first and the last time, the number of rows.
const HEAD_BYTES: usize = 8 + 8 + 8 + 8 + 4;
/// One for each first octet of a key.
const BUCKETS: usize = 256;
/// The end of its rows, and their check.
const BUCKET_BYTES: usize = 4 + CHECK_BYTES;
const CHECK_BYTES: usize = 4;
const FRONT_BYTES: usize = HEAD_BYTES + BUCKETS * BUCKET_BYTES + CHECK_BYTES;
/// A key, and an entry or the place of a list.
const ROW_BYTES: usize = 8 + 4;
/// In a row: what follows is an entry.
const ONE: u32 = 1 << 31;
/// A list begins with its length and its check.
const LIST_BYTES: usize = 4 + CHECK_BYTES;

/// A blob of the index that lies somewhere.
pub trait Blob {
    /// Reads as much as there is room for, from a place on.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being read; [`io::ErrorKind::UnexpectedEof`] where there is less.
    fn read_exact_at(&self, octets: &mut [u8], place: u64) -> io::Result<()>;
}

/// Why a blob cannot be used. What it is about is read from the log then.
#[derive(Debug)]
pub enum Unusable {
    /// It is torn, of another version or of another segment.
    Damaged,
    /// It cannot be read.
    Io(io::Error),
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged,
            _ => Self::Io(error),
        }
    }
}

/// The index of one segment.
pub struct Segment {
    blob: Box<dyn Blob>,
    times: (u64, u64),
    /// For each first octet of a key the end of its rows, and their check.
    buckets: Vec<(u32, [u8; CHECK_BYTES])>,
}

impl Segment {
    /// Reads the front of a blob.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn open(blob: Box<dyn Blob>, first: u64) -> Result<Self, Unusable> {
        let mut front = vec![0; FRONT_BYTES];
        blob.read_exact_at(&mut front, 0)?;
        let (checked, check_octets) = front.split_last_chunk::<CHECK_BYTES>().ok_or(Unusable::Damaged)?;
        let mut rest = Reading(checked);
        let known = rest.take::<8>()? == BEGINNING && check(checked) == *check_octets && rest.number()? == first;
        if !known {
            return Err(Unusable::Damaged);
        }
        let times = (rest.number()?, rest.number()?);
        let rows = u32::from_be_bytes(rest.take()?);
        let mut buckets = Vec::with_capacity(BUCKETS);
        for _ in 0..BUCKETS {
            buckets.push((u32::from_be_bytes(rest.take()?), rest.take()?));
        }
        let sorted = buckets.is_sorted_by_key(|(end, _)| *end) && buckets.last().is_some_and(|(end, _)| *end == rows);
        if sorted {
            Ok(Self { blob, times, buckets })
        } else {
            Err(Unusable::Damaged)
        }
    }

    /// The times of the earliest and the latest entry.
    #[must_use]
    pub fn times(&self) -> (u64, u64) {
        self.times
    }

    /// The entries that have a key, by their numbers within the segment, in order.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn find(&self, key: Key) -> Result<Vec<u16>, Unusable> {
        let bucket = usize::from(key.0.to_be_bytes()[0]);
        let start = bucket.checked_sub(1).and_then(|before| self.buckets.get(before));
        let start = start.map_or(0, |(end, _)| *end);
        let (end, expected) = self.buckets.get(bucket).ok_or(Unusable::Damaged)?;
        let mut octets = vec![0; usize::try_from(end - start).unwrap_or_default() * ROW_BYTES];
        self.blob.read_exact_at(&mut octets, row_place(start))?;
        if check(&octets) != *expected {
            return Err(Unusable::Damaged);
        }
        let (rows, _) = octets.as_chunks::<ROW_BYTES>();
        let place = rows.binary_search_by_key(&key.0.to_be_bytes().as_slice(), |row| row.split_at(8).0);
        let Some(row) = place.ok().and_then(|place| rows.get(place)) else {
            return Ok(Vec::new());
        };
        let mut row = Reading(row);
        row.number()?;
        let leads_to = u32::from_be_bytes(row.take()?);
        if leads_to & ONE != 0 {
            let number = u16::try_from(leads_to & !ONE).map_err(|_| Unusable::Damaged)?;
            return Ok(vec![number]);
        }
        self.list(leads_to)
    }

    fn list(&self, place: u32) -> Result<Vec<u16>, Unusable> {
        let rows = self.buckets.last().map_or(0, |(end, _)| *end);
        let place = row_place(rows) + u64::from(place);
        let mut front = [0; LIST_BYTES];
        self.blob.read_exact_at(&mut front, place)?;
        let mut front = Reading(&front);
        let count = u32::from_be_bytes(front.take()?);
        if u64::from(count) > SEGMENT_ENTRIES {
            return Err(Unusable::Damaged);
        }
        let expected = front.take::<CHECK_BYTES>()?;
        let mut octets = vec![0; usize::try_from(count).unwrap_or_default() * 2];
        self.blob.read_exact_at(&mut octets, place + LIST_BYTES as u64)?;
        if check(&octets) != expected {
            return Err(Unusable::Damaged);
        }
        let (numbers, _) = octets.as_chunks::<2>();
        Ok(numbers.iter().map(|octets| u16::from_be_bytes(*octets)).collect())
    }
}

fn row_place(row: u32) -> u64 {
    FRONT_BYTES as u64 + u64::from(row) * ROW_BYTES as u64
}

fn check(octets: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = digest(&SHA256, octets);
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

/// Takes octets off a front.
struct Reading<'a>(&'a [u8]);

impl Reading<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Unusable> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Unusable::Damaged)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn number(&mut self) -> Result<u64, Unusable> {
        self.take().map(u64::from_be_bytes)
    }
}

/// The blob of the segment that begins with the entry `first`. `None` where not all of its entries are published and kept. Of what
/// cannot be read as an entry nothing is found.
///
/// # Errors
///
/// [`ReadError`] when the log cannot be read.
pub fn build(entries: &mut Entries<'_>, first: u64, values: &dyn Values) -> Result<Option<Vec<u8>>, ReadError> {
    let end = first.saturating_add(SEGMENT_ENTRIES);
    let whole = first.is_multiple_of(SEGMENT_ENTRIES) && first >= entries.checkpoint().minimum_index;
    if !whole || end > entries.published() {
        return Ok(None);
    }
    let mut gathered = Gathered::default();
    for (number, index) in (0..=u16::MAX).zip(first..end) {
        if let Some(Ok(entry)) = entries.get(index)?.map(Entry::read) {
            gathered.add(number, &entry, values);
        }
    }
    let (times, rows) = gathered.into_rows();
    Ok(Some(blob(first, times, &rows)))
}

/// What the entries of a segment have.
struct Gathered {
    times: (u64, u64),
    rows: Vec<(Key, u16)>,
    /// The same of entries that open something: they are found by it if nothing closes them.
    of_opened: Vec<(Key, u16)>,
    /// The entries that open something, by the ids of those requests.
    opened: Vec<(Option<Key>, u16)>,
    /// The ids of requests that were closed.
    closed: HashSet<Key>,
    keys: Keys,
}

impl Default for Gathered {
    fn default() -> Self {
        Self {
            times: (u64::MAX, 0),
            rows: Vec::new(),
            of_opened: Vec::new(),
            opened: Vec::new(),
            closed: HashSet::new(),
            keys: Keys::default(),
        }
    }
}

impl Gathered {
    fn add(&mut self, number: u16, entry: &Entry<'_>, values: &dyn Values) {
        self.times = (self.times.0.min(entry.time), self.times.1.max(entry.time));
        let event = entry.metadata.event_code;
        let mut id = None;
        each_name(entry, values, &mut |kind, value| {
            let key = self.keys.key(kind, value);
            if kind == Kind::Id {
                id = Some(key);
            }
            if event == Event::Opened && kind != Kind::Event {
                self.of_opened.push((key, number));
            } else {
                self.rows.push((key, number));
            }
        });
        match event {
            Event::Opened => self.opened.push((id, number)),
            Event::Request | Event::Abandoned => self.closed.extend(id),
            Event::Refusals | Event::Administration | Event::Lost | Event::Other => {}
        }
    }

    /// The times of the earliest and the latest entry, and the rows, sorted.
    fn into_rows(self) -> ((u64, u64), Vec<(Key, u16)>) {
        let Self {
            times,
            mut rows,
            of_opened,
            opened,
            closed,
            ..
        } = self;
        let is_closed = |id: &Option<Key>| id.is_some_and(|id| closed.contains(&id));
        let unclosed = opened.iter().filter(|(id, _)| !is_closed(id));
        let unclosed: Vec<u16> = unclosed.map(|(_, number)| *number).collect();
        rows.extend(unclosed.iter().map(|number| (Key::unclosed(), *number)));
        let is_unclosed = |(_, number): &(Key, u16)| unclosed.binary_search(number).is_ok();
        rows.extend(of_opened.into_iter().filter(is_unclosed));
        rows.sort_unstable();
        rows.dedup();
        (times, rows)
    }
}

/// The ids of the requests that something within a segment closes.
pub(super) fn closed_within(
    entries: &mut Entries<'_>,
    segment: std::ops::Range<u64>,
) -> Result<HashSet<String>, ReadError> {
    let mut closed = HashSet::new();
    for index in segment {
        let Some(Ok(entry)) = entries.get(index)?.map(Entry::read) else {
            continue;
        };
        if matches!(entry.metadata.event_code, Event::Request | Event::Abandoned) {
            closed.extend(entry.id().map(str::to_owned));
        }
    }
    Ok(closed)
}

fn blob(first: u64, times: (u64, u64), entries: &[(Key, u16)]) -> Vec<u8> {
    let mut rows: Vec<u8> = Vec::new();
    let mut lists: Vec<u8> = Vec::new();
    let mut ends = [0; BUCKETS];
    for same in entries.chunk_by(|(one, _), (other, _)| one == other) {
        let [(key, number), more @ ..] = same else { continue };
        let leads_to = if more.is_empty() {
            ONE | u32::from(*number)
        } else {
            let place = u32::try_from(lists.len()).unwrap_or(u32::MAX);
            push_list(&mut lists, same);
            place
        };
        let key = key.0.to_be_bytes();
        rows.extend_from_slice(&key);
        rows.extend_from_slice(&leads_to.to_be_bytes());
        if let Some(end) = ends.get_mut(usize::from(key[0])) {
            *end = rows.len();
        }
    }
    let count = u32::try_from(rows.len() / ROW_BYTES).unwrap_or(u32::MAX);
    let mut blob = [
        BEGINNING,
        first.to_be_bytes(),
        times.0.to_be_bytes(),
        times.1.to_be_bytes(),
    ]
    .concat();
    blob.extend_from_slice(&count.to_be_bytes());
    let mut start = 0;
    for end in ends {
        // One without rows ends where the one before it does.
        let end = end.max(start);
        let bucket = rows.get(start..end).unwrap_or_default();
        blob.extend_from_slice(&u32::try_from(end / ROW_BYTES).unwrap_or(u32::MAX).to_be_bytes());
        blob.extend_from_slice(&check(bucket));
        start = end;
    }
    blob.extend_from_slice(&check(&blob));
    blob.extend_from_slice(&rows);
    blob.extend_from_slice(&lists);
    blob
}

fn push_list(lists: &mut Vec<u8>, entries: &[(Key, u16)]) {
    let numbers: Vec<u8> = entries.iter().flat_map(|(_, number)| number.to_be_bytes()).collect();
    lists.extend_from_slice(&u32::try_from(entries.len()).unwrap_or(u32::MAX).to_be_bytes());
    lists.extend_from_slice(&check(&numbers));
    lists.extend_from_slice(&numbers);
}
