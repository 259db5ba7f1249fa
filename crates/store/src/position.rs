//! How far somebody has followed a store.

/// How much of a store's changes somebody has seen. Means nothing to another store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Which opening of the store it is; 0 is none.
    pub(crate) opening: u64,
    pub(crate) sequence: u64,
}

impl Position {
    /// Whether nothing was seen, of this opening and of a store that has come so far.
    pub(crate) fn is_elsewhere(self, now: Self) -> bool {
        self.opening != now.opening || self.sequence > now.sequence
    }
}
