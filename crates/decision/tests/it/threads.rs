//! Readers while tuples change: nothing that is revoked permits, and no batch is seen half.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use portcullis_decision::relations::{Bounds, Change, Model, Object, Relations, Tuple};

const MODEL: &str = "
types:
  user:
  group: {relations: {member: [user, 'group#member']}}
  account:
    relations:
      red: [group#member]
      blue: [group#member]
      parent: [account]
      any: {any_of: [red, blue, {from: parent, relation: any}]}
      both: {all_of: [red, blue]}
";
const READERS: usize = 3;
const ROUNDS: u64 = 500;

fn relations() -> Relations {
    let written = serde_saphyr::from_str(MODEL).unwrap();
    Relations::new(Arc::new(Model::compile(&written).unwrap()), Bounds::default())
}

fn tuple(text: &str) -> Tuple {
    Tuple::parse(text).unwrap().keep()
}

fn asks(relations: &Relations, object: &str, relation: &str) -> bool {
    let (object, jean) = (Object::parse(object).unwrap(), Object::parse("user:jean").unwrap());
    relations.check(object, relation, jean).unwrap()
}

/// Runs readers until the writer is done, and tells how often each could look.
fn while_reading(write: impl FnOnce(), read: impl Fn() + Sync) {
    let (over, looks) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    read();
                    looks.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        write();
        over.store(true, Ordering::Relaxed);
    });
    assert!(looks.into_inner() > ROUNDS, "the readers hardly ran");
}

#[test]
fn what_is_revoked_permits_nothing_once_that_has_returned() {
    let relations = relations();
    let path = ["account:1#parent@account:2", "account:2#red@group:a#member"].map(tuple);
    relations.apply(&path.map(Change::Added));
    let member = tuple("group:a#member@user:jean");
    // Odd: it is revoked, and that has returned.
    let round = AtomicU64::new(0);
    let revoked_permits = AtomicU64::new(0);
    let (seen_permitted, seen_denied) = (AtomicU64::new(0), AtomicU64::new(0));
    while_reading(
        || {
            for _ in 0..ROUNDS {
                round.fetch_add(1, Ordering::SeqCst);
                relations.apply(&[Change::Added(member.clone())]);
                assert!(asks(&relations, "account:1", "any"));
                std::thread::yield_now();
                relations.apply(&[Change::Removed(member.clone())]);
                round.fetch_add(1, Ordering::SeqCst);
                std::thread::yield_now();
            }
        },
        || {
            let before = round.load(Ordering::SeqCst);
            let permitted = asks(&relations, "account:1", "any");
            let is_revoked = before.is_multiple_of(2) && round.load(Ordering::SeqCst) == before;
            revoked_permits.fetch_add(u64::from(is_revoked && permitted), Ordering::Relaxed);
            let seen = if permitted { &seen_permitted } else { &seen_denied };
            seen.fetch_add(1, Ordering::Relaxed);
        },
    );
    assert_eq!(revoked_permits.into_inner(), 0);
    assert!(seen_permitted.into_inner() > 0 && seen_denied.into_inner() > 0);
}

#[test]
fn a_batch_is_seen_whole_or_not_at_all() {
    let relations = relations();
    let (red, blue) = (
        tuple("account:1#red@group:a#member"),
        tuple("account:1#blue@group:a#member"),
    );
    relations.apply(&[tuple("group:a#member@user:jean"), red.clone()].map(Change::Added));
    while_reading(
        || {
            for _ in 0..ROUNDS {
                relations.apply(&[Change::Removed(red.clone()), Change::Added(blue.clone())]);
                std::thread::yield_now();
                relations.apply(&[Change::Removed(blue.clone()), Change::Added(red.clone())]);
                std::thread::yield_now();
            }
        },
        || {
            assert!(asks(&relations, "account:1", "any"));
            assert!(!asks(&relations, "account:1", "both"));
        },
    );
}
