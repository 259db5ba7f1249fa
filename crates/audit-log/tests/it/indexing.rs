//! Entries are found by the index as they are found by reading everything.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::rc::Rc;
use std::sync::OnceLock;

use portcullis_audit_log::entries::Entries;
use portcullis_audit_log::entry::{
    Actor, Api, Entry, Erasable, Event, HttpResponse, Metadata, Protected, SALT_BYTES, Service, User,
};
use portcullis_audit_log::index::{
    Beside, Blob, Filter, From, SEGMENT_ENTRIES, Segment, Unusable, Values, build, event_of_name, search,
};
use portcullis_audit_log::medium::Source;

use crate::fixture::{NOW, Random, create, key, known};
use crate::simulated::Simulated;

/// Two whole segments and some more, the last of them not published.
const ENTRIES: usize = 140_000;
const PUBLISHED: usize = 139_000;
const EVENTS: [Event; 6] = [
    Event::Opened,
    Event::Request,
    Event::Abandoned,
    Event::Refusals,
    Event::Administration,
    Event::Lost,
];

struct Log {
    disk: Simulated,
    entries: Vec<Vec<u8>>,
    values: HashMap<String, String>,
}

/// A log of random entries. Half of the requests are opened first, and one in a hundred of those is never closed; some are closed in another
/// segment.
fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let mut random = Random(7);
        let (mut entries, mut values, mut open) = (Vec::new(), HashMap::new(), Vec::new());
        while entries.len() < ENTRIES {
            let mut octets = Vec::new();
            let entry = if open.len() > 40 || (!open.is_empty() && random.below(2) == 0) {
                let opened = open.swap_remove(random.below(open.len()));
                if random.below(100) == 0 {
                    continue;
                }
                let mut closing = random_entry(&mut random, entries.len(), &mut values);
                closing.metadata.event_code = [Event::Request, Event::Abandoned][random.below(2)];
                closing.metadata.correlation_uid = Some(format!("id{opened}").into());
                closing
            } else {
                random_entry(&mut random, entries.len(), &mut values)
            };
            if entry.metadata.event_code == Event::Opened {
                open.push(entries.len() as u64);
            }
            entry.write(&mut octets);
            entries.push(octets);
        }
        // Something that is no entry of this form is in the way.
        entries[70_000] = b"{}".to_vec();
        let disk = Simulated::default();
        let mut writer = create(&disk, &key());
        for (number, entry) in entries.iter().enumerate() {
            writer.append(entry).unwrap();
            if number + 1 == PUBLISHED {
                writer.publish(NOW).unwrap();
            } else if number % 5000 == 0 {
                writer.commit().unwrap();
            }
        }
        writer.commit().unwrap();
        Log { disk, entries, values }
    })
}

fn random_entry(random: &mut Random, number: usize, values: &mut HashMap<String, String>) -> Entry<'static> {
    let event = match random.below(40) {
        0..20 => Event::Opened,
        20..36 => Event::Request,
        other => EVENTS[other - 34],
    };
    let mut entry = Entry::new(event, 1_000_000 + number as u64 * 10 + random.number() % 1000);
    entry.metadata = Metadata {
        event_code: event,
        correlation_uid: Some(format!("id{number}").into()),
    };
    let name = format!("user{}", random.below(300) * random.below(300) / 300);
    let uid = match random.below(3) {
        0 => {
            let mut salt = [0; SALT_BYTES];
            salt.fill_with(|| random.octet());
            let erasable = Erasable::new(&name, &salt);
            // One in four was erased.
            if random.below(4) != 0 {
                values.insert(erasable.commitment.to_string(), name.clone());
            }
            Protected::Committed(erasable.commitment).into_text().into_owned()
        }
        _ => name,
    };
    entry.actor = Some(Actor {
        user: Some(User {
            uid: uid.into(),
            kind: None,
            domain: None,
            credential_uid: None,
        }),
        app_uid: None,
    });
    entry.api = (random.below(10) != 0).then(|| Api {
        operation: format!("op{}", random.below(7)).into(),
        service: Service {
            name: format!("api{}", random.below(2)).into(),
        },
    });
    entry.action_id = [None, Some(1), Some(2)][random.below(3)];
    entry.status_id = [None, Some(1), Some(2)][random.below(3)];
    entry.status_code = (random.below(4) == 0).then(|| format!("code.{}", random.below(3)).into());
    let code = [200, 403, 404, 502][random.below(4)];
    entry.http_response = (event == Event::Request).then_some(HttpResponse { code, length: 1 });
    entry
}

