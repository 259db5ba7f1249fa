//! What every store of credentials does. Written once, run against each.

use portcullis_identity::credentials::{Kind, Record, Retiring};
use portcullis_identity::principal::{Scopes, SubjectKind};
use portcullis_store::credentials::{Changes, Credentials, IssueError, Page, Position, Rotated, Rotation, Whose};
use portcullis_store::memory::MemoryCredentials;
use portcullis_store::sqlite::SqliteCredentials;

use crate::{Directory, at, id, record, tag};

/// Runs each of these functions against each store.
macro_rules! conformance {
    ($($name:ident),+ $(,)?) => {
        mod memory {
            $(#[test] fn $name() { super::$name(&mut super::MemoryCredentials::new()); })+
        }
        mod sqlite {
            $(#[test] fn $name() {
                let directory = super::Directory::new();
                super::$name(&mut super::SqliteCredentials::create(&directory.store()).unwrap());
            })+
        }
    };
}

conformance!(
    what_is_issued_is_found_whole,
    a_name_is_taken_once,
    rotation_keeps_one_older_secret,
    what_has_ended_is_not_rotated,
    one_an_owners_and_all_are_revoked,
    uses_never_go_back,
    lists_come_in_pages,
    changes_are_told_once,
    what_ended_long_ago_is_forgotten,
);

fn full(fill: u8) -> Record {
    Record {
        kind: Kind::Token,
        owner_kind: SubjectKind::Service,
        owner: "bïlling".into(),
        client: Some("app".into()),
        scopes: Scopes::default(),
        retiring: Some(Retiring {
            tag: tag(99),
            until: at(3000),
        }),
        expires: Some(at(5000)),
        revoked: Some(at(4000)),
        used: Some(at(2000)),
        ..record(fill)
    }
}

fn page(records_max: usize) -> Page {
    Page {
        kind: Kind::ApiKey,
        owner: None,
        after: None,
        records_max,
    }
}

fn what_is_issued_is_found_whole(store: &mut dyn Credentials) {
    for record in [record(1), full(2)] {
        store.issue(&record).unwrap();
        assert_eq!(store.find(&record.id).unwrap(), Some(record));
    }
    assert_eq!(store.find(&id(3)).unwrap(), None);
}

fn a_name_is_taken_once(store: &mut dyn Credentials) {
    store.issue(&record(1)).unwrap();
    let again = Record {
        owner: "mallory".into(),
        ..record(1)
    };
    assert!(matches!(store.issue(&again), Err(IssueError::Taken)));
    assert_eq!(store.find(&id(1)).unwrap(), Some(record(1)));
}

fn rotation(fill: u8, old_until: u64) -> Rotation {
    Rotation {
        tag: tag(fill),
        old_until: at(old_until),
        now: at(2000),
    }
}

fn rotation_keeps_one_older_secret(store: &mut dyn Credentials) {
    store.issue(&record(1)).unwrap();
    for (fill, old, until) in [(10, 1, 2500), (11, 10, 2600)] {
        let Rotated::Done(kept) = store.rotate(&id(1), &rotation(fill, until)).unwrap() else {
            panic!("not rotated")
        };
        let expected = Record {
            tag: tag(fill),
            retiring: Some(Retiring {
                tag: tag(old),
                until: at(until),
            }),
            ..record(1)
        };
        assert_eq!(*kept, expected);
        assert_eq!(store.find(&id(1)).unwrap(), Some(expected));
    }
    assert_eq!(store.rotate(&id(2), &rotation(10, 2500)).unwrap(), Rotated::Unknown);
}

fn what_has_ended_is_not_rotated(store: &mut dyn Credentials) {
    let expired = Record {
        expires: Some(at(2000)),
        ..record(1)
    };
    let revoked = Record {
        revoked: Some(at(1500)),
        ..record(2)
    };
    for record in [expired, revoked] {
        store.issue(&record).unwrap();
        assert_eq!(store.rotate(&record.id, &rotation(10, 2500)).unwrap(), Rotated::Ended);
        assert_eq!(store.find(&record.id).unwrap(), Some(record));
    }
}

