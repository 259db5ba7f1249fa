//! Routing by contract: an unknown host, path or verb ends here.

use super::rate_limit::Metered;
use crate::account::Account;
use crate::limit::Charges;
use crate::listen::Received;
use crate::refusal::Refusal;
use crate::routes::{Route, Routes};

/// A request whose operation is known.
pub struct Routed<'r> {
    pub(super) received: Received,
    pub(super) route: Route<'r>,
    pub(super) charges: Charges,
}

/// Finds the operation. `path` is the request's own, kept by the caller for as long as the route is used.
///
/// # Errors
/// See [`Routes::find`].
pub(crate) fn route<'r>(
    metered: Metered,
    routes: &'r Routes,
    path: &'r str,
    account: &mut Account,
) -> Result<Routed<'r>, Refusal> {
    let Metered { received, charges } = metered;
    let route = routes.find(received.host(), path, received.method())?;
    account.belongs_to(&route.operation.metrics);
    Ok(Routed {
        received,
        route,
        charges,
    })
}
