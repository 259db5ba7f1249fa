//! What every store of tuples does. Written once, run against each; then what only a store in a file can do.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_decision::relations::{
    Batch, Bounds, Change, Model, Object, Operation, Origin, Precondition, Relations, Tuple,
};
use portcullis_store::Position;
use portcullis_store::memory::MemoryTuples;
use portcullis_store::relations::{CHANGES_MAX, Followed, Follower, Listener, Page, Tuples, WriteError, Written};
use portcullis_store::sqlite::{self, SqliteTuples};

use crate::Directory;

/// Runs each of these functions against each store.
macro_rules! conformance {
    ($($name:ident),+ $(,)?) => {
        mod memory {
            $(#[test] fn $name() { super::$name(&mut super::MemoryTuples::new()); })+
        }
        mod sqlite_file {
            $(#[test] fn $name() {
                let directory = super::Directory::new();
                super::$name(&mut super::SqliteTuples::create(&directory.store()).unwrap());
            })+
        }
    };
}

conformance!(
    what_is_so_already_is_no_change,
    a_batch_is_done_whole_or_not_at_all,
    operations_are_done_in_their_order,
    an_object_goes_with_all_its_tuples,
    changes_are_told_once_and_in_order,
    whoever_was_away_too_long_is_told_everything,
    an_objects_tuples_come_in_pages,
    what_follows_answers_as_the_store_is,
    what_is_left_out_counts_for_nothing_until_it_counts_again,
);

fn model() -> Arc<Model> {
    let written = serde_saphyr::from_str(
        "types: {user: , group: {relations: {member: [user, 'group#member']}}, \
         account: {relations: {owner: [user], reader: ['user:*', 'group#member'], parent: [account], \
         may: {any_of: [owner, reader, {from: parent, relation: may}]}}}}",
    );
    Arc::new(Model::compile(&written.unwrap()).unwrap())
}

fn tuple(text: &str) -> Tuple {
    Tuple::parse(text).unwrap().keep()
}

fn add(text: &str) -> Operation {
    Operation::Add(tuple(text), Origin::Written)
}

fn remove(text: &str) -> Operation {
    Operation::Remove(tuple(text))
}

fn batch(operations: Vec<Operation>) -> Batch {
    Batch::new(&model(), operations).unwrap()
}

fn write(store: &mut dyn Tuples, operations: Vec<Operation>) -> (u64, u64) {
    let Written { added, removed } = store.write(&batch(operations)).unwrap();
    (added, removed)
}

/// What was told, as text: `+` for what was added.
#[derive(Default)]
struct Heard {
    whole: Option<bool>,
    changes: Vec<String>,
}

impl Listener for Heard {
    fn begin(&mut self, whole: bool) {
        assert_eq!(self.whole.replace(whole), None, "told twice");
    }

    fn hear(&mut self, change: Change<&str>) {
        self.changes.push(match change {
            Change::Added(tuple) => format!("+{tuple}"),
            Change::Removed(tuple) => format!("-{tuple}"),
        });
    }
}

fn hear(store: &mut dyn Tuples, position: &mut Position) -> (bool, Vec<String>) {
    let mut heard = Heard::default();
    *position = store.changes(*position, &mut heard).unwrap();
    (heard.whole.unwrap(), heard.changes)
}

fn all(store: &mut dyn Tuples) -> BTreeSet<String> {
    let (whole, changes) = hear(store, &mut Position::default());
    assert!(whole);
    let tuple = |change: String| change.trim_start_matches('+').to_owned();
    changes.into_iter().map(tuple).collect()
}

fn what_is_so_already_is_no_change(store: &mut dyn Tuples) {
    let (one, learnt) = (
        "account:1#owner@user:jean",
        Operation::Add(tuple("account:1#owner@user:jean"), Origin::Learnt),
    );
    assert_eq!(write(store, vec![learnt]), (1, 0));
    let mut position = Position::default();
    hear(store, &mut position);
    assert_eq!(write(store, vec![add(one)]), (0, 0));
    assert_eq!(write(store, vec![remove("account:2#owner@user:jean")]), (0, 0));
    assert_eq!(hear(store, &mut position), (false, vec![]));
    let page = page("account:1", None, 10);
    assert_eq!(
        store.list(&page).unwrap(),
        [(tuple(one), Origin::Learnt)],
        "it keeps its origin"
    );
}