fn one_an_owners_and_all_are_revoked(store: &mut dyn Credentials) {
    let of = |fill, owner_kind, owner: &str| Record {
        owner_kind,
        owner: owner.into(),
        ..record(fill)
    };
    for record in [
        of(1, SubjectKind::User, "alice"),
        of(2, SubjectKind::User, "alice"),
        of(3, SubjectKind::Client, "alice"),
        of(4, SubjectKind::User, "bob"),
        Record {
            kind: Kind::Token,
            ..of(5, SubjectKind::User, "alice")
        },
    ] {
        store.issue(&record).unwrap();
    }
    let revoked = |store: &mut dyn Credentials| -> Vec<Option<u64>> {
        let when = |fill| {
            store
                .find(&id(fill))
                .unwrap()
                .unwrap()
                .revoked
                .map(|time| time.seconds())
        };
        (1..=5).map(when).collect()
    };
    let key = Kind::ApiKey;
    assert_eq!(store.revoke(key, &Whose::One(id(1)), at(2000)).unwrap(), 1);
    assert_eq!(
        store.revoke(key, &Whose::One(id(1)), at(2001)).unwrap(),
        0,
        "the date stays"
    );
    assert_eq!(
        store.revoke(key, &Whose::One(id(5)), at(2001)).unwrap(),
        0,
        "another kind"
    );
    assert_eq!(store.revoke(key, &Whose::One(id(9)), at(2001)).unwrap(), 0);
    assert_eq!(revoked(store), [Some(2000), None, None, None, None]);
    let alice = Whose::Owner(SubjectKind::User, "alice".into());
    assert_eq!(store.revoke(key, &alice, at(2002)).unwrap(), 1);
    assert_eq!(revoked(store), [Some(2000), Some(2002), None, None, None]);
    assert_eq!(store.revoke(Kind::Token, &Whose::All, at(2003)).unwrap(), 1);
    assert_eq!(store.revoke(key, &Whose::All, at(2004)).unwrap(), 2);
    assert_eq!(
        revoked(store),
        [Some(2000), Some(2002), Some(2004), Some(2004), Some(2003)]
    );
}

fn uses_never_go_back(store: &mut dyn Credentials) {
    store.issue(&record(1)).unwrap();
    for (written, expected) in [(2000, 2000), (1500, 2000), (2500, 2500)] {
        store.touch(&[(id(1), at(written)), (id(7), at(written))]).unwrap();
        assert_eq!(store.find(&id(1)).unwrap().unwrap().used, Some(at(expected)));
    }
    assert_eq!(store.find(&id(7)).unwrap(), None);
}

fn lists_come_in_pages(store: &mut dyn Credentials) {
    for fill in [5, 1, 3, 2, 4] {
        store.issue(&record(fill)).unwrap();
    }
    let other = Record {
        owner: "bob".into(),
        ..record(6)
    };
    store.issue(&other).unwrap();
    store.issue(&full(7)).unwrap();
    let mut seen = Vec::new();
    let mut next = page(2);
    loop {
        let records = store.list(&next).unwrap();
        let Some(last) = records.last() else { break };
        assert!(records.len() <= 2);
        next.after = Some(last.id);
        seen.extend(records.into_iter().map(|record| record.id));
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6].map(id));
    let of_bob = Page {
        owner: Some((SubjectKind::User, "bob".into())),
        ..page(10)
    };
    assert_eq!(store.list(&of_bob).unwrap(), [other]);
    let tokens = Page {
        kind: Kind::Token,
        ..page(10)
    };
    assert_eq!(store.list(&tokens).unwrap(), [full(7)]);
}

fn changes_are_told_once(store: &mut dyn Credentials) {
    store.issue(&record(1)).unwrap();
    let mut position = Position::default();
    let mut changed = |store: &mut dyn Credentials| {
        let Changes {
            whole,
            records,
            position: next,
        } = store.changes(position).unwrap();
        position = next;
        let ids: Vec<_> = records.iter().map(|record| record.id).collect();
        (whole, ids)
    };
    assert_eq!(changed(store), (true, vec![id(1)]));
    assert_eq!(changed(store), (false, vec![]));
    store.issue(&record(2)).unwrap();
    assert_eq!(changed(store), (false, vec![id(2)]));
    store.touch(&[(id(1), at(2000))]).unwrap();
    assert_eq!(changed(store), (false, vec![]), "a use is no change");
    store.rotate(&id(1), &rotation(10, 2500)).unwrap();
    assert_eq!(changed(store), (false, vec![id(1)]));
    store.revoke(Kind::ApiKey, &Whose::All, at(2000)).unwrap();
    assert_eq!(changed(store), (false, vec![id(1), id(2)]));
    assert_eq!(changed(store), (false, vec![]));
}

fn what_ended_long_ago_is_forgotten(store: &mut dyn Credentials) {
    let ended = |fill, expires, revoked| Record {
        expires: Some(at(expires)),
        revoked: Some(at(revoked)),
        ..record(fill)
    };
    for record in [
        record(1),
        ended(2, 3000, 1999),
        ended(3, 1999, 3000),
        ended(4, 2000, 2000),
    ] {
        store.issue(&record).unwrap();
    }
    assert_eq!(store.forget(at(2000)).unwrap(), 2);
    let left: Vec<_> = store
        .list(&page(10))
        .unwrap()
        .into_iter()
        .map(|record| record.id)
        .collect();
    assert_eq!(left, [id(1), id(4)]);
}
