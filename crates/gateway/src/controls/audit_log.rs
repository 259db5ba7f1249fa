//! The audit log's place: an entry is opened before anything is decided. This version keeps no audit log; the stage
//! passes every request on.

use super::rate_limit::Budgeted;

/// A request with an open entry.
pub struct Recorded<'r> {
    pub(super) budgeted: Budgeted<'r>,
}

/// Opens the entry.
pub(crate) fn open(budgeted: Budgeted<'_>) -> Recorded<'_> {
    Recorded { budgeted }
}
