//! Random worlds: every question of each is answered as the oracle does, and no bound makes a permit of a deny.
//!
//! `PORTCULLIS_WORLDS=20000 cargo test -p portcullis-decision` tries that many.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_decision::relations::{
    Because, Bounds, Change, DEPTH_MAX, Listed, ListedSubjects, Loader, Object, Page, Relations, Tuple,
};

use crate::oracle::{IDS, Mask, Oracle};
use crate::worlds::{Draw, World};

/// How many worlds are tried where nobody asks for more.
const WORLDS: u64 = 500;

fn worlds() -> u64 {
    let wanted = std::env::var("PORTCULLIS_WORLDS").ok();
    wanted.map_or(WORLDS, |wanted| wanted.parse().expect("PORTCULLIS_WORLDS is a number"))
}

/// Bounds that no world of this size reaches: no way comes to the same relation of an object twice.
fn wide() -> Bounds {
    Bounds {
        depth_max: DEPTH_MAX,
        ..Bounds::default()
    }
}

fn loaded(world: &World, bounds: Bounds) -> Relations {
    let mut loader = Loader::new(Arc::new(world.model.clone()));
    world.tuples.iter().for_each(|tuple| loader.add(tuple.view()));
    let relations = Relations::new(Arc::new(world.model.clone()), bounds);
    relations.replace(loader.finish());
    relations
}

/// What came out of a world, so that nobody believes in a test of empty worlds.
#[derive(Default)]
struct Tally {
    yes: u64,
    no: u64,
    everyone_but: u64,
    undecided: u64,
    cut_off: u64,
}

/// What is asked, and the truth about it.
struct Asked<'a> {
    world: &'a World,
    relations: &'a Relations,
    oracle: &'a Oracle<'a>,
    seed: u64,
}

impl Asked<'_> {
    /// Asks everything. `is_bounded`: it may be left undecided.
    fn everything(&self, draw: &mut Draw, is_bounded: bool, tally: &mut Tally) {
        for (kind, relation) in World::relations() {
            for id in IDS {
                let object = Object::new(kind, id).unwrap();
                for subject in self.world.subjects() {
                    self.check(object, relation, subject, is_bounded, tally);
                }
                for subject_kind in self.world.kinds() {
                    self.subjects(object, relation, subject_kind, draw, is_bounded, tally);
                }
            }
            for subject in self.world.subjects() {
                self.objects(kind, relation, subject, draw, is_bounded, tally);
            }
        }
    }

    fn check(&self, object: Object<&str>, relation: &str, subject: Object<&str>, is_bounded: bool, tally: &mut Tally) {
        let who = self.oracle.who(object.kind(), object.id(), relation);
        let truth = who & self.oracle.subject(subject.kind(), subject.id()) != 0;
        match self.relations.check(object, relation, subject) {
            Ok(holds) => assert_eq!(holds, truth, "{object}#{relation}@{subject} {}", self.describe()),
            Err(error) if is_bounded => {
                tally.undecided += 1;
                let _ = error;
            }
            Err(error) => panic!("{object}#{relation}@{subject}: {error} {}", self.describe()),
        }
        tally.yes += u64::from(truth);
        tally.no += u64::from(!truth);
    }

    fn objects(
        &self,
        kind: &str,
        relation: &str,
        subject: Object<&str>,
        draw: &mut Draw,
        is_bounded: bool,
        tally: &mut Tally,
    ) {
        let subject_bit = self.oracle.subject(subject.kind(), subject.id());
        let (ids, cut_off) = turn_all(draw, |page| {
            self.relations.list_objects(kind, relation, subject, page).unwrap()
        });
        let truth: BTreeSet<_> = IDS
            .into_iter()
            .filter(|id| self.oracle.who(kind, id, relation) & subject_bit != 0)
            .map(Box::from)
            .collect();
        let is_right = if cut_off { ids.is_subset(&truth) } else { ids == truth };
        assert!(
            is_right,
            "{kind}#{relation}@{subject}: {ids:?}, not {truth:?} {}",
            self.describe()
        );
        assert!(is_bounded || !cut_off);
        tally.cut_off += u64::from(cut_off);
    }

    fn subjects(
        &self,
        object: Object<&str>,
        relation: &str,
        kind: &str,
        draw: &mut Draw,
        is_bounded: bool,
        tally: &mut Tally,
    ) {
        let mut is_but = false;
        let (ids, cut_off) = turn_all(draw, |page| {
            match self.relations.list_subjects(object, relation, kind, page).unwrap() {
                ListedSubjects::Only(listed) => listed,
                ListedSubjects::EveryoneBut(listed) => {
                    is_but = true;
                    listed
                }
            }
        });
        let named: Mask = ids.iter().map(|id| self.oracle.subject(kind, id)).sum();
        let everyone = self.oracle.everyone(kind);
        let who = if is_but { everyone & !named } else { named };
        let truth = self.oracle.who(object.kind(), object.id(), relation) & everyone;
        let is_right = if cut_off { who & !truth == 0 } else { who == truth };
        assert!(
            is_right,
            "{object}#{relation}@{kind}: {who:b}, not {truth:b} {}",
            self.describe()
        );
        assert!(is_bounded || !cut_off);
        tally.cut_off += u64::from(cut_off);
        tally.everyone_but += u64::from(is_but && !ids.is_empty());
    }

    fn describe(&self) -> String {
        let tuples: Vec<_> = self.world.tuples.iter().map(ToString::to_string).collect();
        format!("in world {}: {:#?} {tuples:#?}", self.seed, self.world.written)
    }
}

