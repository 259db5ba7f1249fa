//! What people ask, on a model that one could have.

use std::sync::Arc;

use portcullis_decision::relations::{
    Batch, BatchError, Bound, Bounds, Change, Listed, ListedSubjects, Loader, Model, Object, Operation, Origin, Page,
    Relations, Tuple, Undecided,
};

const MODEL: &str = "
types:
  user:
  group: {relations: {member: [user, 'group#member']}}
  account:
    relations:
      owner: [user]
      member: [user, 'group#member']
      parent: [account]
      reader: {any_of: [owner, member, {from: parent, relation: reader}]}
      frozen: [user, 'user:*']
      writer: {of: {any_of: [owner, {from: parent, relation: writer}]}, but_not: frozen}
      open: ['user:*']
      visitor: {of: open, but_not: frozen}
";

fn relations(tuples: &[&str], bounds: Bounds) -> Relations {
    let relations = Relations::new(Arc::new(model()), bounds);
    let added: Vec<_> = tuples.iter().map(|text| Change::Added(tuple(text))).collect();
    let applied = relations.apply(&added);
    assert_eq!(
        (applied.added, applied.unfit),
        (u64::try_from(tuples.len()).unwrap(), 0)
    );
    relations
}

fn model() -> Model {
    Model::compile(&serde_saphyr::from_str(MODEL).unwrap()).unwrap()
}

fn tuple(text: &str) -> Tuple {
    Tuple::parse(text).unwrap().keep()
}

fn object(text: &str) -> Object<&str> {
    Object::parse(text).unwrap()
}

const TUPLES: [&str; 7] = [
    "group:all#member@group:board#member",
    "group:board#member@user:jean",
    "account:1#owner@user:maria",
    "account:1#member@group:all#member",
    "account:2#parent@account:1",
    "account:3#parent@account:2",
    "account:2#frozen@user:maria",
];

#[test]
fn who_may_what() {
    let relations = relations(&TUPLES, Bounds::default());
    for (question, expected) in [
        ("account:3#reader@user:jean", true),
        ("account:3#reader@user:maria", true),
        ("account:3#reader@user:eve", false),
        ("account:3#owner@user:maria", false),
        ("account:1#writer@user:maria", true),
        ("account:2#writer@user:maria", false),
        ("account:4#reader@user:maria", false),
    ] {
        let asked = tuple(question);
        let subject = asked.subject();
        let found = relations.check(asked.object(), asked.relation(), subject.object().unwrap());
        assert_eq!(found, Ok(expected), "{question}");
    }
    for unknown in [
        ("acount:1", "reader", "user:jean"),
        ("account:1", "raeder", "user:jean"),
        ("account:1", "reader", "usr:jean"),
    ] {
        let (of, relation, subject) = unknown;
        let found = relations.check(object(of), relation, object(subject));
        assert!(matches!(found, Err(Undecided::Unfit(_))), "{unknown:?}");
    }
}

