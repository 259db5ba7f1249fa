//! Who stands in a relation that permits something, and to what somebody does. From the tuples, page after page, up to what a list may have.

use super::Related;
use crate::listed::Listed;
use crate::relations::{self, ListedSubjects, Object, PAGE_ITEMS_MAX, Page, Unfit};
use crate::words::{Action, Resource, Subject};

/// How many pages are asked for: each is made of the whole list.
const PAGES_MAX: usize = 10;

impl Related {
    pub(super) fn list_subjects(&self, kind: &str, action: &Action, resource: &Resource) -> Option<Listed> {
        let model_kind = self.subjects.get(kind)?;
        let mut listed = Listed::default();
        let Ok(relations) = self.source.relations() else {
            listed.cut_off();
            return Some(listed);
        };
        for asked in self.asked(action, &resource.kind) {
            // No tuple can have another id.
            let Ok(object) = Object::new(&asked.kind, &resource.id) else {
                continue;
            };
            let page = |page: &Page<'_>| {
                let subjects = relations.list_subjects(object, &asked.relation, model_kind, page);
                Ok(match subjects? {
                    ListedSubjects::Only(page) => Some(page),
                    // Everyone cannot be listed.
                    ListedSubjects::EveryoneBut(_) => None,
                })
            };
            every_page(&mut listed, page);
        }
        Some(listed)
    }

    pub(super) fn list_resources(&self, kind: &str, subject: &Subject, action: &Action) -> Option<Listed> {
        let is_granted = self.grants.values().any(|of_action| of_action.contains_key(kind));
        let mut listed = is_granted.then(Listed::default)?;
        let Ok(relations) = self.source.relations() else {
            listed.cut_off();
            return Some(listed);
        };
        if let Some(subject) = self.subject(subject) {
            for asked in self.asked(action, kind) {
                let (kind, relation) = (&asked.kind, &asked.relation);
                let page = |page: &Page<'_>| relations.list_objects(kind, relation, subject, page).map(Some);
                every_page(&mut listed, page);
            }
        }
        Some(listed)
    }
}

/// Adds page after page; what cannot be listed may be more.
fn every_page(listed: &mut Listed, page: impl Fn(&Page<'_>) -> Result<Option<relations::Listed>, Unfit>) {
    let mut after: Option<Box<str>> = None;
    for _ in 0..PAGES_MAX {
        let asked = Page {
            after: after.as_deref(),
            items_max: PAGE_ITEMS_MAX,
        };
        let Ok(Some(found)) = page(&asked) else {
            return listed.cut_off();
        };
        found.ids.iter().for_each(|id| listed.add(id));
        if found.cut_off.is_some() {
            listed.cut_off();
        }
        after = match found.next {
            Some(next) => Some(next),
            None => return,
        };
    }
    listed.cut_off();
}
