//! Lists: what somebody may, and who may. Complete, or they say by which bound they were cut off.
//!
//! First everything is found that could be in a list, from the side that is known. Where the relation is plain, that is the list.
//! Where it has intersections or exclusions, each is checked. Lists are in the order of ids, byte by byte, and a page begins behind an
//! id: whatever is in the list all the while is on exactly one page, whatever comes and goes meanwhile.

mod objects;
mod subjects;

use std::collections::HashSet;

use super::bounds::{Bound, Bounds, Budget};
use super::check::{Asker, Node, Verdict, Walk};
use super::index::{Entity, Index};
use super::model::{Model, RelationId, TypeId};

/// How many items a page has at most.
pub const PAGE_ITEMS_MAX: usize = 1000;

/// A page of a list.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// Behind this id: [`Listed::next`] of the page before.
    pub after: Option<&'a str>,
    /// How many, from 1 to [`PAGE_ITEMS_MAX`].
    pub items_max: usize,
}

/// What a page has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// In their order.
    pub ids: Vec<Box<str>>,
    /// Where the next page begins, if there is more.
    pub next: Option<Box<str>>,
    /// What is listed is right, but there may be more, because this bound was reached.
    pub cut_off: Option<Bound>,
}

/// A page of those who may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedSubjects {
    /// Those who are listed, and nobody else.
    Only(Listed),
    /// Everyone, known or not, but those who are listed on all pages together. Never where not all exceptions were looked for; one
    /// that could not be decided is listed.
    EveryoneBut(Listed),
}

impl Default for Page<'_> {
    fn default() -> Self {
        Self {
            after: None,
            items_max: PAGE_ITEMS_MAX,
        }
    }
}

impl Page<'_> {
    fn items_max(&self) -> usize {
        self.items_max.clamp(1, PAGE_ITEMS_MAX)
    }
}

/// What a list is made of.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) model: &'a Model,
    pub(super) index: &'a Index,
    pub(super) bounds: &'a Bounds,
}

/// What could be in a list.
#[derive(Default)]
struct Found {
    entities: HashSet<Entity>,
    /// There may be more.
    cut_off: Option<Bound>,
}

/// Something by its id, and its number.
type Named<'a> = (&'a str, Entity);
/// Whether something is in a list, and the bound by which that is not known.
type Listing = (bool, Option<Bound>);

impl Source<'_> {
    /// The objects to which somebody stands in a relation.
    pub(super) fn objects(self, relation: RelationId, asker: Asker, page: &Page<'_>) -> Listed {
        let mut budget = Budget::of_list(self.bounds);
        let found = objects::find(self, relation, asker, &mut budget);
        if self.is_plain(relation) {
            return self.turn_plain(found, page);
        }
        let mut walk = Walk::new(self.model, self.index, self.bounds, asker);
        self.turn(found, page, &mut |object| {
            let lent = budget.lend(self.bounds);
            let verdict = walk.ask_again(Node { object, relation }, lent);
            budget.charge(lent, walk.left());
            only(verdict)
        })
    }

    /// The subjects of a type that stand in a relation to an object.
    pub(super) fn subjects(self, node: Node, kind: TypeId, page: &Page<'_>) -> ListedSubjects {
        let mut budget = Budget::of_list(self.bounds);
        let everyone = self.index.everyone(kind);
        let (mut found, is_public) = subjects::find(self, node, kind, &mut budget);
        if self.is_plain(node.relation) {
            return if is_public {
                ListedSubjects::EveryoneBut(Listed::default())
            } else {
                ListedSubjects::Only(self.turn_plain(found, page))
            };
        }
        let mut check = |one: Option<Entity>| {
            let lent = budget.lend(self.bounds);
            let asker = Asker { kind, one, everyone };
            let mut walk = Walk::new(self.model, self.index, self.bounds, asker).within(lent);
            let verdict = walk.ask(node);
            budget.charge(lent, walk.left());
            verdict
        };
        // Whoever is in no tuple stands for everyone whom these tuples do not name.
        match check(None) {
            Verdict::Yes if found.cut_off.is_none() => {
                ListedSubjects::EveryoneBut(self.turn(found, page, &mut |one| all_but(check(Some(one)))))
            }
            generic => {
                if let Verdict::Unknown(bound) = generic {
                    found.cut_off.get_or_insert(bound);
                }
                ListedSubjects::Only(self.turn(found, page, &mut |one| only(check(Some(one)))))
            }
        }
    }

    fn is_plain(self, relation: RelationId) -> bool {
        self.model.rule(relation).is_some_and(|rule| rule.is_plain)
    }

    /// The page of what was found, all of which is in the list.
    fn turn_plain(self, found: Found, page: &Page<'_>) -> Listed {
        let mut named = self.behind(&found, page);
        // One more than the page has, which tells that there is more.
        let items_max = page.items_max();
        if named.len() > items_max {
            named.select_nth_unstable(items_max);
            named.truncate(items_max + 1);
        }
        page_of(named, found.cut_off, page, &mut |_| (true, None))
    }

    /// The page of what was found and is in the list.
    fn turn(self, found: Found, page: &Page<'_>, is_listed: &mut dyn FnMut(Entity) -> Listing) -> Listed {
        page_of(self.behind(&found, page), found.cut_off, page, is_listed)
    }

    /// What was found behind the id where a page begins.
    fn behind(&self, found: &Found, page: &Page<'_>) -> Vec<Named<'_>> {
        // No id is empty.
        let after = page.after.unwrap_or_default();
        let named = found.entities.iter().map(|entity| (self.index.id(*entity), *entity));
        named.filter(|(id, _)| *id > after).collect()
    }
}

/// Goes through what was found in its order, until the page is full.
fn page_of(
    mut named: Vec<Named<'_>>,
    cut_off: Option<Bound>,
    page: &Page<'_>,
    is_listed: &mut dyn FnMut(Entity) -> Listing,
) -> Listed {
    named.sort_unstable();
    let mut listed = Listed {
        cut_off,
        ..Listed::default()
    };
    for (id, entity) in named {
        let (is_in, bound) = is_listed(entity);
        listed.cut_off = listed.cut_off.or(bound);
        if is_in && listed.ids.len() >= page.items_max() {
            listed.next = listed.ids.last().cloned();
            break;
        }
        if is_in {
            listed.ids.push(id.into());
        }
    }
    listed
}

/// For a list of those who may: whoever is not known to is left out.
fn only(verdict: Verdict) -> Listing {
    match verdict {
        Verdict::Yes => (true, None),
        Verdict::No => (false, None),
        Verdict::Unknown(bound) => (false, Some(bound)),
    }
}

/// For a list of those who may not: whoever is not known to may not.
fn all_but(verdict: Verdict) -> Listing {
    match verdict {
        Verdict::Yes => (false, None),
        Verdict::No => (true, None),
        Verdict::Unknown(bound) => (true, Some(bound)),
    }
}