fn a_batch_is_done_whole_or_not_at_all(store: &mut dyn Tuples) {
    write(store, vec![add("account:1#owner@user:jean")]);
    let before = all(store);
    for unmet in [
        Precondition::Present(tuple("account:1#owner@user:maria")),
        Precondition::Absent(tuple("account:1#owner@user:jean")),
    ] {
        let met = Precondition::Present(tuple("account:1#owner@user:jean"));
        let operations = vec![add("account:1#owner@user:eve"), remove("account:1#owner@user:jean")];
        let batch = Batch::with(&model(), vec![met, unmet.clone()], operations).unwrap();
        let refused = store.write(&batch).unwrap_err();
        assert!(matches!(refused, WriteError::Unmet(precondition) if *precondition == unmet));
        assert_eq!(all(store), before);
    }
    let met = vec![
        Precondition::Present(tuple("account:1#owner@user:jean")),
        Precondition::Absent(tuple("account:1#owner@user:maria")),
    ];
    let handover = vec![remove("account:1#owner@user:jean"), add("account:1#owner@user:maria")];
    let written = store.write(&Batch::with(&model(), met, handover).unwrap()).unwrap();
    assert_eq!(written, Written { added: 1, removed: 1 });
}

fn operations_are_done_in_their_order(store: &mut dyn Tuples) {
    let (one, other) = ("account:1#owner@user:jean", "account:1#owner@user:maria");
    assert_eq!(write(store, vec![add(one), remove(one), add(other)]), (2, 1));
    assert_eq!(all(store), BTreeSet::from([other.to_owned()]));
    assert_eq!(write(store, vec![remove(other), add(other)]), (1, 1));
    assert_eq!(all(store), BTreeSet::from([other.to_owned()]));
}

fn an_object_goes_with_all_its_tuples(store: &mut dyn Tuples) {
    let gone = [
        "group:a#member@user:jean",
        "group:b#member@group:a#member",
        "account:1#reader@group:a#member",
    ];
    let kept = [
        "group:ab#member@user:jean",
        "account:1#reader@group:ab#member",
        "account:1#reader@group:A#member",
        "account:a#owner@user:jean",
        "account:1#reader@user:*",
    ];
    write(store, gone.into_iter().chain(kept).map(add).collect());
    let mut position = Position::default();
    hear(store, &mut position);
    let object = Object::parse("group:a").unwrap().keep();
    assert_eq!(
        write(
            store,
            vec![
                add("account:2#owner@user:jean"),
                Operation::RemoveObject(object.clone())
            ]
        ),
        (1, 3)
    );
    let (whole, mut changes) = hear(store, &mut position);
    changes.sort();
    let mut expected: Vec<_> = gone.iter().map(|gone| format!("-{gone}")).collect();
    expected.push("+account:2#owner@user:jean".to_owned());
    expected.sort();
    assert_eq!((whole, changes), (false, expected));
    assert_eq!(all(store).len(), kept.len() + 1);
    assert_eq!(write(store, vec![Operation::RemoveObject(object)]), (0, 0));
    let account = Object::parse("account:1").unwrap().keep();
    assert_eq!(
        write(
            store,
            vec![add("account:3#parent@account:1"), Operation::RemoveObject(account)]
        ),
        (1, 4)
    );
}

fn changes_are_told_once_and_in_order(store: &mut dyn Tuples) {
    let (one, other) = ("account:1#owner@user:jean", "account:2#owner@user:jean");
    write(store, vec![add(one)]);
    let mut position = Position::default();
    assert_eq!(hear(store, &mut position), (true, vec![format!("+{one}")]));
    assert_eq!(hear(store, &mut position), (false, vec![]));
    write(store, vec![remove(one)]);
    write(store, vec![add(other), add(one)]);
    write(store, vec![remove(one)]);
    let expected = [
        format!("-{one}"),
        format!("+{other}"),
        format!("+{one}"),
        format!("-{one}"),
    ];
    assert_eq!(hear(store, &mut position), (false, expected.to_vec()));
    assert_eq!(hear(store, &mut position), (false, vec![]));
}