struct InMemory(Vec<u8>);

impl Blob for InMemory {
    fn read_exact_at(&self, octets: &mut [u8], place: u64) -> io::Result<()> {
        let from = self.0.get(usize::try_from(place).unwrap()..);
        let read = from.and_then(|from| from.get(..octets.len()));
        octets.copy_from_slice(read.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Blobs that may be damaged, and the values of the whole log.
#[derive(Default)]
struct Kept {
    blobs: BTreeMap<u64, Vec<u8>>,
    damaged: RefCell<usize>,
}

impl Beside for Kept {
    fn index(&self, first: u64) -> io::Result<Option<Segment>> {
        let Some(blob) = self.blobs.get(&first) else {
            return Ok(None);
        };
        match Segment::open(Box::new(InMemory(blob.clone())), first) {
            Ok(segment) => Ok(Some(segment)),
            Err(Unusable::Damaged) => {
                *self.damaged.borrow_mut() += 1;
                Ok(None)
            }
            Err(Unusable::Io(error)) => Err(error),
        }
    }

    fn values(&self, _: u64) -> io::Result<Rc<dyn Values>> {
        Ok(Rc::new(log().values.clone()))
    }
}

fn indexed() -> &'static BTreeMap<u64, Vec<u8>> {
    static BLOBS: OnceLock<BTreeMap<u64, Vec<u8>>> = OnceLock::new();
    BLOBS.get_or_init(|| {
        let mut entries = Entries::open(&log().disk, &known(&key())).unwrap();
        let mut blobs = BTreeMap::new();
        for first in (0..ENTRIES as u64).step_by(65_536) {
            let blob = build(&mut entries, first, &log().values).unwrap();
            assert_eq!(blob.is_some(), first + SEGMENT_ENTRIES <= PUBLISHED as u64);
            blobs.extend(blob.map(|blob| (first, blob)));
        }
        blobs
    })
}

/// What is to be found, by looking at everything.
fn expected(filter: &Filter) -> Vec<u64> {
    static READ: OnceLock<Read> = OnceLock::new();
    let Read { entries, closed } = READ.get_or_init(|| {
        let entries: Vec<_> = log().entries.iter().map(|octets| Entry::read(octets).ok()).collect();
        let closes = |entry: &Entry<'static>| {
            let ends = matches!(entry.metadata.event_code, Event::Request | Event::Abandoned);
            entry.id().filter(|_| ends).map(str::to_owned)
        };
        let closed = entries.iter().flatten().filter_map(closes).collect();
        Read { entries, closed }
    });
    let wanted = |(index, entry): (usize, &Option<Entry<'_>>)| {
        let (entry, index) = (entry.as_ref()?, index as u64);
        let opened = entry.metadata.event_code == Event::Opened;
        let shown = !opened || filter.event == Some(Event::Opened) || !entry.id().is_some_and(|id| closed.contains(id));
        (shown && filter.matches(entry, &log().values)).then_some(index)
    };
    entries.iter().enumerate().filter_map(wanted).collect()
}

/// The whole log, read once.
struct Read {
    entries: Vec<Option<Entry<'static>>>,
    closed: HashSet<String>,
}

fn random_filter(random: &mut Random) -> Filter {
    let maybe = |random: &mut Random, one_in: usize, text: String| (random.below(one_in) == 0).then_some(text);
    let time = |random: &mut Random| Some(1_000_000 + random.number() % 1_500_000);
    let principal = format!("user{}", random.below(40));
    let operation = ["op1", "op2", "api0/op3", "api1/op3", "none"][random.below(5)].to_owned();
    let outcome = ["allowed", "denied", "failed", "abandoned", "code.1", "403"][random.below(6)].to_owned();
    let id = format!("id{}", random.below(ENTRIES));
    let api = format!("api{}", random.below(3));
    Filter {
        since: if random.below(4) == 0 { time(random) } else { None },
        until: if random.below(4) == 0 { time(random) } else { None },
        principal: maybe(random, 2, principal),
        operation: maybe(random, 3, operation),
        api: maybe(random, 6, api),
        outcome: maybe(random, 3, outcome),
        id: maybe(random, 5, id),
        event: (random.below(5) == 0).then(|| EVENTS[random.below(6)]),
    }
}

fn check(kept: &Kept, filter: &Filter, random: &mut Random) {
    let mut entries = Entries::open(&log().disk, &known(&key())).unwrap();
    let expected = expected(filter);
    let all = search(&mut entries, kept, filter, 0..u64::MAX, From::End, usize::MAX).unwrap();
    assert_eq!((all.indices, all.more), (expected.clone(), false), "{filter:?}");
    let limit = random.below(expected.len() + 2);
    let last = search(&mut entries, kept, filter, 0..u64::MAX, From::End, limit).unwrap();
    let from = expected.len().saturating_sub(limit);
    assert_eq!(
        (last.indices.as_slice(), last.more),
        (&expected[from..], from > 0),
        "the last {limit} of {filter:?}"
    );
    let after = random.number() % ENTRIES as u64;
    let first = search(&mut entries, kept, filter, after..u64::MAX, From::Start, limit).unwrap();
    let later: Vec<u64> = expected.into_iter().filter(|index| *index >= after).collect();
    assert_eq!(
        (first.indices.as_slice(), first.more),
        (&later[..limit.min(later.len())], later.len() > limit),
        "{limit} from {after} on of {filter:?}"
    );
}

#[test]
fn what_the_index_finds_is_what_is_found_without_it() {
    let mut random = Random(11);
    let with = Kept {
        blobs: indexed().clone(),
        ..Kept::default()
    };
    for _ in 0..60 {
        check(&with, &random_filter(&mut random), &mut random);
    }
    for _ in 0..4 {
        check(&Kept::default(), &random_filter(&mut random), &mut random);
    }
    assert_eq!(*with.damaged.borrow(), 0);
}

#[test]
fn a_blob_that_is_torn_or_altered_is_not_believed() {
    let mut random = Random(13);
    let whole = &indexed()[&65_536];
    let filter = Filter {
        principal: Some("user3".into()),
        ..Filter::default()
    };
    let expected = expected(&filter);
    let mut unused = 0;
    for round in 0..20 {
        let mut blob = whole.clone();
        if round % 2 == 0 {
            blob.truncate(random.below(blob.len()));
        } else {
            // The front and its rows are everything that is always looked at.
            let place = random.below(2000);
            blob[place] ^= 1 << random.below(8);
        }
        let blobs = [(0, indexed()[&0].clone()), (65_536, blob)].into();
        let kept = Kept {
            blobs,
            ..Kept::default()
        };
        let mut entries = Entries::open(&log().disk, &known(&key())).unwrap();
        let found = search(&mut entries, &kept, &filter, 0..u64::MAX, From::End, usize::MAX).unwrap();
        assert_eq!(found.indices, expected);
        unused += usize::from(found.without_index == SEGMENT_ENTRIES);
    }
    assert!(unused >= 14, "{unused} were read from the log");
    let other = Segment::open(Box::new(InMemory(whole.clone())), 0);
    assert!(matches!(other, Err(Unusable::Damaged)), "a blob of another segment");
}

#[test]
fn an_index_is_the_same_every_time_and_has_nothing_in_clear() {
    let mut entries = Entries::open(&log().disk, &known(&key())).unwrap();
    let again = build(&mut entries, 0, &log().values).unwrap().unwrap();
    assert!(again == indexed()[&0]);
    for clear in ["user1", "op1", "allowed", "id77", "request"] {
        let found = again.windows(clear.len()).any(|octets| octets == clear.as_bytes());
        assert!(!found, "{clear}");
    }
    let erased = build(&mut entries, 0, &HashMap::<String, String>::new())
        .unwrap()
        .unwrap();
    assert!(erased.len() < again.len(), "erased values are not found any more");
}

#[test]
fn entries_are_read_from_bundles_and_from_the_journal() {
    let log = log();
    let mut entries = Entries::open(&log.disk, &known(&key())).unwrap();
    assert_eq!(
        (entries.published(), entries.size()),
        (PUBLISHED as u64, ENTRIES as u64)
    );
    for index in [0, 255, 256, PUBLISHED - 1, PUBLISHED, ENTRIES - 1] {
        let read = entries.get(index as u64).unwrap();
        assert_eq!(read, Some(log.entries[index].as_slice()), "{index}");
    }
    assert_eq!(entries.get(ENTRIES as u64).unwrap(), None);
    let mut blobs = log.disk.blobs();
    let segment = log.disk.list("journal/").unwrap();
    blobs.0.remove(&format!("journal/{}", segment[0]));
    let cut = Simulated::holding(&blobs);
    let entries = Entries::open(&cut, &known(&key())).unwrap();
    assert_eq!(entries.size(), PUBLISHED as u64);
}

/// A denied request of a principal.
fn denied(principal: String) -> Entry<'static> {
    let mut entry = Entry::new(Event::Request, 5000);
    entry.metadata.correlation_uid = Some("id1".into());
    entry.actor = Some(Actor {
        user: Some(User {
            uid: principal.into(),
            kind: None,
            domain: None,
            credential_uid: None,
        }),
        app_uid: None,
    });
    entry.api = Some(Api {
        operation: "getAccount".into(),
        service: Service { name: "bank".into() },
    });
    entry.action_id = Some(2);
    entry.status_id = Some(2);
    entry.status_code = Some("authorization.denied".into());
    entry.http_response = Some(HttpResponse { code: 403, length: 1 });
    entry
}

