//! Who calls. This version verifies no credentials: every caller is the anonymous principal, whatever they present, and
//! `coverage` says so for every operation whose contract asks for more.

use super::cors::Expected;
use super::route::Routed;

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Principal {
    /// Nobody that we know.
    Anonymous,
}

/// A request whose caller is known, if only as unknown.
pub struct Identified<'r> {
    pub(super) routed: Routed<'r>,
    pub(super) principal: Principal,
}

/// Never refuses: no credential is the anonymous principal. What a caller may do is for `authorize` to say.
pub(crate) fn authenticate(expected: Expected<'_>) -> Identified<'_> {
    Identified {
        routed: expected.routed,
        principal: Principal::Anonymous,
    }
}
