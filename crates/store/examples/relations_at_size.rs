//! What relations cost at size: loading from a file, memory, checks at depth 1 and 4, lists, changes.
//!
//! `cargo run --release -p portcullis-store --example relations_at_size -- FOLDER [MILLIONS]` fills a store with that many million tuples
//! (10 where nothing is said) in the folder; the same command once more measures.
//!
//! The world: accounts with an owner and a folder, folders in folders, groups that view folders, users in groups, and groups in some
//! groups. Whether a user may read an account takes a walk from the account to its folder, to the folder above, and to the groups of both:
//! depth 4, or 5 where there is a group in the group. Who is asked about what is drawn at random from all that there is, so that little
//! of it is in a cache.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement, run by hand"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use portcullis_decision::relations::{Bounds, Change, ListedSubjects, Model, Object, Page, Relations, Tuple};
use portcullis_store::relations::Follower;
use portcullis_store::sqlite::SqliteTuples;

const MODEL: &str = "
types:
  user:
  group: {relations: {member: [user, 'group#member']}}
  folder:
    relations:
      parent: [folder]
      viewer: {any_of: [[user, 'group#member'], {from: parent, relation: viewer}]}
  account:
    relations:
      owner: [user]
      parent: [folder]
      blocked: [user]
      reader: {any_of: [owner, {from: parent, relation: viewer}]}
      writer: {of: reader, but_not: blocked}
";
/// How many checks are timed one by one.
const CHECKS: u64 = 200_000;

/// The sizes of a world.
#[derive(Clone, Copy)]
struct World {
    users: u64,
    groups: u64,
    folders: u64,
    accounts: u64,
}

struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }
}

impl World {
    fn of(millions: u64) -> Self {
        let tuples = millions * 1_000_000;
        Self {
            users: tuples / 10,
            groups: tuples / 1000,
            folders: tuples / 100,
            accounts: tuples * 4 / 10,
        }
    }

    /// How many folders are above all others.
    fn roots(self) -> u64 {
        self.folders / 400
    }

    /// Two of each account, one of each user, two of most folders, one of some groups; the rest are users who are blocked.
    fn tuples(self, millions: u64) -> impl Iterator<Item = String> {
        let mut draw = Draw(0x9E37_79B9_7F4A_7C15);
        let Self {
            users,
            groups,
            folders,
            accounts,
        } = self;
        let roots = self.roots();
        let rest = millions * 1_000_000 - 2 * accounts - users - 2 * folders + roots - groups / 8;
        (0..accounts)
            .map(move |account| (0, account))
            .chain((0..accounts).map(|account| (1, account)))
            .chain((0..users).map(|user| (2, user)))
            .chain((roots..folders).map(|folder| (3, folder)))
            .chain((0..folders).map(|folder| (4, folder)))
            .chain((0..groups / 8).map(|group| (5, group)))
            .chain((0..rest).map(|number| (6, number)))
            .map(move |(what, number)| match what {
                0 => format!("account:{number:08}#owner@user:u{}", draw.below(users)),
                1 => format!("account:{number:08}#parent@folder:f{}", draw.below(folders)),
                2 => format!("group:g{}#member@user:u{number}", draw.below(groups)),
                3 => format!("folder:f{number}#parent@folder:f{}", number % roots),
                4 => format!("folder:f{number}#viewer@group:g{}#member", draw.below(groups)),
                5 => format!("group:g{number}#member@group:g{}#member", groups - 1 - number),
                _ => format!("account:{number:08}#blocked@user:u{}", draw.below(users)),
            })
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().expect("a folder for the store"));
    let millions = arguments
        .next()
        .map_or(10, |millions| millions.parse().expect("a number of millions"));
    let (world, path) = (World::of(millions), folder.join(format!("relations-{millions}.db")));
    let model = Arc::new(Model::compile(&serde_saphyr::from_str(MODEL).unwrap()).unwrap());
    if !path.exists() {
        make(&path, world, millions);
        println!("run it again to measure: this process has had other things in memory");
        return;
    }
    let before = resident();
    let relations = Relations::new(model, Bounds::default());
    let mut store = SqliteTuples::open(&path).unwrap();
    let begun = Instant::now();
    Follower::default().follow(&mut store, &relations).unwrap();
    println!(
        "loaded {} tuples in {:.1} s; memory {} MiB more, {} MiB at most",
        relations.tuples(),
        begun.elapsed().as_secs_f64(),
        resident() - before,
        peak(),
    );
    checks(&relations, world);
    lists(&relations, world);
    changes(&relations, world);
}

/// Fills a store past its trait, which would remember each change on the way.
fn make(path: &Path, world: World, millions: u64) {
    let begun = Instant::now();
    drop(SqliteTuples::create(path).unwrap());
    let mut all: Vec<_> = world.tuples(millions).collect();
    all.sort_unstable();
    all.dedup();
    let mut connection = rusqlite::Connection::open(path).unwrap();
    connection.pragma_update(None, "cache_size", -2_000_000).unwrap();
    let transaction = connection.transaction().unwrap();
    let mut insert = transaction
        .prepare("INSERT INTO relation_tuple VALUES (?1, ?2, ?3, 'written')")
        .unwrap();
    for text in &all {
        let tuple = Tuple::parse(text).unwrap();
        let (object, subject) = (tuple.object().to_string(), tuple.subject().to_string());
        insert.execute([&object, tuple.relation(), &subject]).unwrap();
    }
    drop(insert);
    let state = format!(
        "UPDATE relation_state SET batch = 1, forgotten = 1, tuples = {}",
        all.len()
    );
    transaction.execute_batch(&state).unwrap();
    transaction.commit().unwrap();
    let size = std::fs::metadata(path).unwrap().len() >> 20;
    println!("filled a store of {size} MiB in {:.0} s", begun.elapsed().as_secs_f64());
}