/// A filter of words: what is asked for, and for which value.
fn asked(words: &str) -> Filter {
    let mut filter = Filter::default();
    let mut words = words.split_whitespace();
    while let (Some(what), Some(value)) = (words.next(), words.next()) {
        let text = Some(value.to_owned());
        match what {
            "principal" => filter.principal = text,
            "operation" => filter.operation = text,
            "api" => filter.api = text,
            "outcome" => filter.outcome = text,
            "id" => filter.id = text,
            "event" => filter.event = event_of_name(value),
            "since" => filter.since = value.parse().ok(),
            "until" => filter.until = value.parse().ok(),
            other => panic!("{other}"),
        }
    }
    filter
}

#[test]
fn a_filter_takes_what_has_everything_that_is_asked_for() {
    let erasable = Erasable::new("alice", &[1; SALT_BYTES]);
    let commitment = erasable.commitment.to_string();
    let entry = denied(format!("committed:{commitment}"));
    let mut values = HashMap::new();
    assert!(!asked("principal alice").matches(&entry, &values), "erased");
    values.insert(commitment.clone(), "alice".to_owned());
    let check = |words: &str, taken: bool| {
        assert_eq!(asked(words).matches(&entry, &values), taken, "{words}");
    };
    check("", true);
    check("principal alice", true);
    check(&format!("principal committed:{commitment}"), true);
    check("operation getAccount", true);
    check("operation bank/getAccount api bank", true);
    check("outcome denied since 5000 until 5001", true);
    check("outcome failed", true);
    check("outcome 403 id id1", true);
    check("outcome authorization.denied event request", true);
    check("principal bob", false);
    check("operation shop/getAccount", false);
    check("api getAccount", false);
    check("outcome allowed", false);
    check("since 5001", false);
    check("until 5000", false);
    check("id id", false);
    check("event opened", false);
    check("principal alice outcome 404", false);
}
