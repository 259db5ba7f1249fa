//! THE ORDER: the life of one request, on one screen.
//!
//! Having passed a control is a value that only that control can make, so leaving one out does not compile. Nothing here
//! does anything itself.

use http::Response;

use crate::account::Account;
use crate::body::ResponseBody;
use crate::controls::{audit_log, authenticate, authorize, contract_in, contract_out, forward, rate_limit, route};
use crate::gate::Gate;
use crate::listen::Received;
use crate::refusal::Refusal;
use crate::routes::Routes;

impl Gate {
    /// Leads a request through every control. `path` is the request's own, which the route borrows from.
    ///
    /// # Errors
    /// The first refusal.
    pub(crate) async fn pass(
        &self,
        received: Received,
        routes: &Routes,
        path: &str,
        account: &mut Account,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let metered = rate_limit::meter(received, routes, account).await?;
        let routed = route::route(metered, routes, path, account)?;
        let identified = authenticate::authenticate(routed);
        let budgeted = rate_limit::budget(identified, account).await?;
        let recorded = audit_log::open(budgeted);
        let authorized = authorize::operation(recorded);
        let conforming = contract_in::check(authorized, self, account).await?;
        let permitted = authorize::object(conforming);
        let permitted = rate_limit::target(permitted, account).await?;
        let answered = forward::send(permitted, self, account).await?;
        contract_out::check(answered, self, account).await
    }
}