fn checks(relations: &Relations, world: World) {
    let mut draw = Draw(42);
    measure(relations, "depth 1, account owner, random user", || {
        let (account, user) = (draw.below(world.accounts), draw.below(world.users));
        (format!("account:{account:08}"), "owner", format!("user:u{user}"))
    });
    // Nobody is found before everything was looked at.
    measure(relations, "reader, random user, the whole way (depth 4 and 5)", || {
        let (account, user) = (draw.below(world.accounts), draw.below(world.users));
        (format!("account:{account:08}"), "reader", format!("user:u{user}"))
    });
    measure(relations, "writer (an exclusion), random user", || {
        let (account, user) = (draw.below(world.accounts), draw.below(world.users));
        (format!("account:{account:08}"), "writer", format!("user:u{user}"))
    });
    let permitted = permitted(relations, world, &mut draw);
    let mut next = permitted.iter().cycle();
    measure(relations, "reader, who may by at least 4 relations", || {
        let (account, user) = next.next().unwrap().clone();
        (account, "reader", user)
    });
}

/// Accounts that users may read at least four relations deep.
fn permitted(relations: &Relations, world: World, draw: &mut Draw) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while found.len() < 20_000 {
        let account = format!("account:{:08}", draw.below(world.accounts));
        let who = relations
            .list_subjects(object(&account), "reader", "user", &Page::default())
            .unwrap();
        let ListedSubjects::Only(who) = who else {
            panic!("nobody wrote `user:*`")
        };
        let count = u64::try_from(who.ids.len()).unwrap();
        for _ in 0..4 {
            let user = format!("user:{}", who.ids[usize::try_from(draw.below(count)).unwrap()]);
            let why = relations
                .explain(object(&account), "reader", object(&user))
                .unwrap()
                .unwrap();
            if why.facts().len() >= 4 {
                found.push((account.clone(), user));
            }
        }
    }
    found
}

fn measure(relations: &Relations, what: &str, mut ask: impl FnMut() -> (String, &'static str, String)) {
    let mut times = Vec::new();
    let mut permits = 0;
    for _ in 0..CHECKS {
        let (account, relation, user) = ask();
        let (account, user) = (object(&account), object(&user));
        let begun = Instant::now();
        let permitted = relations.check(account, relation, user).unwrap();
        times.push(begun.elapsed());
        permits += u64::from(permitted);
    }
    report(&format!("check: {what} ({permits} of {CHECKS} yes)"), &mut times);
}

fn lists(relations: &Relations, world: World) {
    let mut draw = Draw(7);
    let (mut objects, mut subjects, mut count) = (Vec::new(), Vec::new(), 0);
    for _ in 0..200 {
        let user = format!("user:u{}", draw.below(world.users));
        let begun = Instant::now();
        let listed = relations
            .list_objects("account", "reader", object(&user), &Page::default())
            .unwrap();
        objects.push(begun.elapsed());
        count += listed.ids.len();
        let account = format!("account:{:08}", draw.below(world.accounts));
        let begun = Instant::now();
        relations
            .list_subjects(object(&account), "reader", "user", &Page::default())
            .unwrap();
        subjects.push(begun.elapsed());
    }
    report(
        &format!("list objects: first page of 1000, {} on average", count / 200),
        &mut objects,
    );
    report("list subjects: first page of 1000", &mut subjects);
}

/// Changes alone, then checks while there are changes all the time.
fn changes(relations: &Relations, world: World) {
    let mut draw = Draw(11);
    let mut change = move |relations: &Relations| {
        let text = format!(
            "account:{:08}#blocked@user:u{}",
            draw.below(world.accounts),
            draw.below(world.users)
        );
        let tuple = Tuple::parse(&text).unwrap().keep();
        let begun = Instant::now();
        relations.apply(&[Change::Added(tuple.clone())]);
        let time = begun.elapsed();
        relations.apply(&[Change::Removed(tuple)]);
        time
    };
    let mut times: Vec<_> = (0..20_000).map(|_| change(relations)).collect();
    report("apply of one tuple", &mut times);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut applied = 0_u64;
            while !over.load(Ordering::Relaxed) {
                change(relations);
                applied += 2;
            }
            applied
        });
        let mut draw = Draw(13);
        measure(relations, "reader, while another thread changes all the time", || {
            let (account, user) = (draw.below(world.accounts), draw.below(world.users));
            (format!("account:{account:08}"), "reader", format!("user:u{user}"))
        });
        over.store(true, Ordering::Relaxed);
        println!("  meanwhile {} changes", writer.join().unwrap());
    });
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 1000].as_nanos() as f64 / 1000.0;
    println!(
        "{what}: p50 {:.1} us, p99 {:.1} us, p99.9 {:.1} us",
        at(500),
        at(990),
        at(999)
    );
}

fn object(text: &str) -> Object<&str> {
    Object::parse(text).unwrap()
}

/// What the kernel says about this process, in MiB.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() >> 10
}

fn resident() -> u64 {
    status("VmRSS:")
}

fn peak() -> u64 {
    status("VmHWM:")
}