/// All pages of a list, and whether any says that it was cut off.
fn turn_all(draw: &mut Draw, mut turn: impl FnMut(&Page<'_>) -> Listed) -> (BTreeSet<Box<str>>, bool) {
    let items_max = 1 + draw.below(5);
    let (mut ids, mut cut_off, mut after) = (BTreeSet::new(), false, None::<Box<str>>);
    loop {
        let listed = turn(&Page {
            after: after.as_deref(),
            items_max,
        });
        assert!(listed.ids.len() <= items_max && listed.ids.is_sorted());
        cut_off |= listed.cut_off.is_some();
        for id in listed.ids {
            assert!(ids.insert(id), "twice");
        }
        after = listed.next;
        if after.is_none() {
            return (ids, cut_off);
        }
    }
}

#[test]
fn random_worlds_are_answered_as_the_oracle_does() {
    let (mut tally, mut wrong) = (Tally::default(), 0);
    for seed in 0..worlds() {
        let mut draw = Draw::new(seed);
        let (world, before) = World::draw(&mut draw);
        wrong += before;
        let oracle = Oracle::new(&world.written, &world.tuples).expect("a sound model has strata");
        let asked = Asked {
            world: &world,
            relations: &loaded(&world, wide()),
            oracle: &oracle,
            seed,
        };
        asked.everything(&mut draw, false, &mut tally);
    }
    println!("{} held, {} did not, {} models were wrong", tally.yes, tally.no, wrong);
    assert!(tally.yes * 100 > tally.no && tally.everyone_but > worlds() / 20);
}

#[test]
fn no_bound_makes_a_permit_of_a_deny() {
    let mut tally = Tally::default();
    for seed in 0..worlds() / 2 {
        let mut draw = Draw::new(seed);
        let (world, _) = World::draw(&mut draw);
        let oracle = Oracle::new(&world.written, &world.tuples).unwrap();
        let mut small = |max| u32::try_from(1 + draw.below(max)).unwrap();
        let bounds = Bounds {
            depth_max: small(8),
            check_nodes_max: small(30),
            check_tuples_max: small(30),
            list_nodes_max: small(100),
            list_tuples_max: small(100),
        };
        let asked = Asked {
            world: &world,
            relations: &loaded(&world, bounds),
            oracle: &oracle,
            seed,
        };
        asked.everything(&mut draw, true, &mut tally);
    }
    println!("{} undecided, {} lists cut off", tally.undecided, tally.cut_off);
    assert!(tally.undecided > worlds() && tally.cut_off > worlds());
}

#[test]
fn what_was_changed_is_as_if_it_was_always_so() {
    for seed in 0..worlds() / 4 {
        let mut draw = Draw::new(seed);
        let (mut world, _) = World::draw(&mut draw);
        let relations = loaded(&world, wide());
        for _ in 0..1 + draw.below(10) {
            let changes: Vec<_> = (0..1 + draw.below(8)).map(|_| change(&mut world, &mut draw)).collect();
            relations.apply(&changes);
        }
        assert_eq!(relations.tuples(), u64::try_from(world.tuples.len()).unwrap());
        let oracle = Oracle::new(&world.written, &world.tuples).unwrap();
        let asked = Asked {
            world: &world,
            relations: &relations,
            oracle: &oracle,
            seed,
        };
        asked.everything(&mut draw, false, &mut Tally::default());
    }
}

fn change(world: &mut World, draw: &mut Draw) -> Change {
    let known: Vec<_> = world.tuples.iter().cloned().collect();
    if known.is_empty() || draw.below(2) == 0 {
        let tuple = world.tuple(draw);
        world.tuples.insert(tuple.clone());
        Change::Added(tuple)
    } else {
        let tuple = draw.one(&known).clone();
        world.tuples.remove(&tuple);
        Change::Removed(tuple)
    }
}

#[test]
fn what_explains_a_permit_is_enough_for_it() {
    let mut explained = 0;
    for seed in 0..worlds() / 4 {
        let (world, _) = World::draw(&mut Draw::new(seed));
        let relations = loaded(&world, wide());
        let oracle = Oracle::new(&world.written, &world.tuples).unwrap();
        for (kind, relation) in World::relations() {
            let object = Object::new(kind, "0").unwrap();
            for subject in world.subjects() {
                let bit = oracle.subject(subject.kind(), subject.id());
                let truth = oracle.who(kind, "0", relation) & bit != 0;
                let explanation = relations.explain(object, relation, subject).unwrap();
                assert_eq!(explanation.is_some(), truth);
                let Some(explanation) = explanation else { continue };
                let tuples: BTreeSet<Tuple> = explanation.tuples().cloned().collect();
                assert!(tuples.is_subset(&world.tuples));
                // What keeps an exception from applying is not told, and is missing here.
                let facts = explanation.facts().iter();
                if facts
                    .flat_map(|fact| &fact.because)
                    .any(|because| *because == Because::NotTaken)
                {
                    continue;
                }
                let alone = Oracle::new(&world.written, &tuples).unwrap();
                let told: Vec<_> = explanation.facts().iter().map(ToString::to_string).collect();
                let holds = alone.who(kind, "0", relation) & bit != 0;
                assert!(
                    holds,
                    "{object}#{relation}@{subject} in world {seed}: {told:#?} {:#?}",
                    world.written
                );
                explained += 1;
            }
        }
    }
    assert!(explained > worlds());
}