#[test]
fn why_they_may() {
    let relations = relations(&TUPLES, Bounds::default());
    let why = |of, relation, subject| {
        let explanation = relations.explain(object(of), relation, object(subject)).unwrap();
        explanation.map(|why| why.facts().iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(
        why("account:2", "reader", "user:jean").unwrap(),
        [
            "account:2#reader by account:2#parent@account:1 and account:1#reader",
            "account:1#reader by account:1#member",
            "account:1#member by account:1#member@group:all#member and group:all#member",
            "group:all#member by group:all#member@group:board#member and group:board#member",
            "group:board#member by group:board#member@user:jean",
        ]
    );
    assert_eq!(
        why("account:1", "writer", "user:maria").unwrap(),
        [
            "account:1#writer by account:1#owner and nothing that takes it away",
            "account:1#owner by account:1#owner@user:maria",
        ]
    );
    assert_eq!(why("account:2", "writer", "user:maria"), None);
}

#[test]
fn what_jean_may_read_and_who_may_read_it() {
    let relations = relations(&TUPLES, Bounds::default());
    let listed = |items_max, after| {
        let page = Page { after, items_max };
        relations
            .list_objects("account", "reader", object("user:jean"), &page)
            .unwrap()
    };
    let ids = |ids: &[&str], next: Option<&str>| Listed {
        ids: ids.iter().map(|id| Box::from(*id)).collect(),
        next: next.map(Box::from),
        cut_off: None,
    };
    assert_eq!(listed(2, None), ids(&["1", "2"], Some("2")));
    assert_eq!(listed(2, Some("2")), ids(&["3"], None));
    let who = |of, relation| {
        relations
            .list_subjects(object(of), relation, "user", &Page::default())
            .unwrap()
    };
    assert_eq!(
        who("account:3", "reader"),
        ListedSubjects::Only(ids(&["jean", "maria"], None))
    );
    assert_eq!(who("account:2", "writer"), ListedSubjects::Only(ids(&[], None)));
}

#[test]
fn everyone_but_some_may() {
    let relations = relations(
        &[
            "account:1#open@user:*",
            "account:1#frozen@user:eve",
            "account:2#open@user:*",
            "account:2#frozen@user:*",
        ],
        Bounds::default(),
    );
    let who = |of| {
        relations
            .list_subjects(object(of), "visitor", "user", &Page::default())
            .unwrap()
    };
    let eve = Listed {
        ids: vec!["eve".into()],
        ..Listed::default()
    };
    assert_eq!(who("account:1"), ListedSubjects::EveryoneBut(eve));
    assert_eq!(who("account:2"), ListedSubjects::Only(Listed::default()));
    assert_eq!(
        relations.check(object("account:1"), "visitor", object("user:nobody-knows")),
        Ok(true)
    );
    assert_eq!(
        relations.check(object("account:1"), "visitor", object("user:eve")),
        Ok(false)
    );
}

#[test]
fn everyone_is_not_told_where_an_exception_may_have_been_missed() {
    let mut tuples = vec!["account:1#open@user:*".to_owned()];
    tuples.extend((0..50).map(|number| format!("account:1#frozen@user:u{number}")));
    let tuples: Vec<_> = tuples.iter().map(String::as_str).collect();
    let few = Bounds {
        list_tuples_max: 20,
        ..Bounds::default()
    };
    let relations = relations(&tuples, few);
    let who = relations
        .list_subjects(object("account:1"), "visitor", "user", &Page::default())
        .unwrap();
    let nobody = Listed {
        cut_off: Some(Bound::Tuples),
        ..Listed::default()
    };
    assert_eq!(who, ListedSubjects::Only(nobody));
}

/// Jean is in a chain of this many groups, and the last one may write.
fn chain(length: usize) -> Vec<String> {
    let mut tuples = vec!["group:0#member@user:jean".to_owned()];
    tuples.extend((1..length).map(|number| format!("group:{number}#member@group:{}#member", number - 1)));
    tuples
}

#[test]
fn what_is_too_deep_is_not_decided() {
    let tuples = chain(40);
    let tuples: Vec<_> = tuples.iter().map(String::as_str).collect();
    let relations = relations(&tuples, Bounds::default());
    let jean = object("user:jean");
    let asks = |group: usize, subject| {
        let id = group.to_string();
        relations.check(Object::new("group", &id).unwrap(), "member", subject)
    };
    assert_eq!(asks(24, jean), Ok(true), "25 groups deep");
    assert_eq!(asks(25, jean), Err(Undecided::Exceeded(Bound::Depth)));
    assert_eq!(asks(25, object("user:eve")), Err(Undecided::Exceeded(Bound::Depth)));
    let listed = relations
        .list_objects("group", "member", jean, &Page::default())
        .unwrap();
    assert_eq!((listed.ids.len(), listed.cut_off), (25, Some(Bound::Depth)));
}

#[test]
fn a_bound_under_an_exclusion_is_no_permit() {
    let written = serde_saphyr::from_str(
        "types: {user: , group: {relations: {member: [user, 'group#member']}}, \
         account: {relations: {reader: [user], banned: ['group#member'], may: {of: reader, but_not: banned}}}}",
    );
    let model = Model::compile(&written.unwrap()).unwrap();
    let relations = Relations::new(Arc::new(model), Bounds::default());
    let mut tuples = chain(40);
    tuples.extend(
        [
            "account:1#reader@user:jean",
            "account:1#reader@user:eve",
            "account:1#banned@group:39#member",
        ]
        .map(String::from),
    );
    let added: Vec<_> = tuples.iter().map(|text| Change::Added(tuple(text))).collect();
    relations.apply(&added);
    for subject in ["user:jean", "user:eve"] {
        let found = relations.check(object("account:1"), "may", object(subject));
        assert_eq!(found, Err(Undecided::Exceeded(Bound::Depth)), "{subject}");
    }
    let who = relations
        .list_subjects(object("account:1"), "may", "user", &Page::default())
        .unwrap();
    let nobody = Listed {
        cut_off: Some(Bound::Depth),
        ..Listed::default()
    };
    assert_eq!(who, ListedSubjects::Only(nobody));
}

#[test]
fn circles_end() {
    let relations = relations(
        &[
            "group:a#member@group:b#member",
            "group:b#member@group:a#member",
            "group:b#member@user:jean",
            "account:1#parent@account:2",
            "account:2#parent@account:1",
            "account:2#member@group:a#member",
        ],
        Bounds::default(),
    );
    for (subject, expected) in [("user:jean", true), ("user:eve", false)] {
        assert_eq!(
            relations.check(object("account:1"), "reader", object(subject)),
            Ok(expected)
        );
    }
}

#[test]
fn only_what_fits_is_written_and_loaded() {
    let model = Arc::new(model());
    let operation = |text| vec![Operation::Add(tuple(text), Origin::Written)];
    assert!(Batch::new(&model, operation("account:1#owner@user:jean")).is_ok());
    let refused = Batch::new(&model, operation("account:1#reader@user:jean"));
    assert!(matches!(refused, Err(BatchError::Unfit(..))));
    let removed = vec![Operation::Remove(tuple("account:1#reader@user:jean")); 10_000];
    assert!(
        Batch::new(&model, removed.clone()).is_ok(),
        "what does not fit any more has to be removed somehow"
    );
    let one_more = [removed, operation("account:1#owner@user:jean")].concat();
    assert_eq!(Batch::new(&model, one_more), Err(BatchError::TooLarge));
    let mut loader = Loader::new(model);
    for text in [
        "account:1#owner@user:jean",
        "account:1#reader@user:jean",
        "account:1#owner@user:jean",
    ] {
        loader.add(Tuple::parse(text).unwrap());
    }
    let loaded = loader.finish();
    assert_eq!((loaded.tuples(), loaded.unfit()), (1, 1));
}

#[test]
fn a_list_goes_on_where_it_was_whatever_changes() {
    let tuples: Vec<_> = (0..100)
        .map(|number| format!("account:{number:03}#owner@user:jean"))
        .collect();
    let views: Vec<_> = tuples.iter().map(String::as_str).collect();
    let relations = relations(&views, Bounds::default());
    let (mut seen, mut after, mut round) = (Vec::new(), None::<Box<str>>, 0);
    loop {
        let page = Page {
            after: after.as_deref(),
            items_max: 7,
        };
        let listed = relations
            .list_objects("account", "reader", object("user:jean"), &page)
            .unwrap();
        seen.extend(listed.ids);
        after = listed.next;
        if after.is_none() {
            break;
        }
        // What is not multiples of ten comes and goes.
        round += 1;
        let coming_and_going = (0..100).filter(|number| number % 10 != 0).map(|number| {
            let changed = tuple(&format!("account:{number:03}#owner@user:jean"));
            if (number + round) % 2 == 0 {
                Change::Removed(changed)
            } else {
                Change::Added(changed)
            }
        });
        relations.apply(&coming_and_going.collect::<Vec<_>>());
    }
    for number in (0..100).step_by(10) {
        let id = format!("{number:03}");
        assert_eq!(seen.iter().filter(|seen| ***seen == *id).count(), 1, "{id}");
    }
}