fn whoever_was_away_too_long_is_told_everything(store: &mut dyn Tuples) {
    write(store, vec![add("account:1#owner@user:jean")]);
    let (mut away, mut near) = (Position::default(), Position::default());
    hear(store, &mut away);
    let mut number = 0;
    let mut many = |store: &mut dyn Tuples, count: u64| {
        let operations = (0..count).map(|_| {
            number += 1;
            add(&format!("account:{number}#owner@user:maria"))
        });
        write(store, operations.collect());
    };
    for _ in 0..CHANGES_MAX / 10_000 {
        many(store, 10_000);
    }
    // What was seen is just what is forgotten.
    let (whole, changes) = hear(store, &mut away.clone());
    assert_eq!((whole, changes.len()), (false, 100_000));
    hear(store, &mut near);
    many(store, 1);
    let (whole, changes) = hear(store, &mut away);
    assert_eq!((whole, changes.len()), (true, 100_002));
    let (whole, changes) = hear(store, &mut near);
    assert_eq!((whole, changes.len()), (false, 1));
}

fn page(object: &str, after: Option<&str>, tuples_max: usize) -> Page {
    Page {
        object: Object::parse(object).unwrap().keep(),
        after: after.map(tuple),
        tuples_max,
    }
}

fn an_objects_tuples_come_in_pages(store: &mut dyn Tuples) {
    let tuples = [
        "account:1#owner@user:jean",
        "account:1#owner@user:maria",
        "account:1#parent@account:2",
        "account:1#reader@user:*",
    ];
    write(
        store,
        tuples
            .into_iter()
            .chain(["account:10#owner@user:jean"])
            .map(add)
            .collect(),
    );
    let mut listed = |after, most| -> Vec<_> {
        let found = store.list(&page("account:1", after, most)).unwrap();
        found.into_iter().map(|(tuple, _)| tuple.to_string()).collect()
    };
    assert_eq!(listed(None, 3), tuples[..3]);
    assert_eq!(listed(Some(tuples[2]), 3), tuples[3..]);
    assert_eq!(listed(Some(tuples[0]), 1), tuples[1..2]);
    assert!(listed(Some(tuples[3]), 3).is_empty());
}

fn may(relations: &Relations, object: &str) -> bool {
    let jean = Object::parse("user:jean").unwrap();
    relations.check(Object::parse(object).unwrap(), "may", jean).unwrap()
}

fn what_follows_answers_as_the_store_is(store: &mut dyn Tuples) {
    let relations = Relations::new(model(), Bounds::default());
    let mut follower = Follower::default();
    let mut follow = |store: &mut dyn Tuples, whole: bool, tuples: u64| {
        let followed = follower.follow(store, &relations).unwrap();
        assert_eq!(followed, Followed { whole, unfit: 0 });
        assert_eq!(relations.tuples(), tuples);
    };
    write(
        store,
        vec![
            add("account:2#parent@account:1"),
            add("account:1#reader@group:a#member"),
        ],
    );
    follow(store, true, 2);
    assert!(!may(&relations, "account:2"));
    write(store, vec![add("group:a#member@user:jean")]);
    follow(store, false, 3);
    assert!(may(&relations, "account:2"));
    write(store, vec![remove("group:a#member@user:jean")]);
    follow(store, false, 2);
    assert!(!may(&relations, "account:2"));
}

