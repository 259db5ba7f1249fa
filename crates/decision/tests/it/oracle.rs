//! Who stands in which relation to what, by brute force: every relation of every object is a set of subjects, and the rules are applied
//! to the whole world until nothing changes. Reads the model as it is written, and shares nothing with what it judges.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_decision::relations::{Subject, Tuple, WrittenModel, WrittenRewrite};

/// A set of subjects: one bit for each.
pub(crate) type Mask = u64;

/// The ids that every type has. Nothing has the last one.
pub(crate) const IDS: [&str; 5] = ["0", "1", "2", "3", "stranger"];

type Name = (String, String);

pub(crate) struct Oracle<'a> {
    written: &'a WrittenModel,
    kinds: Vec<&'a str>,
    tuples: BTreeMap<(Name, String), Vec<Tuple>>,
    /// By type and id, and relation.
    holds: BTreeMap<(Name, String), Mask>,
}

impl<'a> Oracle<'a> {
    /// `None` where a relation depends on its own absence.
    pub(crate) fn new(written: &'a WrittenModel, tuples: &BTreeSet<Tuple>) -> Option<Self> {
        let strata = strata(written)?;
        let mut by_relation: BTreeMap<_, Vec<Tuple>> = BTreeMap::new();
        for tuple in tuples {
            let object = (tuple.object().kind().to_owned(), tuple.object().id().to_owned());
            let of = by_relation.entry((object, tuple.relation().to_owned())).or_default();
            of.push(tuple.clone());
        }
        let mut oracle = Self {
            written,
            kinds: written.types.keys().map(String::as_str).collect(),
            tuples: by_relation,
            holds: BTreeMap::new(),
        };
        for stratum in 0..=strata.values().copied().max().unwrap_or(0) {
            while oracle.step(&strata, stratum) {}
        }
        Some(oracle)
    }

    pub(crate) fn subject(&self, kind: &str, id: &str) -> Mask {
        let kind = self.kinds.iter().position(|known| *known == kind).unwrap();
        1 << (kind * IDS.len() + IDS.iter().position(|known| *known == id).unwrap())
    }

    pub(crate) fn everyone(&self, kind: &str) -> Mask {
        IDS.iter().map(|id| self.subject(kind, id)).sum()
    }

    pub(crate) fn who(&self, kind: &str, id: &str, relation: &str) -> Mask {
        let key = ((kind.to_owned(), id.to_owned()), relation.to_owned());
        self.holds.get(&key).copied().unwrap_or(0)
    }

    /// Applies every rule of a stratum once, and tells whether anything changed.
    fn step(&mut self, strata: &BTreeMap<Name, usize>, stratum: usize) -> bool {
        let mut changed = false;
        for ((kind, relation), _) in strata.iter().filter(|(_, of)| **of == stratum) {
            let rewrite = &self.written.types[kind].as_ref().unwrap().relations[relation];
            for id in IDS {
                let object = (kind.clone(), id.to_owned());
                let holds = self.eval(rewrite, &object, relation);
                let known = self.holds.entry((object, relation.clone())).or_default();
                changed |= *known | holds != *known;
                *known |= holds;
            }
        }
        changed
    }

    fn eval(&self, rewrite: &WrittenRewrite, object: &Name, relation: &str) -> Mask {
        let tuples = |relation: &str| {
            let found = self.tuples.get(&(object.clone(), relation.to_owned()));
            found.into_iter().flatten().map(|tuple| tuple.subject())
        };
        match rewrite {
            WrittenRewrite::Direct(_) => tuples(relation).fold(0, |all, subject| {
                all | match subject {
                    Subject::One(one) => self.subject(one.kind(), one.id()),
                    Subject::Everyone(kind) => self.everyone(kind),
                    Subject::Userset(of, relation) => self.who(of.kind(), of.id(), relation),
                }
            }),
            WrittenRewrite::Computed(other) => self.who(&object.0, &object.1, other),
            WrittenRewrite::From { from, relation } => tuples(from).fold(0, |all, subject| {
                let parent = subject.object().unwrap();
                all | self.who(parent.kind(), parent.id(), relation)
            }),
            WrittenRewrite::AnyOf(parts) => parts
                .iter()
                .fold(0, |all, part| all | self.eval(part, object, relation)),
            WrittenRewrite::AllOf(parts) => parts
                .iter()
                .fold(Mask::MAX, |all, part| all & self.eval(part, object, relation)),
            WrittenRewrite::ButNot { of, but_not } => {
                self.eval(of, object, relation) & !self.eval(but_not, object, relation)
            }
        }
    }
}

/// In which order relations have to be settled, so that what is taken away is known before.
fn strata(written: &WrittenModel) -> Option<BTreeMap<Name, usize>> {
    let all = || {
        let types = written.types.iter();
        types.flat_map(|(kind, described)| {
            let relations = described.iter().flat_map(|described| &described.relations);
            relations.map(move |(relation, rewrite)| ((kind.clone(), relation.clone()), rewrite))
        })
    };
    let mut strata: BTreeMap<Name, usize> = all().map(|(name, _)| (name, 0)).collect();
    let count = strata.len();
    for _ in 0..=count {
        let mut changed = false;
        for (name, rewrite) in all() {
            let mut needed = 0;
            least(written, &name.0, rewrite, &strata, 0, &mut needed);
            let known = strata.get_mut(&name).unwrap();
            changed |= needed > *known;
            *known = needed.max(*known);
        }
        if !changed {
            return Some(strata);
        }
    }
    None
}

fn least(
    written: &WrittenModel,
    kind: &str,
    rewrite: &WrittenRewrite,
    strata: &BTreeMap<Name, usize>,
    above: usize,
    needed: &mut usize,
) {
    let mut on = |kind: &str, relation: &str| {
        if let Some(of) = strata.get(&(kind.to_owned(), relation.to_owned())) {
            *needed = (*needed).max(of + above);
        }
    };
    match rewrite {
        WrittenRewrite::Direct(subjects) => {
            for (kind, relation) in subjects.iter().filter_map(|subject| subject.split_once('#')) {
                on(kind, relation);
            }
        }
        WrittenRewrite::Computed(other) => on(kind, other),
        WrittenRewrite::From { from, relation } => {
            let WrittenRewrite::Direct(kinds) = &written.types[kind].as_ref().unwrap().relations[from] else {
                return;
            };
            kinds.iter().for_each(|kind| on(kind, relation));
        }
        WrittenRewrite::AnyOf(parts) | WrittenRewrite::AllOf(parts) => {
            for part in parts {
                least(written, kind, part, strata, above, needed);
            }
        }
        WrittenRewrite::ButNot { of, but_not } => {
            least(written, kind, of, strata, above, needed);
            least(written, kind, but_not, strata, above + 1, needed);
        }
    }
}
