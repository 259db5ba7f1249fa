use serde_json::json;

use super::*;
use crate::cache::DecisionCache;
use crate::decision::Engines;
use crate::listed::Extent;
use crate::relations::{Bounds, Change, PAGE_ITEMS_MAX, Tuple};

fn relations(bounds: Bounds) -> Arc<Relations> {
    let model = json!({"types": {
        "user": null,
        "group": {"relations": {"member": ["user", "group#member"]}},
        "account": {"relations": {"owner": ["user", "group#member"], "reader": {"any_of": [["user"], "owner"]}}},
    }});
    let model = Model::compile(&serde_json::from_value(model).unwrap()).unwrap();
    Arc::new(Relations::new(Arc::new(model), bounds))
}

fn add(relations: &Relations, tuple: &str) {
    let added = relations.apply(&[Change::Added(Tuple::parse(tuple).unwrap().keep())]);
    assert_eq!(added.added, 1);
}

fn compile(written: serde_json::Value, relations: &Arc<Relations>) -> Result<Related, Vec<GrantProblem>> {
    let is_action = |name: &str| ["read", "close"].contains(&name);
    Related::compile(
        serde_json::from_value(written).unwrap(),
        &is_action,
        &relations.model(),
        Arc::clone(relations) as Arc<dyn Source>,
    )
}

fn grants() -> serde_json::Value {
    json!({
        "subjects": {"User": "user"},
        "grants": [
            {"actions": ["read"], "resource": "Account", "type": "account", "relation": "reader"},
            {"actions": ["close"], "resource": "Account", "type": "account", "relation": "owner"},
        ],
    })
}

fn asks(subject: (&str, &str), action: &str, resource: (&str, &str)) -> Evaluation {
    Evaluation::new(
        Subject::new(subject.0, subject.1),
        Action::new(action),
        Resource::new(resource.0, resource.1),
    )
}

#[test]
fn whoever_is_related_may() {
    let relations = relations(Bounds::default());
    add(&relations, "account:1#owner@user:jean");
    add(&relations, "account:1#reader@user:eve");
    let related = compile(grants(), &relations).unwrap();
    for (subject, action, resource, expected) in [
        (("User", "jean"), "read", ("Account", "1"), Verdict::Permits),
        (("User", "jean"), "close", ("Account", "1"), Verdict::Permits),
        (("User", "eve"), "read", ("Account", "1"), Verdict::Permits),
        (("User", "eve"), "close", ("Account", "1"), Verdict::Silent),
        (("User", "jean"), "read", ("Account", "2"), Verdict::Silent),
        (("User", "jean"), "read", ("account", "1"), Verdict::Silent),
        (("user", "jean"), "read", ("Account", "1"), Verdict::Silent),
        (("Client", "jean"), "read", ("Account", "1"), Verdict::Silent),
        (("User", "*"), "read", ("Account", "1"), Verdict::Silent),
        (("User", "jean"), "read", ("Account", "1 "), Verdict::Silent),
        (("User", "jean"), "delete", ("Account", "1"), Verdict::Silent),
    ] {
        let opinion = related.opinion(&asks(subject, action, resource), UnixTime(0));
        assert_eq!(opinion.verdict, expected, "{subject:?} {action} {resource:?}");
    }
}

#[test]
fn what_cannot_be_decided_denies() {
    let relations = relations(Bounds {
        depth_max: 2,
        ..Bounds::default()
    });
    add(&relations, "group:a#member@group:b#member");
    add(&relations, "group:b#member@user:jean");
    add(&relations, "account:1#owner@group:a#member");
    let related = compile(grants(), &relations).unwrap();
    let question = asks(("User", "jean"), "close", ("Account", "1"));
    assert_eq!(related.opinion(&question, UnixTime(0)).verdict, Verdict::Indeterminate);
    let empty = Model::compile(&serde_json::from_value(json!({"types": {}})).unwrap()).unwrap();
    relations.replace(crate::relations::Loader::new(Arc::new(empty)).finish());
    assert_eq!(related.opinion(&question, UnixTime(0)).verdict, Verdict::Indeterminate);
}

#[test]
fn what_is_revoked_is_not_remembered() {
    let relations = relations(Bounds::default());
    let engines = Engines::new(vec![Arc::new(compile(grants(), &relations).unwrap())]);
    let mut cache = DecisionCache::new(16);
    let question = asks(("User", "jean"), "read", ("Account", "1"));
    let mut permits = || cache.evaluate(&engines, &question, UnixTime(0)).permits();
    assert!(!permits());
    add(&relations, "account:1#reader@user:jean");
    assert!(permits() && permits());
    relations.apply(&[Change::Removed(
        Tuple::parse("account:1#reader@user:jean").unwrap().keep(),
    )]);
    assert!(!permits());
}

