//! Random worlds: models with every kind of rewrite, and tuples that lead in circles.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_decision::relations::{Model, Object, Subject, Tuple, WrittenModel, WrittenRewrite, WrittenType};

use crate::oracle::IDS;

const KINDS: [&str; 3] = ["doc", "folder", "group"];
const RELATIONS: [&str; 5] = ["parent", "banned", "a", "b", "c"];

/// Random numbers that are the same each time.
pub(crate) struct Draw(u64);

pub(crate) struct World {
    pub(crate) written: WrittenModel,
    pub(crate) model: Model,
    pub(crate) tuples: BTreeSet<Tuple>,
}

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        // Seeds that follow one another begin far apart.
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    pub(crate) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

impl World {
    /// A world with a model that is right about itself, and how many were drawn before that were not.
    pub(crate) fn draw(draw: &mut Draw) -> (Self, usize) {
        for wrong in 0..10_000 {
            let written = written(draw);
            let Ok(model) = Model::compile(&written) else {
                continue;
            };
            let mut world = Self {
                written,
                model,
                tuples: BTreeSet::new(),
            };
            for _ in 0..draw.below(40) {
                world.tuples.insert(world.tuple(draw));
            }
            return (world, wrong);
        }
        panic!("no model is right");
    }

    /// A tuple that the model allows.
    pub(crate) fn tuple(&self, draw: &mut Draw) -> Tuple {
        loop {
            let (kind, relation) = (*draw.one(&KINDS), *draw.one(&RELATIONS));
            let rewrite = &self.written.types[kind].as_ref().unwrap().relations[relation];
            let Some(subjects) = direct(rewrite) else { continue };
            let subject = draw.one(subjects).clone();
            let id = known_id(draw);
            let subject = match (subject.split_once('#'), subject.split_once(':')) {
                (Some((kind, relation)), _) => Subject::Userset(Object::new(kind, id).unwrap(), relation),
                (_, Some((kind, _))) => Subject::Everyone(kind),
                _ => Subject::One(Object::new(&subject, id).unwrap()),
            };
            let object = Object::new(kind, known_id(draw)).unwrap();
            return Tuple::new(object, relation, subject).unwrap().keep();
        }
    }

    /// Every relation there is.
    pub(crate) fn relations() -> impl Iterator<Item = (&'static str, &'static str)> {
        KINDS
            .iter()
            .flat_map(|kind| RELATIONS.iter().map(move |relation| (*kind, *relation)))
    }

    pub(crate) fn kinds(&self) -> impl Iterator<Item = &str> {
        self.written.types.keys().map(String::as_str)
    }

    /// Everybody and everything.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = Object<&str>> {
        self.kinds()
            .flat_map(|kind| IDS.iter().map(move |id| Object::new(kind, id).unwrap()))
    }
}

/// Anyone but the stranger.
fn known_id(draw: &mut Draw) -> &'static str {
    IDS[draw.below(IDS.len() - 1)]
}

fn direct(rewrite: &WrittenRewrite) -> Option<&Vec<String>> {
    match rewrite {
        WrittenRewrite::Direct(subjects) => Some(subjects),
        WrittenRewrite::AnyOf(parts) | WrittenRewrite::AllOf(parts) => parts.iter().find_map(direct),
        WrittenRewrite::ButNot { of, but_not } => direct(of).or_else(|| direct(but_not)),
        WrittenRewrite::Computed(_) | WrittenRewrite::From { .. } => None,
    }
}

/// A model of documents, folders and groups, which may be wrong.
fn written(draw: &mut Draw) -> WrittenModel {
    let mut types = BTreeMap::from([("user".to_owned(), None)]);
    for kind in KINDS {
        let relation = |name: &&str| {
            let rewrite = match *name {
                "parent" => WrittenRewrite::Direct(vec![(*draw.one(&KINDS)).to_owned()]),
                "banned" => WrittenRewrite::Direct(subjects(draw, true)),
                _ => rewrite(draw, 2, &mut false),
            };
            ((*name).to_owned(), rewrite)
        };
        let relations = RELATIONS.iter().map(relation).collect();
        types.insert(kind.to_owned(), Some(WrittenType { relations }));
    }
    WrittenModel { types }
}

/// Types of subjects, each once.
fn subjects(draw: &mut Draw, simple: bool) -> Vec<String> {
    let mut subjects = BTreeSet::new();
    for _ in 0..=draw.below(3) {
        subjects.insert(match draw.below(if simple { 6 } else { 10 }) {
            0..=3 => "user".to_owned(),
            4 => "user:*".to_owned(),
            5 => format!("{}#banned", draw.one(&KINDS)),
            6..=8 => format!("{}#{}", draw.one(&KINDS), draw.one(&RELATIONS[2..])),
            _ => (*draw.one(&KINDS)).to_owned(),
        });
    }
    subjects.into_iter().collect()
}

fn rewrite(draw: &mut Draw, nesting: usize, has_direct: &mut bool) -> WrittenRewrite {
    let name = |draw: &mut Draw| (*draw.one(&RELATIONS[1..])).to_owned();
    match draw.below(if nesting == 0 { 6 } else { 12 }) {
        0..=2 if !*has_direct => {
            *has_direct = true;
            WrittenRewrite::Direct(subjects(draw, false))
        }
        0..=4 => WrittenRewrite::From {
            from: "parent".to_owned(),
            relation: name(draw),
        },
        5 => WrittenRewrite::Computed(name(draw)),
        6..=8 => WrittenRewrite::AnyOf(parts(draw, nesting, has_direct)),
        9 => WrittenRewrite::AllOf(parts(draw, nesting, has_direct)),
        _ => {
            let of = Box::new(rewrite(draw, nesting - 1, has_direct));
            // Mostly what can be taken away without anything depending on its own absence.
            let but_not = if draw.below(3) > 0 {
                WrittenRewrite::Computed("banned".to_owned())
            } else {
                rewrite(draw, nesting - 1, has_direct)
            };
            let but_not = Box::new(but_not);
            WrittenRewrite::ButNot { of, but_not }
        }
    }
}

fn parts(draw: &mut Draw, nesting: usize, has_direct: &mut bool) -> Vec<WrittenRewrite> {
    (0..2 + draw.below(2))
        .map(|_| rewrite(draw, nesting - 1, has_direct))
        .collect()
}
