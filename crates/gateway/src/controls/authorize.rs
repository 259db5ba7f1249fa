//! What they may do: with this operation, before the body is read; with this very object, after it was judged. This
//! version decides nothing yet: both stages pass every request on.

use super::audit_log::Recorded;
use super::authenticate::Principal;
use super::contract_in::Conforming;
use super::route::Routed;

/// A request whose caller may use the operation.
pub struct Authorized<'r> {
    pub(super) routed: Routed<'r>,
    pub(super) principal: Principal,
}

impl Authorized<'_> {
    /// Who calls.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// A request whose caller may do this to this object.
pub struct Permitted<'r> {
    pub(super) conforming: Conforming<'r>,
}

/// Decides on the operation.
pub(crate) fn operation(recorded: Recorded<'_>) -> Authorized<'_> {
    let identified = recorded.budgeted.identified;
    Authorized {
        routed: identified.routed,
        principal: identified.principal,
    }
}

/// Decides on the object.
pub(crate) fn object(conforming: Conforming<'_>) -> Permitted<'_> {
    Permitted { conforming }
}