#[test]
fn everything_that_is_wrong_is_told() {
    let written = json!({
        "subjects": {"User": "person"},
        "grants": [
            {"actions": ["read"], "resource": "Account", "relation": "reader"},
            {"actions": ["burn"], "resource": "account", "relation": "arsonist"},
        ],
    });
    let problems = compile(written, &relations(Bounds::default())).unwrap_err();
    let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "subjects of type `User`: there is no type `person`",
            "grant 1: there is no type `Account`",
            "grant 2: `account` has no relation `arsonist`",
            "grant 2 is for `burn`, which is no operation of a contract",
        ]
    );
    let lengths: Vec<usize> = problems.iter().map(|problem| problem.path().len()).collect();
    assert_eq!(lengths, [2, 2, 2, 3]);
}

/// Relations that are up to date or not.
#[derive(Debug)]
struct Kept(Arc<Relations>, std::sync::Mutex<Option<Outdated>>);

impl Source for Kept {
    fn relations(&self) -> Result<&Relations, Outdated> {
        self.1.lock().unwrap().map_or(Ok(&*self.0), Err)
    }

    fn changes(&self) -> u64 {
        self.0.changes() + u64::from(self.1.lock().unwrap().is_some())
    }
}

#[test]
fn what_is_out_of_date_denies_and_a_remembered_permit_is_worth_nothing_then() {
    let relations = relations(Bounds::default());
    add(&relations, "account:1#reader@user:jean");
    let kept = Arc::new(Kept(Arc::clone(&relations), None.into()));
    let is_action = |_: &str| true;
    let grants = serde_json::from_value(grants()).unwrap();
    let related = Related::compile(grants, &is_action, &relations.model(), Arc::clone(&kept) as _).unwrap();
    let engines = Engines::new(vec![Arc::new(related)]);
    let mut cache = DecisionCache::new(16);
    let question = asks(("User", "jean"), "read", ("Account", "1"));
    let mut permits = |outdated: Option<Outdated>| {
        *kept.1.lock().unwrap() = outdated;
        cache.evaluate(&engines, &question, UnixTime(0)).permits()
    };
    assert!(permits(None));
    for outdated in [Outdated::Unread, Outdated::Old, Outdated::Unfit, Outdated::Overrun] {
        assert!(!permits(Some(outdated)), "{outdated:?}");
    }
    assert!(permits(None));
}

#[test]
fn who_and_what_is_related_is_listed() {
    let relations = relations(Bounds::default());
    for tuple in [
        "account:1#owner@user:jean",
        "account:2#reader@user:jean",
        "account:1#reader@user:eve",
    ] {
        add(&relations, tuple);
    }
    let related = compile(grants(), &relations).unwrap();
    let ids = |listed: Option<Listed>| {
        let ids = |listed: Listed| listed.ids().map(ToString::to_string).collect::<Vec<_>>();
        listed.map(ids)
    };
    let (jean, account) = (Subject::new("User", "jean"), Resource::new("Account", "1"));
    let (read, close, other) = (Action::new("read"), Action::new("close"), Action::new("other"));
    let some = |ids: &[&str]| Some(ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
    assert_eq!(ids(related.resources("Account", &jean, &read)), some(&["1", "2"]));
    assert_eq!(ids(related.resources("Account", &jean, &close)), some(&["1"]));
    assert_eq!(ids(related.resources("Account", &jean, &other)), some(&[]));
    assert_eq!(ids(related.resources("Order", &jean, &read)), None);
    assert_eq!(ids(related.subjects("User", &read, &account)), some(&["eve", "jean"]));
    assert_eq!(ids(related.subjects("Device", &read, &account)), None);
}

#[test]
fn a_long_list_is_cut_off_and_says_so() {
    let relations = relations(Bounds::default());
    let many: Vec<Change> = (0..10 * PAGE_ITEMS_MAX + 1)
        .map(|number| {
            Change::Added(
                Tuple::parse(&format!("account:{number}#reader@user:jean"))
                    .unwrap()
                    .keep(),
            )
        })
        .collect();
    relations.apply(&many);
    let related = compile(grants(), &relations).unwrap();
    let listed = related
        .resources("Account", &Subject::new("User", "jean"), &Action::new("read"))
        .unwrap();
    assert_eq!(listed.extent(), Extent::CutOff);
    assert!(listed.ids().next().is_some());
}