fn what_is_left_out_counts_for_nothing_until_it_counts_again(store: &mut dyn Tuples) {
    let relations = Relations::new(model(), Bounds::default());
    let mut follower = Follower::default();
    write(
        store,
        vec![
            add("account:1#owner@user:jean"),
            add("account:2#parent@account:1"),
            add("account:3#owner@user:jean"),
        ],
    );
    follower.follow(store, &relations).unwrap();
    let all = |relations: &Relations| ["1", "2", "3"].map(|id| may(relations, &format!("account:{id}")));
    assert_eq!(all(&relations), [true; 3]);
    let gone = || Object::parse("account:1").unwrap().keep();
    follower.leave_out([gone()].into(), &relations);
    let without = [false, false, true];
    assert_eq!((all(&relations), relations.tuples()), (without, 1), "at once");
    // Neither what somebody adds, nor everything read anew, brings it back.
    write(store, vec![add("account:1#reader@user:*")]);
    follower.follow(store, &relations).unwrap();
    assert_eq!(all(&relations), without);
    follower.change_model(model(), store, &relations).unwrap();
    assert_eq!(all(&relations), without);
    // Written down, with what is said of another one of that name in one go.
    write(
        store,
        vec![Operation::RemoveObject(gone()), add("account:1#owner@user:jean")],
    );
    follower.follow(store, &relations).unwrap();
    assert_eq!(all(&relations), without);
    follower.leave_out([].into(), &relations);
    follower.follow(store, &relations).unwrap();
    assert_eq!(all(&relations), [true, false, true]);
    assert_eq!(relations.tuples(), 2);
}

#[test]
fn another_process_sees_what_is_revoked_when_it_looks() {
    let directory = Directory::new();
    let path = directory.store();
    let mut one = SqliteTuples::create(&path).unwrap();
    let mut other = SqliteTuples::open(&path).unwrap();
    let relations = Relations::new(model(), Bounds::default());
    let mut follower = Follower::default();
    write(&mut one, vec![add("account:1#owner@user:jean")]);
    follower.follow(&mut other, &relations).unwrap();
    assert!(may(&relations, "account:1"));
    write(&mut one, vec![remove("account:1#owner@user:jean")]);
    follower.follow(&mut other, &relations).unwrap();
    assert!(!may(&relations, "account:1"));
    // A file in the place of another, which has come as far.
    let backup = directory.0.join("backup.db");
    let mut third = SqliteTuples::create(&backup).unwrap();
    for account in 1..4 {
        write(&mut third, vec![add(&format!("account:{account}#owner@user:jean"))]);
    }
    drop((one, third));
    for file in sqlite::files(&path) {
        let _ = std::fs::remove_file(file);
    }
    assert!(follower.follow(&mut other, &relations).is_err());
    std::fs::rename(&backup, &path).unwrap();
    let followed = follower.follow(&mut other, &relations).unwrap();
    assert!(followed.whole && relations.tuples() == 3 && may(&relations, "account:3"));
}

#[test]
fn what_another_model_does_not_allow_is_left_out_and_told() {
    let mut store = MemoryTuples::new();
    write(
        &mut store,
        vec![add("account:1#owner@user:jean"), add("account:1#reader@user:*")],
    );
    let relations = Relations::new(model(), Bounds::default());
    let mut follower = Follower::default();
    follower.follow(&mut store, &relations).unwrap();
    let written = serde_saphyr::from_str("types: {user: , account: {relations: {may: [user], reader: ['user:*']}}}");
    let other = Arc::new(Model::compile(&written.unwrap()).unwrap());
    let followed = follower.change_model(other, &mut store, &relations).unwrap();
    assert_eq!((followed, relations.tuples()), (Followed { whole: true, unfit: 1 }, 1));
    assert!(!may(&relations, "account:1"));
}

#[test]
fn what_nobody_writes_is_damage() {
    let directory = Directory::new();
    let path = directory.store();
    let mut store = SqliteTuples::create(&path).unwrap();
    let sql = "INSERT INTO relation_tuple VALUES ('account:*', 'owner', 'user:jean', 'written')";
    rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let damaged = store.changes(Position::default(), &mut Heard::default());
    assert!(
        matches!(damaged, Err(portcullis_store::StoreError::Damaged(_))),
        "{damaged:?}"
    );
}
