//! Who or what a search could find: the ids that an engine knows. Each is still asked about; a list decides nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

/// How many ids an engine lists at most; what it knows beyond that is cut off, which is said.
pub const IDS_MAX: usize = 100_000;

/// Whether candidates are all that there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// They are all that are known.
    #[default]
    Complete,
    /// There may be more, because whoever lists them has reached a bound, or cannot list everybody.
    CutOff,
}

/// The ids of one type, each once, in their order byte by byte: the same ids make the same pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    ids: BTreeSet<Arc<str>>,
    extent: Extent,
}

impl Listed {
    /// Adds an id. Beyond [`IDS_MAX`] there are no more, and the list says so.
    pub fn add(&mut self, id: &str) {
        if self.ids.contains(id) {
            return;
        }
        match self.ids.len() < IDS_MAX {
            true => drop(self.ids.insert(Arc::from(id))),
            false => self.cut_off(),
        }
    }

    /// Says that there may be more.
    pub fn cut_off(&mut self) {
        self.extent = Extent::CutOff;
    }

    /// Adds what another engine knows.
    pub fn extend(&mut self, other: &Self) {
        other.ids.iter().for_each(|id| self.add(id));
        if other.extent == Extent::CutOff {
            self.cut_off();
        }
    }

    /// The ids, in their order.
    pub fn ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.ids.iter()
    }

    /// Whether they are all.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.extent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_bounded_and_says_so() {
        let mut listed = Listed::default();
        for id in (0..IDS_MAX).rev() {
            listed.add(&id.to_string());
        }
        listed.add("7");
        assert_eq!((listed.ids().count(), listed.extent()), (IDS_MAX, Extent::Complete));
        let first: Vec<&str> = listed.ids().take(3).map(AsRef::as_ref).collect();
        assert_eq!(first, ["0", "1", "10"]);
        listed.add("one more");
        assert_eq!((listed.ids().count(), listed.extent()), (IDS_MAX, Extent::CutOff));
        let mut joined = Listed::default();
        joined.extend(&listed);
        assert_eq!(joined, listed);
    }
}
